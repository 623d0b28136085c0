/* SPDX-License-Identifier: MIT */
/*
 * EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, with broadcasting. Quantised bytes are compared as TensorFlow Lite does it:
 * each side is brought to steps of 1/256 and rounded first, so that numbers close to each other are equal.
 */
#include "runtime/kernel_binary.h"

#define SHIFT 8 /* bits after the binary point of a quantised element */
#define SCALED(binary, side, value) tfl_multiply(((value) - (binary)->side##_zero_point) * (1 << SHIFT), (binary)->side)

#define EQUAL(binary, left, right) ((left) == (right))
#define NOT_EQUAL(binary, left, right) ((left) != (right))
#define LESS(binary, left, right) ((left) < (right))
#define LESS_EQUAL(binary, left, right) ((left) <= (right))
#define GREATER(binary, left, right) ((left) > (right))
#define GREATER_EQUAL(binary, left, right) ((left) >= (right))

static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error)
{
	binary->left = tfl_multiplier_from((double)tfl_node_input(graph, node, 0)->scale);
	binary->right = tfl_multiplier_from((double)tfl_node_input(graph, node, 1)->scale);
	return 0;
}

/* int16 stand for themselves. */
#define LOOPS(name, compare) \
	static inline uint8_t name##_byte(const struct tfl_binary *binary, int32_t left, int32_t right) \
	{ \
		return compare(binary, SCALED(binary, left, left), SCALED(binary, right, right)); \
	} \
\
	TFL_BINARY_LOOP(name##_float32s, float, uint8_t, compare) \
	TFL_BINARY_LOOP(name##_int8s, int8_t, uint8_t, name##_byte) \
	TFL_BINARY_LOOP(name##_uint8s, uint8_t, uint8_t, name##_byte) \
	TFL_BINARY_LOOP(name##_int16s, int16_t, uint8_t, compare) \
	TFL_BINARY_LOOP(name##_int32s, int32_t, uint8_t, compare) \
	TFL_BINARY_LOOP(name##_int64s, int64_t, uint8_t, compare)

/* Any byte but 0 is true. */
#define BOOL_LOOP(name, compare) \
	static inline uint8_t name##_bool(const struct tfl_binary *binary, uint8_t left, uint8_t right) \
	{ \
		return compare(binary, left != 0, right != 0); \
	} \
\
	TFL_BINARY_LOOP(name##_bools, uint8_t, uint8_t, name##_bool)

#define NUMBERS(name) \
	[TFL_FLOAT32] = name##_float32s, [TFL_INT8] = name##_int8s, [TFL_UINT8] = name##_uint8s, [TFL_INT16] = name##_int16s, \
	[TFL_INT32] = name##_int32s, [TFL_INT64] = name##_int64s

LOOPS(equal, EQUAL)
LOOPS(not_equal, NOT_EQUAL)
LOOPS(less, LESS)
LOOPS(less_equal, LESS_EQUAL)
LOOPS(greater, GREATER)
LOOPS(greater_equal, GREATER_EQUAL)
BOOL_LOOP(equal, EQUAL)
BOOL_LOOP(not_equal, NOT_EQUAL)

static const struct tfl_binary_kernel equal_kernel = {.loops = {NUMBERS(equal), [TFL_BOOL] = equal_bools}, .setup = setup};
static const struct tfl_binary_kernel not_equal_kernel = {.loops = {NUMBERS(not_equal), [TFL_BOOL] = not_equal_bools}, .setup = setup};
static const struct tfl_binary_kernel less_kernel = {.loops = {NUMBERS(less)}, .setup = setup};
static const struct tfl_binary_kernel less_equal_kernel = {.loops = {NUMBERS(less_equal)}, .setup = setup};
static const struct tfl_binary_kernel greater_kernel = {.loops = {NUMBERS(greater)}, .setup = setup};
static const struct tfl_binary_kernel greater_equal_kernel = {.loops = {NUMBERS(greater_equal)}, .setup = setup};

const struct tfl_op tfl_op_equal = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_EQUAL,
	.options = TFL_OPTIONS_EQUAL,
	.max_version = 4,
	.name = "EQUAL",
	.types = "ff:z bb:z BB:z ss:z ii:z ll:z zz:z",
	.kernel = &equal_kernel,
};

const struct tfl_op tfl_op_greater = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_GREATER,
	.options = TFL_OPTIONS_GREATER,
	.max_version = 2,
	.name = "GREATER",
	.types = "ff:z bb:z BB:z ss:z ii:z ll:z",
	.kernel = &greater_kernel,
};

const struct tfl_op tfl_op_greater_equal = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_GREATER_EQUAL,
	.options = TFL_OPTIONS_GREATER_EQUAL,
	.max_version = 3,
	.name = "GREATER_EQUAL",
	.types = "ff:z bb:z BB:z ss:z ii:z ll:z",
	.kernel = &greater_equal_kernel,
};

const struct tfl_op tfl_op_less = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_LESS,
	.options = TFL_OPTIONS_LESS,
	.max_version = 3,
	.name = "LESS",
	.types = "ff:z bb:z BB:z ss:z ii:z ll:z",
	.kernel = &less_kernel,
};

const struct tfl_op tfl_op_less_equal = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_LESS_EQUAL,
	.options = TFL_OPTIONS_LESS_EQUAL,
	.max_version = 2,
	.name = "LESS_EQUAL",
	.types = "ff:z bb:z BB:z ss:z ii:z ll:z",
	.kernel = &less_equal_kernel,
};

const struct tfl_op tfl_op_not_equal = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_NOT_EQUAL,
	.options = TFL_OPTIONS_NOT_EQUAL,
	.max_version = 3,
	.name = "NOT_EQUAL",
	.types = "ff:z bb:z BB:z ss:z ii:z ll:z zz:z",
	.kernel = &not_equal_kernel,
};
