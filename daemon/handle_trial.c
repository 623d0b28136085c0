/* SPDX-License-Identifier: MIT */
/* trial.get: how a model's trial stands, and which of its versions were rejected. */
#include "base/error.h"
#include "daemon/channel.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/loader.h"
#include "daemon/registry.h"
#include "daemon/reply.h"
#include "daemon/server.h"
#include "daemon/trial.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"

static const char *const standings[] = {
	[TFL_GUARD_NOTHING] = "nothing", [TFL_GUARD_FEW] = "few",	 [TFL_GUARD_WAITS] = "waits",
	[TFL_GUARD_WITHIN] = "within",	 [TFL_GUARD_TRIPPED] = "tripped",
};

static void write_limit(struct tfl_writer *writer, enum tfl_guard_subject subject, const struct tfl_guard_row *row)
{
	tfl_writer_map(writer, 8);
	tfl_field_text(writer, "name", tfl_guard_subject_to_string(subject));
	tfl_field_text(writer, "standing", standings[row->standing]);
	tfl_field_bool(writer, "absolute", row->absolute);
	tfl_field_bool(writer, "beside", row->beside);
	tfl_field_double(writer, "value", row->value);
	tfl_field_double(writer, "reference", row->reference);
	tfl_field_double(writer, "limit", row->limit);
	tfl_field_double(writer, "evidence", row->evidence);
}

static void write_trial(struct tfl_writer *writer, const struct tfl_trial *trial)
{
	const struct tfl_trial_plan *plan = tfl_trial_plan(trial);
	const struct tfl_trial_progress *progress = tfl_trial_progress(trial);

	tfl_field_uint(writer, "candidate", plan->candidate);
	tfl_field_uint(writer, "previous", plan->previous);
	tfl_field_uint(writer, "requests", progress->requests);
	tfl_field_uint(writer, "requests_wanted", plan->requests);
	tfl_field_uint(writer, "seconds", progress->seconds);
	tfl_field_uint(writer, "seconds_wanted", plan->seconds);
	tfl_field_uint(writer, "errors", progress->errors);
	tfl_field_uint(writer, "nan", progress->nan);
	tfl_field_bool(writer, "hot", progress->hot);
	tfl_field_map(writer, "reference", 3);
	tfl_field_uint(writer, "requests", progress->reference_requests);
	tfl_field_uint(writer, "seconds", progress->reference_seconds);
	tfl_field_uint(writer, "beside", progress->beside_requests);
	tfl_field_array(writer, "limits", TFL_GUARD_SUBJECTS);
	for (unsigned i = 0; i < TFL_GUARD_SUBJECTS; i++)
		write_limit(writer, (enum tfl_guard_subject)i, &progress->rows[i]);
}

#define TRIAL_FIELDS 11

static void write_rejected(struct tfl_writer *writer, const struct tfl_registry_model *model)
{
	unsigned count = 0;

	for (unsigned i = 0; i < model->version_count; i++)
		count += model->versions[i]->rejected[0] != '\0';
	tfl_field_array(writer, "rejected", count);
	for (unsigned i = 0; i < model->version_count; i++) {
		if (!model->versions[i]->rejected[0])
			continue;
		tfl_writer_map(writer, 2);
		tfl_field_uint(writer, "version", model->versions[i]->number);
		tfl_field_text(writer, "reason", model->versions[i]->rejected);
	}
}

int tfl_handle_trial_get(struct tfl_call *call, struct tfl_error *error)
{
	const struct tfl_registry_model *model;
	struct tfl_model_params params;
	const struct tfl_trial *trial;
	bool waiting;
	int r;

	r = tfl_model_params_parse(&tfl_trial_params, call->message->params, &params, error);
	if (r < 0)
		return r;
	model = tfl_registry_find(call->server->registry, params.model.text, params.model.length);
	if (!model)
		return tfl_registry_no_model(call->server->registry, params.model.text, params.model.length, error);
	if (model->active)
		tfl_loader_look_at_trial(call->server->loader, model->active); /* which may end it */
	trial = tfl_loader_trial(call->server->loader, model->name, &waiting);
	tfl_writer_begin(call->writer);
	tfl_message_reply(call->writer, call->message->msgid);
	tfl_writer_map(call->writer, 4 + (trial ? TRIAL_FIELDS : 0));
	tfl_field_text(call->writer, "model", model->name);
	tfl_field_uint(call->writer, "active", model->active ? model->active->number : 0);
	tfl_field_text(call->writer, "state", trial ? "running" : waiting ? "waiting" : "none");
	write_rejected(call->writer, model);
	if (trial)
		write_trial(call->writer, trial);
	tfl_reply_send(call->channel, call->writer, call->message->msgid);
	return 0;
}
