/* SPDX-License-Identifier: MIT */
/*
 * What holds: a connection that is open is in step, that is, between two frames of ours or in the first of the queue, and somewhere in the
 * daemon's; every fault that could break that closes it. Then calls of which a byte was out end with the reason, for nobody knows what the
 * daemon made of them; the others move to the next connection, once, so that a daemon that takes connections only to drop them is not
 * tried for ever.
 *
 * Answers to calls that were given up may still arrive: ids count up, so an id that was issued before is such an answer and is dropped, and
 * one that was never issued is a fault of the daemon. A notification "error" is the daemon's last word before it closes; it becomes the
 * reason of the failures.
 */
#include "client/traffic.h"

#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/client.h"
#include "client/outcome.h"
#include "proto/request.h"
#include "proto/writer.h"

#define PAUSE_FIRST_MS 10
#define PAUSE_MAX_MS 320
#define BUSY_PAUSE_MS 5     /* between two attempts while the daemon has no room for one more connection */
#define RECEIVES_MAX 16u    /* in one step */
#define LAST_RECEIVES_MAX 64u /* from a connection that the daemon has closed */

static void connect_now(struct tfl_client *client);

/* ---- Ends of calls ---- */

/* The call is over; its owner hears of it. */
static void end(struct tfl_client *client, struct tfl_call *call)
{
	if (call->state == TFL_CALL_QUEUED) {
		tfl_call_list_remove(&client->queue, call);
		client->queued_bytes -= tfl_writer_size(call->writer);
	} else {
		client->awaiting--;
	}
	tfl_calls_remove(&client->calls, call);
	call->state = TFL_CALL_ENDED;
	if (call->done) {
		call->ended_at = tfl_clock_now();
		call->number = client->ended_count++;
		tfl_call_list_add(&client->ended, call);
		if (!client->dispatching)
			tfl_waits_arm(&client->waits, 0);
	} else if (call->wake) {
		pthread_cond_signal(call->wake);
	} else if (client->leader == call) {
		tfl_waits_wake(&client->waits);
	}
}

static void fail(struct tfl_client *client, struct tfl_call *call, int result, const struct tfl_call_error *reason)
{
	if (call->error)
		*call->error = *reason;
	call->result = result;
	end(client, call);
}

/* Calls in the queue that wait for a connection no longer than @p at. */
static void fail_queue(struct tfl_client *client, int64_t at, int result, const struct tfl_call_error *reason)
{
	struct tfl_call *next;

	for (struct tfl_call *call = client->queue.first; call; call = next) {
		next = call->next;
		if (call->reach_until <= at)
			fail(client, call, result, reason);
	}
}

/* ---- Receiving ---- */

static bool was_issued(const struct tfl_client *client, uint32_t msgid)
{
	return client->last_msgid - msgid < UINT32_MAX / 2;
}

/* Gives the reply to its call. */
static int take_reply(struct tfl_client *client, const struct tfl_message *message, struct tfl_frame *frame, struct tfl_call_error *error)
{
	struct tfl_call *call = tfl_calls_find(&client->calls, message->msgid);

	if (!call && was_issued(client, message->msgid))
		return 0;
	if (!call)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon answered request %u, which was never sent", message->msgid);
	if (call->state != TFL_CALL_SENT)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon answered request %u before it had all of it", message->msgid);
	call->message = *message;
	call->frame = *frame;
	*frame = (struct tfl_frame){0};
	if (call->subscribes)
		tfl_client_begin_subscription(client);
	end(client, call);
	return 0;
}

/* What one frame means. Below 0 the stream is not worth reading on. */
static int take_frame(struct tfl_client *client, struct tfl_frame *frame, struct tfl_call_error *error)
{
	struct tfl_slice body = {frame->data, frame->size};
	struct tfl_message message;
	struct tfl_failure farewell;
	struct tfl_error reason;

	if (tfl_message_parse(body, &message, &reason) < 0)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "what came from the daemon is no message: %s", reason.text);
	if (message.kind == TFL_MESSAGE_REPLY)
		return take_reply(client, &message, frame, error);
	if (message.kind == TFL_MESSAGE_REQUEST)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon sent a request; only replies and notifications come from it");
	if (tfl_string_equal(message.method, TFL_NOTIFY_ERROR) && tfl_failure_parse(message.params, &farewell, NULL) == 0)
		return tfl_call_report(error, &farewell);
	if (tfl_string_equal(message.method, TFL_NOTIFY_CHANGED))
		tfl_client_tell_change(client, message.params);
	return 0;
}

