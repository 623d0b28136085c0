/* SPDX-License-Identifier: MIT */
/*
 * exp by a polynomial of the fourth degree on [-1/4, 0) and factors for the rest of the argument, bit by bit; the inverse by three steps of
 * Newton and Raphson, that of a square root by five. The constants are those of the definition: with others the last bits would differ.
 */
#include "runtime/fixed.h"

#include <math.h>

struct tfl_multiplier tfl_multiplier_from(double factor)
{
	struct tfl_multiplier result = {0, 0};
	int exponent;
	int64_t fixed;

	if (!(factor > 0))
		return result;
	fixed = llround(frexp(fmin(factor, 0x1p40), &exponent) * (1LL << 31));
	if (fixed == 1LL << 31) {
		fixed /= 2;
		exponent++;
	}
	if (exponent < -31)
		return result;
	if (exponent > 30) {
		exponent = 30;
		fixed = INT32_MAX;
	}
	result.multiplier = (int32_t)fixed;
	result.shift = exponent;
	return result;
}

struct tfl_multiplier tfl_multiplier_scale(struct tfl_multiplier multiplier, int by)
{
	multiplier.shift += by;
	if (multiplier.shift < -31)
		return (struct tfl_multiplier){0, 0};
	if (multiplier.shift > 30)
		return (struct tfl_multiplier){multiplier.multiplier ? INT32_MAX : 0, 30};
	return multiplier;
}

int64_t tfl_multiply_wide(int64_t value, struct tfl_multiplier multiplier)
{
	const int64_t limit = 1LL << 47;
	int64_t reduced = multiplier.multiplier < 0x7fff0000 ? (multiplier.multiplier + (1 << 15)) >> 16 : 0x7fff;
	int shift = 15 - multiplier.shift;

	value = value < -limit ? -limit : value > limit ? limit : value;
	return (value * reduced + (1LL << (shift - 1))) >> shift;
}

struct tfl_multiplier tfl_inverse_sqrt(int32_t value)
{
	static const int32_t half_root_of_2 = 1518500250; /* sqrt(2) / 2, Q0.31 */
	static const int32_t three_halves = 3 << 27;      /* 1.5, Q3.28 */
	int32_t half, x = 1 << 28;
	int pairs, shift = 11;

	if (value <= 1)
		return (struct tfl_multiplier){INT32_MAX, 0};
	/* Shifted by pairs of bits into [2^27, 2^29): half of it is a Q3.28 between 1/4 and 1. */
	for (; value >= 1 << 29; shift++)
		value /= 4;
	pairs = (__builtin_clz((uint32_t)value) - 1) / 2 - 1;
	shift -= pairs;
	half = tfl_fixed_shift_right((value << 2 * pairs) >> 1, 1);
	for (unsigned i = 0; i < 5; i++) {
		int32_t cube = tfl_fixed_shift_left(tfl_fixed_multiply(tfl_fixed_multiply(x, x), x), 6);

		x = tfl_fixed_shift_left(tfl_fixed_multiply(three_halves, x) - tfl_fixed_multiply(half, cube), 3);
	}
	x = tfl_fixed_multiply(x, half_root_of_2);
	return shift < 0 ? (struct tfl_multiplier){tfl_fixed_shift_left(x, -shift), 0} : (struct tfl_multiplier){x, -shift};
}

#define Q5_QUARTER (1 << 24) /* 1/4 in Q5.26 */

/* exp(x) for x in [-1/4, 0), Q0.31: around -1/8, exp(-1/8) * (1 + y + y^2 / 2 + y^3 / 6 + y^4 / 24). */
static int32_t exp_near_zero(int32_t x)
{
	const int32_t exp_of_minus_eighth = 1895147668, third = 715827883;
	int32_t y = x + (1 << 28), y2 = tfl_fixed_multiply(y, y), y3 = tfl_fixed_multiply(y2, y), y4 = tfl_fixed_multiply(y2, y2);
	int32_t tail = tfl_fixed_multiply(tfl_fixed_shift_right(y4, 2) + y3, third) + y2;

	return exp_of_minus_eighth + tfl_fixed_multiply(exp_of_minus_eighth, y + tfl_fixed_shift_right(tail, 1));
}

int32_t tfl_fixed_exp(int32_t x)
{
	/* exp(-2^(i - 2)) in Q0.31 */
	static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
	int32_t near = (x & (Q5_QUARTER - 1)) - Q5_QUARTER, result, rest = near - x;

	if (x == 0)
		return INT32_MAX;
	result = exp_near_zero(tfl_fixed_shift_left(near, 5));
	for (unsigned i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
		if (rest & Q5_QUARTER << i)
			result = tfl_fixed_multiply(result, factors[i]);
	return result;
}

int32_t tfl_fixed_inverse(int32_t x)
{
	const int32_t one = 1 << 29; /* Q2.29, as are the next two and the estimate */
	const int32_t forty_eight_seventeenths = 1515870810, minus_thirty_two_seventeenths = -1010580540;
	int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2), estimate; /* (1 + x) / 2 in Q0.31 */

	estimate = forty_eight_seventeenths + tfl_fixed_multiply(half, minus_thirty_two_seventeenths);
	for (int step = 0; step < 3; step++) {
		int32_t error = one - tfl_fixed_multiply(half, estimate);

		estimate += tfl_fixed_shift_left(tfl_fixed_multiply(estimate, error), 2);
	}
	/* The inverse of the half, as Q2.29, is twice the inverse: as Q1.30 it is the inverse. */
	return tfl_fixed_shift_left(estimate, 1);
}

static int16_t saturate(double value)
{
	return (int16_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
}

void tfl_table_make(double (*function)(double), double min, double max, int16_t *ret_table)
{
	const double unit = 32768, step = (max - min) / (TFL_TABLE_SIZE - 1);

	for (int i = 0; i < TFL_TABLE_SIZE - 1; i++) {
		double sample = round(function(min + i * step) * unit);
		double straight = round((function(min + (i + 1) * step) * unit + sample) / 2);
		double middle = round(function(min + i * step + step / 2) * unit);

		ret_table[i] = saturate(sample - round((straight - middle) / 2));
	}
	ret_table[TFL_TABLE_SIZE - 1] = saturate(round(function(max) * unit));
}
