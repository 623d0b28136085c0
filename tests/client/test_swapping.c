/* SPDX-License-Identifier: MIT */
/*
 * Which version of a model is the active one, and on trial, as whoever types tflctl sees it, against the real daemon and the sample model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"

static struct daemon tfld;

static void setup(void)
{
	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
}

/* Which version serves, as the answer to a request says. */
static void expect_served_by(unsigned version)
{
	char path[256], served[32];

	snprintf(path, sizeof(path), "%s/pictures/seven.png", getenv("DIGITS"));
	snprintf(served, sizeof(served), "(digits@%u, ", version);
	TFLCTL("infer", "digits", "--image", path, "--top", "1");
	ck_assert_msg(strncmp(result.out, "7  ", 3) == 0 && strstr(result.out, served), "%s%s", result.out, result.err);
}

#define ON_TRIAL "it is on trial: 'tflctl trial digits' shows how it stands\n"

static void add_two_digits(void)
{
	char path[256];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/digits-%s.tflite", getenv("DIGITS"), i ? "int8" : "float32");
		TFLCTL("load", "digits", path);
		ck_assert_msg(result.status == 0, "%s", result.err);
	}
}

START_TEST(a_trial_is_shown)
{
	daemon_start(&tfld, NULL);
	add_two_digits();
	TFLCTL("trial", "digits");
	ck_assert_msg(strcmp(result.out, "digits is not on trial; version 1 serves\n") == 0, "%s%s", result.out, result.err);
	TFLCTL("swap", "digits", "2", "--trial-requests", "50", "--trial-seconds", "3600");
	ck_assert_msg(strstr(result.out, ON_TRIAL), "%s%s", result.out, result.err);
	expect_served_by(2);
	TFLCTL("trial", "digits");
	ck_assert_msg(strstr(result.out, "digits@2 is on trial against version 1\n  1 request in "), "%s", result.out);
	ck_assert_msg(strstr(result.out, "it has passed after 49 more, not before "), "%s", result.out);
	ck_assert_msg(strstr(result.out, "\n  version 1 had served 0 requests before, too few to compare with: limits are absolute\n"), "%s", result.out);
	ck_assert_msg(strstr(result.out, "\n  failed requests "), "%s", result.out);
	ck_assert_msg(strstr(result.out, "       -       3  within\n"), "%s", result.out);
	TFLCTL("ls");
	ck_assert_msg(strstr(result.out, "on trial, active"), "%s", result.out);
	TFLCTL("trial", "digits", "--json");
	ck_assert_msg(strstr(result.out, "\"requests_wanted\": 50") && strstr(result.out, "\"seconds_wanted\": 3600"), "%s", result.out);
	TFLCTL("swap", "digits", "2", "--no-trial", "--trial-requests", "5");
	ck_assert_msg(result.status == 2 && strstr(result.err, "give the one or the other"), "%s", result.err);
	TFLCTL("swap", "digits", "2", "--no-trial");
	ck_assert_msg(strcmp(result.out, "digits@2 serves, as before\n") == 0, "%s%s", result.out, result.err);
	TFLCTL("trial", "digits");
	ck_assert_msg(strcmp(result.out, "digits is not on trial; version 2 serves\n") == 0, "%s%s", result.out, result.err);
	TFLCTL("trial", "digits@2");
	ck_assert_msg(result.status == 1 && strstr(result.err, "a trial is a model's"), "%s", result.err);
}
END_TEST

START_TEST(swap_and_rollback)
{
	daemon_start(&tfld, NULL);
	add_two_digits();
	expect_served_by(1);
	TFLCTL("rollback", "digits");
	ck_assert_msg(result.status == 1 && strstr(result.err, "no other version of 'digits' was active before"), "%s", result.err);
	TFLCTL("swap", "digits", "2");
	ck_assert_msg(strcmp(result.out, "digits@2 serves; before it was version 1\n" ON_TRIAL) == 0, "%s%s", result.out, result.err);
	expect_served_by(2);
	TFLCTL("swap", "digits@2");
	ck_assert_msg(strcmp(result.out, "digits@2 serves, as before\n" ON_TRIAL) == 0, "%s%s", result.out, result.err);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	expect_served_by(2);
	TFLCTL("rollback", "digits", "--json");
	ck_assert_msg(strstr(result.out, "\"version\": 1") && strstr(result.out, "\"remembered\": true"), "%s%s", result.out, result.err);
	expect_served_by(1);
	TFLCTL("unload", "digits@2");
	ck_assert_msg(result.status == 0, "%s", result.err);
	TFLCTL("swap", "digits", "2");
	ck_assert_msg(result.status == 1 && strstr(result.err, "END and cannot serve: unloaded"), "%s", result.err);
	TFLCTL("load", "digits@2");
	ck_assert_msg(result.status == 0 && strncmp(result.out, "digits@2  AVAILABLE", 19) == 0, "%s%s", result.out, result.err);
	TFLCTL("load", "digits@2");
	ck_assert_msg(result.status == 1 && strstr(result.err, "AVAILABLE already"), "%s", result.err);
	TFLCTL("load", "digits@5");
	ck_assert_msg(result.status == 1 && strstr(result.err, "no version 5"), "%s", result.err);
	TFLCTL("swap", "digits", "9");
	ck_assert_msg(result.status == 1 && strstr(result.err, "no version 9"), "%s", result.err);
	TFLCTL("swap", "digits");
	ck_assert_msg(result.status == 2 && strstr(result.err, "tflctl swap digits 2"), "%s", result.err);
	TFLCTL("swap", "digits@2", "2");
	ck_assert_int_eq(result.status, 2);
	TFLCTL("rollback", "digits@2");
	ck_assert_msg(result.status == 1 && strstr(result.err, "without '@'"), "%s", result.err);
	daemon_stop(&tfld);
}
END_TEST

/* A picture goes to whichever version the route has for it: sent as one of them has it inside, the other one would refuse it. */
START_TEST(a_picture_suits_every_version)
{
	char path[256], key[16], line[128];
	unsigned got[3] = {0};

	daemon_start(&tfld, NULL);
	add_two_digits();
	snprintf(path, sizeof(path), "%s/pictures/seven.png", getenv("DIGITS"));
	TFLCTL("swap", "digits", "2", "--no-trial");
	TFLCTL("route", "digits", "1=1", "2=1");
	ck_assert_msg(result.status == 0, "%s", result.err);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "camera %u", i);
		TFLCTL("infer", "digits", "--image", path, "--top", "1", "--key", key);
		ck_assert_msg(result.status == 0 && strncmp(result.out, "7  ", 3) == 0, "%s%s", result.out, result.err);
		for (unsigned version = 1; version <= 2; version++) {
			snprintf(line, sizeof(line), "(digits@%u, ", version);
			got[version] += strstr(result.out, line) != NULL;
		}
	}
	ck_assert_uint_eq(got[1] + got[2], 20);
	ck_assert_msg(got[1] > 0 && got[2] > 0, "%u to one, %u to the other", got[1], got[2]);
	daemon_stop(&tfld);
}
END_TEST

Suite *swapping_suite(void)
{
	Suite *suite = suite_create("swapping");
	TCase *tcase = tcase_create("swapping");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, swap_and_rollback);
	tcase_add_test(tcase, a_trial_is_shown);
	tcase_add_test(tcase, a_picture_suits_every_version);
	suite_add_tcase(suite, tcase);
	return suite;
}
