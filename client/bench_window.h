/* SPDX-License-Identifier: MIT */
/*
 * What a benchmark measured, in windows of time. A measurement has settled when the last three windows agree; until then it goes on, up to
 * a bound. Its figures are those of all windows: a stall that made one differ is not to be forgotten for that. Arithmetic alone.
 *
 * A request belongs to the window in which it ended; what ended before the first or after the last is nobody's.
 */
#ifndef CLIENT_BENCH_WINDOW_H
#define CLIENT_BENCH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tfl-types.h"
#include "stats/latency.h"

#define BENCH_WINDOWS 5u      /* that a measurement has at least */
#define BENCH_WINDOWS_MAX 15u /* when one that does not settle is given up */
#define BENCH_LATE_NS 1000000 /* a request sent more than that after it was due is late */

/* One request. Times in nanoseconds on one clock. */
struct bench_sample {
	int64_t due;   /* when it was to be sent; of a closed loop: when it was */
	int64_t sent;
	int64_t ended;
	uint64_t wait_ns, compute_ns; /* as the daemon says */
	enum tfl_status status;
};

enum bench_time {
	BENCH_LATENCY, /* from due to ended: what all else is parts of */
	BENCH_LAG,     /* from due to sent */
	BENCH_WAIT,    /* in the daemon's queue */
	BENCH_COMPUTE,
	BENCH_WIRE,    /* the rest: sockets, frames, switching between processes */
	BENCH_TIMES
};

struct bench_window {
	struct tfl_latency times[BENCH_TIMES]; /* of requests that succeeded */
	uint64_t failures[TFL_STATUS_COUNT];
	uint64_t late;
};

struct bench_windows {
	int64_t begin;
	int64_t length;
	struct bench_window windows[BENCH_WINDOWS_MAX];
};

void bench_windows_add(struct bench_windows *windows, const struct bench_sample *sample);

/**
 * Whether the three windows before window @p count (the number of those that are over) lie within 10 % of their mean, by requests and by
 * the latency that @p share of them stayed below.
 */
bool bench_windows_agree(const struct bench_windows *windows, unsigned count, double share);

/** Adds up the first @p count windows. */
void bench_windows_sum(const struct bench_windows *windows, unsigned count, struct bench_window *ret_sum);

#endif
