/* SPDX-License-Identifier: MIT */
/*
 * model.load, model.reload, model.unload, model.swap and model.rollback: given to the loader, answered when it is done and durable.
 */
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/channel.h"
#include "daemon/dispatch.h"
#include "daemon/errand.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/loader.h"
#include "daemon/log.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"

static void on_loaded(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_errand *errand = data;
	struct tfl_writer *writer = &errand->server->executor.writer;

	if (!version) {
		tfl_errand_fail(errand, error);
		return;
	}
	tfl_writer_begin(writer);
	tfl_message_reply(writer, errand->msgid);
	tfl_writer_map(writer, 11);
	tfl_field_text(writer, "model", version->model_name);
	tfl_field_uint(writer, "version", version->number);
	tfl_field_text(writer, "state", tfl_version_state_to_string(version->state));
	tfl_field_text(writer, "sha256", version->sha256);
	tfl_field_uint(writer, "file_bytes", version->file_bytes);
	tfl_field_uint(writer, "load_ns", version->load_ns);
	tfl_field_uint(writer, "run_ns", version->run_ns);
	tfl_field_uint(writer, "copy_ns", version->stored.copy_ns);
	tfl_field_uint(writer, "hash_ns", version->stored.hash_ns);
	tfl_field_uint(writer, "sync_ns", version->stored.sync_ns);
	tfl_field_uint(writer, "proof_ns", version->proof.proof_ns);
	errand->audited.version = version->number; /* of a load that did not name one */
	tfl_errand_answer(errand);
}

int tfl_handle_model_load(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_model_params params;
	struct tfl_errand *errand;
	int r;

	r = tfl_model_params_parse(&tfl_model_load_params, call->message->params, &params, error);
	if (r < 0)
		return r;
	if (call->fd < 0)
		return tfl_error_set(error, -EINVAL, "model.load takes the model's file as a descriptor passed with the request (SCM_RIGHTS)");
	r = tfl_errand_begin(call, &params, &errand, error);
	if (r < 0)
		return r;
	tfl_log_debug("uid %u, pid %d loads model '%s'", (unsigned)call->peer->uid, (int)call->peer->pid, errand->model);
	r = tfl_loader_load(call->server->loader, errand->model, params.version, tfl_steal_fd(&call->fd), call->peer->uid,
			    call->peer->pid, on_loaded, errand, error);
	if (r < 0)
		tfl_errand_end(errand);
	return r;
}

/* The listed version that model.reload or model.swap asks for. */
static int find_version(const struct tfl_call *call, const struct tfl_model_params *params, struct tfl_version **ret_version,
			struct tfl_error *error)
{
	const struct tfl_registry_model *model = tfl_registry_find(call->server->registry, params->model.text, params->model.length);

	if (!model)
		return tfl_registry_no_model(call->server->registry, params->model.text, params->model.length, error);
	*ret_version = tfl_registry_find_version(model, params->version);
	return *ret_version ? 0 : tfl_registry_no_version(model, params->version, error);
}

static uint64_t active_number(const struct tfl_call *call, const struct tfl_model_params *params)
{
	const struct tfl_registry_model *model = tfl_registry_find(call->server->registry, params->model.text, params->model.length);

	return model && model->active ? model->active->number : 0;
}

/* What model.reload and model.swap are: something that the loader does with a version. */
typedef int (*version_errand)(struct tfl_loader *loader, struct tfl_version *version, const struct tfl_model_params *params, uid_t uid,
			      struct tfl_errand *errand, struct tfl_error *error);

static int run_errand(struct tfl_call *call, const struct tfl_param_table *table, version_errand run, struct tfl_error *error)
{
	struct tfl_version *version = NULL;
	struct tfl_model_params params;
	struct tfl_errand *errand;
	int r;

	r = tfl_model_params_parse(table, call->message->params, &params, error);
	if (r == 0)
		r = find_version(call, &params, &version, error);
	if (r == 0)
		r = tfl_errand_begin(call, &params, &errand, error);
	if (r < 0)
		return r;
	errand->numbers[0] = active_number(call, &params);
	r = run(call->server->loader, version, &params, call->peer->uid, errand, error);
	if (r < 0)
		tfl_errand_end(errand);
	return r;
}

static int reload(struct tfl_loader *loader, struct tfl_version *version, const struct tfl_model_params *params, uid_t uid,
		  struct tfl_errand *errand, struct tfl_error *error)
{
	return tfl_loader_reload(loader, version, uid, on_loaded, errand, error);
}

int tfl_handle_model_reload(struct tfl_call *call, struct tfl_error *error)
{
	return run_errand(call, &tfl_model_reload_params, reload, error);
}

