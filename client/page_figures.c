/* SPDX-License-Identifier: MIT */
/*
 * Everything that a report shows, as JSON: of one version what it has seen, of all versions of the model how they do. Windows without
 * verdicts are left out. A daemon that does not know of changes leaves them out; every other call has to succeed, or there is no report.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "client/page.h"
#include "client/print.h"
#include "client/roles.h"
#include "client/seen.h"
#include "client/tflclient.h"
#include "client/times.h"
#include "stats/drift.h"
#include "stats/latency.h"

#define HOUR_MINUTES 60
#define DAY_MINUTES 1440
#define CLASSES_SHOWN 10
#define BAR_BUCKETS 16 /* of a latency in one bar: a quarter of a power of two */

/* The daemon's answers that a report is made of. */
struct answers {
	struct tfl_value *info, *stats, *list, *description, *hour, *day, *all;
	struct tfl_value *changes; /* NULL: this daemon knows of none */
};

static void answers_finish(struct answers *answers)
{
	tfl_value_destroy(answers->info);
	tfl_value_destroy(answers->stats);
	tfl_value_destroy(answers->list);
	tfl_value_destroy(answers->description);
	tfl_value_destroy(answers->hour);
	tfl_value_destroy(answers->day);
	tfl_value_destroy(answers->all);
	tfl_value_destroy(answers->changes);
}

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

static const char *text(const struct tfl_value *map, const char *key)
{
	return tfl_value_string(tfl_value_get(map, key), "");
}

/* Numbers above 2^63 are no counters of this world. */
void page_set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void page_set_real(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_real(value));
}

void page_set_text(json_t *object, const char *key, const char *value)
{
	char *copy = strdup(value);

	if (copy)
		json_object_set_new(object, key, json_string(ctl_repair_text(copy)));
	free(copy);
}

static double share_of(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : 0;
}

static int ask(struct tfl_client *client, const char *model, struct answers *answers, struct tfl_call_error *error)
{
	char version[256];
	const char *name;
	int r;

	r = tfl_client_histogram(client, model, HOUR_MINUTES, true, &answers->hour, error);
	if (r < 0)
		return r;
	name = text(answers->hour, "model");
	snprintf(version, sizeof(version), "%.200s@%llu", name, (unsigned long long)number(answers->hour, "version"));
	r = tfl_client_histogram(client, version, DAY_MINUTES, true, &answers->day, error);
	if (r == 0)
		r = tfl_client_histogram(client, version, 0, false, &answers->all, error);
	if (r == 0)
		r = tfl_client_describe(client, version, &answers->description, error);
	if (r == 0)
		r = tfl_client_stats_buckets(client, name, &answers->stats, error);
	if (r == 0)
		r = tfl_client_list(client, &answers->list, error);
	if (r == 0)
		r = tfl_client_server_info(client, &answers->info, error);
	if (r == 0)
		r = tfl_client_changes(client, NULL, (uint64_t)time(NULL) - DAY_MINUTES * 60, &answers->changes, error);
	return r == -ENOSYS ? 0 : r;
}

static int unreadable(struct tfl_call_error *ret_error, const struct tfl_error *error)
{
	ret_error->status = TFL_PROTOCOL_ERROR;
	snprintf(ret_error->message, sizeof(ret_error->message), "%s", error->text);
	return error->code;
}

static json_t *json_of_side(const struct tfl_confidence *side)
{
	json_t *json = json_object();

	page_set_number(json, "verdicts", side->count);
	page_set_number(json, "invalid", side->invalid);
	page_set_real(json, "mean", tfl_confidence_mean(side));
	page_set_real(json, "mean_margin", tfl_confidence_mean_margin(side));
	return json;
}

