/* SPDX-License-Identifier: MIT */
/*
 * SQRT and RSQRT, 1 / sqrt(x). Quantised, as TensorFlow Lite's reference has them: a root is computed in float32 and cut, not rounded, to
 * the output's step; the reciprocal root of a byte is Newton's method in fixed point, that of an int16 a table. TensorFlow Lite takes no
 * numbers below 0 there; here their root is 0, and their reciprocal root that of 0: the greatest number that the output holds.
 *
 * XNNPACK has both in float32, but where it refines an estimate it makes NaN of 1 / sqrt(0) and of the root of infinity. The processor's
 * own instructions cost 0.3 and 0.6 ns an element, and a step of its own 0.1 us.
 */
#include <math.h>

#include "runtime/kernel_unary.h"

#define SHIFT 20 /* bits after the binary point that a reciprocal root keeps until it is rescaled */

static inline float root(const struct tfl_unary *unary, float value)
{
	return sqrtf(value);
}

static inline float reciprocal_root(const struct tfl_unary *unary, float value)
{
	return 1 / sqrtf(value);
}

static inline int32_t root_quantized(const struct tfl_unary *unary, int32_t value)
{
	float scaled = sqrtf(unary->input_scale * (float)value) / unary->output_scale;

	return value <= 0 ? 0 : scaled < 65536 ? (int32_t)scaled : 65536;
}

static int32_t reciprocal_root_byte(const struct tfl_unary *unary, int32_t value)
{
	int32_t whole;

	if (value <= 0)
		return INT32_MAX;
	whole = tfl_multiply(1, tfl_multiplier_scale(tfl_inverse_sqrt(value), SHIFT));
	return tfl_multiply(whole, unary->multipliers[0]);
}

/* Of the table for int16. */
static float reciprocal_root_int16(const struct tfl_unary *unary, float value)
{
	return value > 0 ? 1 / sqrtf(value) : INT16_MAX * unary->output_scale;
}

TFL_UNARY_INT16(root_int16, root_quantized)
TFL_UNARY_LOOP(root_float32s, float, root)
TFL_UNARY_LOOP(root_int16s, int16_t, root_int16)
TFL_UNARY_LOOP(reciprocal_root_float32s, float, reciprocal_root)

static int setup_reciprocal(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	double factor = 1 / (double)(sqrtf(unary->input_scale) * unary->output_scale);

	unary->multipliers[0] = tfl_multiplier_scale(tfl_multiplier_from(factor), -SHIFT);
	return 0;
}

static const struct tfl_unary_kernel sqrt_kernel = {
	.loops = {[TFL_FLOAT32] = root_float32s, [TFL_INT16] = root_int16s},
	.quantized = root_quantized,
};

static const struct tfl_unary_kernel rsqrt_kernel = {
	.loops = {[TFL_FLOAT32] = reciprocal_root_float32s},
	.real = reciprocal_root_int16,
	.quantized = reciprocal_root_byte,
	.setup = setup_reciprocal,
};

const struct tfl_op tfl_op_rsqrt = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_RSQRT,
	.max_version = 3,
	.name = "RSQRT",
	.types = "f:f b:b s:s",
	.kernel = &rsqrt_kernel,
};

const struct tfl_op tfl_op_sqrt = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_SQRT,
	.max_version = 2,
	.name = "SQRT",
	.types = "f:f b:b s:s",
	.kernel = &sqrt_kernel,
};
