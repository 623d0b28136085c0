/* SPDX-License-Identifier: MIT */
/*
 * DIV, with broadcasting. Quantised: TensorFlow Lite's fixed point, the dividend times the divisor's reciprocal, then times left scale /
 * (right scale * output scale). Integers cut towards zero.
 *
 * A divisor of 0, where TensorFlow Lite fails or dies: of integers the result is 0; of quantised elements, as of real numbers, the greatest
 * or least that the output holds, and 0 for 0 / 0.
 */
#include "runtime/kernel_binary.h"

static inline float div_float32(const struct tfl_binary *binary, float left, float right)
{
	return tfl_binary_float32(binary, left / right);
}

static inline int32_t div_int32(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	/* In 64 bits, where the least number divided by -1 is none too many. */
	return right == 0 ? 0 : (int32_t)tfl_binary_integer(binary, (int32_t)((int64_t)left / right));
}

static inline int32_t div_byte(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	int32_t dividend = left - binary->left_zero_point, divisor = right - binary->right_zero_point, quotient;
	int room, inverse_room;

	if (dividend == 0 || divisor == 0)
		return tfl_binary_element(binary, dividend < 0 ? INT32_MIN : dividend > 0 ? INT32_MAX : 0);
	if (divisor < 0) {
		dividend = -dividend;
		divisor = -divisor;
	}
	/* Both shifted as far to the left as there is room, for precision; the divisor is then 2^31 * (1 + something). */
	room = __builtin_clrsb(dividend);
	inverse_room = __builtin_clz((uint32_t)divisor);
	quotient = tfl_fixed_multiply(dividend * (1LL << room),
				      tfl_fixed_inverse((int32_t)(((uint32_t)divisor << inverse_room) - (1u << 31))));
	return tfl_binary_element(binary, tfl_multiply(quotient, tfl_multiplier_scale(binary->output, inverse_room - 31 - room)));
}

TFL_BINARY_LOOP(div_float32s, float, float, div_float32)
TFL_BINARY_LOOP(div_int8s, int8_t, int8_t, div_byte)
TFL_BINARY_LOOP(div_uint8s, uint8_t, uint8_t, div_byte)
TFL_BINARY_LOOP(div_int32s, int32_t, int32_t, div_int32)

static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, 0), *right = tfl_node_input(graph, node, 1);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);

	binary->output = tfl_multiplier_from((double)(left->scale / (right->scale * output->scale)));
	return 0;
}

static const struct tfl_binary_kernel div_kernel = {
	.loops = {[TFL_FLOAT32] = div_float32s, [TFL_INT8] = div_int8s, [TFL_UINT8] = div_uint8s, [TFL_INT32] = div_int32s},
	.activation = true,
	.setup = setup,
	.xnnpack = xnn_binary_divide,
};

const struct tfl_op tfl_op_div = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_DIV,
	.options = TFL_OPTIONS_DIV,
	.max_version = 2,
	.name = "DIV",
	.types = "ff:f bb:b BB:B ii:i",
	.lower = tfl_binary_lower,
	.kernel = &div_kernel,
};
