/* SPDX-License-Identifier: MIT */
#include "daemon/subscribers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "daemon/access.h"
#include "daemon/changes.h"
#include "daemon/channel.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "proto/message.h"
#include "proto/request.h"
#include "proto/writer.h"

struct subscriber {
	struct tfl_channel *channel;        /* a reference */
	const struct tfl_peer *peer;        /* its connection's, like the next */
	unsigned rights;
	char model[TFL_MODEL_NAME_MAX + 1]; /* "": all */
};

struct tfl_subscribers {
	struct subscriber items[TFL_SUBSCRIBERS_MAX];
	unsigned count;
	struct tfl_writer writer; /* its own: a change may come while an answer is being written */
};

int tfl_subscribers_create(struct tfl_subscribers **ret_subscribers)
{
	struct tfl_subscribers *subscribers = calloc(1, sizeof(*subscribers));

	if (!subscribers)
		return -ENOMEM;
	tfl_writer_init(&subscribers->writer);
	*ret_subscribers = subscribers;
	return 0;
}

void tfl_subscribers_destroy(struct tfl_subscribers *subscribers)
{
	if (!subscribers)
		return;
	while (subscribers->count > 0)
		tfl_channel_unref(subscribers->items[--subscribers->count].channel);
	tfl_writer_finish(&subscribers->writer);
	free(subscribers);
}

static struct subscriber *find(struct tfl_subscribers *subscribers, const struct tfl_channel *channel)
{
	for (unsigned i = 0; i < subscribers->count; i++)
		if (subscribers->items[i].channel == channel)
			return &subscribers->items[i];
	return NULL;
}

int tfl_subscribers_add(struct tfl_subscribers *subscribers, const struct tfl_call *call, struct tfl_string model, struct tfl_error *error)
{
	struct subscriber *subscriber = find(subscribers, call->channel);

	if (!subscriber && subscribers->count == TFL_SUBSCRIBERS_MAX)
		return tfl_error_set(error, -ENOSPC, "%d connections have subscribed already, the most there may be", TFL_SUBSCRIBERS_MAX);
	if (!subscriber) {
		subscriber = &subscribers->items[subscribers->count++];
		subscriber->channel = tfl_channel_ref(call->channel);
		subscriber->peer = call->peer;
		subscriber->rights = call->rights;
	}
	memcpy(subscriber->model, model.text ? model.text : "", model.length); /* a name that is valid, so it fits */
	subscriber->model[model.length] = '\0';
	return 0;
}

void tfl_subscribers_drop(struct tfl_subscribers *subscribers, const struct tfl_channel *channel)
{
	struct subscriber *subscriber = subscribers ? find(subscribers, channel) : NULL;

	if (!subscriber)
		return;
	tfl_channel_unref(subscriber->channel);
	*subscriber = subscribers->items[--subscribers->count];
}

void tfl_change_write(struct tfl_writer *writer, const struct tfl_change *change, const struct tfl_moment *now)
{
	char text[TFL_CHANGE_TEXT_MAX];

	tfl_writer_map(writer, 6 + (change->model[0] != '\0') + (change->version > 0) + change->asked);
	tfl_field_uint(writer, "number", change->number);
	tfl_field_text(writer, "kind", tfl_change_to_string(change->kind));
	tfl_field_uint(writer, "time", change->at.wall > 0 ? (uint64_t)change->at.wall : 0);
	tfl_field_uint(writer, "age_s", (uint64_t)tfl_moment_elapsed(&change->at, now));
	if (change->model[0])
		tfl_field_text(writer, "model", change->model);
	if (change->version)
		tfl_field_uint(writer, "version", change->version);
	if (change->asked)
		tfl_field_uint(writer, "uid", change->uid);
	tfl_field_text(writer, "reason", change->reason ? change->reason : "");
	tfl_field_text(writer, "text", tfl_change_sentence(change, text));
}

void tfl_subscribers_tell(struct tfl_subscribers *subscribers, const struct tfl_registry *registry, const struct tfl_change *change)
{
	for (unsigned i = 0; subscribers && i < subscribers->count; i++) {
		const struct subscriber *subscriber = &subscribers->items[i];

		if (subscriber->model[0] && strcmp(subscriber->model, change->model) != 0)
			continue;
		if (!tfl_access_admits_peer(registry, subscriber->peer, subscriber->rights, change->model))
			continue;
		tfl_writer_begin(&subscribers->writer);
		tfl_message_notification(&subscribers->writer, TFL_NOTIFY_CHANGED);
		tfl_change_write(&subscribers->writer, change, &change->at);
		/* What cannot be sent ends the connection, of which the loop hears through the outbox. */
		(void)tfl_channel_send_writer(subscriber->channel, &subscribers->writer);
	}
}
