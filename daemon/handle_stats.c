/* SPDX-License-Identifier: MIT */
/*
 * What happened: stats, in numbers since the start of the daemon, for the service and for each version that is listed. doc/protocol.md
 * names the keys; times are nanoseconds, sizes bytes.
 */
#include <stdlib.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "daemon/conditions.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/histogram.h"
#include "daemon/recorder.h"
#include "daemon/registry.h"
#include "daemon/scheduler.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"

static void write_latency(struct tfl_writer *writer, const char *stage, const struct tfl_latency *latency, bool buckets)
{
	tfl_field_map(writer, stage, buckets ? 8 : 6);
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

static void write_results(struct tfl_writer *writer, const struct tfl_recorder_summary *summary)
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

	tfl_scheduler_read(scheduler, version, &queue);
	tfl_field_map(writer, "queue", 2);
	tfl_field_uint(writer, "waiting", queue.waiting);
	tfl_field_uint(writer, "running", queue.running);
}

/* @p summary is memory to work in. */
static void write_version(struct tfl_writer *writer, const struct tfl_server *server, const struct tfl_version *version, bool buckets,
			  struct tfl_recorder_summary *summary)
{
	struct tfl_version_memory memory;

	tfl_version_memory(version, &memory);
	tfl_recorder_read(version->recorder, summary);
	tfl_writer_map(writer, 7);
	tfl_field_text(writer, "model", version->model_name);
	tfl_field_uint(writer, "version", version->number);
	tfl_field_uint(writer, "requests", summary->requests);
	write_results(writer, summary);
	write_queue(writer, server->scheduler, version);
	tfl_field_map(writer, "latency", 4);
	write_latency(writer, "wait", &summary->wait, buckets);
	write_latency(writer, "compute", &summary->compute, buckets);
	write_latency(writer, "reply", &summary->reply, buckets);
	write_latency(writer, "total", &summary->total, buckets);
	tfl_field_map(writer, "memory", 4);
	tfl_field_uint(writer, "file", memory.file);
	tfl_field_uint(writer, "packed", memory.packed);
	tfl_field_uint(writer, "interpreters", memory.interpreters);
	tfl_field_uint(writer, "statistics", memory.statistics);
}

/* Only such versions have counters and memory that this thread may look at. */
static bool counted(const struct tfl_version *version)
{
	return version->state == TFL_VERSION_AVAILABLE;
}

static unsigned count_versions(const struct tfl_registry_model *models, unsigned model_count)
{
	unsigned count = 0;

	for (unsigned i = 0; i < model_count; i++) {
		for (unsigned j = 0; j < models[i].version_count; j++)
			count += counted(models[i].versions[j]);
	}
	return count;
}

static void write_service(struct tfl_writer *writer, const struct tfl_server *server)
{
	struct tfl_service service;

	tfl_service_read(server, &service);
	tfl_field_uint(writer, "uptime_ns", service.uptime_ns);
	tfl_field_uint(writer, "requests", service.requests);
	tfl_field_uint(writer, "rss_bytes", service.resident_bytes);
	tfl_service_write_memory(server, writer);
	tfl_field_map(writer, "connections", 3);
	tfl_field_uint(writer, "open", service.connections);
	tfl_field_uint(writer, "accepted", service.accepted);
	tfl_field_uint(writer, "refused", service.refused);
	tfl_field_map(writer, "queue", 2);
	tfl_field_uint(writer, "waiting", service.waiting);
	tfl_field_uint(writer, "capacity", service.capacity);
	tfl_field_map(writer, "workers", 2);
	tfl_field_uint(writer, "count", service.workers);
	tfl_field_uint(writer, "busy", service.busy);
	tfl_conditions_write(server->conditions, writer);
}

/* All models, or the one that was asked for. */
static int choose(const struct tfl_registry *registry, struct tfl_string name, const struct tfl_registry_model **ret_models,
		  unsigned *ret_count, struct tfl_error *error)
{
	const struct tfl_registry_model *model;

	if (!name.text) {
		*ret_models = tfl_registry_models(registry, ret_count);
		return 0;
	}
	model = tfl_registry_find(registry, name.text, name.length);
	if (!model)
		return tfl_registry_no_model(registry, name.text, name.length, error);
	*ret_models = model;
	*ret_count = 1;
	return 0;
}

int tfl_handle_stats(struct tfl_call *call, struct tfl_error *error)
{
	_tfl_free_ struct tfl_recorder_summary *summary = NULL;
	struct tfl_writer *writer = call->writer;
	const struct tfl_registry_model *models = NULL;
	struct tfl_model_params params;
	unsigned count = 0;
	int r;

	r = tfl_model_params_parse(&tfl_stats_params, call->message->params, &params, error);
	if (r == 0)
		r = choose(call->server->registry, params.model, &models, &count, error);
	if (r < 0)
		return r;
	summary = malloc(sizeof(*summary));
	if (!summary)
		return tfl_error_set(error, -ENOMEM, "no memory for statistics");
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 8 + TFL_CONDITIONS_FIELDS);
	write_service(writer, call->server);
	tfl_field_array(writer, "versions", count_versions(models, count));
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < models[i].version_count; j++) {
			if (counted(models[i].versions[j]))
				write_version(writer, call->server, models[i].versions[j], params.buckets, summary);
		}
	}
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}
