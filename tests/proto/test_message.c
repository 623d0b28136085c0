/* SPDX-License-Identifier: MIT */
/* Envelopes: written and parsed back, and every way not to be one. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "proto/reader.h"
#include "tests/proto/notation.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"
#include "tests/support/allocation.h"

static struct tfl_writer writer;

static void teardown(void)
{
	tfl_writer_finish(&writer);
}

START_TEST(carries_request)
{
	struct tfl_message message;
	struct tfl_slice body;

	tfl_message_request(&writer, UINT32_MAX, "model.load");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "m");
	body = wire_body(&writer);
	message = wire_message(body);
	ck_assert_int_eq(message.kind, TFL_MESSAGE_REQUEST);
	ck_assert_uint_eq(message.msgid, UINT32_MAX);
	ck_assert_string(message.method, "model.load");
	ck_assert_uint_eq(message.params.size, 9);
	ck_assert_ptr_eq(message.params.data + message.params.size, body.data + body.size);
	ck_assert_ptr_null(message.result.data);
	wire_free(body);
}
END_TEST

START_TEST(carries_notification)
{
	struct tfl_message message;
	struct tfl_slice body;

	tfl_message_notification(&writer, "version.changed");
	tfl_writer_map(&writer, 0);
	body = wire_body(&writer);
	message = wire_message(body);
	ck_assert_int_eq(message.kind, TFL_MESSAGE_NOTIFICATION);
	ck_assert_string(message.method, "version.changed");
	ck_assert_uint_eq(message.params.size, 1);
	wire_free(body);
}
END_TEST

START_TEST(carries_reply)
{
	struct tfl_message message;
	struct tfl_slice body;
	struct tfl_reader reader;
	uint64_t value;

	tfl_message_reply(&writer, 7);
	tfl_writer_uint64(&writer, 42);
	body = wire_body(&writer);
	message = wire_message(body);
	ck_assert_int_eq(message.kind, TFL_MESSAGE_REPLY);
	ck_assert_uint_eq(message.msgid, 7);
	ck_assert(!message.failed);
	reader = tfl_reader_of(message.result);
	ck_assert_int_eq(tfl_reader_uint64(&reader, "it", &value, NULL), 0);
	ck_assert_uint_eq(value, 42);
	wire_free(body);
}
END_TEST

START_TEST(carries_failure)
{
	struct tfl_message message;
	struct tfl_slice body;

	tfl_message_failure(&writer, 8, TFL_NOT_FOUND, "no model 'x': there are digits, vww");
	body = wire_body(&writer);
	message = wire_message(body);
	ck_assert_int_eq(message.kind, TFL_MESSAGE_REPLY);
	ck_assert_uint_eq(message.msgid, 8);
	ck_assert(message.failed);
	ck_assert_int_eq(message.failure.status, TFL_NOT_FOUND);
	ck_assert_string(message.failure.name, "NOT_FOUND");
	ck_assert_string(message.failure.message, "no model 'x': there are digits, vww");
	wire_free(body);
}
END_TEST

START_TEST(carries_failure_notification)
{
	struct tfl_failure failure;
	struct tfl_message message;
	struct tfl_slice body;

	tfl_message_failure_notification(&writer, TFL_PROTOCOL_ERROR, "message: 2 bytes follow it");
	body = wire_body(&writer);
	message = wire_message(body);
	ck_assert_int_eq(message.kind, TFL_MESSAGE_NOTIFICATION);
	ck_assert_string(message.method, TFL_NOTIFY_ERROR);
	ck_assert_int_eq(tfl_failure_parse(message.params, &failure, NULL), 0);
	ck_assert_int_eq(failure.status, TFL_PROTOCOL_ERROR);
	ck_assert_string(failure.message, "message: 2 bytes follow it");
	wire_free(body);
}
END_TEST

/* Whatever the text, the other side takes it. */
START_TEST(failure_is_always_sayable)
{
	static char endless[TFL_FAILURE_MESSAGE_MAX + 10];
	static const char *const texts[] = {NULL, "", "tensor '\xff\xfe' of gr\xc3\xbcn", endless};
	static const char *const wanted[] = {"", "", "tensor '?" "?' of gr?" "?n", NULL};

	memset(endless, 'x', sizeof(endless) - 1);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(texts); i++) {
		struct tfl_message message;
		struct tfl_slice body;

		tfl_message_failure(&writer, 1, TFL_INTERNAL, texts[i]);
		body = wire_body(&writer);
		message = wire_message(body);
		if (wanted[i])
			ck_assert_string(message.failure.message, wanted[i]);
		else
			ck_assert_uint_gt(message.failure.message.length, 500);
		wire_free(body);
	}
}
END_TEST

