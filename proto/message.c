/* SPDX-License-Identifier: MIT */
/*
 * The envelope is checked in two steps: first the whole frame by the grammar alone (tfl_reader_validate), then the few values of the
 * envelope by their types. After the first step no read can fail for lack of bytes, so that what is left to say is "this must be a string".
 */
#include "proto/message.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "proto/params.h"
#include "proto/reader.h"
#include "proto/writer.h"

/* An error map as it stands on the wire. */
struct wire_failure {
	uint32_t code;
	struct tfl_string name;
	struct tfl_string message;
};

static const struct tfl_param failure_rows[] = {
	{"code", TFL_PARAM_UINT32, true, offsetof(struct wire_failure, code), 1, UINT32_MAX, NULL},
	{"name", TFL_PARAM_STRING, true, offsetof(struct wire_failure, name), 0, TFL_METHOD_MAX, NULL},
	{"message", TFL_PARAM_STRING, true, offsetof(struct wire_failure, message), 0, TFL_FAILURE_MESSAGE_MAX, NULL},
};
static const struct tfl_param_table failure_table = TFL_PARAM_TABLE(failure_rows, struct wire_failure);

/* A sound value at a place of the envelope where another one is due is no message either: not the caller's mistake, the peer's. */
static int no_message(struct tfl_error *error)
{
	if (error)
		error->code = -EBADMSG;
	return -EBADMSG;
}

int tfl_failure_parse(struct tfl_slice map, struct tfl_failure *ret_failure, struct tfl_error *error)
{
	struct wire_failure wire;

	if (tfl_params_parse(&failure_table, map, "error", &wire, error) < 0)
		return no_message(error);
	*ret_failure = (struct tfl_failure){
		.status = wire.code < TFL_STATUS_COUNT ? (enum tfl_status)wire.code : TFL_INTERNAL,
		.name = wire.name,
		.message = wire.message,
	};
	return 0;
}

/* Method and params: the last two of a request and of a notification. */
static int parse_call(struct tfl_reader *reader, struct tfl_message *message, struct tfl_error *error)
{
	int r;

	r = tfl_reader_string(reader, "message: the method", TFL_METHOD_MAX, &message->method, error);
	if (r < 0)
		return r;
	if (tfl_reader_peek(reader) != TFL_KIND_MAP)
		return tfl_error_set(error, -EINVAL, "message: params must be a map, not %s", tfl_kind_to_string(tfl_reader_peek(reader)));
	return tfl_reader_skip(reader, "message: params", &message->params, error);
}

/* Error and result: the last two of a reply. */
static int parse_outcome(struct tfl_reader *reader, struct tfl_message *message, struct tfl_error *error)
{
	struct tfl_slice map;
	int r;

	message->failed = !tfl_reader_nil(reader);
	if (message->failed) {
		r = tfl_reader_skip(reader, "message: error", &map, error);
		if (r == 0)
			r = tfl_failure_parse(map, &message->failure, error);
		if (r < 0)
			return r;
	}
	return tfl_reader_skip(reader, "message: result", &message->result, error);
}

static const struct {
	const char *name;
	uint32_t length; /* of the array */
	bool has_id;
	int (*parse)(struct tfl_reader *reader, struct tfl_message *message, struct tfl_error *error);
} forms[] = {
	[TFL_MESSAGE_REQUEST] = {"request", 4, true, parse_call},
	[TFL_MESSAGE_REPLY] = {"reply", 4, true, parse_outcome},
	[TFL_MESSAGE_NOTIFICATION] = {"notification", 3, false, parse_call},
};

