/* SPDX-License-Identifier: MIT */
/*
 * Everything that waits in the library waits for an absolute time: however often a wait is cut into pieces by signals or by a peer that
 * sends single bytes, the sum stays what the caller allowed.
 */
#include "client/clock.h"

#include <errno.h>

#define NS_PER_S 1000000000
#define NS_PER_MS 1000000

int64_t tfl_clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

struct tfl_deadline tfl_deadline_after(int64_t now, int timeout_ms)
{
	return (struct tfl_deadline){timeout_ms < 0 ? TFL_NO_DEADLINE : now + (int64_t)timeout_ms * NS_PER_MS, timeout_ms};
}

struct timespec tfl_clock_timespec(int64_t at)
{
	return (struct timespec){.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};
}

int tfl_clock_ms_until(int64_t now, int64_t at, int most)
{
	int64_t left = at - now;

	if (at == TFL_NO_DEADLINE)
		return -1;
	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left < most ? (int)left : most;
}

void tfl_clock_sleep(int64_t at)
{
	struct timespec time = tfl_clock_timespec(at);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		;
}
