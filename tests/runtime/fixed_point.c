/* SPDX-License-Identifier: MIT */
/*
 * Everything in 64 bits with floor division and magnitudes, where the runtime works in 32 bits with masks and remainders: two ways to the
 * same definition.
 */
#include "tests/runtime/fixed_point.h"

#include <math.h>

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
