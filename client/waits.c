/* SPDX-License-Identifier: MIT */
#include "client/waits.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "base/util.h"
#include "client/clock.h"

/* A wait is cut into pieces of at most this many milliseconds, which epoll_wait() can be told. */
#define PIECE_MS 60000

static int add(int set, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int tfl_waits_init(struct tfl_waits *waits)
{
	*waits = (struct tfl_waits){.leader = -1, .wake = -1, .caller = -1, .timer = -1, .armed = TFL_NO_DEADLINE, .socket = -1};
	waits->leader = epoll_create1(EPOLL_CLOEXEC);
	if (waits->leader < 0)
		return -errno;
	waits->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (waits->wake < 0)
		return -errno;
	return add(waits->leader, waits->wake, EPOLLIN);
}

void tfl_waits_finish(struct tfl_waits *waits)
{
	waits->leader = tfl_close(waits->leader);
	waits->wake = tfl_close(waits->wake);
	waits->caller = tfl_close(waits->caller);
	waits->timer = tfl_close(waits->timer);
	waits->socket = -1;
}

static uint32_t socket_events(const struct tfl_waits *waits)
{
	return waits->writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

/* Edge-triggered: looking again, at each wait, whether what was told before is still there costs 3 % of a small call. */
static uint32_t leader_events(const struct tfl_waits *waits)
{
	return socket_events(waits) | EPOLLET;
}

int tfl_waits_watch(struct tfl_waits *waits, int fd)
{
	int r;

	waits->writing = false;
	r = add(waits->leader, fd, leader_events(waits));
	if (r == 0 && waits->caller >= 0)
		r = add(waits->caller, fd, socket_events(waits));
	if (r == 0)
		waits->socket = fd;
	return r; /* the caller closes the socket, which leaves the set it is in */
}

void tfl_waits_unwatch(struct tfl_waits *waits)
{
	if (waits->socket < 0)
		return;
	epoll_ctl(waits->leader, EPOLL_CTL_DEL, waits->socket, NULL);
	if (waits->caller >= 0)
		epoll_ctl(waits->caller, EPOLL_CTL_DEL, waits->socket, NULL);
	waits->socket = -1;
}

void tfl_waits_set_writing(struct tfl_waits *waits, bool writing)
{
	struct epoll_event event = {.data.fd = waits->socket};

	if (waits->socket < 0 || writing == waits->writing)
		return;
	waits->writing = writing;
	event.events = leader_events(waits);
	epoll_ctl(waits->leader, EPOLL_CTL_MOD, waits->socket, &event);
	event.events = socket_events(waits);
	if (waits->caller >= 0)
		epoll_ctl(waits->caller, EPOLL_CTL_MOD, waits->socket, &event);
}

static void set_timer(struct tfl_waits *waits, int64_t at)
{
	struct itimerspec when = {0};

	waits->armed = at;
	if (waits->timer < 0)
		return;
	if (at != TFL_NO_DEADLINE) {
		when.it_value = tfl_clock_timespec(at);
		when.it_value.tv_nsec += at == 0; /* all zero would stop it */
	}
	timerfd_settime(waits->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static int make_caller(struct tfl_waits *waits)
{
	_tfl_close_ int set = epoll_create1(EPOLL_CLOEXEC);
	_tfl_close_ int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (set < 0 || timer < 0)
		return -errno;
	r = add(set, timer, EPOLLIN);
	if (r == 0 && waits->socket >= 0)
		r = add(set, waits->socket, socket_events(waits));
	if (r < 0)
		return r;
	waits->caller = tfl_steal_fd(&set);
	waits->timer = tfl_steal_fd(&timer);
	set_timer(waits, waits->armed);
	return 0;
}

int tfl_waits_caller(struct tfl_waits *waits)
{
	int r = waits->caller < 0 ? make_caller(waits) : 0;

	return r < 0 ? r : waits->caller;
}

void tfl_waits_arm(struct tfl_waits *waits, int64_t at)
{
	if (at < waits->armed)
		set_timer(waits, at);
}

void tfl_waits_rearm(struct tfl_waits *waits, int64_t at, int64_t now)
{
	if (at < waits->armed || waits->armed <= now)
		set_timer(waits, at);
}

void tfl_waits_wake(struct tfl_waits *waits)
{
	eventfd_write(waits->wake, 1);
}

int tfl_waits_wait(const struct tfl_waits *waits, int64_t now, int64_t at)
{
	struct epoll_event events[2];
	eventfd_t taken;
	int count, piece;

	for (;; now = tfl_clock_now()) {
		piece = tfl_clock_ms_until(now, at, PIECE_MS);
		count = epoll_wait(waits->leader, events, TFL_ARRAY_SIZE(events), piece);
		if (count > 0)
			break;
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0 && piece < PIECE_MS)
			return 0;
	}
	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == waits->wake)
			eventfd_read(waits->wake, &taken);
	}
	return 0;
}
