/* SPDX-License-Identifier: MIT */
/*
 * What the daemon does again and again by itself: looks at its versions each minute, has them tell what they did each period, writes the
 * metrics file, watches trials. Part of the server; loop thread.
 */
#ifndef DAEMON_ROUTINE_H
#define DAEMON_ROUTINE_H

#include <stdbool.h>
#include <uv.h>

struct tfl_server;

struct tfl_routine {
	uv_timer_t minute, period, steps, metrics, trials;
	bool open; /* the handles */
};

void tfl_routine_init(struct tfl_routine *routine, struct tfl_server *server);

/** The server serves from now on. */
void tfl_routine_start(struct tfl_routine *routine);

/** What the configuration says of periods or of the metrics file has changed, or not. */
void tfl_routine_set_period(struct tfl_routine *routine);
void tfl_routine_set_metrics(struct tfl_routine *routine);

/** A trial has begun; @p data is the server. */
void tfl_routine_begin_trials(void *data);

/** Ends: the loop has to run once more. A zeroed one is allowed. */
void tfl_routine_close(struct tfl_routine *routine);

#endif
