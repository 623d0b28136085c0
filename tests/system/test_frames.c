/* SPDX-License-Identifier: MIT */
/*
 * Bytes that are no request, requests that are none of ours, and streams that end early: what the sender is told, what happens to its
 * connection, and that everybody else is served on.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/request.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static struct tfl_writer writer;
static int fd, bystander;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	bystander = daemon_connect(&tfld);
	fd = daemon_connect(&tfld);
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	send_tiny(bystander, 99, 0);
	expect_tiny(bystander, 99);
	tfl_writer_finish(&writer);
	close(fd);
	close(bystander);
	daemon_stop(&tfld);
}

/* Sends a frame with this body. */
static void send_body(const void *body, size_t size)
{
	uint8_t header[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};

	wire_send(fd, header, sizeof(header));
	wire_send(fd, body, size);
}

START_TEST(an_oversized_length)
{
	wire_send(fd, "\x04\x00\x00\x01", 4);
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "67108864");
}
END_TEST

START_TEST(a_length_of_nothing)
{
	wire_send(fd, "\0\0\0\0", 4);
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "a frame of 0 bytes");
}
END_TEST

START_TEST(text_of_another_protocol)
{
	wire_send_text(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "");
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t size;
} garbage[] = {
	{BYTES("\xc1")},                               /* never used */
	{BYTES("\xc0")},                               /* nil */
	{BYTES("\x94\x00\x01")},                       /* cut off */
	{BYTES("\x94\x00\x01\xa6health\x80\x80")},    /* something behind the message */
	{BYTES("\x93\x00\x01\xa6health")},            /* too few elements */
	{BYTES("\x94\x05\x01\xa6health\x80")},        /* no such kind */
	{BYTES("\x94\x00\xff\xa6health\x80")},        /* a negative msgid */
	{BYTES("\x94\x00\x01\x07\x80")},               /* a method that is a number */
	{BYTES("\x94\x00\x01\xa6health\x90")},        /* params that are an array */
	{BYTES("\x94\x00\x01\xa6health\xdf\xff\xff\xff\xff")}, /* a map of 2^32 - 1 entries */
	{BYTES("\x94\x00\x01\xa2\xff\xfe\x80")},       /* a method that is not UTF-8 */
	{BYTES("\x94\x00\x01\xa6health\x81\x01\x01")}, /* a key that is a number */
	{BYTES("\x94\x00\x01\xa6health\x81\xa1k\xd4\x01\x01")}, /* an extension */
};

START_TEST(garbage_in_a_frame)
{
	send_body(garbage[_i].bytes, garbage[_i].size);
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "");
}
END_TEST

START_TEST(too_deep)
{
	uint8_t body[64] = "\x94\x00\x01\xa6health\x81\xa1k";

	memset(body + 13, 0x91, 20);
	body[33] = 0xc0;
	send_body(body, 34);
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "deep");
}
END_TEST

START_TEST(noise)
{
	uint8_t bytes[4096];

	srand((unsigned)_i);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)rand();
	/* A length that fits, so that the noise is looked at as a message. */
	bytes[0] = bytes[1] = 0;
	bytes[2] = 1;
	wire_send(fd, bytes, sizeof(bytes));
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "");
}
END_TEST

START_TEST(a_truncated_frame)
{
	wire_send(fd, "\x00\x00\x00\x64\x94\x00", 6);
	shutdown(fd, SHUT_WR);
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "the stream ended in the middle of a frame");
}
END_TEST

START_TEST(a_truncated_length)
{
	wire_send(fd, "\x00\x00", 2);
	shutdown(fd, SHUT_WR);
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "the stream ended in the middle of a frame");
}
END_TEST

START_TEST(a_reply_from_a_client)
{
	send_body("\x94\x01\x07\xc0\xc0", 5);
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "a reply to request 7");
}
END_TEST

START_TEST(notifications_are_passed_over)
{
	send_body("\x93\x02\xa6health\x80", 10);
	wire_expect_alive(fd);
}
END_TEST

START_TEST(an_unknown_method_keeps_the_connection)
{
	wire_begin(&writer, 5, "model.teleport");
	tfl_writer_map(&writer, 0);
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 5, TFL_UNIMPLEMENTED, "there is no method 'model.teleport'");
	wire_expect_alive(fd);
}
END_TEST

START_TEST(what_came_before_the_garbage_is_answered)
{
	send_tiny(fd, 1, 0);
	send_tiny(fd, 2, 0);
	send_body("\xc0", 1);
	/* Replies and the complaint may come in any order; each must come. */
	for (unsigned seen = 0; seen != 7;) {
		struct reply reply;

		ck_assert(wire_receive(fd, &reply));
		seen |= reply.message.kind == TFL_MESSAGE_NOTIFICATION ? 4u : reply.message.msgid;
		reply_finish(&reply);
	}
	wire_expect_end(fd);
}
END_TEST

