/* SPDX-License-Identifier: MIT */
/* FLOOR, CEIL, and ROUND: to the nearest whole number, halves to the even one. */
#include <math.h>

#include "runtime/kernel_unary.h"

static inline float down(const struct tfl_unary *unary, float value)
{
	return floorf(value);
}

static inline float up(const struct tfl_unary *unary, float value)
{
	return ceilf(value);
}

/* In the default rounding mode, which nothing here changes. */
static inline float nearest(const struct tfl_unary *unary, float value)
{
	return rintf(value);
}

TFL_UNARY_LOOP(down_float32s, float, down)
TFL_UNARY_LOOP(up_float32s, float, up)
TFL_UNARY_LOOP(nearest_float32s, float, nearest)

static const struct tfl_unary_kernel floor_kernel = {.loops = {[TFL_FLOAT32] = down_float32s}, .xnnpack = xnn_unary_floor};
static const struct tfl_unary_kernel ceil_kernel = {.loops = {[TFL_FLOAT32] = up_float32s}, .xnnpack = xnn_unary_ceiling};
static const struct tfl_unary_kernel round_kernel = {.loops = {[TFL_FLOAT32] = nearest_float32s}, .xnnpack = xnn_unary_bankers_rounding};

const struct tfl_op tfl_op_ceil = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_CEIL,
	.max_version = 1,
	.name = "CEIL",
	.types = "f:f",
	.lower = tfl_unary_lower,
	.kernel = &ceil_kernel,
};

const struct tfl_op tfl_op_floor = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_FLOOR,
	.max_version = 1,
	.name = "FLOOR",
	.types = "f:f",
	.lower = tfl_unary_lower,
	.kernel = &floor_kernel,
};

const struct tfl_op tfl_op_round = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_ROUND,
	.max_version = 1,
	.name = "ROUND",
	.types = "f:f",
	.lower = tfl_unary_lower,
	.kernel = &round_kernel,
};
