/* SPDX-License-Identifier: MIT */
/*
 * What a second loader makes of what a first one, or somebody by hand, left in the store.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"
#include "tests/support/descriptors.h"

START_TEST(an_unloaded_version_stays_listed_and_stays_unloaded)
{
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(loading_unload("m", 1, false), 0);
	ck_assert_ptr_eq(loading.last.version, loading_find("m", 1));
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_END);
		ck_assert_ptr_null(loading_find("m", 1)->program);
		ck_assert_ptr_eq(strstr(loading_find("m", 1)->reason, "unloaded 20"), loading_find("m", 1)->reason);
		ck_assert_ptr_nonnull(strstr(loading_find("m", 1)->reason, "Z by uid 1000"));
		ck_assert_uint_eq(loading_active("m"), 0);
		loading_restart();
	}
	ck_assert_int_eq(loading_unload("m", 1, false), -EINVAL);
	ck_assert_str_eq(loading.error.text, "version 1 of 'm' is not loaded; it can only be erased");
}
END_TEST

START_TEST(an_unloaded_version_is_loaded_again_with_the_same_content_only)
{
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(loading_unload("m", 1, false), 0);
	ck_assert_int_eq(loading_load("m", 1, "b.tflite"), -EEXIST);
	ck_assert_ptr_nonnull(strstr(loading.last.text, "version 1 of 'm' holds other content (sha256 "));
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_END);
	/* The version is as it was; what was wrong with the other file is not its business. */
	ck_assert_ptr_eq(strstr(loading_find("m", 1)->reason, "unloaded 20"), loading_find("m", 1)->reason);
	loading_must_load("m", 1, "a.tflite");
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(loading_active("m"), 1);
	loading_restart();
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
}
END_TEST

START_TEST(a_start_is_over_when_what_it_found_is_loaded_and_never_begins_again)
{
	struct outcome outcome = { 0 };

	ck_assert(!tfl_loader_starting(loading.loader));
	loading_must_load("m", 1, "a.tflite");
	loading_must_load("m", 2, "b.tflite");
	loading_must_load("n", 1, "a.tflite");
	ck_assert_int_eq(loading_unload("m", 1, false), 0);
	file_write_text("models/n/1/manifest", "not what it was");
	loading_stop();
	loading_start();
	ck_assert(tfl_loader_starting(loading.loader));
	loading_settle();
	ck_assert(!tfl_loader_starting(loading.loader));
	ck_assert_int_eq(loading_find("n", 1)->state, TFL_VERSION_END);
	ck_assert_int_eq(loading_begin_load("m", 3, "a.tflite", &outcome), 0);
	ck_assert_int_eq(loading_find("m", 3)->state, TFL_VERSION_LOADING);
	ck_assert(!tfl_loader_starting(loading.loader));
	loading_wait_for(&outcome, 1);
}
END_TEST

START_TEST(a_restart_serves_what_was_served)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	loading_must_load("m", 0, "a.tflite");
	ck_assert_uint_eq(loading_active("m"), 1);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 1);
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(loading_find("m", 3)->state, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(loading_unload("m", 1, false), 0);
	ck_assert_uint_eq(loading_active("m"), 3);
	/* Back in memory, but not back in charge; after a restart neither. */
	loading_must_load("m", 1, "a.tflite");
	ck_assert_uint_eq(loading_active("m"), 3);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 3);
}
END_TEST

START_TEST(what_lies_there_at_start_is_loaded_or_told_why_not)
{
	loading_stop();
	ck_assert_int_eq(mkdir("models/m", 0755), 0);
	for (unsigned i = 1; i <= 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "models/m/%u", i);
		ck_assert_int_eq(mkdir(path, 0755), 0);
	}
	loading_save_tiny("models/m/1/model.tflite", 1);
	loading_save_tiny("models/m/2/model.tflite", 2);
	file_write_text("models/m/3/model.tflite", "half a mod");
	loading_start();
	/* Everything is listed at once. */
	ck_assert_int_eq(loading_find("m", 4)->state, TFL_VERSION_LOADING);
	loading_settle();
	ck_assert_int_eq(loading_find("m", 4)->state, TFL_VERSION_END);
	ck_assert_ptr_nonnull(strstr(loading_find("m", 4)->reason, "models/m/4/model.tflite cannot be opened"));
	ck_assert_int_eq(loading_find("m", 3)->state, TFL_VERSION_END);
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	/* Of those without a recorded choice, the newest that works. */
	ck_assert_uint_eq(loading_active("m"), 2);
}
END_TEST

