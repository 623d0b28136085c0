/* SPDX-License-Identifier: MIT */
/*
 * What a version did in a period: its requests by result, their latency, and of each head the verdicts, beside how far the last hour is
 * from the baseline. The counters of recorder and history only ever grow; a mark holds how far they have been told, and a period is what
 * came since. So periods add up to the counters, whatever happened to single ones: what could not be taken stays for the next.
 *
 * Lifetime: a mark belongs to its version; a period is whoever took it's alone, and knows nothing of the version any more. Thread: whoever
 * has the version's history may take (the loop, or the loader when nobody uses the version any more); a period may then go to any other
 * thread.
 */
#ifndef DAEMON_PERIOD_H
#define DAEMON_PERIOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "daemon/recorder.h"
#include "runtime/confidence.h"
#include "stats/drift.h"

struct tfl_heads;
struct tfl_period_mark;
struct tfl_version;

struct tfl_period_head {
	uint32_t output, classes;
	enum tfl_confidence_kind kind;
	char *name; /* of the output */
	struct tfl_confidence seen;
	uint32_t counted;
	uint64_t *counts; /* verdicts for each of that many classes */
	struct tfl_drift drift;
};

struct tfl_period {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t version;
	char sha256[65];
	int64_t time;         /* of its end, seconds since 1970 as the device knows them */
	uint64_t duration_ns; /* by a clock that nobody sets */
	struct tfl_recorder_summary did;
	unsigned heads;
	struct tfl_period_head head[TFL_CONFIDENCE_OUTPUTS_MAX];
};

/** The first period of a version with these heads and fresh counters begins at @p now_ns. 0 or -ENOMEM. */
int tfl_period_mark_create(const struct tfl_heads *heads, uint64_t now_ns, struct tfl_period_mark **ret_mark);
void tfl_period_mark_destroy(struct tfl_period_mark *mark);

/** What it takes, and the one period that may be on its way as well. */
size_t tfl_period_mark_bytes(const struct tfl_period_mark *mark);

/** Whether a period of this version is on its way to be written: then the next is not taken yet. The loop's, false at first. */
bool tfl_period_mark_busy(const struct tfl_period_mark *mark);
void tfl_period_mark_set_busy(struct tfl_period_mark *mark, bool busy);

/**
 * Ends the running period of @p version, whose history is up to date, at @p now_ns (CLOCK_BOOTTIME) and @p time, and begins the next. 1:
 * *ret_period is what it did, and the caller's; 0: it did nothing; -ENOMEM: the period goes on.
 */
int tfl_period_take(const struct tfl_version *version, uint64_t now_ns, int64_t time, struct tfl_period **ret_period);

/** NULL is allowed. */
void tfl_period_free(struct tfl_period *period);

/** All verdicts of a head, those that were no numbers too; and of all results those that were no success. */
uint64_t tfl_period_verdicts(const struct tfl_period_head *head);
uint64_t tfl_period_failed(const struct tfl_period *period);

#endif
