/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: points in time on the monotonic clock. Internal.
 */
#ifndef CLIENT_CLOCK_H
#define CLIENT_CLOCK_H

#include <stdint.h>
#include <time.h>

#define TFL_NO_DEADLINE INT64_MAX

struct tfl_deadline {
	int64_t at;     /* nanoseconds, TFL_NO_DEADLINE: it never comes */
	int timeout_ms; /* what the caller allowed, for sentences */
};

int64_t tfl_clock_now(void);

/** @p timeout_ms from @p now; a negative timeout has no deadline. */
struct tfl_deadline tfl_deadline_after(int64_t now, int timeout_ms);

/** @p at, which is not TFL_NO_DEADLINE, for system calls that take the time itself. */
struct timespec tfl_clock_timespec(int64_t at);

/** Milliseconds from @p now to @p at, rounded up, at least 0 and at most @p most; -1 for TFL_NO_DEADLINE. */
int tfl_clock_ms_until(int64_t now, int64_t at, int most);

/** Sleeps until @p at, which is not TFL_NO_DEADLINE. Signals do not end it. */
void tfl_clock_sleep(int64_t at);

#endif
