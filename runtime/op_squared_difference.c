/* SPDX-License-Identifier: MIT */
/*
 * SQUARED_DIFFERENCE, with broadcasting. Quantised: both sides are brought to twice the greater of their scales, shifted left by 7 bits,
 * subtracted, squared, and brought to the output's scale. int32 wraps.
 */
#include "runtime/kernel_binary.h"

#define SHIFT 7

static inline float difference_float32(const struct tfl_binary *binary, float left, float right)
{
	return (left - right) * (left - right);
}

static inline int32_t difference_int32(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	uint32_t difference = (uint32_t)left - (uint32_t)right;

	return (int32_t)(difference * difference);
}

static inline int32_t difference_int8(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	int32_t a = tfl_multiply((left - binary->left_zero_point) * (1 << SHIFT), binary->left);
	int32_t b = tfl_multiply((right - binary->right_zero_point) * (1 << SHIFT), binary->right);

	return tfl_binary_element(binary, tfl_multiply((a - b) * (a - b), binary->output));
}

TFL_BINARY_LOOP(difference_float32s, float, float, difference_float32)
TFL_BINARY_LOOP(difference_int8s, int8_t, int8_t, difference_int8)
TFL_BINARY_LOOP(difference_int32s, int32_t, int32_t, difference_int32)

static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, 0), *right = tfl_node_input(graph, node, 1);
	double twice = 2.0 * (double)(left->scale > right->scale ? left->scale : right->scale);

	binary->left = tfl_multiplier_from((double)left->scale / twice);
	binary->right = tfl_multiplier_from((double)right->scale / twice);
	binary->output = tfl_multiplier_from(twice * twice / ((1 << 2 * SHIFT) * (double)tfl_node_output(graph, node, 0)->scale));
	return 0;
}

static const struct tfl_binary_kernel squared_difference_kernel = {
	.loops = {[TFL_FLOAT32] = difference_float32s, [TFL_INT8] = difference_int8s, [TFL_INT32] = difference_int32s},
	.setup = setup,
	.xnnpack = xnn_binary_squared_difference,
};

const struct tfl_op tfl_op_squared_difference = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_SQUARED_DIFFERENCE,
	.options = TFL_OPTIONS_SQUARED_DIFFERENCE,
	.max_version = 2,
	.name = "SQUARED_DIFFERENCE",
	.types = "ff:f bb:b ii:i",
	.lower = tfl_binary_lower,
	.kernel = &squared_difference_kernel,
};
