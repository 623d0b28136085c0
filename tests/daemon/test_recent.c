/* SPDX-License-Identifier: MIT */
/*
 * What a version did of late: what was long ago is not in it, what was before a restart is, and what lies on disk is believed only where it makes sense.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/recent.h"
#include "daemon/recorder.h"
#include "proto/reader.h"
#include "proto/writer.h"
#include "stats/top.h"
#include "tests/daemon/suites.h"

#define WRITERS 2

static struct tfl_recorder *recorder;
static struct tfl_recent *recent;
static struct tfl_trial_reference reference;
static struct tfl_writer writer;
static struct tfl_error error;
static int64_t now;

static void begin(void)
{
	static const uint32_t classes = 4;

	ck_assert_int_eq(tfl_recorder_create(WRITERS, 1, &classes, &recorder), 0);
	ck_assert_int_eq(tfl_recent_create(&recent), 0);
	tfl_recent_begin(recent, now);
}

static void end(void)
{
	tfl_recent_destroy(recent);
	tfl_recorder_destroy(recorder);
	recent = NULL;
	recorder = NULL;
}

static void setup(void)
{
	now = 5000;
	tfl_writer_init(&writer);
	begin();
}

static void teardown(void)
{
	end();
	tfl_writer_finish(&writer);
}

/* Requests that took so long, of which some failed, in so many seconds. */
static bool serve(unsigned requests, unsigned failed, uint64_t ns, float sure, int64_t seconds)
{
	static uint64_t classes[4];
	struct tfl_confidence confidence, baseline;

	for (unsigned i = 0; i < requests; i++) {
		struct tfl_record record = {.status = i < failed ? TFL_INTERNAL : TFL_OK, .executed = true, .compute_ns = ns};
		struct tfl_top top = {.index = 1, .confidence = sure, .margin = sure / 2};

		tfl_recorder_add(recorder, i % WRITERS, &record);
		if (i >= failed)
			tfl_recorder_add_verdict(recorder, i % WRITERS, 0, &top);
	}
	now += seconds;
	tfl_recorder_read_head(recorder, 0, &confidence, &baseline, classes);
	return tfl_recent_advance(recent, recorder, &confidence, now);
}

static void expect(uint64_t requests, uint64_t errors, uint64_t seconds)
{
	tfl_recent_read(recent, now, &reference);
	ck_assert_uint_eq(reference.counts.requests, requests);
	ck_assert_uint_eq(reference.counts.errors, errors);
	ck_assert_uint_eq(reference.counts.latency.count, requests - errors);
	ck_assert_uint_eq(reference.counts.confidence.count, requests - errors);
	ck_assert(tfl_trial_counts_agree(&reference.counts, UINT64_C(1) << 40));
	ck_assert_uint_eq(reference.seconds, seconds);
}

START_TEST(what_was_long_ago_is_not_in_it)
{
	expect(0, 0, 0);
	ck_assert(!serve(0, 0, 0, 0, 60));
	ck_assert(serve(300, 30, 1000000, 0.5f, 60));
	expect(300, 30, 60);
	ck_assert(serve(500, 0, 1000000, 0.5f, 10000)); /* too few yet, however long that took */
	ck_assert(!serve(0, 0, 0, 0, 60));
	expect(800, 30, 10120);
	ck_assert(serve(100000, 0, 1000000, 0.5f, 60));
	expect(100800, 30, 10180);
	ck_assert(serve(400, 4, 9000000, 0.9f, 60)); /* the part before is full: these begin a new one */
	expect(101200, 34, 10240);
	ck_assert(serve(700, 0, 9000000, 0.9f, 1000)); /* enough of them, and too short a time */
	expect(101900, 34, 11240);
	ck_assert(serve(0, 0, 0, 0, 800) == false);
	ck_assert(serve(5, 5, 0, 0, 10)); /* and now it is all that there is before this */
	expect(1105, 9, 1870);
	ck_assert_uint_gt(tfl_latency_percentile(&reference.counts.latency, 0.01), 8000000);
	ck_assert(tfl_confidence_mean(&reference.counts.confidence) > 0.89);
}
END_TEST

/* Written down as it is now, and as bytes of the caller's. */
static size_t write_down(uint8_t **ret_data)
{
	void *data;
	size_t size;

	tfl_writer_begin(&writer);
	tfl_recent_write(recent, &writer, now);
	ck_assert_int_eq(tfl_writer_take_value(&writer, &data, &size), 0);
	*ret_data = data;
	return size;
}

static int restore(const uint8_t *data, size_t size, int64_t elapsed, bool head)
{
	struct tfl_slice value = {data, size};

	end();
	begin();
	if (tfl_reader_validate(value, &error) < 0)
		return -EBADMSG;
	return tfl_recent_restore(recent, value, elapsed, now, head, &error);
}

START_TEST(what_was_before_a_restart_is_in_it)
{
	uint8_t *data;
	size_t size;

	size = write_down(&data);
	ck_assert_int_eq(restore(data, size, 60, true), 0);
	expect(0, 0, 0);
	free(data);
	ck_assert(serve(2000, 20, 3000000, 0.7f, 2000));
	ck_assert(serve(50, 1, 4000000, 0.8f, 10));
	expect(2050, 21, 2010);
	size = write_down(&data);
	now = 30; /* another boot */
	ck_assert_int_eq(restore(data, size, 500, true), 0);
	expect(2050, 21, 2510);
	ck_assert(serve(1000, 0, 4000000, 0.8f, 1000));
	expect(3050, 21, 3510);
	ck_assert(serve(1, 0, 4000000, 0.8f, 1000)); /* that part has its time by now */
	expect(1051, 1, 2510);
	ck_assert_int_eq(restore(data, size, 500, false), 0);
	tfl_recent_read(recent, now, &reference);
	ck_assert_uint_eq(reference.counts.latency.count, 2029);
	ck_assert_uint_eq(reference.counts.confidence.count, 0);
	free(data);
}
END_TEST

/* Every prefix is refused; a byte changed anywhere is refused, with a sentence, or makes numbers that agree. */
START_TEST(what_lies_on_disk_is_not_trusted)
{
	unsigned seed = 7, refused = 0;
	uint8_t *data, was;
	size_t size;

	serve(2000, 20, 3000000, 0.7f, 2000);
	serve(50, 1, 4000000, 0.8f, 10);
	size = write_down(&data);
	for (size_t length = 0; length < size; length++) {
		ck_assert_int_lt(restore(data, length, 0, true), 0);
		expect(0, 0, 0);
	}
	for (unsigned i = 0; i < 5000; i++) {
		size_t at = (size_t)rand_r(&seed) % size;

		was = data[at];
		data[at] = (uint8_t)rand_r(&seed);
		error.text[0] = '\0';
		if (restore(data, size, 0, true) < 0) {
			ck_assert(error.text[0]);
			refused++;
		}
		tfl_recent_read(recent, now, &reference);
		ck_assert(tfl_trial_counts_agree(&reference.counts, UINT64_C(1) << 41));
		data[at] = was;
	}
	ck_assert_uint_gt(refused, 2000);
	free(data);
}
END_TEST

Suite *recent_suite(void)
{
	Suite *suite = suite_create("recent");
	TCase *tcase = tcase_create("recent");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_long_ago_is_not_in_it);
	tcase_add_test(tcase, what_was_before_a_restart_is_in_it);
	tcase_add_test(tcase, what_lies_on_disk_is_not_trusted);
	suite_add_tcase(suite, tcase);
	return suite;
}
