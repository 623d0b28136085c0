/* SPDX-License-Identifier: MIT */
/*
 * Histories: totals go on where they stopped, baselines take the first verdicts once, windows hold what came in them, and what lies on disk is
 * believed only where it makes sense.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/heads.h"
#include "daemon/histogram.h"
#include "daemon/history.h"
#include "daemon/moment.h"
#include "daemon/recorder.h"
#include "daemon/trial_counts.h"
#include "proto/writer.h"
#include "stats/drift.h"
#include "stats/top.h"
#include "tests/daemon/suites.h"

#define CLASSES 10
#define WRITERS 2

static struct tfl_heads heads;
static struct tfl_recorder *recorder;
static struct tfl_history *history;
static struct tfl_writer writer;
static struct tfl_moment now; /* of the life that begins, or is written down */
static unsigned seed;

static void begin(const void *data, size_t size, int expected)
{
	struct tfl_error error;

	ck_assert_int_eq(tfl_heads_recorder(&heads, WRITERS, &recorder), 0);
	ck_assert_int_eq(tfl_history_create(&heads, &history), 0);
	ck_assert_int_eq(tfl_history_restore(history, data, size, &now, recorder, &error), expected);
}

static void end(void)
{
	tfl_history_destroy(history);
	tfl_recorder_destroy(recorder);
}

static void setup(void)
{
	heads = (struct tfl_heads){.count = 2};
	for (unsigned i = 0; i < 2; i++) {
		heads.items[i].source = (struct tfl_confidence_source){.kind = TFL_CONFIDENCE_SOFTMAX, .output = i, .rows = 1, .classes = CLASSES};
		heads.items[i].counted = CLASSES;
	}
	now = (struct tfl_moment){.boot = "b007"};
	seed = 5;
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
}

static void verdicts(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct tfl_top top = {.index = (uint32_t)rand_r(&seed) % CLASSES, .confidence = (float)rand_r(&seed) / (float)RAND_MAX};

		top.margin = top.confidence / 2;
		for (unsigned head = 0; head < 2; head++)
			tfl_recorder_add_verdict(recorder, i % WRITERS, head, &top);
	}
}

static void advance(int64_t seconds)
{
	now.wall += seconds - now.seconds;
	now.seconds = seconds;
	tfl_history_advance(history, recorder, seconds);
}

static uint64_t class_sum(const struct tfl_history_head *head)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < CLASSES; i++)
		sum += head->classes[i];
	return sum;
}

static void check_head(unsigned head, uint64_t total, uint64_t baseline)
{
	const struct tfl_history_head *seen = tfl_history_head(history, head);

	ck_assert_uint_eq(seen->total.count, total);
	ck_assert_uint_eq(class_sum(seen), total);
	ck_assert_uint_eq(seen->baseline.confidence.count, baseline);
}

/* Ends this life of a version and begins the next. */
static void reload(void)
{
	size_t size;
	void *data;

	ck_assert_int_eq(tfl_history_encode(history, &now, &writer, &data, &size), 0);
	ck_assert(!tfl_history_changed(history));
	end();
	begin(data, size, 0);
	free(data);
}

START_TEST(totals_go_on)
{
	struct tfl_confidence before;

	begin(NULL, 0, 0);
	ck_assert(!tfl_history_changed(history));
	verdicts(300);
	advance(100);
	ck_assert(tfl_history_changed(history));
	check_head(0, 300, 300);
	advance(101);
	check_head(1, 300, 300);
	before = tfl_history_head(history, 0)->total;
	reload();
	advance(200);
	check_head(0, 300, 300);
	ck_assert_int_eq(memcmp(&before, &tfl_history_head(history, 0)->total, sizeof(before)), 0);
	ck_assert(!tfl_history_changed(history));
	verdicts(100);
	advance(201);
	ck_assert(tfl_history_changed(history));
	check_head(0, 400, 400);
	end();
}
END_TEST

