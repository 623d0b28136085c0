/* SPDX-License-Identifier: MIT */
/*
 * What cannot be written down is a condition while that is so, and no longer. A folder that stands where a file has to go keeps everybody
 * from writing it, root too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/history.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

static void keep(void)
{
	void *data = malloc(8);

	memset(data, 7, 8);
	ck_assert_int_eq(tfl_loader_keep(loading.loader, loading_find("m", 1), data, 8, NULL, NULL), 0);
	loading_flush();
}

START_TEST(statistics_that_cannot_be_kept)
{
	struct tfl_history *history;

	loading_must_load("m", 0, "a.tflite");
	history = loading_find("m", 1)->history;
	keep();
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_STATISTICS));
	ck_assert_int_eq(unlink("models/m/1/statistics"), 0);
	ck_assert_int_eq(mkdir("models/m/1/statistics", 0755), 0);
	ck_assert(!tfl_history_changed(history));
	keep();
	ck_assert_ptr_nonnull(strstr(loading_condition(TFL_CONDITION_STATISTICS), "statistics are not kept: models/m/1/statistics: cannot be "));
	ck_assert(tfl_history_changed(history)); /* so it is tried again */
	ck_assert_int_eq(rmdir("models/m/1/statistics"), 0);
	keep();
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_STATISTICS));
}
END_TEST

START_TEST(with_the_version_goes_its_condition)
{
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(mkdir("models/m/1/statistics", 0755), 0);
	keep();
	ck_assert_ptr_nonnull(loading_condition(TFL_CONDITION_STATISTICS));
	ck_assert_int_eq(loading_unload("m", 1, false), 0);
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_STATISTICS));
}
END_TEST

START_TEST(what_is_active_cannot_be_remembered)
{
	loading_must_load("m", 0, "a.tflite");
	loading_flush();
	ck_assert_int_eq(unlink("models/m/state"), 0);
	ck_assert_int_eq(mkdir("models/m/state", 0755), 0);
	file_write("models/m/state/in-the-way", "", 0, 0644);
	ck_assert_int_eq(loading_load("m", 0, "b.tflite"), -EISDIR);
	ck_assert_ptr_eq(loading.last.version, loading_find("m", 2)); /* it serves all the same */
	ck_assert_ptr_nonnull(strstr(loading_condition(TFL_CONDITION_STATE), "after a restart another version may serve: "));
	tfl_loader_remember_again(loading.loader);
	loading_flush();
	ck_assert_ptr_nonnull(loading_condition(TFL_CONDITION_STATE));
	ck_assert_int_eq(unlink("models/m/state/in-the-way"), 0);
	ck_assert_int_eq(rmdir("models/m/state"), 0);
	tfl_loader_remember_again(loading.loader);
	loading_flush();
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_STATE));
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 1);
}
END_TEST

START_TEST(that_it_is_unloaded_cannot_be_remembered)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	loading_flush();
	ck_assert_int_eq(unlink("models/m/state"), 0);
	ck_assert_int_eq(mkdir("models/m/state", 0755), 0);
	ck_assert_int_lt(loading_unload("m", 1, false), 0); /* whoever asked has to know */
	ck_assert_ptr_nonnull(loading_condition(TFL_CONDITION_STATE));
	ck_assert_uint_eq(loading_active("m"), 2);
	ck_assert_int_eq(rmdir("models/m/state"), 0);
	tfl_loader_remember_again(loading.loader);
	loading_flush();
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_STATE));
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 2);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_END);
	ck_assert_ptr_nonnull(strstr(loading_find("m", 1)->reason, "Z by uid 1000"));
}
END_TEST

Suite *loader_condition_suite(void)
{
	Suite *suite = suite_create("loader-condition");
	TCase *tcase = tcase_create("condition");

	tcase_add_checked_fixture(tcase, loading_setup, loading_teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, statistics_that_cannot_be_kept);
	tcase_add_test(tcase, with_the_version_goes_its_condition);
	tcase_add_test(tcase, what_is_active_cannot_be_remembered);
	tcase_add_test(tcase, that_it_is_unloaded_cannot_be_remembered);
	suite_add_tcase(suite, tcase);
	return suite;
}
