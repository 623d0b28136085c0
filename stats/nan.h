/* SPDX-License-Identifier: MIT */
/* Whether there is one that is no number. Written for the compiler's vectoriser. */
#ifndef STATS_NAN_H
#define STATS_NAN_H

#include <stdbool.h>
#include <stddef.h>

/** Of @p count numbers; infinities are numbers. */
bool tfl_has_nan(const float *values, size_t count);

#endif
