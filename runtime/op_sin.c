/* SPDX-License-Identifier: MIT */
/* SIN and COS, of radians. */
#include <math.h>

#include "runtime/kernel_unary.h"

static float sine(const struct tfl_unary *unary, float value)
{
	return sinf(value);
}

static float cosine(const struct tfl_unary *unary, float value)
{
	return cosf(value);
}

TFL_UNARY_LOOP(sine_float32s, float, sine)
TFL_UNARY_LOOP(cosine_float32s, float, cosine)

static const struct tfl_unary_kernel sin_kernel = {.loops = {[TFL_FLOAT32] = sine_float32s}, .xnnpack = xnn_unary_sine};
static const struct tfl_unary_kernel cos_kernel = {.loops = {[TFL_FLOAT32] = cosine_float32s}, .xnnpack = xnn_unary_cosine};

const struct tfl_op tfl_op_cos = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_COS,
	.options = TFL_OPTIONS_COS,
	.max_version = 1,
	.name = "COS",
	.types = "f:f",
	.lower = tfl_unary_lower,
	.kernel = &cos_kernel,
};

const struct tfl_op tfl_op_sin = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_SIN,
	.max_version = 1,
	.name = "SIN",
	.types = "f:f",
	.lower = tfl_unary_lower,
	.kernel = &sin_kernel,
};
