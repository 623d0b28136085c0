/* SPDX-License-Identifier: MIT */
/*
 * Periods on their way through the loader: one of a version at a time, none lost, the last one by itself; and the condition while lines
 * cannot be written.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/history.h"
#include "daemon/line_log.h"
#include "daemon/period.h"
#include "daemon/recorder.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

static void setup(void)
{
	const struct tfl_line_log_options options = {"lines", 1 << 20, 2, "device"};

	loading_setup();
	ck_assert_int_eq(tfl_line_log_create(&options, &loading.lines), 0);
	loading_restart();
	loading_must_load("m", 0, "a.tflite");
}

static void teardown(void)
{
	loading_stop();
	tfl_line_log_destroy(loading.lines);
	loading.lines = NULL;
	folder_remove();
}

static void requests(unsigned count)
{
	const struct tfl_record record = {TFL_OK, true, 1000, 20000, 3000, 1000000};

	while (count-- > 0)
		tfl_recorder_add(loading_find("m", 1)->recorder, 0, &record);
}

static int write_period(void)
{
	struct tfl_version *version = loading_find("m", 1);

	tfl_history_advance(version->history, version->recorder, tfl_clock_seconds());
	return tfl_loader_write_period(loading.loader, version, tfl_clock_boot_ns(), 1800000000);
}

/* Requests of each line there is, up to a 0. */
static void check_lines(const unsigned *expected)
{
	const char *text = file_read("lines/" TFL_LINE_LOG_FILE);
	json_error_t fault;

	for (; text && *text; text = strchr(text, '\n') + 1, expected++) {
		json_t *line = json_loads(text, JSON_DISABLE_EOF_CHECK, &fault);

		ck_assert_msg(line != NULL, "%s", fault.text);
		ck_assert_str_eq(json_string_value(json_object_get(line, "model")), "m");
		ck_assert_int_eq(json_integer_value(json_object_get(line, "requests")), *expected);
		json_decref(line);
	}
	ck_assert_uint_eq(*expected, 0);
}

START_TEST(a_period_that_is_on_its_way_makes_the_next_longer)
{
	ck_assert_int_eq(write_period(), 0); /* nothing was asked */
	requests(3);
	__atomic_store_n(&loading.hold, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(write_period(), 1);
	requests(4);
	ck_assert_int_eq(write_period(), 0);
	requests(5);
	ck_assert_int_eq(write_period(), 0);
	__atomic_store_n(&loading.hold, false, __ATOMIC_RELEASE);
	sem_post(&loading.released);
	loading_flush();
	ck_assert_int_eq(write_period(), 1);
	loading_flush();
	ck_assert_int_eq(write_period(), 0);
	check_lines((const unsigned[]){3, 9, 0});
}
END_TEST

START_TEST(the_last_period_is_written_by_itself)
{
	requests(2);
	ck_assert_int_eq(write_period(), 1);
	requests(5);
	ck_assert_int_eq(loading_unload("m", 1, false), 0);
	check_lines((const unsigned[]){2, 5, 0});
	loading_must_load("m", 1, "a.tflite");
	requests(7);
	loading_restart();
	check_lines((const unsigned[]){2, 5, 7, 0});
	requests(1);
	loading_restart();
	check_lines((const unsigned[]){2, 5, 7, 1, 0});
	loading_restart();
	check_lines((const unsigned[]){2, 5, 7, 1, 0});
}
END_TEST

START_TEST(lines_that_cannot_be_written_are_a_condition)
{
	file_write_text("lines", "in the way");
	requests(2);
	ck_assert_int_eq(write_period(), 1);
	loading_flush();
	ck_assert_str_eq(loading_condition(TFL_CONDITION_LOG), "the log folder lines cannot be written to: Not a directory; lines lost so far: 1");
	ck_assert_int_eq(tfl_loader_write_line(loading.loader, "tfld.test/1", 1800000000, json_object()), 0);
	loading_flush();
	ck_assert_str_eq(loading_condition(TFL_CONDITION_LOG), "the log folder lines cannot be written to: Not a directory; lines lost so far: 2");
	ck_assert_int_eq(unlink("lines"), 0);
	requests(3);
	ck_assert_int_eq(write_period(), 1);
	loading_flush();
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_LOG));
	check_lines((const unsigned[]){3, 0});
}
END_TEST

START_TEST(nobody_has_to_have_lines)
{
	struct tfl_line_log *lines = loading.lines;

	loading.lines = NULL;
	loading_restart();
	ck_assert_ptr_null(loading_find("m", 1)->mark);
	ck_assert_int_eq(tfl_loader_write_line(loading.loader, "tfld.test/1", 1800000000, json_object()), 0);
	loading_flush();
	ck_assert(!file_exists("lines"));
	loading.lines = lines;
}
END_TEST

Suite *loader_lines_suite(void)
{
	Suite *suite = suite_create("loader-lines");
	TCase *tcase = tcase_create("lines");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, a_period_that_is_on_its_way_makes_the_next_longer);
	tcase_add_test(tcase, the_last_period_is_written_by_itself);
	tcase_add_test(tcase, lines_that_cannot_be_written_are_a_condition);
	tcase_add_test(tcase, nobody_has_to_have_lines);
	suite_add_tcase(suite, tcase);
	return suite;
}