START_TEST(what_serves_without_a_choice_is_the_choice_from_then_on)
{
	loading_stop();
	ck_assert_int_eq(mkdir("models/m", 0755), 0);
	ck_assert_int_eq(mkdir("models/m/1", 0755), 0);
	loading_save_tiny("models/m/1/model.tflite", 1);
	loading_start();
	loading_settle();
	loading_stop();
	ck_assert_ptr_nonnull(strstr(file_read("models/m/state"), "\nactive = 1\n"));
	ck_assert_int_eq(mkdir("models/m/2", 0755), 0);
	loading_save_tiny("models/m/2/model.tflite", 2);
	loading_start();
	loading_settle();
	ck_assert_uint_eq(loading_active("m"), 1);
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_AVAILABLE);
}
END_TEST

START_TEST(a_folder_put_there_later_is_not_overwritten)
{
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(mkdir("models/m/2", 0755), 0);
	loading_save_tiny("models/m/2/model.tflite", 2);
	ck_assert_int_eq(loading_load("m", 2, "a.tflite"), -EEXIST);
	ck_assert_ptr_null(loading_find("m", 2));
	loading_must_load("m", 2, "b.tflite");
	ck_assert_int_eq(mkdir("models/m/3", 0755), 0);
	ck_assert_int_eq(loading_load("m", 0, "a.tflite"), -EEXIST);
	ck_assert_ptr_nonnull(strstr(loading.last.text, "models/m/3: cannot be published: File exists"));
	ck_assert_ptr_null(loading_find("m", 3));
	loading_must_load("m", 4, "a.tflite");
}
END_TEST

START_TEST(ending_answers_everybody_and_loses_nothing)
{
	unsigned before = descriptors_open();
	struct outcome outcome = { 0 };

	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	__atomic_store_n(&loading.hold, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(tfl_loader_unload(loading.loader, loading_find("m", 1), false, 0, loading_on_done, &outcome, &loading.error), 0);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(loading_begin_load("n", 0, "a.tflite", &outcome), 0);
	__atomic_store_n(&loading.hold, false, __ATOMIC_RELEASE);
	sem_post(&loading.released);
	loading_stop();
	ck_assert_uint_eq(outcome.calls, 6);
	ck_assert_int_eq(outcome.code, -ECANCELED);
	ck_assert_str_eq(outcome.text, "tfld stopped before this was done");
	loading_start();
	loading_settle();
	ck_assert_uint_eq(loading_staged(), 0);
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_AVAILABLE);
	loading_stop();
	/* Those of the store and the loader are closed now. */
	ck_assert_uint_le(descriptors_open(), before);
	loading_start();
}
END_TEST

Suite *loader_restart_suite(void)
{
	Suite *suite = suite_create("loader_restart");
	TCase *tcase = tcase_create("loader_restart");

	tcase_add_checked_fixture(tcase, loading_setup, loading_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, an_unloaded_version_stays_listed_and_stays_unloaded);
	tcase_add_test(tcase, an_unloaded_version_is_loaded_again_with_the_same_content_only);
	tcase_add_test(tcase, a_start_is_over_when_what_it_found_is_loaded_and_never_begins_again);
	tcase_add_test(tcase, a_restart_serves_what_was_served);
	tcase_add_test(tcase, what_lies_there_at_start_is_loaded_or_told_why_not);
	tcase_add_test(tcase, what_serves_without_a_choice_is_the_choice_from_then_on);
	tcase_add_test(tcase, a_folder_put_there_later_is_not_overwritten);
	tcase_add_test(tcase, ending_answers_everybody_and_loses_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}
