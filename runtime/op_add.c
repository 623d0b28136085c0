/* SPDX-License-Identifier: MIT */
/*
 * ADD: left + right with broadcasting. Quantised: both sides are brought to twice the greater of their scales, shifted left by 20 bits
 * for precision, added, and brought to the output's scale, as TensorFlow Lite's reference does.
 */
#include "base/error.h"
#include "runtime/kernel_binary.h"
#include "runtime/lower.h"

#define LEFT_SHIFT 20

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, 0), *right = tfl_node_input(graph, node, 1);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	struct tfl_binary *binary;
	double twice;
	int r;

	r = tfl_binary_prepare(graph, node, error);
	if (r < 0)
		return r;
	binary = node->params;
	twice = 2.0 * (double)(left->scale > right->scale ? left->scale : right->scale);
	binary->left = tfl_multiplier_from((double)left->scale / twice);
	binary->right = tfl_multiplier_from((double)right->scale / twice);
	binary->output = tfl_multiplier_from(twice / ((1 << LEFT_SHIFT) * (double)output->scale));
	return 0;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *output = tfl_node_output(lower->graph, node, 0);

	for (uint32_t i = 0; i < 2 && output->dtype != TFL_FLOAT32; i++)
		if (tfl_lower_ratio(tfl_node_input(lower->graph, node, i)->scale / output->scale, 0x1p-10f, 0x1p8f))
			return 1;
	return tfl_binary_lower(lower, node, xnn_binary_add);
}

static float add_float32(float left, float right)
{
	return left + right;
}

static int32_t add_int32(int32_t left, int32_t right)
{
	return (int32_t)((uint32_t)left + (uint32_t)right);
}

static int32_t add_quantized(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	int32_t a = tfl_multiply(left * (1 << LEFT_SHIFT), binary->left), b = tfl_multiply(right * (1 << LEFT_SHIFT), binary->right);

	return tfl_multiply(a + b, binary->output);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	static const struct tfl_binary_functions functions = {add_float32, add_int32, add_quantized};

	return tfl_binary_run(run, node, &functions);
}

const struct tfl_op tfl_op_add = {
	.code = TFL_BUILTIN_ADD,
	.options = TFL_OPTIONS_ADD,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 5,
	.name = "ADD",
	.types = "ff:f bb:b BB:B ii:i",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
