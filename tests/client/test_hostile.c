/* SPDX-License-Identifier: MIT */
/*
 * A daemon that lies. Whatever it sends, a call ends with a status and a sentence within its time, holds no more memory than the bytes
 * that came, and the client works again when the daemon does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/request.h"
#include "proto/response.h"
#include "tests/client/common.h"
#include "tests/client/suites.h"

/* What the first connection's first request is answered with; later connections echo. */
struct lie {
	const char *name;
	void (*tell)(struct fake *fake, const struct tfl_message *request);
	int result;
	enum tfl_status status;
	const char *words; /* in the sentence */
	bool keeps;        /* the connection stays in step and in use */
};

static void send_frame(struct fake *fake, const void *body, uint32_t size)
{
	uint32_t length = htonl(size);

	fake_send_bytes(fake, &length, sizeof(length));
	fake_send_bytes(fake, body, size);
}

static void announce(struct fake *fake, uint32_t size)
{
	uint32_t length = htonl(size);

	fake_send_bytes(fake, &length, sizeof(length));
	fake_wait_end(fake);
}

static void huge_length(struct fake *fake, const struct tfl_message *request)
{
	announce(fake, UINT32_MAX);
}

static void no_length(struct fake *fake, const struct tfl_message *request)
{
	announce(fake, 0);
}

static void only_a_length(struct fake *fake, const struct tfl_message *request)
{
	announce(fake, 60 << 20);
}

static void garbage(struct fake *fake, const struct tfl_message *request)
{
	send_frame(fake, "\xc1\xff garbage", 10);
}

static void huge_count(struct fake *fake, const struct tfl_message *request)
{
	send_frame(fake, "\x94\x01\x01\xc0\xdd\xff\xff\xff\xff", 9);
}

static void cut_reply(struct fake *fake, const struct tfl_message *request)
{
	uint8_t bytes[4096];

	fake_write_echo(fake, request);
	tfl_writer_copy(&fake->writer, 0, bytes);
	fake_send_bytes(fake, bytes, tfl_writer_size(&fake->writer) - 7);
}

static void wrong_msgid(struct fake *fake, const struct tfl_message *request)
{
	struct tfl_message other = *request;

	other.msgid += 1000;
	fake_write_echo(fake, &other);
	fake_send(fake);
}

static void a_request(struct fake *fake, const struct tfl_message *request)
{
	tfl_message_request(&fake->writer, request->msgid, "infer");
	tfl_writer_map(&fake->writer, 0);
	fake_send(fake);
}

static void farewell(struct fake *fake, const struct tfl_message *request)
{
	tfl_message_failure_notification(&fake->writer, TFL_RESOURCE_EXHAUSTED, "this user has 256 connections, no more");
	fake_send(fake);
}

static void no_outputs(struct fake *fake, const struct tfl_message *request)
{
	tfl_message_reply(&fake->writer, request->msgid);
	tfl_writer_map(&fake->writer, 1);
	tfl_writer_text(&fake->writer, "model");
	tfl_writer_text(&fake->writer, "digits");
	fake_send(fake);
}

static void not_a_map(struct fake *fake, const struct tfl_message *request)
{
	tfl_message_reply(&fake->writer, request->msgid);
	tfl_writer_uint64(&fake->writer, 5);
	fake_send(fake);
}

static void output_in_region(struct fake *fake, const struct tfl_message *request)
{
	struct tfl_infer_served served = {.model = tfl_string_of("digits"), .version = 1};
	struct tfl_wire_tensor tensor = {.name = tfl_string_of("x"),
					 .dtype = TFL_UINT8,
					 .shape = {1, {8}},
					 .in_region = true,
					 .region = {.region = 1, .byte_size = 8}};

	tfl_infer_response_begin(&fake->writer, request->msgid, &served, 1);
	tfl_wire_tensor_write(&fake->writer, &tensor);
	fake_send(fake);
}

