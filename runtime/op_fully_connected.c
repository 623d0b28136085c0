/* SPDX-License-Identifier: MIT */
/*
 * FULLY_CONNECTED: weights [units, depth], input of any rank whose elements are a multiple of depth, bias [units] or none. The output is
 * [batch, units], or with keep_num_dims the input's shape with its last dimension replaced by units.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "runtime/kernel_linear.h"
#include "runtime/lower.h"

enum { ACTIVATION, WEIGHTS_FORMAT, KEEP_NUM_DIMS, ASYMMETRIC_QUANTIZE_INPUTS };

struct params {
	struct tfl_linear linear;
	int32_t batch;
	bool reshape; /* XNNPACK has to flatten the input */
};

/* Shuffled weights come with a second output, for the shuffled input. */
static const char *foreign(const struct tfl_operator *source)
{
	return tfl_fb_i8(&source->options, WEIGHTS_FORMAT, 0) != 0 ? "its weights are shuffled, in blocks of 4 × 16" : NULL;
}

static int set_shape(struct tfl_graph *graph, struct tfl_node *node, const struct params *params, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t units = params->linear.channels, depth = (int32_t)params->linear.row, dims[TFL_RANK_MAX] = {params->batch, units};

	if (!tfl_fb_bool(&node->source->options, KEEP_NUM_DIMS, false))
		return tfl_node_set_shape(graph, node, 0, 2, dims, error);
	if (input->rank < 1 || input->dims[input->rank - 1] != depth)
		return tfl_node_invalid(graph, node, error, "its dimensions are to be kept, but the last one is not %d as in the weights", depth);
	memcpy(dims, input->dims, sizeof(dims));
	dims[input->rank - 1] = units;
	return tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *weights = tfl_node_input(graph, node, 1);
	const struct tfl_fb_table *options = &node->source->options;
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	struct tfl_linear *linear;
	int r;

	if (!params)
		return -ENOMEM;
	if (weights->rank != 2 || weights->elements == 0)
		return tfl_node_invalid(graph, node, error, "its weights have %u dimensions and %zu elements; 2 dimensions are right", weights->rank,
					weights->elements);
	linear = &params->linear;
	linear->channels = weights->dims[0];
	linear->row = linear->batch = (size_t)weights->dims[1];
	linear->asymmetric = tfl_fb_bool(options, ASYMMETRIC_QUANTIZE_INPUTS, false);
	if (input->elements % linear->row != 0)
		return tfl_node_invalid(graph, node, error, "%zu input elements are no multiple of %zu, the depth of the weights", input->elements,
					linear->row);
	params->batch = (int32_t)(input->elements / linear->row);
	params->reshape = input->rank < 1 || (size_t)input->dims[input->rank - 1] != linear->row ||
			  (input->rank != 2 && !tfl_fb_bool(options, KEEP_NUM_DIMS, false));
	r = tfl_node_charge(graph, node, input->elements, (uint64_t)linear->channels, error);
	if (r == 0)
		r = set_shape(graph, node, params, error);
	if (r == 0)
		r = tfl_linear_prepare(graph, node, linear, 0, tfl_fb_i8(options, ACTIVATION, 0), error);
	return r;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	const struct tfl_linear *linear = &params->linear;
	const struct tfl_range *range = &linear->range;
	uint32_t input, output, weights, bias;
	int r;

	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r == 0 && linear->scales)
		r = tfl_lower_dynamic_input(lower, tfl_node_input(lower->graph, node, 0), linear->row, &input);
	if (r == 0 && linear->scales)
		r = tfl_lower_dynamic_weights(lower, node, linear->scales, &weights, &bias);
	else if (r == 0)
		r = tfl_lower_weights(lower, node, 0, range->min == 0 ? linear->multipliers : NULL, 0, &weights, &bias);
	if (r != 0)
		return r;
	return tfl_lower_status(xnn_define_fully_connected(lower->subgraph, range->min, range->max, input, weights, bias, output,
							   params->reshape ? XNN_FLAG_TENSORFLOW_RESHAPE_2D : 0));
}

static bool packed(const struct tfl_node *node, uint32_t input)
{
	return input == 1;
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_linear *linear = &params->linear;
	const struct tfl_arithmetic *arithmetic = linear->arithmetic;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	size_t units = (size_t)linear->channels;
	struct tfl_linear_run state;

	tfl_linear_begin(run, node, linear, &state);
	for (int32_t batch = 0; batch < params->batch; batch++) {
		int r = batch % TFL_RUN_CHECK_ROWS == 0 ? tfl_run_check(run, error) : 0;

		if (r < 0)
			return r;
		arithmetic->read(&state, tfl_linear_batch(&state, from), linear->row, state.row);
		memset(state.sums, 0, units * arithmetic->sum_size);
		arithmetic->dot(&state, state.row, linear->row, state.filter, linear->row, units, state.sums);
		arithmetic->finish(&state, to);
		from += input->bytes / (size_t)params->batch;
		to += output->bytes / (size_t)params->batch;
	}
	return 0;
}

const struct tfl_op tfl_op_fully_connected = {
	.code = TFL_BUILTIN_FULLY_CONNECTED,
	.options = TFL_OPTIONS_FULLY_CONNECTED,
	.inputs_min = 2,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 12,
	.name = "FULLY_CONNECTED",
	.types = "fff:f bbi:b BBi:B sbl:s sbi:s fbf:f fBf:f",
	.foreign = foreign,
	.prepare = prepare,
	.lower = lower,
	.run = run,
	.packed = packed,
};
