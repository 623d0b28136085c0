/* SPDX-License-Identifier: MIT */
/*
 * Channels that want the loop thread: bytes wait for a socket that was full, the peer is lost, or the last reply of a half-closed
 * connection is out. Any thread adds, the loop takes.
 *
 * Lifetime: one, made by the server, destroyed when no other thread runs. It holds a reference to each channel in it.
 */
#ifndef DAEMON_OUTBOX_H
#define DAEMON_OUTBOX_H

struct tfl_channel;
struct tfl_outbox;

/** @p wake is called on the thread that adds, when the outbox was empty; it makes the loop call tfl_outbox_take(). */
int tfl_outbox_create(void (*wake)(void *data), void *data, struct tfl_outbox **ret_outbox);
void tfl_outbox_destroy(struct tfl_outbox *outbox);

/** Adds @p channel unless it is in already. Any thread, with or without the channel's lock. */
void tfl_outbox_add(struct tfl_outbox *outbox, struct tfl_channel *channel);

/** The next channel, with a reference that becomes the caller's; NULL when there is none. */
struct tfl_channel *tfl_outbox_take(struct tfl_outbox *outbox);

#endif
