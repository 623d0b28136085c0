/* SPDX-License-Identifier: MIT */
/* Confidence for people: a histogram as bars, and the classes that won most often. */
#ifndef CLIENT_CHART_H
#define CLIENT_CHART_H

#include <stddef.h>
#include <stdint.h>

#include "client/tflclient.h"

struct tfl_confidence;

/**
 * Fifty bins as twenty-five lines from the first that has anything on: bars as long as their share of the verdicts, of which the longest
 * fills its column, and those of @p baseline (NULL: none) beside them to the same scale. Nothing where nothing was counted.
 */
void ctl_chart_print(const struct tfl_confidence *now, const struct tfl_confidence *baseline);

struct ctl_class {
	uint64_t index, count;
};

/**
 * The @p shown most frequent of @p count classes, which are sorted for that, with their share of @p verdicts and, where @p labels (NULL:
 * none) has one that says more than the number, their label.
 */
void ctl_classes_print(struct ctl_class *classes, size_t count, uint64_t verdicts, const struct tfl_value *labels, unsigned shown);

#endif