/* One recv() and its frames; afterwards no whole frame is left. 1: there may be more to receive; 0: there is not. */
static int receive_some(struct tfl_client *client, struct tfl_call_error *error)
{
	TFL_CLEANUP(tfl_frame_finish) struct tfl_frame frame = {0};
	int r, more = tfl_connection_receive(&client->connection, error);

	if (more < 0)
		return more;
	while ((r = tfl_connection_next(&client->connection, &frame, error)) > 0) {
		r = take_frame(client, &frame, error);
		tfl_frame_finish(&frame);
		if (r < 0)
			break;
	}
	return r < 0 ? r : more;
}

/* ---- Losing the connection ---- */

struct loss {
	struct tfl_client *client;
	int result;
	const struct tfl_call_error *reason;
	bool ours; /* we gave it up */
};

static void close_connection(struct tfl_client *client)
{
	tfl_waits_unwatch(&client->waits);
	tfl_connection_close(&client->connection);
	tfl_freep(&client->own.data);
	client->own = (struct tfl_own_bytes){0};
}

static void lose_call(struct tfl_call *call, void *data)
{
	const struct loss *loss = data;

	if (call->state == TFL_CALL_QUEUED && call->sent == 0 && (loss->ours || !call->moved))
		call->moved = call->moved || !loss->ours;
	else
		fail(loss->client, call, loss->result, loss->reason);
}

static void lose(struct tfl_client *client, int result, const struct tfl_call_error *reason, bool ours)
{
	struct loss loss = {client, result, reason, ours};

	close_connection(client);
	tfl_client_end_subscription(client);
	tfl_calls_each(&client->calls, lose_call, &loss);
	if (client->queue.first)
		connect_now(client);
}

/* The daemon has closed. What it said before, replies and why, is still to be read. */
static void lose_sending(struct tfl_client *client, int result, struct tfl_call_error *reason)
{
	int r = 1;

	for (unsigned i = 0; i < LAST_RECEIVES_MAX && r > 0; i++)
		r = receive_some(client, reason);
	lose(client, r < 0 ? r : result, reason, false);
}

static void receive(struct tfl_client *client)
{
	struct tfl_call_error reason;
	int r = 1;

	for (unsigned i = 0; i < RECEIVES_MAX && r > 0; i++)
		r = receive_some(client, &reason);
	client->unread = r > 0;
	if (r < 0)
		lose(client, r, &reason, false);
}

/* ---- Sending ---- */

static int send_own(struct tfl_client *client, struct tfl_call_error *error)
{
	struct tfl_own_bytes *own = &client->own;
	struct iovec iov = {own->data + own->sent, own->size - own->sent};
	size_t sent;
	int r = tfl_connection_send(&client->connection, &iov, 1, -1, &sent, error);

	if (r < 0)
		return r;
	own->sent += sent;
	if (own->sent == own->size) {
		free(own->data);
		*own = (struct tfl_own_bytes){0};
	}
	return 1;
}

static int send_call(struct tfl_client *client, struct tfl_call *call, struct tfl_call_error *error)
{
	struct iovec *iov;
	unsigned count;
	size_t sent;
	int r;

	tfl_writer_iovec(call->writer, call->sent, &iov, &count);
	r = tfl_connection_send(&client->connection, iov, count, call->sent == 0 ? call->passed_fd : -1, &sent, error);
	if (r == -EAGAIN || r == -ECONNRESET || (r < 0 && call->sent > 0))
		return r;
	if (r < 0) { /* the fault of this one: a descriptor that cannot be passed */
		fail(client, call, r, error);
		return 1;
	}
	call->sent += sent;
	if (call->sent == tfl_writer_size(call->writer)) {
		tfl_call_list_remove(&client->queue, call);
		client->queued_bytes -= call->sent;
		call->state = TFL_CALL_SENT;
		client->awaiting++;
	}
	return 1;
}

/* 1: bytes went out; 0: there is nothing to send; -EAGAIN: the socket is full; else the connection is lost. */
static int send_some(struct tfl_client *client, struct tfl_call_error *error)
{
	struct tfl_call *first = client->queue.first;

	if (client->own.size > 0 && !(first && first->sent > 0))
		return send_own(client, error);
	return first ? send_call(client, first, error) : 0;
}

