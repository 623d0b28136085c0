/* SPDX-License-Identifier: MIT */
/*
 * Tables out of the daemon's answers. Answers are kept as they came, for their latencies are sparse: the one before, and one each five
 * seconds of the last minute. A row's figures are the difference of two of them; a version with fewer requests than before was loaded
 * again, and counts from 0. A daemon that is up for less long than before is another one, and nothing before it counts.
 *
 * Confidence is asked for version by version, so only where there was news, and of so many versions a refresh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/memory.h"
#include "client/seen.h"
#include "client/tflclient.h"
#include "client/top.h"
#include "stats/latency.h"

#define KEPT_MAX 13
#define KEPT_NS INT64_C(5000000000)
#define WINDOW_NS INT64_C(60000000000)
#define ROWS_MAX (TFL_MODELS_MAX * TFL_VERSIONS_MAX) /* more than a daemon has */
#define SEEN_MINUTES 60
#define SEEN_AGE_NS INT64_C(10000000000) /* asked again without news, for its window moves on */
#define SEEN_ASKED_MAX 32                /* a refresh */

struct answer {
	int64_t at;
	struct tfl_value *stats;
};

/* What was seen of a version's confidence, and when. */
struct known {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t version, requests;
	int64_t at;
	struct top_seen *seen;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct top_source {
	struct tfl_client *client;
	struct answer last, kept[KEPT_MAX];
	unsigned kept_count;
	struct known *known;
	unsigned known_count, turn;
	char server[TOP_TEXT_MAX];
	struct top_memory memory;
	struct tfl_latency now, before; /* to work in */
};

/* Three answers that a table is made of, and where in each the last version was found. */
struct view_of {
	const struct tfl_value *versions;
	size_t hint;
};

int top_source_create(struct tfl_client *client, struct top_source **ret_source)
{
	struct top_source *source = calloc(1, sizeof(*source));

	if (!source)
		return -ENOMEM;
	source->client = client;
	*ret_source = source;
	return 0;
}

static void forget_answers(struct top_source *source)
{
	for (unsigned i = 0; i < source->kept_count; i++)
		tfl_value_destroy(source->kept[i].stats);
	tfl_value_destroy(source->last.stats);
	source->last = (struct answer){0};
	source->kept_count = 0;
	source->server[0] = '\0';
	source->memory = (struct top_memory){.count = 0};
}

static void forget_known(struct known *known, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		free(known[i].seen);
	free(known);
}

void top_source_destroy(struct top_source *source)
{
	if (!source)
		return;
	forget_answers(source);
	forget_known(source->known, source->known_count);
	free(source);
}

void top_table_destroy(struct top_table *table)
{
	if (!table)
		return;
	for (unsigned i = 0; i < table->count; i++) {
		free(table->rows[i].seen);
		json_decref(table->rows[i].shadow);
	}
	free(table->rows);
	free(table);
}

TFL_DEFINE_CLEANUP(struct top_table *, top_table_destroyp, top_table_destroy)
TFL_DEFINE_CLEANUP(struct tfl_value *, destroy_valuep, tfl_value_destroy)

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

static const char *text(const struct tfl_value *map, const char *key)
{
	return tfl_value_string(tfl_value_get(map, key), "");
}

/* Answers list versions in the same order, so the next one is likely where the search for the last one ended. */
static const struct tfl_value *find_version(struct view_of *view, const struct top_row *row)
{
	size_t count = tfl_value_size(view->versions);

	for (size_t i = 0; i < count; i++) {
		size_t at = (view->hint + i) % count;
		const struct tfl_value *version = tfl_value_at(view->versions, at);

		if (number(version, "version") == row->version && strcmp(text(version, "model"), row->model) == 0) {
			view->hint = at + 1;
			return version;
		}
	}
	return NULL;
}

/* The same version in an answer before @p now; NULL where it was loaded again since, and its counters began anew. */
static const struct tfl_value *find_earlier(struct view_of *view, const struct top_row *row, const struct tfl_value *now)
{
	const struct tfl_value *version = find_version(view, row);

	return number(version, "requests") <= number(now, "requests") ? version : NULL;
}

static int protocol_error(struct tfl_call_error *error, const struct tfl_error *reason)
{
	error->status = TFL_PROTOCOL_ERROR;
	snprintf(error->message, sizeof(error->message), "%s", reason->text);
	return -EPROTO;
}

static int fill_times(struct top_source *source, struct top_row *row, const struct tfl_value *version, const struct tfl_value *before,
		      struct tfl_call_error *error)
{
	const struct tfl_value *now = tfl_value_get(version, "latency"), *then = tfl_value_get(before, "latency");
	struct tfl_error reason;

