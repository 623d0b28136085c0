/* SPDX-License-Identifier: MIT */
/*
 * Each send is a write. That one is on its way already, and others need none, could only be noted in a second step, and a thread may be stopped
 * between two for long.
 */
#include "daemon/wakeup.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_readable(uv_poll_t *poll, int status, int events)
{
	const struct tfl_wakeup *wakeup = poll->data;
	uint64_t times;

	if (read(wakeup->fd, &times, sizeof(times)) > 0)
		wakeup->woken(wakeup->data);
}

int tfl_wakeup_init(struct tfl_wakeup *wakeup, uv_loop_t *loop, void (*woken)(void *data), void *data)
{
	int r, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	*wakeup = (struct tfl_wakeup){.fd = fd, .woken = woken, .data = data};
	r = uv_poll_init(loop, &wakeup->poll, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	wakeup->poll.data = wakeup;
	wakeup->open = true;
	return uv_poll_start(&wakeup->poll, UV_READABLE, on_readable);
}

void tfl_wakeup_send(void *wakeup)
{
	const struct tfl_wakeup *target = wakeup;
	const uint64_t once = 1;

	/* It can only be full, and then the loop is woken. */
	if (write(target->fd, &once, sizeof(once)) < 0)
		return;
}

void tfl_wakeup_close(struct tfl_wakeup *wakeup)
{
	if (!wakeup->open)
		return;
	uv_close((uv_handle_t *)&wakeup->poll, NULL);
	close(wakeup->fd);
	wakeup->open = false;
}