static void flush(struct tfl_client *client)
{
	struct tfl_call_error reason;
	int r = 1;

	while (client->connection.fd >= 0 && r > 0)
		r = send_some(client, &reason);
	if (r < 0 && r != -EAGAIN)
		lose_sending(client, r, &reason);
	else
		tfl_waits_set_writing(&client->waits, r == -EAGAIN);
}

/* ---- Connecting ---- */

static int open_connection(struct tfl_client *client, struct tfl_call_error *error)
{
	int r = tfl_connection_open(&client->connection, client->path, error);

	if (r < 0)
		return r;
	r = tfl_waits_watch(&client->waits, client->connection.fd);
	if (r == 0)
		return 0;
	tfl_connection_close(&client->connection);
	return tfl_call_fail(error, TFL_INTERNAL, "cannot wait for the daemon: %s", strerror(-r));
}

static void plan_attempt(struct tfl_client *client, int64_t at)
{
	client->retry.at = at;
	tfl_waits_arm(&client->waits, at);
	if (client->leader)
		tfl_waits_wake(&client->waits); /* it knows of no such time */
}

/* One attempt. Where it fails, the calls fail whose time for that is over, and for the others the next one is planned. */
static void try_connect(struct tfl_client *client)
{
	struct tfl_retry *retry = &client->retry;
	int64_t next;

	retry->at = TFL_NO_DEADLINE;
	retry->result = open_connection(client, &retry->error);
	if (retry->result == 0) {
		flush(client);
	} else if (retry->result == -tfl_status_errno(TFL_DEADLINE_EXCEEDED)) {
		plan_attempt(client, tfl_deadline_after(tfl_clock_now(), BUSY_PAUSE_MS).at);
	} else {
		next = tfl_deadline_after(tfl_clock_now(), retry->pause_ms).at;
		retry->pause_ms = retry->pause_ms * 2 < PAUSE_MAX_MS ? retry->pause_ms * 2 : PAUSE_MAX_MS;
		fail_queue(client, retry->result == -tfl_status_errno(TFL_UNAVAILABLE) ? next : TFL_NO_DEADLINE, retry->result, &retry->error);
		if (client->queue.first)
			plan_attempt(client, next);
	}
}

static void connect_now(struct tfl_client *client)
{
	int64_t until = tfl_deadline_after(tfl_clock_now(), client->reconnect_ms).at;
	struct tfl_call_error error;
	int r;

	if (client->reconnect_ms < 0) {
		r = tfl_call_fail(&error, TFL_DISCONNECTED, "the connection to the daemon at %s was lost, and this client does not reconnect",
				  client->path);
		fail_queue(client, TFL_NO_DEADLINE, r, &error);
		return;
	}
	for (struct tfl_call *call = client->queue.first; call; call = call->next)
		call->reach_until = until;
	client->retry.pause_ms = PAUSE_FIRST_MS;
	try_connect(client);
}

/* ---- Giving up ---- */

/* Room for @p size more of our own bytes behind what waits, or before it. NULL: no memory. */
static uint8_t *own_room(struct tfl_client *client, size_t size, bool before)
{
	struct tfl_own_bytes *own = &client->own;
	size_t waiting = own->size - own->sent;
	uint8_t *data = malloc(size + waiting);

	if (!data)
		return NULL;
	if (waiting > 0)
		memcpy(data + (before ? size : 0), own->data + own->sent, waiting);
	free(own->data);
	*own = (struct tfl_own_bytes){.data = data, .size = size + waiting};
	return data + (before ? 0 : waiting);
}

/* The daemon does no work for it any more; where memory is short it does that work in vain. */
static void tell_daemon(struct tfl_client *client, uint32_t msgid)
{
	TFL_CLEANUP(tfl_writer_finish) struct tfl_writer writer;
	uint8_t *room;

	if (client->connection.fd < 0)
		return;
	tfl_writer_init(&writer);
	tfl_cancel_write(&writer, msgid);
	if (tfl_writer_check(&writer, NULL) < 0)
		return;
	room = own_room(client, tfl_writer_size(&writer), false);
	if (room)
		tfl_writer_copy(&writer, 0, room);
}

/*
 * A frame that is half out has to be finished, or nothing more can be sent; and its caller's memory is to be left alone from here on. When
 * nobody else awaits anything from this connection, a new one is cheaper.
 */
static bool keep_rest(struct tfl_client *client, const struct tfl_call *call)
{
	uint8_t *room = NULL;

	if (client->awaiting > 0)
		room = own_room(client, tfl_writer_size(call->writer) - call->sent, true);
	if (room)
		tfl_writer_copy(call->writer, call->sent, room);
	return room != NULL;
}

