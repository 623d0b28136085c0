/* SPDX-License-Identifier: MIT */
/* Comparison of an output with a golden one, in units of the raw output (LSB for integers). */
#ifndef TESTS_CONFORMANCE_COMPARE_H
#define TESTS_CONFORMANCE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/tfl-types.h"

struct tolerance {
	double max, rms; /* negative: not compared */
	bool top1;       /* the greatest element must be the same one */
};

struct difference {
	double max, rms;
	size_t top_expected, top_actual;
	bool within;
};

/** Element @p index as a number; NaN stays NaN. Types without one (string, complex) are compared by their bytes as integers. */
double element_of(enum tfl_dtype dtype, const void *data, size_t index);

/** Both have @p count elements. NaN equals NaN and nothing else. */
struct difference compare_outputs(enum tfl_dtype dtype, const void *expected, const void *actual, size_t count,
				  const struct tolerance *tolerance);

#endif
