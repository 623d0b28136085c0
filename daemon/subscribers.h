/* SPDX-License-Identifier: MIT */
/*
 * Connections that hear of every change, or of those of one model, as notifications "changed" whose params are what the method changes has
 * for each. One that reads too little loses its connection as with replies (channel.h).
 *
 * Lifetime and thread: one, made by the server, used on the loop thread alone.
 */
#ifndef DAEMON_SUBSCRIBERS_H
#define DAEMON_SUBSCRIBERS_H

#include "proto/view.h"

struct tfl_call;
struct tfl_change;
struct tfl_channel;
struct tfl_error;
struct tfl_moment;
struct tfl_registry;
struct tfl_subscribers;
struct tfl_writer;

int tfl_subscribers_create(struct tfl_subscribers **ret_subscribers);

/** NULL is allowed. */
void tfl_subscribers_destroy(struct tfl_subscribers *subscribers);

/**
 * The caller's connection, from now on; @p model with text NULL: all that it may see. Who is at its other end is looked at as long as it has
 * subscribed. A second time, it replaces the first. -ENOSPC with a sentence past TFL_SUBSCRIBERS_MAX.
 */
int tfl_subscribers_add(struct tfl_subscribers *subscribers, const struct tfl_call *call, struct tfl_string model, struct tfl_error *error);

/** The connection is over; it need not have subscribed. NULL subscribers are allowed. */
void tfl_subscribers_drop(struct tfl_subscribers *subscribers, const struct tfl_channel *channel);

/** Tells whom it concerns, and who may see its model; NULL subscribers are allowed. */
void tfl_subscribers_tell(struct tfl_subscribers *subscribers, const struct tfl_registry *registry, const struct tfl_change *change);

/** A change as a map: in answers, and in notifications. */
void tfl_change_write(struct tfl_writer *writer, const struct tfl_change *change, const struct tfl_moment *now);

#endif