/* Fifty bins, of the confidence or of the margin, now and in the baseline. */
static json_t *json_of_bins(const uint64_t *now, uint64_t now_count, const uint64_t *baseline, uint64_t baseline_count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < TFL_CONFIDENCE_BINS; i++) {
		json_t *bin = json_object();

		page_set_real(bin, "from", (double)i / TFL_CONFIDENCE_BINS);
		page_set_real(bin, "to", (double)(i + 1) / TFL_CONFIDENCE_BINS);
		page_set_number(bin, "now", now[i]);
		page_set_real(bin, "now_share", share_of(now[i], now_count));
		page_set_number(bin, "baseline", baseline[i]);
		page_set_real(bin, "baseline_share", share_of(baseline[i], baseline_count));
		json_array_append_new(list, bin);
	}
	return list;
}

/* The windows of a series that have verdicts, each with its distance from the baseline. NULL with a sentence. */
static json_t *json_of_series(const struct tfl_value *series, const struct tfl_confidence *baseline, struct tfl_error *error)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tfl_value_size(series); i++) {
		const struct tfl_value *window = tfl_value_at(series, i);
		struct tfl_confidence confidence;
		struct tfl_drift drift;
		json_t *entry;

		if (ctl_histogram_read(tfl_value_get(window, "histogram"), &confidence, error) < 0) {
			json_decref(list);
			return NULL;
		}
		if (confidence.count == 0)
			continue;
		tfl_drift_compute(baseline, &confidence, &drift);
		entry = json_object();
		page_set_number(entry, "age_s", number(window, "age_s"));
		page_set_number(entry, "length_s", number(window, "length_s"));
		page_set_number(entry, "verdicts", confidence.count);
		page_set_real(entry, "mean", tfl_confidence_mean(&confidence));
		page_set_real(entry, "psi", drift.psi);
		page_set_text(entry, "verdict", tfl_drift_verdict_to_string(drift.verdict));
		json_array_append_new(list, entry);
	}
	return list;
}

struct class_count {
	uint64_t index, now, all;
};

static int by_index(const void *left, const void *right)
{
	const struct class_count *a = left, *b = right;

	return (a->index > b->index) - (a->index < b->index);
}

/* By how often they win now, then by how often they ever did. */
static int by_wins(const void *left, const void *right)
{
	const struct class_count *a = left, *b = right;

	if (a->now != b->now)
		return a->now < b->now ? 1 : -1;
	return a->all != b->all ? (a->all < b->all ? 1 : -1) : by_index(left, right);
}

/* Every class that ever won: the counts of the hour next to all. Their number. */
static size_t merge_counts(const struct tfl_value *all, const struct tfl_value *now, struct class_count *classes)
{
	size_t count = tfl_value_size(all) / 2;

	for (size_t i = 0; i < count; i++)
		classes[i] = (struct class_count){.index = tfl_value_uint(tfl_value_at(all, 2 * i), 0),
						  .all = tfl_value_uint(tfl_value_at(all, 2 * i + 1), 0)};
	qsort(classes, count, sizeof(*classes), by_index);
	for (size_t i = 0; i + 1 < tfl_value_size(now); i += 2) {
		struct class_count key = {.index = tfl_value_uint(tfl_value_at(now, i), 0)};
		struct class_count *found = bsearch(&key, classes, count, sizeof(key), by_index);

		if (found)
			found->now = tfl_value_uint(tfl_value_at(now, i + 1), 0);
	}
	qsort(classes, count, sizeof(*classes), by_wins);
	return count;
}

/* "Before" is all that was seen, less the hour. */
static json_t *json_of_class(const struct class_count *class, const char *label, uint64_t now, uint64_t before)
{
	uint64_t won_before = class->all > class->now ? class->all - class->now : 0;
	json_t *json = json_object();

	page_set_text(json, "label", label);
	page_set_number(json, "now", class->now);
	page_set_real(json, "now_share", share_of(class->now, now));
	page_set_number(json, "before", won_before);
	json_object_set_new(json, "before_share", before ? json_real(share_of(won_before, before)) : json_null());
	return json;
}

