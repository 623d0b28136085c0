/* SPDX-License-Identifier: MIT */
/*
 * The client object and one exchange over it. A call knows its own frame, deadline and what to do with its answer; the client knows
 * only the connection. Internal.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "client/connection.h"
#include "client/tflclient.h"
#include "proto/view.h"

struct tfl_writer;

struct tfl_client {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int timeout_ms;   /* negative: no limit */
	bool timeout_set; /* timeout_ms is the caller's, not the default */
	int reconnect_ms; /* negative: never */
	uint32_t last_msgid;
	struct tfl_connection connection;
};

/* One request on its way. Lives on its caller's stack, or in the request object. */
struct tfl_call {
	uint32_t msgid;
	struct tfl_deadline deadline;
	int passed_fd;             /* -1: none */
	struct tfl_writer *writer; /* holds the whole, checked frame with this msgid */
	/* Takes the encoded result of a call that succeeded; it is valid only during the function. Fails as any call. */
	int (*take)(struct tfl_call *call, struct tfl_slice result, struct tfl_call_error *error);
};

/** The id of the next request. */
uint32_t tfl_client_next_msgid(struct tfl_client *client);

/**
 * Connects again where that is needed and allowed, sends the call and waits for its answer. 0, or the failure that @p error (may be
 * NULL) tells. The frame is sent at most once: it is repeated only where not a byte of it had left.
 */
int tfl_client_exchange(struct tfl_client *client, struct tfl_call *call, struct tfl_call_error *error);

#endif
