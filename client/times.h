/* SPDX-License-Identifier: MIT */
/* Mean and percentiles of a latency, as every command shows them. */
#ifndef CLIENT_TIMES_H
#define CLIENT_TIMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl_table;
struct tfl_latency;

/* What a request's latency is made of. */
enum ctl_stage { CTL_WAIT, CTL_COMPUTE, CTL_REPLY, CTL_TOTAL, CTL_STAGES };

/** As the daemon's answers and log lines have them. */
extern const char *const ctl_stage_names[CTL_STAGES];

/* In nanoseconds; all 0 without records. */
struct ctl_times {
	uint64_t count;
	double mean;
	uint64_t min, max;
	uint64_t p50, p90, p95, p99;
};

struct ctl_times ctl_times_of(const struct tfl_latency *latency);

/** {"count", "mean_ns", "min_ns", "max_ns", "p50_ns", "p90_ns", "p95_ns", "p99_ns"}; NULL without memory. */
json_t *ctl_times_json(const struct ctl_times *times);

/** Cells of a table's head, and of a row: mean, p50, with @p p90 that, p95, p99 and max. "-" without records. */
void ctl_times_head(struct ctl_table *table, bool p90);
void ctl_times_row(struct ctl_table *table, const struct ctl_times *times, bool p90);

#endif