/* The classes that win most, and the others in one line. */
static json_t *json_of_classes(const struct tfl_value *all, const struct tfl_value *now, const struct tfl_value *labels)
{
	_tfl_free_ struct class_count *classes = calloc(tfl_value_size(all) / 2 + 1, sizeof(*classes));
	struct class_count others = {0};
	uint64_t now_sum = 0, all_sum = 0, before;
	json_t *list = json_array();
	char name[64];
	size_t count;

	if (!classes)
		return list;
	count = merge_counts(all, now, classes);
	for (size_t i = 0; i < count; i++) {
		now_sum += classes[i].now;
		all_sum += classes[i].all;
		others.now += i < CLASSES_SHOWN ? 0 : classes[i].now;
		others.all += i < CLASSES_SHOWN ? 0 : classes[i].all;
	}
	before = all_sum > now_sum ? all_sum - now_sum : 0;
	for (size_t i = 0; i < count && i < CLASSES_SHOWN; i++) {
		snprintf(name, sizeof(name), "class %llu", (unsigned long long)classes[i].index);
		json_array_append_new(list, json_of_class(&classes[i], tfl_value_string(tfl_value_at(labels, classes[i].index), name),
							  now_sum, before));
	}
	if (count > CLASSES_SHOWN) {
		snprintf(name, sizeof(name), "%zu others", count - CLASSES_SHOWN);
		json_array_append_new(list, json_of_class(&others, name, now_sum, before));
	}
	return list;
}

static json_t *json_of_baseline(const struct ctl_seen *seen)
{
	json_t *json = json_of_side(&seen->baseline);

	json_object_set_new(json, "set", json_boolean(seen->baseline_set));
	if (seen->baseline_set)
		page_set_number(json, "since", seen->baseline_since);
	else
		page_set_number(json, "wanted", seen->baseline_wanted);
	return json;
}

static int add_series(json_t *head, const char *key, const struct tfl_value *series, const struct tfl_confidence *baseline,
		      struct tfl_error *error)
{
	json_t *list = json_of_series(series, baseline, error);

	if (!list)
		return error->code;
	json_object_set_new(head, key, list);
	return 0;
}

static int add_head(json_t *list, const struct answers *answers, size_t index, struct tfl_error *error)
{
	const struct tfl_value *day = tfl_value_at(tfl_value_get(answers->day, "heads"), index),
			       *all = tfl_value_at(tfl_value_get(answers->all, "heads"), index);
	struct tfl_drift drift;
	struct ctl_seen seen;
	json_t *head, *now;
	int r = ctl_seen_read(tfl_value_at(tfl_value_get(answers->hour, "heads"), index), &seen, error);

	if (r < 0)
		return r;
	tfl_drift_compute(&seen.baseline, &seen.histogram, &drift);
	head = json_object();
	json_array_append_new(list, head);
	page_set_text(head, "output", seen.name);
	page_set_text(head, "kind", seen.kind);
	page_set_text(head, "reason", seen.reason);
	json_object_set_new(head, "now", now = json_of_side(&seen.histogram));
	page_set_number(now, "seconds", seen.seconds);
	json_object_set_new(head, "baseline", json_of_baseline(&seen));
	json_object_set_new(head, "drift", ctl_drift_json(&drift));
	json_object_set_new(head, "bins", json_of_bins(seen.histogram.bins, seen.histogram.count, seen.baseline.bins, seen.baseline.count));
	json_object_set_new(head, "margins",
			    json_of_bins(seen.histogram.margins, seen.histogram.count, seen.baseline.margins, seen.baseline.count));
	json_object_set_new(head, "classes",
			    json_of_classes(tfl_value_get(all, "counts"), seen.counts, tfl_value_get(answers->description, "labels")));
	r = add_series(head, "hour", seen.series, &seen.baseline, error);
	return r == 0 ? add_series(head, "day", tfl_value_get(day, "series"), &seen.baseline, error) : r;
}

static const struct tfl_value *find_version(const struct tfl_value *versions, uint64_t version)
{
	for (size_t i = 0; i < tfl_value_size(versions); i++) {
		if (number(tfl_value_at(versions, i), "version") == version)
			return tfl_value_at(versions, i);
	}
	return NULL;
}

