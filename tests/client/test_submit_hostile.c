/* SPDX-License-Identifier: MIT */
/*
 * A daemon that lies to a client with many requests under way. Whatever it sends, every request ends exactly once, none with the answer to
 * another, and no dispatch waits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/response.h"
#include "tests/client/common.h"
#include "tests/client/loop.h"
#include "tests/client/suites.h"

#define COUNT 20

static void submit_all(void (*serve)(struct fake *served, unsigned connection), int timeout_ms)
{
	scene_start(serve, timeout_ms, 0, COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		ticket_submit(&tickets[i]);
}

/* Afterwards the client serves as if nothing had been. */
static void expect_well_again(void)
{
	struct ticket again;

	ticket_init(&again, scene.client, 77);
	tfl_infer_set_timeout(again.infer, 5000);
	ticket_submit(&again);
	loop_run(scene.client);
	ticket_expect(&again, 0);
	ticket_finish(&again);
}

static void serve_twice(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(served, &request)) {
		fake_write_echo(served, &request);
		if (!fake_send(served) || !fake_send(served))
			return;
	}
}

START_TEST(duplicate_replies)
{
	submit_all(serve_twice, 0);
	loop_run(scene.client);
	for (unsigned i = 0; i < COUNT; i++)
		ticket_expect(&tickets[i], 0);
	expect_well_again();
	ck_assert_uint_eq(scene.fake.served, 0); /* over the same connection */
	scene_stop(COUNT);
}
END_TEST

/* Answers some requests, and one that was never sent. */
static void serve_strangers(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	for (unsigned i = 0; fake_receive(served, &request); i++) {
		if (connection == 0 && i == 5)
			request.msgid += 100000;
		fake_write_echo(served, &request);
		if (!fake_send(served))
			return;
	}
}

/* All that were under way on that connection end alike, those before with their results. */
START_TEST(a_reply_to_nobody)
{
	unsigned right = 0;

	submit_all(serve_strangers, 0);
	loop_run(scene.client);
	for (unsigned i = 0; i < COUNT; i++) {
		ticket_expect(&tickets[i], i < 5 ? 0 : -EPROTO);
		right += tickets[i].result == 0;
	}
	ck_assert_uint_eq(right, 5);
	expect_well_again();
	scene_stop(COUNT);
}
END_TEST

/* Reads the beginning of a large request and answers it before the rest. */
static void serve_hastily(struct fake *served, unsigned connection)
{
	struct tfl_infer_served head;
	struct tfl_message request;
	uint8_t some[64];

	if (connection > 0) {
		fake_serve_echo(served, connection);
		return;
	}
	if (!fake_receive(served, &request) || recv(served->fd, some, sizeof(some), MSG_WAITALL) < 0)
		return;
	head = (struct tfl_infer_served){.model = tfl_string_of("digits"), .version = 1};
	tfl_infer_response_begin(&served->writer, request.msgid + 1, &head, 0);
	fake_send(served);
	fake_wait_end(served);
}

START_TEST(a_reply_before_its_request)
{
	static uint8_t bytes[4 << 20];
	static const int32_t dims[1] = {4 << 20};

	scene_start(serve_hastily, 0, 0, COUNT);
	ck_assert_int_eq(tfl_infer_set_input(tickets[1].infer, 0, TFL_UINT8, dims, 1, bytes, sizeof(bytes)), 0);
	for (unsigned i = 0; i < 3; i++)
		ticket_submit(&tickets[i]);
	loop_run(scene.client);
	ticket_expect(&tickets[0], -EPROTO);
	ticket_expect(&tickets[1], -EPROTO);
	ck_assert_msg(strstr(tfl_infer_error_message(tickets[1].infer), "before it had all of it"), "%s",
		      tfl_infer_error_message(tickets[1].infer));
	ticket_expect(&tickets[2], 0); /* of which nothing was out */
	scene_stop(COUNT);
}
END_TEST

static void serve_some_and_close(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	for (unsigned i = 0; i < COUNT && fake_receive(served, &request); i++) {
		if (connection == 0 && i % 2)
			continue;
		fake_write_echo(served, &request);
		fake_send(served);
	}
}

START_TEST(closes_in_the_middle)
{
	submit_all(serve_some_and_close, 0);
	loop_run(scene.client);
	for (unsigned i = 0; i < COUNT; i++)
		ticket_expect(&tickets[i], i % 2 ? -ECONNRESET : 0);
	ck_assert_uint_eq(scene.fake.requests, COUNT); /* none of them twice */
	expect_well_again();
	scene_stop(COUNT);
}
END_TEST

/* Half a reply, then the end. */
static void serve_half(struct fake *served, unsigned connection)
{
	struct tfl_message request;
	uint8_t bytes[4096];

	if (connection > 0) {
		fake_serve_echo(served, connection);
	} else if (fake_receive(served, &request)) {
		fake_write_echo(served, &request);
		tfl_writer_copy(&served->writer, 0, bytes);
		fake_send_bytes(served, bytes, tfl_writer_size(&served->writer) / 2);
		for (unsigned i = 1; i < COUNT; i++)
			fake_receive(served, &request);
	}
}

