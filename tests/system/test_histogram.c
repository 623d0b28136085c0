/* SPDX-License-Identifier: MIT */
/*
 * What the daemon says of its models' confidence: verdicts of every row of every request counted, by class; what survives a restart in
 * order, and what a baseline is made of. The model is a softmax and nothing else, so that each request says which verdict it wants.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define ROWS SCORES_ROWS
#define CLASSES SCORES_CLASSES

static struct daemon tfld;
static struct tfl_writer writer;
static int fd;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_scores(&tfld);
	add_large(&tfld);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	close(fd);
	daemon_stop(&tfld);
}

/* Asks for verdicts on all rows. */
static void ask(unsigned class, float logit)
{
	ask_scores(fd, class, logit);
}

static double confidence_of(float logit)
{
	return exp((double)logit) / (exp((double)logit) + CLASSES - 1);
}

/* @p method about a model; @p minutes 0: without. */
static void call(const char *method, const char *model, unsigned minutes, bool series, struct reply *ret_reply)
{
	daemon_wait_busy(&tfld, 0); /* verdicts are counted when the reply has gone */
	wire_begin(&writer, 9, method);
	tfl_writer_map(&writer, 1 + (minutes > 0) + series);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, model);
	if (minutes) {
		tfl_writer_text(&writer, "minutes");
		tfl_writer_uint64(&writer, minutes);
	}
	if (series) {
		tfl_writer_text(&writer, "series");
		tfl_writer_bool(&writer, true);
	}
	wire_send_frame(fd, &writer);
	ck_assert(wire_receive(fd, ret_reply));
	ck_assert(ret_reply->message.kind == TFL_MESSAGE_REPLY);
}

/* Pairs of a counter and its value at @p path must be these, in this order. */
static void expect_counters(struct tfl_slice result, const char *path, const uint64_t *pairs, unsigned count)
{
	ck_assert_msg(wire_count(result, path) == count, "%s has %u entries, not %u", path, wire_count(result, path), count);
	for (unsigned i = 0; i < count; i++) {
		char place[64];

		snprintf(place, sizeof(place), "%s.%u", path, i);
		ck_assert_msg(wire_uint(result, place) == pairs[i], "%s is %llu, not %llu", place, (unsigned long long)wire_uint(result, place),
			      (unsigned long long)pairs[i]);
	}
}

#define PAIRS(...) (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

START_TEST(every_row_is_counted)
{
	uint64_t high = (uint64_t)(confidence_of(6) * 50), low = (uint64_t)(confidence_of(1) * 50);
	struct reply reply;

	for (unsigned i = 0; i < 20; i++)
		ask(7, 6);
	for (unsigned i = 0; i < 5; i++)
		ask(2, 1);
	ask(3, NAN);
	call("histogram", "scores", 0, false, &reply);
	ck_assert_uint_eq(wire_count(reply.message.result, "heads"), 1);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "heads.0.kind"), "softmax"));
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "heads.0.name"), "scores"));
	expect_counters(reply.message.result, "heads.0.histogram.bins", PAIRS(low, 5 * ROWS, high, 20 * ROWS));
	expect_counters(reply.message.result, "heads.0.counts", PAIRS(2, 5 * ROWS, 7, 20 * ROWS));
	ck_assert_uint_eq(wire_uint(reply.message.result, "heads.0.histogram.invalid"), ROWS);
	ck_assert_uint_eq(wire_uint(reply.message.result, "heads.0.seconds"), 0);
	ck_assert(!wire_bool(reply.message.result, "heads.0.baseline.set"));
	expect_counters(reply.message.result, "heads.0.baseline.histogram.bins", PAIRS(low, 5 * ROWS, high, 20 * ROWS));
	reply_finish(&reply);
}
END_TEST