static json_t *json_of_bars(const struct tfl_latency *latency)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < TFL_LATENCY_BUCKETS; i += BAR_BUCKETS) {
		uint64_t count = 0;
		json_t *bar;

		for (unsigned j = i; j < i + BAR_BUCKETS; j++)
			count += latency->buckets[j];
		if (count == 0)
			continue;
		bar = json_object();
		page_set_number(bar, "from_ns", tfl_latency_bucket_begin(i));
		page_set_number(bar, "to_ns", tfl_latency_bucket_begin(i + BAR_BUCKETS));
		page_set_number(bar, "count", count);
		json_array_append_new(list, bar);
	}
	return list;
}

/* None before the first request has succeeded. */
static int add_latency(json_t *figures, const struct tfl_value *latency, struct tfl_error *error)
{
	_tfl_free_ struct tfl_latency *read = malloc(sizeof(*read));
	json_t *json;
	int r = 0;

	if (!read)
		return tfl_error_set(error, -ENOMEM, "no memory for a latency");
	json = json_object();
	for (unsigned i = 0; i < CTL_STAGES && r == 0; i++) {
		struct ctl_times times;

		r = ctl_latency_read(tfl_value_get(latency, ctl_stage_names[i]), read, error);
		times = ctl_times_of(read);
		json_object_set_new(json, ctl_stage_names[i], ctl_times_json(&times));
	}
	json_object_set_new(json, "bars", json_of_bars(read)); /* of the total, which was the last */
	json_object_set_new(figures, "latency", read->count > 0 ? json_incref(json) : json_null());
	json_decref(json);
	return r;
}

/* How a version's first output does; nothing where that cannot be asked, for it may have gone meanwhile. */
static void add_verdict(json_t *json, struct tfl_client *client, const char *model, uint64_t version)
{
	struct tfl_value *value = NULL;
	struct tfl_drift drift;
	struct ctl_seen seen;
	char name[256];

	snprintf(name, sizeof(name), "%.200s@%llu", model, (unsigned long long)version);
	if (tfl_client_histogram(client, name, HOUR_MINUTES, false, &value, NULL) == 0 &&
	    ctl_seen_read(tfl_value_at(tfl_value_get(value, "heads"), 0), &seen, NULL) == 0 && seen.histogram.count > 0) {
		tfl_drift_compute(&seen.baseline, &seen.histogram, &drift);
		page_set_text(json, "verdict", tfl_drift_verdict_to_string(drift.verdict));
		page_set_real(json, "psi", drift.psi);
		page_set_number(json, "verdicts", seen.histogram.count);
		page_set_real(json, "mean", tfl_confidence_mean(&seen.histogram));
	}
	tfl_value_destroy(value);
}

static void add_counters(json_t *json, const struct tfl_value *version)
{
	const struct tfl_value *memory = tfl_value_get(version, "memory"),
			       *total = tfl_value_get(tfl_value_get(version, "latency"), "total");
	uint64_t requests = number(version, "requests"), ok = number(tfl_value_get(version, "results"), "OK");

	page_set_number(json, "requests", requests);
	page_set_number(json, "failed", requests > ok ? requests - ok : 0);
	page_set_number(json, "memory_bytes", number(memory, "file") + number(memory, "packed") + number(memory, "interpreters") +
						 number(memory, "statistics"));
	if (ok == 0)
		return;
	page_set_number(json, "p50_ns", number(total, "p50_ns"));
	page_set_number(json, "p95_ns", number(total, "p95_ns"));
	page_set_number(json, "p99_ns", number(total, "p99_ns"));
}

/* Its roles but that of the active one, which has a column of its own; null for none. */
static json_t *json_of_roles(const struct tfl_value *version)
{
	char roles[CTL_ROLES_MAX];

	ctl_other_roles(version, roles);
	return *roles ? json_string(ctl_repair_text(roles)) : json_null();
}

