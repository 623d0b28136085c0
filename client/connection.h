/* SPDX-License-Identifier: MIT */
/*
 * One stream to the daemon: whole frames out, whole frames in, each within a deadline. Internal.
 *
 * Lifetime: part of its client; open and closed many times. A closed one has fd -1 and no received bytes. Thread: its client's.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "client/clock.h"
#include "proto/frame.h"

struct tfl_call_error;
struct tfl_writer;

struct tfl_connection {
	int fd;
	struct tfl_assembler assembler;
};

void tfl_connection_init(struct tfl_connection *connection);

/** Idempotent; keeps errno. */
void tfl_connection_close(struct tfl_connection *connection);

/**
 * Connects a closed connection to the socket @p path. Errors: UNAVAILABLE (nobody listens), PERMISSION_DENIED, INVALID_ARGUMENT (path too
 * long), DEADLINE_EXCEEDED (the daemon accepts nobody), INTERNAL.
 */
int tfl_connection_open(struct tfl_connection *connection, const char *path, struct tfl_deadline deadline, struct tfl_call_error *error);

/**
 * Sends the checked frame in @p writer; @p passed_fd (-1: none) goes with its first byte. *ret_sent is set on failure too: after less than
 * the whole frame, and more than nothing, the stream is unusable. Errors: DEADLINE_EXCEEDED, DISCONNECTED, INTERNAL.
 */
int tfl_connection_send(struct tfl_connection *connection, struct tfl_writer *writer, int passed_fd, struct tfl_deadline deadline,
			size_t *ret_sent, struct tfl_call_error *error);

/**
 * The next frame, the caller's to finish. After DEADLINE_EXCEEDED the stream is sound and a later call goes on; after DISCONNECTED,
 * PROTOCOL_ERROR and INTERNAL it is not. RESOURCE_EXHAUSTED: no memory.
 */
int tfl_connection_receive(struct tfl_connection *connection, struct tfl_deadline deadline, struct tfl_frame *ret_frame,
			   struct tfl_call_error *error);

#endif
