/* SPDX-License-Identifier: MIT */
/*
 * The methods of the daemon: one table with a row each, which says what right a caller needs and who handles it. Loop thread.
 */
#ifndef DAEMON_DISPATCH_H
#define DAEMON_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/peer.h"

struct tfl_audited;
struct tfl_channel;
struct tfl_descriptors;
struct tfl_error;
struct tfl_frame;
struct tfl_message;
struct tfl_server;
struct tfl_writer;

/* One request as a handler gets it. Everything is borrowed for the call, except what a handler takes out. */
struct tfl_call {
	struct tfl_server *server;
	struct tfl_channel *channel;
	const struct tfl_peer *peer;
	unsigned rights;
	struct tfl_frame *frame;           /* a handler that needs it longer moves it out and leaves zeroes; its bytes stay where they are */
	const struct tfl_message *message; /* views into the frame */
	struct tfl_writer *writer;         /* the loop thread's */
	uint64_t arrived_ns;
	bool alone;                        /* nothing more of this connection waits to be handled */
	const struct tfl_audited *audited; /* how it is told, by whoever answers it; NULL: it is not */
	bool deferred;                     /* by an errand: it is answered, and told, later */
	int fd;                            /* the descriptor passed for it, or -1; a handler that takes it leaves -1 */
};

/*
 * 0: replied, or will reply through the channel. Negative: nothing was sent, and the failure with this code and the sentence in @p error is
 * sent by the caller.
 */
typedef int (*tfl_handler)(struct tfl_call *call, struct tfl_error *error);

struct tfl_method {
	const char *name;
	enum tfl_right right;
	bool takes_fd; /* consumes one passed descriptor */
	tfl_handler handle;
};

const struct tfl_method *tfl_methods(unsigned *ret_count);

/** The rights with which there is a method that takes a descriptor. */
unsigned tfl_descriptor_rights(void);

/** Finds the method, checks rights, hands over, and replies where that failed. @p descriptors: those that wait on the connection. */
void tfl_dispatch(struct tfl_call *call, struct tfl_descriptors *descriptors);

/** Does what the notification asks; one that is not known, or wrong, is nobody's loss and not answered. */
void tfl_dispatch_notification(struct tfl_call *call);

#endif
