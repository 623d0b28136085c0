/* SPDX-License-Identifier: MIT */
/*
 * The MessagePack-RPC envelope: request [0, msgid, method, params], reply [1, msgid, error, result], notification [2, method, params].
 * params is a map. error is nil or {code, name, message}.
 *
 * Two kinds of errors, to be answered differently: -EBADMSG means that the bytes are no message of this protocol, and the stream is not
 * worth reading on (TFL_PROTOCOL_ERROR, then close); -EINVAL means that a sound message asks for something wrong (TFL_INVALID_ARGUMENT).
 * A frame that is no message has no msgid to answer to: the daemon says what was wrong by the notification TFL_NOTIFY_ERROR, whose params
 * are an error map.
 */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tfl-types.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_writer;

#define TFL_NOTIFY_ERROR "error"

enum tfl_message_kind {
	TFL_MESSAGE_REQUEST = 0,
	TFL_MESSAGE_REPLY = 1,
	TFL_MESSAGE_NOTIFICATION = 2,
};

/* {code, name, message}. A code that this build does not know (a newer peer) becomes TFL_INTERNAL; the name still says it. */
struct tfl_failure {
	enum tfl_status status;
	struct tfl_string name;
	struct tfl_string message;
};

/* Views into the frame it was parsed from; owns nothing. */
struct tfl_message {
	enum tfl_message_kind kind;
	uint32_t msgid;             /* request, reply */
	struct tfl_string method;   /* request, notification: at most TFL_METHOD_MAX bytes */
	struct tfl_slice params;    /* request, notification: an encoded map */
	bool failed;                /* reply: failure is filled, result is nil */
	struct tfl_failure failure;
	struct tfl_slice result;    /* reply: an encoded value */
};

/**
 * Takes a frame's body apart and checks all of it (tfl_reader_validate): of what comes out, every read is sound. 0 or -EBADMSG.
 */
int tfl_message_parse(struct tfl_slice body, struct tfl_message *ret_message, struct tfl_error *error);

/** An error map, as in the params of TFL_NOTIFY_ERROR. 0 or -EBADMSG. */
int tfl_failure_parse(struct tfl_slice map, struct tfl_failure *ret_failure, struct tfl_error *error);

/**
 * Begin a frame in @p writer. Exactly one value has to follow: the map of params, or any result. The frame is whole when it was written
 * (tfl_writer_check() knows); nothing closes it.
 */
void tfl_message_request(struct tfl_writer *writer, uint32_t msgid, const char *method);
void tfl_message_notification(struct tfl_writer *writer, const char *method);
void tfl_message_reply(struct tfl_writer *writer, uint32_t msgid);

/**
 * Whole frames: a failed reply, and the notification for a frame that is no message. In a @p text that is not UTF-8, whatever is not ASCII
 * becomes a question mark; NULL is an empty one. @p status is not TFL_OK.
 */
void tfl_message_failure(struct tfl_writer *writer, uint32_t msgid, enum tfl_status status, const char *text);
void tfl_message_failure_notification(struct tfl_writer *writer, enum tfl_status status, const char *text);

#endif
