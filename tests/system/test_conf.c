/* SPDX-License-Identifier: MIT */
/*
 * What an operator configures for one model, as its clients meet it, and what --check-config says with its exit status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/endless.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static int fd;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	add_slow(&tfld, 1);
	endless_add(&tfld, "queue = 1\ninstances = 1\n");
}

static void write_beside(const char *model, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", tfld.models, model, name);
	file = fopen(path, "w");
	ck_assert_msg(file, "%s: %m", path);
	ck_assert_int_ge(fputs(text, file), 0);
	fclose(file);
}

static void start(const char *configuration)
{
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void stop(void)
{
	close(fd);
	daemon_stop(&tfld);
}

START_TEST(a_model_has_a_timeout_of_its_own)
{
	write_beside("slow", "model.conf", "[model]\ntimeout = 2ms\n");
	start("[requests]\nworkers = 1\ninline = 0\n");
	endless_hold(&tfld, fd, 1);
	send_slow(fd, 2, 0, 0);
	send_tiny(fd, 3, 0);
	wire_expect_failure(fd, 2, TFL_DEADLINE_EXCEEDED, "ran out");
	endless_end(fd, 1);
	expect_tiny(fd, 3);
	stop();
}
END_TEST

START_TEST(a_model_has_a_queue_of_its_own)
{
	start("[requests]\nworkers = 1\ninline = 0\n");
	endless_hold(&tfld, fd, 1);
	endless_send(fd, 2);
	endless_send(fd, 3);
	wire_expect_failure(fd, 3, TFL_RESOURCE_EXHAUSTED, "as many as its 1 instance and its queue of 1 take");
	send_tiny(fd, 4, 0);
	endless_end(fd, 1);
	/* Versions take turns. */
	expect_tiny(fd, 4);
	endless_end(fd, 2);
	stop();
}
END_TEST

START_TEST(a_model_has_a_priority_of_its_own)
{
	write_beside("slow", "model.conf", "[model]\npriority = 10\n");
	start("[requests]\nworkers = 1\n");
	endless_hold(&tfld, fd, 1);
	send_slow(fd, 2, 0, 11);
	send_slow(fd, 3, 0, 0);
	endless_end(fd, 1);
	expect_outputs(fd, 3);
	expect_outputs(fd, 2);
	stop();
}
END_TEST

static void describe(const char *model, struct reply *ret_reply)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin(&writer, 7, "model.describe");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, model);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, ret_reply));
	ck_assert(!ret_reply->message.failed);
}

/* "value from source" of a key. */
static const char *setting(struct tfl_slice result, const char *key)
{
	static char text[256];
	char path[64];

	for (unsigned i = 0; i < wire_count(result, "settings"); i++) {
		struct tfl_string value, source;

		snprintf(path, sizeof(path), "settings.%u.key", i);
		if (!tfl_string_equal(wire_string(result, path), key))
			continue;
		snprintf(path, sizeof(path), "settings.%u.value", i);
		value = wire_string(result, path);
		snprintf(path, sizeof(path), "settings.%u.source", i);
		source = wire_string(result, path);
		snprintf(text, sizeof(text), "%.*s from %.*s", TFL_STRING_ARGS(value), TFL_STRING_ARGS(source));
		return text;
	}
	return "none";
}

START_TEST(describe_tells_what_is_in_force_and_whence)
{
	char source[160];
	struct reply reply;

	write_beside("tiny", "model.conf", "[model]\ninstances = 5\nlabels = l.txt\n");
	write_beside("tiny", "l.txt", "0 nothing\n2 some\303\266\n");
	start("[models]\nthreads = 1\ninstances = 2\n[requests]\ntimeout = 90s\n");
	describe("tiny", &reply);
	ck_assert_str_eq(setting(reply.message.result, "instances"), "5 from model.conf:2");
	ck_assert_str_eq(setting(reply.message.result, "labels"), "l.txt from model.conf:3");
	ck_assert_str_eq(setting(reply.message.result, "inline"), "20 from default");
	snprintf(source, sizeof(source), "90s from %s:5", tfld.configuration);
	ck_assert_str_eq(setting(reply.message.result, "timeout"), source);
	ck_assert_uint_eq(wire_uint(reply.message.result, "instances"), 5);
	ck_assert_uint_eq(wire_uint(reply.message.result, "label_count"), 3);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "labels.1"), ""));
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "labels.2"), "some\303\266"));
	reply_finish(&reply);
	describe("slow", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "instances"), 2);
	reply_finish(&reply);
	stop();
}
END_TEST

