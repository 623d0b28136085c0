/* SPDX-License-Identifier: MIT */
/*
 * The sending half of a connection, which outlives it: workers reply through it themselves. It owns the socket, so the descriptor's number
 * cannot be given to another connection while a worker still means this one.
 *
 * Bytes that the socket does not take at once wait in a queue that is bounded and charged to the peer's account; the loop thread writes
 * them when the socket can take more. A peer that leaves more unread than the bound loses its connection at the next frame, and nobody
 * waits for it.
 *
 * Lifetime: reference counted: one of the connection, one of each job or other reply to come. The last one, dropped on any thread, closes
 * the socket. Thread: any, except where it says loop thread.
 */
#ifndef DAEMON_CHANNEL_H
#define DAEMON_CHANNEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "daemon/sessions.h"

struct tfl_account;
struct tfl_job;
struct tfl_outbox;
struct tfl_writer;

struct tfl_channel {
	/* Immutable. */
	int fd;
	struct tfl_account *account;
	struct tfl_outbox *outbox;
	size_t limit; /* bytes in the queue, past which no further frame is taken */

	atomic_uint refs;
	void *owner; /* loop thread: the connection, NULL when it is gone */
	struct tfl_channel_sessions sessions; /* likewise: its own */

	/* Under the outbox's lock. */
	struct tfl_channel *outbox_next;
	bool outbox_listed;

	/* Under the lock. */
	pthread_mutex_t lock;
	struct tfl_chunk *first, *last;
	size_t queued;
	int fault;              /* 0, or why nothing can be sent any more: -EPIPE, -EDQUOT (the queue is full), … */
	bool draining;          /* nothing more is read: the loop wants to know when `pending` becomes 0 */
	unsigned pending;       /* replies to come */
	struct tfl_job *flight; /* jobs among them, for cancelling (job.c) */
	struct tfl_job *idle;   /* jobs to be used again (job.c) */
	unsigned idle_count;
};

/**
 * A channel over the connected, non-blocking socket @p fd, with one reference. On success it owns @p fd and the caller's reference to
 * @p account. @p limit: bytes that may wait when a frame is sent; the frame itself may go past it. 0 or -ENOMEM.
 */
int tfl_channel_create(int fd, struct tfl_account *account, struct tfl_outbox *outbox, size_t limit, void *owner,
		       struct tfl_channel **ret_channel);

struct tfl_channel *tfl_channel_ref(struct tfl_channel *channel);

/** Drops a reference; NULL is allowed. */
void tfl_channel_unref(struct tfl_channel *channel);

/**
 * Sends one whole frame, or queues what the socket does not take (copied: the memory behind @p iov is free afterwards). Frames of several
 * threads do not mix. 0, or the channel's fault; the loop then hears of it through the outbox.
 */
int tfl_channel_send(struct tfl_channel *channel, const struct iovec *iov, unsigned count);

/** Sends the frame that was written to @p writer. 0, or as tfl_channel_send(); a writer with a fault sends nothing (-EINVAL). */
int tfl_channel_send_writer(struct tfl_channel *channel, struct tfl_writer *writer);

/** One more reply is to come, and one more reference held. */
void tfl_channel_hold(struct tfl_channel *channel);

/** That reply was given to tfl_channel_send(), or never will; drops the reference. */
void tfl_channel_release(struct tfl_channel *channel);

/** The same without the reference, for a caller that holds the lock. */
void tfl_channel_settle(struct tfl_channel *channel);

/* What the loop needs to know about a channel. */
struct tfl_channel_state {
	size_t queued;
	size_t sent; /* by this flush */
	unsigned pending;
	int fault;
};

/** Writes what waits, a bounded amount at a time. Loop thread. */
void tfl_channel_flush(struct tfl_channel *channel, struct tfl_channel_state *ret_state);

/** From now on the outbox is told when the last reply is out. Loop thread. */
void tfl_channel_drain(struct tfl_channel *channel);

/** The connection is over: drops what waits, cancels the jobs in flight, shuts the socket down. Whether there were such. Loop thread. */
bool tfl_channel_close(struct tfl_channel *channel);

#endif