/* [1, msgid, {code, name: "NEW", message: "m"}, nil]; the msgid is a small one */
static void failure_of_code(struct fake *fake, const struct tfl_message *request, uint8_t code)
{
	uint8_t body[] = {0x94, 1,    (uint8_t)request->msgid,
			  0x83, 0xa4, 'c',
			  'o',  'd',  'e',
			  code, 0xa4, 'n',
			  'a',  'm',  'e',
			  0xa3, 'N',  'E',
			  'W',  0xa7, 'm',
			  'e',  's',  's',
			  'a',  'g',  'e',
			  0xa1, 'm',  0xc0};

	send_frame(fake, body, sizeof(body));
}

static void failure_without_status(struct fake *fake, const struct tfl_message *request)
{
	failure_of_code(fake, request, TFL_OK);
}

static void failure_of_a_newer_daemon(struct fake *fake, const struct tfl_message *request)
{
	failure_of_code(fake, request, 99);
}

static void old_msgids(struct fake *fake, const struct tfl_message *request)
{
	struct tfl_message old = *request;

	old.msgid = 0;
	for (unsigned i = 0; i < 1000; i++) {
		fake_write_echo(fake, &old);
		if (!fake_send(fake))
			return;
	}
	fake_wait_end(fake);
}

static void endless_drip(struct fake *fake, const struct tfl_message *request)
{
	uint32_t length = htonl(1 << 20);

	fake_send_bytes(fake, &length, sizeof(length));
	while (fake_send_bytes(fake, "x", 1))
		usleep(2000);
}

static void endless_talk(struct fake *fake, const struct tfl_message *request)
{
	for (;;) {
		tfl_message_notification(&fake->writer, "weather");
		tfl_writer_map(&fake->writer, 0);
		if (!fake_send(fake))
			return;
	}
}

static const struct lie lies[] = {
	{"huge length", huge_length, -EPROTO, TFL_PROTOCOL_ERROR, "4294967295", false},
	{"no length", no_length, -EPROTO, TFL_PROTOCOL_ERROR, "no frame", false},
	{"only a length", only_a_length, -ETIMEDOUT, TFL_DEADLINE_EXCEEDED, "within 100 ms", true},
	{"garbage", garbage, -EPROTO, TFL_PROTOCOL_ERROR, "no message", false},
	{"huge count", huge_count, -EPROTO, TFL_PROTOCOL_ERROR, "no message", false},
	{"cut reply", cut_reply, -ECONNRESET, TFL_DISCONNECTED, "ended", false},
	{"wrong msgid", wrong_msgid, -EPROTO, TFL_PROTOCOL_ERROR, "1001", false},
	{"a request", a_request, -EPROTO, TFL_PROTOCOL_ERROR, "request", false},
	{"farewell", farewell, -ENOBUFS, TFL_RESOURCE_EXHAUSTED, "256 connections", false},
	{"no outputs", no_outputs, -EPROTO, TFL_PROTOCOL_ERROR, "cannot be read", true},
	{"not a map", not_a_map, -EPROTO, TFL_PROTOCOL_ERROR, "cannot be read", true},
	{"output in region", output_in_region, -EPROTO, TFL_PROTOCOL_ERROR, "shared memory", true},
	{"failure without status", failure_without_status, -EPROTO, TFL_PROTOCOL_ERROR, "no message", false},
	{"failure of a newer daemon", failure_of_a_newer_daemon, -EIO, TFL_INTERNAL, "m", true},
	{"old msgids", old_msgids, -ETIMEDOUT, TFL_DEADLINE_EXCEEDED, "within 100 ms", true},
	{"endless drip", endless_drip, -ETIMEDOUT, TFL_DEADLINE_EXCEEDED, "within 100 ms", true},
	{"endless talk", endless_talk, -ETIMEDOUT, TFL_DEADLINE_EXCEEDED, "within 100 ms", true},
};

static void serve_lie(struct fake *fake, unsigned connection)
{
	const struct lie *lie = fake->data;
	struct tfl_message request;

	if (connection > 0)
		fake_serve_echo(fake, connection);
	else if (fake_receive(fake, &request))
		lie->tell(fake, &request);
}

