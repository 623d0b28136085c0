/* SPDX-License-Identifier: MIT */
/*
 * What is counted of the trial is what the version has counted less what it had when it began, plus what earlier runs of the daemon saw. All of
 * that is plain numbers of eight bytes, so a trial on disk is a row of them with a mark before it; it is read by the device that wrote it, and
 * checked, because anybody may have written there since.
 */
#include "daemon/trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/model_conf.h"

#define MARK UINT64_C(0x3172746c6674000b) /* another layout gets another number */
#define BLOCK_MIN_S 0.2
#define BLOCKS 60 /* that a trial's time is divided into, as far as its length allows that */
#define COUNT_MAX (UINT64_C(1) << 48)

/* What goes to disk. */
struct kept {
	uint64_t mark, bytes;
	uint64_t id, candidate, previous;
	double seconds; /* that it has run */
	struct tfl_guard guard;
	uint64_t reference_seconds;
	struct tfl_trial_counts reference, seen;
};

_Static_assert(sizeof(struct kept) % sizeof(uint64_t) == 0 && sizeof(struct tfl_guard) % sizeof(double) == 0, "no padding");

struct tfl_trial {
	struct tfl_trial_plan plan;
	struct tfl_guard guard;
	struct tfl_trial_counts reference;
	uint64_t reference_seconds;
	struct tfl_trial_counts earlier;     /* seen by earlier runs of the daemon */
	struct tfl_trial_counts began, beside_began; /* both versions' counters when this run of it began */
	struct tfl_trial_counts seen, beside_seen;   /* at the last look, all of the trial */
	double earlier_seconds, since;
	struct tfl_trial_progress progress;
	enum tfl_trial_verdict verdict;
};

void tfl_trial_plan_init(struct tfl_trial_plan *plan, const struct tfl_model_conf *conf)
{
	*plan = (struct tfl_trial_plan){
		.requests = conf->trial_requests,
		.seconds = conf->trial_ms / 1000,
		.limits = {
			.errors = (double)conf->trial_errors / 100,
			.p99_ratio = (double)conf->trial_latency / 100,
			.confidence_drop = (double)conf->trial_confidence / 100,
			.drift = (double)conf->trial_drift / 100,
			.nan = conf->trial_nan,
			.absolute_errors = (double)conf->trial_max_errors / 100,
			.absolute_p99_ns = (double)conf->trial_max_latency_ms * 1e6,
			.absolute_confidence = (double)conf->trial_min_confidence / 100,
		},
	};
}

static struct tfl_guard_seen seen_of(const struct tfl_trial_counts *counts)
{
	return (struct tfl_guard_seen){
		.requests = counts->requests,
		.errors = counts->errors,
		.nan = counts->nan,
		.latency = &counts->latency,
		.confidence = counts->confidence.count > 0 ? &counts->confidence : NULL,
	};
}

/* What belongs together in time may have one cause; a short trial has to make do with less of it. */
static double block_seconds(const struct tfl_trial_plan *plan)
{
	double seconds = (double)plan->seconds / BLOCKS;

	return seconds < BLOCK_MIN_S ? BLOCK_MIN_S : seconds;
}

static struct tfl_trial *make(const struct tfl_trial_plan *plan, const struct tfl_trial_counts *candidate,
			      const struct tfl_trial_counts *beside, double now)
{
	struct tfl_trial *trial = calloc(1, sizeof(*trial));

	if (!trial)
		return NULL;
	trial->plan = *plan;
	trial->plan.limits.block_seconds = block_seconds(plan);
	trial->began = *candidate;
	trial->beside_began = *beside;
	trial->since = now;
	return trial;
}

struct tfl_trial *tfl_trial_create(const struct tfl_trial_plan *plan, const struct tfl_trial_reference *reference,
				   const struct tfl_trial_counts *candidate, const struct tfl_trial_counts *beside, double now)
{
	struct tfl_trial *trial = make(plan, candidate, beside, now);
	struct tfl_guard_seen seen;

	if (!trial)
		return NULL;
	trial->reference = reference->counts;
	trial->reference_seconds = reference->seconds;
	seen = seen_of(&trial->reference);
	seen.minutes = &reference->minutes;
	seen.minutes_records = (double)reference->minutes_records;
	tfl_guard_init(&trial->guard, &trial->plan.limits, &seen);
	(void)tfl_trial_look(trial, candidate, beside, false, now);
	return trial;
}

void tfl_trial_destroy(struct tfl_trial *trial)
{
	free(trial);
}

