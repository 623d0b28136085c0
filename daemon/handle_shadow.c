/* SPDX-License-Identifier: MIT */
/* shadow.set: which version of a model gets copies of its requests. Answered at once: it lives as long as the process. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/recorder.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/shadow_status.h"
#include "daemon/shadows.h"
#include "proto/message.h"
#include "proto/request.h"

int tfl_handle_shadow_set(struct tfl_call *call, struct tfl_error *error)
{
	const struct tfl_registry *registry = call->server->registry;
	_tfl_free_ struct tfl_recorder_summary *summary = malloc(sizeof(*summary));
	struct tfl_writer *writer = call->writer;
	const struct tfl_registry_model *model;
	struct tfl_model_params params;
	int r;

	if (!summary)
		return tfl_error_set(error, -ENOMEM, "no memory for a shadow");
	r = tfl_model_params_parse(&tfl_shadow_set_params, call->message->params, &params, error);
	if (r < 0)
		return r;
	model = tfl_registry_find(registry, params.model.text, params.model.length);
	if (!model)
		return tfl_registry_no_model(registry, params.model.text, params.model.length, error);
	if (params.version && !tfl_registry_find_version(model, params.version))
		return tfl_registry_no_version(model, params.version, error);
	r = tfl_shadows_set(call->server->shadows, model->name, params.version, error);
	if (r < 0)
		return r;
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 2);
	tfl_field_text(writer, "model", model->name);
	tfl_shadow_write(writer, call->server, model->name, 0, false, summary);
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}
