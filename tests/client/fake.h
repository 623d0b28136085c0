/* SPDX-License-Identifier: MIT */
/*
 * A daemon that does what a test wants: a thread that listens on a socket in a fresh folder and hands each connection to the test's
 * function, one after the other. It speaks through proto/, or writes bytes that are none of the protocol's.
 */
#ifndef TESTS_CLIENT_FAKE_H
#define TESTS_CLIENT_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"
#include "proto/message.h"
#include "proto/writer.h"

struct fake {
	char folder[64];
	char path[96];
	int listen_fd;
	pthread_t thread;
	void (*serve)(struct fake *fake, unsigned connection); /* connection counts from 0; returns to close it */
	void *data;                                            /* the test's */

	/* Of the connection being served. */
	atomic_int fd;
	int passed_fd; /* the last descriptor that came, or -1 */
	struct tfl_assembler assembler;
	struct tfl_frame frame;
	struct tfl_writer writer;
	atomic_uint requests; /* received in all */
	atomic_uint cancels;  /* notifications of that name … */
	atomic_uint last_cancel; /* … and whom the last one was about */
	atomic_uint served;   /* connections that are over, their memory freed */
};

/** Listens and starts the thread. */
void fake_start(struct fake *fake, void (*serve)(struct fake *fake, unsigned connection), void *data);

/** Waits until @p count connections are over. */
void fake_wait_served(const struct fake *fake, unsigned count);

/** Ends the thread, whatever it waits for, and removes socket and folder. */
void fake_stop(struct fake *fake);

/** The next request; its views are valid until the next call. Cancellations are counted and passed over. False at the connection's end. */
bool fake_receive(struct fake *fake, struct tfl_message *ret_message);

/** Sends the frame in fake->writer, or bytes. False when the peer is gone. */
bool fake_send(struct fake *fake);
bool fake_send_bytes(struct fake *fake, const void *bytes, size_t size);

/** Writes (does not send) the reply that echoes every input of an infer request as an output of the same type. */
void fake_write_echo(struct fake *fake, const struct tfl_message *request);

/** Serves infer requests with echoes until the connection ends. */
void fake_serve_echo(struct fake *fake, unsigned connection);

/** Reads nothing, and waits until the client closes the connection. */
void fake_wait_end(const struct fake *fake);

/** Takes every request and answers none, until the connection ends. */
void fake_serve_silence(struct fake *fake, unsigned connection);

#endif
