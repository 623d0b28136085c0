/* SPDX-License-Identifier: MIT */
/* NEG, SIGN, SQUARE. The negative of the least integer is itself; the sign of NaN is 0. */
#include "runtime/kernel_unary.h"

static inline float negate_float32(const struct tfl_unary *unary, float value)
{
	return -value;
}

static inline int32_t negate_int32(const struct tfl_unary *unary, int32_t value)
{
	return (int32_t)-(uint32_t)value;
}

static inline int64_t negate_int64(const struct tfl_unary *unary, int64_t value)
{
	return (int64_t)-(uint64_t)value;
}

static inline float sign_float32(const struct tfl_unary *unary, float value)
{
	return (float)((value > 0) - (value < 0));
}

static inline int32_t sign_int32(const struct tfl_unary *unary, int32_t value)
{
	return (value > 0) - (value < 0);
}

static inline float square(const struct tfl_unary *unary, float value)
{
	return value * value;
}

TFL_UNARY_LOOP(negate_float32s, float, negate_float32)
TFL_UNARY_LOOP(negate_int32s, int32_t, negate_int32)
TFL_UNARY_LOOP(negate_int64s, int64_t, negate_int64)
TFL_UNARY_LOOP(sign_float32s, float, sign_float32)
TFL_UNARY_LOOP(sign_int32s, int32_t, sign_int32)
TFL_UNARY_LOOP(square_float32s, float, square)

static const struct tfl_unary_kernel neg_kernel = {
	.loops = {[TFL_FLOAT32] = negate_float32s, [TFL_INT32] = negate_int32s, [TFL_INT64] = negate_int64s},
	.xnnpack = xnn_unary_negate,
};

static const struct tfl_unary_kernel sign_kernel = {
	.loops = {[TFL_FLOAT32] = sign_float32s, [TFL_INT32] = sign_int32s},
	.xnnpack = xnn_unary_sign,
};

static const struct tfl_unary_kernel square_kernel = {.loops = {[TFL_FLOAT32] = square_float32s}, .xnnpack = xnn_unary_square};

const struct tfl_op tfl_op_neg = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_NEG,
	.options = TFL_OPTIONS_NEG,
	.max_version = 1,
	.name = "NEG",
	.types = "f:f i:i l:l",
	.lower = tfl_unary_lower,
	.kernel = &neg_kernel,
};

const struct tfl_op tfl_op_sign = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_SIGN,
	.options = TFL_OPTIONS_SIGN,
	.max_version = 2,
	.name = "SIGN",
	.types = "f:f i:i",
	.lower = tfl_unary_lower,
	.kernel = &sign_kernel,
};

const struct tfl_op tfl_op_square = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_SQUARE,
	.options = TFL_OPTIONS_SQUARE,
	.max_version = 1,
	.name = "SQUARE",
	.types = "f:f",
	.lower = tfl_unary_lower,
	.kernel = &square_kernel,
};
