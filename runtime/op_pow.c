/* SPDX-License-Identifier: MIT */
/*
 * POW and ATAN2, the angle of (x, y) = (right, left), with broadcasting. Integer powers wrap; a negative exponent, which TensorFlow Lite
 * does not take, gives the power's reciprocal, cut towards zero: 0 but for the bases 1 and -1.
 */
#include <math.h>

#include "runtime/kernel_binary.h"

static inline float pow_float32(const struct tfl_binary *binary, float left, float right)
{
	return powf(left, right);
}

static int32_t pow_int32(const struct tfl_binary *binary, int32_t left, int32_t right)
{
	uint32_t power = 1, factor = (uint32_t)left, exponent = (uint32_t)right;

	if (right < 0 && left != 1 && left != -1)
		return 0;
	for (; exponent != 0; exponent >>= 1) {
		power *= exponent & 1 ? factor : 1;
		factor *= factor;
	}
	return (int32_t)power;
}

static inline float atan2_float32(const struct tfl_binary *binary, float left, float right)
{
	return atan2f(left, right);
}

TFL_BINARY_LOOP(pow_float32s, float, float, pow_float32)
TFL_BINARY_LOOP(pow_int32s, int32_t, int32_t, pow_int32)
TFL_BINARY_LOOP(atan2_float32s, float, float, atan2_float32)

static const struct tfl_binary_kernel pow_kernel = {
	.loops = {[TFL_FLOAT32] = pow_float32s, [TFL_INT32] = pow_int32s},
	.xnnpack = xnn_binary_pow,
};

static const struct tfl_binary_kernel atan2_kernel = {
	.loops = {[TFL_FLOAT32] = atan2_float32s},
	.xnnpack = xnn_binary_atan2,
};

const struct tfl_op tfl_op_atan2 = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_ATAN2,
	.options = TFL_OPTIONS_ATAN2,
	.max_version = 1,
	.name = "ATAN2",
	.types = "ff:f",
	.lower = tfl_binary_lower,
	.kernel = &atan2_kernel,
};

const struct tfl_op tfl_op_pow = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_POW,
	.options = TFL_OPTIONS_POW,
	.max_version = 1,
	.name = "POW",
	.types = "ff:f ii:i",
	.lower = tfl_binary_lower,
	.kernel = &pow_kernel,
};
