/* SPDX-License-Identifier: MIT */
/*
 * The functions of fixed.c in 16 bits, as recurrent operators have them: every product is rounded to 15 bits behind the point, and so
 * nearly every result differs from that of 32 bits. The constants are those of the definition, halved in length.
 */
#include "runtime/fixed.h"

#define ONE (1 << 13) /* 1 in Q2.13 */

static int32_t saturate(int32_t value)
{
	return value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value;
}

/* a * b * 2^-15, rounded to the nearest, ties upwards. */
static int32_t multiply(int32_t a, int32_t b)
{
	return saturate((a * b + (1 << 14)) >> 15);
}

static int32_t shift_left(int32_t value, int bits)
{
	return saturate(value * (1 << bits));
}

/* exp(x) for x in [-1/4, 0), Q0.15. */
static int32_t exp_near_zero(int32_t x)
{
	const int32_t exp_of_minus_eighth = 28918, third = 10923;
	int32_t y = x + (1 << 12), y2 = multiply(y, y), y3 = multiply(y2, y), y4 = multiply(y2, y2);
	int32_t tail = multiply(tfl_fixed_shift_right(y4, 2) + y3, third) + y2;

	return saturate(exp_of_minus_eighth + multiply(exp_of_minus_eighth, y + tfl_fixed_shift_right(tail, 1)));
}

/* exp(x) in Q0.15 of x that is not positive, with @p integer_bits of 15 before the point. */
static int32_t exp_of(int32_t x, int integer_bits)
{
	/* exp(-2^(i - 2)) in Q0.15 */
	static const int32_t factors[] = {25520, 19875, 12055, 4435, 600, 11, 0};
	int32_t quarter = 1 << (13 - integer_bits), near = (x & (quarter - 1)) - quarter, rest = near - x, result;

	if (x == 0)
		return INT16_MAX;
	if (integer_bits > 5 && x < -128 * quarter)
		return 0;
	result = exp_near_zero(near * (1 << integer_bits));
	for (int i = 0; i < integer_bits + 2 && i < 7; i++)
		if (rest & quarter << i)
			result = multiply(result, factors[i]);
	return result;
}

/* 2 / (1 + x) in Q2.13 of x in Q0.15, which is not negative: three steps of Newton and Raphson. */
static int32_t divide(int32_t x)
{
	const int32_t forty_eight_seventeenths = 23130, minus_thirty_two_seventeenths = -15420;
	int32_t half = (x + INT16_MAX + 1) / 2, estimate = forty_eight_seventeenths + multiply(half, minus_thirty_two_seventeenths);

	for (int step = 0; step < 3; step++)
		estimate += shift_left(multiply(estimate, ONE - multiply(half, estimate)), 2);
	return estimate;
}

int16_t tfl_fixed16_logistic(int16_t x)
{
	int32_t magnitude;

	if (x == 0)
		return 1 << 14;
	magnitude = shift_left(divide(exp_of(x > 0 ? -x : x, 3)), 1);
	return (int16_t)(x > 0 ? magnitude : INT16_MAX - magnitude);
}

int16_t tfl_fixed16_tanh(int16_t x, int integer_bits)
{
	int32_t magnitude;

	if (x == 0)
		return 0;
	magnitude = shift_left(divide(exp_of(x > 0 ? -x : x, integer_bits + 1)) - ONE, 2);
	return (int16_t)(x > 0 ? magnitude : -magnitude);
}
