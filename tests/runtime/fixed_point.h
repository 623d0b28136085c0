/* SPDX-License-Identifier: MIT */
/*
 * The fixed-point arithmetic of quantised operators, written from its description (gemmlowp: multiplier and shift, rounding high multiply,
 * rounding shift) and without a line of the runtime's: what the kernels are measured against.
 */
#ifndef TESTS_RUNTIME_FIXED_POINT_H
#define TESTS_RUNTIME_FIXED_POINT_H

#include <stdint.h>

/**
 * @p value times @p factor, the factor rounded to 31 bits and a power of two, the product rounded twice: to the nearest at 31 bits, halves
 * upwards, and to the nearest integer, halves away from zero. Where the power of two is positive the value is shifted first, within 32
 * bits. A factor below 2^-32 counts as 0.
 */
int64_t fixed_point_multiply(int64_t value, double factor);

/** The factor as 31 bits and a power of two: multiplier * 2^(exponent - 31). */
int64_t fixed_point_split(double factor, int *ret_exponent);

/** @p value times a factor that is split already. Its multiplier need not have all 31 bits. */
int64_t fixed_point_multiply_split(int64_t value, int64_t multiplier, int exponent);

/**
 * The other arithmetic of the same origin, for 64-bit sums: the factor cut from 31 bits to 15 (rounded, but never up to 1), the product
 * rounded once, halves upwards. @p value is within 2^47, @p factor below 128.
 */
int64_t fixed_point_multiply_wide(int64_t value, double factor);

/**
 * 1 / (1 + exp(-x)) and tanh(x) as 16-bit fixed point has them: of @p x with 3, or @p integer_bits, before the point and 12, or the rest of 15,
 * behind it; the result has 15 behind it.
 */
int32_t fixed_point_logistic16(int32_t x);
int32_t fixed_point_tanh16(int32_t x, int integer_bits);

#endif
