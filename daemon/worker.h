/* SPDX-License-Identifier: MIT */
/*
 * The threads that compute. Each takes a job from the scheduler, runs it, replies and takes the next, without the loop thread.
 *
 * Lifetime: started once the scheduler exists; destroyed after tfl_scheduler_stop(), which makes them end. Thread: loop thread.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stdint.h>

struct tfl_error;
struct tfl_scheduler;
struct tfl_workers;

/** Starts @p count threads (1 to TFL_WORKERS_MAX), which record as writers 0 to count - 1. @p scheduler is borrowed. */
int tfl_workers_create(struct tfl_scheduler *scheduler, unsigned count, struct tfl_workers **ret_workers, struct tfl_error *error);

/** For how long the worker that is busy longest has been, in nanoseconds; 0 when none is. @p now of tfl_clock_ns(). */
uint64_t tfl_workers_longest(const struct tfl_workers *workers, uint64_t now);

/** Waits for the threads; NULL is allowed. The scheduler was stopped before. */
void tfl_workers_destroy(struct tfl_workers *workers);

/** One per processor that this process may run on, at most TFL_WORKERS_MAX. */
unsigned tfl_workers_default(void);

#endif
