/* SPDX-License-Identifier: MIT */
#include "client/seen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "client/bench.h"
#include "client/ctl.h"
#include "client/histogram_json.h"
#include "client/print.h"
#include "stats/drift.h"
#include "stats/latency.h"

#define MINUTE_NS INT64_C(60000000000)

int ctl_histogram_read(const struct tfl_value *value, struct tfl_confidence *ret_confidence, struct tfl_error *error)
{
	json_t *json = ctl_json_of(value);
	int r;

	r = ctl_histogram_from_json(json, ret_confidence, error);
	json_decref(json);
	return r < 0 ? tfl_error_prefix(error, r, "the daemon's answer") : 0;
}

int ctl_seen_read(const struct tfl_value *head, struct ctl_seen *ret_seen, struct tfl_error *error)
{
	const struct tfl_value *baseline = tfl_value_get(head, "baseline");
	struct ctl_seen seen = {
		.name = tfl_value_string(tfl_value_get(head, "name"), ""),
		.kind = tfl_value_string(tfl_value_get(head, "kind"), "unknown"),
		.reason = tfl_value_string(tfl_value_get(head, "reason"), ""),
		.seconds = tfl_value_uint(tfl_value_get(head, "seconds"), 0),
		.baseline_set = tfl_value_bool(tfl_value_get(baseline, "set"), false),
		.baseline_since = tfl_value_uint(tfl_value_get(baseline, "since"), 0),
		.baseline_wanted = tfl_value_uint(tfl_value_get(baseline, "wanted"), 0),
		.counts = tfl_value_get(head, "counts"),
		.series = tfl_value_get(head, "series"),
	};
	int r;

	r = ctl_histogram_read(tfl_value_get(head, "histogram"), &seen.histogram, error);
	if (r == 0)
		r = ctl_histogram_read(tfl_value_get(baseline, "histogram"), &seen.baseline, error);
	if (r == 0)
		*ret_seen = seen;
	return r;
}

int ctl_latency_read(const struct tfl_value *value, struct tfl_latency *ret_latency, struct tfl_error *error)
{
	const struct tfl_value *pairs = tfl_value_get(value, "buckets");

	memset(ret_latency, 0, sizeof(*ret_latency));
	for (size_t i = 0; i + 1 < tfl_value_size(pairs); i += 2) {
		if (tfl_latency_add_bucket(ret_latency, tfl_value_uint(tfl_value_at(pairs, i), UINT64_MAX),
					   tfl_value_uint(tfl_value_at(pairs, i + 1), 0)) < 0)
			return tfl_error_set(error, -EPROTO, "the daemon tells of a latency that cannot be");
	}
	ret_latency->sum_ns = tfl_value_uint(tfl_value_get(value, "sum_ns"), 0);
	if (ret_latency->count > 0) {
		ret_latency->min_ns = tfl_value_uint(tfl_value_get(value, "min_ns"), ret_latency->min_ns);
		ret_latency->max_ns = tfl_value_uint(tfl_value_get(value, "max_ns"), ret_latency->max_ns);
	}
	return 0;
}

json_t *ctl_drift_json(const struct tfl_drift *drift)
{
	return json_pack("{s:s, s:f, s:f, s:f, s:i, s:f, s:f, s:I, s:I}", "verdict", tfl_drift_verdict_to_string(drift->verdict),
			 "psi", drift->psi, "psi_raw", drift->psi_raw, "noise", drift->noise, "groups", (int)drift->groups,
			 "jensen_shannon", drift->jensen_shannon, "kolmogorov_smirnov", drift->kolmogorov_smirnov,
			 "reference_verdicts", (json_int_t)drift->baseline_records, "window_verdicts", (json_int_t)drift->window_records);
}

int ctl_window_parse(const char *text, unsigned *ret_minutes, struct tfl_error *error)
{
	int64_t ns = 0;
	int r = text ? bench_duration_parse(text, "--window", MINUTE_NS, TFL_MINUTES_MAX * MINUTE_NS, &ns, error) : 0;

	if (r == 0)
		*ret_minutes = (unsigned)((ns + MINUTE_NS - 1) / MINUTE_NS);
	return r;
}

int ctl_window_check(const struct ctl *ctl, const char *text)
{
	struct tfl_error error;
	unsigned minutes;

	return ctl_window_parse(text, &minutes, &error) < 0 ? ctl_usage(ctl, error.text) : CTL_OK;
}

char *ctl_window_name(uint64_t seconds, char *buffer, size_t size)
{
	char time[CTL_UNIT_MAX];

	if (seconds)
		snprintf(buffer, size, "in the last %s", ctl_format_uptime(time, seconds));
	else
		snprintf(buffer, size, "since it was first active");
	return buffer;
}
