/* SPDX-License-Identifier: MIT */
/*
 * What is counted per version: requests by result, latency by stage (wait in the queue, compute, reply), and for each output that has one the
 * confidence of its verdicts and how often each class won. One set of counters per worker, written by that worker alone without a lock, merged
 * when read.
 */
#ifndef DAEMON_RECORDER_H
#define DAEMON_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/tfl-types.h"
#include "stats/confidence.h"
#include "stats/latency.h"

struct tfl_recorder;
struct tfl_top;

/** One finished request. */
struct tfl_record {
	enum tfl_status status;
	bool executed; /* an interpreter ran it, whatever came of that */
	uint64_t wait_ns;
	uint64_t compute_ns;
	uint64_t reply_ns;
	uint64_t total_ns; /* from the arrival of the whole frame to the last byte given to the socket */
	bool excused;      /* it was given less time than it takes at best, or what was asked for is more than a reply can bring */
};

/** Whether it counts against the version: it ran, and failed, and not because its client cancelled it, or asked for what nobody can do. */
static inline bool tfl_record_is_fault(const struct tfl_record *record)
{
	bool asked = record->status == TFL_DEADLINE_EXCEEDED || record->status == TFL_INVALID_ARGUMENT || record->status == TFL_RESOURCE_EXHAUSTED;

	return record->executed && record->status != TFL_OK && record->status != TFL_CANCELLED && !(record->excused && asked);
}

struct tfl_recorder_summary {
	uint64_t requests;                   /* all, by result below */
	uint64_t results[TFL_STATUS_COUNT];
	uint64_t executions;
	uint64_t faults;                     /* of those: tfl_record_is_fault() */
	struct tfl_latency wait, compute, reply, total; /* of successful requests */
	uint64_t rows, agreed;                          /* of a shadow alone: rows of scores that were compared; the same class was the best */
};

/**
 * @p writers: workers and the loop thread, at least one; each passes its own index when it records. @p classes: of each of @p heads outputs
 * (at most TFL_CONFIDENCE_OUTPUTS_MAX) the number of classes that are counted one by one, at most TFL_CONFIDENCE_CLASSES_MAX. Address space: about
 * 75 KB a writer, and 8 KB and 8 bytes for each class a head; only what is touched becomes memory. 0 or -ENOMEM.
 */
int tfl_recorder_create(unsigned writers, unsigned heads, const uint32_t *classes, struct tfl_recorder **ret_recorder);

/** No thread may read or write it any more. NULL is allowed. */
void tfl_recorder_destroy(struct tfl_recorder *recorder);

/** Counts a finished request. The thread that owns @p writer; no lock, no allocation. */
void tfl_recorder_add(struct tfl_recorder *recorder, unsigned writer, const struct tfl_record *record);

/**
 * A version that runs copies of requests and never answers (shadows.h) has one more writer, of one thread, whose index this is: for its verdicts. Its requests
 * are counted apart, so that what is told of a version's requests is what it answered.
 */
unsigned tfl_recorder_shadow_writer(const struct tfl_recorder *recorder);
void tfl_recorder_add_shadow(struct tfl_recorder *recorder, const struct tfl_record *record);
void tfl_recorder_add_agreement(struct tfl_recorder *recorder, uint64_t rows, uint64_t agreed);
void tfl_recorder_read_shadow(const struct tfl_recorder *recorder, struct tfl_recorder_summary *ret_summary);

/** Counts a verdict of head @p head. A class that is not counted is left out of the counts. Likewise. */
void tfl_recorder_add_verdict(struct tfl_recorder *recorder, unsigned writer, unsigned head, const struct tfl_top *top);

/** Merges all writers' counters, on any thread; the summary is large, so the caller provides the memory (not on a small stack). */
void tfl_recorder_read(const struct tfl_recorder *recorder, struct tfl_recorder_summary *ret_summary);

/* Of the requests that an interpreter ran: those that went well, and those that count against the version. */
struct tfl_recorder_work {
	uint64_t good, faults;
};

/** Likewise these alone, and how long the good ones computed, which is a small part of a summary. */
void tfl_recorder_read_work(const struct tfl_recorder *recorder, struct tfl_recorder_work *ret_work, struct tfl_latency *ret_compute);

/** Takes an older state of the same counters out: what is left came between the two. And adds what came to a state. */
void tfl_recorder_subtract(struct tfl_recorder_summary *into, const struct tfl_recorder_summary *earlier);
void tfl_recorder_merge(struct tfl_recorder_summary *into, const struct tfl_recorder_summary *from);

/**
 * tfl_recorder_read() for one head: all its verdicts, those of the baseline, and of each class; @p ret_classes has room for as many counters as it was
 * created with.
 */
void tfl_recorder_read_head(const struct tfl_recorder *recorder, unsigned head, struct tfl_confidence *ret_confidence,
			    struct tfl_confidence *ret_baseline, uint64_t *ret_classes);

/** The next @p verdicts of a head are the baseline's too; none at first. Before anybody records. */
void tfl_recorder_want_baseline(struct tfl_recorder *recorder, unsigned head, uint64_t verdicts);

/** Bytes of address space. */
size_t tfl_recorder_bytes(const struct tfl_recorder *recorder);

#endif
