/* SPDX-License-Identifier: MIT */
/*
 * Which of a model's requests become samples, and when it is enough. Pure: time and sizes are passed in. One thread.
 *
 * A request is picked before it runs, because what it was asked is worth a copy only then; that it was answered well, and that there is
 * room for it, is seen when the copy arrives. So more can be picked than are kept, never fewer: what does not arrive is picked anew.
 */
#ifndef DAEMON_SAMPLING_H
#define DAEMON_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tfl_sampling_plan {
	uint64_t version;     /* 0: of every version */
	uint32_t count;       /* so many are kept */
	uint32_t every;       /* each so many-th request: at least 1 */
	uint64_t interval_ns; /* none earlier than this after the one before */
	bool outputs;         /* what was answered is kept, too */
};

struct tfl_sampling {
	struct tfl_sampling_plan plan;
	uint64_t room;          /* bytes that may still be written */
	uint64_t seen;          /* requests of the version */
	uint64_t due_ns;        /* not before this */
	uint32_t kept, waiting; /* on disk; on the way there */
	uint64_t bytes, waiting_bytes; /* likewise */
	uint64_t dropped;       /* picked and answered, but the disk was too slow */
	uint64_t large;         /* likewise, but no frame would hold the sample */
	bool full;              /* there is no room for one that came */
};

/** @p room: bytes that may be written. */
void tfl_sampling_begin(struct tfl_sampling *sampling, const struct tfl_sampling_plan *plan, uint64_t room);

/** A request for @p version came: whether a copy of it is wanted. */
bool tfl_sampling_pick(struct tfl_sampling *sampling, uint64_t version, uint64_t now_ns);

/** A copy of @p bytes arrived: whether it is to be written. Else it is dropped. */
bool tfl_sampling_take(struct tfl_sampling *sampling, size_t bytes);

/**
 * Of those that are on the way, @p taken with @p taken_bytes in memory, @p kept were written, in @p kept_bytes, and @p large were too large. @p full:
 * there was no room for the next of them, since a file can be larger than what it is made of.
 */
void tfl_sampling_written(struct tfl_sampling *sampling, uint32_t taken, uint64_t taken_bytes, uint32_t kept, uint64_t kept_bytes,
			  uint32_t large, bool full);

/** Nothing is on its way, and nothing more is wanted. */
bool tfl_sampling_complete(const struct tfl_sampling *sampling);

#endif
