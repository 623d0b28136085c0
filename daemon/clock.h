/* SPDX-License-Identifier: MIT */
/* Clocks: one for everything that is measured or has a deadline, one for what is counted by the minute. Neither is ever set. */
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

/** Nanoseconds of CLOCK_BOOTTIME, which goes on while the device sleeps. */
static inline uint64_t tfl_clock_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** Whole seconds of that. */
static inline int64_t tfl_clock_seconds(void)
{
	return (int64_t)(tfl_clock_boot_ns() / 1000000000u);
}

#endif
