/* SPDX-License-Identifier: MIT */
/* What tflctl merge has added up, for programs: heads are what tflctl baseline --from reads. */
#include <string.h>

#include "client/cmd_merge.h"
#include "base/dtype.h"
#include "client/histogram_json.h"
#include "client/print.h"
#include "client/times.h"

typedef json_int_t integer; /* as json_pack() takes them */

static json_t *results_json(const struct merge_sum *sum)
{
	json_t *json = json_object();

	for (unsigned i = 0; i < TFL_STATUS_COUNT; i++)
		if (sum->results[i] > 0)
			json_object_set_new(json, tfl_status_to_string((enum tfl_status)i), json_integer((integer)sum->results[i]));
	return json;
}

static json_t *latency_json(const struct merge_sum *sum)
{
	json_t *json = json_object();

	for (unsigned i = 0; i < CTL_STAGES; i++) {
		const struct tfl_latency *latency = &sum->stages[i];
		struct ctl_times times = ctl_times_of(latency);
		json_t *stage = ctl_times_json(&times);

		json_object_set_new(stage, "sum_ns", json_integer((integer)latency->sum_ns));
		json_object_set_new(stage, "buckets", ctl_counters_to_json(latency->buckets, TFL_LATENCY_BUCKETS));
		json_object_set_new(json, ctl_stage_names[i], stage);
	}
	return json;
}

static json_t *heads_json(const struct merge_version *version)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < version->head_count; i++) {
		const struct merge_head *head = version->heads[i];

		json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:I, s:I, s:f, s:f, s:o, s:o}", "output", (integer)head->output,
						      "name", head->name, "kind", head->kind, "classes", (integer)head->classes,
						      "verdicts", (integer)head->seen.count, "mean", tfl_confidence_mean(&head->seen),
						      "mean_margin", tfl_confidence_mean_margin(&head->seen),
						      "histogram", ctl_histogram_to_json(&head->seen),
						      "counts", ctl_counters_to_json(head->counts, TFL_CONFIDENCE_CLASSES_MAX)));
	}
	return list;
}

static json_t *devices_json(const struct merge_version *version)
{
	struct merge_drift drift = {0};
	json_t *list = json_array();

	if (merge_drift_of(version, &drift) < 0) {
		json_decref(list);
		return NULL;
	}
	for (size_t i = 0; i < drift.count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:f}", "device", drift.devices[i]->name, "last", drift.devices[i]->time,
						      "verdict", tfl_drift_verdict_to_string(drift.devices[i]->verdict),
						      "psi", drift.devices[i]->psi));
	free(drift.devices);
	return list;
}

json_t *merge_version_json(const struct merge_version *version)
{
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:f, s:I, s:o, s:o, s:o, s:o}", "model", version->model,
			 "version", (integer)version->number, "sha256", version->sha256, "first", version->first, "last", version->last,
			 "seconds", version->sum.seconds, "requests", (integer)version->sum.requests, "results", results_json(&version->sum),
			 "latency", latency_json(&version->sum), "heads", heads_json(version), "devices", devices_json(version));
}
