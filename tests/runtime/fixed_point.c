/* SPDX-License-Identifier: MIT */
/*
 * Everything in 64 bits with floor division and magnitudes, where the runtime works in 32 bits with masks and remainders: two ways to the
 * same definition.
 */
#include "tests/runtime/fixed_point.h"

#include <math.h>
#include <stdlib.h>

static int64_t saturate(int64_t value)
{
	return value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : value;
}

static int64_t floor_divide(int64_t dividend, int64_t divisor)
{
	int64_t quotient = dividend / divisor;

	return dividend % divisor != 0 && (dividend < 0) != (divisor < 0) ? quotient - 1 : quotient;
}

int64_t fixed_point_split(double factor, int *ret_exponent)
{
	/* What is greater, infinity too, saturates anything but 0; of infinity frexp() gives no exponent. */
	int64_t multiplier = (int64_t)floor(frexp(fmax(fmin(factor, 0x1p40), -0x1p40), ret_exponent) * 2147483648.0 + 0.5);

	if (multiplier == INT64_C(1) << 31) {
		multiplier >>= 1;
		++*ret_exponent;
	}
	return *ret_exponent < -31 ? 0 : multiplier;
}

int64_t fixed_point_multiply_wide(int64_t value, double factor)
{
	int exponent;
	int64_t multiplier = fixed_point_split(factor, &exponent), divisor;

	if (multiplier == 0)
		return 0;
	divisor = INT64_C(1) << (15 - exponent);
	multiplier = floor_divide(multiplier + (1 << 15), 1 << 16);
	if (multiplier > INT16_MAX)
		multiplier = INT16_MAX;
	return floor_divide(value * multiplier + divisor / 2, divisor);
}

int64_t fixed_point_multiply(int64_t value, double factor)
{
	int exponent;
	int64_t multiplier = fixed_point_split(factor, &exponent);

	return fixed_point_multiply_split(value, multiplier, exponent);
}

int64_t fixed_point_multiply_split(int64_t value, int64_t multiplier, int exponent)
{
	int64_t high, magnitude;

	if (multiplier == 0)
		return 0;
	/* Whatever is not 0 saturates within 31 places. */
	if (exponent > 0)
		value = saturate(value * (INT64_C(1) << (exponent < 31 ? exponent : 31)));
	high = floor_divide(value * multiplier + (INT64_C(1) << 30), INT64_C(1) << 31);
	if (exponent >= 0)
		return high;
	magnitude = (high < 0 ? -high : high) + (INT64_C(1) << (-exponent - 1));
	magnitude >>= -exponent;
	return high < 0 ? -magnitude : magnitude;
}

/* Numbers of 16 bits, kept as doubles of whole numbers. */
static double saturate16(double value)
{
	return fmin(fmax(value, INT16_MIN), INT16_MAX);
}

static double multiply16(double a, double b)
{
	return saturate16(floor(a * b / 32768 + 0.5));
}

/* A constant of 31 bits behind the point, cut to 15. */
static double constant16(double value)
{
	return round(value * 32768);
}

/* exp(x), x below 0, is exp of what is left of x above the next quarter below it, times exp(-2^n) for the bits of that quarter. */
static double exp16(double x, int integer_bits)
{
	double unit = exp2(15 - integer_bits), quarters = floor(x / (unit / 4)) + 1, rest = x - quarters * (unit / 4);
	double y = rest * exp2(integer_bits) + 4096, square = multiply16(y, y), cube = multiply16(square, y), fourth = multiply16(square, square);
	double tail = multiply16(round(fourth / 4) + cube, constant16(1.0 / 3)) + square;
	double result = saturate16(constant16(exp(-0.125)) + multiply16(constant16(exp(-0.125)), y + round(tail / 2)));

	if (x == 0)
		return INT16_MAX;
	if (integer_bits > 5 && x / unit < -32)
		return 0;
	for (int power = -2; power < integer_bits && power <= 4; power++)
		if ((int64_t)-quarters >> (power + 2) & 1)
			result = multiply16(result, constant16(exp(-exp2(power))));
	return result;
}

/* 2 / (1 + x), with 13 bits behind the point. */
static double divide16(double x)
{
	double half = floor((x + 32768) / 2), result = round(48.0 / 17 * 8192) + multiply16(half, round(-32.0 / 17 * 8192));

	for (int i = 0; i < 3; i++)
		result += saturate16(4 * multiply16(result, 8192 - multiply16(half, result)));
	return result;
}

int32_t fixed_point_logistic16(int32_t x)
{
	double positive = saturate16(2 * divide16(exp16(-abs(x), 3)));

	return x == 0 ? 16384 : (int32_t)(x > 0 ? positive : 32767 - positive);
}

int32_t fixed_point_tanh16(int32_t x, int integer_bits)
{
	double positive = saturate16(4 * (divide16(exp16(-abs(x), integer_bits + 1)) - 8192));

	return x == 0 ? 0 : (int32_t)(x > 0 ? positive : -positive);
}
