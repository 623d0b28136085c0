/* SPDX-License-Identifier: MIT */
/*
 * How other threads wake the loop: an eventfd that it polls. Not uv_async_t, whose loop waits, spinning, until whoever wakes it has got through
 * with that, in the libuv of Debian 12: a thread that is idle by priority may be in the middle of it for as long as others want the processor.
 */
#ifndef DAEMON_WAKEUP_H
#define DAEMON_WAKEUP_H

#include <stdbool.h>
#include <uv.h>

struct tfl_wakeup {
	uv_poll_t poll;
	int fd;
	void (*woken)(void *data);
	void *data;
	bool open;
};

/** Has the loop call @p woken(data) once or more after each tfl_wakeup_send(). 0 or a negative errno; then there is nothing to close. */
int tfl_wakeup_init(struct tfl_wakeup *wakeup, uv_loop_t *loop, void (*woken)(void *data), void *data);

/** Any thread, until it is closed; never waits. @p wakeup: a struct tfl_wakeup. */
void tfl_wakeup_send(void *wakeup);

/** Loop thread; the loop has to run once more. A zeroed one is allowed. */
void tfl_wakeup_close(struct tfl_wakeup *wakeup);

#endif
