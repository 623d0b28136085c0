/* SPDX-License-Identifier: MIT */
/*
 * The incomplete beta function is the one everything discrete rests on: a binomial's tail and Student's are values of it. It is computed as
 * its continued fraction (Abramowitz and Stegun 26.5.8), on that side of the mean where the fraction converges fast, from front to back as
 * Lentz does.
 *
 * Inverses halve an interval: slow, sure, and asked for a few times a look.
 */
#include "stats/tails.h"

#include <math.h>

#define FRACTION_STEPS 10000
#define HALVINGS 200
#define TINY 1e-300

/* lgamma() writes a sign to a global that threads share; arguments are positive here, so nobody needs it. */
static double log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

double tfl_log_beta(double a, double b)
{
	return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

double tfl_tail_normal(double z)
{
	return 0.5 * erfc(z * M_SQRT1_2);
}

double tfl_tail_normal_inverse(double probability)
{
	double low = -40, high = 40;

	for (unsigned i = 0; i < HALVINGS && low < high; i++) {
		double middle = (low + high) / 2;

		*(tfl_tail_normal(middle) > probability ? &low : &high) = middle;
	}
	return (low + high) / 2;
}

static double away_from_zero(double x)
{
	return fabs(x) < TINY ? TINY : x;
}

/* Numerator of the fraction's term @p i, from 1 on. */
static double numerator(double a, double b, double x, unsigned i)
{
	double m = floor(i / 2.0);

	if (i % 2 == 0)
		return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
	return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
}

static double fraction(double a, double b, double x)
{
	double value = 1, c = 1, d = 0;

	for (unsigned i = 1; i <= FRACTION_STEPS; i++) {
		double term = numerator(a, b, x, i), factor;

		d = 1 / away_from_zero(1 + term * d);
		c = away_from_zero(1 + term / c);
		factor = c * d;
		value *= factor;
		if (fabs(factor - 1) < 1e-15)
			break;
	}
	return value;
}

double tfl_tail_beta(double a, double b, double x)
{
	double front;

	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	front = exp(a * log(x) + b * log1p(-x) - tfl_log_beta(a, b));
	if (x <= (a + 1) / (a + b + 2))
		return front / (a * fraction(a, b, x));
	return 1 - front / (b * fraction(b, a, 1 - x));
}

double tfl_tail_beta_inverse(double a, double b, double probability)
{
	double low = 0, high = 1;

	for (unsigned i = 0; i < HALVINGS && low < high; i++) {
		double middle = (low + high) / 2;

		if (middle == low || middle == high)
			break;
		*(tfl_tail_beta(a, b, middle) < probability ? &low : &high) = middle;
	}
	return (low + high) / 2;
}

double tfl_tail_student(double t, double freedom)
{
	double tail = 0.5 * tfl_tail_beta(freedom / 2, 0.5, freedom / (freedom + t * t));

	return t < 0 ? 1 - tail : tail;
}

double tfl_tail_binomial(uint64_t successes, uint64_t trials, double share)
{
	if (successes == 0)
		return 1;
	if (successes > trials)
		return 0;
	return tfl_tail_beta((double)successes, (double)(trials - successes) + 1, share);
}

/* Stephens' correction makes the limit good from four records a side on. */
double tfl_tail_kolmogorov(double distance, double n, double m)
{
	double size = sqrt(n * m / (n + m)), lambda = (size + 0.12 + 0.11 / size) * distance, sum = 0;

	if (!(lambda > 0.2))
		return 1;
	for (int i = 1; i <= 100; i++) {
		double term = 2 * exp(-2.0 * i * i * lambda * lambda);

		sum += i % 2 ? term : -term;
		if (term < 1e-18 * sum)
			break;
	}
	return sum > 1 ? 1 : sum;
}
