/* SPDX-License-Identifier: MIT */
/*
 * The versions that were a model's active one before the present one, the latest first: the way back. Each number is there once. Plain
 * data; zeroed memory is no way back.
 */
#ifndef DAEMON_PREVIOUS_H
#define DAEMON_PREVIOUS_H

#include <stdint.h>

#include "base/limits.h"

struct tfl_previous {
	uint64_t numbers[TFL_PREVIOUS_MAX];
	unsigned count;
};

/** Puts a number first; the last one is forgotten where there is no more room. */
void tfl_previous_push(struct tfl_previous *previous, uint64_t number);

/** Forgets a number, if it is there. */
void tfl_previous_drop(struct tfl_previous *previous, uint64_t number);

/** How many swaps ago a number was active: 1 for the first one, 0 when it is not there. */
unsigned tfl_previous_find(const struct tfl_previous *previous, uint64_t number);

#endif
