/* SPDX-License-Identifier: MIT */
/*
 * What a run has covered: for each operator, and each combination of types in which models have it, how many cases there are and how many
 * of them passed. One line an operator:
 *
 *	CONV_2D                       float32 × int8 12, float32 163, int8 38 of 40
 *
 * coverage.json keeps the numbers that pass; doc/operators.md shows them.
 */
#ifndef TESTS_CONFORMANCE_SUMMARY_H
#define TESTS_CONFORMANCE_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>

/** An empty summary, json_decref()'s to free. NULL when there is no memory. */
json_t *summary_create(void);

/** Counts a model of the manifest, all of whose cases passed or none. */
void summary_add(json_t *summary, json_t *model, bool passed);

/** Each line behind @p prefix. */
void summary_print(json_t *summary, const char *prefix);

/** Whether @p path says that just these cases pass. */
bool summary_matches(json_t *summary, const char *path);

/** 0 or -1. */
int summary_write(json_t *summary, const char *path);

#endif
