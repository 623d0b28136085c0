/* SPDX-License-Identifier: MIT */
/*
 * RELU: max(x, 0), and RELU6: min(max(x, 0), 6), elementwise. Input and output of a quantised one may have different scales.
 */
#include <math.h>

#include "runtime/kernel_unary.h"
#include "runtime/lower.h"

static float relu(float value)
{
	return value < 0 ? 0 : value;
}

static float relu6(float value)
{
	return value < 0 ? 0 : value > 6 ? 6 : value;
}

static tfl_unary_function function_of(const struct tfl_node *node)
{
	return node->source->code == TFL_BUILTIN_RELU6 ? relu6 : relu;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return tfl_unary_prepare(graph, node, function_of(node), error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *from = tfl_node_input(lower->graph, node, 0), *to = tfl_node_output(lower->graph, node, 0);
	union xnn_unary_params params = {.clamp = {0, node->source->code == TFL_BUILTIN_RELU6 ? 6 : INFINITY}};
	uint32_t input, output;
	int r;

	/* XNNPACK's clamp does not change the scale. */
	if (from->scale != to->scale || from->zero_point != to->zero_point)
		return 1;
	r = tfl_lower_values(lower, node, 1, &input, &output);
	return r ? r : tfl_lower_status(xnn_define_unary(lower->subgraph, xnn_unary_clamp, &params, input, output, 0));
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	return tfl_unary_run(run, node, function_of(node));
}

const struct tfl_op tfl_op_relu = {
	.code = TFL_BUILTIN_RELU,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 3,
	.name = "RELU",
	.types = "f:f b:b B:B",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};

const struct tfl_op tfl_op_relu6 = {
	.code = TFL_BUILTIN_RELU6,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 3,
	.name = "RELU6",
	.types = "f:f b:b B:B",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
