/* SPDX-License-Identifier: MIT */
/*
 * LOCAL_RESPONSE_NORMALIZATION: each element times (bias + alpha * sum)^-beta, the sum of squares of the elements at most radius channels
 * away. The definition is TensorFlow's; TensorFlow Lite's reference kernel leaves the last of those channels out, its optimised one does
 * not.
 */
#include <errno.h>
#include <math.h>

#include "base/error.h"
#include "runtime/op.h"

enum { RADIUS, BIAS, ALPHA, BETA };

struct params {
	size_t radius;
	float bias, alpha, beta;
};

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	const struct tfl_fb_table *options = &node->source->options;
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t radius = tfl_fb_i32(options, RADIUS, 0);
	uint64_t seen;
	int r;

	if (!params)
		return -ENOMEM;
	if (input->rank != 4 || radius < 0)
		return tfl_node_invalid(graph, node, error,
					"the input has %u dimensions and the radius is %d; 4, and at least 0, are right",
					input->rank, radius);
	params->radius = (size_t)radius;
	params->bias = tfl_fb_f32(options, BIAS, 0);
	params->alpha = tfl_fb_f32(options, ALPHA, 0);
	params->beta = tfl_fb_f32(options, BETA, 0);
	seen = 2 * (uint64_t)radius + 1 < (uint64_t)input->dims[3] ? 2 * (uint64_t)radius + 1 : (uint64_t)input->dims[3];
	r = tfl_node_set_shape(graph, node, 0, 4, input->dims, error);
	return r < 0 ? r : tfl_node_charge(graph, node, input->elements, 16 + seen, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *value = tfl_node_input(run->graph, node, 0);
	const struct params *params = node->params;
	size_t depth = (size_t)value->dims[3], radius = params->radius;
	const float *input = tfl_run_input(run, node, 0);
	float *output = tfl_run_output(run, node, 0);

	for (size_t first = 0; first < value->elements; first += depth, input += depth, output += depth) {
		for (size_t c = 0; c < depth; c++) {
			size_t begin = c < radius ? 0 : c - radius, end = depth - c <= radius ? depth : c + radius + 1;
			float sum = 0;

			for (size_t i = begin; i < end; i++)
				sum += input[i] * input[i];
			output[c] = input[c] * powf(params->bias + params->alpha * sum, -params->beta);
		}
	}
	return 0;
}

const struct tfl_op tfl_op_local_response_normalization = {
	.code = TFL_BUILTIN_LOCAL_RESPONSE_NORMALIZATION,
	.options = TFL_OPTIONS_LOCAL_RESPONSE_NORMALIZATION,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 1,
	.name = "LOCAL_RESPONSE_NORMALIZATION",
	.types = "f:f",
	.prepare = prepare,
	.run = run,
};