	for (unsigned i = 0; i < CTL_STAGES; i++) {
		if (ctl_latency_read(tfl_value_get(now, ctl_stage_names[i]), &source->now, &reason) < 0 ||
		    ctl_latency_read(tfl_value_get(then, ctl_stage_names[i]), &source->before, &reason) < 0)
			return protocol_error(error, &reason);
		tfl_latency_subtract(&source->now, &source->before);
		row->times[i] = ctl_times_of(&source->now);
	}
	return 0;
}

/* What has come since. */
static uint64_t since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : 0;
}

static uint64_t failed_of(const struct tfl_value *version)
{
	uint64_t requests = number(version, "requests"), ok = number(tfl_value_get(version, "results"), "OK");

	return requests > ok ? requests - ok : 0;
}

static void fill_results(struct top_row *row, const struct tfl_value *results)
{
	size_t used = 0;

	for (size_t i = 0; i < tfl_value_size(results) && used < sizeof(row->results); i++)
		used += (size_t)snprintf(row->results + used, sizeof(row->results) - used, "%s%llu %s", i ? ", " : "",
					 (unsigned long long)tfl_value_uint(tfl_value_at(results, i), 0), tfl_value_key_at(results, i));
}

static void fill_shadow(struct top_row *row, const struct tfl_value *shadow)
{
	if (tfl_value_size(shadow) == 0)
		return;
	row->shadow = ctl_json_of(shadow);
	json_object_del(json_object_get(row->shadow, "compute"), "buckets");
}

/* The counters of a version: @p before is of the refresh before, @p then of where the window begins. */
static int fill_counters(struct top_source *source, struct top_row *row, const struct tfl_value *version, const struct tfl_value *before,
			 const struct tfl_value *then, double interval_s, struct tfl_call_error *error)
{
	const struct tfl_value *queue = tfl_value_get(version, "queue");

	row->counted = true;
	row->requests = number(version, "requests");
	row->failed = failed_of(version);
	row->failed_lately = since(row->failed, failed_of(then));
	row->waiting = number(queue, "waiting");
	row->running = number(queue, "running");
	row->memory = ctl_memory_bytes(tfl_value_get(version, "memory"));
	row->rated = interval_s > 0;
	row->requests_per_s = row->rated ? (double)since(row->requests, number(before, "requests")) / interval_s : 0;
	fill_results(row, tfl_value_get(version, "results"));
	fill_shadow(row, tfl_value_get(version, "shadow"));
	return fill_times(source, row, version, then, error);
}

static void fill_state(struct top_row *row, const struct tfl_value *model, const struct tfl_value *version)
{
	snprintf(row->model, sizeof(row->model), "%s", text(model, "model"));
	snprintf(row->state, sizeof(row->state), "%s", text(version, "state"));
	snprintf(row->reason, sizeof(row->reason), "%s", text(version, "reason"));
	row->version = number(version, "version");
	row->since = number(version, "since");
	row->active = tfl_value_bool(tfl_value_get(version, "active"), false);
	row->trial = tfl_value_bool(tfl_value_get(version, "trial"), false);
	row->share = tfl_value_double(tfl_value_get(version, "share"), 0);
	ctl_roles(version, row->roles);
}

static unsigned count_versions(const struct tfl_value *models)
{
	size_t count = 0;

	for (size_t i = 0; i < tfl_value_size(models); i++)
		count += tfl_value_size(tfl_value_get(tfl_value_at(models, i), "versions"));
	return count < ROWS_MAX ? (unsigned)count : ROWS_MAX;
}

static int fill_rows(struct top_source *source, struct top_table *table, const struct tfl_value *list, struct view_of *now,
		     struct view_of *before, struct view_of *then, struct tfl_call_error *error)
{
	const struct tfl_value *models = tfl_value_get(list, "models");
	unsigned room = count_versions(models);
	int r = 0;

	table->rows = calloc(room + 1, sizeof(*table->rows));
	if (!table->rows)
		return -ENOMEM;
	for (size_t i = 0; i < tfl_value_size(models); i++) {
		const struct tfl_value *model = tfl_value_at(models, i), *versions = tfl_value_get(model, "versions");

		for (size_t j = 0; j < tfl_value_size(versions) && table->count < room && r == 0; j++) {
			struct top_row *row = &table->rows[table->count++];
			const struct tfl_value *version;

			fill_state(row, model, tfl_value_at(versions, j));
			version = find_version(now, row);
			if (version)
				r = fill_counters(source, row, version, find_earlier(before, row, version),
						  find_earlier(then, row, version), table->interval_s, error);
		}
	}
	return r;
}

