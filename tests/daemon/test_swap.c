/* SPDX-License-Identifier: MIT */
/*
 * Swaps and rollbacks by the loader: the next request is served by the other version before anything is on disk, and what is on disk serves
 * after a restart.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/manifest.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

static int begin_swap(const char *model, uint64_t number, struct outcome *outcome)
{
	return tfl_loader_swap(loading.loader, loading_find(model, number), NULL, 1000, loading_on_done, outcome, &loading.error);
}

static int swap(const char *model, uint64_t number)
{
	int result = begin_swap(model, number, &loading.last);

	if (result < 0)
		return result;
	ck_assert_uint_eq(loading_active(model), number); /* already */
	loading_wait_for(&loading.last, loading.last.calls + 1);
	return loading.last.code;
}

static int roll_back(const char *model)
{
	int result = tfl_loader_roll_back(loading.loader, model, 1000, loading_on_done, &loading.last, &loading.error);

	if (result < 0)
		return result;
	loading_wait_for(&loading.last, loading.last.calls + 1);
	return loading.last.code;
}

static void load_three(void)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	loading_must_load("m", 0, "a.tflite");
}

START_TEST(a_swap_survives_a_restart)
{
	load_three();
	ck_assert_int_eq(swap("m", 2), 0);
	ck_assert_ptr_eq(loading.last.version, loading_find("m", 2));
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 2);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(swap("m", 3), 0);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 3);
	ck_assert_int_eq(roll_back("m"), 0);
	ck_assert_uint_eq(loading_active("m"), 2);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 2);
	ck_assert_int_eq(roll_back("m"), 0);
	ck_assert_uint_eq(loading_active("m"), 1);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 1);
	ck_assert_int_eq(roll_back("m"), -ENOENT);
}
END_TEST

START_TEST(what_cannot_serve_is_refused)
{
	load_three();
	ck_assert_int_eq(loading_unload("m", 3, false), 0);
	ck_assert_int_eq(swap("m", 3), -EAGAIN);
	ck_assert_msg(strstr(loading.error.text, "version 3 of 'm' is END and cannot serve: unloaded 20"), "%s", loading.error.text);
	ck_assert_int_eq(swap("m", 1), 0); /* as before */
	ck_assert_int_eq(roll_back("m"), -ENOENT);
	ck_assert_int_eq(roll_back("x"), -ENOENT);
	ck_assert_msg(strstr(loading.error.text, "there is no model 'x'"), "%s", loading.error.text);
	ck_assert_uint_eq(loading_active("m"), 1);
}
END_TEST

/* The end of a call, which is of no interest. */
static void on_called(void *data, struct tfl_version *version, const struct tfl_error *why)
{
}

/* Keeps the loader's thread until it is let go. */
static int wait_at_gate(void *data, struct tfl_error *error)
{
	sem_wait(data);
	return 0;
}

/* What the loader's thread finds when its turn has come: what was before it is done, what is behind it has not begun. */
static int look_around(void *data, struct tfl_error *error)
{
	struct tfl_state state;
	bool *swapped_first = data;

	*swapped_first = tfl_store_read_state(loading.store, "m", &state, error) == 0 && state.active == 3 && !file_exists("models/n");
	return 0;
}

/* Loads wait: a swap does not wait for them, nor does what is written down. */
START_TEST(a_swap_waits_for_no_load)
{
	struct outcome loads = {0}, swapped = {0};
	bool swapped_first = false;
	sem_t gate;

	load_three();
	sem_init(&gate, 0, 0);
	ck_assert_int_eq(tfl_loader_call(loading.loader, wait_at_gate, on_called, &gate), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(loading_begin_load("n", i + 1, "a.tflite", &loads), 0);
	for (unsigned i = 2; i <= 3; i++) {
		ck_assert_int_eq(begin_swap("m", i, &swapped), 0);
		ck_assert_uint_eq(loading_active("m"), i);
	}
	ck_assert_int_eq(tfl_loader_call(loading.loader, look_around, on_called, &swapped_first), 0);
	sem_post(&gate);
	loading_wait_for(&loads, 3);
	ck_assert(swapped_first);
	ck_assert_uint_eq(swapped.calls, 2);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 3);
	ck_assert_int_eq(roll_back("m"), 0);
	ck_assert_uint_eq(loading_active("m"), 2);
}
END_TEST

START_TEST(an_unload_on_the_way_undoes_no_swap)
{
	struct outcome unloaded = {0}, swapped = {0};

	load_three();
	ck_assert_int_eq(loading_begin_unload("m", 1, false, &unloaded), 0);
	ck_assert_uint_eq(loading_active("m"), 3);
	ck_assert_int_eq(begin_swap("m", 2, &swapped), 0);
	loading_wait_for(&unloaded, 1);
	loading_wait_for(&swapped, 1);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 2);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_END);
}
END_TEST

