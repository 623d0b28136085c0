/* SPDX-License-Identifier: MIT */
/*
 * Who administered what. The methods come from the daemon itself, so that a new one which needs the right to administer has to get a row
 * here, and is told like the others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static struct tfl_writer writer;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	daemon_stop(&tfld);
}

static void put_text(const char *key, const char *value)
{
	tfl_writer_text(&writer, key);
	tfl_writer_text(&writer, value);
}

static void put_number(const char *key, uint64_t value)
{
	tfl_writer_text(&writer, key);
	tfl_writer_uint64(&writer, value);
}

/* What a call says beside its model, and what is told of it then. In an order in which they succeed. */
static const struct {
	const char *method;
	uint64_t version;
	const char *key, *text; /* one more, or … */
	uint64_t number;        /* … the same, a number */
	const char *told;
} rows[] = {
	{"model.load", 0, NULL, NULL, 0, " for version 2 of 'tiny': done\n"},
	{"model.swap", 2, NULL, NULL, 0, " for version 2 of 'tiny': done\n"},
	{"model.rollback", 0, NULL, NULL, 0, " for 'tiny': done\n"},
	{"label.set", 2, "label", "canary", 0, " for label 'canary' of version 2 of 'tiny': done\n"},
	{"route.set", 0, "route", "1=50 2=50", 0, " for 'tiny': done\n"},
	{"baseline.set", 1, NULL, NULL, 0, " for version 1 of 'tiny': failed, "},
	{"record.start", 0, "count", NULL, 5, " for 'tiny': done\n"},
	{"record.stop", 0, NULL, NULL, 0, " for 'tiny': done\n"},
	{"record.read", 0, "sample", "nosuch.tflsample", 0, " for 'tiny': failed, NOT_FOUND: "},
	{"record.erase", 0, NULL, NULL, 0, " for 'tiny': done\n"},
	{"model.unload", 2, NULL, NULL, 0, " for version 2 of 'tiny': done\n"},
	{"model.reload", 2, NULL, NULL, 0, " for version 2 of 'tiny': done\n"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void send_row(int fd, unsigned row, const char *model)
{
	struct model_file file = model_tiny(false, 2);
	int passed = memfd_create("model", MFD_CLOEXEC);

	ck_assert_int_eq(write(passed, file.data, file.size), (ssize_t)file.size);
	wire_begin(&writer, 7, rows[row].method);
	tfl_writer_map(&writer, 1 + (rows[row].version > 0) + (rows[row].key != NULL));
	put_text("model", model);
	if (rows[row].version)
		put_number("version", rows[row].version);
	if (rows[row].text)
		put_text(rows[row].key, rows[row].text);
	else if (rows[row].key)
		put_number(rows[row].key, rows[row].number);
	if (strcmp(rows[row].method, "model.load") == 0 && fd >= 0)
		wire_send_frame_passing(fd, &writer, &passed, 1);
	else
		wire_send_frame(fd, &writer);
	close(passed);
	model_file_finish(&file);
}

/* The row of a method, or ROWS. */
static unsigned row_of(struct tfl_string method)
{
	unsigned row = 0;

	while (row < ROWS && !tfl_string_equal(method, rows[row].method))
		row++;
	return row;
}

/* Each method of the daemon that needs the right has its row. */
static void expect_a_row_each(int fd)
{
	struct reply reply;
	unsigned needing = 0;

	wire_call(fd, "server.info", &reply);
	for (unsigned i = 0; i < wire_count(reply.message.result, "methods"); i++) {
		char path[2][32];
		struct tfl_string method;

		snprintf(path[0], sizeof(path[0]), "methods.%u.method", i);
		snprintf(path[1], sizeof(path[1]), "methods.%u.right", i);
		method = wire_string(reply.message.result, path[0]);
		if (!tfl_string_equal(wire_string(reply.message.result, path[1]), "admin"))
			continue;
		needing++;
		ck_assert_msg(row_of(method) < ROWS, "%.*s has no row in this test", TFL_STRING_ARGS(method));
	}
	ck_assert_uint_eq(needing, ROWS);
	reply_finish(&reply);
}

static void expect_told(unsigned row, const char *subject_and_result)
{
	char text[256];

	snprintf(text, sizeof(text), "audit: uid %u, pid %d: %s%s", (unsigned)getuid(), (int)getpid(), rows[row].method, subject_and_result);
	ck_assert_msg(daemon_times_logged(&tfld, text) == 1, "'%s' stands %u times in the log", text, daemon_times_logged(&tfld, text));
}

START_TEST(each_call_is_told_once_with_what_came_of_it)
{
	struct reply reply;
	int fd;

	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	expect_a_row_each(fd);
	for (unsigned row = 0; row < ROWS; row++) {
		send_row(fd, row, "tiny");
		ck_assert(wire_receive(fd, &reply));
		reply_finish(&reply);
		expect_told(row, rows[row].told);
		ck_assert_uint_eq(daemon_times_logged(&tfld, "audit: "), row + 1);
	}
	send_tiny(fd, 1, 0);
	expect_outputs(fd, 1);
	wire_call(fd, "stats", &reply);
	reply_finish(&reply);
	ck_assert_uint_eq(daemon_times_logged(&tfld, "audit: "), ROWS);
	close(fd);
}
END_TEST

START_TEST(each_call_that_fails_is_told_once)
{
	struct reply reply;
	int fd;

	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	for (unsigned row = 0; row < ROWS; row++) {
		wire_begin(&writer, 7, rows[row].method);
		tfl_writer_map(&writer, 2);
		put_text("model", "no such\nmodel 'x'");
		put_text("version", "none");
		wire_send_frame(fd, &writer);
		ck_assert(wire_receive(fd, &reply));
		reply_finish(&reply);
		expect_told(row, ": failed, INVALID_ARGUMENT: "); /* and nothing that was made up by the caller */
	}
	ck_assert_uint_eq(daemon_times_logged(&tfld, "audit: "), ROWS);
	close(fd);
}
END_TEST

/* The client goes before it is answered. */
START_TEST(who_does_not_wait_is_told_all_the_same)
{
	int fd;

	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	send_row(fd, 0, "tiny");
	close(fd);
	ck_assert(daemon_logged(&tfld, "model.load for version 2 of 'tiny': done"));
	ck_assert_uint_eq(daemon_times_logged(&tfld, "audit: "), 1);
}
END_TEST

/* At most ten at once and one in six seconds, however many there are; and that there were more. */
START_TEST(refused_calls_do_not_fill_the_log)
{
	uint64_t began = now_ns(), most;
	struct reply reply;
	int fd;

	tfld.split = true;
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	for (unsigned i = 0; i < 3000; i++) {
		wire_begin_model(&writer, 7, rows[i % ROWS].method, "tiny", 0, false);
		wire_send_frame(fd, &writer);
		ck_assert(wire_receive(fd, &reply));
		reply_finish(&reply);
	}
	most = 10 + 2 * (1 + (now_ns() - began) / 6000000000u); /* one more, and how many were left out before it */
	ck_assert_uint_ge(daemon_times_logged(&tfld, "audit: "), 10);
	ck_assert_uint_le(daemon_times_logged(&tfld, "audit: "), most);
	expect_told(0, " for 'tiny': refused, PERMISSION_DENIED: model.load needs the right 'admin'");
	/* The right is what counts: on the other socket the same user is told of. */
	close(fd);
	fd = daemon_connect_to(tfld.admin_socket);
	send_row(fd, 0, "tiny");
	ck_assert(daemon_logged(&tfld, "model.load for version 2 of 'tiny': done"));
	close(fd);
}
END_TEST

Suite *audit_suite(void)
{
	Suite *suite = suite_create("audit");
	TCase *tcase = tcase_create("calls of administrators");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, each_call_is_told_once_with_what_came_of_it);
	tcase_add_test(tcase, each_call_that_fails_is_told_once);
	tcase_add_test(tcase, who_does_not_wait_is_told_all_the_same);
	tcase_add_test(tcase, refused_calls_do_not_fill_the_log);
	suite_add_tcase(suite, tcase);
	return suite;
}
