/* SPDX-License-Identifier: MIT */
/*
 * A line is read and checked as a whole, then it is seen whether everything that it adds fits, and only then it is added. Which lines were
 * there is kept as spans of numbers of each run: files are read in order, so that a run is one span.
 *
 * jansson's objects serve as hash tables from a name to the index of what is kept about it.
 */
#include "client/merge.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/merge_line.h"

/* Lines first to last of a run were there. */
struct span {
	uint64_t first, last;
};

struct run {
	struct span *spans; /* ascending, with something missing between any two */
	size_t count;
};

struct merge {
	struct merge_line line; /* the one that is being taken */
	struct merge_version *versions[MERGE_VERSIONS_MAX];
	size_t version_count;
	json_t *run_index; /* of its name */
	struct run *runs;
	size_t run_count, spans;
	size_t devices; /* of all versions */
};

_Static_assert(TFL_DRIFT_DRIFTED == MERGE_VERDICTS - 1, "the last verdict");

int merge_create(struct merge **ret_merge)
{
	struct merge *merge = calloc(1, sizeof(*merge));

	if (merge)
		merge->run_index = json_object();
	if (!merge || !merge->run_index) {
		free(merge);
		return -ENOMEM;
	}
	*ret_merge = merge;
	return 0;
}

static void destroy_version(struct merge_version *version)
{
	if (!version)
		return;
	for (unsigned i = 0; i < version->head_count; i++)
		free(version->heads[i]);
	json_decref(version->device_index);
	free(version->devices);
	free(version);
}

void merge_destroy(struct merge *merge)
{
	if (!merge)
		return;
	for (size_t i = 0; i < merge->version_count; i++)
		destroy_version(merge->versions[i]);
	for (size_t i = 0; i < merge->run_count; i++)
		free(merge->runs[i].spans);
	json_decref(merge->run_index);
	free(merge->runs);
	free(merge);
}

static int no_memory(struct tfl_error *error)
{
	return tfl_error_set(error, -ENOMEM, "no memory for all of it");
}

/* Room for one more entry of @p size bytes: where the array is then, or NULL. It doubles where the count is a power of two. */
static void *grow(void *array, size_t count, size_t size)
{
	return count & (count - 1) ? array : reallocarray(array, count ? 2 * count : 1, size);
}

/* ---- Lines that were there already ---- */

static int find_run(struct merge *merge, const char *name, struct run **ret_run, struct tfl_error *error)
{
	const json_t *index = json_object_get(merge->run_index, name);
	struct run *runs;

	if (index) {
		*ret_run = &merge->runs[json_integer_value(index)];
		return 0;
	}
	if (merge->run_count + merge->spans >= MERGE_RUNS_MAX)
		return tfl_error_set(error, -ENOSPC, "there are lines of more runs than can be told apart");
	runs = grow(merge->runs, merge->run_count, sizeof(*runs));
	if (!runs)
		return no_memory(error);
	merge->runs = runs;
	runs[merge->run_count] = (struct run){0};
	if (json_object_set_new(merge->run_index, name, json_integer((json_int_t)merge->run_count)) < 0)
		return no_memory(error);
	*ret_run = &runs[merge->run_count++];
	return 0;
}

