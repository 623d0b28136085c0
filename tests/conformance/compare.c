/* SPDX-License-Identifier: MIT */
/*
 * An infinite difference stands for "one of the two is NaN, or infinite, and the other is not".
 */
#include "compare.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define READ(type) \
	({ \
		type value_; \
		memcpy(&value_, (const char *)data + index * sizeof(type), sizeof(type)); \
		(double)value_; \
	})

double element_of(enum tfl_dtype dtype, const void *data, size_t index)
{
	switch (dtype) {
	case TFL_FLOAT32:
		return READ(float);
	case TFL_FLOAT64:
		return READ(double);
	case TFL_INT8:
		return READ(int8_t);
	case TFL_INT16:
		return READ(int16_t);
	case TFL_UINT16:
		return READ(uint16_t);
	case TFL_INT32:
		return READ(int32_t);
	case TFL_UINT32:
		return READ(uint32_t);
	case TFL_INT64:
		return READ(int64_t);
	default:
		return READ(uint8_t);
	}
}

static double difference_of(double expected, double actual)
{
	if (isnan(expected) || isnan(actual))
		return isnan(expected) && isnan(actual) ? 0 : INFINITY;
	return expected == actual ? 0 : fabs(expected - actual);
}

struct difference compare_outputs(enum tfl_dtype dtype, const void *expected, const void *actual, size_t count, const struct tolerance *tolerance)
{
	struct difference difference = {0};
	double squares = 0;

	for (size_t i = 0; i < count; i++) {
		double e = element_of(dtype, expected, i), a = element_of(dtype, actual, i), d = difference_of(e, a);

		if (d > difference.max)
			difference.max = d;
		squares += d * d;
		if (e > element_of(dtype, expected, difference.top_expected))
			difference.top_expected = i;
		if (a > element_of(dtype, actual, difference.top_actual))
			difference.top_actual = i;
	}
	difference.rms = count ? sqrt(squares / (double)count) : 0;
	difference.within = (tolerance->max < 0 || difference.max <= tolerance->max) && (tolerance->rms < 0 || difference.rms <= tolerance->rms) &&
			    (!tolerance->top1 || difference.top_expected == difference.top_actual);
	return difference;
}
