/* SPDX-License-Identifier: MIT */
/*
 * Elementwise functions of one tensor: LOGISTIC, RELU, RELU6, QUANTIZE, DEQUANTIZE. On integers a function is that of the real numbers they
 * stand for, rounded to the output's scale; from integers to integers QUANTIZE is the fixed-point multiplier input scale / output scale.
 */
#include <math.h>

#include "base/util.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_rows.h"

static void draw_input(struct kernel_case *c, enum tfl_dtype dtype)
{
	unsigned rank = (unsigned)kernel_between(c, 0, 6);
	int32_t dims[TFL_RANK_MAX];

	for (unsigned i = 0; i < rank; i++)
		dims[i] = kernel_between(c, 1, kernel_one_in(c, 5) ? 17 : 4);
	c->input_count = 1;
	kernel_draw_tensor(c, &c->inputs[0], dtype, rank, dims);
	kernel_draw_constants(c);
	kernel_draw_quantization(c, &c->output);
}

static void draw_logistic(struct kernel_case *c)
{
	draw_input(c, c->output.dtype);
	/* TensorFlow Lite's converter gives every quantised LOGISTIC this output. */
	if (c->type != 'f' && !kernel_one_in(c, 4)) {
		c->output.scales[0] = 1 / 256.0f;
		c->output.zero_point = c->type == 'b' ? -128 : 0;
	}
	c->xnnpack = true;
}

static void draw_relu(struct kernel_case *c)
{
	draw_input(c, c->output.dtype);
	if (kernel_one_in(c, 2))
		kernel_copy_quantization(&c->output, &c->inputs[0]);
	c->xnnpack = kernel_same_quantization(&c->inputs[0], &c->output);
}

static void refer(const struct kernel_case *c, struct kernel_expected *expected, double (*function)(double))
{
	const struct kernel_tensor *input = &c->inputs[0];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		double value = function(kernel_real(input, i));

		expected->element[i] = kernel_from_real(c, value, fabs(value));
	}
}

static double logistic(double x)
{
	return 1 / (1 + exp(-x));
}

static double relu(double x)
{
	return fmax(x, 0);
}

static double relu6(double x)
{
	return fmin(fmax(x, 0), 6);
}

static double identity(double x)
{
	return x;
}

static void refer_logistic(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, logistic);
}

static void refer_relu(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, relu);
}

static void refer_relu6(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, relu6);
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
	draw_input(c, kernel_dtype(c->type));
	draw_scale_of_int32(c, &c->inputs[0]);
	draw_scale_of_int32(c, &c->output);
	if (kernel_is_byte(c->output.dtype) && kernel_one_in(c, 4))
		c->output.scales[0] *= exp2f(tfl_random_uniform(&c->random, -8, 8));
	ratio = kernel_scale(&c->inputs[0], 0) / kernel_scale(&c->output, 0);
	/* XNNPACK: from float or bytes to bytes; among bytes of one type within its range of scales. */
	c->xnnpack = kernel_is_byte(c->output.dtype) && c->type != 's' && c->type != 'i' && (output != c->type || (ratio >= exp2(-8) && ratio < exp2(7)));
}

static void refer_quantize(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	double min, max;

	if (input->dtype == TFL_FLOAT32) {
		refer(c, expected, identity);
		return;
	}
	kernel_bounds(c, &min, &max);
	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		int64_t q = fixed_point_multiply((int32_t)(kernel_integer(input, i) - input->zero_point),
						 kernel_scale(input, 0) / kernel_scale(&c->output, 0));

		expected->element[i].value = kernel_clamp((double)(q + c->output.zero_point), min, max);
	}
}

static void draw_dequantize(struct kernel_case *c)
{
	c->output.dtype = TFL_FLOAT32;
	draw_input(c, kernel_dtype(c->type));
	c->xnnpack = kernel_is_byte(c->inputs[0].dtype);
}

static void refer_dequantize(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, identity);
	/* Half precision widens without any error. */
	for (size_t i = 0; c->type == 'h' && i < expected->elements; i++)
		expected->element[i].slack = 0;
}

const struct kernel_row kernel_logistic = {"LOGISTIC", TFL_BUILTIN_LOGISTIC, "fbB", draw_logistic, NULL, refer_logistic};
const struct kernel_row kernel_relu = {"RELU", TFL_BUILTIN_RELU, "fbB", draw_relu, NULL, refer_relu};
const struct kernel_row kernel_relu6 = {"RELU6", TFL_BUILTIN_RELU6, "fbB", draw_relu, NULL, refer_relu6};
const struct kernel_row kernel_quantize = {"QUANTIZE", TFL_BUILTIN_QUANTIZE, "fbBsi", draw_quantize, NULL, refer_quantize};
const struct kernel_row kernel_dequantize = {"DEQUANTIZE", TFL_BUILTIN_DEQUANTIZE, "bBsh", draw_dequantize, NULL, refer_dequantize};
