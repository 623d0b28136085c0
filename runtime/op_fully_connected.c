/* SPDX-License-Identifier: MIT */
/*
 * FULLY_CONNECTED: weights [units, depth], input of any rank whose elements are a multiple of depth, bias [units] or none. The output is
 * [batch, units], or with keep_num_dims the input's shape with its last dimension replaced by units.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "runtime/kernel_conv.h"
#include "runtime/lower.h"

enum { ACTIVATION, WEIGHTS_FORMAT, KEEP_NUM_DIMS };

struct params {
	struct tfl_range range;
	struct tfl_multiplier *multipliers;
	int32_t batch, depth, units;
	bool reshape; /* XNNPACK has to flatten the input */
};

static int set_shape(struct tfl_graph *graph, struct tfl_node *node, const struct params *params, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t dims[TFL_RANK_MAX] = {params->batch, params->units};

	if (!tfl_fb_bool(&node->source->options, KEEP_NUM_DIMS, false))
		return tfl_node_set_shape(graph, node, 0, 2, dims, error);
	if (input->rank < 1 || input->dims[input->rank - 1] != params->depth)
		return tfl_node_invalid(graph, node, error, "its dimensions are to be kept, but the last one is not %d as in the weights", params->depth);
	memcpy(dims, input->dims, sizeof(dims));
	dims[input->rank - 1] = params->units;
	return tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *weights = tfl_node_input(graph, node, 1);
	const struct tfl_fb_table *options = &node->source->options;
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int r;

	if (!params)
		return -ENOMEM;
	if (tfl_fb_i8(options, WEIGHTS_FORMAT, 0) != 0)
		return tfl_node_unsupported(graph, node, error, "its weights are shuffled (format %d)", tfl_fb_i8(options, WEIGHTS_FORMAT, 0));
	if (weights->rank != 2 || weights->elements == 0)
		return tfl_node_invalid(graph, node, error, "its weights have %u dimensions and %zu elements; 2 dimensions are right", weights->rank,
					weights->elements);
	params->units = weights->dims[0];
	params->depth = weights->dims[1];
	if (input->elements % (size_t)params->depth != 0)
		return tfl_node_invalid(graph, node, error, "%zu input elements are no multiple of %d, the depth of the weights", input->elements,
					params->depth);
	params->batch = (int32_t)(input->elements / (size_t)params->depth);
	params->reshape = input->rank < 1 || input->dims[input->rank - 1] != params->depth ||
			  (input->rank != 2 && !tfl_fb_bool(options, KEEP_NUM_DIMS, false));
	r = tfl_node_charge(graph, node, input->elements, (uint64_t)params->units, error);
	if (r == 0)
		r = set_shape(graph, node, params, error);
	if (r == 0)
		r = tfl_activation_range(graph, node, tfl_fb_i8(options, ACTIVATION, 0), tfl_node_output(graph, node, 0), &params->range, error);
	if (r == 0)
		r = tfl_conv_multipliers(graph, node, params->units, 0, &params->multipliers, error);
	return r;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	uint32_t input, output, weights, bias;
	int r;

	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r == 0)
		r = tfl_lower_weights(lower, node, 0, params->range.min == 0 ? params->multipliers : NULL, &weights, &bias);
	if (r != 0)
		return r;
	return tfl_lower_status(xnn_define_fully_connected(lower->subgraph, params->range.min, params->range.max, input, weights, bias, output,
							   params->reshape ? XNN_FLAG_TENSORFLOW_RESHAPE_2D : 0));
}

#define DEFINE_DOT(name, type, accumulator) \
	static accumulator dot_##name(const type *x, const type *w, int32_t depth, int32_t x_zero, int32_t w_zero) \
	{ \
		accumulator sum = 0; \
\
		for (int32_t i = 0; i < depth; i++) \
			sum += (accumulator)((x[i] - (x_zero)) * (w[i] - (w_zero))); \
		return sum; \
	}

DEFINE_DOT(float32, float, float)
DEFINE_DOT(int8, int8_t, uint32_t)
DEFINE_DOT(uint8, uint8_t, uint32_t)

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *weights = tfl_node_input(run->graph, node, 1);
	const void *x = tfl_run_input(run, node, 0), *w = tfl_run_input(run, node, 1), *bias = tfl_run_input(run, node, 2);
	void *output = tfl_run_output(run, node, 0);
	int32_t zero_point = tfl_node_output(run->graph, node, 0)->zero_point, x_zero = input->zero_point, w_zero = weights->zero_point;

	for (int32_t b = 0; b < params->batch; b++) {
		for (int32_t u = 0; u < params->units; u++) {
			size_t xi = (size_t)b * (size_t)params->depth, wi = (size_t)u * (size_t)params->depth;
			size_t o = (size_t)b * (size_t)params->units + (size_t)u;
			uint32_t offset = bias && input->dtype != TFL_FLOAT32 ? (uint32_t)((const int32_t *)bias)[u] : 0;

			if (input->dtype == TFL_FLOAT32) {
				float sum = dot_float32((const float *)x + xi, (const float *)w + wi, params->depth, 0, 0);

				sum += bias ? ((const float *)bias)[u] : 0;
				((float *)output)[o] = fminf(fmaxf(sum, params->range.min), params->range.max);
			} else if (input->dtype == TFL_INT8) {
				offset += dot_int8((const int8_t *)x + xi, (const int8_t *)w + wi, params->depth, x_zero, w_zero);
				((int8_t *)output)[o] = (int8_t)tfl_requantize((int32_t)offset, params->multipliers[u], zero_point, &params->range);
			} else {
				offset += dot_uint8((const uint8_t *)x + xi, (const uint8_t *)w + wi, params->depth, x_zero, w_zero);
				((uint8_t *)output)[o] = (uint8_t)tfl_requantize((int32_t)offset, params->multipliers[u], zero_point, &params->range);
			}
		}
	}
	return 0;
}

const struct tfl_op tfl_op_fully_connected = {
	.code = TFL_BUILTIN_FULLY_CONNECTED,
	.options = TFL_OPTIONS_FULLY_CONNECTED,
	.inputs_min = 2,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 10,
	.name = "FULLY_CONNECTED",
	.types = "fff:f bbi:b BBi:B",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
