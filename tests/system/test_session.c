/* SPDX-License-Identifier: MIT */
/*
 * Sessions with a model that sums up what it is given: what one remembers, and what nobody else does; in which order; and each of the ways in
 * which one ends.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/reader.h"
#include "proto/response.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define SECOND_START 1000 /* of version 2, whose sums begin there */

static struct daemon tfld;
static int fd;

static void add(const char *model, unsigned version, struct model_file file)
{
	daemon_add_model(&tfld, model, version, file.data, file.size);
	model_file_finish(&file);
}

static void start(const char *configuration)
{
	daemon_prepare(&tfld);
	add("sum", 1, model_sum(0, false));
	add("slow", 1, model_sum(0, true));
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void stop(void)
{
	close(fd);
	daemon_stop(&tfld);
}

static void send_open(int to, uint32_t msgid, const char *model, uint64_t version)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, msgid, "session.open", model, version, false);
	wire_send_frame(to, &writer);
	tfl_writer_finish(&writer);
}

static uint64_t expect_open(int from, uint32_t msgid, uint64_t version)
{
	struct reply reply;
	uint64_t session;

	ck_assert(wire_receive(from, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	ck_assert_uint_eq(wire_uint(reply.message.result, "version"), version);
	session = wire_uint(reply.message.result, "session");
	ck_assert_uint_gt(session, 0);
	reply_finish(&reply);
	return session;
}

static uint64_t open_session(int over, const char *model)
{
	send_open(over, 1, model, 0);
	return expect_open(over, 1, 1);
}

static void write_session(struct tfl_writer *writer, uint32_t msgid, const char *method, uint64_t session)
{
	wire_begin(writer, msgid, method);
	tfl_writer_map(writer, 1);
	tfl_writer_text(writer, "session");
	tfl_writer_uint64(writer, session);
}

static void send_session(int to, uint32_t msgid, const char *method, uint64_t session)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	write_session(&writer, msgid, method, session);
	wire_send_frame(to, &writer);
	tfl_writer_finish(&writer);
}

static void expect_done(int from, uint32_t msgid)
{
	struct reply reply;

	ck_assert(wire_receive(from, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
}

static void call_session(int over, const char *method, uint64_t session)
{
	send_session(over, 2, method, session);
	expect_done(over, 2);
}

/* Session 0: without one, the active version of "sum". */
static void send_number(int to, uint32_t msgid, uint64_t session, float number, uint64_t timeout_us)
{
	struct tfl_infer_head head = {.session = session, .timeout_us = timeout_us, .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = {.dtype = TFL_FLOAT32, .shape = {2, {1, 1}}, .data = {(const uint8_t *)&number, sizeof(number)}};
	struct tfl_wire_tensor sum = {.index = 0, .dtype = TFL_DTYPE_COUNT, .shape.rank = -1};

	if (!session)
		head.model = tfl_string_of("sum");
	send_infer(to, msgid, &head, &input, 1, &sum, 1);
}

static float expect_sum(int from, uint32_t msgid, uint64_t version)
{
	struct tfl_infer_response response;
	const struct tfl_wire_tensor *output;
	struct reply reply;
	float sum;

	ck_assert(wire_receive(from, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, NULL), 0);
	ck_assert_uint_eq(response.served.version, version);
	output = tfl_tensor_list_at(&response.outputs, 0);
	ck_assert_uint_eq(output->data.size, sizeof(sum));
	memcpy(&sum, output->data.data, sizeof(sum));
	tfl_infer_response_finish(&response);
	reply_finish(&reply);
	return sum;
}

static float ask(int over, uint64_t session, float number)
{
	send_number(over, 3, session, number, 0);
	return expect_sum(over, 3, 1);
}

static void expect_over(int over, uint64_t session, const char *part)
{
	send_number(over, 4, session, 1, 0);
	wire_expect_failure(over, 4, TFL_NOT_FOUND, part);
}

static uint64_t sessions(int over)
{
	struct reply reply;
	uint64_t count;

	wire_call(over, "stats", &reply);
	count = wire_uint(reply.message.result, "sessions");
	reply_finish(&reply);
	return count;
}

/* And metrics say the same of the one version. */
static void check_metrics(int over, const char *line)
{
	struct tfl_string text;
	struct reply reply;

	wire_call(over, "metrics", &reply);
	text = wire_string(reply.message.result, "text");
	ck_assert_ptr_nonnull(memmem(text.text, text.length, line, strlen(line)));
	reply_finish(&reply);
}

static void wait_sessions(int over, uint64_t count)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	while (sessions(over) != count) {
		ck_assert_uint_lt(now_ns(), until);
		usleep(5000);
	}
}

START_TEST(a_session_remembers_and_nobody_else_does)
{
	uint64_t first, second;

	start(NULL);
	ck_assert_float_eq(ask(fd, 0, 5), 5);
	ck_assert_float_eq(ask(fd, 0, 6), 6);
	first = open_session(fd, "sum");
	second = open_session(fd, "sum");
	ck_assert_uint_ne(first, second);
	ck_assert_uint_eq(sessions(fd), 2);
	check_metrics(fd, "tfl_model_sessions{model=\"sum\",version=\"1\"} 2\n");
	check_metrics(fd, "tfl_model_sessions{model=\"slow\",version=\"1\"} 0\n");
	for (int i = 1; i <= 20; i++) {
		ck_assert_float_eq(ask(fd, first, 1), (float)i);
		ck_assert_float_eq(ask(fd, second, -2), (float)(-2 * i));
		ck_assert_float_eq(ask(fd, 0, 7), 7);
	}
	call_session(fd, "session.reset", first);
	ck_assert_float_eq(ask(fd, first, 3), 3);
	ck_assert_float_eq(ask(fd, second, 0), -40);
	call_session(fd, "session.close", first);
	ck_assert_uint_eq(sessions(fd), 1);
	expect_over(fd, first, "this connection has no session");
	send_session(fd, 5, "session.close", first);
	wire_expect_failure(fd, 5, TFL_NOT_FOUND, "this connection has no session");
	ck_assert_float_eq(ask(fd, second, 1), -39);
	stop();
}
END_TEST

/* Whichever worker has them; and a close among them lets those before it end. */
START_TEST(requests_of_a_session_keep_their_order)
{
	enum { COUNT = 200 };
	uint64_t session;

	start("[requests]\nworkers = 4\ninline = 0\n");
	session = open_session(fd, "sum");
	for (uint32_t i = 1; i <= COUNT; i++)
		send_number(fd, i, session, (float)i, 0);
	send_session(fd, COUNT + 1, "session.reset", session);
	send_number(fd, COUNT + 2, session, 1, 0);
	send_session(fd, COUNT + 3, "session.close", session);
	for (uint32_t i = 1; i <= COUNT; i++)
		ck_assert_float_eq(expect_sum(fd, i, 1), (float)(i * (i + 1) / 2));
	expect_done(fd, COUNT + 1);
	ck_assert_float_eq(expect_sum(fd, COUNT + 2, 1), 1);
	expect_done(fd, COUNT + 3);
	ck_assert_uint_eq(sessions(fd), 0);
	stop();
}
END_TEST

START_TEST(a_session_ends_with_its_connection)
{
	int other;
	uint64_t session;

	start(NULL);
	other = daemon_connect(&tfld);
	session = open_session(other, "sum");
	ck_assert_float_eq(ask(other, session, 2), 2);
	expect_over(fd, session, "sessions end with their connection");
	ck_assert_uint_eq(sessions(fd), 1);
	/* With requests that wait, too. */
	for (uint32_t i = 0; i < 20; i++)
		send_number(other, i, session, 1, 0);
	close(other);
	wait_sessions(fd, 0);
	expect_over(fd, session, "sessions end with their connection");
	stop();
}
END_TEST

START_TEST(sessions_have_limits)
{
	uint64_t of_sum;

	start("[models]\nsessions = 2\n[users]\nsessions = 3\n");
	of_sum = open_session(fd, "sum");
	(void)open_session(fd, "sum");
	send_open(fd, 9, "sum", 0);
	wire_expect_failure(fd, 9, TFL_RESOURCE_EXHAUSTED, "model 'sum' may have 2 sessions at once (sessions in model.conf, or [models] sessions)");
	(void)open_session(fd, "slow");
	send_open(fd, 9, "slow", 0);
	wire_expect_failure(fd, 9, TFL_RESOURCE_EXHAUSTED, "may have 3 sessions at once ([users] sessions)");
	ck_assert_float_eq(ask(fd, of_sum, 1), 1);
	call_session(fd, "session.close", of_sum);
	(void)open_session(fd, "sum");
	stop();
}
END_TEST

/* What there is no room for never was; and whoever did not wait for that is told so. */
START_TEST(a_session_without_memory_does_not_begin)
{
	struct tfl_writer open, reset;

	start("[models]\nmemory_limit = 13M\ninstances = 1\n"); /* the model takes 8 MiB a time */
	tfl_writer_init(&open);
	tfl_writer_init(&reset);
	wire_begin_model(&open, 1, "session.open", "slow", 0, false);
	write_session(&reset, 2, "session.reset", 1);
	wire_send_both(fd, &open, &reset);
	tfl_writer_finish(&open);
	tfl_writer_finish(&reset);
	wire_expect_failure(fd, 2, TFL_NOT_FOUND, "has no session 1");
	wire_expect_failure(fd, 1, TFL_RESOURCE_EXHAUSTED, "a session with version 1 of 'slow' cannot begin: it needs ");
	wait_sessions(fd, 0);
	ck_assert_float_eq(ask(fd, open_session(fd, "sum"), 1), 1);
	stop();
}
END_TEST

/* Of as many as a user has by default, each is said to have been idle, and not only the last. */
START_TEST(idle_sessions_end)
{
	uint64_t session, until, others[7];

	start("[models]\nsession_idle = 2s\n");
	session = open_session(fd, "sum");
	until = now_ns() + UINT64_C(3000000000);
	for (int i = 1; now_ns() < until; i++) {
		ck_assert_float_eq(ask(fd, session, 1), (float)i);
		usleep(100000);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		others[i] = open_session(fd, "sum");
	wait_sessions(fd, 0);
	expect_over(fd, session, "it was not used for 2 s (session_idle in model.conf, or [models] session_idle)");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		expect_over(fd, others[i], "it was not used for 2 s");
	stop();
}
END_TEST

static void swap(uint64_t version)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 6, "model.swap", "sum", version, false);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	expect_done(fd, 6);
}

static void send_unload(int to, uint64_t version)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 7, "model.unload", "sum", version, false);
	wire_send_frame(to, &writer);
	tfl_writer_finish(&writer);
}