START_TEST(half_a_reply)
{
	submit_all(serve_half, 0);
	loop_run(scene.client);
	for (unsigned i = 0; i < COUNT; i++)
		ticket_expect(&tickets[i], -ECONNRESET);
	expect_well_again();
	scene_stop(COUNT);
}
END_TEST

static void serve_bytewise(struct fake *served, unsigned connection)
{
	struct tfl_message request;
	uint8_t bytes[4096];

	while (fake_receive(served, &request)) {
		fake_write_echo(served, &request);
		tfl_writer_copy(&served->writer, 0, bytes);
		for (size_t i = 0; i < tfl_writer_size(&served->writer); i++) {
			fake_send_bytes(served, bytes + i, 1);
			usleep(50);
		}
	}
}

START_TEST(replies_in_single_bytes)
{
	submit_all(serve_bytewise, 0);
	loop_run(scene.client);
	for (unsigned i = 0; i < COUNT; i++)
		ticket_expect(&tickets[i], 0);
	scene_stop(COUNT);
}
END_TEST

/* Never a reply, always something to read: deadlines come all the same, and each dispatch ends. */
static void serve_chatter(struct fake *served, unsigned connection)
{
	for (;;) {
		tfl_message_notification(&served->writer, "weather");
		tfl_writer_map(&served->writer, 0);
		if (!fake_send(served))
			return;
	}
}

START_TEST(endless_talk)
{
	submit_all(serve_chatter, 100);
	loop_run(scene.client);
	for (unsigned i = 0; i < COUNT; i++)
		ticket_expect(&tickets[i], -ETIMEDOUT);
	scene_stop(COUNT);
}
END_TEST

/* Takes every connection, says why it does not want it, and closes. */
static void serve_farewell(struct fake *served, unsigned connection)
{
	tfl_message_failure_notification(&served->writer, TFL_RESOURCE_EXHAUSTED, "this user has 256 connections, no more");
	fake_send(served);
}

/* Requests may move to a second connection, but not to a third: this ends. */
START_TEST(turned_away_again_and_again)
{
	scene_start(serve_farewell, 0, 0, COUNT);
	fake_wait_served(&scene.fake, 1);
	for (unsigned i = 0; i < COUNT; i++)
		ticket_submit(&tickets[i]);
	loop_run(scene.client);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_uint_eq(tickets[i].calls, 1);
		ck_assert_msg(tickets[i].result == -ENOBUFS || tickets[i].result == -ECONNRESET, "%d", tickets[i].result);
	}
	ck_assert_uint_le(scene.fake.served, 2 * COUNT);
	scene_stop(COUNT);
}
END_TEST

static void serve_mutants(struct fake *served, unsigned connection)
{
	static unsigned seed = 1;
	struct tfl_message request;
	uint8_t bytes[4096];

	while (fake_receive(served, &request)) {
		fake_write_echo(served, &request);
		tfl_writer_copy(&served->writer, 0, bytes);
		if (rand_r(&seed) % 4 == 0)
			bytes[(unsigned)rand_r(&seed) % tfl_writer_size(&served->writer)] ^= (uint8_t)(1 << rand_r(&seed) % 8);
		if (!fake_send_bytes(served, bytes, tfl_writer_size(&served->writer)))
			return;
	}
}

static void submit_again(struct ticket *ticket)
{
	ticket->data = (char *)ticket->data + (ticket->result == 0);
	if (ticket->calls < 100)
		ticket_submit(ticket);
}

/* Any status will do, but each ends, and memory checkers stay quiet. */
START_TEST(mutated_replies)
{
	size_t right = 0;

	scene_start(serve_mutants, 50, 0, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		tickets[i].then = submit_again;
		ticket_submit(&tickets[i]);
	}
	loop_run(scene.client);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_uint_eq(tickets[i].calls, 100);
		right += (size_t)tickets[i].data;
	}
	ck_assert_uint_gt(right, 10);
	ck_assert_uint_lt(right, 100 * COUNT);
	scene_stop(COUNT);
}
END_TEST

Suite *submit_hostile_suite(void)
{
	Suite *suite = suite_create("submit-hostile");
	TCase *tcase = tcase_create("submit-hostile");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, duplicate_replies);
	tcase_add_test(tcase, a_reply_to_nobody);
	tcase_add_test(tcase, a_reply_before_its_request);
	tcase_add_test(tcase, closes_in_the_middle);
	tcase_add_test(tcase, half_a_reply);
	tcase_add_test(tcase, replies_in_single_bytes);
	tcase_add_test(tcase, endless_talk);
	tcase_add_test(tcase, turned_away_again_and_again);
	tcase_add_test(tcase, mutated_replies);
	suite_add_tcase(suite, tcase);
	return suite;
}
