/* SPDX-License-Identifier: MIT */
/*
 * Notifications of changes. Whoever reads from the socket queues them, under the lock; callbacks run in dispatch, without it, so everything is looked at
 * anew after each.
 */
#include <stdlib.h>

#include "client/client.h"
#include "client/value.h"

static void wake(struct tfl_client *client)
{
	if (!client->dispatching)
		tfl_waits_arm(&client->waits, 0);
}

void tfl_client_end_subscription(struct tfl_client *client)
{
	if (!client->subscription.callback)
		return;
	client->subscription.ended = true;
	wake(client);
}

static bool add_event(struct tfl_subscription *subscription, struct tfl_value *value)
{
	struct tfl_event *event = subscription->count < TFL_EVENTS_MAX ? calloc(1, sizeof(*event)) : NULL;

	if (!event)
		return false;
	event->value = value;
	*(subscription->first ? &subscription->last->next : &subscription->first) = event;
	subscription->last = event;
	subscription->count++;
	return true;
}

void tfl_client_tell_change(struct tfl_client *client, struct tfl_slice params)
{
	struct tfl_subscription *subscription = &client->subscription;
	struct tfl_value *value = NULL;
	struct tfl_call_error error;

	if (!subscription->callback || subscription->ended)
		return;
	if (tfl_value_decode(params, &value, &error) == 0 && add_event(subscription, value)) {
		wake(client);
		return;
	}
	tfl_value_destroy(value);
	tfl_client_end_subscription(client);
}

/* The first one that waits, and the caller's. */
static struct tfl_value *take_event(struct tfl_subscription *subscription)
{
	struct tfl_event *event = subscription->first;
	struct tfl_value *value = event->value;

	subscription->first = event->next;
	subscription->count--;
	free(event);
	return value;
}

static void call(struct tfl_client *client, struct tfl_value *value)
{
	tfl_change_callback callback = client->subscription.callback;
	void *userdata = client->subscription.userdata;

	if (!value) {
		client->subscription.callback = NULL;
		client->subscription.ended = false;
	}
	pthread_mutex_unlock(&client->lock);
	callback(value, userdata);
	tfl_value_destroy(value);
	pthread_mutex_lock(&client->lock);
}

int tfl_client_run_events(struct tfl_client *client)
{
	struct tfl_subscription *subscription = &client->subscription;
	unsigned most = subscription->count; /* what comes meanwhile makes the caller's descriptor readable again */
	int count = 0;

	while (most-- > 0 && subscription->first && subscription->callback) {
		call(client, take_event(subscription));
		count++;
	}
	if (!subscription->first && subscription->ended && subscription->callback) {
		call(client, NULL);
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