static void start_with_second(const char *configuration, float begin)
{
	daemon_prepare(&tfld);
	add("sum", 1, model_sum(0, false));
	add("sum", 2, model_sum(begin, false));
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	swap(1);
}

START_TEST(a_session_keeps_its_version)
{
	int admin;
	uint64_t session, later;

	start_with_second("[models]\nsession_grace = 3s\ntrial = no\n", SECOND_START);
	admin = daemon_connect(&tfld);
	session = open_session(fd, "sum");
	ck_assert_float_eq(ask(fd, session, 1), 1);
	swap(2);
	ck_assert_float_eq(ask(fd, session, 1), 2);
	send_open(fd, 1, "sum", 0);
	later = expect_open(fd, 1, 2);
	/* Taken out of service, it goes on until the grace is over, and the unload waits for that. */
	send_unload(admin, 1);
	ck_assert_float_eq(ask(fd, session, 1), 3);
	expect_done(admin, 7);
	expect_over(fd, session, "its version 1 was taken out of service, and its grace is over");
	ck_assert_uint_eq(sessions(fd), 1);
	send_number(fd, 8, later, 1, 0);
	ck_assert_float_eq(expect_sum(fd, 8, 2), SECOND_START + 1);
	close(admin);
	stop();
}
END_TEST

