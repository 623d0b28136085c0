/* SPDX-License-Identifier: MIT */
/*
 * Which trials' candidates run at this moment, one place a thread, in memory that outlives the process: a page of a file in the models folder, which
 * the kernel keeps when the daemon is killed or crashes, and which costs a store to write and no system call. The next daemon reads from it
 * whether the one before died while a candidate ran. What an earlier boot left says nothing: then it was the power.
 *
 * Where there can be no such file (a models folder that can only be read) it is memory of the process alone, and nobody knows afterwards.
 *
 * Lifetime: one, the loader's. Thread: each place belongs to the thread with its index; what was before, to the loop.
 */
#ifndef DAEMON_RUNNING_H
#define DAEMON_RUNNING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct tfl_store;

#define TFL_RUNNING_PLACES (TFL_WORKERS_MAX + 1)

struct tfl_running_place {
	_Atomic uint64_t trial;
	uint64_t unused[7]; /* a cache line of its own */
};

struct tfl_running {
	struct tfl_running_place *places;
	uint64_t before[TFL_RUNNING_PLACES]; /* what ran when the daemon before ended, in this boot */
	void *mapping;
};

/** Takes over what the daemon before left, and begins anew. 0 or -ENOMEM. */
int tfl_running_create(struct tfl_store *store, struct tfl_running **ret_running);

/** NULL is allowed. */
void tfl_running_destroy(struct tfl_running *running);

/** Whether the daemon before died while it ran a request on this trial's candidate. */
bool tfl_running_died(const struct tfl_running *running, uint64_t trial);

/** From now on this thread runs the candidate of a trial; 0: none. */
static inline void tfl_running_set(struct tfl_running *running, unsigned place, uint64_t trial)
{
	atomic_store_explicit(&running->places[place].trial, trial, memory_order_relaxed);
}

#endif
