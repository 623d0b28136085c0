/* SPDX-License-Identifier: MIT */
/*
 * Notifications of changes. Whoever reads from the socket queues them, under the lock; callbacks run in dispatch, without it, so everything
 * is looked at anew after each: they may subscribe again, or destroy the client.
 *
 * A subscription begins with the daemon's answer to it: what was told before is of the one before, and a connection that is lost before is
 * not the one that it is made on.
 */
#include <stdlib.h>

#include "client/client.h"
#include "client/value.h"

static void wake(struct tfl_client *client)
{
	if (!client->dispatching)
		tfl_waits_arm(&client->waits, 0);
}

void tfl_client_begin_subscription(struct tfl_client *client)
{
	client->subscription.begun = client->subscription.callback != NULL;
}

void tfl_client_end_subscription(struct tfl_client *client)
{
	if (!client->subscription.begun)
		return;
	client->subscription.ended = true;
	wake(client);
}

static bool has_room(const struct tfl_subscription *subscription, size_t size)
{
	return subscription->count < TFL_EVENTS_MAX && size <= TFL_EVENTS_BYTES_MAX - subscription->bytes;
}

static void add_event(struct tfl_subscription *subscription, struct tfl_event *event)
{
	*(subscription->first ? &subscription->last->next : &subscription->first) = event;
	subscription->last = event;
	subscription->count++;
	subscription->bytes += event->size;
}

void tfl_client_tell_change(struct tfl_client *client, struct tfl_slice params)
{
	struct tfl_subscription *subscription = &client->subscription;
	struct tfl_event *event;

	if (!subscription->begun || subscription->ended)
		return;
	event = has_room(subscription, params.size) ? calloc(1, sizeof(*event)) : NULL;
	if (!event || tfl_value_decode(params, &event->value, NULL) < 0) {
		free(event);
		tfl_client_end_subscription(client);
		return;
	}
	event->size = params.size;
	add_event(subscription, event);
	wake(client);
}

/* The first one that waits, and the caller's. */
static struct tfl_value *take_event(struct tfl_subscription *subscription)
{
	struct tfl_event *event = subscription->first;
	struct tfl_value *value = event->value;

	subscription->first = event->next;
	subscription->count--;
	subscription->bytes -= event->size;
	free(event);
	return value;
}

static void call(struct tfl_client *client, struct tfl_value *value)
{
	tfl_change_callback callback = client->subscription.callback;
	void *userdata = client->subscription.userdata;

	if (!value)
		client->subscription = (struct tfl_subscription){0};
	pthread_mutex_unlock(&client->lock);
	callback(value, userdata);
	tfl_value_destroy(value);
	pthread_mutex_lock(&client->lock);
}

bool tfl_client_has_events(const struct tfl_client *client)
{
	return !client->closing && (client->subscription.first || client->subscription.ended);
}

int tfl_client_run_events(struct tfl_client *client)
{
	struct tfl_subscription *subscription = &client->subscription;
	unsigned most = subscription->count + subscription->ended; /* what comes meanwhile makes the caller's descriptor readable again */
	int count = 0;

	while (most-- > 0 && tfl_client_has_events(client)) {
		call(client, subscription->first ? take_event(subscription) : NULL);
		count++;
	}
	return count;
}

void tfl_client_drop_subscription(struct tfl_client *client)
{
	struct tfl_subscription *subscription = &client->subscription;

	while (subscription->first)
		tfl_value_destroy(take_event(subscription));
	*subscription = (struct tfl_subscription){0};
}