START_TEST(an_unload_waits_for_no_session_that_is_closed)
{
	int admin;
	uint64_t session, began;

	start_with_second("[models]\nsession_grace = 10min\ntrial = no\n", SECOND_START);
	admin = daemon_connect(&tfld);
	session = open_session(fd, "sum");
	send_unload(admin, 1);
	ck_assert_float_eq(ask(fd, session, 1), 1);
	began = now_ns();
	call_session(fd, "session.close", session);
	expect_done(admin, 7);
	ck_assert_uint_lt(now_ns() - began, PATIENCE_NS);
	close(admin);
	stop();
}
END_TEST

/* It begins at minus infinity, and a state that has grown to infinity makes a NaN of that, which is nobody's but the version's. */
START_TEST(a_rejected_version_ends_its_sessions)
{
	uint64_t session;

	start_with_second("[models]\nsession_grace = 10min\ntrial_nan = 1\n", -INFINITY);
	swap(2);
	send_open(fd, 1, "sum", 0);
	session = expect_open(fd, 1, 2);
	send_number(fd, 8, session, 3e38f, 0);
	(void)expect_sum(fd, 8, 2);
	send_number(fd, 9, session, 3e38f, 0);
	ck_assert(isnan(expect_sum(fd, 9, 2)));
	expect_over(fd, session, "its version 2 was rejected");
	ck_assert_float_eq(ask(fd, 0, 4), 4); /* of version 1 */
	stop();
}
END_TEST

