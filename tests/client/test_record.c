/* SPDX-License-Identifier: MIT */
/* tflctl record: what it says it keeps, waiting and being interrupted, and validate on what was recorded, by who may read it. */
#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"

static struct daemon tfld;
static char float_model[256], int8_model[256], picture[256];

static void setup(void)
{
	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
	snprintf(float_model, sizeof(float_model), "%s/digits-float32.tflite", getenv("DIGITS"));
	snprintf(int8_model, sizeof(int8_model), "%s/digits-int8.tflite", getenv("DIGITS"));
	snprintf(picture, sizeof(picture), "%s/pictures/three.png", getenv("DIGITS"));
}

static void teardown(void)
{
	daemon_finish(&tfld);
}

static void start(void)
{
	daemon_start(&tfld, NULL);
	TFLCTL("load", "digits", int8_model);
	ck_assert_msg(result.status == 0, "%s", result.err);
}

/* One that goes on in the background. */
static pid_t begin(const char *count)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(98);
		execl(getenv("TFLCTL"), "tflctl", "record", "digits", "--count", count, NULL);
		_exit(99);
	}
	return pid;
}

/* The answer to --status has this number there, by and by. */
static void wait_for(const char *key, json_int_t number)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	json_int_t found;

	do {
		json_t *json;

		TFLCTL("record", "digits", "--status", "--json");
		json = json_of_output();
		found = json_is_boolean(json_object_get(json, key)) ? json_is_true(json_object_get(json, key)) :
								      json_integer_value(json_object_get(json, key));
		json_decref(json);
		ck_assert_msg(found == number || now_ns() < until, "'%s' is %lld", key, (long long)found);
	} while (found != number);
}

static void ask(const char *model, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		TFLCTL("infer", model, "--image", picture);
		ck_assert_msg(result.status == 0, "%s", result.err);
	}
}

/* Pictures as that version takes them: int8. */
static void serve(unsigned count)
{
	ask("digits@1", count);
}

START_TEST(it_says_what_it_keeps)
{
	start();
	TFLCTL("record", "digits", "--status");
	ck_assert_msg(strstr(result.out, "digits  is not being recorded\n") && strstr(result.out, "nothing is recorded"), "%s%s",
		      result.out, result.err);
	TFLCTL("record", "digits@1", "--count", "3", "--every", "1", "--outputs", "--detach");
	ck_assert_msg(result.status == 0 && strstr(result.out, "digits  is being recorded\n  recording 0 of 3 kept since 20"), "%s%s",
		      result.out, result.err);
	ck_assert_msg(strstr(result.out, ", with the answers"), "%s", result.out);
	serve(3);
	wait_for("recording", 0);
	TFLCTL("record", "digits", "--status");
	ck_assert_msg(strstr(result.out, "  recorded  3 of 3 kept") && strstr(result.out, "  inputs    image  int8  [1, 28, 28, 1]\n"),
		      "%s", result.out);
	ck_assert_msg(strstr(result.out, "  kept      3 requests, ") && strstr(result.out, "/digits/samples\n"), "%s", result.out);
	ck_assert_msg(strstr(result.out, "  readers   root"), "%s", result.out);
	TFLCTL("history", "digits");
	ck_assert_msg(strstr(result.out, "is being recorded (uid ") && strstr(result.out, "is not recorded any more: 3 kept"), "%s",
		      result.out);
	TFLCTL("record", "digits", "--erase");
	ck_assert_str_eq(result.out, "digits  3 recorded samples erased\n");
	TFLCTL("record", "digits", "--erase");
	ck_assert_str_eq(result.out, "digits  0 recorded samples erased\n");
	daemon_stop(&tfld);
	daemon_prepare(&tfld);
}
END_TEST

START_TEST(it_waits_and_an_interrupt_keeps_what_is_there)
{
	int status;
	pid_t pid;

	start();
	pid = begin("2");
	wait_for("recording", 1);
	serve(2);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	pid = begin("100");
	wait_for("recording", 1);
	serve(1);
	wait_for("kept", 1);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	TFLCTL("record", "digits", "--status");
	ck_assert_msg(strstr(result.out, "1 of 100 kept") && strstr(result.out, "stopped by uid") && strstr(result.out, "3 requests, "),
		      "%s", result.out);
	daemon_stop(&tfld);
	daemon_prepare(&tfld);
}
END_TEST

static json_t *validate_report(void)
{
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	return json_of_output();
}

static void expect_samples(bool recorded, bool made_up, json_int_t count)
{
	json_t *json = validate_report();

	ck_assert(json_is_boolean(json_object_get(json, "recorded")) && json_is_true(json_object_get(json, "recorded")) == recorded);
	ck_assert(json_is_true(json_object_get(json, "made_up")) == made_up);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "samples")), count);
	json_decref(json);
}

