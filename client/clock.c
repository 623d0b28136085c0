/* SPDX-License-Identifier: MIT */
/*
 * Everything that waits in the library waits here, against an absolute deadline: however often a wait is cut into pieces by signals or by a
 * peer that sends single bytes, the sum stays what the caller allowed.
 */
#include "client/clock.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

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

int tfl_wait(int fd, short events, int64_t at)
{
	struct pollfd pollfd = {.fd = fd, .events = events};
	struct timespec left;
	int64_t ns = 0;
	int r;

	for (;;) {
		if (at != TFL_NO_DEADLINE) {
			ns = at - tfl_clock_now();
			if (ns < 0)
				ns = 0;
			left = (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
		}
		r = ppoll(&pollfd, 1, at == TFL_NO_DEADLINE ? NULL : &left, NULL);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (at != TFL_NO_DEADLINE && ns == 0)
			return -ETIMEDOUT;
	}
}
