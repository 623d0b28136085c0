/* SPDX-License-Identifier: MIT */
/*
 * A connection takes turns: each time its socket is readable it may receive a few times and handle a few frames. What is left over stays
 * in its assembler for the next turn, after everybody else had theirs.
 *
 *	READING   polled for input; nothing received waits to be handled
 *	LEFTOVER  frames wait for the next turn, which the idle handle gives; not polled for input
 *	STALLED   its user's quota is used up: not polled for input, tried again every few milliseconds, given up after some seconds
 *	ENDING    nothing more is read (end of stream, or a broken protocol): closes when the last reply is out, or has not been read
 *	          for some seconds; a sweep looks whether the peer is still there, since a half-closed socket cannot be polled for that
 *	          (its end of stream is an event that does not go away)
 *	CLOSED    the handle is being closed; nothing is done any more
 *
 * Output does not depend on the state: while the channel's queue holds bytes, the socket is polled for output too.
 */
#include "daemon/connection.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/account.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/descriptors.h"
#include "daemon/dispatch.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/peer.h"
#include "daemon/reply.h"
#include "daemon/server.h"
#include "daemon/subscribers.h"
#include "proto/frame.h"
#include "proto/message.h"

#define FRAMES_PER_TURN 32
#define RECEIVES_PER_TURN 4
#define RETRY_MS 5
#define STALL_MAX_S 5u
#define UNREAD_MAX_S 10u
#define SWEEP_MS 250

enum state { READING, LEFTOVER, STALLED, ENDING, CLOSED };