START_TEST(unknown_code)
{
	struct tfl_slice body = notation_encode("[1, 5, {code: 4000, name: 'NEWER', message: 'm', hint: 'h'}, nil]");
	struct tfl_message message = wire_message(body);

	ck_assert_int_eq(message.failure.status, TFL_INTERNAL);
	ck_assert_string(message.failure.name, "NEWER");
	wire_free(body);
}
END_TEST

static const struct {
	const char *message;
	const char *text;
} wrong[] = {
	{"nil", "message must be an array, not nil"},
	{"{type: 0}", "message must be an array, not a map"},
	{"[]", "message: the array is empty, it must have 3 or 4 elements"},
	{"['x', 1, 2, 3]", "message: the type must be an integer, not a string"},
	{"[-1, 1, 2, 3]", "message: the type must not be negative, as -1 is"},
	{"[3, 1, 2, 3]", "message: the type must be 0 (request), 1 (reply) or 2 (notification), not 3"},
	{"[0, 1, 'infer']", "message: a request must have 4 elements, not 3"},
	{"[1, 1, nil, nil, nil]", "message: a reply must have 4 elements, not 5"},
	{"[2, 'x', {}, nil]", "message: a notification must have 3 elements, not 4"},
	{"[0, nil, 'infer', {}]", "message: msgid must be an integer, not nil"},
	{"[0, 4294967296, 'infer', {}]", "message: msgid must be below 2^32, not 4294967296"},
	{"[0, 1, 5, {}]", "message: the method must be a string, not an integer"},
	{"[0, 1, 'abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm', {}]",
	 "message: the method must have at most 64 bytes, not 65"},
	{"[0, 1, '\xff', {}]", "message: the method must be UTF-8 without NUL bytes"},
	{"[0, 1, 'infer', []]", "message: params must be a map, not an array"},
	{"[2, 'x', nil]", "message: params must be a map, not nil"},
	{"[1, 1, 'bad', nil]", "error must be a map, not a string"},
	{"[1, 1, {code: 0, name: '', message: ''}, nil]", "error: 'code' must be an integer from 1 to 4294967295, not 0"},
	{"[1, 1, {code: 1, name: ''}, nil]", "error: 'message' is missing: it must be a string of 0 to 4096 bytes"},
	{"[0, 1, 'infer', {model: ext}]", "message, byte 20: extension types are not used in this protocol"},
};

START_TEST(refuses)
{
	struct tfl_slice body = notation_encode(wrong[_i].message);
	struct tfl_message message = {.msgid = 77};
	struct tfl_error error = {0};

	ck_assert_refused(tfl_message_parse(body, &message, &error), error, -EBADMSG, wrong[_i].text);
	ck_assert_int_eq(tfl_message_parse(body, &message, NULL), -EBADMSG);
	ck_assert_uint_eq(message.msgid, 77);
	wire_free(body);
}
END_TEST

START_TEST(refuses_half_a_failure)
{
	struct tfl_slice map = notation_encode("{code: 3}");
	struct tfl_failure failure = {.status = TFL_OK};
	struct tfl_error error = {0};

	ck_assert_refused(tfl_failure_parse(map, &failure, &error), error, -EBADMSG,
			  "error: 'name' is missing: it must be a string of 0 to 64 bytes");
	ck_assert_int_eq(failure.status, TFL_OK);
	wire_free(map);
}
END_TEST

static int write_failure(void *data)
{
	struct tfl_writer fresh = {0};
	int r;

	tfl_message_failure(&fresh, 1, TFL_INTERNAL, data);
	r = tfl_writer_check(&fresh, NULL);
	tfl_writer_finish(&fresh);
	return r;
}

START_TEST(every_allocation_fails)
{
	static char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	ck_assert_uint_eq(allocation_fail_each(write_failure, text), 2);
}
END_TEST

Suite *message_suite(void)
{
	Suite *suite = suite_create("message");
	TCase *tcase = tcase_create("messages");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, carries_request);
	tcase_add_test(tcase, carries_notification);
	tcase_add_test(tcase, carries_reply);
	tcase_add_test(tcase, carries_failure);
	tcase_add_test(tcase, carries_failure_notification);
	tcase_add_test(tcase, failure_is_always_sayable);
	tcase_add_test(tcase, unknown_code);
	tcase_add_loop_test(tcase, refuses, 0, TFL_ARRAY_SIZE(wrong));
	tcase_add_test(tcase, refuses_half_a_failure);
	tcase_add_test(tcase, every_allocation_fails);
	suite_add_tcase(suite, tcase);
	return suite;
}