static void fill_conditions(struct top_table *table, const struct tfl_value *conditions)
{
	size_t used = 0;

	for (size_t i = 0; i < tfl_value_size(conditions) && used < sizeof(table->conditions); i++) {
		const struct tfl_value *condition = tfl_value_at(conditions, i);
		const char *model = text(condition, "model");

		used += (size_t)snprintf(table->conditions + used, sizeof(table->conditions) - used, "%s%s%s%s", i ? "; " : "", model,
					 *model ? ": " : "", text(condition, "text"));
	}
}

static void fill_service(struct top_table *table, const struct tfl_value *stats, const struct tfl_value *before)
{
	const struct tfl_value *connections = tfl_value_get(stats, "connections"), *queue = tfl_value_get(stats, "queue"),
			       *workers = tfl_value_get(stats, "workers");

	table->uptime_ns = number(stats, "uptime_ns");
	table->requests = number(stats, "requests");
	table->memory = number(stats, "rss_bytes");
	table->connections = number(connections, "open");
	table->refused = number(connections, "refused");
	table->workers = number(workers, "count");
	table->busy = number(workers, "busy");
	table->waiting = number(queue, "waiting");
	table->capacity = number(queue, "capacity");
	if (table->interval_s > 0)
		table->requests_per_s = (double)since(table->requests, number(before, "requests")) / table->interval_s;
	fill_conditions(table, tfl_value_get(stats, "conditions"));
}

/* The answer that the window begins with: the oldest that is not too old, else the last one. */
static const struct answer *window_begin(struct top_source *source, int64_t now)
{
	for (unsigned i = 0; i < source->kept_count; i++) {
		if (now - source->kept[i].at <= WINDOW_NS + KEPT_NS)
			return &source->kept[i];
	}
	return &source->last;
}

/* Keeps the last answer where it is due, and forgets it otherwise. */
static void keep_last(struct top_source *source)
{
	unsigned count = source->kept_count;

	if (!source->last.stats)
		return;
	if (count > 0 && source->last.at - source->kept[count - 1].at < KEPT_NS) {
		tfl_value_destroy(source->last.stats);
		return;
	}
	if (count == KEPT_MAX) {
		tfl_value_destroy(source->kept[0].stats);
		memmove(source->kept, source->kept + 1, (KEPT_MAX - 1) * sizeof(*source->kept));
		count--;
	}
	source->kept[count] = source->last;
	source->kept_count = count + 1;
}

static double seconds(int64_t ns)
{
	return (double)ns / 1e9;
}

static int fill_table(struct top_source *source, struct top_table *table, const struct tfl_value *list, const struct answer *answer,
		      struct tfl_call_error *error)
{
	const struct answer *begin = window_begin(source, answer->at);
	struct view_of now = {tfl_value_get(answer->stats, "versions"), 0}, before = {tfl_value_get(source->last.stats, "versions"), 0},
		       then = {tfl_value_get(begin->stats, "versions"), 0};

	table->time = (uint64_t)time(NULL);
	table->at = answer->at;
	table->interval_s = source->last.stats ? seconds(answer->at - source->last.at) : 0;
	table->window_s = begin->stats ? seconds(answer->at - begin->at) : seconds((int64_t)number(answer->stats, "uptime_ns"));
	snprintf(table->server, sizeof(table->server), "%s", source->server);
	fill_service(table, answer->stats, source->last.stats);
	return fill_rows(source, table, list, &now, &before, &then, error);
}

static void copy_text(char *to, const char *from)
{
	snprintf(to, TOP_TEXT_MAX, "%s", from);
}

static int read_seen(const struct tfl_value *value, struct top_seen *ret_seen, struct tfl_call_error *error)
{
	const struct tfl_value *heads = tfl_value_get(value, "heads");
	struct tfl_error reason;
	struct ctl_seen seen;

	memset(ret_seen, 0, sizeof(*ret_seen));
	ret_seen->heads = (unsigned)tfl_value_size(heads);
	copy_text(ret_seen->reason, text(value, "reason"));
	if (ret_seen->heads == 0)
		return 0;
	if (ctl_seen_read(tfl_value_at(heads, 0), &seen, &reason) < 0)
		return protocol_error(error, &reason);
	ret_seen->seconds = seen.seconds;
	ret_seen->now = seen.histogram;
	ret_seen->baseline = seen.baseline;
	ret_seen->baseline_set = seen.baseline_set;
	copy_text(ret_seen->name, seen.name);
	copy_text(ret_seen->kind, seen.kind);
	copy_text(ret_seen->reason, seen.reason);
	tfl_drift_compute(&seen.baseline, &seen.histogram, &ret_seen->drift);
	return 0;
}

