/* SPDX-License-Identifier: MIT */
/*
 * What happens to versions: the latest changes (swaps, rollbacks, routes, verdicts), and how far trials are. Changes are asked for once,
 * then only those of the last minute, which are few: a daemon remembers 256. Their age goes on by our clock, and they are told by their
 * number.
 *
 * Neither is a reason to fail: of a daemon that knows of no changes, or of a trial that has just ended, there is nothing to be shown.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "client/print.h"
#include "client/tflclient.h"
#include "client/top.h"

#define OVERLAP_S 60  /* that is asked for again */

TFL_DEFINE_CLEANUP(struct tfl_value *, destroy_valuep, tfl_value_destroy)

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

static const char *text(const struct tfl_value *map, const char *key)
{
	return tfl_value_string(tfl_value_get(map, key), "");
}

/* What ends the refresh: the daemon is gone, or there is no memory. */
static bool is_fatal(int r)
{
	return r == -ECONNRESET || r == -ETIMEDOUT || r == -EPROTO || r == -ENOMEM;
}

static void remember(struct top_memory *memory, const struct tfl_value *value, int64_t now)
{
	struct top_change *change = memory->changes;
	uint64_t age_s = number(value, "age_s");

	memmove(change + 1, change, (TOP_CHANGES_MAX - 1) * sizeof(*change));
	memory->count += memory->count < TOP_CHANGES_MAX;
	*change = (struct top_change){
		.number = number(value, "number"),
		.version = number(value, "version"),
		.at = now - (int64_t)(age_s < INT32_MAX ? age_s : INT32_MAX) * 1000000000,
	};
	snprintf(change->model, sizeof(change->model), "%s", text(value, "model"));
	snprintf(change->kind, sizeof(change->kind), "%s", text(value, "kind"));
	snprintf(change->text, sizeof(change->text), "%s", text(value, "text"));
}

static int ask_changes(struct top_memory *memory, struct tfl_client *client, struct top_table *table, struct tfl_call_error *error)
{
	TFL_CLEANUP(destroy_valuep) struct tfl_value *value = NULL;
	uint64_t last = memory->count > 0 ? memory->changes[0].number : 0, since = 0, fresh = 0;
	const struct tfl_value *changes;
	bool first = memory->asked == 0;
	int r;

	if (!first)
		since = (uint64_t)time(NULL) - OVERLAP_S - (uint64_t)((table->at - memory->asked) / 1000000000);
	r = tfl_client_changes(client, NULL, since, &value, error);
	if (r < 0)
		return is_fatal(r) ? r : 0;
	changes = tfl_value_get(value, "changes");
	for (size_t i = 0; i < tfl_value_size(changes); i++) {
		if (number(tfl_value_at(changes, i), "number") <= last)
			continue;
		remember(memory, tfl_value_at(changes, i), table->at);
		fresh++;
	}
	memory->asked = table->at;
	table->news.fresh = first ? 0 : fresh < memory->count ? (unsigned)fresh : memory->count;
	table->news.change_count = memory->count;
	memcpy(table->news.changes, memory->changes, sizeof(memory->changes));
	return 0;
}

static void find_nearest(const struct tfl_value *limits, struct top_trial *trial)
{
	for (size_t i = 0; i < tfl_value_size(limits); i++) {
		const struct tfl_value *limit = tfl_value_at(limits, i);
		double evidence = tfl_value_double(tfl_value_get(limit, "evidence"), 0);

		if (!(evidence > trial->evidence))
			continue;
		trial->evidence = evidence;
		snprintf(trial->nearest, sizeof(trial->nearest), "%s", text(limit, "name"));
	}
}

static int ask_trial(struct tfl_client *client, const char *model, struct top_news *news, struct tfl_call_error *error)
{
	TFL_CLEANUP(destroy_valuep) struct tfl_value *value = NULL;
	struct top_trial *trial = &news->trials[news->trial_count];
	int r = tfl_client_trial(client, model, &value, error);

	if (r < 0)
		return is_fatal(r) ? r : 0;
	if (strcmp(text(value, "state"), "running") != 0)
		return 0;
	*trial = (struct top_trial){
		.candidate = number(value, "candidate"),
		.previous = number(value, "previous"),
		.requests = number(value, "requests"),
		.requests_wanted = number(value, "requests_wanted"),
		.seconds = number(value, "seconds"),
		.seconds_wanted = number(value, "seconds_wanted"),
	};
	snprintf(trial->model, sizeof(trial->model), "%s", model);
	find_nearest(tfl_value_get(value, "limits"), trial);
	news->trial_count++;
	return 0;
}

int top_news_ask(struct top_memory *memory, struct tfl_client *client, struct top_table *table, struct tfl_call_error *error)
{
	int r = ask_changes(memory, client, table, error);

	for (unsigned i = 0; i < table->count && r == 0 && table->news.trial_count < TOP_TRIALS_MAX; i++)
		if (table->rows[i].trial)
			r = ask_trial(client, table->rows[i].model, &table->news, error);
	return r;
}

static json_t *text_of(const char *given)
{
	char copy[3 * TOP_TEXT_MAX];

	snprintf(copy, sizeof(copy), "%s", given);
	return json_string(ctl_repair_text(copy));
}

json_t *top_news_trials_json(const struct top_news *news)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < news->trial_count; i++) {
		const struct top_trial *trial = &news->trials[i];
		json_t *nearest = trial->nearest[0] ? text_of(trial->nearest) : json_null();

		json_t *json = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "model", text_of(trial->model), "candidate",
					 (json_int_t)trial->candidate, "previous", (json_int_t)trial->previous, "requests",
					 (json_int_t)trial->requests, "requests_wanted", (json_int_t)trial->requests_wanted, "seconds",
					 (json_int_t)trial->seconds, "seconds_wanted", (json_int_t)trial->seconds_wanted, "nearest", nearest,
					 "evidence", trial->evidence);

		json_array_append_new(list, json);
	}
	return list;
}

json_t *top_news_changes_json(const struct top_table *table)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < table->news.change_count; i++) {
		const struct top_change *change = &table->news.changes[i];
		json_t *model = change->model[0] ? text_of(change->model) : json_null();
		json_t *version = change->version ? json_integer((json_int_t)change->version) : json_null();

		json_t *json = json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "number", (json_int_t)change->number, "age_s",
					 (json_int_t)top_news_age(table, change), "kind", text_of(change->kind), "model", model, "version",
					 version, "text", text_of(change->text));

		json_array_append_new(list, json);
	}
	return list;
}
