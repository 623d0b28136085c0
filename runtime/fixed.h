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
	/* The division truncates, as the definition does: a shift would round the other way below zero. */
	return (int32_t)((product + (product >= 0 ? 1 << 30 : 1 - (1 << 30))) / (1LL << 31));
}

/** value * 2^-bits, rounded to the nearest, ties away from zero. 0 <= @p bits <= 31. */
static inline int32_t tfl_fixed_shift_right(int32_t value, int bits)
{
	int32_t mask = (int32_t)((1LL << bits) - 1), remainder = value & mask;

	return (value >> bits) + (remainder > (mask >> 1) + (value < 0));
}

/** value * 2^bits, saturated. 0 <= @p bits <= 31. */
static inline int32_t tfl_fixed_shift_left(int32_t value, int bits)
{
	int64_t shifted = (int64_t)value * (1LL << bits);

	return shifted < INT32_MIN ? INT32_MIN : shifted > INT32_MAX ? INT32_MAX : (int32_t)shifted;
}

/** exp(x) in Q0.31 of x in Q5.26, which is not positive. */
int32_t tfl_fixed_exp(int32_t x);

/** 1 / (1 + x) in Q0.31 of x in Q0.31, which is not negative. */
int32_t tfl_fixed_inverse(int32_t x);

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
