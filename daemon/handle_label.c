/* SPDX-License-Identifier: MIT */
/*
 * label.set: given to the loader, in force at once, and answered when that is durable. And what other methods do with a label that stands
 * where a version may.
 */
#include "base/error.h"
#include "daemon/channel.h"
#include "daemon/dispatch.h"
#include "daemon/errand.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/loader.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"

int tfl_handle_resolve(const struct tfl_call *call, struct tfl_model_params *params, struct tfl_error *error)
{
	struct tfl_version *version = NULL;
	int r;

	if (!params->label.text)
		return 0;
	r = tfl_registry_find_label(call->server->registry, params->model.text, params->model.length, params->label.text,
				    params->label.length, &version, error);
	if (r == 0)
		params->version = version->number;
	return r;
}

/* What the label stood for before is numbers[0], what it stands for now numbers[1]. */
static void on_labelled(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_errand *errand = data;
	struct tfl_writer *writer = &errand->server->executor.writer;

	if (!version) {
		tfl_errand_fail(errand, error);
		return;
	}
	tfl_writer_begin(writer);
	tfl_message_reply(writer, errand->msgid);
	tfl_writer_map(writer, 6);
	tfl_field_text(writer, "model", errand->model);
	tfl_field_text(writer, "label", errand->label);
	tfl_field_uint(writer, "version", errand->numbers[1]);
	tfl_field_uint(writer, "before", errand->numbers[0]);
	tfl_field_bool(writer, "remembered", !error);
	tfl_field_text(writer, "reason", error ? error->text : "");
	tfl_errand_answer(errand);
}

static int set_label(struct tfl_call *call, const struct tfl_registry_model *model, const struct tfl_model_params *params,
		     struct tfl_errand *errand, struct tfl_error *error)
{
	struct tfl_loader *loader = call->server->loader;
	struct tfl_version *version;

	errand->numbers[0] = tfl_version_labels_find(&model->labels, params->label.text, params->label.length);
	errand->numbers[1] = params->version;
	if (!params->version)
		return tfl_loader_unlabel(loader, errand->model, errand->label, call->peer->uid, on_labelled, errand, error);
	version = tfl_registry_find_version(model, params->version);
	if (!version)
		return tfl_registry_no_version(model, params->version, error);
	return tfl_loader_label(loader, version, errand->label, call->peer->uid, on_labelled, errand, error);
}

int tfl_handle_label_set(struct tfl_call *call, struct tfl_error *error)
{
	const struct tfl_registry_model *model;
	struct tfl_model_params params;
	struct tfl_errand *errand;
	int r;

	r = tfl_model_params_parse(&tfl_label_set_params, call->message->params, &params, error);
	if (r < 0)
		return r;
	model = tfl_registry_find(call->server->registry, params.model.text, params.model.length);
	if (!model)
		return tfl_registry_no_model(call->server->registry, params.model.text, params.model.length, error);
	r = tfl_errand_begin(call, &params, &errand, error);
	if (r < 0)
		return r;
	r = set_label(call, model, &params, errand, error);
	if (r < 0)
		tfl_errand_end(errand);
	return r;
}
