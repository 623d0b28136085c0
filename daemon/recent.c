/* SPDX-License-Identifier: MIT */
/*
 * Two parts, the one that runs and the one before it, and the totals of the last time, so that nothing is added twice. On disk each part is a map {"age_s",
 * "requests", "errors", "compute_ns", "latency", "confidence"}: since when, and its histograms, as histogram.h says.
 */
#include "daemon/recent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/fields.h"
#include "daemon/histogram.h"
#include "proto/params.h"
#include "proto/reader.h"

#define PARTS 2
#define COUNT_MAX (UINT64_C(1) << 40) /* of what is read back: two of them are still no more than a trial can be told */

enum { RUNNING, FULL };

struct part {
	bool begun;
	int64_t since;
	struct tfl_trial_counts counts;
};

struct tfl_recent {
	struct part parts[PARTS];
	struct tfl_trial_counts totals[2]; /* of the last time, and of this one */
	unsigned last;                     /* which of them */
	int64_t seen;                      /* when the last time was */
};

int tfl_recent_create(struct tfl_recent **ret_recent)
{
	*ret_recent = calloc(1, sizeof(**ret_recent));
	return *ret_recent ? 0 : -ENOMEM;
}

void tfl_recent_destroy(struct tfl_recent *recent)
{
	free(recent);
}

size_t tfl_recent_bytes(void)
{
	return sizeof(struct tfl_recent);
}

void tfl_recent_begin(struct tfl_recent *recent, int64_t now)
{
	recent->seen = now;
}

/* The running part becomes the full one, once it may be one. */
static void turn(struct tfl_recent *recent, int64_t now)
{
	struct part *running = &recent->parts[RUNNING];

	if (running->counts.requests < TFL_RECENT_REQUESTS || now - running->since < TFL_RECENT_SECONDS)
		return;
	recent->parts[FULL] = *running;
	memset(running, 0, sizeof(*running));
}

bool tfl_recent_advance(struct tfl_recent *recent, const struct tfl_recorder *recorder, const struct tfl_confidence *first, int64_t now)
{
	struct tfl_trial_counts *before = &recent->totals[recent->last], *totals = &recent->totals[!recent->last];
	struct part *running = &recent->parts[RUNNING];
	int64_t seen = recent->seen;

	recent->seen = now;
	tfl_trial_counts_read(recorder, false, totals);
	if (first)
		totals->confidence = *first;
	turn(recent, now);
	if (totals->requests == before->requests)
		return false;
	if (!running->begun)
		running->since = seen;
	running->begun = true;
	tfl_trial_counts_add(&running->counts, totals);
	tfl_trial_counts_subtract(&running->counts, before);
	recent->last = !recent->last;
	return true;
}

void tfl_recent_read(const struct tfl_recent *recent, int64_t now, struct tfl_trial_reference *ret_reference)
{
	memset(ret_reference, 0, sizeof(*ret_reference));
	for (unsigned i = 0; i < PARTS; i++) {
		const struct part *part = &recent->parts[i];

		if (!part->begun)
			continue;
		tfl_trial_counts_add(&ret_reference->counts, &part->counts);
		ret_reference->seconds = now > part->since ? (uint64_t)(now - part->since) : 0;
	}
}

/* ---- On disk ---- */

static void write_part(struct tfl_writer *writer, const struct part *part, int64_t now)
{
	tfl_writer_map(writer, 6);
	tfl_field_uint(writer, "age_s", now > part->since ? (uint64_t)(now - part->since) : 0);
	tfl_field_uint(writer, "requests", part->counts.requests);
	tfl_field_uint(writer, "errors", part->counts.errors);
	tfl_field_uint(writer, "compute_ns", part->counts.latency.sum_ns);
	tfl_counters_write(writer, "latency", part->counts.latency.buckets, TFL_LATENCY_BUCKETS);
	tfl_histogram_write(writer, "confidence", &part->counts.confidence);
}