struct tfl_connection {
	struct tfl_connection *next, **link;
	struct tfl_connections *all;
	uv_poll_t poll;
	int polled; /* events that are polled for */
	enum state state;
	struct tfl_channel *channel;
	struct tfl_account *account; /* the channel's */
	struct tfl_peer peer;
	unsigned rights;
	struct tfl_assembler assembler;
	struct tfl_descriptors descriptors;
	uint64_t received_ns; /* when the bytes that are handled now arrived */
	uint64_t stalled_ns;  /* since when no frame was taken for want of room; 0: one was */
	bool half_closed;     /* found out while stalled */
	uint64_t unread_ns;   /* ENDING: since when replies wait and none of them could be written; 0: one was, or the sweep has not looked */
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_again(uv_idle_t *idle);
static void on_retry(uv_timer_t *timer);
static void on_sweep(uv_timer_t *timer);

static int charge_bytes(void *data, size_t bytes)
{
	return tfl_account_charge(data, TFL_QUOTA_BYTES, bytes, NULL);
}

static void release_bytes(void *data, size_t bytes)
{
	tfl_account_release(data, TFL_QUOTA_BYTES, bytes);
}

static void on_closed(uv_handle_t *handle)
{
	struct tfl_connection *connection = handle->data;

	tfl_assembler_finish(&connection->assembler);
	tfl_account_release(connection->account, TFL_QUOTA_CONNECTIONS, 1);
	tfl_channel_unref(connection->channel);
	free(connection);
}

/* Idempotent. What hangs on the channel's account is freed when the handle is closed, so callers up the stack may still look. */
static void close_connection(struct tfl_connection *connection)
{
	if (connection->state == CLOSED)
		return;
	connection->state = CLOSED;
	connection->channel->owner = NULL;
	*connection->link = connection->next;
	if (connection->next)
		connection->next->link = connection->link;
	connection->all->count--;
	tfl_descriptors_finish(&connection->descriptors);
	tfl_peer_finish(&connection->peer);
	uv_close((uv_handle_t *)&connection->poll, on_closed);
	tfl_subscribers_drop(connection->all->server->subscribers, connection->channel);
	tfl_sessions_hang_up(connection->channel);
	if (tfl_channel_close(connection->channel))
		tfl_server_watch_queue(connection->all->server);
}

/* Polls for what the state and the output queue ask for. */
static void update_poll(struct tfl_connection *connection, bool writing)
{
	int events = writing ? UV_WRITABLE : 0;

	if (connection->state == READING)
		events |= UV_READABLE;
	else if (connection->state == STALLED && !connection->half_closed)
		events |= UV_DISCONNECT;
	if (events == connection->polled)
		return;
	connection->polled = events;
	if (events)
		uv_poll_start(&connection->poll, events, on_poll);
	else
		uv_poll_stop(&connection->poll);
}

/* Writes what waits; closes the connection where it is lost, or where it is ending and nothing is left to do. */
static void attend(struct tfl_connection *connection)
{
	struct tfl_channel_state state;

	if (connection->state == CLOSED)
		return;
	tfl_channel_flush(connection->channel, &state);
	if (state.sent > 0 || state.queued == 0)
		connection->unread_ns = 0;
	if (state.fault == -EDQUOT)
		tfl_log_warning("uid %u, pid %d leaves too many replies unread; its connection is closed", (unsigned)connection->peer.uid,
				(int)connection->peer.pid);
	if (state.fault || (connection->state == ENDING && state.pending == 0 && state.queued == 0))
		close_connection(connection);
	else
		update_poll(connection, state.queued > 0);
}

void tfl_connection_attend(struct tfl_channel *channel)
{
	if (channel->owner)
		attend(channel->owner);
}

/* Nothing more is read. What is in flight is still answered. */
static void end_reading(struct tfl_connection *connection)
{
	if (connection->state == CLOSED)
		return;
	connection->state = ENDING;
	tfl_descriptors_finish(&connection->descriptors);
	tfl_assembler_finish(&connection->assembler);
	tfl_channel_drain(connection->channel);
	if (!uv_is_active((uv_handle_t *)&connection->all->sweep))
		uv_timer_start(&connection->all->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	attend(connection);
}

/* The peer does not keep to the protocol: it is told, and nothing more is read. */
static void break_off(struct tfl_connection *connection, const struct tfl_error *error)
{
	tfl_log_debug("uid %u, pid %d broke the protocol: %s", (unsigned)connection->peer.uid, (int)connection->peer.pid, error->text);
	tfl_reply_fault(connection->channel, &connection->all->server->executor.writer, error);
	end_reading(connection);
}

/* The daemon's side of one frame. 0, or -EBADMSG when it is nothing that a client may send. */
static int handle_frame(struct tfl_connection *connection, struct tfl_frame *frame, struct tfl_error *error)
{
	struct tfl_server *server = connection->all->server;
	struct tfl_message message;
	struct tfl_call call = {
		.server = server,
		.channel = connection->channel,
		.peer = &connection->peer,
		.rights = connection->rights,
		.frame = frame,
		.message = &message,
		.writer = &server->executor.writer,
		.arrived_ns = connection->received_ns,
		.alone = tfl_assembler_pending(&connection->assembler) == 0,
	};
	int r;

	r = tfl_message_parse((struct tfl_slice){frame->data, frame->size}, &message, error);
	if (r < 0)
		return r;
	if (message.kind == TFL_MESSAGE_REPLY)
		return tfl_error_set(error, -EBADMSG, "a reply to request %u, which was never sent; clients send requests", message.msgid);
	if (message.kind == TFL_MESSAGE_REQUEST) {
		connection->all->requests++;
		tfl_dispatch(&call, &connection->descriptors);
	} else {
		tfl_dispatch_notification(&call);
	}
	return 0;
}

/* What was received, up to this turn's share. 0: all of it. 1: frames are left. Else as the assembler, or handle_frame(). */
static int handle_received(struct tfl_connection *connection, unsigned *share, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_frame_finish) struct tfl_frame frame = {0};
	int r;

	for (;;) {
		if (*share == 0)
			return 1;
		r = tfl_assembler_next(&connection->assembler, &frame, error);
		if (r <= 0)
			break;
		--*share;
		connection->stalled_ns = 0;
		r = handle_frame(connection, &frame, error);
		tfl_frame_finish(&frame);
		if (r < 0)
			return r;
	}
	if (r == 0 && connection->descriptors.count > 0 && tfl_assembler_pending(&connection->assembler) == 0)
		return tfl_error_set(error, -EBADMSG, "%u passed descriptor(s) came with no request that takes one",
				     connection->descriptors.count);
	return r;
}

/* One receive. 0: bytes came. -EAGAIN: none are there. -ENODATA: the stream is at its end. Else as the assembler, or recvmsg. */
static int receive(struct tfl_connection *connection, bool *ret_more, struct tfl_error *error)
{
	uint8_t *space;
	size_t size, received;
	int r;

	r = tfl_assembler_space(&connection->assembler, &space, &size, error);
	if (r < 0)
		return r;
	r = tfl_descriptors_receive(&connection->descriptors, connection->channel->fd, space, size, &received, error);
	if (r < 0)
		return r;
	if (received == 0)
		return -ENODATA;
	connection->received_ns = tfl_clock_ns();
	tfl_assembler_fill(&connection->assembler, received);
	*ret_more = received == size;
	return 0;
}

static bool peer_gone(const struct tfl_connection *connection)
{
	struct pollfd poller = {.fd = connection->channel->fd};

	return poll(&poller, 1, 0) > 0 && poller.revents & (POLLHUP | POLLERR);
}

/* The stream has ended: a peer that only closed its sending side still gets its replies. */
static void end_of_stream(struct tfl_connection *connection)
{
	size_t pending = tfl_assembler_pending(&connection->assembler);
	struct tfl_error error;

	if (peer_gone(connection)) {
		close_connection(connection);
	} else if (pending > 0) {
		tfl_error_set(&error, -EBADMSG, "the stream ended in the middle of a frame: %zu bytes of it came", pending);
		break_off(connection, &error);
	} else {
		end_reading(connection);
	}
}

/* Memory or its user's quota is short: wait for other requests to end, but not for ever, as they may be waiting likewise. */
static void stall(struct tfl_connection *connection, int why)
{
	struct tfl_connections *all = connection->all;
	struct tfl_error error;
	uint64_t now = tfl_clock_ns();

	if (connection->state != STALLED || connection->stalled_ns == 0)
		connection->stalled_ns = now;
	if (now - connection->stalled_ns > STALL_MAX_S * UINT64_C(1000000000)) {
		if (why == -ENOMEM)
			tfl_error_set(&error, why, "no memory came free for this frame in %u s", STALL_MAX_S);
		else
			tfl_error_set(&error, why, "uid %u may hold %" PRIu64 " bytes of requests and unread replies ([users] bytes), and "
				      "no room for this frame came free in %u s", (unsigned)connection->peer.uid,
				      tfl_account_limit(connection->account, TFL_QUOTA_BYTES), STALL_MAX_S);
		break_off(connection, &error);
		return;
	}
	connection->state = STALLED;
	if (!uv_is_active((uv_handle_t *)&all->retry))
		uv_timer_start(&all->retry, on_retry, RETRY_MS, RETRY_MS);
	attend(connection);
}

static void leave_over(struct tfl_connection *connection)
{
	connection->state = LEFTOVER;
	uv_idle_start(&connection->all->again, on_again);
	attend(connection);
}

static void go_on_reading(struct tfl_connection *connection)
{
	if (connection->state == READING)
		return;
	connection->state = READING;
	attend(connection);
}

/* How a turn ended, and what comes of it. */
static void settle(struct tfl_connection *connection, int result, struct tfl_error *error)
{
	switch (result) {
	case 0:
	case -EAGAIN:
		go_on_reading(connection);
		break;
	case 1:
		leave_over(connection);
		break;
	case -ENODATA:
		end_of_stream(connection);
		break;
	case -EDQUOT:
	case -ENOMEM:
		stall(connection, result);
		break;
	case -EPERM:
		break_off(connection, error);
		break;
	case -EBADMSG:
	case -EMSGSIZE:
		error->code = -EBADMSG;
		break_off(connection, error);
		break;
	default:
		close_connection(connection);
		break;
	}
}

static void take_turn(struct tfl_connection *connection)
{
	unsigned share = FRAMES_PER_TURN, receives = 0;
	struct tfl_error error;
	bool more = true;
	int r;

	for (;;) {
		r = handle_received(connection, &share, &error);
		if (r != 0 || !more || receives++ == RECEIVES_PER_TURN)
			break;
		r = receive(connection, &more, &error);
		if (r < 0)
			break;
	}
	settle(connection, r, &error);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct tfl_connection *connection = poll->data;

	if (status < 0) {
		close_connection(connection);
		return;
	}
	if (events & UV_WRITABLE)
		attend(connection);
	if (connection->state == READING && events & UV_READABLE) {
		take_turn(connection);
	} else if (connection->state == STALLED && events & UV_DISCONNECT) {
		connection->half_closed = true;
		if (peer_gone(connection))
			close_connection(connection);
		else
			attend(connection);
	}
}

/* Gives a turn to each connection in @p state; whether some are in it afterwards. */
static bool give_turns(struct tfl_connections *connections, enum state state)
{
	struct tfl_connection *connection, *next;
	bool left = false;

	for (connection = connections->first; connection; connection = next) {
		next = connection->next;
		if (connection->state != state)
			continue;
		take_turn(connection);
		left = left || connection->state == state;
	}
	return left;
}

static void on_again(uv_idle_t *idle)
{
	if (!give_turns(idle->data, LEFTOVER))
		uv_idle_stop(idle);
}

static void on_retry(uv_timer_t *timer)
{
	if (!give_turns(timer->data, STALLED))
		uv_timer_stop(timer);
}

/* An ending connection whose peer is gone, or reads nothing, is closed: it would keep its slot and its bytes. */
static void look_after(struct tfl_connection *connection, uint64_t now)
{
	if (peer_gone(connection)) {
		close_connection(connection);
		return;
	}
	attend(connection);
	if (connection->state == CLOSED || !(connection->polled & UV_WRITABLE))
		return;
	if (connection->unread_ns == 0) {
		connection->unread_ns = now;
	} else if (now - connection->unread_ns > UNREAD_MAX_S * UINT64_C(1000000000)) {
		tfl_log_warning("uid %u, pid %d has read none of its replies for %u s; its connection is closed",
				(unsigned)connection->peer.uid, (int)connection->peer.pid, UNREAD_MAX_S);
		close_connection(connection);
	}
}

static void on_sweep(uv_timer_t *timer)
{
	struct tfl_connections *connections = timer->data;
	struct tfl_connection *connection, *next;
	uint64_t now = tfl_clock_ns();
	bool left = false;

	for (connection = connections->first; connection; connection = next) {
		next = connection->next;
		if (connection->state == ENDING)
			look_after(connection, now);
		left = left || connection->state == ENDING;
	}
	if (!left)
		uv_timer_stop(timer);
}

void tfl_connections_init(struct tfl_connections *connections, struct tfl_server *server)
{
	*connections = (struct tfl_connections){.server = server};
	uv_idle_init(&server->loop, &connections->again);
	uv_timer_init(&server->loop, &connections->retry);
	uv_timer_init(&server->loop, &connections->sweep);
	connections->again.data = connections;
	connections->retry.data = connections->sweep.data = connections;
}

void tfl_connections_close(struct tfl_connections *connections)
{
	while (connections->first)
		close_connection(connections->first);
	uv_close((uv_handle_t *)&connections->again, NULL);
	uv_close((uv_handle_t *)&connections->retry, NULL);
	uv_close((uv_handle_t *)&connections->sweep, NULL);
}

bool tfl_connections_quiet(const struct tfl_connections *connections)
{
	for (const struct tfl_connection *connection = connections->first; connection; connection = connection->next) {
		struct tfl_channel_state state;

		tfl_channel_flush(connection->channel, &state);
		if (state.pending > 0 || state.queued > 0)
			return false;
	}
	return true;
}

static void on_aborted(uv_handle_t *handle)
{
	free(handle->data);
}

/* On success the connection owns @p fd, the reference to @p account and @p peer. */
static int open_connection(struct tfl_connections *connections, int fd, struct tfl_account *account, const struct tfl_peer *peer,
			   unsigned rights)
{
	struct tfl_server *server = connections->server;
	struct tfl_charge charge = {charge_bytes, release_bytes, account};
	struct tfl_connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return -ENOMEM;
	r = uv_poll_init(&server->loop, &connection->poll, fd);
	if (r < 0) {
		free(connection);
		return r;
	}
	connection->poll.data = connection;
	r = tfl_channel_create(fd, account, server->outbox, server->config->output_queue, connection, &connection->channel);
	if (r < 0) {
		uv_close((uv_handle_t *)&connection->poll, on_aborted);
		return r;
	}
	connection->all = connections;
	connection->account = account;
	connection->peer = *peer;
	connection->rights = rights;
	connection->descriptors.open = rights & tfl_descriptor_rights();
	tfl_assembler_init(&connection->assembler, server->config->max_frame, &charge);
	connection->next = connections->first;
	connection->link = &connections->first;
	if (connection->next)
		connection->next->link = &connection->next;
	connections->first = connection;
	connections->count++;
	connections->accepted++;
	attend(connection);
	return 0;
}

/* Checks the limits and charges, before anything is allocated for the peer. On success @p fd is the connection's. */
static int admit(struct tfl_connections *connections, const struct tfl_listener *listener, int fd, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_peer_finish) struct tfl_peer peer = {0};
	const struct tfl_server *server = connections->server;
	struct tfl_account *account;
	int r;

