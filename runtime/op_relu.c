/* SPDX-License-Identifier: MIT */
/*
 * RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1: the element held between two bounds. Input and output of a quantised one may have different
 * scales: the element is rescaled by input scale / output scale, then held between the bounds as the output's scale rounds them.
 */
#include <math.h>

#include "runtime/kernel_unary.h"

static inline float clamp(const struct tfl_unary *unary, float value)
{
	float low = unary->params.clamp.min, high = unary->params.clamp.max;

	return value < low ? low : value > high ? high : value;
}

static int32_t clamp_quantized(const struct tfl_unary *unary, int32_t value)
{
	return tfl_multiply(value, unary->multipliers[0]);
}

TFL_UNARY_INT16(clamp_int16, clamp_quantized)
TFL_UNARY_LOOP(clamp_float32s, float, clamp)
TFL_UNARY_LOOP(clamp_int16s, int16_t, clamp_int16)

static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	unary->range = tfl_range_of(tfl_node_output(graph, node, 0), unary->params.clamp.min, unary->params.clamp.max);
	unary->multipliers[0] = tfl_multiplier_from((double)(unary->input_scale / unary->output_scale));
	return 0;
}

/* XNNPACK's clamp does not change the scale. */
static bool keeps_scale(const struct tfl_unary *unary, const struct tfl_value *from, const struct tfl_value *to)
{
	return from->scale == to->scale && from->zero_point == to->zero_point;
}

#define KERNEL(low, high) \
	.loops = {[TFL_FLOAT32] = clamp_float32s, [TFL_INT16] = clamp_int16s}, .quantized = clamp_quantized, .setup = setup, \
	.xnnpack = xnn_unary_clamp, .params = {.clamp = {low, high}}, .xnnpack_bytes = true, .xnnpack_fits = keeps_scale

static const struct tfl_unary_kernel relu_kernel = {KERNEL(0, INFINITY)};
static const struct tfl_unary_kernel relu6_kernel = {KERNEL(0, 6)};
static const struct tfl_unary_kernel relu_n1_to_1_kernel = {KERNEL(-1, 1)};
static const struct tfl_unary_kernel relu_0_to_1_kernel = {KERNEL(0, 1)};

const struct tfl_op tfl_op_relu = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_RELU,
	.max_version = 3,
	.name = "RELU",
	.types = "f:f b:b B:B s:s",
	.lower = tfl_unary_lower,
	.kernel = &relu_kernel,
};

const struct tfl_op tfl_op_relu6 = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_RELU6,
	.max_version = 3,
	.name = "RELU6",
	.types = "f:f b:b B:B s:s",
	.lower = tfl_unary_lower,
	.kernel = &relu6_kernel,
};

const struct tfl_op tfl_op_relu_n1_to_1 = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_RELU_N1_TO_1,
	.max_version = 1,
	.name = "RELU_N1_TO_1",
	.types = "f:f b:b B:B",
	.lower = tfl_unary_lower,
	.kernel = &relu_n1_to_1_kernel,
};

const struct tfl_op tfl_op_relu_0_to_1 = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_RELU_0_TO_1,
	.max_version = 1,
	.name = "RELU_0_TO_1",
	.types = "f:f b:b B:B",
	.lower = tfl_unary_lower,
	.kernel = &relu_0_to_1_kernel,
};
