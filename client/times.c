/* SPDX-License-Identifier: MIT */
#include "client/times.h"

#include "client/print.h"
#include "stats/latency.h"

const char *const ctl_stage_names[CTL_STAGES] = {"wait", "compute", "reply", "total"};

struct ctl_times ctl_times_of(const struct tfl_latency *latency)
{
	return (struct ctl_times){
		.count = latency->count,
		.mean = tfl_latency_mean(latency),
		.min = latency->min_ns,
		.max = latency->max_ns,
		.p50 = tfl_latency_percentile(latency, 0.50),
		.p90 = tfl_latency_percentile(latency, 0.90),
		.p95 = tfl_latency_percentile(latency, 0.95),
		.p99 = tfl_latency_percentile(latency, 0.99),
	};
}

json_t *ctl_times_json(const struct ctl_times *times)
{
	return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)times->count, "mean_ns", times->mean, "min_ns",
			 (json_int_t)times->min, "max_ns", (json_int_t)times->max, "p50_ns", (json_int_t)times->p50, "p90_ns",
			 (json_int_t)times->p90, "p95_ns", (json_int_t)times->p95, "p99_ns", (json_int_t)times->p99);
}

void ctl_times_head(struct ctl_table *table, bool p90)
{
	ctl_table_add(table, "mean");
	ctl_table_add(table, "p50");
	if (p90)
		ctl_table_add(table, "p90");
	ctl_table_add(table, "p95");
	ctl_table_add(table, "p99");
	ctl_table_add(table, "max");
}

void ctl_times_row(struct ctl_table *table, const struct ctl_times *times, bool p90)
{
	const double values[] = {times->mean,        (double)times->p50, (double)times->p90,
				 (double)times->p95, (double)times->p99, (double)times->max};
	char unit[CTL_UNIT_MAX];

	for (unsigned i = 0; i < 6; i++) {
		if (i != 2 || p90)
			ctl_table_add(table, "%s", times->count ? ctl_format_duration(unit, values[i]) : "-");
	}
}