START_TEST(models_are_compared_on_what_was_recorded)
{
	char folder[256], file[320];

	start();
	TFLCTL("validate", float_model, "--against", "digits", "--json");
	expect_samples(false, true, 100);
	TFLCTL("record", "digits", "--count", "4", "--detach");
	serve(4);
	wait_for("recording", 0);
	TFLCTL("validate", float_model, "--against", "digits@1", "--min-agreement", "100");
	ck_assert_msg(result.status == 0 && strstr(result.out, "digits-float32.tflite against digits@1, on 4 recorded requests\n"), "%s%s",
		      result.out,
		      result.err);
	TFLCTL("validate", float_model, "--against", "digits", "--json");
	expect_samples(true, false, 4);
	TFLCTL("validate", float_model, "--against", "digits", "--count", "7", "--json");
	expect_samples(false, true, 7);
	/* As files, without a daemon. */
	snprintf(folder, sizeof(folder), "%s/digits/samples", tfld.models);
	TFLCTL("validate", float_model, "--against", int8_model, "--samples", folder, "--json");
	expect_samples(false, false, 4);
	snprintf(file, sizeof(file), "%s/recorded-000002.tflsample", folder);
	ck_assert_int_eq(truncate(file, 100), 0);
	TFLCTL("validate", float_model, "--against", int8_model, "--samples", file);
	ck_assert_msg(result.status == 1 && strstr(result.err, "recorded-000002.tflsample: "), "%s%s", result.out, result.err);
	TFLCTL("validate", float_model, "--against", "digits");
	ck_assert_msg(result.status == 1 && strstr(result.err, "sample recorded-000002.tflsample: "), "%s%s", result.out, result.err);
	/* A version is proven with each of them: with one that is broken, not at all. What is sent int8 pictures has to take them. */
	TFLCTL("load", "digits", int8_model);
	ck_assert_msg(result.status == 1 && strstr(result.err, "sample recorded-000002.tflsample: "), "%s%s", result.out, result.err);
	ck_assert_int_eq(unlink(file), 0);
	TFLCTL("load", "digits", float_model);
	ck_assert_msg(result.status == 1 && strstr(result.err, "sample recorded-000001.tflsample: input 0 'image' has dtype int8"), "%s%s",
		      result.out,
		      result.err);
	TFLCTL("load", "digits", int8_model);
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	TFLCTL("describe", "digits@2", "--json");
	ck_assert_msg(strstr(result.out, "\"samples\": 3"), "%s%s", result.out, result.err);
	daemon_stop(&tfld);
	daemon_prepare(&tfld);
}
END_TEST

static void swap_to(const char *version)
{
	TFLCTL("swap", "digits", version, "--no-trial");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
}

/* Some clients send int8, as version 1 takes it, some float32; by now another version serves, which takes float32 alone. */
START_TEST(requests_of_two_types_are_compared)
{
	start();
	TFLCTL("load", "digits", float_model);
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	TFLCTL("record", "digits", "--count", "4", "--detach");
	serve(2);
	swap_to("2");
	ask("digits", 2);
	wait_for("recording", 0);
	TFLCTL("validate", int8_model, "--against", "digits", "--json");
	expect_samples(true, false, 4);
	TFLCTL("validate", float_model, "--against", "digits", "--max-difference", "0", "--json");
	expect_samples(true, false, 4);
	TFLCTL("unload", "digits@1");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	TFLCTL("validate", float_model, "--against", "digits");
	ck_assert_msg(result.status == 1 && strstr(result.err, "sample recorded-000001.tflsample: its input 'image' is int8, and neither digits@2 nor "
							       "digits-float32.tflite has a scale for that: digits@1 is not in memory; load it first"),
		      "%s%s", result.out, result.err);
	daemon_stop(&tfld);
	daemon_prepare(&tfld);
}
END_TEST

START_TEST(who_may_not_read_them_compares_on_others)
{
	tfld.split = true;
	daemon_start(&tfld, NULL);
	setenv("TFL_SOCKET", tfld.admin_socket, 1);
	TFLCTL("load", "digits", int8_model);
	TFLCTL("record", "digits", "--count", "1", "--detach");
	ck_assert_msg(result.status == 0, "%s", result.err);
	serve(1);
	wait_for("recording", 0);
	setenv("TFL_SOCKET", tfld.socket, 1);
	TFLCTL("record", "digits", "--erase");
	ck_assert_msg(result.status == 1 && strstr(result.err, "record.erase needs the right 'admin'"), "%s", result.err);
	TFLCTL("record", "digits");
	ck_assert_msg(result.status == 1 && strstr(result.err, "record.start needs the right 'admin'"), "%s", result.err);
	TFLCTL("validate", float_model, "--against", "digits");
	ck_assert_msg(result.status == 0 && strstr(result.out, "1 recorded requests are not used: record.read needs the right"), "%s%s",
		      result.out,
		      result.err);
	ck_assert_msg(strstr(result.out, "on 100 pictures of noise"), "%s", result.out);
	daemon_stop(&tfld);
	daemon_prepare(&tfld);
}
END_TEST

START_TEST(what_is_typed_wrong)
{
	TFLCTL("record", "digits", "--stop", "--erase");
	ck_assert_msg(result.status == 2 && strstr(result.err, "stand alone"), "%s", result.err);
	TFLCTL("record", "digits", "--status", "--count", "3");
	ck_assert_int_eq(result.status, 2);
	TFLCTL("record", "digits", "--count", "257");
	ck_assert_int_eq(result.status, 2);
	TFLCTL("record", "digits", "--every", "0");
	ck_assert_msg(result.status == 2 && strstr(result.err, "--every"), "%s", result.err);
	TFLCTL("record", "digits", "--every", "fast");
	ck_assert_msg(result.status == 2 && strstr(result.err, "--every"), "%s", result.err);
}
END_TEST

Suite *record_suite(void)
{
	Suite *suite = suite_create("record");
	TCase *tcase = tcase_create("record");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, it_says_what_it_keeps);
	tcase_add_test(tcase, it_waits_and_an_interrupt_keeps_what_is_there);
	tcase_add_test(tcase, models_are_compared_on_what_was_recorded);
	tcase_add_test(tcase, requests_of_two_types_are_compared);
	tcase_add_test(tcase, who_may_not_read_them_compares_on_others);
	tcase_add_test(tcase, what_is_typed_wrong);
	suite_add_tcase(suite, tcase);
	return suite;
}
