/* SPDX-License-Identifier: MIT */
/*
 * HARD_SWISH: x * min(max(x + 3, 0), 6) / 6. Of bytes it is TensorFlow Lite's fixed point with 16 bits: the input, shifted left by 7, times
 * the ratio of the scales, times (x + 3) / 6 held within 0 and 1.
 */
#include <math.h>

#include "base/error.h"
#include "runtime/kernel_unary.h"

#define SHIFT 7 /* bits that the input is shifted to the left, so that 16 are used */

static inline float hard_swish(const struct tfl_unary *unary, float value)
{
	float gate = value + 3;

	return value * (gate < 0 ? 0 : gate > 6 ? 6 : gate) / 6;
}

TFL_UNARY_LOOP(hard_swish_float32s, float, hard_swish)

static int32_t saturate(int64_t value)
{
	return value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : (int32_t)value;
}

/* The high 16 bits of 2 * a * b, rounded to the nearest, ties upwards. */
static int32_t high_multiply(int32_t a, int32_t b)
{
	int32_t product = a * b;

	return saturate((product + (product >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15));
}

/* (x + 3) / 6 between 0 and 1, where 2^15 is 1, from the shifted input. */
static int32_t gate(struct tfl_multiplier multiplier, int32_t shifted)
{
	int32_t value = shifted;

	/* All shifts to the left but the last come first: what saturates there saturates in the last one too. */
	if (multiplier.shift > 0)
		value = saturate(value * (1LL << (multiplier.shift - 1)));
	value = high_multiply(value, multiplier.multiplier);
	if (multiplier.shift > 0)
		value = saturate((int64_t)value * 2);
	else
		value = tfl_fixed_shift_right(value, -multiplier.shift);
	return (value + (1 << 15)) >> 1;
}

static int32_t hard_swish_quantized(const struct tfl_unary *unary, int32_t value)
{
	int32_t shifted = value * (1 << SHIFT), scaled = high_multiply(shifted, unary->multipliers[0].multiplier);

	/* Cut, not rounded: that cancels the bias of the roundings before. */
	return tfl_fixed_shift_right(gate(unary->multipliers[1], shifted) * scaled / (1 << 15), -unary->multipliers[0].shift);
}

/* A multiplier of 16 bits. */
static struct tfl_multiplier narrow_multiplier(float factor)
{
	struct tfl_multiplier multiplier = tfl_multiplier_from((double)factor);

	multiplier.multiplier = multiplier.multiplier >= INT32_MAX - (1 << 15) ? INT16_MAX : (multiplier.multiplier + (1 << 15)) >> 16;
	return multiplier;
}

static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	float scale = unary->input_scale / (1 << SHIFT);

	unary->multipliers[0] = narrow_multiplier(scale / unary->output_scale);
	unary->multipliers[1] = narrow_multiplier(scale / (3.0f / (1 << 15)));
	if (unary->multipliers[0].shift > 0)
		return tfl_node_unsupported(graph, node, error, "the scale of its input, %g, is more than %d times that of its output, %g",
					    (double)unary->input_scale, 1 << SHIFT, (double)unary->output_scale);
	return 0;
}

static const struct tfl_unary_kernel hard_swish_kernel = {
	.loops = {[TFL_FLOAT32] = hard_swish_float32s},
	.quantized = hard_swish_quantized,
	.setup = setup,
	.xnnpack = xnn_unary_hardswish,
	.xnnpack_bytes = true,
};

const struct tfl_op tfl_op_hard_swish = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_HARD_SWISH,
	.options = TFL_OPTIONS_HARD_SWISH,
	.max_version = 1,
	.name = "HARD_SWISH",
	.types = "f:f b:b B:B",
	.lower = tfl_unary_lower,
	.kernel = &hard_swish_kernel,
};
