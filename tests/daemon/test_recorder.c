/* SPDX-License-Identifier: MIT */
/*
 * Counters per writer and their sum, also while writers write (run it under TSan: it must stay silent).
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/recorder.h"
#include "stats/top.h"
#include "tests/daemon/suites.h"

#define WRITERS 3
#define REQUESTS 50000

static struct tfl_recorder *recorder;
static struct tfl_recorder_summary summary;

static void setup(void)
{
	ck_assert_int_eq(tfl_recorder_create(WRITERS, 2, (uint32_t[]){10, TFL_CONFIDENCE_CLASSES_MAX}, &recorder), 0);
}

static void teardown(void)
{
	tfl_recorder_destroy(recorder);
	tfl_recorder_destroy(NULL);
}

START_TEST(writers_are_added_up)
{
	for (unsigned i = 0; i < WRITERS; i++) {
		struct tfl_record record = { TFL_OK, true, 10 + i, 200 + i, 30 + i, 4000 + i };

		tfl_recorder_add(recorder, i, &record);
	}
	tfl_recorder_read(recorder, &summary);
	ck_assert_uint_eq(summary.requests, 3);
	ck_assert_uint_eq(summary.results[TFL_OK], 3);
	ck_assert_uint_eq(summary.wait.min_ns, 10);
	ck_assert_uint_eq(summary.wait.max_ns, 12);
	ck_assert_uint_eq(summary.compute.sum_ns, 603);
	ck_assert_uint_eq(summary.reply.count, 3);
	ck_assert_uint_eq(summary.total.max_ns, 4002);
}
END_TEST

START_TEST(failures_are_counted_without_latency)
{
	struct tfl_record record = { TFL_INVALID_ARGUMENT, false, 1, 2, 3, 4 };

	tfl_recorder_add(recorder, 0, &record);
	tfl_recorder_add(recorder, 1, &record);
	record.status = TFL_DEADLINE_EXCEEDED;
	record.executed = true;
	tfl_recorder_add(recorder, 1, &record);
	tfl_recorder_read(recorder, &summary);
	ck_assert_uint_eq(summary.requests, 3);
	ck_assert_uint_eq(summary.results[TFL_INVALID_ARGUMENT], 2);
	ck_assert_uint_eq(summary.results[TFL_DEADLINE_EXCEEDED], 1);
	ck_assert_uint_eq(summary.executions, 1);
	ck_assert_uint_eq(summary.total.count, 0);
}
END_TEST

static void *write_requests(void *data)
{
	unsigned writer = (unsigned)(uintptr_t)data;

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct tfl_record record = { i % 5 ? TFL_OK : TFL_CANCELLED, i % 10 > 0, i, i, i, i };

		tfl_recorder_add(recorder, writer, &record);
	}
	return NULL;
}

START_TEST(reading_beside_writers_misses_nothing_in_the_end)
{
	pthread_t threads[WRITERS];
	uint64_t before = 0;

	for (uintptr_t i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_requests, (void *)i), 0);
	while (before < (uint64_t)WRITERS * REQUESTS) {
		tfl_recorder_read(recorder, &summary);
		ck_assert_uint_ge(summary.requests, before);
		before = summary.requests;
	}
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	tfl_recorder_read(recorder, &summary);
	ck_assert_uint_eq(summary.requests, (uint64_t)WRITERS * REQUESTS);
	ck_assert_uint_eq(summary.results[TFL_CANCELLED], (uint64_t)WRITERS * REQUESTS / 5);
	ck_assert_uint_eq(summary.executions, (uint64_t)WRITERS * REQUESTS / 10 * 9);
	ck_assert_uint_eq(summary.total.count, summary.results[TFL_OK]);
}
END_TEST

#define BURSTS 3000

/* A worker whose requests have many rows: verdicts one right after the other, then time in which the next request is computed. */
static void *write_verdicts(void *data)
{
	struct tfl_top top = {.index = 3, .confidence = 0.75f, .margin = 0.5f};

	for (unsigned i = 0; i < BURSTS; i++) {
		for (unsigned row = 0; row < 64; row++)
			tfl_recorder_add_verdict(recorder, 0, 0, &top);
		usleep(1);
	}
	__atomic_store_n((bool *)data, true, __ATOMIC_RELEASE);
	return NULL;
}

START_TEST(what_is_read_of_a_head_agrees)
{
	struct tfl_confidence confidence, baseline;
	uint64_t classes[10];
	bool done = false;
	pthread_t writer;

	tfl_recorder_want_baseline(recorder, 0, 5000);
	ck_assert_int_eq(pthread_create(&writer, NULL, write_verdicts, &done), 0);
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		tfl_recorder_read_head(recorder, 0, &confidence, &baseline, classes);
		ck_assert(tfl_confidence_agrees(&confidence));
		ck_assert(tfl_confidence_agrees(&baseline));
	}
	pthread_join(writer, NULL);
	tfl_recorder_read_head(recorder, 0, &confidence, &baseline, classes);
	ck_assert_uint_eq(confidence.count, 64 * BURSTS);
	ck_assert_uint_eq(baseline.count, 5000);
}
END_TEST

Suite *recorder_suite(void)
{
	Suite *suite = suite_create("recorder");
	TCase *tcase = tcase_create("recorder");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, writers_are_added_up);
	tcase_add_test(tcase, failures_are_counted_without_latency);
	tcase_add_test(tcase, reading_beside_writers_misses_nothing_in_the_end);
	tcase_add_test(tcase, what_is_read_of_a_head_agrees);
	suite_add_tcase(suite, tcase);
	return suite;
}