START_TEST(windows_are_of_this_hour)
{
	uint64_t high = (uint64_t)(confidence_of(6) * 50), sum = 0;
	struct reply reply;
	uint32_t windows;

	for (unsigned i = 0; i < 20; i++)
		ask(7, 6);
	call("histogram", "scores", 60, true, &reply);
	expect_counters(reply.message.result, "heads.0.histogram.bins", PAIRS(high, 20 * ROWS));
	windows = wire_count(reply.message.result, "heads.0.series");
	ck_assert(windows == 1 || windows == 2); /* a minute may have ended since the start */
	for (uint32_t i = 0; i < windows; i++) {
		char path[64];

		snprintf(path, sizeof(path), "heads.0.series.%u.histogram.bins", i);
		if (wire_count(reply.message.result, path) > 0) {
			snprintf(path, sizeof(path), "heads.0.series.%u.histogram.bins.1", i);
			sum += wire_uint(reply.message.result, path);
		}
	}
	ck_assert_uint_eq(sum, 20 * ROWS);
	reply_finish(&reply);
	call("histogram", "scores", 1440, true, &reply);
	expect_counters(reply.message.result, "heads.0.histogram.bins", PAIRS(high, 20 * ROWS));
	ck_assert_uint_eq(wire_uint(reply.message.result, "heads.0.series.0.length_s"), 3600);
	reply_finish(&reply);
}
END_TEST

START_TEST(everything_survives_a_restart)
{
	uint64_t high = (uint64_t)(confidence_of(6) * 50), low = (uint64_t)(confidence_of(1) * 50);
	struct reply reply;

	for (unsigned i = 0; i < 4; i++)
		ask(7, 6);
	call("baseline.set", "scores", 0, false, &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "verdicts"), 4 * ROWS);
	reply_finish(&reply);
	ask(2, 1);
	close(fd);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	ask(2, 1);
	call("histogram", "scores", 0, false, &reply);
	expect_counters(reply.message.result, "heads.0.histogram.bins", PAIRS(low, 2 * ROWS, high, 4 * ROWS));
	expect_counters(reply.message.result, "heads.0.counts", PAIRS(2, 2 * ROWS, 7, 4 * ROWS));
	ck_assert(wire_bool(reply.message.result, "heads.0.baseline.set"));
	ck_assert_uint_gt(wire_uint(reply.message.result, "heads.0.baseline.since"), 1700000000);
	expect_counters(reply.message.result, "heads.0.baseline.histogram.bins", PAIRS(high, 4 * ROWS));
	reply_finish(&reply);
	call("histogram", "scores", 60, false, &reply); /* the same hour */
	expect_counters(reply.message.result, "heads.0.histogram.bins", PAIRS(low, 2 * ROWS, high, 4 * ROWS));
	reply_finish(&reply);
}
END_TEST

/* The time of a file's last change, when it is another one than @p before. */
static int64_t when_written(const char *path, int64_t before)
{
	struct stat st;
	int64_t time = before;

	while (time == before) {
		if (stat(path, &st) == 0)
			time = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
		usleep(10000);
	}
	return time;
}

