/* SPDX-License-Identifier: MIT */
/*
 * ADD and SUB, with broadcasting. Quantised, as TensorFlow Lite's reference has them: both sides are brought to twice the greater of their
 * scales, shifted left by 20 bits (int16: 15) for precision, added, and brought to the output's scale. int16 whose scales are powers of 2,
 * where the options allow it: the side with the smaller scale is shifted to the right, the sum saturates. Integers that stand for
 * themselves wrap.
 */
#include "runtime/kernel_binary.h"

#define BYTE_SHIFT 20
#define INT16_SHIFT 15

static inline float add_float32(const struct tfl_binary *binary, float left, float right)
{
	return tfl_binary_float32(binary, left + right);
}

static inline float sub_float32(const struct tfl_binary *binary, float left, float right)
{
	return tfl_binary_float32(binary, left - right);
}

static inline int16_t add_raw(const struct tfl_binary *binary, int16_t left, int16_t right)
{
	return (int16_t)tfl_binary_integer(binary, (int16_t)(left + right));
}

static inline int32_t add_int32(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	return (int32_t)tfl_binary_integer(binary, (int32_t)((uint32_t)left + (uint32_t)right));
}

static inline int32_t sub_int32(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	return (int32_t)tfl_binary_integer(binary, (int32_t)((uint32_t)left - (uint32_t)right));
}

static inline int64_t add_int64(const struct tfl_binary *binary, int64_t left, int64_t right)
{
	return tfl_binary_integer(binary, (int64_t)((uint64_t)left + (uint64_t)right));
}

static inline int64_t sub_int64(const struct tfl_binary *binary, int64_t left, int64_t right)
{
	return tfl_binary_integer(binary, (int64_t)((uint64_t)left - (uint64_t)right));
}

/* For SUB the right multiplier is negative. Each side is at most half of 32 bits: their sum stays within. */
static inline int32_t add_shifted(const struct tfl_binary *binary, int32_t left, int32_t right, int shift)
{
	int32_t a = tfl_multiply((left - binary->left_zero_point) * (1 << shift), binary->left);
	int32_t b = tfl_multiply((right - binary->right_zero_point) * (1 << shift), binary->right);

	return tfl_binary_element(binary, tfl_multiply(a + b, binary->output));
}

static inline int32_t add_byte(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	return add_shifted(binary, left, right, BYTE_SHIFT);
}

static inline int16_t add_int16(const struct tfl_binary *binary, int16_t left, int16_t right)
{
	return (int16_t)add_shifted(binary, left, right, INT16_SHIFT);
}

static inline int16_t saturate(const struct tfl_binary *binary, int32_t value)
{
	value = value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value;
	return (int16_t)tfl_binary_element(binary, value);
}

static inline int16_t add_power_of_2(const struct tfl_binary *binary, int16_t left, int16_t right)
{
	return saturate(binary, tfl_fixed_shift_right(left, binary->left.shift) + tfl_fixed_shift_right(right, binary->right.shift));
}

static inline int16_t sub_power_of_2(const struct tfl_binary *binary, int16_t left, int16_t right)
{
	return saturate(binary, tfl_fixed_shift_right(left, binary->left.shift) - tfl_fixed_shift_right(right, binary->right.shift));
}

TFL_BINARY_LOOP(add_float32s, float, float, add_float32)
TFL_BINARY_LOOP(add_int8s, int8_t, int8_t, add_byte)
TFL_BINARY_LOOP(add_uint8s, uint8_t, uint8_t, add_byte)
TFL_BINARY_LOOP(add_int16s, int16_t, int16_t, add_int16)
TFL_BINARY_LOOP(add_raws, int16_t, int16_t, add_raw)
TFL_BINARY_LOOP(add_int32s, int32_t, int32_t, add_int32)
TFL_BINARY_LOOP(add_int64s, int64_t, int64_t, add_int64)
TFL_BINARY_LOOP(add_powers_of_2, int16_t, int16_t, add_power_of_2)
TFL_BINARY_LOOP(sub_float32s, float, float, sub_float32)
TFL_BINARY_LOOP(sub_int32s, int32_t, int32_t, sub_int32)
TFL_BINARY_LOOP(sub_int64s, int64_t, int64_t, sub_int64)
TFL_BINARY_LOOP(sub_powers_of_2, int16_t, int16_t, sub_power_of_2)

