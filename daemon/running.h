/* SPDX-License-Identifier: MIT */
/*
 * Which trials' candidates run at this moment, one place a thread, in memory that outlives the process: a page of a file in the models folder, which
 * the kernel keeps when the daemon is killed or crashes, and which costs a store to write and no system call. The next daemon reads from it
 * whether the one before died while a candidate ran. What an earlier boot left says nothing: then it was the power.
 *
 * The file is mapped while there are trials; without, nothing of the models folder is held open for writing, and it is memory of the process alone.
 * So it is where there can be no such file (a folder that can only be read), and then nobody knows afterwards.
 *
 * Lifetime: one, the loader's. Thread: each place belongs to the thread with its index; what was before, to the loop; the mapping, to the loader's.
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
	void *mapping; /* always at the same place, whatever it is of */
	bool mapped;   /* of the file */
};

/** Takes over what the daemon before left, and begins anew, in memory of the process. 0 or -ENOMEM. */
int tfl_running_create(struct tfl_store *store, struct tfl_running **ret_running);

/** From now on it is the file, or memory of the process again: there is a trial, or none. Loader thread. */
void tfl_running_map(struct tfl_running *running, struct tfl_store *store, bool file);

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
