/* SPDX-License-Identifier: MIT */
/*
 * L2_NORMALIZATION and LOCAL_RESPONSE_NORMALIZATION in double. Quantised, L2_NORMALIZATION rounds twice: to the factor's last bit, then to
 * the output's.
 */
#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "tests/runtime/kernel_rows.h"

#define TWICE_ROUNDED 0.76

static void draw_l2(struct kernel_case *c)
{
	int32_t dims[5], rank = kernel_between(c, 1, 5);
	struct kernel_tensor *input = &c->inputs[0];

	for (int32_t i = 0; i < rank; i++)
		dims[i] = kernel_between(c, 1, kernel_one_in(c, 4) ? 20 : 4);
	kernel_draw_tensor(c, input, c->output.dtype, (unsigned)rank, dims);
	c->input_count = 1;
	input->constant = kernel_one_in(c, 8);
	/* Rows that are short, or nothing at all. */
	for (size_t i = 0; i < input->elements && c->type == 'f' && kernel_one_in(c, 2); i++)
		((float *)input->data)[i] *= kernel_one_in(c, 2) ? 0 : 1e-7f;
	if (c->type != 'f') {
		c->output.scale_count = 1;
		c->output.scales[0] = 1 / 128.0f;
		c->output.zero_point = c->type == 'B' ? 128 : 0;
	}
}

static void options_l2(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_L2_NORM);
}

static double square(const struct kernel_case *c, size_t index)
{
	const struct kernel_tensor *input = &c->inputs[0];
	double value = c->type == 'f' ? kernel_real(input, index) : (double)(kernel_integer(input, index) - input->zero_point);

	return value * value;
}

static void refer_l2(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	size_t depth = (size_t)input->dims[input->rank - 1];
	double min, max;

	kernel_bounds(c, &min, &max);
	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		double sum = 0, length, value;

		for (size_t k = i / depth * depth; k < i / depth * depth + depth; k++)
			sum += square(c, k);
		if (c->type == 'f') {
			length = fmax(sqrt(sum), 1e-6);
			value = kernel_real(input, i) / length;
			expected->element[i] = (struct kernel_element){.value = value, .slack = KERNEL_FLOAT_ERROR * fabs(value)};
			continue;
		}
		length = sum > 1 ? sqrt(sum) : 1;
		value = 128 * (double)(kernel_integer(input, i) - input->zero_point) / length + (double)c->output.zero_point;
		expected->element[i] = (struct kernel_element){.value = kernel_clamp(value, min, max), .slack = TWICE_ROUNDED};
	}
}

enum { BIAS_PERCENT, ALPHA_PERCENT, BETA_PERCENT };

/* axis: the radius. */
static void draw_response(struct kernel_case *c)
{
	int32_t dims[4] = {kernel_between(c, 1, 2), kernel_between(c, 1, 4), kernel_between(c, 1, 4), kernel_between(c, 1, 20)};

	kernel_draw_tensor(c, &c->inputs[0], TFL_FLOAT32, 4, dims);
	c->input_count = 1;
	c->inputs[0].constant = kernel_one_in(c, 8);
	c->axis = kernel_one_in(c, 5) ? INT32_MAX : kernel_between(c, 0, 6);
	c->int_count = 3;
	c->ints[BIAS_PERCENT] = kernel_between(c, 50, 200);
	c->ints[ALPHA_PERCENT] = kernel_between(c, 0, 200);
	c->ints[BETA_PERCENT] = kernel_between(c, -100, 100);
}

static void options_response(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_LOCAL_RESPONSE_NORMALIZATION);
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 0, .kind = TFL_BUILD_I32, .integer = c->axis});
	for (uint16_t i = 0; i < 3; i++)
		tfl_options_add_field(&c->options,
				      (struct tfl_build_field){.slot = i + 1, .kind = TFL_BUILD_F32, .real = (float)c->ints[i] / 100.0f});
}

static void refer_response(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int64_t depth = input->dims[3];

	kernel_expect_shape(expected, 4, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		double sum = 0, base, value;

		for (int64_t k = 0; k < depth; k++)
			if (llabs(k - (int64_t)i % depth) <= c->axis)
				sum += square(c, i / (size_t)depth * (size_t)depth + (size_t)k);
		base = c->ints[BIAS_PERCENT] / 100.0 + c->ints[ALPHA_PERCENT] / 100.0 * sum;
		value = kernel_real(input, i) * pow(base, -c->ints[BETA_PERCENT] / 100.0);
		expected->element[i] = (struct kernel_element){.value = value, .slack = KERNEL_FLOAT_ERROR * fabs(value)};
	}
}

const struct kernel_row kernel_l2_normalization = {"L2_NORMALIZATION", TFL_BUILTIN_L2_NORMALIZATION, "fbB", draw_l2, options_l2, refer_l2};
const struct kernel_row kernel_local_response_normalization = {
	"LOCAL_RESPONSE_NORMALIZATION", TFL_BUILTIN_LOCAL_RESPONSE_NORMALIZATION, "f", draw_response, options_response, refer_response};
