/* SPDX-License-Identifier: MIT */
/*
 * Calls whose end a callback hears of. Callbacks run in dispatch alone (and when the client is destroyed), without the lock, each after its
 * call was taken off the client: so they may submit it again, destroy it, or destroy the client.
 *
 * A dispatch runs the callbacks of what had ended when it began to; what ends meanwhile makes the caller's descriptor readable again. So a
 * callback that submits and cancels does not keep a dispatch for ever.
 */
#include <errno.h>

#include "client/client.h"
#include "client/outcome.h"
#include "client/traffic.h"
#include "proto/writer.h"

/* Takes an ended call off the client. */
static void release(struct tfl_client *client, struct tfl_call *call)
{
	tfl_call_list_remove(&client->ended, call);
	client->submitted--;
	call->state = TFL_CALL_IDLE;
	call->client = NULL;
}

/* Runs the callbacks of the calls that ended before number @p end; how many. Called with the lock, which it gives back meanwhile. */
static int run_ended(struct tfl_client *client, uint64_t end)
{
	struct tfl_call *call;
	int count = 0;

	while ((call = client->ended.first) && call->number < end) {
		release(client, call);
		pthread_mutex_unlock(&client->lock);
		call->done(call, tfl_call_finish(call));
		pthread_mutex_lock(&client->lock);
		count++;
	}
	return count;
}

int tfl_client_start(struct tfl_client *client, struct tfl_call *call)
{
	size_t size = tfl_writer_size(call->writer);
	int r = 0;

	pthread_mutex_lock(&client->lock);
	if (client->closing) {
		r = tfl_call_fail(call->error, TFL_CANCELLED, "the client is being destroyed");
	} else if (client->queued_bytes > 0 && client->queued_bytes + size > client->queue_max) {
		r = tfl_call_fail(call->error, TFL_RESOURCE_EXHAUSTED,
				  "%zu bytes of requests wait to be sent, and %zu more would pass the limit of %zu; submit again after a callback",
				  client->queued_bytes, size, client->queue_max);
	} else {
		client->submitted++;
		if (call->deadline.at < client->next_deadline) {
			client->next_deadline = call->deadline.at;
			tfl_waits_arm(&client->waits, call->deadline.at);
		}
		tfl_traffic_enter(client, call);
	}
	pthread_mutex_unlock(&client->lock);
	return r;
}

static bool under_way(const struct tfl_call *call)
{
	return call->state == TFL_CALL_QUEUED || call->state == TFL_CALL_SENT;
}

static void cancel(struct tfl_client *client, struct tfl_call *call)
{
	struct tfl_call_error error;
	int r = tfl_call_fail(&error, TFL_CANCELLED, "the request was cancelled here");

	tfl_traffic_abandon(client, call, r, &error);
}

int tfl_client_give_up(struct tfl_client *client, struct tfl_call *call)
{
	bool found;

	pthread_mutex_lock(&client->lock);
	found = under_way(call) && call->client == client;
	if (found)
		cancel(client, call);
	pthread_mutex_unlock(&client->lock);
	return found ? 0 : -ENOENT;
}

void tfl_client_forget(struct tfl_call *call)
{
	struct tfl_client *client = call->client;

	if (!client)
		return;
	pthread_mutex_lock(&client->lock);
	if (under_way(call))
		cancel(client, call);
	release(client, call);
	tfl_frame_finish(&call->frame);
	pthread_mutex_unlock(&client->lock);
}

int tfl_client_fd(struct tfl_client *client)
{
	int r;

	pthread_mutex_lock(&client->lock);
	r = tfl_waits_caller(&client->waits);
	pthread_mutex_unlock(&client->lock);
	return r >= 0 || r == -ENOMEM ? r : -EIO;
}

unsigned tfl_client_pending(struct tfl_client *client)
{
	unsigned pending;

	pthread_mutex_lock(&client->lock);
	pending = client->submitted;
	pthread_mutex_unlock(&client->lock);
	return pending;
}

int tfl_client_dispatch(struct tfl_client *client)
{
	int64_t now = tfl_clock_now();
	bool over;
	int count;

	pthread_mutex_lock(&client->lock);
	client->dispatching++;
	tfl_traffic_step(client, now);
	count = run_ended(client, client->ended_count);
	count += tfl_client_run_events(client);
	client->dispatching--;
	over = client->closing && client->dispatching == 0;
	if (!client->closing)
		tfl_waits_rearm(&client->waits, tfl_traffic_due(client), now);
	pthread_mutex_unlock(&client->lock);
	if (over) /* a callback destroyed it */
		tfl_client_free(client);
	return count;
}

void tfl_client_destroy(struct tfl_client *client)
{
	struct tfl_call_error error;
	int saved = errno, r;
	bool inside;

	if (!client)
		return;
	pthread_mutex_lock(&client->lock);
	client->closing = true;
	client->dispatching++;
	r = tfl_call_fail(&error, TFL_CANCELLED, "the client was destroyed");
	tfl_traffic_close(client, r, &error);
	run_ended(client, UINT64_MAX);
	inside = --client->dispatching > 0;
	pthread_mutex_unlock(&client->lock);
	if (!inside) /* else the dispatch frees it whose callback this is */
		tfl_client_free(client);
	errno = saved;
}
