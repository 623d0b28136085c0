/* SPDX-License-Identifier: MIT */
/*
 * Windows against a list of every verdict with its time: whatever the order of verdicts and calls, each window holds exactly what came
 * between the calls that belong to it.
 */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stats/windows.h"
#include "tests/stats/suites.h"

#define CLASSES 5
#define EVENTS_MAX 20000

/* Totals as a recorder keeps them, and what each call found new. */
static struct tfl_confidence total;
static uint64_t class_totals[CLASSES];
static struct {
	int64_t time; /* of the last call before it */
	float confidence;
	unsigned class;
} events[EVENTS_MAX];
static unsigned event_count;

static void verdict(int64_t time, float confidence, unsigned class)
{
	tfl_confidence_record(&total, confidence, confidence / 2);
	class_totals[class]++;
	events[event_count].time = time;
	events[event_count].confidence = confidence;
	events[event_count++].class = class;
}

static void check_window(const struct tfl_windows *windows, enum tfl_window_length length, int64_t seconds, unsigned back)
{
	struct tfl_confidence expected = {0}, found = {0};
	uint64_t expected_classes[CLASSES] = {0}, classes[CLASSES] = {0};
	int64_t began = tfl_windows_began(windows, length, back) / seconds * seconds;

	for (unsigned i = 0; i < event_count; i++) {
		if (events[i].time < began || events[i].time >= began + seconds)
			continue;
		tfl_confidence_record(&expected, events[i].confidence, events[i].confidence / 2);
		expected_classes[events[i].class]++;
	}
	tfl_windows_add(windows, length, back, &found, classes);
	ck_assert_msg(memcmp(&expected, &found, sizeof(found)) == 0, "length %d, %u back: %llu verdicts, not %llu", length, back,
		      (unsigned long long)found.count, (unsigned long long)expected.count);
	ck_assert_int_eq(memcmp(expected_classes, classes, sizeof(classes)), 0);
}

/* Several together are what each of them holds; of more than there are, all. */
static void check_sum(const struct tfl_windows *windows, enum tfl_window_length length, unsigned count)
{
	struct tfl_confidence expected = {0}, found = {0};
	uint64_t expected_classes[CLASSES] = {0}, classes[CLASSES] = {0};
	bool all = count == tfl_windows_count(windows, length);

	for (unsigned back = 0; back < count; back++)
		tfl_windows_add(windows, length, back, &expected, expected_classes);
	ck_assert_uint_eq(tfl_windows_add_last(windows, length, all ? count + 7 : count, &found, classes), count);
	ck_assert_mem_eq(&found, &expected, sizeof(found));
	ck_assert_mem_eq(classes, expected_classes, sizeof(classes));
}

static void check_all(const struct tfl_windows *windows, int64_t begun, int64_t now)
{
	static const int64_t seconds[] = {60, 3600}, slots[] = {60, 24};

	for (unsigned length = 0; length < 2; length++) {
		int64_t expected = now / seconds[length] - begun / seconds[length] + 1;
		unsigned count = tfl_windows_count(windows, (enum tfl_window_length)length);

		ck_assert_int_eq(count, expected < slots[length] ? expected : slots[length]);
		ck_assert_int_eq(tfl_windows_began(windows, (enum tfl_window_length)length, 0),
				 now - now % seconds[length] > begun ? now - now % seconds[length] : begun);
		for (unsigned back = 0; back < count; back++)
			check_window(windows, (enum tfl_window_length)length, seconds[length], back);
		check_sum(windows, (enum tfl_window_length)length, count / 2);
		check_sum(windows, (enum tfl_window_length)length, count);
	}
}

/* Calls @p step seconds apart at most, over @p span seconds. */
static void run(unsigned seed, unsigned step, int64_t span)
{
	struct tfl_windows *windows;
	int64_t begun = 1000 + seed, now = begun;

	ck_assert_int_eq(tfl_windows_create(CLASSES, &windows), 0);
	ck_assert_uint_eq(tfl_windows_count(windows, TFL_WINDOW_MINUTE), 0);
	tfl_windows_advance(windows, now, &total, class_totals);
	while (now < begun + span && event_count + 20 < EVENTS_MAX) {
		for (unsigned i = (unsigned)rand_r(&seed) % 20; i > 0; i--)
			verdict(now, (float)rand_r(&seed) / (float)RAND_MAX, (unsigned)rand_r(&seed) % CLASSES);
		now += 1 + rand_r(&seed) % (int)step;
		tfl_windows_advance(windows, now, &total, class_totals);
	}
	check_all(windows, begun, now);
	tfl_windows_destroy(windows);
}

START_TEST(every_window_holds_its_own)
{
	static const unsigned steps[] = {1, 20, 70, 400, 4000, 100000};

	run((unsigned)_i + 1, steps[_i % 6], (int64_t)steps[_i % 6] * 900);
}
END_TEST

START_TEST(totals_that_begin_anew)
{
	struct tfl_windows *windows;
	struct tfl_confidence found = {0};

	ck_assert_int_eq(tfl_windows_create(CLASSES, &windows), 0);
	for (unsigned i = 0; i < 10; i++)
		verdict(0, 0.5f, 1);
	tfl_windows_advance(windows, 5, &total, class_totals);
	memset(&total, 0, sizeof(total));
	memset(class_totals, 0, sizeof(class_totals));
	for (unsigned i = 0; i < 3; i++)
		verdict(0, 0.5f, 1);
	tfl_windows_advance(windows, 6, &total, class_totals);
	tfl_windows_add(windows, TFL_WINDOW_MINUTE, 0, &found, NULL);
	ck_assert_uint_eq(found.count, 13);
	tfl_windows_destroy(windows);
}
END_TEST

Suite *windows_suite(void)
{
	Suite *suite = suite_create("windows");
	TCase *tcase = tcase_create("windows");

	tcase_add_loop_test(tcase, every_window_holds_its_own, 0, 24);
	tcase_add_test(tcase, totals_that_begin_anew);
	suite_add_tcase(suite, tcase);
	return suite;
}
