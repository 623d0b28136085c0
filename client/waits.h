/* SPDX-License-Identifier: MIT */
/*
 * What a client waits for, as two epoll sets over the same socket. One is for the thread that leads the blocking calls, and has an eventfd
 * with which others wake it. The other, made when it is asked for, is the caller's to poll, and has a timer for everything that is due
 * without the daemon's doing. Two, because a set stays readable until what woke it was taken away, and neither may take the other's.
 *
 * Lifetime: part of its client. Thread: under the client's lock, except for tfl_waits_wait(). Internal.
 */
#ifndef CLIENT_WAITS_H
#define CLIENT_WAITS_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_waits {
	int leader; /* epoll: socket and wake */
	int wake;   /* eventfd */
	int caller; /* epoll: socket and timer; -1 until tfl_waits_caller() */
	int timer;
	int64_t armed; /* when the timer rings or has rung; TFL_NO_DEADLINE: never */
	int socket;    /* in the sets; -1: none */
	bool writing;
};

/** 0 or -errno; either way tfl_waits_finish() is allowed. */
int tfl_waits_init(struct tfl_waits *waits);

/** Idempotent. */
void tfl_waits_finish(struct tfl_waits *waits);

/** Puts the connected socket @p fd into the sets, for reading. 0 or -errno. */
int tfl_waits_watch(struct tfl_waits *waits, int fd);

/** Takes the socket out; to be called before it is closed, because a child process may still hold it. */
void tfl_waits_unwatch(struct tfl_waits *waits);

/** Whether the sets wait for room to write as well. */
void tfl_waits_set_writing(struct tfl_waits *waits, bool writing);

/** Makes the caller's set where there is none, and gives its descriptor, or -errno. */
int tfl_waits_caller(struct tfl_waits *waits);

/** The caller's set becomes readable at @p at (at once for what is past), or before: a timer that is set already is not put off. */
void tfl_waits_arm(struct tfl_waits *waits, int64_t at);

/** The same at the end of a dispatch, which has done all that was due at @p now: a timer that has rung stops ringing. */
void tfl_waits_rearm(struct tfl_waits *waits, int64_t at, int64_t now);

/** Ends the leader's wait, or its next one. */
void tfl_waits_wake(struct tfl_waits *waits);

/**
 * Waits for the socket, a wake or the time @p at, to the millisecond. It is @p now, or was a moment ago. What has come is told once:
 * whoever was told reads until nothing is left, or does not wait the next time. Signals do not end it. 0 or -errno. Any thread, one at a
 * time.
 */
int tfl_waits_wait(const struct tfl_waits *waits, int64_t now, int64_t at);

#endif
