/* SPDX-License-Identifier: MIT */
/*
 * What there is: model.list and model.describe. Both read the registry and the immutable part of versions; doc/protocol.md names the keys.
 *
 * A version that is not in memory (its load failed, or it was unloaded) has a state and a reason and no more; the keys that come from its
 * file are left out.
 */
#include "base/error.h"
#include "base/util.h"
#include "daemon/access.h"
#include "daemon/clock.h"
#include "daemon/confine.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/shadow_status.h"
#include "daemon/telling.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"
#include "runtime/pool.h"

#define VERSION_STATE_FIELDS 10

static void write_labels(struct tfl_writer *writer, const struct tfl_version_labels *labels, uint64_t number)
{
	unsigned count = 0;

	for (unsigned i = 0; i < labels->count; i++)
		count += labels->list[i].number == number;
	tfl_field_array(writer, "version_labels", count);
	for (unsigned i = 0; i < labels->count; i++)
		if (labels->list[i].number == number)
			tfl_writer_string(writer, tfl_reply_name(labels->list[i].name));
}

static void write_version_state(struct tfl_writer *writer, const struct tfl_registry_model *model, const struct tfl_version *version)
{
	tfl_field_uint(writer, "version", version->number);
	tfl_field_text(writer, "state", tfl_version_state_to_string(version->state));
	tfl_field_text(writer, "reason", version->reason);
	tfl_field_uint(writer, "since", version->since > 0 ? (uint64_t)version->since : 0);
	tfl_field_bool(writer, "active", version == model->active);
	tfl_field_bool(writer, "trial", atomic_load(&version->trial.id) != 0);
	write_labels(writer, &model->labels, version->number);
	tfl_writer_text(writer, "share");
	tfl_writer_double(writer, tfl_route_share(tfl_registry_route_of(model), version->number));
	tfl_field_bool(writer, "shadow", tfl_registry_route_of(model)->shadow == version->number);
	tfl_field_uint(writer, "file_bytes", version->file_bytes);
}

static void write_versions(struct tfl_writer *writer, const struct tfl_registry_model *model)
{
	tfl_field_array(writer, "versions", model->version_count);
	for (unsigned i = 0; i < model->version_count; i++) {
		tfl_writer_map(writer, VERSION_STATE_FIELDS);
		write_version_state(writer, model, model->versions[i]);
	}
}

int tfl_handle_model_list(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_writer *writer = call->writer;
	const struct tfl_registry_model *models;
	unsigned count;

	models = tfl_registry_models(call->server->registry, &count);
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 1);
	tfl_field_array(writer, "models", tfl_access_count(call));
	for (unsigned i = 0; i < count; i++) {
		if (!tfl_access_admits(call, &models[i]))
			continue;
		tfl_writer_map(writer, 3);
		tfl_field_text(writer, "model", models[i].name);
		tfl_field_uint(writer, "active", models[i].active ? models[i].active->number : 0);
		write_versions(writer, &models[i]);
	}
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}

/* What was in force when it was loaded, and where that comes from. */
static void write_settings(struct tfl_writer *writer, const struct tfl_model_conf *conf)
{
	const struct tfl_setting_table *table = &tfl_model_conf_table;
	char buffer[TFL_SETTING_VALUE_MAX];

	tfl_field_array(writer, "settings", table->count);
	for (unsigned i = 0; i < table->count; i++) {
		const char *source = conf->sources[i].text;

		tfl_writer_map(writer, 4);
		tfl_field_text(writer, "section", table->rows[i].section);
		tfl_field_text(writer, "key", table->rows[i].key);
		tfl_field_text(writer, "value", tfl_setting_format(&table->rows[i], conf, buffer));
		tfl_field_text(writer, "source", *source ? source : "default");
	}
}

/* Of every output, whether it says how sure the model is, and why. */
static void write_confidence(struct tfl_writer *writer, const struct tfl_version *version)
{
	tfl_field_array(writer, "confidence", version->output_count);
	for (uint32_t i = 0; i < version->output_count; i++) {
		struct tfl_confidence_source source;

		tfl_heads_explain(&version->heads, version->program, i, &source);
		tfl_writer_map(writer, 5);
		tfl_field_uint(writer, "output", i);
		tfl_field_text(writer, "name", version->outputs[i].name);
		tfl_field_text(writer, "kind", tfl_confidence_kind_to_string(source.kind));
		tfl_field_uint(writer, "classes", source.classes);
		tfl_field_text(writer, "reason", source.reason);
	}
}