/* It serves; that a restart may undo it is said, and a condition until it is right. */
START_TEST(a_swap_that_cannot_be_written_down_serves)
{
	unsigned count;

	load_three();
	ck_assert_int_eq(rename("models/m/state", "models/m/state.off"), 0);
	ck_assert_int_eq(mkdir("models/m/state", 0755), 0);
	ck_assert_int_lt(swap("m", 2), 0);
	ck_assert_uint_eq(loading_active("m"), 2);
	tfl_conditions_list(loading.conditions, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(rmdir("models/m/state"), 0);
	ck_assert_int_eq(swap("m", 3), 0);
	tfl_conditions_list(loading.conditions, &count);
	ck_assert_uint_eq(count, 0);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 3);
}
END_TEST

static int reload(const char *model, uint64_t number)
{
	int result = tfl_loader_reload(loading.loader, loading_find(model, number), 1000, loading_on_done, &loading.last, &loading.error);

	if (result < 0)
		return result;
	ck_assert_int_eq(loading_find(model, number)->state, TFL_VERSION_LOADING);
	loading_wait_for(&loading.last, loading.last.calls + 1);
	return loading.last.code;
}

START_TEST(what_lies_in_the_store_is_loaded_again)
{
	load_three();
	ck_assert_int_eq(reload("m", 2), -EEXIST);
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	ck_assert_int_eq(reload("m", 2), 0);
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_AVAILABLE);
	loading_restart();
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(loading_active("m"), 1);
	/* What cannot be loaded stays as it was. */
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	ck_assert_int_eq(unlink("models/m/2/model.tflite"), 0);
	ck_assert_int_lt(reload("m", 2), 0);
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_END);
	ck_assert_msg(strstr(loading_find("m", 2)->reason, "unloaded 20"), "%s", loading_find("m", 2)->reason);
}
END_TEST

static const struct {
	const char *value;
	unsigned count; /* 99: refused */
	uint64_t first;
} lists[] = {
	{ "", 0, 0 }, { " ", 0, 0 }, { "7", 1, 7 }, { "3 2 1", 3, 3 }, { " 3   2 ", 2, 3 }, { "1 2 3 4 5 6 7 8", 8, 1 },
	{ "1 2 3 4 5 6 7 8 9", 99, 0 }, { "1 1", 99, 0 }, { "0", 99, 0 }, { "-1", 99, 0 }, { "1,2", 99, 0 }, { "x", 99, 0 },
};

START_TEST(previous_versions_in_a_state)
{
	char text[TFL_MANIFEST_TEXT_MAX], again[TFL_MANIFEST_TEXT_MAX];
	struct tfl_state state, parsed;
	struct tfl_error error;
	size_t length;

	snprintf(text, sizeof(text), "[state]\nformat = 1\nactive = 9\nprevious = %s\n", lists[_i].value);
	if (lists[_i].count == 99) {
		ck_assert_int_eq(tfl_state_parse("state", text, strlen(text), &state, &error), -EINVAL);
		ck_assert_msg(strstr(error.text, "state:4"), "%s", error.text);
		return;
	}
	ck_assert_msg(tfl_state_parse("state", text, strlen(text), &state, &error) == 0, "%s", error.text);
	ck_assert_uint_eq(state.previous.count, lists[_i].count);
	ck_assert_uint_eq(state.previous.count ? state.previous.numbers[0] : 0, lists[_i].first);
	length = tfl_state_format(&state, text);
	ck_assert_int_eq(tfl_state_parse("state", text, length, &parsed, &error), 0);
	ck_assert_uint_eq(tfl_state_format(&parsed, again), length);
	ck_assert_str_eq(text, again);
}
END_TEST

Suite *swap_suite(void)
{
	Suite *suite = suite_create("swap");
	TCase *tcase = tcase_create("swap");

	tcase_add_checked_fixture(tcase, loading_setup, loading_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_swap_survives_a_restart);
	tcase_add_test(tcase, what_cannot_serve_is_refused);
	tcase_add_test(tcase, a_swap_waits_for_no_load);
	tcase_add_test(tcase, an_unload_on_the_way_undoes_no_swap);
	tcase_add_test(tcase, a_swap_that_cannot_be_written_down_serves);
	tcase_add_test(tcase, what_lies_in_the_store_is_loaded_again);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("state");
	tcase_add_loop_test(tcase, previous_versions_in_a_state, 0, sizeof(lists) / sizeof(lists[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
