/* SPDX-License-Identifier: MIT */
/*
 * QUANTIZE, DEQUANTIZE, DENSIFY and CAST. From integers to integers QUANTIZE is the fixed-point multiplier input scale / output scale. CAST wraps
 * integers, cuts fractions towards zero, and holds them within what the integer type holds.
 */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_elementwise.h"
#include "tests/runtime/kernel_rows.h"
#include "tests/runtime/kernel_sparse.h"

static double identity(double x)
{
	return x;
}

/* Which most operators take without. */
static void draw_scale_of_int32(struct kernel_case *c, struct kernel_tensor *tensor)
{
	if (tensor->dtype != TFL_INT32)
		return;
	tensor->scale_count = 1;
	tensor->scales[0] = exp2f(tfl_random_uniform(&c->random, -20, -2));
	tensor->zero_point = kernel_one_in(c, 2) ? 0 : kernel_between(c, -1000, 1000);
}

/* The letter is the input's type; the output is one of those that the operator knows for it. */
static void draw_quantize(struct kernel_case *c)
{
	static const struct {
		char input;
		const char *outputs;
	} types[] = {{'f', "bBs"}, {'b', "bBs"}, {'B', "bB"}, {'s', "sbi"}, {'i', "bs"}};
	const char *outputs = NULL;
	double ratio;
	char output;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(types); i++)
		if (types[i].input == c->type)
			outputs = types[i].outputs;
	output = outputs[kernel_between(c, 0, outputs[2] ? 2 : 1)];
	c->output.dtype = kernel_dtype(output);
	elementwise_draw_unary(c, kernel_dtype(c->type));
	draw_scale_of_int32(c, &c->inputs[0]);
	draw_scale_of_int32(c, &c->output);
	if (kernel_is_byte(c->output.dtype) && kernel_one_in(c, 4))
		c->output.scales[0] *= exp2f(tfl_random_uniform(&c->random, -8, 8));
	ratio = kernel_scale(&c->inputs[0], 0) / kernel_scale(&c->output, 0);
	/* XNNPACK: from float or bytes to bytes; among bytes of one type within its range of scales. */
	c->xnnpack = kernel_is_byte(c->output.dtype) && c->type != 's' && c->type != 'i' && (output != c->type || (ratio >= exp2(-8) && ratio < exp2(7)));
}

static struct kernel_element requantized(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *input = &c->inputs[0];

	return elementwise_rescaled(c, (int32_t)elementwise_centred(input, index[0]), kernel_scale(input, 0) / kernel_scale(&c->output, 0));
}

static void refer_quantize(const struct kernel_case *c, struct kernel_expected *expected)
{
	if (c->inputs[0].dtype == TFL_FLOAT32)
		elementwise_refer_real(c, expected, identity);
	else
		elementwise_refer(c, expected, requantized);
}

/* A scale for each place along one dimension. */
static void draw_channels(struct kernel_case *c, struct kernel_tensor *tensor)
{
	tensor->axis = (uint32_t)kernel_between(c, 0, (int32_t)tensor->rank - 1);
	tensor->scale_count = (uint32_t)tensor->dims[tensor->axis];
	for (uint32_t i = 0; i < tensor->scale_count; i++)
		tensor->scales[i] = exp2f(tfl_random_uniform(&c->random, -8, -2));
}

static struct kernel_element dequantized(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t at[TFL_RANK_MAX];
	double value;

	kernel_unravel(index[0], input->rank, input->dims, at);
	value = (double)elementwise_centred(input, index[0]) * kernel_scale(input, input->rank ? (unsigned)at[input->axis] : 0);
	return kernel_from_real(c, value, fabs(value));
}

static void draw_dequantize(struct kernel_case *c)
{
	c->output.dtype = TFL_FLOAT32;
	elementwise_draw_unary(c, kernel_dtype(c->type));
	if (kernel_is_byte(c->inputs[0].dtype) && c->inputs[0].rank > 0 && kernel_one_in(c, 3))
		draw_channels(c, &c->inputs[0]);
	c->xnnpack = kernel_is_byte(c->inputs[0].dtype) && c->inputs[0].scale_count == 1;
}

static void refer_dequantize(const struct kernel_case *c, struct kernel_expected *expected)
{
	if (c->inputs[0].dtype != TFL_FLOAT16) {
		elementwise_refer(c, expected, dequantized);
		return;
	}
	elementwise_refer_real(c, expected, identity);
	/* Half precision widens without any error. */
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i].slack = 0;
}

static void draw_densify(struct kernel_case *c)
{
	elementwise_draw_unary(c, c->output.dtype);
	kernel_make_sparse(c, &c->inputs[0]);
}

static void refer_densify(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i].value = kernel_number(input, i);
}