enum tfl_trial_verdict tfl_trial_look(struct tfl_trial *trial, const struct tfl_trial_counts *candidate,
				      const struct tfl_trial_counts *beside, bool hot, double now)
{
	double seconds = trial->earlier_seconds + (now > trial->since ? now - trial->since : 0);
	struct tfl_guard_seen seen, reference, also;

	if (trial->verdict != TFL_TRIAL_RUNS)
		return trial->verdict;
	trial->seen = *candidate;
	tfl_trial_counts_subtract(&trial->seen, &trial->began);
	tfl_trial_counts_add(&trial->seen, &trial->earlier);
	trial->beside_seen = *beside;
	tfl_trial_counts_subtract(&trial->beside_seen, &trial->beside_began);
	seen = seen_of(&trial->seen);
	reference = seen_of(&trial->reference);
	also = seen_of(&trial->beside_seen);
	trial->progress.requests = seen.requests;
	trial->progress.errors = seen.errors;
	trial->progress.nan = seen.nan;
	trial->progress.seconds = (uint64_t)seconds;
	trial->progress.reference_requests = reference.requests;
	trial->progress.reference_seconds = trial->reference_seconds;
	trial->progress.beside_requests = also.requests;
	trial->progress.hot = hot;
	if (tfl_guard_look(&trial->guard, &trial->plan.limits, &seen, &reference, also.requests > 0 ? &also : NULL, hot, seconds,
			   trial->progress.rows))
		trial->verdict = TFL_TRIAL_REJECTED;
	else if (seen.requests >= trial->plan.requests && seconds >= (double)trial->plan.seconds)
		trial->verdict = TFL_TRIAL_PASSED;
	return trial->verdict;
}

const struct tfl_trial_plan *tfl_trial_plan(const struct tfl_trial *trial)
{
	return &trial->plan;
}

const struct tfl_trial_progress *tfl_trial_progress(const struct tfl_trial *trial)
{
	return &trial->progress;
}

const char *tfl_trial_reason(const struct tfl_trial *trial, char text[static TFL_TRIAL_REASON_MAX])
{
	enum tfl_guard_subject subject = trial->guard.tripped > 0 ? (enum tfl_guard_subject)(trial->guard.tripped - 1) : TFL_GUARD_SUBJECTS;
	const struct tfl_guard_row *row = &trial->progress.rows[subject < TFL_GUARD_SUBJECTS ? subject : 0];
	const uint64_t requests = trial->progress.requests;

	text[0] = '\0';
	switch (subject) {
	case TFL_GUARD_ERRORS:
		snprintf(text, TFL_TRIAL_REASON_MAX, "errors: %" PRIu64 " of %" PRIu64 " requests failed, the limit is %.1f %%", trial->progress.errors,
			 requests, 100 * row->limit);
		break;
	case TFL_GUARD_LATENCY:
		snprintf(text, TFL_TRIAL_REASON_MAX, "latency: p99 %.3g ms in %" PRIu64 " requests, the limit is %.3g ms", row->value / 1e6, requests,
			 row->limit / 1e6);
		break;
	case TFL_GUARD_CONFIDENCE:
		snprintf(text, TFL_TRIAL_REASON_MAX, "confidence: mean %.3f in %" PRIu64 " requests, the limit is %.3f", row->value, requests,
			 row->limit);
		break;
	case TFL_GUARD_DRIFT:
		snprintf(text, TFL_TRIAL_REASON_MAX, "drift: PSI %.2f in %" PRIu64 " requests, the limit is %.2f", row->value, requests, row->limit);
		break;
	case TFL_GUARD_NAN:
		snprintf(text, TFL_TRIAL_REASON_MAX, "NaN: in outputs of %" PRIu64 " of %" PRIu64 " requests, the limit is %.0f", trial->progress.nan,
			 requests, row->limit);
		break;
	case TFL_GUARD_SUBJECTS:
		break;
	}
	return text;
}

int tfl_trial_encode(const struct tfl_trial *trial, void **ret_data, size_t *ret_size)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	kept->mark = MARK;
	kept->bytes = sizeof(*kept);
	kept->id = trial->plan.id;
	kept->candidate = trial->plan.candidate;
	kept->previous = trial->plan.previous;
	kept->seconds = (double)trial->progress.seconds;
	kept->guard = trial->guard;
	kept->reference_seconds = trial->reference_seconds;
	kept->reference = trial->reference;
	kept->seen = trial->seen;
	*ret_data = kept;
	*ret_size = sizeof(*kept);
	return 0;
}

static bool is_kept(const struct kept *kept, size_t size, const struct tfl_trial_plan *plan)
{
	return size == sizeof(*kept) && kept->mark == MARK && kept->bytes == sizeof(*kept) && kept->id == plan->id &&
	       kept->candidate == plan->candidate && kept->previous == plan->previous && kept->seconds >= 0 && kept->seconds < 1e12 &&
	       tfl_guard_valid(&kept->guard) && kept->guard.tripped == 0 && tfl_trial_counts_agree(&kept->reference, COUNT_MAX) && tfl_trial_counts_agree(&kept->seen, COUNT_MAX);
}

int tfl_trial_restore(const struct tfl_trial_plan *plan, const void *data, size_t size, const struct tfl_trial_counts *candidate,
		      const struct tfl_trial_counts *beside, double now, struct tfl_trial **ret_trial, struct tfl_error *error)
{
	const struct kept *kept = data;
	struct tfl_trial *trial;

	if (!is_kept(kept, size, plan))
		return tfl_error_set(error, -EINVAL, "what was seen of the trial cannot be read");
	trial = make(plan, candidate, beside, now);
	if (!trial)
		return tfl_error_set(error, -ENOMEM, "not enough memory for a trial");
	trial->guard = kept->guard;
	tfl_guard_resume(&trial->guard);
	trial->reference_seconds = kept->reference_seconds;
	trial->reference = kept->reference;
	trial->earlier = kept->seen;
	trial->earlier_seconds = kept->seconds;
	(void)tfl_trial_look(trial, candidate, beside, false, now);
	*ret_trial = trial;
	return 0;
}
