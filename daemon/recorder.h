/* SPDX-License-Identifier: MIT */
/*
 * What is counted per version: requests by result, and latency by stage (wait in the queue, compute, reply). One set of counters per
 * worker, written by that worker alone without a lock, merged when read.
 */
#ifndef DAEMON_RECORDER_H
#define DAEMON_RECORDER_H

#include <stdint.h>

#include "base/tfl-types.h"
#include "stats/latency.h"

struct tfl_recorder;

/** One finished request. */
struct tfl_record {
	enum tfl_status status;
	uint64_t wait_ns;
	uint64_t compute_ns;
	uint64_t reply_ns;
	uint64_t total_ns; /* from the arrival of the whole frame to the last byte given to the socket */
};

struct tfl_recorder_summary {
	uint64_t requests;                   /* all, by result below */
	uint64_t results[TFL_STATUS_COUNT];
	struct tfl_latency wait, compute, reply, total; /* of successful requests */
};

/**
 * @p writers: workers and the loop thread, at least one; each passes its own index when it records. Address space: about 75 KB a writer,
 * of which only what is touched becomes memory. 0 or -ENOMEM.
 */
int tfl_recorder_create(unsigned writers, struct tfl_recorder **ret_recorder);

/** No thread may read or write it any more. NULL is allowed. */
void tfl_recorder_destroy(struct tfl_recorder *recorder);

/** Counts a finished request. The thread that owns @p writer; no lock, no allocation. */
void tfl_recorder_add(struct tfl_recorder *recorder, unsigned writer, const struct tfl_record *record);

/** Merges all writers' counters, on any thread; the summary is large, so the caller provides the memory (not on a small stack). */
void tfl_recorder_read(const struct tfl_recorder *recorder, struct tfl_recorder_summary *ret_summary);

#endif