/* The first span that ends at @p seq or later; the number of spans where there is none. */
static size_t find_span(const struct run *run, uint64_t seq)
{
	size_t low = 0, high = run->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (run->spans[middle].last < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool was_there(const struct run *run, uint64_t seq)
{
	size_t at = find_span(run, seq);

	return at < run->count && run->spans[at].first <= seq;
}

static int insert_span(struct merge *merge, struct run *run, size_t at, uint64_t seq, struct tfl_error *error)
{
	struct span *spans;

	if (merge->run_count + merge->spans >= MERGE_RUNS_MAX)
		return tfl_error_set(error, -ENOSPC, "there are more gaps between lines than can be kept");
	spans = grow(run->spans, run->count, sizeof(*spans));
	if (!spans)
		return no_memory(error);
	run->spans = spans;
	memmove(run->spans + at + 1, run->spans + at, (run->count - at) * sizeof(*run->spans));
	run->spans[at] = (struct span){seq, seq};
	run->count++;
	merge->spans++;
	return 0;
}

/* Notes a line that was not there. */
static int note(struct merge *merge, struct run *run, uint64_t seq, struct tfl_error *error)
{
	size_t at = find_span(run, seq);
	bool before = at > 0 && run->spans[at - 1].last + 1 == seq, behind = at < run->count && seq + 1 == run->spans[at].first;

	if (before && behind) {
		run->spans[at - 1].last = run->spans[at].last;
		memmove(run->spans + at, run->spans + at + 1, (run->count - at - 1) * sizeof(*run->spans));
		run->count--;
		merge->spans--;
	} else if (before) {
		run->spans[at - 1].last = seq;
	} else if (behind) {
		run->spans[at].first = seq;
	} else {
		return insert_span(merge, run, at, seq, error);
	}
	return 0;
}

/* ---- Versions ---- */

static int compare(const struct merge_version *version, const char *model, uint64_t number, const char *sha256)
{
	int order = strcmp(version->model, model);

	if (order == 0)
		order = version->number < number ? -1 : version->number > number;
	return order ? order : strcmp(version->sha256, sha256);
}

static struct merge_version *make_version(const struct merge_line *line)
{
	struct merge_version *version = calloc(1, sizeof(*version));

	if (version)
		version->device_index = json_object();
	if (!version || !version->device_index) {
		free(version);
		return NULL;
	}
	strcpy(version->model, line->model);
	strcpy(version->sha256, line->sha256);
	version->number = line->number;
	strcpy(version->first, line->time);
	strcpy(version->last, line->time);
	return version;
}

/* Where the version of the line stands among the others, or belongs; whether it is there. */
static bool locate_version(const struct merge *merge, size_t *ret_at)
{
	const struct merge_line *line = &merge->line;
	size_t at = 0;

	while (at < merge->version_count && compare(merge->versions[at], line->model, line->number, line->sha256) < 0)
		at++;
	*ret_at = at;
	return at < merge->version_count && compare(merge->versions[at], line->model, line->number, line->sha256) == 0;
}

static int insert_version(struct merge *merge, size_t at, struct tfl_error *error)
{
	struct merge_version *version = make_version(&merge->line);

	if (!version)
		return no_memory(error);
	memmove(merge->versions + at + 1, merge->versions + at, (merge->version_count - at) * sizeof(merge->versions[0]));
	merge->versions[at] = version;
	merge->version_count++;
	return 0;
}

static struct merge_head *find_head(const struct merge_version *version, const struct merge_head *like)
{
	for (unsigned i = 0; i < version->head_count; i++) {
		struct merge_head *head = version->heads[i];

		if (head->output == like->output && head->classes == like->classes && strcmp(head->kind, like->kind) == 0)
			return head;
	}
	return NULL;
}

static struct merge_head *add_head_like(struct merge_version *version, const struct merge_head *like)
{
	struct merge_head *head = calloc(1, sizeof(*head));

	if (!head)
		return NULL;
	head->output = like->output;
	head->classes = like->classes;
	strcpy(head->name, like->name);
	strcpy(head->kind, like->kind);
	version->heads[version->head_count++] = head;
	return head;
}

static struct merge_device *find_device(const struct merge_version *version, const char *name)
{
	const json_t *index = json_object_get(version->device_index, name);

	return index ? &version->devices[json_integer_value(index)] : NULL;
}

static struct merge_device *add_device(struct merge *merge, struct merge_version *version, const struct merge_device *device)
{
	struct merge_device *devices = grow(version->devices, version->device_count, sizeof(*devices));

	if (!devices)
		return NULL;
	version->devices = devices;
	devices[version->device_count] = *device;
	if (json_object_set_new(version->device_index, device->name, json_integer((json_int_t)version->device_count)) < 0)
		return NULL;
	merge->devices++;
	return &devices[version->device_count++];
}

/* ---- Adding up ---- */

/* Whether totals stay below 2^63, as JSON has them; what they are made of then does too. */
static bool fits(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return !tfl_add_overflow(a, b, &sum) && sum <= INT64_MAX;
}

static bool sum_fits(const struct merge_sum *sum, const struct merge_sum *more)
{
	bool fit = fits(sum->requests, more->requests);

	for (unsigned i = 0; i < CTL_STAGES; i++)
		fit = fit && fits(sum->stages[i].count, more->stages[i].count) && fits(sum->stages[i].sum_ns, more->stages[i].sum_ns);
	return fit;
}

static bool head_fits(const struct merge_head *head, const struct merge_head *more)
{
	bool fit = fits(head->seen.count, more->seen.count) && fits(head->seen.invalid, more->seen.invalid) &&
		   fits(head->seen.sum, more->seen.sum);

	for (unsigned i = 0; i < TFL_CONFIDENCE_CLASSES_MAX; i++)
		fit = fit && fits(head->counts[i], more->counts[i]);
	return fit;
}

static void add_sum(struct merge_sum *sum, const struct merge_sum *more)
{
	sum->seconds += more->seconds;
	sum->requests += more->requests;
	for (unsigned i = 0; i < TFL_STATUS_COUNT; i++)
		sum->results[i] += more->results[i];
	for (unsigned i = 0; i < CTL_STAGES; i++)
		tfl_latency_merge(&sum->stages[i], &more->stages[i]);
}

static void add_head(struct merge_head *head, const struct merge_head *more)
{
	tfl_confidence_merge(&head->seen, &more->seen);
	for (unsigned i = 0; i < TFL_CONFIDENCE_CLASSES_MAX; i++)
		head->counts[i] += more->counts[i];
}

/* Whether all of the line fits, below the limits and into the counters. @p version: NULL where it is new. */
static int check_room(const struct merge *merge, const struct merge_version *version, struct tfl_error *error)
{
	const struct merge_line *line = &merge->line;
	bool fit = !version || sum_fits(&version->sum, &line->sum);
	unsigned heads = version ? version->head_count : 0;

	for (unsigned i = 0; i < line->head_count; i++) {
		const struct merge_head *head = version ? find_head(version, &line->heads[i]) : NULL;

		fit = fit && (!head || head_fits(head, &line->heads[i]));
		heads += !head;
	}
	if (!version && merge->version_count == MERGE_VERSIONS_MAX)
		return tfl_error_set(error, -ENOSPC, "there are more than %d versions", MERGE_VERSIONS_MAX);
	if (heads > MERGE_HEADS_MAX)
		return tfl_error_set(error, -ENOSPC, "'%s@%" PRIu64 "' has more than %d outputs", line->model, line->number, MERGE_HEADS_MAX);
	if (merge->devices == MERGE_DEVICES_MAX && !(version && find_device(version, line->device.name)))
		return tfl_error_set(error, -ENOSPC, "there are more than %d devices", MERGE_DEVICES_MAX);
	return fit ? 0 : tfl_error_set(error, -EINVAL, "its counters are more than can be added up");
}

/* Without memory some of it may be added, and then everything ends. */
static int add_to_version(struct merge *merge, struct merge_version *version, struct tfl_error *error)
{
	const struct merge_line *line = &merge->line;
	struct merge_device *device = find_device(version, line->device.name);

	if (!device)
		device = add_device(merge, version, &line->device);
	if (!device)
		return no_memory(error);
	for (unsigned i = 0; i < line->head_count; i++) {
		struct merge_head *head = find_head(version, &line->heads[i]);

		if (!head)
			head = add_head_like(version, &line->heads[i]);
		if (!head)
			return no_memory(error);
		add_head(head, &line->heads[i]);
	}
	add_sum(&version->sum, &line->sum);
	if (strcmp(line->time, device->time) >= 0)
		*device = line->device;
	if (strcmp(line->time, version->first) < 0)
		strcpy(version->first, line->time);
	if (strcmp(line->time, version->last) > 0)
		strcpy(version->last, line->time);
	return MERGE_ADDED;
}

static int add_line(struct merge *merge, struct run *run, struct tfl_error *error)
{
	size_t at;
	bool known = locate_version(merge, &at);
	int r = check_room(merge, known ? merge->versions[at] : NULL, error);

	if (r == 0)
		r = note(merge, run, merge->line.seq, error);
	if (r == 0 && !known)
		r = insert_version(merge, at, error);
	return r < 0 ? r : add_to_version(merge, merge->versions[at], error);
}

int merge_add(struct merge *merge, const char *text, size_t length, struct tfl_error *error)
{
	TFL_CLEANUP(json_decrefp) json_t *json = NULL;
	json_error_t fault;
	struct run *run = NULL;
	int r;

	json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
	if (!json)
		return tfl_error_set(error, -EINVAL, "no JSON: %s", fault.text);
	if (!json_is_object(json))
		return tfl_error_set(error, -EINVAL, "no JSON object");
	if (!merge_line_is_period(json))
		return MERGE_OTHER;
	r = merge_line_parse(json, &merge->line, error);
	if (r == 0)
		r = find_run(merge, merge->line.run, &run, error);
	if (r < 0)
		return r;
	return was_there(run, merge->line.seq) ? MERGE_REPEATED : add_line(merge, run, error);
}

const struct merge_version *const *merge_versions(struct merge *merge, size_t *ret_count)
{
	*ret_count = merge->version_count;
	return (const struct merge_version *const *)merge->versions;
}

static int worst_first(const void *left, const void *right)
{
	const struct merge_device *a = *(const struct merge_device *const *)left, *b = *(const struct merge_device *const *)right;

	if (a->verdict != b->verdict)
		return a->verdict < b->verdict ? 1 : -1;
	return a->psi != b->psi ? (a->psi < b->psi ? 1 : -1) : strcmp(a->name, b->name);
}

int merge_drift_of(const struct merge_version *version, struct merge_drift *ret_drift)
{
	struct merge_drift drift = {.count = version->device_count};

	drift.devices = calloc(version->device_count + 1, sizeof(*drift.devices));
	if (!drift.devices)
		return -ENOMEM;
	for (size_t i = 0; i < version->device_count; i++) {
		drift.devices[i] = &version->devices[i];
		drift.counts[version->devices[i].verdict]++;
	}
	qsort(drift.devices, drift.count, sizeof(*drift.devices), worst_first);
	*ret_drift = drift;
	return 0;
}
