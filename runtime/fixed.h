/* SPDX-License-Identifier: MIT */
/*
 * Fixed-point arithmetic of quantised kernels. Qm.n is a 32-bit integer with m bits before the point and n behind it (and a sign):
 * Q0.31 stands for numbers from -1 to just below 1.
 *
 * Semantics: gemmlowp's fixedpoint.h and TensorFlow Lite's tables for 16-bit functions, bit for bit.
 */
#ifndef RUNTIME_FIXED_H
#define RUNTIME_FIXED_H

#include <stdint.h>

/** a * b * 2^-31, rounded to the nearest, ties upwards. -2^31 times itself saturates. */
static inline int32_t tfl_fixed_multiply(int32_t a, int32_t b)
{
	int64_t product = (int64_t)a * b;

	if (a == INT32_MIN && b == INT32_MIN)
		return INT32_MAX;
	/* The definition divides, towards zero, what it moved by just less than half below zero: the same as the floor of this. */
	return (int32_t)((product + (1LL << 30)) >> 31);
}

/** value * 2^-bits, rounded to the nearest, ties away from zero. 0 <= @p bits <= 31. */
static inline int32_t tfl_fixed_shift_right(int32_t value, int bits)
{
	/* Ties below zero become less than half: what is shifted out rounds them down, away from zero. */
	int32_t half = bits ? 1 << (bits - 1) : 0, below = bits ? value >> 31 : 0;

	return (int32_t)(((int64_t)value + half + below) >> bits);
}

/** value * 2^bits, saturated. 0 <= @p bits <= 31. */
static inline int32_t tfl_fixed_shift_left(int32_t value, int bits)
{
	int64_t shifted = (int64_t)value * (1LL << bits);

	return shifted < INT32_MIN ? INT32_MIN : shifted > INT32_MAX ? INT32_MAX : (int32_t)shifted;
}

/*
 * A positive real factor: multiplier * 2^(shift - 31), multiplier in [2^30, 2^31), shift at most 30. Multiplying with it is a saturating
 * shift to the left where shift is positive, the high multiply, then the rounding shift to the right where it is negative.
 */
struct tfl_multiplier {
	int32_t multiplier;
	int32_t shift;
};

static inline int32_t tfl_multiply(int32_t value, struct tfl_multiplier multiplier)
{
	int left = multiplier.shift > 0 ? multiplier.shift : 0, right = multiplier.shift < 0 ? -multiplier.shift : 0;

	/* Saturated: what leaves 32 bits here is beyond any element's range, on the same side. */
	return tfl_fixed_shift_right(tfl_fixed_multiply(tfl_fixed_shift_left(value, left), multiplier.multiplier), right);
}

/** The multiplier nearest to @p factor. 0 for what is too small, no number or negative; the greatest for what is too large. */
struct tfl_multiplier tfl_multiplier_from(double factor);

/** The same factor times 2^by, within the same bounds. */
struct tfl_multiplier tfl_multiplier_scale(struct tfl_multiplier multiplier, int by);

/*
 * tfl_multiply() of 64-bit sums, as the reference has it for 16-bit tensors: the multiplier cut to 15 bits, one rounding, halves upwards. Sums
 * beyond 2^47 saturate, which no 16-bit result can tell. shift is at most TFL_WIDE_SHIFT_MAX.
 */
#define TFL_WIDE_SHIFT_MAX 7
int64_t tfl_multiply_wide(int64_t value, struct tfl_multiplier multiplier);

/** 1 / sqrt(@p value), as five steps of Newton's method find it; 0 and less count as 1. */
struct tfl_multiplier tfl_inverse_sqrt(int32_t value);

/** exp(x) in Q0.31 of x in Q5.26, which is not positive. */
int32_t tfl_fixed_exp(int32_t x);

/** 1 / (1 + x) in Q0.31 of x in Q0.31, which is not negative. */
int32_t tfl_fixed_inverse(int32_t x);

/** 1 / (1 + exp(-x)) in Q0.15 of x in Q3.12, with products of 16 bits. */
int16_t tfl_fixed16_logistic(int16_t x);

/** tanh(x) in Q0.15 of x with @p integer_bits, 0 to 6, before the point, in the same arithmetic. */
int16_t tfl_fixed16_tanh(int16_t x, int integer_bits);

/* A function on 16-bit integers: 512 pieces of 128 arguments each, and one value more for the end of the last. */
#define TFL_TABLE_SIZE 513

/** Samples @p function over [min, max] into values in Q0.15, moved so that the straight lines in between err as little as they can. */
void tfl_table_make(double (*function)(double), double min, double max, int16_t *ret_table);

/** The value for @p x, where -32768 stands for min and 32768 for max. */
static inline int16_t tfl_table_look_up(const int16_t *table, int16_t x)
{
	int32_t piece = 256 + (x >> 7), slope = table[piece + 1] - table[piece];

	return (int16_t)(table[piece] + ((slope * (x & 127) + 64) >> 7));
}

#endif