/* Steps of a side's scale to the right until it is the output's; false where that is no power of 2, or a step to the left. */
static bool steps_to(const struct tfl_value *side, const struct tfl_value *output, int32_t *ret_steps)
{
	int log2, output_log2;

	*ret_steps = 0;
	if (side->zero_point != 0 || output->zero_point != 0 || !tfl_is_power_of_2(side->scale, &log2) ||
	    !tfl_is_power_of_2(output->scale, &output_log2))
		return false;
	*ret_steps = output_log2 - log2 > 31 ? 31 : output_log2 - log2;
	return *ret_steps >= 0;
}

static int setup_sum(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, tfl_binary_loop powers_of_2, int sign)
{
	const struct tfl_value *left = tfl_node_input(graph, node, 0), *right = tfl_node_input(graph, node, 1);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	double twice = 2.0 * (double)(left->scale > right->scale ? left->scale : right->scale);
	bool allowed = node->source->options_type != TFL_OPTIONS_NONE && tfl_fb_bool(&node->source->options, 1, true);
	int shift = left->dtype == TFL_INT16 ? INT16_SHIFT : BYTE_SHIFT;

	if (left->dtype == TFL_INT16 && allowed && steps_to(left, output, &binary->left.shift) &&
	    steps_to(right, output, &binary->right.shift) && (binary->left.shift == 0 || binary->right.shift == 0)) {
		binary->loop = powers_of_2;
		return 0;
	}
	binary->left = tfl_multiplier_from((double)left->scale / twice);
	binary->right = tfl_multiplier_from((double)right->scale / twice);
	binary->right.multiplier *= sign;
	binary->output = tfl_multiplier_from(twice / ((1 << shift) * (double)output->scale));
	return 0;
}

static int setup_add(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error)
{
	return setup_sum(graph, node, binary, add_powers_of_2, 1);
}

static int setup_sub(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error)
{
	return setup_sum(graph, node, binary, sub_powers_of_2, -1);
}

/*
 * An output that the file calls float32 although bytes are added: TensorFlow Lite gives an output the type of the inputs, so that such
 * files run, and the scale beside it is right.
 */
static int prepare_add(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	tfl_node_output(graph, node, 0)->dtype = tfl_node_input(graph, node, 0)->dtype;
	return tfl_binary_prepare(graph, node, error);
}

static const struct tfl_binary_kernel add_kernel = {
	.loops = {[TFL_FLOAT32] = add_float32s, [TFL_INT8] = add_int8s, [TFL_UINT8] = add_uint8s, [TFL_INT16] = add_int16s,
		  [TFL_INT32] = add_int32s, [TFL_INT64] = add_int64s},
	.raw_int16 = add_raws,
	.activation = true,
	.setup = setup_add,
	.xnnpack = xnn_binary_add,
	.xnnpack_fits = tfl_binary_adds,
};

static const struct tfl_binary_kernel sub_kernel = {
	.loops = {[TFL_FLOAT32] = sub_float32s, [TFL_INT8] = add_int8s, [TFL_UINT8] = add_uint8s, [TFL_INT16] = add_int16s,
		  [TFL_INT32] = sub_int32s, [TFL_INT64] = sub_int64s},
	.activation = true,
	.setup = setup_sub,
	.xnnpack = xnn_binary_subtract,
	.xnnpack_fits = tfl_binary_adds,
};

const struct tfl_op tfl_op_add = {
	.code = TFL_BUILTIN_ADD,
	.options = TFL_OPTIONS_ADD,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 5,
	.name = "ADD",
	.types = "ff:f bb:b BB:B ss:s ii:i ll:l bb:f BB:f",
	.prepare = prepare_add,
	.lower = tfl_binary_lower,
	.run = tfl_binary_run,
	.kernel = &add_kernel,
};

const struct tfl_op tfl_op_sub = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_SUB,
	.options = TFL_OPTIONS_SUB,
	.max_version = 5,
	.name = "SUB",
	.types = "ff:f bb:b BB:B ss:s ii:i ll:l",
	.lower = tfl_binary_lower,
	.kernel = &sub_kernel,
};
