/* SPDX-License-Identifier: MIT */
/* What trials look at of a version: requests, errors, latency, confidence. Plain data; zeroed memory is nothing. Large: not on a small stack. */
#ifndef DAEMON_TRIAL_COUNTS_H
#define DAEMON_TRIAL_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/confidence.h"
#include "stats/guard.h"
#include "stats/latency.h"

struct tfl_recorder;

/* What a version has done since it was loaded, or since some moment. */
struct tfl_trial_counts {
	uint64_t requests; /* that it ran */
	uint64_t errors;   /* of those */
	uint64_t nan;      /* of those, while it was watched */
	struct tfl_latency latency;       /* of computing, of those that went well */
	struct tfl_confidence confidence; /* of its first output that has one; empty where none has */
};

/* What a version on trial is measured against: of the version before. */
struct tfl_trial_reference {
	struct tfl_trial_counts counts;
	uint64_t seconds; /* in which that was, up to the moment when the trial began */
	struct tfl_guard_blocks minutes; /* of its last hour: the mean confidence of each minute that has enough of them … */
	uint64_t minutes_records;        /* … of so many verdicts */
};

/** What a version's recorder has counted; its confidence only with @p head, that it has a head. What no recorder counts (NaN) is 0. */
void tfl_trial_counts_read(const struct tfl_recorder *recorder, bool head, struct tfl_trial_counts *ret_counts);

void tfl_trial_counts_add(struct tfl_trial_counts *into, const struct tfl_trial_counts *more);

/** Takes an older state of the same counters out. A counter that has shrunk leaves nothing. */
void tfl_trial_counts_subtract(struct tfl_trial_counts *into, const struct tfl_trial_counts *earlier);

/** Whether what was written down makes sense, and no counter is above @p max. */
bool tfl_trial_counts_agree(const struct tfl_trial_counts *counts, uint64_t max);

#endif
