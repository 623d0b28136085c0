/* SPDX-License-Identifier: MIT */
/* LEAKY_RELU: x, or alpha times x where x is negative. A quantised element is rescaled by one of two multipliers. */
#include <math.h>

#include "base/error.h"
#include "runtime/kernel_unary.h"
#include "runtime/lower.h"

static inline float leak(const struct tfl_unary *unary, float value)
{
	return value > 0 ? value : value * unary->params.leaky_relu.negative_slope;
}

static inline int32_t leak_quantized(const struct tfl_unary *unary, int32_t value)
{
	return tfl_multiply(value, unary->multipliers[value < 0]);
}

TFL_UNARY_INT16(leak_int16, leak_quantized)
TFL_UNARY_LOOP(leak_float32s, float, leak)
TFL_UNARY_LOOP(leak_int16s, int16_t, leak_int16)

static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	float alpha = tfl_fb_f32(&node->source->options, 0, 0), slope = unary->input_scale * alpha / unary->output_scale;

	if (!isfinite(alpha))
		return tfl_node_invalid(graph, node, error, "its alpha is %g; a finite number is right", (double)alpha);
	unary->params.leaky_relu.negative_slope = alpha;
	unary->multipliers[0] = tfl_multiplier_from((double)(unary->input_scale / unary->output_scale));
	unary->multipliers[1] = tfl_multiplier_from((double)fabsf(slope));
	if (slope < 0)
		unary->multipliers[1].multiplier *= -1;
	return 0;
}

/* XNNPACK multiplies bytes by factors of 16 bits, 8 of them after the binary point, and only asserts that they fit. */
static bool fits(const struct tfl_unary *unary, const struct tfl_value *from, const struct tfl_value *to)
{
	float scale = from->scale / to->scale, slope = scale * unary->params.leaky_relu.negative_slope;

	return from->dtype == TFL_FLOAT32 || (scale >= 0x1p-8f && scale <= 0x1p7f && fabsf(slope) >= 0x1p-8f && slope <= 0x1p7f &&
					      slope >= -0x1.FFFCp6f);
}

static const struct tfl_unary_kernel leaky_relu_kernel = {
	.loops = {[TFL_FLOAT32] = leak_float32s, [TFL_INT16] = leak_int16s},
	.quantized = leak_quantized,
	.setup = setup,
	.xnnpack = xnn_unary_leaky_relu,
	.xnnpack_bytes = true,
	.xnnpack_fits = fits,
};

const struct tfl_op tfl_op_leaky_relu = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_LEAKY_RELU,
	.options = TFL_OPTIONS_LEAKY_RELU,
	.max_version = 2,
	.name = "LEAKY_RELU",
	.types = "f:f b:b B:B s:s",
	.lower = tfl_unary_lower,
	.kernel = &leaky_relu_kernel,
};