START_TEST(a_frame_byte_by_byte)
{
	struct iovec *iov;
	unsigned count;

	wire_begin(&writer, 1, "health");
	tfl_writer_map(&writer, 0);
	tfl_writer_iovec(&writer, 0, &iov, &count);
	ck_assert_uint_eq(count, 1);
	for (size_t i = 0; i < iov[0].iov_len; i++) {
		wire_send(fd, (const uint8_t *)iov[0].iov_base + i, 1);
		usleep(300);
	}
	ck_assert(tfl_writer_check(&writer, NULL) == 0);
	wire_send_frame(fd, &writer);
	for (unsigned i = 0; i < 2; i++) {
		struct reply reply;

		ck_assert(wire_receive(fd, &reply));
		ck_assert_uint_eq(reply.message.msgid, 1);
		reply_finish(&reply);
	}
}
END_TEST

/* More requests at once than one turn takes, several times over; a bystander comes in between. */
START_TEST(pipelined_requests_are_all_answered)
{
	enum { COUNT = 1000 };
	static bool answered[COUNT];

	ck_assert_uint_lt(wire_send_crowd(tfld.pid, fd, "health", COUNT, bystander), COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		struct reply reply;

		ck_assert(wire_receive(fd, &reply));
		ck_assert_uint_lt(reply.message.msgid, COUNT);
		ck_assert(!answered[reply.message.msgid]);
		answered[reply.message.msgid] = true;
		reply_finish(&reply);
	}
}
END_TEST

START_TEST(pipelined_inferences_are_all_answered)
{
	enum { COUNT = 300 };
	static bool answered[COUNT];

	for (uint32_t i = 0; i < COUNT; i++)
		send_tiny(fd, i, 0);
	for (unsigned i = 0; i < COUNT; i++) {
		struct reply reply;

		ck_assert(wire_receive(fd, &reply));
		ck_assert(!reply.message.failed);
		ck_assert(!answered[reply.message.msgid]);
		answered[reply.message.msgid] = true;
		reply_finish(&reply);
	}
}
END_TEST

START_TEST(a_half_closed_connection_gets_its_replies)
{
	for (uint32_t i = 0; i < 20; i++)
		send_tiny(fd, i, 0);
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < 20; i++) {
		struct reply reply;

		ck_assert(wire_receive(fd, &reply));
		ck_assert(!reply.message.failed);
		reply_finish(&reply);
	}
	wire_expect_end(fd);
}
END_TEST

START_TEST(an_idle_half_closed_connection_is_closed)
{
	shutdown(fd, SHUT_WR);
	wire_expect_end(fd);
}
END_TEST

/* Nothing that clients did before may leave the loop running in circles. */
START_TEST(an_idle_daemon_uses_no_processor_time)
{
	uint64_t before;
	int half = daemon_connect(&tfld), broken = daemon_connect(&tfld);

	shutdown(half, SHUT_WR);
	wire_send(broken, "\0\0\0\0", 4);
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	usleep(100000);
	before = daemon_cpu_ns(&tfld);
	usleep(500000);
	ck_assert_uint_lt(daemon_cpu_ns(&tfld) - before, 20000000);
	close(half);
	close(broken);
}
END_TEST

Suite *frames_suite(void)
{
	Suite *suite = suite_create("frames");
	TCase *tcase = tcase_create("hostile clients");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, an_oversized_length);
	tcase_add_test(tcase, a_length_of_nothing);
	tcase_add_test(tcase, text_of_another_protocol);
	tcase_add_loop_test(tcase, garbage_in_a_frame, 0, sizeof(garbage) / sizeof(garbage[0]));
	tcase_add_test(tcase, too_deep);
	tcase_add_loop_test(tcase, noise, 0, 5);
	tcase_add_test(tcase, a_truncated_frame);
	tcase_add_test(tcase, a_truncated_length);
	tcase_add_test(tcase, a_reply_from_a_client);
	tcase_add_test(tcase, notifications_are_passed_over);
	tcase_add_test(tcase, an_unknown_method_keeps_the_connection);
	tcase_add_test(tcase, what_came_before_the_garbage_is_answered);
	tcase_add_test(tcase, a_frame_byte_by_byte);
	tcase_add_test(tcase, pipelined_requests_are_all_answered);
	tcase_add_test(tcase, pipelined_inferences_are_all_answered);
	tcase_add_test(tcase, a_half_closed_connection_gets_its_replies);
	tcase_add_test(tcase, an_idle_half_closed_connection_is_closed);
	tcase_add_test(tcase, an_idle_daemon_uses_no_processor_time);
	suite_add_tcase(suite, tcase);
	return suite;
}