START_TEST(the_baseline_is_the_first_verdicts)
{
	begin(NULL, 0, 0);
	verdicts(TFL_BASELINE_VERDICTS - 10);
	advance(100);
	reload();
	verdicts(500);
	advance(100);
	check_head(0, TFL_BASELINE_VERDICTS + 490, TFL_BASELINE_VERDICTS);
	reload();
	verdicts(500);
	advance(100);
	check_head(1, TFL_BASELINE_VERDICTS + 990, TFL_BASELINE_VERDICTS);
	end();
}
END_TEST

START_TEST(a_baseline_that_is_set_stays)
{
	struct tfl_confidence chosen = {0};

	for (unsigned i = 0; i < 700; i++)
		tfl_confidence_record(&chosen, 0.75f, 0.5f);
	begin(NULL, 0, 0);
	verdicts(20);
	advance(100);
	tfl_history_set_baseline(history, 1, &chosen, 1234567);
	verdicts(20);
	advance(101);
	check_head(0, 40, 40);
	check_head(1, 40, 700);
	reload();
	verdicts(20);
	advance(102);
	check_head(0, 60, 60);
	check_head(1, 60, 700);
	ck_assert(tfl_history_head(history, 1)->baseline.set && !tfl_history_head(history, 0)->baseline.set);
	ck_assert_int_eq(tfl_history_head(history, 1)->baseline.since, 1234567);
	end();
}
END_TEST

START_TEST(windows_hold_what_came_in_them)
{
	struct tfl_confidence minute = {0};

	begin(NULL, 0, 0);
	advance(60);
	verdicts(5);
	advance(120);
	verdicts(7);
	advance(150);
	tfl_windows_add(tfl_history_head(history, 0)->windows, TFL_WINDOW_MINUTE, 1, &minute, NULL);
	ck_assert_uint_eq(minute.count, 5);
	tfl_windows_add(tfl_history_head(history, 0)->windows, TFL_WINDOW_MINUTE, 0, &minute, NULL);
	ck_assert_uint_eq(minute.count, 12);
	ck_assert_uint_gt(tfl_history_bytes(history), 100000);
	ck_assert_uint_lt(tfl_history_bytes(history), 600000);
	end();
}
END_TEST

/* Verdicts of one confidence each, so that two of them are far from each other. */
static void sure_verdicts(unsigned count, float confidence)
{
	struct tfl_top top = {.index = 1, .confidence = confidence, .margin = confidence / 2};

	while (count-- > 0)
		for (unsigned head = 0; head < 2; head++)
			tfl_recorder_add_verdict(recorder, 0, head, &top);
}

/* Of the latest requests, those minutes in which there were enough; the one that runs is not over. */
START_TEST(minutes_say_how_dependent_verdicts_are)
{
	struct tfl_trial_reference *reference = calloc(1, sizeof(*reference));

	begin(NULL, 0, 0);
	advance(0);
	sure_verdicts(20, 0.5f);
	advance(60);
	sure_verdicts(9, 0.25f); /* too few */
	advance(120);
	sure_verdicts(30, 0.75f);
	advance(180);
	sure_verdicts(40, 0.125f);
	advance(190);
	tfl_history_recent(history, 190, reference);
	ck_assert(reference->minutes.count == 2 && reference->minutes.first == 0.5 && reference->minutes.last == 0.75);
	ck_assert_uint_eq(reference->minutes_records, 50);
	free(reference);
	end();
}
END_TEST

static uint64_t window_count(enum tfl_window_length length, unsigned back)
{
	const struct tfl_windows *windows = tfl_history_head(history, 1)->windows;
	struct tfl_confidence confidence = {0};
	uint64_t classes[CLASSES] = {0}, sum = 0;

	if (back >= tfl_windows_count(windows, length))
		return UINT64_MAX;
	tfl_windows_add(windows, length, back, &confidence, classes);
	for (unsigned i = 0; i < CLASSES; i++)
		sum += classes[i];
	ck_assert_uint_eq(sum, confidence.count);
	return confidence.count;
}

/* Two minutes, of which one runs, and what is before them. */
static void fill_windows(void)
{
	begin(NULL, 0, 0);
	advance(10030);
	verdicts(5);
	advance(10080); /* a whole minute */
	verdicts(7);
	advance(10100);
}

