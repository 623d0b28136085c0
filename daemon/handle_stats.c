/* SPDX-License-Identifier: MIT */
/*
 * What happened: stats, in numbers since the start of the daemon, for the service and for each version that is listed. doc/protocol.md
 * names the keys; times are nanoseconds, sizes bytes.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/access.h"
#include "daemon/conditions.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/recorder.h"
#include "daemon/registry.h"
#include "daemon/reload.h"
#include "daemon/scheduler.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/sessions.h"
#include "daemon/shadow_status.h"
#include "daemon/version.h"
#include "daemon/version_stats.h"
#include "proto/message.h"
#include "proto/request.h"

/* Only such versions have counters and memory that this thread may look at. */
static bool counted(const struct tfl_version *version)
{
	return version->state == TFL_VERSION_AVAILABLE;
}

static void write_version(struct tfl_writer *writer, const struct tfl_server *server, const struct tfl_version *version, bool buckets,
			  struct tfl_recorder_summary *summary)
{
	tfl_writer_map(writer, TFL_VERSION_STATS_FIELDS + 2);
	tfl_version_stats_write(writer, server->scheduler, version, buckets, summary);
	tfl_field_uint(writer, "sessions", tfl_sessions_count(server->sessions, version));
	tfl_shadow_write(writer, "shadow", server, version->model_name, version->number, buckets, summary);
}

static unsigned count_versions(const struct tfl_call *call, const struct tfl_registry_model *models, unsigned model_count)
{
	unsigned count = 0;

	for (unsigned i = 0; i < model_count; i++) {
		for (unsigned j = 0; tfl_access_admits(call, &models[i]) && j < models[i].version_count; j++)
			count += counted(models[i].versions[j]);
	}
	return count;
}

static void write_service(struct tfl_writer *writer, const struct tfl_call *call)
{
	const struct tfl_server *server = call->server;
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
	tfl_field_uint(writer, "sessions", tfl_sessions_count(server->sessions, NULL));
	tfl_field_map(writer, "queue", 2);
	tfl_field_uint(writer, "waiting", service.waiting);
	tfl_field_uint(writer, "capacity", service.capacity);
	tfl_field_map(writer, "workers", 2);
	tfl_field_uint(writer, "count", service.workers);
	tfl_field_uint(writer, "busy", service.busy);
	tfl_conditions_write(server->conditions, tfl_access_admits_name, call, writer);
	tfl_reload_write(server->reload, tfl_access_admits_name, call, writer);
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
	tfl_writer_map(writer, 9 + TFL_CONDITIONS_FIELDS + TFL_RELOAD_FIELDS);
	write_service(writer, call);
	tfl_field_array(writer, "versions", count_versions(call, models, count));
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; tfl_access_admits(call, &models[i]) && j < models[i].version_count; j++) {
			if (counted(models[i].versions[j]))
				write_version(writer, call->server, models[i].versions[j], params.buckets, summary);
		}
	}
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}
