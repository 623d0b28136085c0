/* SPDX-License-Identifier: MIT */
/*
 * Sessions as a program that links the library has them, and as tflctl does: against the real daemon, with a model that sums up what it is
 * given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tflclient.h"
#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"

static struct daemon tfld;
static struct tfl_client *client;
static struct tfl_infer *infer;
static struct tfl_call_error error;
static float number;

static void setup(void)
{
	static const int32_t dims[] = {1, 1};
	struct model_file file = model_sum(0, false);

	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
	daemon_add_model(&tfld, "sum", 1, file.data, file.size);
	model_file_finish(&file);
	daemon_start(&tfld, "[models]\nsessions = 2\n");
	daemon_wait_ready(&tfld);
	ck_assert_int_eq(tfl_client_connect(NULL, NULL, &client, &error), 0);
	ck_assert_int_eq(tfl_infer_create("sum", &infer, &error), 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, &number, sizeof(number)), 0);
}

static void teardown(void)
{
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	daemon_stop(&tfld);
}

static float sum(float of)
{
	number = of;
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	return *(const float *)tfl_infer_output(infer, 0)->data;
}

START_TEST(a_session_by_the_library)
{
	uint64_t first, second, third;

	ck_assert_msg(tfl_client_open_session(client, "sum", NULL, &first, &error) == 0, "%s", error.message);
	ck_assert_msg(tfl_client_open_session(client, "sum@1", "key", &second, &error) == 0, "%s", error.message);
	ck_assert_int_eq(tfl_client_open_session(client, "sum", NULL, &third, &error), -ENOBUFS);
	ck_assert_int_eq(error.status, TFL_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(tfl_infer_set_priority(infer, 1), 0); /* which is the session's own */
	ck_assert_int_eq(tfl_infer_set_key(infer, "key"), 0);
	for (int i = 1; i < 5; i++) {
		tfl_infer_set_session(infer, first);
		ck_assert_float_eq(sum(2), (float)(2 * i));
		tfl_infer_set_session(infer, second);
		ck_assert_float_eq(sum(3), (float)(3 * i));
		tfl_infer_set_session(infer, 0);
		ck_assert_float_eq(sum(4), 4);
	}
	ck_assert_int_eq(tfl_client_reset_session(client, second, &error), 0);
	tfl_infer_set_session(infer, second);
	ck_assert_float_eq(sum(1), 1);
	ck_assert_int_eq(tfl_client_close_session(client, second, &error), 0);
	ck_assert_int_eq(tfl_client_close_session(client, second, &error), -ENOENT);
	ck_assert_int_eq(tfl_client_infer(client, infer), -ENOENT);
	ck_assert_int_eq(tfl_client_reset_session(client, 0, &error), -EINVAL);
	ck_assert_int_eq(tfl_client_open_session(client, NULL, NULL, &third, &error), -EINVAL);
	ck_assert_int_eq(tfl_client_open_session(client, "sum", "", &third, &error), -EINVAL);
}
END_TEST

/* The client connects again by itself, but what the daemon knew is gone, and nobody is answered out of a fresh state unawares. */
START_TEST(a_restart_ends_a_session)
{
	uint64_t before, after;

	ck_assert_int_eq(tfl_client_open_session(client, "sum", NULL, &before, &error), 0);
	tfl_infer_set_session(infer, before);
	ck_assert_float_eq(sum(1), 1);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	while (tfl_client_infer(client, infer) == -ECONNRESET)
		;
	ck_assert_int_eq(tfl_infer_status(infer), TFL_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(tfl_infer_error_message(infer), "sessions end with their connection"));
	ck_assert_int_eq(tfl_client_open_session(client, "sum", NULL, &after, &error), 0);
	ck_assert_uint_ne(before, after);
	tfl_infer_set_session(infer, after);
	ck_assert_float_eq(sum(1), 1);
}
END_TEST

START_TEST(a_session_by_tflctl)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/input", tfld.folder);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	number = 2;
	ck_assert_uint_eq(fwrite(&number, sizeof(number), 1, file), 1);
	ck_assert_int_eq(fclose(file), 0);
	for (int i = 0; i < 3; i++) {
		TFLCTL("infer", "sum", "--in", path, "--session", "--repeat", "10", "--json");
		ck_assert_msg(result.status == 0 && strstr(result.out, "\"max\": 20.0"), "%s%s", result.out, result.err);
		TFLCTL("infer", "sum", "--in", path, "--repeat", "10", "--json");
		ck_assert_msg(result.status == 0 && strstr(result.out, "\"max\": 2.0"), "%s%s", result.out, result.err);
	}
	TFLCTL("describe", "sum");
	ck_assert_msg(strstr(result.out, "state      kept from request to request within a session"), "%s", result.out);
}
END_TEST

Suite *session_suite(void)
{
	Suite *suite = suite_create("session");
	TCase *tcase = tcase_create("session");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_session_by_the_library);
	tcase_add_test(tcase, a_restart_ends_a_session);
	tcase_add_test(tcase, a_session_by_tflctl);
	suite_add_tcase(suite, tcase);
	return suite;
}