/* Sends requests whose time runs out until one has begun by then; half of a run is no state. */
static void spoil(uint64_t session)
{
	for (uint64_t timeout_us = 20000; timeout_us < 5000000; timeout_us *= 2) {
		struct reply reply;
		bool lost;

		send_number(fd, 10, session, 1, timeout_us);
		ck_assert(wire_receive(fd, &reply));
		reply_finish(&reply);
		send_number(fd, 11, session, 1, 1); /* over before it runs, so nothing happens to the state */
		ck_assert(wire_receive(fd, &reply));
		ck_assert(reply.message.failed);
		lost = reply.message.failure.status == TFL_INVALID_ARGUMENT;
		reply_finish(&reply);
		if (lost)
			return;
		send_number(fd, 12, session, 1, 0);
		ck_assert(wire_receive(fd, &reply));
		lost = reply.message.failed;
		reply_finish(&reply);
		if (lost)
			return;
	}
	ck_abort_msg("no request ended half-way");
}

START_TEST(a_request_that_ends_half_way_leaves_no_state)
{
	uint64_t session;

	start(NULL);
	session = open_session(fd, "slow");
	spoil(session);
	send_number(fd, 13, session, 1, 0);
	wire_expect_failure(fd, 13, TFL_INVALID_ARGUMENT, "was lost with a request that ended half-way: reset the session");
	call_session(fd, "session.reset", session);
	ck_assert_float_eq(ask(fd, session, 9), 9);
	stop();
}
END_TEST

START_TEST(wrong_requests_are_refused)
{
	static const struct {
		struct tfl_infer_head head;
		const char *part;
	} heads[] = {
		{{.session = 1, .model = {"sum", 3}}, "a session has its model, version and priority"},
		{{.session = 1, .version = 1}, "a session has its model, version and priority"},
		{{.session = 1, .key = {"k", 1}}, "a session has its model, version and priority"},
		{{.session = 1, .priority = 1}, "a session has its model, version and priority"},
		{{.version = 1}, "'model' is missing"},
	};

	start("[models]\nsessions = 1\n");
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct tfl_infer_head head = heads[i].head;

		head.dtype = TFL_DTYPE_COUNT;
		send_infer(fd, 20, &head, NULL, 0, NULL, 0);
		wire_expect_failure(fd, 20, TFL_INVALID_ARGUMENT, heads[i].part);
	}
	send_open(fd, 21, "nothing", 0);
	wire_expect_failure(fd, 21, TFL_NOT_FOUND, "nothing");
	send_open(fd, 22, "sum", 9);
	wire_expect_failure(fd, 22, TFL_NOT_FOUND, "9");
	ck_assert_uint_eq(sessions(fd), 0);
	/* One that was given up before it began counts no more. */
	for (uint32_t i = 0; i < 50; i++) {
		struct reply reply;
		uint64_t session = 0;

		send_open(fd, 23, "slow", 0);
		wire_cancel(fd, 23);
		ck_assert(wire_receive(fd, &reply));
		if (!reply.message.failed)
			session = wire_uint(reply.message.result, "session");
		else
			ck_assert_int_eq(reply.message.failure.status, TFL_CANCELLED);
		reply_finish(&reply);
		if (session)
			call_session(fd, "session.close", session);
		wait_sessions(fd, 0);
	}
	stop();
}
END_TEST

Suite *session_suite(void)
{
	Suite *suite = suite_create("session");
	TCase *tcase = tcase_create("session");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_session_remembers_and_nobody_else_does);
	tcase_add_test(tcase, requests_of_a_session_keep_their_order);
	tcase_add_test(tcase, a_session_ends_with_its_connection);
	tcase_add_test(tcase, sessions_have_limits);
	tcase_add_test(tcase, a_session_without_memory_does_not_begin);
	tcase_add_test(tcase, idle_sessions_end);
	tcase_add_test(tcase, a_session_keeps_its_version);
	tcase_add_test(tcase, an_unload_waits_for_no_session_that_is_closed);
	tcase_add_test(tcase, a_rejected_version_ends_its_sessions);
	tcase_add_test(tcase, a_request_that_ends_half_way_leaves_no_state);
	tcase_add_test(tcase, wrong_requests_are_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