/* What was there at the end of a period survives the end of everything. */
START_TEST(everything_survives_a_power_cut)
{
	uint64_t high = (uint64_t)(confidence_of(6) * 50), least = 5 * ROWS, verdicts;
	char path[256];
	struct reply reply;
	int64_t written;

	close(fd);
	daemon_restart(&tfld, "[log]\nperiod = 1s\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	snprintf(path, sizeof(path), "%s/scores/1/statistics", tfld.models);
	ask(7, 6);
	written = when_written(path, 0);
	for (unsigned i = 0; i < 3; i++)
		ask(7, 6);
	daemon_wait_busy(&tfld, 0);
	for (unsigned i = 0; i < 2; i++) { /* the first may have been on its way; the second has everything, or there was no news for it */
		ask(7, 6);
		written = when_written(path, written);
	}
	close(fd);
	ck_assert_int_eq(kill(tfld.pid, SIGKILL), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 128 + SIGKILL);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	for (unsigned minutes = 0; minutes <= 60; minutes += 60) {
		call("histogram", "scores", minutes, false, &reply);
		ck_assert_uint_eq(wire_uint(reply.message.result, "heads.0.histogram.bins.0"), high);
		verdicts = wire_uint(reply.message.result, "heads.0.histogram.bins.1");
		ck_assert_msg(verdicts == least || verdicts == least + ROWS, "%llu verdicts", (unsigned long long)verdicts);
		expect_counters(reply.message.result, "heads.0.counts", PAIRS(7, verdicts));
		reply_finish(&reply);
	}
}
END_TEST

START_TEST(a_baseline_can_be_handed_over)
{
	struct reply reply;

	for (unsigned wrong = 0; wrong < 2; wrong++) {
		wire_begin(&writer, 9, "baseline.set");
		tfl_writer_map(&writer, 2);
		tfl_writer_text(&writer, "model");
		tfl_writer_text(&writer, "scores");
		tfl_writer_text(&writer, "histogram");
		tfl_writer_map(&writer, 5);
		tfl_writer_text(&writer, "invalid");
		tfl_writer_uint64(&writer, 0);
		tfl_writer_text(&writer, "sum");
		tfl_writer_uint64(&writer, UINT64_C(600) << 23);
		for (unsigned i = 0; i < 3; i++) {
			tfl_writer_text(&writer, (const char *[]){"bins", "margins", "fine"}[i]);
			tfl_writer_array(&writer, 2);
			tfl_writer_uint64(&writer, (const uint64_t[]){25, 10, 168}[i]);
			tfl_writer_uint64(&writer, 600 - (wrong == 0 && i == 2));
		}
		wire_send_frame(fd, &writer);
		if (wrong == 0)
			wire_expect_failure(fd, 9, TFL_INVALID_ARGUMENT, "do not agree");
	}
	ck_assert(wire_receive(fd, &reply));
	ck_assert_uint_eq(wire_uint(reply.message.result, "verdicts"), 600);
	reply_finish(&reply);
	call("histogram", "scores", 0, false, &reply);
	expect_counters(reply.message.result, "heads.0.baseline.histogram.fine", PAIRS(168, 600));
	reply_finish(&reply);
}
END_TEST

START_TEST(what_cannot_be_asked)
{
	struct reply reply;

	call("histogram", "nosuch", 0, false, &reply);
	ck_assert(reply.message.failed && reply.message.failure.status == TFL_NOT_FOUND);
	reply_finish(&reply);
	call("histogram", "scores", 1441, false, &reply);
	ck_assert(reply.message.failed && reply.message.failure.status == TFL_INVALID_ARGUMENT);
	reply_finish(&reply);
	call("baseline.set", "scores", 0, false, &reply);
	ck_assert(reply.message.failed && strstr(reply.message.failure.message.text, "no verdicts"));
	reply_finish(&reply);
	call("baseline.set", "large", 0, false, &reply);
	ck_assert(reply.message.failed && strstr(reply.message.failure.message.text, "no confidence"));
	reply_finish(&reply);
	call("histogram", "large", 0, false, &reply);
	ck_assert_uint_eq(wire_count(reply.message.result, "heads"), 0);
	ck_assert_uint_gt(wire_string(reply.message.result, "reason").length, 10);
	reply_finish(&reply);
}
END_TEST

START_TEST(damaged_statistics_begin_anew)
{
	char path[256];
	struct reply reply;
	FILE *file;

	ask(7, 6);
	close(fd);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	snprintf(path, sizeof(path), "%s/scores/1/statistics", tfld.models);
	file = fopen(path, "r+b");
	ck_assert_ptr_nonnull(file);
	fputc(0xc1, file);
	fclose(file);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	ck_assert(daemon_logged(&tfld, "begin anew"));
	ask(2, 1);
	call("histogram", "scores", 0, false, &reply);
	expect_counters(reply.message.result, "heads.0.counts", PAIRS(2, ROWS));
	reply_finish(&reply);
}
END_TEST

Suite *histogram_suite(void)
{
	Suite *suite = suite_create("histogram");
	TCase *tcase = tcase_create("histogram");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, every_row_is_counted);
	tcase_add_test(tcase, windows_are_of_this_hour);
	tcase_add_test(tcase, everything_survives_a_restart);
	tcase_add_test(tcase, everything_survives_a_power_cut);
	tcase_add_test(tcase, a_baseline_can_be_handed_over);
	tcase_add_test(tcase, what_cannot_be_asked);
	tcase_add_test(tcase, damaged_statistics_begin_anew);
	suite_add_tcase(suite, tcase);
	return suite;
}
