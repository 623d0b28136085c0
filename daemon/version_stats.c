/* SPDX-License-Identifier: MIT */
#include "daemon/version_stats.h"

#include "base/dtype.h"
#include "base/util.h"
#include "daemon/fields.h"
#include "daemon/histogram.h"
#include "daemon/recorder.h"
#include "daemon/scheduler.h"
#include "daemon/version.h"
#include "proto/message.h"

void tfl_latency_write(struct tfl_writer *writer, const char *key, const struct tfl_latency *latency, bool buckets)
{
	tfl_field_map(writer, key, buckets ? 8 : 6);
	tfl_field_uint(writer, "mean_ns", (uint64_t)tfl_latency_mean(latency));
	tfl_field_uint(writer, "min_ns", latency->min_ns);
	tfl_field_uint(writer, "max_ns", latency->max_ns);
	tfl_field_uint(writer, "p50_ns", tfl_latency_percentile(latency, 0.50));
	tfl_field_uint(writer, "p95_ns", tfl_latency_percentile(latency, 0.95));
	tfl_field_uint(writer, "p99_ns", tfl_latency_percentile(latency, 0.99));
	if (!buckets)
		return;
	tfl_field_uint(writer, "sum_ns", latency->sum_ns);
	tfl_counters_write(writer, "buckets", latency->buckets, TFL_LATENCY_BUCKETS);
}

void tfl_results_write(struct tfl_writer *writer, const struct tfl_recorder_summary *summary)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < TFL_STATUS_COUNT; i++)
		count += summary->results[i] > 0;
	tfl_field_map(writer, "results", count);
	for (unsigned i = 0; i < TFL_STATUS_COUNT; i++) {
		if (summary->results[i] > 0)
			tfl_field_uint(writer, tfl_status_to_string((enum tfl_status)i), summary->results[i]);
	}
}

static void write_queue(struct tfl_writer *writer, struct tfl_scheduler *scheduler, const struct tfl_version *version)
{
	struct tfl_scheduler_counts queue;

	tfl_scheduler_read(scheduler, &version->queue, &queue);
	tfl_field_map(writer, "queue", 2);
	tfl_field_uint(writer, "waiting", queue.waiting);
	tfl_field_uint(writer, "running", queue.running);
}

void tfl_version_stats_write(struct tfl_writer *writer, struct tfl_scheduler *scheduler, const struct tfl_version *version, bool buckets,
			     struct tfl_recorder_summary *summary)
{
	struct tfl_version_memory memory;

	tfl_version_memory(version, &memory);
	tfl_recorder_read(version->recorder, summary);
	tfl_field_text(writer, "model", version->model_name);
	tfl_field_uint(writer, "version", version->number);
	tfl_field_uint(writer, "requests", summary->requests);
	tfl_results_write(writer, summary);
	write_queue(writer, scheduler, version);
	tfl_field_map(writer, "latency", 4);
	tfl_latency_write(writer, "wait", &summary->wait, buckets);
	tfl_latency_write(writer, "compute", &summary->compute, buckets);
	tfl_latency_write(writer, "reply", &summary->reply, buckets);
	tfl_latency_write(writer, "total", &summary->total, buckets);
	tfl_field_map(writer, "memory", 4);
	tfl_field_uint(writer, "file", memory.file);
	tfl_field_uint(writer, "packed", memory.packed);
	tfl_field_uint(writer, "interpreters", memory.interpreters);
	tfl_field_uint(writer, "statistics", memory.statistics);
}
