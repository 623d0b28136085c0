/* SPDX-License-Identifier: MIT */
/*
 * PRELU: x, or alpha times x where x is negative; alpha is a tensor that is broadcast to the input. A quantised element is rescaled by one
 * of two multipliers, the second with alpha's scale in it.
 */
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_binary.h"

static inline float prelu_float32(const struct tfl_binary *binary, float value, float alpha)
{
	return value >= 0 ? value : value * alpha;
}

static inline int32_t prelu_byte(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	int32_t value = left - binary->left_zero_point, alpha = right - binary->right_zero_point;

	return tfl_binary_element(binary, value >= 0 ? tfl_multiply(value, binary->left) : tfl_multiply(value * alpha, binary->output));
}

TFL_BINARY_LOOP(prelu_float32s, float, float, prelu_float32)
TFL_BINARY_LOOP(prelu_int8s, int8_t, int8_t, prelu_byte)
TFL_BINARY_LOOP(prelu_uint8s, uint8_t, uint8_t, prelu_byte)

static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *alpha = tfl_node_input(graph, node, 1);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	char shapes[2][TFL_SHAPE_STRING_MAX];

	if (binary->broadcast.rank != input->rank || memcmp(binary->broadcast.dims, input->dims, input->rank * sizeof(*input->dims)) != 0)
		return tfl_node_invalid(graph, node, error, "alpha's shape %s is not one that is broadcast to the input's, %s",
					tfl_shape_to_string(alpha->dims, alpha->rank, shapes[0], sizeof(shapes[0])),
					tfl_shape_to_string(input->dims, input->rank, shapes[1], sizeof(shapes[1])));
	binary->left = tfl_multiplier_from((double)(input->scale / output->scale));
	binary->output = tfl_multiplier_from((double)(input->scale * alpha->scale / output->scale));
	return 0;
}

static const struct tfl_binary_kernel prelu_kernel = {
	.loops = {[TFL_FLOAT32] = prelu_float32s, [TFL_INT8] = prelu_int8s, [TFL_UINT8] = prelu_uint8s},
	.setup = setup,
	.xnnpack = xnn_binary_prelu,
};

const struct tfl_op tfl_op_prelu = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_PRELU,
	.max_version = 1,
	.name = "PRELU",
	.types = "ff:f bb:b BB:B",
	.lower = tfl_binary_lower,
	.kernel = &prelu_kernel,
};
