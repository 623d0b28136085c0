/* SPDX-License-Identifier: MIT */
/*
 * When a benchmark sends its next request. Arithmetic alone: the time is passed in, in nanoseconds.
 *
 * A closed loop keeps a number of requests in flight: the next is sent when one has ended. So a service that stalls is asked less while it
 * stalls, and the requests that would have met the stall are missing from the figures (coordinated omission). An open loop has a schedule
 * that does not wait for anybody, and a request's latency counts from the time at which it was due, however late it could be sent.
 */
#ifndef CLIENT_BENCH_LOAD_H
#define CLIENT_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_NEVER INT64_MAX

struct bench_load {
	unsigned most;      /* requests in flight at once; of a closed loop: always */
	unsigned in_flight;
	uint64_t held;      /* times that a request was due and `most` were in flight: the service is behind */

	/* Of an open loop. */
	double gap_ns;      /* mean time between two requests; 0: a closed loop */
	bool poisson;       /* gaps are exponentially distributed, as of many independent callers; else all alike */
	uint64_t random;
	int64_t begin;
	double next_ns;     /* when the next request is due, from the beginning */
};

void bench_load_closed(struct bench_load *load, unsigned concurrency);

/** @p rate requests a second from @p begin on, of which at most @p most are in flight. */
void bench_load_open(struct bench_load *load, double rate, bool poisson, unsigned most, int64_t begin);

/** Whether a request is to be sent at @p now, and since when it is due. Then it counts as in flight, until bench_load_ended(). */
bool bench_load_take(struct bench_load *load, int64_t now, int64_t *ret_due);

/** When the next one will be due though none has ended; BENCH_NEVER: not before one ends. */
int64_t bench_load_next(const struct bench_load *load);

void bench_load_ended(struct bench_load *load);

#endif
