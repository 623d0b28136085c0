/* SPDX-License-Identifier: MIT */
/*
 * The loop's look at all versions: some of them at a time, none written down twice at once; and that what is written late about a version
 * does not undo its last words.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "daemon/changes.h"
#include "daemon/clock.h"
#include "daemon/history.h"
#include "daemon/line_log.h"
#include "daemon/observe.h"
#include "daemon/recorder.h"
#include "daemon/server.h"
#include "stats/top.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

static struct tfl_server server;

static void ignore_news(void *data)
{
}

static void setup(void)
{
	const struct tfl_line_log_options options = {"lines", 1 << 20, 2, "device"};

	loading_setup();
	ck_assert_int_eq(tfl_line_log_create(&options, &loading.lines), 0);
	loading_restart();
	loading_must_load("m", 1, "a.tflite");
	server = (struct tfl_server){.registry = loading.registry, .loader = loading.loader, .store = loading.store};
	ck_assert_int_eq(tfl_changes_create(ignore_news, NULL, &server.changes), 0);
	tfl_executor_init(&server.executor, 0);
}

static void teardown(void)
{
	loading_stop();
	tfl_changes_destroy(server.changes);
	tfl_executor_finish(&server.executor);
	tfl_line_log_destroy(TFL_STEAL(loading.lines));
	folder_remove();
}

static void verdicts(uint64_t number, unsigned count)
{
	const struct tfl_top top = {.index = 1, .confidence = 0.75f, .margin = 0.5f};

	while (count-- > 0)
		tfl_recorder_add_verdict(loading_find("m", number)->recorder, 0, 0, &top);
}

/* What its history had when it was loaded anew. */
static uint64_t kept(uint64_t number)
{
	const struct tfl_version *version = loading_find("m", number);

	tfl_history_advance(version->history, version->recorder, tfl_clock_seconds());
	return tfl_history_head(version->history, 0)->total.count;
}

static unsigned observe(void)
{
	unsigned steps = 1;

	tfl_observe(&server);
	while (tfl_observe_step(&server))
		steps++;
	return steps;
}

/* The loader's thread stands still from here on. */
static void hold(void)
{
	__atomic_store_n(&loading.hold, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(tfl_loader_write_line(loading.loader, "tfld.test/1", 1800000000, json_object()), 0);
}

static void release(void)
{
	__atomic_store_n(&loading.hold, false, __ATOMIC_RELEASE);
	sem_post(&loading.released);
}

START_TEST(many_versions_take_several_steps)
{
	for (unsigned number = 2; number <= 5; number++)
		loading_must_load("m", number, "a.tflite");
	for (unsigned number = 1; number <= 5; number++)
		verdicts(number, number);
	ck_assert_uint_eq(observe(), 3);
	loading_flush();
	for (unsigned number = 1; number <= 5; number++)
		ck_assert(!tfl_history_changed(loading_find("m", number)->history));
	ck_assert(!tfl_observe_step(&server));
	tfl_observe_period(&server);
	ck_assert(tfl_observe_step(&server));
	ck_assert_int_eq(loading_unload("m", 4, false), 0); /* nothing is due any more of what is gone */
	ck_assert(!tfl_observe_step(&server));
	loading_restart();
	for (unsigned number = 1; number <= 5; number++)
		ck_assert(number == 4 || kept(number) == number);
}
END_TEST

START_TEST(what_is_on_its_way_is_not_written_again)
{
	const struct tfl_history *history = loading_find("m", 1)->history;

	verdicts(1, 3);
	observe();
	ck_assert(!tfl_history_changed(history));
	verdicts(1, 4);
	observe();
	ck_assert(tfl_history_changed(history));
	loading_flush();
	observe();
	ck_assert(!tfl_history_changed(history));
	loading_restart();
	ck_assert_uint_eq(kept(1), 7);
}
END_TEST

START_TEST(what_is_written_late_does_not_undo_the_last_words)
{
	struct outcome outcome = {0};

	hold();
	verdicts(1, 3);
	observe();
	verdicts(1, 4);
	ck_assert_int_eq(loading_begin_unload("m", 1, false, &outcome), 0);
	release();
	loading_wait_for(&outcome, 1);
	loading_must_load("m", 1, "a.tflite");
	ck_assert_uint_eq(kept(1), 7);
}
END_TEST

static void *release_late(void *data)
{
	usleep(100000);
	release();
	return NULL;
}

/* A job holds the version whose end another one waits for; the loader's thread does neither any more. */
START_TEST(a_stop_while_the_end_of_a_version_is_waited_for)
{
	struct outcome swap = {0}, unload = {0};
	pthread_t thread;

	hold();
	verdicts(1, 3);
	observe();
	verdicts(1, 4);
	ck_assert_int_eq(tfl_loader_swap(loading.loader, loading_find("m", 1), NULL, 1000, loading_on_done, &swap, &loading.error), 0);
	ck_assert_int_eq(loading_begin_unload("m", 1, false, &unload), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, release_late, NULL), 0);
	loading_stop();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(swap.calls, 1);
	ck_assert_uint_eq(unload.calls, 1);
	ck_assert_int_eq(unload.code, -ECANCELED);
	loading_start();
	loading_settle();
	ck_assert_uint_eq(kept(1), 7);
}
END_TEST

Suite *observe_suite(void)
{
	Suite *suite = suite_create("observe");
	TCase *tcase = tcase_create("observe");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, many_versions_take_several_steps);
	tcase_add_test(tcase, what_is_on_its_way_is_not_written_again);
	tcase_add_test(tcase, what_is_written_late_does_not_undo_the_last_words);
	tcase_add_test(tcase, a_stop_while_the_end_of_a_version_is_waited_for);
	suite_add_tcase(suite, tcase);
	return suite;
}
