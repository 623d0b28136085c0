/* SPDX-License-Identifier: MIT */
/*
 * A client is a path and at most one connection to it. What holds: a connection that is open is in step, that is, between two of our frames
 * and somewhere in the daemon's; every fault that could break that closes it, and the next call connects anew.
 *
 * Answers to calls that were given up (their timeout came) may still arrive: ids count up, so an id that was issued before is such an
 * answer and is dropped, and one that was never issued is a fault of the daemon. A notification "error" is the daemon's last word before it
 * closes; it becomes the reason of the failure.
 */
#include "client/client.h"

#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/outcome.h"
#include "proto/message.h"
#include "proto/writer.h"

#define TIMEOUT_DEFAULT_MS 10000
#define RECONNECT_DEFAULT_MS 2000
#define RECONNECT_PAUSE_FIRST_MS 10
#define RECONNECT_PAUSE_MAX_MS 320

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

int tfl_client_connect(const char *path, const struct tfl_client_options *options, struct tfl_client **ret_client,
		       struct tfl_call_error *error)
{
	TFL_CLEANUP(tfl_freep) struct tfl_client *client = NULL;
	struct tfl_client_options chosen = {0};
	int r;

	r = read_options(options, &chosen, error);
	if (r < 0)
		return r;
	if (!path)
		path = getenv("TFL_SOCKET");
	if (!path || !*path)
		path = TFL_DEFAULT_SOCKET;
	client = calloc(1, sizeof(*client));
	if (!client)
		return tfl_call_no_memory(error);
	tfl_client_set_timeout(client, chosen.timeout_ms);
	client->reconnect_ms = or_default(chosen.reconnect_ms, RECONNECT_DEFAULT_MS);
	tfl_connection_init(&client->connection);
	r = tfl_connection_open(&client->connection, path, tfl_deadline_after(tfl_clock_now(), client->timeout_ms), error);
	if (r < 0)
		return r;
	strcpy(client->path, path); /* fits: it was connected to */
	*ret_client = TFL_STEAL(client);
	return 0;
}

void tfl_client_destroy(struct tfl_client *client)
{
	if (!client)
		return;
	tfl_connection_close(&client->connection);
	tfl_freep(&client);
}

void tfl_client_set_timeout(struct tfl_client *client, int timeout_ms)
{
	client->timeout_ms = or_default(timeout_ms, TIMEOUT_DEFAULT_MS);
	client->timeout_set = timeout_ms != 0;
}

uint32_t tfl_client_next_msgid(struct tfl_client *client)
{
	return ++client->last_msgid;
}

static bool was_issued(const struct tfl_client *client, uint32_t msgid)
{
	return client->last_msgid - msgid < UINT32_MAX / 2;
}

static int reconnect(struct tfl_client *client, struct tfl_deadline deadline, struct tfl_call_error *error)
{
	struct tfl_deadline end = tfl_deadline_after(tfl_clock_now(), client->reconnect_ms);
	int r, pause = RECONNECT_PAUSE_FIRST_MS;
	int64_t next;

	if (client->reconnect_ms < 0)
		return tfl_call_fail(error, TFL_DISCONNECTED,
				     "the connection to the daemon at %s was lost, and this client does not reconnect", client->path);
	if (end.at > deadline.at)
		end = deadline;
	for (;;) {
		r = tfl_connection_open(&client->connection, client->path, end, error);
		next = tfl_deadline_after(tfl_clock_now(), pause).at;
		if (r != -tfl_status_errno(TFL_UNAVAILABLE) || next >= end.at)
			return r;
		tfl_wait(-1, 0, next);
		pause = pause * 2 < RECONNECT_PAUSE_MAX_MS ? pause * 2 : RECONNECT_PAUSE_MAX_MS;
	}
}

/* Hands on what the daemon said about why a call, or the whole connection, failed. */
static int report(const struct tfl_failure *failure, struct tfl_call_error *error)
{
	return tfl_call_fail(error, failure->status, "%.*s", TFL_STRING_ARGS(failure->message));
}

/*
 * What one frame means to a call: 1 it is the answer, which was taken or which is a failure (*ret_result); 0 nothing; below 0 the
 * stream is not worth reading on.
 */
static int take_frame(struct tfl_client *client, struct tfl_call *call, const struct tfl_frame *frame, int *ret_result,
		      struct tfl_call_error *error)
{
	struct tfl_slice body = {frame->data, frame->size};
	struct tfl_message message;
	struct tfl_failure farewell;
	struct tfl_error reason;

	if (tfl_message_parse(body, &message, &reason) < 0)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "what came from the daemon is no message: %s", reason.text);
	if (message.kind == TFL_MESSAGE_NOTIFICATION) {
		if (tfl_string_equal(message.method, TFL_NOTIFY_ERROR) && tfl_failure_parse(message.params, &farewell, NULL) == 0)
			return report(&farewell, error);
		return 0;
	}
	if (message.kind == TFL_MESSAGE_REQUEST)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon sent a request; only replies and notifications come from it");
	if (message.msgid != call->msgid) {
		if (was_issued(client, message.msgid))
			return 0;
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon answered request %u, which was never sent", message.msgid);
	}
	*ret_result = message.failed ? report(&message.failure, error) : call->take(call, message.result, error);
	return 1;
}

/* Reads until the call's answer. Below 0 with *ret_broken: the connection has to be closed. */
static int await(struct tfl_client *client, struct tfl_call *call, bool *ret_broken, struct tfl_call_error *error)
{
	struct tfl_frame frame;
	int r, result = 0;

	for (;;) {
		r = tfl_connection_receive(&client->connection, call->deadline, &frame, error);
		if (r < 0) {
			*ret_broken = r != -ETIMEDOUT;
			return r;
		}
		r = take_frame(client, call, &frame, &result, error);
		tfl_frame_finish(&frame);
		if (r > 0)
			return result;
		if (r < 0) {
			*ret_broken = true;
			return r;
		}
		if (tfl_clock_now() > call->deadline.at) /* a daemon that only talks of other things */
			return tfl_call_fail(error, TFL_DEADLINE_EXCEEDED, "the daemon did not answer within %d ms",
					     call->deadline.timeout_ms);
	}
}

/*
 * Sends over the connection there is, else over a new one. A daemon that went away since the last call is noticed by the first send: not a
 * byte left, so sending again over a new connection repeats nothing.
 */
static int send_call(struct tfl_client *client, struct tfl_call *call, struct tfl_call_error *error)
{
	struct tfl_connection *connection = &client->connection;
	size_t sent;
	int r = -ECONNRESET;

	if (connection->fd >= 0) {
		r = tfl_connection_send(connection, call->writer, call->passed_fd, call->deadline, &sent, error);
		if (r != -ECONNRESET || sent > 0)
			return r;
		tfl_connection_close(connection);
	}
	r = reconnect(client, call->deadline, error);
	if (r < 0)
		return r;
	return tfl_connection_send(connection, call->writer, call->passed_fd, call->deadline, &sent, error);
}

int tfl_client_exchange(struct tfl_client *client, struct tfl_call *call, struct tfl_call_error *error)
{
	struct tfl_call_error reason; /* of attempts too that were made good, which the caller is not to see */
	bool broken;
	int r;

	r = send_call(client, call, &reason);
	broken = r < 0;
	/* A daemon that closes in the middle of a request may have said why: its last words are still to be read. */
	if (r == 0 || (r == -ECONNRESET && client->connection.fd >= 0))
		r = await(client, call, &broken, &reason);
	if (broken)
		tfl_connection_close(&client->connection);
	if (r < 0 && error)
		*error = reason;
	return r;
}
