/* SPDX-License-Identifier: MIT */
/*
 * A version that has taken the active one's place, and is watched until it has served so many requests for so long: what was seen of it, what the
 * version before did, and the verdict. Pure: it knows neither registry nor clocks; counters and times are passed in (loader_trial.c does). What limits
 * mean and how they are judged is the guard's matter (stats/guard.h).
 *
 * Counted against a version are requests that it fails and the version before answers well (fallback.h); requests whose time ran out while it ran; and
 * of those that are its own, by number, label or session, all that it ran and that failed, unless their client cancelled them. What never ran (no
 * such tensor, a full queue, time that ran out in it) is not.
 *
 * Lifetime: one per trial, the loader's. Thread: the loop's. A trial survives a stop in order: as bytes, with all that it had seen.
 */
#ifndef DAEMON_TRIAL_H
#define DAEMON_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "daemon/trial_counts.h"
#include "stats/guard.h"

struct tfl_error;
struct tfl_model_conf;
struct tfl_trial;

struct tfl_trial_plan {
	uint64_t id; /* no other trial's */
	uint64_t candidate, previous;
	uint64_t requests, seconds;
	struct tfl_guard_limits limits;
};

enum tfl_trial_verdict { TFL_TRIAL_RUNS, TFL_TRIAL_PASSED, TFL_TRIAL_REJECTED };

/** Requests, time and limits as a model's configuration says. The rest is the caller's. */
void tfl_trial_plan_init(struct tfl_trial_plan *plan, const struct tfl_model_conf *conf);

/**
 * Begins. @p reference: what the version before has done of late. @p candidate and @p beside: what both have done until now, which is none of the trial's;
 * @p now in seconds of a clock that never jumps. NULL without memory.
 */
struct tfl_trial *tfl_trial_create(const struct tfl_trial_plan *plan, const struct tfl_trial_reference *reference,
				   const struct tfl_trial_counts *candidate, const struct tfl_trial_counts *beside, double now);

/** NULL is allowed. */
void tfl_trial_destroy(struct tfl_trial *trial);

/** Looks: @p candidate and @p beside have gone on from what they were. Once it has ended it stays so. */
enum tfl_trial_verdict tfl_trial_look(struct tfl_trial *trial, const struct tfl_trial_counts *candidate,
				      const struct tfl_trial_counts *beside, bool hot, double now);

const struct tfl_trial_plan *tfl_trial_plan(const struct tfl_trial *trial);

/* As it stood at the last look. */
struct tfl_trial_progress {
	uint64_t requests, errors, nan;
	uint64_t seconds;
	uint64_t reference_requests, reference_seconds; /* of what it is measured against: its latest, before the trial, and in which time … */
	uint64_t beside_requests;                       /* … and those that the version before has served meanwhile */
	bool hot;
	struct tfl_guard_row rows[TFL_GUARD_SUBJECTS];
};

const struct tfl_trial_progress *tfl_trial_progress(const struct tfl_trial *trial);

#define TFL_TRIAL_REASON_MAX 80 /* goes into a note of the model's state, behind a time */

/** Which limit has tripped, with figures: "errors: 5 of 5 requests failed, the limit is 5.7 %". Returns @p text. */
const char *tfl_trial_reason(const struct tfl_trial *trial, char text[static TFL_TRIAL_REASON_MAX]);

/** Everything, as bytes that the caller frees. -ENOMEM. */
int tfl_trial_encode(const struct tfl_trial *trial, void **ret_data, size_t *ret_size);

/**
 * Goes on from what tfl_trial_encode() once made, for the same @p plan. Counters begin anew: @p candidate and @p beside as for tfl_trial_create().
 * -EINVAL, with a sentence, for bytes that cannot be that; -ENOMEM.
 */
int tfl_trial_restore(const struct tfl_trial_plan *plan, const void *data, size_t size, const struct tfl_trial_counts *candidate,
		      const struct tfl_trial_counts *beside, double now, struct tfl_trial **ret_trial, struct tfl_error *error);

#endif
