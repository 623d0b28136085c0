/* SPDX-License-Identifier: MIT */
/*
 * Replies that are no inference, and the one place where the daemon's errors become statuses of the wire. The writer is the calling
 * thread's own. Any thread.
 */
#ifndef DAEMON_REPLY_H
#define DAEMON_REPLY_H

#include <stdint.h>

#include "base/tfl-types.h"
#include "proto/view.h"

struct tfl_channel;
struct tfl_error;
struct tfl_writer;

/** The wire's status for a negative errno; TFL_INTERNAL for one that is not in the table. */
enum tfl_status tfl_status_from_errno(int code);

/** Sends the failed reply to request @p msgid. 0, or the channel's fault. */
int tfl_reply_failure(struct tfl_channel *channel, struct tfl_writer *writer, uint32_t msgid, const struct tfl_error *error);

/** Writes the notification for what is no request, so that there is no msgid to reply to; the connection is closed after it. */
void tfl_reply_write_fault(struct tfl_writer *writer, const struct tfl_error *error);

/** Writes and sends it. */
int tfl_reply_fault(struct tfl_channel *channel, struct tfl_writer *writer, const struct tfl_error *error);

/** Sends the reply to request @p msgid that stands in @p writer; where it could not be written, a failure that says why. */
int tfl_reply_send(struct tfl_channel *channel, struct tfl_writer *writer, uint32_t msgid);

/** A name out of a model file for the wire: itself, or "" where it is not UTF-8 (its index still names it). */
struct tfl_string tfl_reply_name(const char *name);

#endif
