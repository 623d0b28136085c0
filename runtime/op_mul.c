/* SPDX-License-Identifier: MIT */
/*
 * MUL, with broadcasting. Quantised: the product of the integers times left scale * right scale / output scale. Integers that stand for
 * themselves wrap.
 */
#include "base/error.h"
#include "runtime/kernel_binary.h"
#include "runtime/lower.h"

static inline float mul_float32(const struct tfl_binary *binary, float left, float right)
{
	return tfl_binary_float32(binary, left * right);
}

static inline int16_t mul_raw(const struct tfl_binary *binary, int16_t left, int16_t right)
{
	return (int16_t)tfl_binary_integer(binary, (int16_t)(left * right));
}

static inline int32_t mul_int32(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	return (int32_t)tfl_binary_integer(binary, (int32_t)((uint32_t)left * (uint32_t)right));
}

static inline int64_t mul_int64(const struct tfl_binary *binary, int64_t left, int64_t right)
{
	return tfl_binary_integer(binary, (int64_t)((uint64_t)left * (uint64_t)right));
}

static inline int32_t mul_quantized(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	int32_t product = (left - binary->left_zero_point) * (right - binary->right_zero_point);

	return tfl_binary_element(binary, tfl_multiply(product, binary->output));
}

TFL_BINARY_QUANTIZED_LOOPS(mul, mul_quantized)
TFL_BINARY_LOOP(mul_float32s, float, float, mul_float32)
TFL_BINARY_LOOP(mul_raws, int16_t, int16_t, mul_raw)
TFL_BINARY_LOOP(mul_int32s, int32_t, int32_t, mul_int32)
TFL_BINARY_LOOP(mul_int64s, int64_t, int64_t, mul_int64)

/* The product of two int16 fits 32 bits only without zero points. */
static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, 0), *right = tfl_node_input(graph, node, 1);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	int r = tfl_check_symmetric(graph, node, left, "first input", error);

	if (r == 0)
		r = tfl_check_symmetric(graph, node, right, "second input", error);
	binary->output = tfl_multiplier_from((double)(left->scale * right->scale / output->scale));
	return r;
}

static bool xnnpack_multiplies(const struct tfl_value *left, const struct tfl_value *right, const struct tfl_value *output)
{
	return !tfl_lower_ratio(left->scale * right->scale / output->scale, 0x1p-16f, 0x1p8f);
}

static const struct tfl_binary_kernel mul_kernel = {
	.loops = {[TFL_FLOAT32] = mul_float32s, [TFL_INT8] = mul_int8s, [TFL_UINT8] = mul_uint8s, [TFL_INT16] = mul_int16s,
		  [TFL_INT32] = mul_int32s, [TFL_INT64] = mul_int64s},
	.raw_int16 = mul_raws,
	.activation = true,
	.setup = setup,
	.xnnpack = xnn_binary_multiply,
	.xnnpack_fits = xnnpack_multiplies,
};

const struct tfl_op tfl_op_mul = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_MUL,
	.options = TFL_OPTIONS_MUL,
	.max_version = 7,
	.name = "MUL",
	.types = "ff:f bb:b BB:B ss:s ii:i ll:l",
	.lower = tfl_binary_lower,
	.kernel = &mul_kernel,
};