START_TEST(drift_is_that_of_the_last_hour)
{
	struct tfl_drift drift;

	begin(NULL, 0, 0);
	advance(10);
	tfl_history_drift(history, 0, &drift);
	ck_assert_int_eq(drift.verdict, TFL_DRIFT_UNKNOWN);
	for (unsigned i = 0; i < 10; i++)
		sure_verdicts(100, 0.8f + (float)i / 100);
	advance(20);
	tfl_history_drift(history, 0, &drift);
	ck_assert_int_eq(drift.verdict, TFL_DRIFT_STABLE);
	ck_assert_uint_eq(drift.window_records, 1000);
	advance(3000);
	sure_verdicts(700, 0.5f);
	advance(3700);
	tfl_history_drift(history, 1, &drift);
	ck_assert_int_eq(drift.verdict, TFL_DRIFT_DRIFTED);
	ck_assert_uint_eq(drift.window_records, 700);
	ck_assert_uint_eq(drift.baseline_records, 1000);
	end();
}
END_TEST

/* The daemon starts again while the device goes on: minutes are the same minutes. */
START_TEST(windows_survive_a_restart)
{
	size_t size;
	void *data;

	fill_windows();
	ck_assert_int_eq(tfl_history_encode(history, &now, &writer, &data, &size), 0);
	end();
	now.wall += 1000000; /* the time of day is set meanwhile: no matter */
	begin(data, size, 0);
	free(data);
	advance(10139);
	verdicts(3);
	advance(10140);
	ck_assert_uint_eq(tfl_windows_count(tfl_history_head(history, 1)->windows, TFL_WINDOW_MINUTE), 3);
	ck_assert_int_eq(tfl_windows_began(tfl_history_head(history, 1)->windows, TFL_WINDOW_MINUTE, 2), 10030);
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 2), 5);
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 1), 10);
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 0), 0);
	ck_assert_uint_eq(window_count(TFL_WINDOW_HOUR, 0), 15);
	advance(13680); /* what was 60 minutes ago is gone */
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 59), 0);
	reload();
	advance(13690);
	ck_assert_uint_eq(window_count(TFL_WINDOW_HOUR, 1), 15);
	end();
}
END_TEST

/* The device boots again: what was lies as long ago as the time of day says, before time 0 where the boot is younger than that. */
START_TEST(windows_survive_a_reboot)
{
	size_t size;
	void *data;

	fill_windows();
	ck_assert_int_eq(tfl_history_encode(history, &now, &writer, &data, &size), 0);
	end();
	now = (struct tfl_moment){.seconds = 20, .wall = now.wall + 600, .boot = "b008"};
	begin(data, size, 0);
	advance(20);
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 10), 7); /* began 620 seconds ago, just at a minute of this boot */
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 11), 5);
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 0), 0);
	ck_assert_uint_eq(window_count(TFL_WINDOW_HOUR, 0) + window_count(TFL_WINDOW_HOUR, 1), 12);
	end();
	now = (struct tfl_moment){.seconds = 20, .wall = 0, .boot = "b009"}; /* without a clock that goes on: as if no time had passed */
	begin(data, size, 0);
	advance(20);
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 0), 7);
	ck_assert_uint_eq(window_count(TFL_WINDOW_MINUTE, 1), 5);
	end();
	now = (struct tfl_moment){.seconds = 20, .wall = INT64_MAX, .boot = "b010"};
	begin(data, size, 0);
	advance(20);
	for (unsigned back = 0; back < TFL_WINDOWS_HOURS; back++)
		ck_assert_uint_eq(window_count(TFL_WINDOW_HOUR, back), 0);
	end();
	free(data);
}
END_TEST

START_TEST(another_model_has_another_history)
{
	size_t size;
	void *data;

	begin(NULL, 0, 0);
	verdicts(30);
	advance(60);
	ck_assert_int_eq(tfl_history_encode(history, &now, &writer, &data, &size), 0);
	end();
	heads.items[0].source.classes = CLASSES + 1;
	heads.items[0].counted = CLASSES + 1;
	heads.items[1].source.kind = TFL_CONFIDENCE_LOGITS;
	begin(data, size, 0);
	advance(60);
	check_head(0, 0, 0);
	check_head(1, 0, 0);
	end();
	free(data);
}
END_TEST

