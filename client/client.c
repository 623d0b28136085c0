/* SPDX-License-Identifier: MIT */
/*
 * Making and freeing a client, and what belongs to it as a whole.
 */
#include "client/client.h"

#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "client/outcome.h"

#define TIMEOUT_DEFAULT_MS 10000
#define RECONNECT_DEFAULT_MS 2000
#define BUSY_PAUSE_MS 5 /* between two attempts while the daemon has no room for one more connection */

TFL_DEFINE_CLEANUP(struct tfl_client *, tfl_client_freep, tfl_client_free)

/* Takes over what the caller's struct has of ours; what it has beyond must be zero, or it asks for something we cannot do. */
static int read_options(const struct tfl_client_options *given, struct tfl_client_options *ret_options, struct tfl_call_error *error)
{
	struct tfl_client_options options = {.size = sizeof(options)};
	const unsigned char *bytes = (const unsigned char *)given;

	if (given && (given->size < sizeof(given->size) || given->size > 4096))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT,
				     "tfl_client_options.size is %zu: set it to sizeof(struct tfl_client_options)", given->size);
	if (given)
		memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
	for (size_t i = sizeof(options); given && i < given->size; i++) {
		if (bytes[i])
			return tfl_call_fail(error, TFL_INVALID_ARGUMENT,
					     "tfl_client_options holds an option that this library is too old for");
	}
	*ret_options = options;
	return 0;
}

static int or_default(int milliseconds, int fallback)
{
	return milliseconds == 0 ? fallback : milliseconds;
}

static int connect_first(struct tfl_client *client, const char *path, struct tfl_call_error *error)
{
	struct tfl_deadline deadline = tfl_deadline_after(tfl_clock_now(), client->timeout_ms);
	int64_t pause;
	int r;

	for (;;) {
		r = tfl_connection_open(&client->connection, path, error);
		pause = tfl_deadline_after(tfl_clock_now(), BUSY_PAUSE_MS).at;
		if (r != -tfl_status_errno(TFL_DEADLINE_EXCEEDED) || pause > deadline.at)
			break;
		tfl_clock_sleep(pause);
	}
	if (r < 0)
		return r;
	strcpy(client->path, path); /* fits: it was connected to */
	r = tfl_waits_watch(&client->waits, client->connection.fd);
	return r < 0 ? tfl_call_fail(error, TFL_INTERNAL, "cannot wait for the daemon: %s", strerror(-r)) : 0;
}

/* A client without a connection. */
static int create(const struct tfl_client_options *options, struct tfl_client **ret_client, struct tfl_call_error *error)
{
	struct tfl_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return tfl_call_no_memory(error);
	pthread_mutex_init(&client->lock, NULL);
	tfl_connection_init(&client->connection);
	tfl_calls_init(&client->calls);
	client->retry.at = client->next_deadline = TFL_NO_DEADLINE;
	client->reconnect_ms = or_default(options->reconnect_ms, RECONNECT_DEFAULT_MS);
	client->queue_max = options->queue_bytes ? options->queue_bytes : TFL_CLIENT_QUEUE_DEFAULT;
	tfl_client_set_timeout(client, options->timeout_ms);
	r = tfl_waits_init(&client->waits);
	if (r < 0) {
		tfl_client_free(client);
		return tfl_call_fail(error, TFL_INTERNAL, "cannot make what a client waits with: %s", strerror(-r));
	}
	*ret_client = client;
	return 0;
}

int tfl_client_connect(const char *path, const struct tfl_client_options *options, struct tfl_client **ret_client,
		       struct tfl_call_error *error)
{
	TFL_CLEANUP(tfl_client_freep) struct tfl_client *client = NULL;
	struct tfl_client_options chosen = {0};
	int r;

	r = read_options(options, &chosen, error);
	if (r < 0)
		return r;
	if (!path)
		path = getenv("TFL_SOCKET");
	if (!path || !*path)
		path = TFL_DEFAULT_SOCKET;
	r = create(&chosen, &client, error);
	if (r == 0)
		r = connect_first(client, path, error);
	if (r < 0)
		return r;
	*ret_client = TFL_STEAL(client);
	return 0;
}

void tfl_client_free(struct tfl_client *client)
{
	if (!client)
		return;
	tfl_client_drop_subscription(client);
	tfl_waits_unwatch(&client->waits);
	tfl_connection_close(&client->connection);
	tfl_waits_finish(&client->waits);
	tfl_calls_finish(&client->calls);
	tfl_freep(&client->own.data);
	pthread_mutex_destroy(&client->lock);
	tfl_freep(&client);
}

void tfl_client_set_timeout(struct tfl_client *client, int timeout_ms)
{
	pthread_mutex_lock(&client->lock);
	client->timeout_ms = or_default(timeout_ms, TIMEOUT_DEFAULT_MS);
	client->timeout_set = timeout_ms != 0;
	pthread_mutex_unlock(&client->lock);
}

int tfl_client_begin(struct tfl_client *client, struct tfl_call *call, int timeout_ms, bool *ret_told)
{
	int r = 0;

	pthread_mutex_lock(&client->lock);
	if (call->state != TFL_CALL_IDLE)
		r = -EINVAL;
	else if (client->closing)
		r = -ECANCELED;
	if (r == 0) {
		do {
			call->msgid = ++client->last_msgid;
		} while (tfl_calls_find(&client->calls, call->msgid));
		call->begun_at = tfl_clock_now();
		call->deadline = tfl_deadline_after(call->begun_at, timeout_ms ? timeout_ms : client->timeout_ms);
		*ret_told = timeout_ms || client->timeout_set;
	}
	pthread_mutex_unlock(&client->lock);
	return r;
}
