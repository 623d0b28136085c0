/* SPDX-License-Identifier: MIT */
/*
 * exp by a polynomial of the fourth degree on [-1/4, 0) and factors for the rest of the argument, bit by bit; the inverse by three steps of
 * Newton and Raphson. The constants are those of the definition: with others the last bits would differ.
 */
#include "runtime/fixed.h"

#include <math.h>

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
