/* SPDX-License-Identifier: MIT */
/*
 * tflctl hist, drift and baseline against a fake daemon: what cannot be in its answer is said, not shown.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/request.h"
#include "tests/client/ctl_suites.h"
#include "tests/client/fake.h"
#include "tests/client/run.h"

static struct fake fake;

/* One head; the model's name says what is wrong with it. */
static void reply_histogram(const struct tfl_message *request)
{
	struct tfl_writer *writer = &fake.writer;
	struct tfl_model_params params;
	bool index, sum;

	ck_assert_int_eq(tfl_model_params_parse(&tfl_histogram_params, request->params, &params, NULL), 0);
	index = tfl_string_equal(params.model, "index");
	sum = tfl_string_equal(params.model, "sum");
	tfl_message_reply(writer, request->msgid);
	tfl_writer_map(writer, 1);
	tfl_writer_text(writer, "heads");
	tfl_writer_array(writer, 1);
	tfl_writer_map(writer, 1);
	tfl_writer_text(writer, "histogram");
	tfl_writer_map(writer, 3);
	for (unsigned i = 0; i < 3; i++) {
		tfl_writer_text(writer, (const char *[]){"bins", "margins", "fine"}[i]);
		tfl_writer_array(writer, 2);
		tfl_writer_uint64(writer, index && i == 2 ? 336 : 49);
		tfl_writer_uint64(writer, sum && i == 1 ? 6 : 7);
	}
}

static void serve(struct fake *unused, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(&fake, &request)) {
		ck_assert(tfl_string_equal(request.method, TFL_METHOD_HISTOGRAM));
		reply_histogram(&request);
		fake_send(&fake);
	}
}

static void setup(void)
{
	fake_start(&fake, serve, NULL);
	setenv("TFL_SOCKET", fake.path, 1);
}

static void teardown(void)
{
	fake_stop(&fake);
}

START_TEST(histograms_are_checked)
{
	TFLCTL("hist", "sound");
	ck_assert_msg(result.status == 0 && strstr(result.out, "7 verdicts"), "%s%s", result.out, result.err);
	TFLCTL("drift", "sound");
	ck_assert_msg(result.status == 0 && strstr(result.out, "unknown"), "%s%s", result.out, result.err);
	TFLCTL("hist", "index");
	ck_assert_msg(result.status == 1 && strstr(result.err, "cannot be"), "%s%s", result.out, result.err);
	TFLCTL("drift", "sum");
	ck_assert_msg(result.status == 1 && strstr(result.err, "do not agree"), "%s%s", result.out, result.err);
	TFLCTL("hist", "sound", "--window", "25h");
	ck_assert_msg(result.status == 2 && strstr(result.err, "86400"), "%s%s", result.out, result.err);
	TFLCTL("baseline", "sound", "--window", "1h");
	ck_assert_msg(result.status == 2 && strstr(result.err, "--set"), "%s%s", result.out, result.err);
}
END_TEST

Suite *hist_suite(void)
{
	Suite *suite = suite_create("hist");
	TCase *tcase = tcase_create("hist");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, histograms_are_checked);
	suite_add_tcase(suite, tcase);
	return suite;
}