static void add_versions(json_t *figures, struct tfl_client *client, const char *model, const struct answers *answers)
{
	const struct tfl_value *models = tfl_value_get(answers->list, "models"), *versions = NULL;
	json_t *list = json_array();

	for (size_t i = 0; i < tfl_value_size(models) && !versions; i++) {
		if (strcmp(text(tfl_value_at(models, i), "model"), model) == 0)
			versions = tfl_value_get(tfl_value_at(models, i), "versions");
	}
	for (size_t i = 0; i < tfl_value_size(versions); i++) {
		const struct tfl_value *version = tfl_value_at(versions, i);
		const struct tfl_value *counted = find_version(tfl_value_get(answers->stats, "versions"), number(version, "version"));
		json_t *json = json_object();

		page_set_number(json, "version", number(version, "version"));
		page_set_text(json, "state", text(version, "state"));
		json_object_set_new(json, "active", json_boolean(tfl_value_bool(tfl_value_get(version, "active"), false)));
		json_object_set_new(json, "roles", json_of_roles(version));
		page_set_number(json, "since", number(version, "since"));
		if (counted) {
			add_counters(json, counted);
			add_verdict(json, client, model, number(version, "version"));
		}
		json_array_append_new(list, json);
	}
	json_object_set_new(figures, "versions", list);
}

/* Those of the model and of the daemon itself. */
static void add_changes(json_t *figures, const struct tfl_value *changes, const char *model)
{
	json_t *list = json_array();

	json_object_set_new(figures, "changes", list);
	changes = tfl_value_get(changes, "changes");
	for (size_t i = 0; i < tfl_value_size(changes); i++) {
		const struct tfl_value *change = tfl_value_at(changes, i);
		json_t *json;

		if (*text(change, "model") && strcmp(text(change, "model"), model) != 0)
			continue;
		json = json_object();
		page_set_number(json, "time", number(change, "time"));
		page_set_number(json, "age_s", number(change, "age_s"));
		page_set_text(json, "kind", text(change, "kind"));
		page_set_text(json, "text", text(change, "text"));
		json_array_append_new(list, json);
	}
}

static void add_heading(json_t *figures, const struct answers *answers)
{
	char host[256] = "", server[300];

	gethostname(host, sizeof(host) - 1);
	snprintf(server, sizeof(server), "%.100s %.100s", text(answers->info, "name"), text(answers->info, "version"));
	page_set_text(figures, "model", text(answers->hour, "model"));
	page_set_number(figures, "version", number(answers->hour, "version"));
	page_set_text(figures, "host", host);
	page_set_text(figures, "server", server);
	page_set_number(figures, "generated", (uint64_t)time(NULL));
	page_set_number(figures, "uptime_s", number(answers->stats, "uptime_ns") / 1000000000);
	page_set_text(figures, "reason", text(answers->hour, "reason"));
}

static int make_figures(json_t *figures, struct tfl_client *client, const struct answers *answers, struct tfl_error *error)
{
	const struct tfl_value *versions = tfl_value_get(answers->stats, "versions");
	json_t *heads = json_array();
	int r = 0;

	add_heading(figures, answers);
	json_object_set_new(figures, "heads", heads);
	for (size_t i = 0; i < tfl_value_size(tfl_value_get(answers->hour, "heads")) && r == 0; i++)
		r = add_head(heads, answers, i, error);
	if (r == 0)
		r = add_latency(figures, tfl_value_get(find_version(versions, number(answers->hour, "version")), "latency"), error);
	if (r < 0)
		return r;
	add_versions(figures, client, text(answers->hour, "model"), answers);
	page_add_serving(figures, client, text(answers->hour, "model"), versions);
	add_changes(figures, answers->changes, text(answers->hour, "model"));
	return 0;
}

int page_figures(struct tfl_client *client, const char *model, json_t **ret_figures, struct tfl_call_error *error)
{
	TFL_CLEANUP(answers_finish) struct answers answers = {0};
	struct tfl_error reason;
	json_t *figures;
	int r = ask(client, model, &answers, error);

	if (r < 0)
		return r;
	figures = json_object();
	r = make_figures(figures, client, &answers, &reason);
	if (r < 0) {
		json_decref(figures);
		return unreadable(error, &reason);
	}
	*ret_figures = figures;
	return 0;
}
