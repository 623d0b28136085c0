/* SPDX-License-Identifier: MIT */
/*
 * ABS. A quantised element is rescaled after its sign is gone. int16 may come without quantisation; the magnitude of the least integer is
 * itself.
 */
#include <math.h>
#include <stdlib.h>

#include "runtime/kernel_unary.h"

static inline float magnitude_float32(const struct tfl_unary *unary, float value)
{
	return fabsf(value);
}

static inline int32_t magnitude_int32(const struct tfl_unary *unary, int32_t value)
{
	return value < 0 ? (int32_t)-(uint32_t)value : value;
}

static inline int16_t magnitude_raw(const struct tfl_unary *unary, int16_t value)
{
	return (int16_t)abs(value);
}

static int32_t magnitude_quantized(const struct tfl_unary *unary, int32_t value)
{
	return unary->flag ? tfl_multiply(abs(value), unary->multipliers[0]) : abs(value);
}

TFL_UNARY_INT16(magnitude_int16, magnitude_quantized)
TFL_UNARY_LOOP(magnitude_float32s, float, magnitude_float32)
TFL_UNARY_LOOP(magnitude_int16s, int16_t, magnitude_int16)
TFL_UNARY_LOOP(magnitude_int32s, int32_t, magnitude_int32)
TFL_UNARY_LOOP(magnitude_raws, int16_t, magnitude_raw)

/* The flag: there is something to rescale. */
static int setup(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	unary->flag = unary->input_scale != unary->output_scale;
	unary->multipliers[0] = tfl_multiplier_from((double)(unary->input_scale / unary->output_scale));
	return 0;
}

static const struct tfl_unary_kernel abs_kernel = {
	.loops = {[TFL_FLOAT32] = magnitude_float32s, [TFL_INT16] = magnitude_int16s, [TFL_INT32] = magnitude_int32s},
	.raw_int16 = magnitude_raws,
	.quantized = magnitude_quantized,
	.setup = setup,
	.xnnpack = xnn_unary_abs,
	.xnnpack_bytes = true,
};

const struct tfl_op tfl_op_abs = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_ABS,
	.options = TFL_OPTIONS_ABS,
	.max_version = 5,
	.name = "ABS",
	.types = "f:f b:b s:s i:i",
	.lower = tfl_unary_lower,
	.kernel = &abs_kernel,
};