static int parse_envelope(struct tfl_reader *reader, struct tfl_message *message, struct tfl_error *error)
{
	uint64_t kind, msgid = 0;
	uint32_t length;
	int r;

	r = tfl_reader_array(reader, "message", UINT32_MAX, &length, error);
	if (r < 0)
		return r;
	if (length == 0)
		return tfl_error_set(error, -EBADMSG, "message: the array is empty, it must have 3 or 4 elements");
	r = tfl_reader_uint64(reader, "message: the type", &kind, error);
	if (r < 0)
		return r;
	if (kind >= TFL_ARRAY_SIZE(forms))
		return tfl_error_set(error, -EBADMSG, "message: the type must be 0 (request), 1 (reply) or 2 (notification), not %" PRIu64,
				     kind);
	if (length != forms[kind].length)
		return tfl_error_set(error, -EBADMSG, "message: a %s must have %" PRIu32 " elements, not %" PRIu32, forms[kind].name,
				     forms[kind].length, length);
	if (forms[kind].has_id) {
		r = tfl_reader_uint64(reader, "message: msgid", &msgid, error);
		if (r < 0)
			return r;
		if (msgid > UINT32_MAX)
			return tfl_error_set(error, -EBADMSG, "message: msgid must be below 2^32, not %" PRIu64, msgid);
	}
	message->kind = (enum tfl_message_kind)kind;
	message->msgid = (uint32_t)msgid;
	return forms[kind].parse(reader, message, error);
}

int tfl_message_parse(struct tfl_slice body, struct tfl_message *ret_message, struct tfl_error *error)
{
	struct tfl_reader reader = tfl_reader_of(body);
	struct tfl_message message = {0};
	int r;

	r = tfl_reader_validate(body, error);
	if (r < 0)
		return r;
	if (parse_envelope(&reader, &message, error) < 0)
		return no_message(error);
	*ret_message = message;
	return 0;
}

/* The array up to the last two elements. */
static void begin(struct tfl_writer *writer, enum tfl_message_kind kind, uint32_t msgid)
{
	tfl_writer_begin(writer);
	tfl_writer_array(writer, forms[kind].length);
	tfl_writer_uint64(writer, kind);
	if (forms[kind].has_id)
		tfl_writer_uint64(writer, msgid);
}

void tfl_message_request(struct tfl_writer *writer, uint32_t msgid, const char *method)
{
	begin(writer, TFL_MESSAGE_REQUEST, msgid);
	tfl_writer_text(writer, method);
}

void tfl_message_notification(struct tfl_writer *writer, const char *method)
{
	begin(writer, TFL_MESSAGE_NOTIFICATION, 0);
	tfl_writer_text(writer, method);
}

void tfl_message_reply(struct tfl_writer *writer, uint32_t msgid)
{
	begin(writer, TFL_MESSAGE_REPLY, msgid);
	tfl_writer_nil(writer);
}

/*
 * An error must always be sayable: its text may quote names from files that are not UTF-8, so what is not ASCII becomes '?' then.
 */
static void write_failure(struct tfl_writer *writer, enum tfl_status status, const char *text)
{
	char plain[TFL_ERROR_TEXT_MAX];
	struct wire_failure wire = {.code = status, .name = tfl_string_of(tfl_status_to_string(status))};

	wire.message = tfl_string_of(text ? text : "");
	if (wire.message.length > TFL_FAILURE_MESSAGE_MAX || !tfl_utf8_valid(wire.message.text, wire.message.length)) {
		wire.message.length = strnlen(wire.message.text, sizeof(plain));
		for (size_t i = 0; i < wire.message.length; i++)
			plain[i] = (unsigned char)wire.message.text[i] < 0x80 ? wire.message.text[i] : '?';
		wire.message.text = plain;
	}
	tfl_writer_map(writer, tfl_params_count(&failure_table, &wire));
	tfl_params_write(&failure_table, &wire, writer);
}

void tfl_message_failure(struct tfl_writer *writer, uint32_t msgid, enum tfl_status status, const char *text)
{
	begin(writer, TFL_MESSAGE_REPLY, msgid);
	write_failure(writer, status, text);
	tfl_writer_nil(writer);
}

void tfl_message_failure_notification(struct tfl_writer *writer, enum tfl_status status, const char *text)
{
	tfl_message_notification(writer, TFL_NOTIFY_ERROR);
	write_failure(writer, status, text);
}