void tfl_recent_write(const struct tfl_recent *recent, struct tfl_writer *writer, int64_t now)
{
	static const char *const keys[PARTS] = {[RUNNING] = "running", [FULL] = "full"};
	uint32_t begun = 0;

	for (unsigned i = 0; i < PARTS; i++)
		begun += recent->parts[i].begun;
	tfl_writer_map(writer, begun);
	for (unsigned i = 0; i < PARTS; i++) {
		if (!recent->parts[i].begun)
			continue;
		tfl_writer_text(writer, keys[i]);
		write_part(writer, &recent->parts[i], now);
	}
}

struct stored_part {
	uint32_t age;
	uint64_t requests, errors, compute_ns;
	struct tfl_wire_array latency;
	struct tfl_slice confidence;
};

#define AT(field) offsetof(struct stored_part, field)
static const struct tfl_param part_rows[] = {
	{"age_s", TFL_PARAM_UINT32, true, AT(age), 0, UINT32_MAX, NULL},
	{"requests", TFL_PARAM_UINT64, true, AT(requests), 0, COUNT_MAX, NULL},
	{"errors", TFL_PARAM_UINT64, true, AT(errors), 0, COUNT_MAX, NULL},
	{"compute_ns", TFL_PARAM_UINT64, true, AT(compute_ns), 0, UINT64_MAX, NULL},
	{"latency", TFL_PARAM_ARRAY, true, AT(latency), 0, 2 * TFL_LATENCY_BUCKETS, "counters"},
	{"confidence", TFL_PARAM_VALUE, true, AT(confidence), 0, 0, NULL},
};
#undef AT

struct stored {
	struct tfl_slice parts[PARTS];
};

static const struct tfl_param stored_rows[] = {
	{"running", TFL_PARAM_VALUE, false, offsetof(struct stored, parts[RUNNING]), 0, 0, NULL},
	{"full", TFL_PARAM_VALUE, false, offsetof(struct stored, parts[FULL]), 0, 0, NULL},
};

static const struct tfl_param_table part_table = TFL_PARAM_TABLE(part_rows, struct stored_part);
static const struct tfl_param_table stored_table = TFL_PARAM_TABLE(stored_rows, struct stored);

/* The buckets are read where they belong; count, smallest and largest follow from them. */
static int restore_latency(const struct stored_part *stored, struct tfl_latency *latency, struct tfl_error *error)
{
	uint64_t sum;
	int r = tfl_counters_read(&stored->latency, latency->buckets, TFL_LATENCY_BUCKETS, &sum, error);

	for (unsigned i = 0; r == 0 && i < TFL_LATENCY_BUCKETS; i++) {
		uint64_t count = latency->buckets[i];

		latency->buckets[i] = 0;
		r = tfl_latency_add_bucket(latency, i, count);
	}
	latency->sum_ns = stored->compute_ns;
	return r;
}

static int restore_part(struct part *part, struct tfl_slice value, int64_t elapsed, int64_t now, bool head, struct tfl_error *error)
{
	struct stored_part stored;
	int r;

	r = tfl_params_parse(&part_table, value, "recent", &stored, error);
	if (r < 0)
		return r;
	part->begun = true;
	part->since = now - elapsed - stored.age;
	part->counts.requests = stored.requests;
	part->counts.errors = stored.errors;
	r = restore_latency(&stored, &part->counts.latency, error);
	if (r == 0 && head)
		r = tfl_histogram_read(stored.confidence, &part->counts.confidence, error);
	if (r == 0 && !tfl_trial_counts_agree(&part->counts, COUNT_MAX))
		r = tfl_error_set(error, -EINVAL, "the latest requests do not agree with each other");
	return r;
}

int tfl_recent_restore(struct tfl_recent *recent, struct tfl_slice value, int64_t elapsed, int64_t now, bool head, struct tfl_error *error)
{
	struct stored stored;
	int r = tfl_params_parse(&stored_table, value, "recent", &stored, error);

	for (unsigned i = 0; i < PARTS && r == 0; i++)
		if (stored.parts[i].data)
			r = restore_part(&recent->parts[i], stored.parts[i], elapsed, now, head, error);
	if (r < 0)
		memset(recent->parts, 0, sizeof(recent->parts));
	return r;
}
