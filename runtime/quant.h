/* SPDX-License-Identifier: MIT */
/*
 * Affine quantisation: real = scale * (q - zero_point). Conversions between float32 and quantised tensors at the edge of a model, and the
 * fixed-point arithmetic that quantised kernels share.
 */
#ifndef RUNTIME_QUANT_H
#define RUNTIME_QUANT_H

#include <stddef.h>
#include <stdint.h>

#include "base/tfl-types.h"

/**
 * q = clamp(round_half_away(value / scale) + zero_point), NaN becomes zero_point. @p dtype is INT8, UINT8, INT16 or INT32; @p values and
 * @p ret_quantized have @p count elements and may be unaligned. 0, or -EINVAL for another type.
 */
int tfl_quantize(enum tfl_dtype dtype, float scale, int32_t zero_point, const void *values, size_t count, void *ret_quantized);

/** value = scale * (q - zero_point), the other way round. Same types, alignment and errors. */
int tfl_dequantize(enum tfl_dtype dtype, float scale, int32_t zero_point, const void *quantized, size_t count, void *ret_values);

#endif
