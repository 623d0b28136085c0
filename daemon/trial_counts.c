/* SPDX-License-Identifier: MIT */
#include "daemon/trial_counts.h"

#include <string.h>

#include "base/limits.h"
#include "daemon/recorder.h"

void tfl_trial_counts_read(const struct tfl_recorder *recorder, bool head, struct tfl_trial_counts *ret_counts)
{
	uint64_t classes[TFL_CONFIDENCE_CLASSES_MAX];
	struct tfl_confidence baseline;
	struct tfl_recorder_work work;

	memset(ret_counts, 0, sizeof(*ret_counts));
	tfl_recorder_read_work(recorder, &work, &ret_counts->latency);
	ret_counts->errors = work.faults;
	ret_counts->requests = work.good + work.faults;
	if (head)
		tfl_recorder_read_head(recorder, 0, &ret_counts->confidence, &baseline, classes);
}

void tfl_trial_counts_add(struct tfl_trial_counts *into, const struct tfl_trial_counts *more)
{
	into->requests += more->requests;
	into->errors += more->errors;
	into->nan += more->nan;
	tfl_latency_merge(&into->latency, &more->latency);
	tfl_confidence_merge(&into->confidence, &more->confidence);
}

static uint64_t less(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

void tfl_trial_counts_subtract(struct tfl_trial_counts *into, const struct tfl_trial_counts *earlier)
{
	into->requests = less(into->requests, earlier->requests);
	into->errors = less(into->errors, earlier->errors);
	into->nan = less(into->nan, earlier->nan);
	tfl_latency_subtract(&into->latency, &earlier->latency);
	tfl_confidence_subtract(&into->confidence, &earlier->confidence);
}

bool tfl_trial_counts_agree(const struct tfl_trial_counts *counts, uint64_t max)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TFL_LATENCY_BUCKETS; i++) {
		if (counts->latency.buckets[i] > max)
			return false;
		sum += counts->latency.buckets[i];
	}
	for (unsigned i = 0; i < TFL_CONFIDENCE_FINE; i++) {
		if (counts->confidence.fine[i] > max)
			return false;
	}
	return sum == counts->latency.count && tfl_confidence_agrees(&counts->confidence) && counts->requests <= max &&
	       counts->errors <= counts->requests && counts->nan <= max && counts->confidence.count <= max &&
	       counts->confidence.invalid <= max && counts->confidence.sum <= counts->confidence.count << 24;
}
