/* SPDX-License-Identifier: MIT */
/*
 * An intrusive first-in-first-out list: adding allocates nothing, so it cannot fail in a worker that has just found a socket full. A
 * channel stands in it once at most; what it wants is found in its own state when it is taken.
 */
#include "daemon/outbox.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/util.h"
#include "daemon/channel.h"

struct tfl_outbox {
	pthread_mutex_t lock;
	struct tfl_channel *first, *last;
	void (*wake)(void *data);
	void *data;
};

int tfl_outbox_create(void (*wake)(void *data), void *data, struct tfl_outbox **ret_outbox)
{
	struct tfl_outbox *outbox = calloc(1, sizeof(*outbox));

	if (!outbox)
		return -ENOMEM;
	pthread_mutex_init(&outbox->lock, NULL);
	outbox->wake = wake;
	outbox->data = data;
	*ret_outbox = outbox;
	return 0;
}

void tfl_outbox_destroy(struct tfl_outbox *outbox)
{
	struct tfl_channel *channel;

	if (!outbox)
		return;
	while ((channel = tfl_outbox_take(outbox)))
		tfl_channel_unref(channel);
	pthread_mutex_destroy(&outbox->lock);
	free(outbox);
}

void tfl_outbox_add(struct tfl_outbox *outbox, struct tfl_channel *channel)
{
	bool wake = false;

	pthread_mutex_lock(&outbox->lock);
	if (!channel->outbox_listed) {
		channel->outbox_listed = true;
		channel->outbox_next = NULL;
		tfl_channel_ref(channel);
		wake = !outbox->first;
		if (outbox->last)
			outbox->last->outbox_next = channel;
		else
			outbox->first = channel;
		outbox->last = channel;
	}
	pthread_mutex_unlock(&outbox->lock);
	if (wake)
		outbox->wake(outbox->data);
}

struct tfl_channel *tfl_outbox_take(struct tfl_outbox *outbox)
{
	struct tfl_channel *channel;

	pthread_mutex_lock(&outbox->lock);
	channel = outbox->first;
	if (channel) {
		outbox->first = channel->outbox_next;
		if (!outbox->first)
			outbox->last = NULL;
		channel->outbox_listed = false;
	}
	pthread_mutex_unlock(&outbox->lock);
	return channel;
}
