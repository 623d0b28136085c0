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

static void write_histogram(unsigned verdicts, bool wrong_index, bool wrong_sum)
{
	struct tfl_writer *writer = &fake.writer;

	tfl_writer_text(writer, "histogram");
	tfl_writer_map(writer, 5);
	tfl_writer_text(writer, "invalid");
	tfl_writer_uint64(writer, 0);
	tfl_writer_text(writer, "sum");
	tfl_writer_uint64(writer, 0);
	for (unsigned i = 0; i < 3; i++) {
		tfl_writer_text(writer, (const char *[]){"bins", "margins", "fine"}[i]);
		tfl_writer_array(writer, verdicts ? 2 : 0);
		if (!verdicts)
			continue;
		tfl_writer_uint64(writer, wrong_index && i == 2 ? 336 : 49);
		tfl_writer_uint64(writer, verdicts - (wrong_sum && i == 1));
	}
}

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
	tfl_writer_map(writer, 2);
	write_histogram(7, index, sum);
	tfl_writer_text(writer, "baseline");
	tfl_writer_map(writer, 1);
	write_histogram(0, false, false);
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

/* The column at which @p word begins, on the line that @p line begins. Bars are three bytes a column. */
static long column_of(const char *line, const char *word)
{
	const char *at = line ? strstr(line, word) : NULL;
	long columns = 0;

	ck_assert_ptr_nonnull(at);
	for (; line < at; line++)
		columns += ((unsigned char)*line & 0xc0) != 0x80;
	return columns;
}

START_TEST(bars_stand_below_their_heads)
{
	TFLCTL("hist", "sound");
	ck_assert_int_eq(column_of(strstr(result.out, "  CONFIDENCE"), "NOW"), column_of(strstr(result.out, "  0.96"), "█"));
}
END_TEST

/* Nothing is not compared with: no distance, no mean. */
START_TEST(nothing_to_compare_with)
{
	TFLCTL("drift", "sound");
	ck_assert_msg(strstr(result.out, "7 verdicts since it was first active, mean 0.000\n  against 0 verdicts of the baseline\n"), "%s",
		      result.out);
	ck_assert_msg(!strstr(result.out, "PSI 0"), "%s", result.out);
}
END_TEST

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
	tcase_add_test(tcase, bars_stand_below_their_heads);
	tcase_add_test(tcase, nothing_to_compare_with);
	suite_add_tcase(suite, tcase);
	return suite;
}
