/* SPDX-License-Identifier: MIT */
/*
 * One walk over the output's index space, row by row: within a row each side either moves on or repeats, so the inner loop has constant
 * strides.
 */
#include "runtime/kernel_binary.h"

#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"

int tfl_binary_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, 0), *right = tfl_node_input(graph, node, 1);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	struct tfl_binary *binary = node->params = tfl_graph_alloc(graph, sizeof(*binary));
	int r;

	if (!binary)
		return -ENOMEM;
	r = tfl_check_quantized(graph, node, left, "first input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, right, "second input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r == 0)
		r = tfl_broadcast_init(&binary->broadcast, graph, node, left, right, error);
	if (r == 0)
		r = tfl_activation_range(graph, node, tfl_fb_i8(&node->source->options, 0, 0), output, &binary->range, error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, 0, binary->broadcast.rank, binary->broadcast.dims, error);
	return r;
}

int tfl_binary_lower(struct tfl_lower *lower, const struct tfl_node *node, enum xnn_binary_operator operator)
{
	const struct tfl_binary *binary = node->params;
	struct xnn_binary_params params = {(double)binary->range.min, (double)binary->range.max};
	uint32_t inputs[2], output;
	int r;

	r = tfl_lower_values(lower, node, 2, inputs, &output);
	return r ? r : tfl_lower_status(xnn_define_binary(lower->subgraph, operator, &params, inputs[0], inputs[1], output, 0));
}

/* A row of the output: where each side starts, and how far apart its elements are. */
struct row {
	size_t left, right, output;
	int32_t left_stride, right_stride, count;
};

static float clamp(float value, const struct tfl_range *range)
{
	return value < range->min ? range->min : value > range->max ? range->max : value;
}

static void run_float32(const struct tfl_binary *binary, const struct row *row, float (*function)(float, float), const float *left,
			const float *right, float *output)
{
	for (int32_t i = 0; i < row->count; i++)
		output[row->output + (size_t)i] = clamp(function(left[row->left + (size_t)(i * row->left_stride)],
								 right[row->right + (size_t)(i * row->right_stride)]),
							&binary->range);
}

static void run_int32(const struct tfl_binary *binary, const struct row *row, int32_t (*function)(int32_t, int32_t), const int32_t *left,
		      const int32_t *right, int32_t *output)
{
	for (int32_t i = 0; i < row->count; i++) {
		int32_t value = function(left[row->left + (size_t)(i * row->left_stride)], right[row->right + (size_t)(i * row->right_stride)]);

		/* An activation bounds integers too: their scale is 1. */
		if (value < binary->range.min)
			value = (int32_t)binary->range.min;
		if (value > binary->range.max)
			value = (int32_t)binary->range.max;
		output[row->output + (size_t)i] = value;
	}
}

static int32_t load(enum tfl_dtype dtype, const uint8_t *data, size_t index)
{
	return dtype == TFL_INT8 ? (int8_t)data[index] : data[index];
}

static void run_quantized(const struct tfl_run *run, const struct tfl_node *node, const struct row *row,
			  int32_t (*function)(const struct tfl_binary *, int32_t, int32_t))
{
	const struct tfl_binary *binary = node->params;
	const struct tfl_value *values[] = {tfl_node_input(run->graph, node, 0), tfl_node_input(run->graph, node, 1)};
	const uint8_t *left = tfl_run_input(run, node, 0), *right = tfl_run_input(run, node, 1);
	int32_t zero_point = tfl_node_output(run->graph, node, 0)->zero_point;
	uint8_t *output = tfl_run_output(run, node, 0);

	for (int32_t i = 0; i < row->count; i++) {
		int32_t a = load(values[0]->dtype, left, row->left + (size_t)(i * row->left_stride)) - values[0]->zero_point;
		int32_t b = load(values[1]->dtype, right, row->right + (size_t)(i * row->right_stride)) - values[1]->zero_point;
		int64_t value = (int64_t)function(binary, a, b) + zero_point;

		if (value < binary->range.quantized_min)
			value = binary->range.quantized_min;
		if (value > binary->range.quantized_max)
			value = binary->range.quantized_max;
		output[row->output + (size_t)i] = (uint8_t)value;
	}
}

/* The next row in row-major order over all dimensions but the last; false past the end. */
static bool advance(const struct tfl_broadcast *broadcast, int32_t *index, struct row *row)
{
	row->output += (size_t)row->count;
	for (unsigned d = broadcast->rank - 1; d-- > 0;) {
		row->left += (size_t)broadcast->strides[0][d];
		row->right += (size_t)broadcast->strides[1][d];
		if (++index[d] < broadcast->dims[d])
			return true;
		row->left -= (size_t)broadcast->strides[0][d] * (size_t)index[d];
		row->right -= (size_t)broadcast->strides[1][d] * (size_t)index[d];
		index[d] = 0;
	}
	return false;
}

int tfl_binary_run(const struct tfl_run *run, const struct tfl_node *node, const struct tfl_binary_functions *functions)
{
	const struct tfl_binary *binary = node->params;
	const struct tfl_broadcast *broadcast = &binary->broadcast;
	const struct tfl_value *value = tfl_node_output(run->graph, node, 0);
	const void *left = tfl_run_input(run, node, 0), *right = tfl_run_input(run, node, 1);
	void *output = tfl_run_output(run, node, 0);
	int32_t index[TFL_RANK_MAX] = {0};
	struct row row = {.left_stride = 1, .right_stride = 1, .count = (int32_t)value->elements};

	if (!broadcast->elementwise) {
		row.count = broadcast->dims[broadcast->rank - 1];
		row.left_stride = broadcast->strides[0][broadcast->rank - 1];
		row.right_stride = broadcast->strides[1][broadcast->rank - 1];
	}
	if (value->elements == 0)
		return 0;
	do {
		if (value->dtype == TFL_FLOAT32)
			run_float32(binary, &row, functions->float32, left, right, output);
		else if (value->dtype == TFL_INT32)
			run_int32(binary, &row, functions->int32, left, right, output);
		else
			run_quantized(run, node, &row, functions->quantized);
	} while (!broadcast->elementwise && advance(broadcast, index, &row));
	return 0;
}
