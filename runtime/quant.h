/* SPDX-License-Identifier: MIT */
/*
 * Affine quantisation: real = scale * (q - zero_point). Conversions between float32 and quantised tensors at the edge of a model, and what
 * quantised kernels share above the arithmetic of fixed.h.
 */
#ifndef RUNTIME_QUANT_H
#define RUNTIME_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tfl-types.h"
#include "runtime/fixed.h"
#include "runtime/schema.h"

struct tfl_error;
struct tfl_graph;
struct tfl_node;
struct tfl_value;

/**
 * q = clamp(round_half_away(value / scale) + zero_point), NaN becomes zero_point. @p dtype is INT8, UINT8, INT16 or INT32; @p values and
 * @p ret_quantized have @p count elements and may be unaligned. 0, or -EINVAL for another type.
 */
int tfl_quantize(enum tfl_dtype dtype, float scale, int32_t zero_point, const void *values, size_t count, void *ret_quantized);

/** value = scale * (q - zero_point), the other way round. Same types, alignment and errors. */
int tfl_dequantize(enum tfl_dtype dtype, float scale, int32_t zero_point, const void *quantized, size_t count, void *ret_values);

/**
 * Chooses a scale and a zero point for @p count floats and quantises them to int8: with @p asymmetric so that 0 and both extremes are met,
 * else to -127..127 with a zero point of 0. Values that are all 0 get a scale of 1. What is not finite makes what it must (a scale that
 * is infinite, a value of 0 for NaN) and no more.
 */
void tfl_quantize_dynamic(const float *values, size_t count, bool asymmetric, int8_t *ret_quantized, float *ret_scale,
			  int32_t *ret_zero_point);

/** IEEE 754 half precision to single, exactly; NaN payloads are kept. Both have @p count elements. */
void tfl_float16_to_float32(const uint16_t *values, size_t count, float *ret_values);

/** The integers that @p dtype holds; false for a type that is none of INT8, UINT8, INT16, INT32. */
bool tfl_integer_range(enum tfl_dtype dtype, int32_t *ret_min, int32_t *ret_max);

/* The range that a fused activation leaves, in floats and in the integers of a quantised output. */
struct tfl_range {
	float min, max;
	int32_t quantized_min, quantized_max;
};

/** clamp(tfl_multiply(sum, multiplier) + zero_point): from an accumulator to an element. */
static inline int32_t tfl_requantize(int32_t sum, struct tfl_multiplier multiplier, int32_t zero_point, const struct tfl_range *range)
{
	int64_t value = (int64_t)tfl_multiply(sum, multiplier) + zero_point;

	return value < range->quantized_min ? range->quantized_min : value > range->quantized_max ? range->quantized_max : (int32_t)value;
}

/** clamp(tfl_multiply_wide(sum, multiplier)): to an element of a 16-bit tensor, which has no zero point. */
static inline int32_t tfl_requantize_wide(int64_t sum, struct tfl_multiplier multiplier, const struct tfl_range *range)
{
	int64_t value = tfl_multiply_wide(sum, multiplier);

	return value < range->quantized_min ? range->quantized_min : value > range->quantized_max ? range->quantized_max : (int32_t)value;
}

/**
 * Range of @p activation on @p output. -EOPNOTSUPP for an activation that is no clamp (TANH, SIGN_BIT) and -EINVAL for an unknown one.
 */
int tfl_activation_range(const struct tfl_graph *graph, const struct tfl_node *node, int activation, const struct tfl_value *output,
			 struct tfl_range *ret_range, struct tfl_error *error);

/** The range that the bounds @p min and @p max leave on @p output. They may be infinite. */
struct tfl_range tfl_range_of(const struct tfl_value *output, float min, float max);

/** Whether @p scale is 2^log2, or so near to it that TensorFlow Lite takes it for that. */
bool tfl_is_power_of_2(float scale, int *ret_log2);

/** Whether a value has one scale, finite and positive, and a zero point that its integer type holds. */
bool tfl_value_quantized(const struct tfl_value *value);

/** Whether both have the same scale and zero point, or none: what operators that only move elements expect. */
bool tfl_same_scale(const struct tfl_value *left, const struct tfl_value *right);

/**
 * Whether a value is fit for quantised arithmetic: one scale, finite and positive, and a zero point that its type holds. 0, or -EINVAL
 * with a sentence about @p what. Values that are no small integers pass.
 */
int tfl_check_quantized(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *value, const char *what,
			struct tfl_error *error);

/** The same, and of int16 the zero point must be 0: -EOPNOTSUPP where it is not. */
int tfl_check_symmetric(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *value, const char *what,
			struct tfl_error *error);

#endif