/* What the child process found that loaded and ran the file; an empty map where there was none. */
static void write_proof(struct tfl_writer *writer, const struct tfl_proof *proof)
{
	char means[64];

	tfl_field_map(writer, "proof", proof->time[0] ? 2 + TFL_PROOF_FIGURES : 0);
	if (!proof->time[0])
		return;
	tfl_field_text(writer, "time", proof->time);
	tfl_field_text(writer, "means", tfl_confine_means_to_string(proof->means, means, sizeof(means)));
	tfl_proof_write_figures(writer, proof);
}

#define VERSION_MEMORY_FIELDS 10

/* What only a version in memory has. */
static void write_loaded(struct tfl_writer *writer, const struct tfl_version *version, const struct tfl_telling *telling)
{
	struct tfl_version_memory memory;
	struct tfl_program_info info;

	tfl_version_memory(version, &memory);
	tfl_program_info(version->program, &info);
	tfl_field_uint(writer, "load_ns", version->load_ns);
	tfl_field_uint(writer, "run_ns", version->run_ns);
	tfl_field_uint(writer, "idle_s", (tfl_clock_ns() - version->used_ns) / 1000000000);
	tfl_field_uint(writer, "instances", tfl_pool_instances(version->pool));
	tfl_field_bool(writer, "stateful", tfl_program_stateful(version->program));
	tfl_field_map(writer, "memory", 4);
	tfl_field_uint(writer, "file", memory.file);
	tfl_field_uint(writer, "packed", memory.packed);
	tfl_field_uint(writer, "interpreters", memory.interpreters);
	tfl_field_uint(writer, "statistics", memory.statistics);
	tfl_field_map(writer, "operators", 3);
	tfl_field_uint(writer, "total", info.operators);
	tfl_field_uint(writer, "xnnpack", info.xnnpack_operators);
	tfl_field_uint(writer, "steps", info.steps);
	tfl_telling_write(telling, writer);
	write_proof(writer, &version->proof);
	write_confidence(writer, version);
	write_settings(writer, &version->conf);
}

/* The version that is asked for; without a number the active one, else the newest. */
static int choose(const struct tfl_registry *registry, const struct tfl_model_params *params, const struct tfl_registry_model **ret_model,
		  const struct tfl_version **ret_version, struct tfl_error *error)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, params->model.text, params->model.length);
	const struct tfl_version *version;

	if (!model)
		return tfl_registry_no_model(registry, params->model.text, params->model.length, error);
	if (params->version)
		version = tfl_registry_find_version(model, params->version);
	else
		version = model->active ? model->active : model->versions[model->version_count - 1];
	if (!version)
		return tfl_registry_no_version(model, params->version, error);
	*ret_model = model;
	*ret_version = version;
	return 0;
}

int tfl_handle_model_describe(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_writer *writer = call->writer;
	const struct tfl_registry_model *model = NULL;
	TFL_CLEANUP(tfl_telling_finish) struct tfl_telling telling = {0};
	const struct tfl_version *version = NULL;
	struct tfl_model_params params;
	int r;

	r = tfl_model_params_parse(&tfl_model_describe_params, call->message->params, &params, error);
	if (r == 0)
		r = tfl_handle_resolve(call, &params, error);
	if (r == 0)
		r = choose(call->server->registry, &params, &model, &version, error);
	if (r < 0)
		return r;
	if (version->program && tfl_telling_init(&telling, version) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory for a description");
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 4 + VERSION_STATE_FIELDS + (version->program ? VERSION_MEMORY_FIELDS + tfl_telling_count(&telling) : 0));
	tfl_field_text(writer, "model", model->name);
	write_versions(writer, model);
	write_version_state(writer, model, version);
	tfl_shadow_write_alone(writer, "copies", call->server, model->name, version->number);
	tfl_field_text(writer, "sha256", version->sha256);
	if (version->program)
		write_loaded(writer, version, &telling);
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}