/* Floats around the bounds of the integers, and such that are no numbers. */
static void draw_wide(struct kernel_case *c, struct kernel_tensor *tensor)
{
	static const float odd[] = {NAN, INFINITY, -INFINITY, 0.5f, -0.5f, 127.5f, -128.5f, 255.5f, 32767.5f, -32768.5f, 65519, 65520, 2049, 2051,
				    65535.5f, 2147483520, 2147483648, -2147483648, 4294967040, 4294967296, 0x1.fffffep62f, 0x1p63f, -0x1p63f,
				    0x1.fffffep63f, 0x1p64f, 3e38f, 1e-40f, 0x1p-24f, 0x1p-25f, 0x1.8p-25f, 0x1.008p0f, 0x1.018p0f, -0.0f};

	for (size_t i = 0; i < tensor->elements; i++) {
		float value = kernel_one_in(c, 2) ? odd[kernel_between(c, 0, TFL_ARRAY_SIZE(odd) - 1)] :
						    tfl_random_uniform(&c->random, -1, 1) * exp2f(tfl_random_uniform(&c->random, -30, 70));

		if (tensor->dtype == TFL_FLOAT32)
			((float *)tensor->data)[i] = value;
		else
			((double *)tensor->data)[i] = (double)value;
	}
}

static void draw_cast(struct kernel_case *c)
{
	static const char letters[] = "fhHDbBsUiIlLzxX";

	c->output.dtype = kernel_dtype(letters[kernel_between(c, 0, sizeof(letters) - 2)]);
	elementwise_draw_unary(c, kernel_dtype(c->type));
	if (c->type == 'f' || c->type == 'D')
		draw_wide(c, &c->inputs[0]);
}

/* A real number as a float with @p bits bits of a fraction, whose least exponent is @p least and greatest @p greatest. */
static double as_float(double value, int bits, int least, int greatest)
{
	double step;
	int exponent;

	value = (double)(float)value;
	if (value == 0 || !isfinite(value))
		return value;
	frexp(value, &exponent);
	step = ldexp(1, (exponent - 1 > least ? exponent - 1 : least) - bits);
	value = rint(value / step) * step;
	return fabs(value) >= ldexp(1, greatest + 1) ? copysign(INFINITY, value) : value;
}

/* What an integer type makes of a number: a fraction is cut and held, an integer wraps. */
static double as_integer(double value, bool whole, unsigned bits, bool is_signed)
{
	double steps = ldexp(1, (int)bits), min = is_signed ? -steps / 2 : 0, max = min + steps - 1;

	if (isnan(value))
		return 0;
	if (!whole)
		return kernel_clamp(trunc(value), min, max);
	/* No integer here has more than 53 bits. */
	value = fmod(value, steps);
	return value < min ? value + steps : value > max ? value - steps : value;
}

static struct kernel_element cast(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *input = &c->inputs[0];
	double value = kernel_number(input, index[0]);
	bool whole = !kernel_has_fraction(input->dtype);

	if (input->dtype == TFL_BOOL)
		value = value != 0;
	switch (c->output.dtype) {
	case TFL_BOOL:
		return (struct kernel_element){value != 0, 0};
	case TFL_FLOAT64:
	case TFL_COMPLEX128:
		return (struct kernel_element){value, 0};
	case TFL_FLOAT32:
	case TFL_COMPLEX64:
		return (struct kernel_element){(double)(float)value, 0};
	case TFL_FLOAT16:
		return (struct kernel_element){as_float(value, 10, -14, 15), 0};
	case TFL_BFLOAT16:
		return (struct kernel_element){as_float(value, 7, -126, 127), 0};
	case TFL_UINT8:
		return (struct kernel_element){as_integer(value, whole, 8, false), 0};
	case TFL_UINT16:
		return (struct kernel_element){as_integer(value, whole, 16, false), 0};
	case TFL_UINT32:
		return (struct kernel_element){as_integer(value, whole, 32, false), 0};
	case TFL_UINT64:
		return (struct kernel_element){as_integer(value, whole, 64, false), 0};
	case TFL_INT8:
		return (struct kernel_element){as_integer(value, whole, 8, true), 0};
	case TFL_INT16:
		return (struct kernel_element){as_integer(value, whole, 16, true), 0};
	case TFL_INT32:
		return (struct kernel_element){as_integer(value, whole, 32, true), 0};
	default:
		return (struct kernel_element){as_integer(value, whole, 64, true), 0};
	}
}

static void refer_cast(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer(c, expected, cast);
}

static void options_cast(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_CAST);
}

const struct kernel_row kernel_cast = {"CAST", TFL_BUILTIN_CAST, "fhHDbBsUiIlLzxX", draw_cast, options_cast, refer_cast};
const struct kernel_row kernel_densify = {"DENSIFY", TFL_BUILTIN_DENSIFY, "fhb", draw_densify, NULL, refer_densify};
const struct kernel_row kernel_dequantize = {"DEQUANTIZE", TFL_BUILTIN_DEQUANTIZE, "bBsh", draw_dequantize, NULL, refer_dequantize};
const struct kernel_row kernel_quantize = {"QUANTIZE", TFL_BUILTIN_QUANTIZE, "fbBsi", draw_quantize, NULL, refer_quantize};
