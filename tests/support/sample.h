/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_SAMPLE_H
#define TESTS_SUPPORT_SAMPLE_H

#include <stdint.h>

/**
 * Writes a sample file (daemon/samples.h) for a model with one float32 [1, 4] input and output: its input, and the output that is expected,
 * NULL for none. @p tolerance: below 0 for none.
 */
void sample_write(const char *path, const float input[4], const float *output, double tolerance);

/** The same for [1, 1], with the input alone. */
void sample_write_number(const char *path, float input);

#endif
