/* SPDX-License-Identifier: MIT */
/* What changed: the methods changes and subscribe. doc/protocol.md names the keys. */
#include <errno.h>

#include "base/error.h"
#include "daemon/access.h"
#include "daemon/changes.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/server.h"
#include "daemon/subscribers.h"
#include "proto/message.h"
#include "proto/request.h"

/* Which changes are asked for. */
struct choice {
	struct tfl_string model; /* text NULL: of all */
	uint64_t version;        /* 0: of all */
	int64_t age_s;           /* not older than this */
	struct tfl_moment now;
};

/* And may be told to the caller. */
static bool is_asked_for(const struct tfl_call *call, const struct choice *choice, const struct tfl_change *change)
{
	return tfl_access_admits_name(call, change->model) && (!choice->model.text || tfl_string_equal(choice->model, change->model)) &&
	       (!choice->version || choice->version == change->version) && tfl_moment_elapsed(&change->at, &choice->now) <= choice->age_s;
}

int tfl_handle_changes(struct tfl_call *call, struct tfl_error *error)
{
	const struct tfl_changes *changes = call->server->changes;
	struct tfl_writer *writer = call->writer;
	struct tfl_model_params params;
	struct choice choice;
	unsigned count = 0;
	int r;

	r = tfl_model_params_parse(&tfl_changes_params, call->message->params, &params, error);
	if (r < 0)
		return r;
	if ((params.version || params.label.text) && !params.model.text)
		return tfl_error_set(error, -EINVAL, "params: '%s' is there without 'model': of which one?", params.version ? "version" :
				     "label");
	r = tfl_handle_resolve(call, &params, error);
	if (r < 0)
		return r;
	choice = (struct choice){.model = params.model, .version = params.version, .age_s = INT64_MAX};
	tfl_moment_now(&choice.now);
	if (params.since)
		choice.age_s = choice.now.wall - (int64_t)params.since;
	for (unsigned i = 0; i < tfl_changes_count(changes); i++)
		count += is_asked_for(call, &choice, tfl_changes_at(changes, i));
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 1);
	tfl_field_array(writer, "changes", count);
	for (unsigned i = 0; i < tfl_changes_count(changes); i++) {
		if (is_asked_for(call, &choice, tfl_changes_at(changes, i)))
			tfl_change_write(writer, tfl_changes_at(changes, i), &choice.now);
	}
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}

int tfl_handle_subscribe(struct tfl_call *call, struct tfl_error *error)
{
	const struct tfl_changes *changes = call->server->changes;
	struct tfl_writer *writer = call->writer;
	struct tfl_model_params params;
	unsigned count = tfl_changes_count(changes);
	int r;

	r = tfl_model_params_parse(&tfl_subscribe_params, call->message->params, &params, error);
	if (r == 0)
		r = tfl_subscribers_add(call->server->subscribers, call, params.model, error);
	if (r < 0)
		return r;
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 1);
	tfl_field_uint(writer, "last", count ? tfl_changes_at(changes, count - 1)->number : 0);
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}
