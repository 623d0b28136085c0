/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: points in time on the monotonic clock. Internal.
 */
#ifndef CLIENT_CLOCK_H
#define CLIENT_CLOCK_H

#include <stdint.h>

#define TFL_NO_DEADLINE INT64_MAX

struct tfl_deadline {
	int64_t at;     /* nanoseconds, TFL_NO_DEADLINE: it never comes */
	int timeout_ms; /* what the caller allowed, for sentences */
};

int64_t tfl_clock_now(void);

/** @p timeout_ms from @p now; a negative timeout has no deadline. */
struct tfl_deadline tfl_deadline_after(int64_t now, int timeout_ms);

/**
 * Waits until @p fd has one of @p events (POLLIN, POLLOUT; errors and hang-ups count) or the time @p at comes; fd -1: only the time.
 * Signals do not end it. 0, -ETIMEDOUT, or what ppoll says.
 */
int tfl_wait(int fd, short events, int64_t at);

#endif