START_TEST(lie_is_survived)
{
	const struct lie *lie = &lies[_i];
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;
	size_t before;
	int r;

	fake_start(&fake, serve_lie, (void *)lie);
	client = connect_to(&fake, lie->result == -ETIMEDOUT ? 100 : PATIENCE_MS, 0);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	r = tfl_client_infer(client, infer);
	ck_assert_msg(r == lie->result, "%s: %d %s", lie->name, r, tfl_infer_error_message(infer));
	ck_assert_int_eq(tfl_infer_status(infer), lie->status);
	ck_assert_msg(strstr(tfl_infer_error_message(infer), lie->words), "%s: %s", lie->name, tfl_infer_error_message(infer));
	ck_assert_uint_eq(tfl_infer_output_count(infer), 0);
	ck_assert_ptr_null(tfl_infer_output(infer, 0));
	ck_assert_uint_lt(mallinfo2().uordblks + mallinfo2().hblkhd, before + (1 << 20));
	if (!lie->keeps) {
		tfl_infer_set_timeout(infer, 5000);
		r = tfl_client_infer(client, infer);
		ck_assert_msg(r == 0, "%s, then: %s", lie->name, tfl_infer_error_message(infer));
	}
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

/* Every status of the wire arrives as itself, with its sentence and the errno that the header lists. */
static void serve_failures(struct fake *fake, unsigned connection)
{
	struct tfl_message request;
	int status = 1;

	while (fake_receive(fake, &request)) {
		tfl_message_failure(&fake->writer, request.msgid, (enum tfl_status)status++, "no model 'digits'; there are: faces");
		fake_send(fake);
	}
}

START_TEST(failures_come_through)
{
	static const int results[TFL_STATUS_COUNT] = {0,      EINVAL, ENOENT,  EEXIST,  EACCES, ENOBUFS, ETIMEDOUT, ECANCELED,
						      EAGAIN, ENOSYS, ENOTSUP, EBADMSG, EPROTO, EIO,     ECONNRESET, EDQUOT};
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_failures, NULL);
	client = connect_to(&fake, 0, 0);
	for (int status = 1; status < TFL_STATUS_COUNT; status++) {
		ck_assert_int_eq(tfl_client_infer(client, infer), -results[status]);
		ck_assert_int_eq(tfl_infer_status(infer), status);
		ck_assert_str_eq(tfl_infer_error_message(infer), "no model 'digits'; there are: faces");
	}
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

static void serve_bytewise(struct fake *fake, unsigned connection)
{
	struct tfl_message request;
	uint8_t bytes[4096];

	while (fake_receive(fake, &request)) {
		fake_write_echo(fake, &request);
		tfl_writer_copy(&fake->writer, 0, bytes);
		for (size_t i = 0; i < tfl_writer_size(&fake->writer); i++) {
			fake_send_bytes(fake, bytes + i, 1);
			usleep(100);
		}
	}
}

START_TEST(reply_in_single_bytes)
{
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_bytewise, NULL);
	client = connect_to(&fake, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

/* Replies with one byte changed at random: any status will do, but the call ends, and memory checkers stay quiet. */
static void serve_mutants(struct fake *fake, unsigned connection)
{
	unsigned *seed = fake->data;
	struct tfl_message request;
	uint8_t bytes[4096];

	while (fake_receive(fake, &request)) {
		fake_write_echo(fake, &request);
		tfl_writer_copy(&fake->writer, 0, bytes);
		bytes[4 + (unsigned)rand_r(seed) % (tfl_writer_size(&fake->writer) - 4)] ^= (uint8_t)(1 << rand_r(seed) % 8);
		if (!fake_send_bytes(fake, bytes, tfl_writer_size(&fake->writer)))
			return;
	}
}

START_TEST(mutated_replies)
{
	unsigned seed = 1, failed = 0;
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_mutants, &seed);
	client = connect_to(&fake, 20, 0);
	for (unsigned i = 0; i < 2000; i++)
		failed += tfl_client_infer(client, infer) < 0;
	ck_assert_uint_gt(failed, 100);
	ck_assert_uint_lt(failed, 2000);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

Suite *hostile_suite(void)
{
	Suite *suite = suite_create("hostile");
	TCase *tcase = tcase_create("hostile");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lie_is_survived, 0, sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(tcase, failures_come_through);
	tcase_add_test(tcase, reply_in_single_bytes);
	tcase_add_test(tcase, mutated_replies);
	suite_add_tcase(suite, tcase);
	return suite;
}