/* The reply to model.unload, when the last version is done. */
static void finish_unload(struct tfl_errand *errand)
{
	struct tfl_writer *writer = &errand->server->executor.writer;

	if (errand->error.code < 0) {
		tfl_errand_fail(errand, &errand->error);
		return;
	}
	tfl_writer_begin(writer);
	tfl_message_reply(writer, errand->msgid);
	tfl_writer_map(writer, 2);
	tfl_field_text(writer, "model", errand->model);
	tfl_field_array(writer, "versions", errand->count);
	for (unsigned i = 0; i < errand->count; i++)
		tfl_writer_uint64(writer, errand->numbers[i]);
	tfl_errand_answer(errand);
}

static void on_unloaded(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_errand *errand = data;

	if (error && error->code < 0 && errand->error.code == 0)
		errand->error = *error;
	if (--errand->open == 0)
		finish_unload(errand);
}

/* What model.unload is about: one version, or all of the model that have anything to give up. Borrowed from the registry. */
static int collect(const struct tfl_registry *registry, const struct tfl_model_params *params, struct tfl_version *versions[],
		   unsigned *ret_count, struct tfl_error *error)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, params->model.text, params->model.length);
	unsigned count = 0;

	if (!model)
		return tfl_registry_no_model(registry, params->model.text, params->model.length, error);
	for (unsigned i = 0; i < model->version_count; i++) {
		struct tfl_version *version = model->versions[i];

		if (params->version ? version->number == params->version
				    : version->state != TFL_VERSION_END || params->delete_files)
			versions[count++] = version;
	}
	if (count == 0 && params->version)
		return tfl_registry_no_version(model, params->version, error);
	if (count == 0)
		return tfl_error_set(error, -ENOENT, "no version of model '%s' is loaded", model->name);
	*ret_count = count;
	return 0;
}

int tfl_handle_model_unload(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_version *versions[TFL_VERSIONS_MAX];
	struct tfl_model_params params;
	struct tfl_errand *errand = NULL;
	unsigned count = 0;
	int r;

	r = tfl_model_params_parse(&tfl_model_unload_params, call->message->params, &params, error);
	if (r == 0)
		r = collect(call->server->registry, &params, versions, &count, error);
	if (r == 0)
		r = tfl_errand_begin(call, &params, &errand, error);
	if (r < 0)
		return r;
	errand->open = 1; /* this function */
	for (unsigned i = 0; i < count; i++) {
		struct tfl_error why = {0};

		errand->numbers[i] = versions[i]->number;
		errand->open++;
		r = tfl_loader_unload(call->server->loader, versions[i], params.delete_files, call->peer->uid, on_unloaded,
				      errand, &why);
		if (r < 0) {
			why.code = r;
			on_unloaded(errand, NULL, &why);
		}
	}
	errand->count = count;
	if (--errand->open == 0)
		finish_unload(errand);
	return 0;
}

/* How many versions the requests to a model are split among. */
static unsigned shares_of(const struct tfl_registry *registry, const char *name)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, name, strlen(name));

	return model ? tfl_registry_route_of(model)->count : 0;
}

/* The version serves by now, whether that could be written down or not. */
static void on_swapped(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_errand *errand = data;
	struct tfl_writer *writer = &errand->server->executor.writer;

	if (!version) {
		tfl_errand_fail(errand, error);
		return;
	}
	tfl_writer_begin(writer);
	tfl_message_reply(writer, errand->msgid);
	tfl_writer_map(writer, 8);
	tfl_field_text(writer, "model", version->model_name);
	tfl_field_uint(writer, "version", version->number);
	tfl_field_uint(writer, "before", errand->numbers[0]);
	tfl_field_bool(writer, "routed", shares_of(errand->server->registry, errand->model) > 0);
	tfl_field_bool(writer, "unrouted", errand->numbers[1] > 0);
	tfl_field_bool(writer, "trial", atomic_load(&version->trial.id) != 0);
	tfl_field_bool(writer, "remembered", !error);
	tfl_field_text(writer, "reason", error ? error->text : "");
	tfl_errand_answer(errand);
}

static int swap(struct tfl_loader *loader, struct tfl_version *version, const struct tfl_model_params *params, uid_t uid,
		struct tfl_errand *errand, struct tfl_error *error)
{
	const struct tfl_trial_wish wish = {params->no_trial, params->trial_requests, params->trial_seconds};

	return tfl_loader_swap(loader, version, &wish, uid, on_swapped, errand, error);
}

int tfl_handle_model_swap(struct tfl_call *call, struct tfl_error *error)
{
	return run_errand(call, &tfl_model_swap_params, swap, error);
}

int tfl_handle_model_rollback(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_model_params params;
	struct tfl_errand *errand;
	int r;

	r = tfl_model_params_parse(&tfl_model_rollback_params, call->message->params, &params, error);
	if (r == 0)
		r = tfl_errand_begin(call, &params, &errand, error);
	if (r < 0)
		return r;
	errand->numbers[0] = active_number(call, &params);
	errand->numbers[1] = shares_of(call->server->registry, errand->model); /* which it ends */
	r = tfl_loader_roll_back(call->server->loader, errand->model, call->peer->uid, on_swapped, errand, error);
	if (r < 0)
		tfl_errand_end(errand);
	return r;
}