/* Every prefix is refused; a byte changed anywhere is refused or makes numbers, and nothing else happens. */
START_TEST(what_lies_on_disk_is_not_trusted)
{
	struct tfl_error error;
	uint8_t *data, *damaged;
	unsigned refused = 0;
	size_t size;

	begin(NULL, 0, 0);
	verdicts(200);
	advance(60);
	ck_assert_int_eq(tfl_history_encode(history, &now, &writer, (void **)&data, &size), 0);
	end();
	damaged = malloc(size);
	for (size_t length = 1; length < size; length += 7) {
		begin(data, length, -EINVAL);
		advance(60);
		check_head(0, 0, 0);
		end();
	}
	for (unsigned i = 0; i < 4000; i++) {
		memcpy(damaged, data, size);
		damaged[(unsigned)rand_r(&seed) % size] = (uint8_t)rand_r(&seed);
		ck_assert_int_eq(tfl_heads_recorder(&heads, WRITERS, &recorder), 0);
		ck_assert_int_eq(tfl_history_create(&heads, &history), 0);
		error.text[0] = '\0';
		if (tfl_history_restore(history, damaged, size, &now, recorder, &error) < 0) {
			ck_assert(error.text[0]);
			refused++;
		}
		end();
	}
	ck_assert_uint_gt(refused, 2000);
	free(damaged);
	free(data);
}
END_TEST

START_TEST(an_output_that_is_there_twice)
{
	uint8_t *data, *output;
	size_t size;

	begin(NULL, 0, 0);
	verdicts(200);
	advance(60);
	ck_assert_int_eq(tfl_history_encode(history, &now, &writer, (void **)&data, &size), 0);
	end();
	output = memmem(data, size, "output\x01", 7);
	ck_assert_ptr_nonnull(output);
	output[6] = 0;
	begin(data, size, -EINVAL);
	advance(60);
	check_head(0, 0, 0);
	end();
	free(data);
}
END_TEST

/* As numbers below 128 are encoded: index, count, index, count. */
START_TEST(counters_that_cannot_be)
{
	static const uint8_t wrong[][4] = {{1, 1, 1, 1}, {2, 1, 1, 1}, {1, 1, 6, 1}, {6, 1, 7, 1}}, right[] = {0, 1, 5, 2};
	struct tfl_wire_array array = {.count = 4};
	uint64_t counters[6] = {0}, sum;
	struct tfl_error error;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		array.elements = (struct tfl_slice){wrong[i], 4};
		ck_assert_int_eq(tfl_counters_read(&array, counters, 6, &sum, &error), -EINVAL);
	}
	array.elements = (struct tfl_slice){right, 4};
	ck_assert_int_eq(tfl_counters_read(&array, counters, 6, &sum, &error), 0);
	ck_assert(sum == 3 && counters[0] == 1 && counters[5] == 2);
}
END_TEST

Suite *history_suite(void)
{
	Suite *suite = suite_create("history");
	TCase *tcase = tcase_create("history");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, totals_go_on);
	tcase_add_test(tcase, the_baseline_is_the_first_verdicts);
	tcase_add_test(tcase, a_baseline_that_is_set_stays);
	tcase_add_test(tcase, windows_hold_what_came_in_them);
	tcase_add_test(tcase, drift_is_that_of_the_last_hour);
	tcase_add_test(tcase, minutes_say_how_dependent_verdicts_are);
	tcase_add_test(tcase, windows_survive_a_restart);
	tcase_add_test(tcase, windows_survive_a_reboot);
	tcase_add_test(tcase, another_model_has_another_history);
	tcase_add_test(tcase, what_lies_on_disk_is_not_trusted);
	tcase_add_test(tcase, an_output_that_is_there_twice);
	tcase_add_test(tcase, counters_that_cannot_be);
	suite_add_tcase(suite, tcase);
	return suite;
}
