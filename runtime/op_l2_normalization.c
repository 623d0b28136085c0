/* SPDX-License-Identifier: MIT */
/*
 * L2_NORMALIZATION: each row (the last dimension) divided by its length, sqrt of the sum of its squares. float32: by at least 1e-6. int8
 * and uint8 in fixed point, with the only output scale there is, 1/128.
 */
#include <errno.h>
#include <math.h>

#include "base/error.h"
#include "runtime/op.h"
#include "runtime/quant.h"

enum { ACTIVATION };

#define LENGTH_MIN 1e-6f
#define OUTPUT_BITS 7 /* of the fraction */

static int check_output(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	int32_t zero_point = output->dtype == TFL_UINT8 ? 128 : 0;
	int r;

	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r < 0 || input->dtype == TFL_FLOAT32 || (output->scale == 1.0f / (1 << OUTPUT_BITS) && output->zero_point == zero_point))
		return r;
	return tfl_node_unsupported(graph, node, error, "its output has the scale %g and the zero point %d; 1/128 and %d are right",
				    (double)output->scale, output->zero_point, zero_point);
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int activation = tfl_fb_i8(&node->source->options, ACTIVATION, TFL_ACTIVATION_NONE), r;

	if (activation != TFL_ACTIVATION_NONE)
		return tfl_node_unsupported(graph, node, error, "its fused activation has the number %d; only 0 (NONE) is", activation);
	if (input->rank < 1)
		return tfl_node_invalid(graph, node, error, "the input has no dimensions; at least one is right");
	r = check_output(graph, node, error);
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static void row_float32(const float *input, size_t depth, float *output)
{
	float sum = 0, length;

	for (size_t i = 0; i < depth; i++)
		sum += input[i] * input[i];
	length = sqrtf(sum);
	length = length < LENGTH_MIN ? LENGTH_MIN : length;
	for (size_t i = 0; i < depth; i++)
		output[i] = input[i] / length;
}

static int32_t saturate(int32_t value, int32_t min, int32_t max)
{
	return value < min ? min : value > max ? max : value;
}

/* The fraction's bits come with the factor in int8, with the element in uint8: roundings differ. Sums wrap in 32 bits. */
static void row_int8(const int8_t *input, size_t depth, int32_t zero_point, int8_t *output)
{
	struct tfl_multiplier factor;
	uint32_t sum = 0;

	for (size_t i = 0; i < depth; i++)
		sum += (uint32_t)((input[i] - zero_point) * (input[i] - zero_point));
	factor = tfl_inverse_sqrt((int32_t)sum);
	factor.shift += OUTPUT_BITS;
	for (size_t i = 0; i < depth; i++)
		output[i] = (int8_t)saturate(tfl_multiply(input[i] - zero_point, factor), INT8_MIN, INT8_MAX);
}

static void row_uint8(const uint8_t *input, size_t depth, int32_t zero_point, uint8_t *output)
{
	struct tfl_multiplier factor;
	uint32_t sum = 0;

	for (size_t i = 0; i < depth; i++)
		sum += (uint32_t)((input[i] - zero_point) * (input[i] - zero_point));
	factor = tfl_inverse_sqrt((int32_t)sum);
	for (size_t i = 0; i < depth; i++) {
		int32_t fraction = (input[i] - zero_point) * (1 << OUTPUT_BITS);

		output[i] = (uint8_t)saturate((1 << OUTPUT_BITS) + tfl_multiply(fraction, factor), 0, UINT8_MAX);
	}
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *value = tfl_node_input(run->graph, node, 0);
	const void *input = tfl_run_input(run, node, 0);
	size_t depth = (size_t)value->dims[value->rank - 1];
	void *output = tfl_run_output(run, node, 0);

	for (size_t i = 0; i < value->elements; i += depth) {
		if (value->dtype == TFL_FLOAT32)
			row_float32((const float *)input + i, depth, (float *)output + i);
		else if (value->dtype == TFL_INT8)
			row_int8((const int8_t *)input + i, depth, value->zero_point, (int8_t *)output + i);
		else
			row_uint8((const uint8_t *)input + i, depth, value->zero_point, (uint8_t *)output + i);
	}
	return 0;
}

const struct tfl_op tfl_op_l2_normalization = {
	.code = TFL_BUILTIN_L2_NORMALIZATION,
	.options = TFL_OPTIONS_L2_NORM,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 2,
	.name = "L2_NORMALIZATION",
	.types = "f:f b:b B:B",
	.prepare = prepare,
	.run = run,
};
