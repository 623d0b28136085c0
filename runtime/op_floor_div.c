/* SPDX-License-Identifier: MIT */
/*
 * FLOOR_DIV, the quotient cut towards minus infinity, and FLOOR_MOD, what it leaves, which has the divisor's sign. int8 and int16 stand for
 * themselves. Integers divided by 0, which fails in TensorFlow Lite, give 0; the least one divided by -1 gives itself.
 */
#include <math.h>

#include "runtime/kernel_binary.h"

/* In double precision, where a quotient of two floats is not rounded up to the next integer. */
static inline float floor_div_float32(const struct tfl_binary *binary, float left, float right)
{
	return (float)floor((double)left / (double)right);
}

static inline float floor_mod_float32(const struct tfl_binary *binary, float left, float right)
{
	float rest = fmodf(left, right);

	return rest != 0 && (right < 0) != (rest < 0) ? rest + right : rest;
}

/* -1 is a divisor of its own: the least int64 has no quotient by it. */
static inline int64_t floor_mod_integer(const struct tfl_binary *binary, int64_t left, int64_t right)
{
	int64_t rest = right == 0 || right == -1 ? 0 : left % right;

	return rest != 0 && (right < 0) != (rest < 0) ? rest + right : rest;
}

static inline int64_t floor_div_integer(const struct tfl_binary *binary, int64_t left, int64_t right)
{
	return right == 0 ? 0 : (left - floor_mod_integer(binary, left, right)) / right;
}

TFL_BINARY_LOOP(floor_div_float32s, float, float, floor_div_float32)
TFL_BINARY_LOOP(floor_div_int8s, int8_t, int8_t, floor_div_integer)
TFL_BINARY_LOOP(floor_div_int16s, int16_t, int16_t, floor_div_integer)
TFL_BINARY_LOOP(floor_div_int32s, int32_t, int32_t, floor_div_integer)
TFL_BINARY_LOOP(floor_mod_float32s, float, float, floor_mod_float32)
TFL_BINARY_LOOP(floor_mod_int8s, int8_t, int8_t, floor_mod_integer)
TFL_BINARY_LOOP(floor_mod_int16s, int16_t, int16_t, floor_mod_integer)
TFL_BINARY_LOOP(floor_mod_int32s, int32_t, int32_t, floor_mod_integer)
TFL_BINARY_LOOP(floor_mod_int64s, int64_t, int64_t, floor_mod_integer)

static const struct tfl_binary_kernel floor_div_kernel = {
	.loops = {[TFL_FLOAT32] = floor_div_float32s, [TFL_INT8] = floor_div_int8s, [TFL_INT16] = floor_div_int16s,
		  [TFL_INT32] = floor_div_int32s},
	.raw = true,
};

static const struct tfl_binary_kernel floor_mod_kernel = {
	.loops = {[TFL_FLOAT32] = floor_mod_float32s, [TFL_INT8] = floor_mod_int8s, [TFL_INT16] = floor_mod_int16s,
		  [TFL_INT32] = floor_mod_int32s, [TFL_INT64] = floor_mod_int64s},
	.raw = true,
};

const struct tfl_op tfl_op_floor_div = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_FLOOR_DIV,
	.options = TFL_OPTIONS_FLOOR_DIV,
	.max_version = 3,
	.name = "FLOOR_DIV",
	.types = "ff:f bb:b ss:s ii:i",
	.kernel = &floor_div_kernel,
};

const struct tfl_op tfl_op_floor_mod = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_FLOOR_MOD,
	.options = TFL_OPTIONS_FLOOR_MOD,
	.max_version = 2,
	.name = "FLOOR_MOD",
	.types = "ff:f bb:b ss:s ii:i ll:l",
	.kernel = &floor_mod_kernel,
};