START_TEST(a_wrong_file_stops_its_model_and_no_other)
{
	struct reply reply;

	write_beside("slow", "model.conf", "[model]\n\nqueue = long\n");
	start(NULL);
	wire_call(fd, "health", &reply);
	ck_assert(wire_bool(reply.message.result, "ready"));
	ck_assert_uint_eq(wire_uint(reply.message.result, "versions.ended"), 1);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "ended.0.model"), "slow"));
	ck_assert_ptr_nonnull(memmem(wire_string(reply.message.result, "ended.0.reason").text,
				     wire_string(reply.message.result, "ended.0.reason").length,
				     "slow/model.conf:3: [model] queue is 'long', expected a number from 0 to 1024", 75));
	reply_finish(&reply);
	ck_assert(daemon_logged(&tfld, "model 'slow' is not loaded: "));
	send_slow(fd, 2, 0, 0);
	wire_expect_failure(fd, 2, TFL_UNAVAILABLE, "slow/model.conf:3: [model] queue is 'long'");
	send_tiny(fd, 3, 0);
	expect_tiny(fd, 3);
	stop();
}
END_TEST

/* Runs the check with this configuration; its exit status, and what it printed on either. */
static int check(const char *configuration, char text[static 8192])
{
	char command[1024];
	FILE *file = fopen(tfld.configuration, "w");
	size_t length;
	int status;

	ck_assert_int_ge(fputs(configuration, file), 0);
	fclose(file);
	snprintf(command, sizeof(command), "'%s' --config '%s' --models '%s' --check-config 2>&1", getenv("TFLD"), tfld.configuration,
		 tfld.models);
	file = popen(command, "r");
	ck_assert_ptr_nonnull(file);
	length = fread(text, 1, 8191, file);
	text[length] = '\0';
	status = pclose(file);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(the_check_tells_by_its_exit_status)
{
	static char text[8192];

	write_beside("tiny", "model.conf", "[model]\nqueue = 3\n");
	start(NULL);
	/* Beside a daemon that serves from the folder. */
	ck_assert_int_eq(check("[requests]\nworkers = 3\n", text), 0);
	ck_assert_ptr_nonnull(strstr(text, "\nworkers = 3                             ; "));
	ck_assert_ptr_nonnull(strstr(text, "/tiny/model.conf\n[model]\n"));
	stop();
	setup();
	ck_assert_int_eq(check("[requests]\nworkers = 300\n[log]\nlevl = info\n", text), 2);
	ck_assert_ptr_nonnull(strstr(text, ":2: [requests] workers is '300', expected a number from 0 to 64\n"));
	ck_assert_ptr_nonnull(strstr(text, ":4: [log] has no key 'levl'; did you mean 'level'?\n"));
	write_beside("tiny", "model.conf", "[model]\nqeue = 3\n");
	ck_assert_int_eq(check("", text), 2);
	ck_assert_ptr_nonnull(strstr(text, "/tiny/model.conf:2: [model] has no key 'qeue'; did you mean 'queue'?\n"));
	daemon_finish(&tfld);
}
END_TEST

Suite *conf_suite(void)
{
	Suite *suite = suite_create("conf");
	TCase *tcase = tcase_create("configuration of a model");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_model_has_a_timeout_of_its_own);
	tcase_add_test(tcase, a_model_has_a_queue_of_its_own);
	tcase_add_test(tcase, a_model_has_a_priority_of_its_own);
	tcase_add_test(tcase, describe_tells_what_is_in_force_and_whence);
	tcase_add_test(tcase, a_wrong_file_stops_its_model_and_no_other);
	tcase_add_test(tcase, the_check_tells_by_its_exit_status);
	suite_add_tcase(suite, tcase);
	return suite;
}
