/* SPDX-License-Identifier: MIT */
/* A refresh for programs: every figure that the screen shows, unrounded. What is not known yet, or has no counters, is null. */
#include <stdio.h>

#include "base/util.h"
#include "client/print.h"
#include "client/seen.h"
#include "client/top.h"

static json_t *text_of(const char *text)
{
	char copy[TOP_TEXT_MAX];

	snprintf(copy, sizeof(copy), "%.*s", (int)sizeof(copy) - 1, text);
	return json_string(ctl_repair_text(copy));
}

static json_t *number_of(uint64_t number)
{
	return json_integer((json_int_t)number);
}

static json_t *json_of_times(const struct top_row *row)
{
	json_t *latency = json_object();

	for (unsigned i = 0; i < CTL_STAGES; i++)
		json_object_set_new(latency, ctl_stage_names[i], ctl_times_json(&row->times[i]));
	return latency;
}

static json_t *json_of_bins(const struct tfl_confidence *confidence)
{
	json_t *bins = json_array();

	for (unsigned i = 0; i < TFL_CONFIDENCE_BINS; i++)
		json_array_append_new(bins, number_of(confidence->bins[i]));
	return bins;
}

static json_t *json_of_confidence(const struct tfl_confidence *confidence)
{
	return json_pack("{s:o, s:o, s:f, s:o}", "verdicts", number_of(confidence->count), "invalid", number_of(confidence->invalid),
			 "mean", tfl_confidence_mean(confidence), "bins", json_of_bins(confidence));
}

static json_t *json_of_seen(const struct top_seen *seen)
{
	json_t *json;

	if (!seen || seen->heads == 0)
		return json_null();
	json = json_of_confidence(&seen->now);
	json_object_set_new(json, "output", text_of(seen->name));
	json_object_set_new(json, "seconds", number_of(seen->seconds));
	json_object_set_new(json, "baseline", json_of_confidence(&seen->baseline));
	json_object_set_new(json, "drift", ctl_drift_json(&seen->drift));
	return json;
}

static json_t *json_of_row(const struct top_row *row)
{
	json_t *json = json_pack("{s:o, s:o, s:o, s:o, s:o, s:s?}", "model", text_of(row->model), "version", number_of(row->version),
				 "state", text_of(row->state), "reason", text_of(row->reason), "since", number_of(row->since),
				 "role", row->active ? "active" : NULL);

	json_object_set_new(json, "roles", text_of(row->roles));
	json_object_set_new(json, "share", row->share > 0 ? json_real(row->share) : json_null());
	json_object_set_new(json, "trial", json_boolean(row->trial));
	json_object_set(json, "shadow", row->shadow ? row->shadow : json_null());
	if (!row->counted)
		return json;
	json_object_set_new(json, "requests_per_s", row->rated ? json_real(row->requests_per_s) : json_null());
	json_object_set_new(json, "requests", number_of(row->requests));
	json_object_set_new(json, "failed", number_of(row->failed));
	json_object_set_new(json, "failed_lately", number_of(row->failed_lately));
	json_object_set_new(json, "queue", json_pack("{s:o, s:o}", "waiting", number_of(row->waiting), "running", number_of(row->running)));
	json_object_set_new(json, "memory_bytes", number_of(row->memory));
	json_object_set_new(json, "latency", json_of_times(row));
	json_object_set_new(json, "confidence", json_of_seen(row->seen));
	return json;
}

static json_t *json_of_service(const struct top_table *table)
{
	json_t *rate = table->interval_s > 0 ? json_real(table->requests_per_s) : json_null();

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "server", text_of(table->server),
			 "uptime_ns", number_of(table->uptime_ns), "requests", number_of(table->requests), "requests_per_s", rate,
			 "memory_bytes", number_of(table->memory), "connections", number_of(table->connections),
			 "refused", number_of(table->refused), "workers", number_of(table->workers), "busy", number_of(table->busy),
			 "waiting", number_of(table->waiting), "capacity", number_of(table->capacity),
			 "conditions", text_of(table->conditions));
}

json_t *top_json(const struct top_table *table)
{
	json_t *versions = json_array();

	for (unsigned i = 0; i < table->count; i++)
		json_array_append_new(versions, json_of_row(&table->rows[i]));
	return json_pack("{s:o, s:f, s:f, s:o, s:o, s:o, s:o}", "time", number_of(table->time), "interval_s", table->interval_s,
			 "window_s", table->window_s, "service", json_of_service(table), "versions", versions, "trials",
			 top_news_trials_json(&table->news), "changes", top_news_changes_json(table));
}
