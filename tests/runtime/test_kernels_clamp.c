/* SPDX-License-Identifier: MIT */
/*
 * ABS, the RELU family, LEAKY_RELU, PRELU and HARD_SWISH: functions made of straight pieces. Quantised, a piece is one fixed-point multiplier
 * from the input's scale to the output's; HARD_SWISH is a product of two such numbers with 16 bits.
 */
#include <math.h>

#include "base/util.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_elementwise.h"
#include "tests/runtime/kernel_rows.h"

/* The ratio of two scales in single precision, as the definition has it. */
static double ratio(const struct kernel_case *c)
{
	return (double)(c->inputs[0].scales[0] / c->output.scales[0]);
}

static void draw(struct kernel_case *c)
{
	elementwise_draw_unary(c, c->output.dtype);
	c->xnnpack = c->type == 'f' || kernel_is_byte(c->output.dtype);
	if (c->type == 's')
		elementwise_make_symmetric(c);
}

static void draw_abs(struct kernel_case *c)
{
	draw(c);
	if (kernel_one_in(c, 3))
		kernel_copy_quantization(&c->output, &c->inputs[0]);
	/* int16 may stand for themselves. */
	if (c->type == 's' && kernel_one_in(c, 2))
		c->inputs[0].scale_count = c->output.scale_count = 0;
}

static struct kernel_element magnitude(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int64_t centred;

	if (c->type == 'f')
		return (struct kernel_element){fabs(kernel_real(input, index[0])), 0};
	if (input->scale_count == 0)
		return (struct kernel_element){elementwise_wrapped(llabs(kernel_integer(input, index[0])), c->type == 's' ? 16 : 32), 0};
	centred = llabs(elementwise_centred(input, index[0]));
	if (input->scales[0] == c->output.scales[0])
		return (struct kernel_element){(double)(centred + c->output.zero_point), 0};
	return elementwise_rescaled(c, centred, ratio(c));
}

static void refer_abs(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer(c, expected, magnitude);
}

static void draw_clamp(struct kernel_case *c)
{
	draw(c);
	if (kernel_one_in(c, 2))
		kernel_copy_quantization(&c->output, &c->inputs[0]);
	c->xnnpack &= kernel_same_quantization(&c->inputs[0], &c->output);
}

/* As the fused activation of the same name, of which RELU_0_TO_1 is none. */
static void refer_clamp(const struct kernel_case *c, struct kernel_expected *expected, double low, double high)
{
	const struct kernel_tensor *input = &c->inputs[0];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		struct kernel_element *element = &expected->element[i];
		double min = low, max = high, least, most;

		kernel_bounds(c, &least, &most);
		if (c->type == 'f') {
			element->value = kernel_clamp(kernel_real(input, i), low, high);
			continue;
		}
		min = (double)c->output.zero_point + (double)roundf((float)low / c->output.scales[0]);
		max = (double)c->output.zero_point + (double)roundf((float)high / c->output.scales[0]);
		*element = elementwise_rescaled(c, elementwise_centred(input, i), ratio(c));
		element->value = kernel_clamp(element->value, kernel_clamp(min, least, most), kernel_clamp(max, least, most));
	}
}

static void refer_relu(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_clamp(c, expected, 0, INFINITY);
}

static void refer_relu6(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_clamp(c, expected, 0, 6);
}

static void refer_relu_n1_to_1(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_clamp(c, expected, -1, 1);
}

static void refer_relu_0_to_1(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_clamp(c, expected, 0, 1);
}

/* XNNPACK's factors for bytes have 16 bits, 8 of them after the binary point. */
static void draw_leaky_relu(struct kernel_case *c)
{
	float scale, slope;

	draw(c);
	c->beta = tfl_random_uniform(&c->random, -2, 2);
	if (kernel_one_in(c, 4))
		c->beta *= 1e-3f;
	if (!kernel_is_byte(c->output.dtype))
		return;
	scale = c->inputs[0].scales[0] / c->output.scales[0];
	slope = scale * c->beta;
	c->xnnpack = scale >= 0x1p-8f && scale <= 128 && fabsf(slope) >= 0x1p-8f && slope <= 128 && slope >= -(128 - 0x1p-8f);
}

static void options_leaky_relu(struct kernel_case *c)
{
	c->options = tfl_options_leaky_relu(c->beta);
}

static struct kernel_element leaky(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *input = &c->inputs[0];
	double x = kernel_real(input, index[0]), value = x > 0 ? x : x * (double)c->beta;
	int64_t centred;

	if (c->type == 'f')
		return (struct kernel_element){value, KERNEL_FLOAT_ERROR * fabs(value)};
	centred = elementwise_centred(input, index[0]);
	return elementwise_rescaled(c, centred, centred >= 0 ? ratio(c) : (double)(input->scales[0] * c->beta / c->output.scales[0]));
}

static void refer_leaky_relu(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer(c, expected, leaky);
}

