/* SPDX-License-Identifier: MIT */
/*
 * One stream to the daemon: bytes of frames out, whole frames in. Nothing here waits. Internal.
 *
 * Lifetime: part of its client; open and closed many times. A closed one has fd -1 and no received bytes. Thread: under its client's lock.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "proto/frame.h"

struct tfl_call_error;

struct tfl_connection {
	int fd;
	struct tfl_assembler assembler;
};

void tfl_connection_init(struct tfl_connection *connection);

/** Idempotent; keeps errno. */
void tfl_connection_close(struct tfl_connection *connection);

/**
 * Connects a closed connection to the socket @p path. Errors: UNAVAILABLE (nobody listens), PERMISSION_DENIED, INVALID_ARGUMENT (path too
 * long, or no socket), INTERNAL; DEADLINE_EXCEEDED when the daemon has no room for one more just now.
 */
int tfl_connection_open(struct tfl_connection *connection, const char *path, struct tfl_call_error *error);

/**
 * One sendmsg(); @p passed_fd (-1: none) goes with its first byte. Bytes that were taken; -EAGAIN: none, as the socket is full;
 * DISCONNECTED; INVALID_ARGUMENT for a descriptor that is not open; INTERNAL.
 */
int tfl_connection_send(struct tfl_connection *connection, struct iovec *iov, unsigned count, int passed_fd, size_t *ret_sent,
			struct tfl_call_error *error);

/** A frame of those that were received: 1, the caller's to finish; 0: none is whole. Errors: PROTOCOL_ERROR, -ENOMEM. */
int tfl_connection_next(struct tfl_connection *connection, struct tfl_frame *ret_frame, struct tfl_call_error *error);

/**
 * One recv(), to be called when there is no whole frame. 1: there may be more; 0: that was all there is. After DISCONNECTED,
 * PROTOCOL_ERROR and -ENOMEM the stream is of no more use.
 */
int tfl_connection_receive(struct tfl_connection *connection, struct tfl_call_error *error);

#endif
