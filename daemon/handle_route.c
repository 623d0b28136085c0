/* SPDX-License-Identifier: MIT */
/*
 * route.get and route.set: how the requests that name a model and no version are split. Set, it is in force at once, and answered when
 * that is durable.
 */
#include <string.h>

#include "base/error.h"
#include "daemon/channel.h"
#include "daemon/dispatch.h"
#include "daemon/errand.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/loader.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/shadow_status.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"

#define ROUTE_FIELDS 10

static void write_share(struct tfl_writer *writer, const struct tfl_registry_model *model, const struct tfl_route_share *share,
			uint64_t requests)
{
	const struct tfl_version *version = tfl_registry_find_version(model, share->number);

	tfl_writer_map(writer, 4);
	tfl_field_uint(writer, "version", share->number);
	tfl_field_uint(writer, "weight", share->weight);
	tfl_field_text(writer, "state", version ? tfl_version_state_to_string(version->state) : "");
	tfl_field_uint(writer, "requests", requests);
}

static void write_route(struct tfl_writer *writer, const struct tfl_server *server, const struct tfl_registry_model *model)
{
	const struct tfl_route *route = tfl_registry_route_of(model);
	char text[TFL_ROUTE_TEXT_MAX + 128];

	tfl_field_text(writer, "model", model->name);
	tfl_field_text(writer, "source", model->is_chosen ? "operator" : tfl_route_is_empty(route) ? "none" : "model.conf");
	tfl_field_text(writer, "configured", tfl_route_is_empty(&model->configured) ? "" : tfl_route_say(&model->configured, text));
	tfl_field_text(writer, "salt", route->salt[0] ? route->salt : model->name);
	tfl_field_text(writer, "key", tfl_route_by_to_string(route->by));
	tfl_field_uint(writer, "shadow", route->shadow);
	tfl_shadow_write_alone(writer, "copies", server, model->name, 0);
	tfl_field_uint(writer, "active", model->active ? model->active->number : 0);
	tfl_field_uint(writer, "passed_over", model->passed_over);
	tfl_field_array(writer, "versions", route->count);
	for (unsigned i = 0; i < route->count; i++)
		write_share(writer, model, &route->shares[i], model->routed[i]);
}

int tfl_handle_route_get(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_writer *writer = call->writer;
	const struct tfl_registry_model *model;
	struct tfl_model_params params;
	int r;

	r = tfl_model_params_parse(&tfl_route_get_params, call->message->params, &params, error);
	if (r < 0)
		return r;
	model = tfl_registry_find(call->server->registry, params.model.text, params.model.length);
	if (!model)
		return tfl_registry_no_model(call->server->registry, params.model.text, params.model.length, error);
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, ROUTE_FIELDS);
	write_route(writer, call->server, model);
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}

/* The model may be gone by then. */
static void on_routed(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_errand *errand = data;
	struct tfl_writer *writer = &errand->server->executor.writer;
	const struct tfl_registry_model *model =
		version ? tfl_registry_find(errand->server->registry, errand->model, strlen(errand->model)) : NULL;

	if (!version) {
		tfl_errand_fail(errand, error);
		return;
	}
	tfl_writer_begin(writer);
	tfl_message_reply(writer, errand->msgid);
	tfl_writer_map(writer, 2 + (model ? ROUTE_FIELDS : 0));
	if (model)
		write_route(writer, errand->server, model);
	tfl_field_bool(writer, "remembered", !error);
	tfl_field_text(writer, "reason", error ? error->text : "");
	tfl_errand_answer(errand);
}

static int check_params(const struct tfl_model_params *params, struct tfl_error *error)
{
	bool any = params->route.text || params->salt.text || params->by.text || params->shadow || params->no_shadow;

	if (params->clear && any)
		return tfl_error_set(error, -EINVAL, "params: 'clear' and a route are both there: give one of them");
	if (params->shadow && params->no_shadow)
		return tfl_error_set(error, -EINVAL, "params: 'shadow' and 'no_shadow' are both there: give one of them");
	if (!params->clear && !any)
		return tfl_error_set(error, -EINVAL,
				     "params: nothing is to be set: 'route' is, as in \"1=90 2=10\", or 'shadow', or 'clear'");
	return 0;
}

/* What the params ask for: @p route, the one in force, with what they say instead. */
static int read_route(const struct tfl_model_params *params, struct tfl_route *route, struct tfl_error *error)
{
	char text[TFL_ROUTE_TEXT_MAX] = "";
	int r;

	if (params->route.text) {
		memcpy(text, params->route.text, params->route.length);
		r = tfl_route_parse(text, route, error);
		if (r < 0)
			return tfl_error_prefix(error, r, "params: 'route'");
	}
	if (params->salt.text) {
		memset(route->salt, 0, sizeof(route->salt));
		memcpy(route->salt, params->salt.text, params->salt.length);
	}
	if (params->by.text)
		route->by = tfl_route_by_from_string(params->by.text, params->by.length);
	if (route->by == TFL_ROUTE_BY_KINDS)
		return tfl_error_set(error, -EINVAL, "params: 'key' must be 'request' or 'machine-id', not '%.*s'",
				     TFL_STRING_ARGS(params->by));
	if (params->shadow || params->no_shadow)
		route->shadow = params->shadow;
	if ((params->salt.text || params->by.text) && route->count == 0)
		return tfl_error_set(error, -EINVAL, "params: there are no shares that a salt or a key could split: 'route' is needed too");
	return 0;
}

int tfl_handle_route_set(struct tfl_call *call, struct tfl_error *error)
{
	const struct tfl_registry_model *model;
	struct tfl_model_params params;
	struct tfl_errand *errand;
	struct tfl_route route;
	int r;

	r = tfl_model_params_parse(&tfl_route_set_params, call->message->params, &params, error);
	if (r == 0)
		r = check_params(&params, error);
	if (r < 0)
		return r;
	model = tfl_registry_find(call->server->registry, params.model.text, params.model.length);
	if (!model)
		return tfl_registry_no_model(call->server->registry, params.model.text, params.model.length, error);
	route = *tfl_registry_route_of(model);
	r = read_route(&params, &route, error);
	if (r == 0)
		r = tfl_errand_begin(call, &params, &errand, error);
	if (r < 0)
		return r;
	r = tfl_loader_route(call->server->loader, model, params.clear ? NULL : &route, call->peer->uid, on_routed, errand, error);
	if (r < 0)
		tfl_errand_end(errand);
	return r;
}
