/* SPDX-License-Identifier: MIT */
/*
 * The receiving half of a connection: bytes become frames, frames become requests. The sending half is its channel, which lives on while
 * replies are to come.
 *
 * Lifetime: made when a peer was accepted; closed when the peer is gone, has broken the protocol, or leaves too much unread; freed by the
 * loop a moment later. Thread: loop thread.
 */
#ifndef DAEMON_CONNECTION_H
#define DAEMON_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct tfl_channel;
struct tfl_connection;
struct tfl_listener;
struct tfl_server;

/* All connections of the daemon. Part of the server; its members are private to connection.c, but for the counts. */
struct tfl_connections {
	struct tfl_server *server;
	struct tfl_connection *first;
	uv_idle_t again;  /* runs while some connection has frames left from its turn */
	uv_timer_t retry; /* runs while some connection waits for its user's quota */
	uv_timer_t sweep; /* runs while some connection is not read from any more */
	unsigned count;
	uint64_t accepted; /* since the start */
	uint64_t refused;
	uint64_t requests;
};

void tfl_connections_init(struct tfl_connections *connections, struct tfl_server *server);

/** Closes all connections and the handles. They are gone when the loop has run once more. */
void tfl_connections_close(struct tfl_connections *connections);

/** Takes over @p fd, accepted by @p listener: it becomes a connection, or it is told why not and closed. */
void tfl_connections_accept(struct tfl_connections *connections, const struct tfl_listener *listener, int fd);

/** Whether no reply is to come and none waits to be sent, on any connection. */
bool tfl_connections_quiet(const struct tfl_connections *connections);

/** Looks after the connection of a channel that came out of the outbox: writes what waits, closes what is lost or done. */
void tfl_connection_attend(struct tfl_channel *channel);

#endif