/* Alpha is broadcast to the input: it has no dimension that the input lacks. */
static void draw_prelu(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned left_out;

	elementwise_draw_unary(c, c->output.dtype);
	c->inputs[0].constant = false;
	left_out = (unsigned)kernel_between(c, 0, (int32_t)c->inputs[0].rank);
	for (unsigned i = left_out; i < c->inputs[0].rank; i++)
		dims[i - left_out] = kernel_one_in(c, 2) ? 1 : c->inputs[0].dims[i];
	c->input_count = 2;
	kernel_draw_tensor(c, &c->inputs[1], c->output.dtype, c->inputs[0].rank - left_out, dims);
	kernel_draw_constants(c);
	c->xnnpack = c->type == 'f';
}

static struct kernel_element prelu(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *input = &c->inputs[0], *alpha = &c->inputs[1];
	double x = kernel_real(input, index[0]), value = x >= 0 ? x : x * kernel_real(alpha, index[1]);
	int64_t centred;

	if (c->type == 'f')
		return (struct kernel_element){value, KERNEL_FLOAT_ERROR * fabs(value)};
	centred = elementwise_centred(input, index[0]);
	if (centred >= 0)
		return elementwise_rescaled(c, centred, ratio(c));
	return elementwise_rescaled(c, centred * elementwise_centred(alpha, index[1]),
				    (double)(input->scales[0] * alpha->scales[0] / c->output.scales[0]));
}

static void refer_prelu(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer(c, expected, prelu);
}

/* The refusal of coarse inputs has a test of its own. */
static void draw_hard_swish(struct kernel_case *c)
{
	draw(c);
	if (c->type != 'f' && kernel_one_in(c, 4))
		c->inputs[0].scales[0] = c->output.scales[0] * exp2f(tfl_random_uniform(&c->random, 2, 6.9f));
}

static double saturate16(double value)
{
	return kernel_clamp(value, -32768, 32767);
}

/* The high 16 bits of twice the product, rounded. */
static double high16(double a, double b)
{
	return saturate16(floor(a * b / 32768 + 0.5));
}

/* Rounded at the binary point, halves away from zero. */
static double round_away(double value)
{
	return copysign(floor(fabs(value) + 0.5), value);
}

/* A factor as 16 bits and a power of two. */
static double factor16(float factor, int *ret_exponent)
{
	double bits = floor(frexp((double)factor, ret_exponent) * 2147483648.0 + 0.5);

	if (bits == 2147483648.0) {
		bits /= 2;
		++*ret_exponent;
	}
	return fmin(floor((bits + 32768) / 65536), 32767);
}

static struct kernel_element hard_swish(const struct kernel_case *c, const size_t *index)
{
	float scale = c->inputs[0].scales[0] / 128;
	int exponent, gate_exponent;
	double factor, gate_factor, shifted, gate;

	if (c->type == 'f') {
		double x = kernel_real(&c->inputs[0], index[0]), value = x * kernel_clamp(x + 3, 0, 6) / 6;

		return (struct kernel_element){value, KERNEL_FLOAT_ERROR * fmax(fabs(value), 1)};
	}
	factor = factor16(scale / c->output.scales[0], &exponent);
	gate_factor = factor16(scale / (3.0f / 32768), &gate_exponent);
	shifted = 128.0 * (double)elementwise_centred(&c->inputs[0], index[0]);
	gate = high16(gate_exponent > 0 ? saturate16(shifted * exp2(gate_exponent - 1)) : shifted, gate_factor);
	gate = gate_exponent > 0 ? saturate16(2 * gate) : round_away(gate * exp2(gate_exponent));
	gate = floor((gate + 32768) / 2);
	return (struct kernel_element){round_away(trunc(gate * high16(shifted, factor) / 32768) * exp2(exponent)) + (double)c->output.zero_point, 0};
}

static void refer_hard_swish(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer(c, expected, hard_swish);
}

const struct kernel_row kernel_abs = {"ABS", TFL_BUILTIN_ABS, "fbsi", draw_abs, NULL, refer_abs};
const struct kernel_row kernel_hard_swish = {"HARD_SWISH", TFL_BUILTIN_HARD_SWISH, "fbB", draw_hard_swish, NULL, refer_hard_swish};
const struct kernel_row kernel_leaky_relu = {"LEAKY_RELU", TFL_BUILTIN_LEAKY_RELU, "fbBs", draw_leaky_relu, options_leaky_relu, refer_leaky_relu};
const struct kernel_row kernel_prelu = {"PRELU", TFL_BUILTIN_PRELU, "fbB", draw_prelu, NULL, refer_prelu};
const struct kernel_row kernel_relu = {"RELU", TFL_BUILTIN_RELU, "fbBs", draw_clamp, NULL, refer_relu};
const struct kernel_row kernel_relu6 = {"RELU6", TFL_BUILTIN_RELU6, "fbBs", draw_clamp, NULL, refer_relu6};
const struct kernel_row kernel_relu_n1_to_1 = {"RELU_N1_TO_1", TFL_BUILTIN_RELU_N1_TO_1, "fbB", draw_clamp, NULL, refer_relu_n1_to_1};
const struct kernel_row kernel_relu_0_to_1 = {"RELU_0_TO_1", TFL_BUILTIN_RELU_0_TO_1, "fbB", draw_clamp, NULL, refer_relu_0_to_1};