	if (connections->count >= server->config->connections)
		return tfl_error_set(error, -EDQUOT, "%u connections are open, which is the limit ([sockets] connections); try again later",
				     connections->count);
	r = tfl_peer_read(fd, &peer, error);
	if (r < 0)
		return r;
	r = tfl_accounts_get(server->accounts, peer.uid, &account);
	if (r < 0)
		return tfl_error_set(error, r, "no memory for one more user");
	r = tfl_account_charge(account, TFL_QUOTA_CONNECTIONS, 1, error);
	if (r == 0) {
		r = open_connection(connections, fd, account, &peer, tfl_listener_rights(listener, &peer));
		if (r == 0) {
			peer = (struct tfl_peer){0};
			return 0;
		}
		tfl_account_release(account, TFL_QUOTA_CONNECTIONS, 1);
		tfl_error_set(error, r, "cannot serve one more connection: %s", uv_strerror(r));
	}
	tfl_account_unref(account);
	return r;
}

void tfl_connections_accept(struct tfl_connections *connections, const struct tfl_listener *listener, int fd)
{
	struct tfl_writer *writer = &connections->server->executor.writer;
	struct msghdr message = {0};
	struct tfl_error error;
	struct iovec *iov;
	unsigned count;

	if (admit(connections, listener, fd, &error) == 0)
		return;
	tfl_log_debug("refused a connection: %s", error.text);
	connections->refused++;
	tfl_reply_write_fault(writer, &error);
	if (tfl_writer_check(writer, NULL) == 0) {
		tfl_writer_iovec(writer, 0, &iov, &count);
		message.msg_iov = iov;
		message.msg_iovlen = count;
		(void)sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	tfl_close(fd);
}