static void abandon(struct tfl_client *client, struct tfl_call *call, int result, const struct tfl_call_error *reason)
{
	bool cut = call->state == TFL_CALL_QUEUED && call->sent > 0, kept = cut && keep_rest(client, call);
	bool tell = call->cancellable && (kept || call->state == TFL_CALL_SENT);
	struct tfl_call_error given_up;
	uint32_t msgid = call->msgid;

	fail(client, call, result, reason);
	if (cut && !kept) {
		int r = tfl_call_fail(&given_up, TFL_DISCONNECTED, "the connection was given up in the middle of a request");

		lose(client, r, &given_up, true);
	} else if (tell) {
		tell_daemon(client, msgid);
	}
}

static void expire(struct tfl_client *client, struct tfl_call *call)
{
	bool connected = client->connection.fd >= 0, sent = call->state == TFL_CALL_SENT;
	struct tfl_call_error reason;
	int r;

	if (!connected && client->retry.at != TFL_NO_DEADLINE) {
		fail(client, call, client->retry.result, &client->retry.error);
		return;
	}
	r = tfl_call_fail(&reason, TFL_DEADLINE_EXCEEDED, "the daemon %s within %d ms",
			  sent ? "did not answer" : "took no more of the request", call->deadline.timeout_ms);
	abandon(client, call, r, &reason);
}

void tfl_traffic_abandon(struct tfl_client *client, struct tfl_call *call, int result, const struct tfl_call_error *reason)
{
	abandon(client, call, result, reason);
	flush(client);
}

void tfl_traffic_expire(struct tfl_client *client, struct tfl_call *call)
{
	expire(client, call);
	flush(client);
}

/* ---- Steps ---- */

struct deadlines {
	struct tfl_client *client;
	int64_t now, next;
};

static void look_at_deadline(struct tfl_call *call, void *data)
{
	struct deadlines *deadlines = data;

	if (!call->done || call->state == TFL_CALL_ENDED)
		return;
	if (call->deadline.at <= deadlines->now)
		expire(deadlines->client, call);
	else if (call->deadline.at < deadlines->next)
		deadlines->next = call->deadline.at;
}

/* Submitted calls; a thread that waits looks after its own deadline. */
static void expire_submitted(struct tfl_client *client, int64_t now)
{
	struct deadlines deadlines = {client, now, TFL_NO_DEADLINE};

	/* Giving up a frame that is half sent may end others with it, which is not for the middle of a walk. */
	if (client->queue.first && client->queue.first->sent > 0)
		look_at_deadline(client->queue.first, &deadlines);
	tfl_calls_each(&client->calls, look_at_deadline, &deadlines);
	client->next_deadline = deadlines.next;
}

void tfl_traffic_step(struct tfl_client *client, int64_t now)
{
	if (client->retry.at <= now) {
		client->retry.at = TFL_NO_DEADLINE;
		if (client->queue.first)
			try_connect(client);
	}
	if (client->connection.fd >= 0)
		receive(client);
	if (client->next_deadline <= now)
		expire_submitted(client, now);
	if (client->queue.first || client->own.size > 0)
		flush(client);
}

int64_t tfl_traffic_due(const struct tfl_client *client)
{
	int64_t due = client->ended.first || tfl_client_has_events(client) ? 0 : client->next_deadline;

	return due < client->retry.at ? due : client->retry.at;
}

void tfl_traffic_enter(struct tfl_client *client, struct tfl_call *call)
{
	call->client = client;
	call->state = TFL_CALL_QUEUED;
	call->sent = 0;
	call->moved = false;
	call->result = 0;
	tfl_calls_add(&client->calls, call);
	tfl_call_list_add(&client->queue, call);
	client->queued_bytes += tfl_writer_size(call->writer);
	if (client->connection.fd >= 0)
		flush(client);
	else if (client->retry.at == TFL_NO_DEADLINE)
		connect_now(client);
	else
		call->reach_until = tfl_deadline_after(tfl_clock_now(), client->reconnect_ms).at;
}

static void close_call(struct tfl_call *call, void *data)
{
	const struct loss *loss = data;

	fail(loss->client, call, loss->result, loss->reason);
}

void tfl_traffic_close(struct tfl_client *client, int result, const struct tfl_call_error *reason)
{
	struct loss loss = {client, result, reason, true};

	close_connection(client);
	tfl_calls_each(&client->calls, close_call, &loss);
}
