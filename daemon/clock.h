/* SPDX-License-Identifier: MIT */
/* The clock of everything that is measured or has a deadline. */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Nanoseconds of CLOCK_MONOTONIC. */
static inline uint64_t tfl_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** Whole seconds of the same clock. */
static inline int64_t tfl_clock_seconds(void)
{
	return (int64_t)(tfl_clock_ns() / 1000000000u);
}

#endif
