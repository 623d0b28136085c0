/* SPDX-License-Identifier: MIT */
/*
 * MUL: left * right with broadcasting. Quantised: the product of the integers times left scale * right scale / output scale.
 */
#include "base/error.h"
#include "runtime/kernel_binary.h"
#include "runtime/lower.h"

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, 0), *right = tfl_node_input(graph, node, 1);
	struct tfl_binary *binary;
	int r;

	r = tfl_binary_prepare(graph, node, error);
	if (r < 0)
		return r;
	binary = node->params;
	binary->output =
		tfl_multiplier_from((double)left->scale * (double)right->scale / (double)tfl_node_output(graph, node, 0)->scale);
	return 0;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *left = tfl_node_input(lower->graph, node, 0), *right = tfl_node_input(lower->graph, node, 1);
	const struct tfl_value *output = tfl_node_output(lower->graph, node, 0);

	if (output->dtype != TFL_FLOAT32 && tfl_lower_ratio(left->scale * right->scale / output->scale, 0x1p-16f, 0x1p8f))
		return 1;
	return tfl_binary_lower(lower, node, xnn_binary_multiply);
}

static float mul_float32(float left, float right)
{
	return left * right;
}

static int32_t mul_int32(int32_t left, int32_t right)
{
	return (int32_t)((uint32_t)left * (uint32_t)right);
}

static int32_t mul_quantized(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	return tfl_multiply(left * right, binary->output);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	static const struct tfl_binary_functions functions = {mul_float32, mul_int32, mul_quantized};

	return tfl_binary_run(run, node, &functions);
}

const struct tfl_op tfl_op_mul = {
	.code = TFL_BUILTIN_MUL,
	.options = TFL_OPTIONS_MUL,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 5,
	.name = "MUL",
	.types = "ff:f bb:b BB:B ii:i",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
