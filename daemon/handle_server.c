/* SPDX-License-Identifier: MIT */
/*
 * How the daemon is and what it is: health and server.info. Limits and features are tables; a client compares features by name and ignores
 * those it does not know.
 */
#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/access.h"
#include "daemon/conditions.h"
#include "daemon/config.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/loader.h"
#include "daemon/registry.h"
#include "daemon/reload.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/version.h"
#include "proto/message.h"

#define PROTOCOL_VERSION 1

static const char *const features[] = {
	"quantize",   /* float32 is taken for quantised inputs */
	"dequantize", /* and given for quantised outputs */
	"pipelining",
	"cancel", /* the notification */
	"timeout",
	"priority",
	"signatures", /* a request names one: whoever does not know the key runs the main graph */
	"resize",     /* inputs take any size where they are free */
};

/* Versions by what has become of them. */
struct census {
	unsigned available, coming, ended;
};

/* Of those that the caller may see. */
static struct census count(const struct tfl_call *call, const struct tfl_registry_model *models, unsigned model_count)
{
	struct census census = {0};

	for (unsigned i = 0; i < model_count; i++) {
		for (unsigned j = 0; tfl_access_admits(call, &models[i]) && j < models[i].version_count; j++) {
			enum tfl_version_state state = models[i].versions[j]->state;

			census.available += state == TFL_VERSION_AVAILABLE;
			census.coming += state == TFL_VERSION_START || state == TFL_VERSION_LOADING;
			census.ended += state == TFL_VERSION_END;
		}
	}
	return census;
}

static void write_ended(const struct tfl_call *call, const struct tfl_registry_model *models, unsigned model_count)
{
	for (unsigned i = 0; i < model_count; i++) {
		for (unsigned j = 0; tfl_access_admits(call, &models[i]) && j < models[i].version_count; j++) {
			const struct tfl_version *version = models[i].versions[j];

			if (version->state != TFL_VERSION_END)
				continue;
			tfl_writer_map(call->writer, 3);
			tfl_field_text(call->writer, "model", models[i].name);
			tfl_field_uint(call->writer, "version", version->number);
			tfl_field_text(call->writer, "reason", version->reason);
		}
	}
}

int tfl_handle_health(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_writer *writer = call->writer;
	const struct tfl_registry_model *models;
	struct census census;
	unsigned model_count;

	models = tfl_registry_models(call->server->registry, &model_count);
	census = count(call, models, model_count);
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 6 + TFL_CONDITIONS_FIELDS + TFL_RELOAD_FIELDS);
	tfl_field_bool(writer, "live", true);
	/* A load that comes later takes nothing away from what serves: nobody is to be turned away, or restarted, for it. */
	tfl_field_bool(writer, "ready", !call->server->stopping && !tfl_loader_starting(call->server->loader));
	tfl_field_bool(writer, "stopping", call->server->stopping);
	tfl_field_map(writer, "versions", 3);
	tfl_field_uint(writer, "available", census.available);
	tfl_field_uint(writer, "loading", census.coming);
	tfl_field_uint(writer, "ended", census.ended);
	tfl_field_array(writer, "ended", census.ended);
	write_ended(call, models, model_count);
	tfl_service_write_memory(call->server, writer);
	tfl_conditions_write(call->server->conditions, tfl_access_admits_name, call, writer);
	tfl_reload_write(call->server->reload, tfl_access_admits_name, call, writer);
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}

/* The limits that a client can meet: those of the protocol, and those that the operator has set. */
static void write_limits(struct tfl_writer *writer, const struct tfl_config *config)
{
	const struct {
		const char *key;
		uint64_t value;
	} limits[] = {
		{"frame_bytes", config->max_frame},
		{"frame_depth", TFL_FRAME_DEPTH_MAX},
		{"frame_values", TFL_FRAME_VALUES_MAX},
		{"map_entries", TFL_MAP_MAX},
		{"infer_tensors", TFL_INFER_TENSORS_MAX},
		{"passed_descriptors", TFL_PASSED_FDS_MAX},
		{"output_queue_bytes", config->output_queue},
		{"queue", config->queue},
		{"connections", config->connections},
		{"user_connections", config->uid_connections},
		{"user_requests", config->uid_requests},
		{"user_bytes", config->uid_bytes},
		{"user_sessions", config->uid_sessions},
		{"models", TFL_MODELS_MAX},
		{"versions", TFL_VERSIONS_MAX},
	};

	tfl_field_map(writer, "limits", TFL_ARRAY_SIZE(limits));
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(limits); i++)
		tfl_field_uint(writer, limits[i].key, limits[i].value);
}

int tfl_handle_server_info(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_writer *writer = call->writer;
	const struct tfl_method *methods;
	unsigned count;

	methods = tfl_methods(&count);
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 6);
	tfl_field_text(writer, "name", "tfld");
	tfl_field_text(writer, "version", TFL_PROJECT_VERSION);
	tfl_field_uint(writer, "protocol", PROTOCOL_VERSION);
	tfl_field_array(writer, "features", TFL_ARRAY_SIZE(features));
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(features); i++)
		tfl_writer_text(writer, features[i]);
	write_limits(writer, call->server->config);
	tfl_field_array(writer, "methods", count);
	for (unsigned i = 0; i < count; i++) {
		tfl_writer_map(writer, 3);
		tfl_field_text(writer, "method", methods[i].name);
		tfl_field_text(writer, "right", tfl_right_to_string(methods[i].right));
		tfl_field_bool(writer, "allowed", call->rights & methods[i].right);
	}
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}
