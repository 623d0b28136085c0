/* SPDX-License-Identifier: MIT */
/*
 * GELU: x times the normal distribution's share below x. That is x / 2 * (1 + erf(x / sqrt(2))), written with erfc, which keeps its digits
 * far below 0; or, where the options say approximate, with tanh in its place.
 */
#include <math.h>

#include "runtime/kernel_unary.h"

static float exact(float value)
{
	return 0.5f * value * erfcf(value * (float)-M_SQRT1_2);
}

static float approximate(float value)
{
	return 0.5f * value * (1 + tanhf((float)(M_2_SQRTPI * M_SQRT1_2) * (value + 0.044715f * value * value * value)));
}

static float gelu(const struct tfl_unary *unary, float value)
{
	return unary->flag ? approximate(value) : exact(value);
}

TFL_UNARY_LOOP(gelu_float32s, float, gelu)

static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	unary->flag = tfl_fb_bool(&node->source->options, 0, false);
	return 0;
}

static bool is_exact(const struct tfl_unary *unary, const struct tfl_value *from, const struct tfl_value *to)
{
	return !unary->flag;
}

static const struct tfl_unary_kernel gelu_kernel = {
	.loops = {[TFL_FLOAT32] = gelu_float32s},
	.real = gelu,
	.setup = setup,
	.xnnpack = xnn_unary_gelu,
	.xnnpack_bytes = true,
	.xnnpack_fits = is_exact,
};

const struct tfl_op tfl_op_gelu = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_GELU,
	.options = TFL_OPTIONS_GELU,
	.max_version = 2,
	.name = "GELU",
	.types = "f:f b:b B:B",
	.lower = tfl_unary_lower,
	.kernel = &gelu_kernel,
};