/* Only what ends the whole refresh is a failure: a version may have gone meanwhile. */
static int ask_seen(struct top_source *source, struct known *known, int64_t now, struct tfl_call_error *error)
{
	TFL_CLEANUP(destroy_valuep) struct tfl_value *value = NULL;
	char model[TFL_MODEL_NAME_MAX + 32];
	int r;

	snprintf(model, sizeof(model), "%s@%llu", known->model, (unsigned long long)known->version);
	r = tfl_client_histogram(source->client, model, SEEN_MINUTES, false, &value, error);
	if (r < 0)
		return r == -ECONNRESET || r == -ETIMEDOUT || r == -EPROTO || r == -ENOMEM ? r : 0;
	if (!known->seen)
		known->seen = malloc(sizeof(*known->seen));
	known->at = now;
	return known->seen ? read_seen(value, known->seen, error) : -ENOMEM;
}

/* What was known of a version moves to its new place. */
static void take_known(struct top_source *source, struct known *to, const struct top_row *row, unsigned *hint)
{
	snprintf(to->model, sizeof(to->model), "%s", row->model);
	to->version = row->version;
	for (unsigned i = 0; i < source->known_count; i++) {
		struct known *from = &source->known[(*hint + i) % source->known_count];

		if (from->version == row->version && strcmp(from->model, row->model) == 0) {
			*hint = (unsigned)(from - source->known) + 1;
			*to = *from;
			from->seen = NULL;
			return;
		}
	}
}

static int know_rows(struct top_source *source, const struct top_table *table)
{
	struct known *known = calloc(table->count + 1, sizeof(*known));
	unsigned hint = 0;

	if (!known)
		return -ENOMEM;
	for (unsigned i = 0; i < table->count; i++)
		take_known(source, &known[i], &table->rows[i], &hint);
	forget_known(source->known, source->known_count);
	source->known = known;
	source->known_count = table->count;
	return 0;
}

/* Rows and what is known have the same order. */
static int fill_seen(struct top_source *source, struct top_table *table, int64_t now, struct tfl_call_error *error)
{
	unsigned asked = 0, begin = source->turn;
	int r = know_rows(source, table);

	for (unsigned i = 0; i < table->count && r == 0; i++) {
		unsigned at = (begin + i) % table->count;
		struct top_row *row = &table->rows[at];
		struct known *known = &source->known[at];

		if (!row->counted)
			continue;
		if (asked < SEEN_ASKED_MAX && (!known->seen || known->requests != row->requests || now - known->at > SEEN_AGE_NS)) {
			r = ask_seen(source, known, now, error);
			known->requests = row->requests;
			source->turn = at + 1;
			asked++;
		}
		if (r == 0 && known->seen) {
			row->seen = malloc(sizeof(*row->seen));
			if (row->seen)
				*row->seen = *known->seen;
		}
	}
	return r;
}

static int ask_server(struct top_source *source, struct tfl_call_error *error)
{
	TFL_CLEANUP(destroy_valuep) struct tfl_value *info = NULL;
	int r;

	if (source->server[0])
		return 0;
	r = tfl_client_server_info(source->client, &info, error);
	if (r == 0)
		snprintf(source->server, sizeof(source->server), "%s %s", text(info, "name"), text(info, "version"));
	return r;
}

static int no_memory(int r, struct tfl_call_error *error)
{
	if (r == -ENOMEM) {
		error->status = TFL_RESOURCE_EXHAUSTED;
		snprintf(error->message, sizeof(error->message), "no memory for a refresh");
	}
	return r;
}

int top_source_refresh(struct top_source *source, struct top_table **ret_table, struct tfl_call_error *error)
{
	TFL_CLEANUP(top_table_destroyp) struct top_table *table = calloc(1, sizeof(*table));
	TFL_CLEANUP(destroy_valuep) struct tfl_value *stats = NULL;
	TFL_CLEANUP(destroy_valuep) struct tfl_value *list = NULL;
	struct answer answer;
	int r = table ? tfl_client_stats_buckets(source->client, NULL, &stats, error) : -ENOMEM;

	if (r == 0)
		r = tfl_client_list(source->client, &list, error);
	if (r < 0)
		return no_memory(r, error);
	answer = (struct answer){now_ns(), stats};
	if (number(stats, "uptime_ns") < number(source->last.stats, "uptime_ns"))
		forget_answers(source);
	r = ask_server(source, error);
	if (r == 0)
		r = fill_table(source, table, list, &answer, error);
	if (r == 0)
		r = fill_seen(source, table, answer.at, error);
	if (r == 0)
		r = top_news_ask(&source->memory, source->client, table, error);
	if (r < 0)
		return no_memory(r, error);
	keep_last(source);
	source->last = (struct answer){answer.at, TFL_STEAL(stats)};
	*ret_table = TFL_STEAL(table);
	return 0;
}
