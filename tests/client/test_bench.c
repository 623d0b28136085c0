/* SPDX-License-Identifier: MIT */
/* The arithmetic of tflctl bench, over a clock and a service that are made up. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "client/bench.h"
#include "client/bench_load.h"
#include "tests/client/ctl_suites.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)

/*
 * One server, first come first served, that needs `service` a request and does nothing at all during a stall. The client sends when the
 * load says so, and is itself absent during a pause. Time jumps from event to event.
 */
struct world {
	struct bench_load load;
	struct bench_windows *windows;
	int64_t now, service, free_at; /* free_at: when the server has done all it was given */
	int64_t stall_begin, stall_end;
	int64_t pause_begin, pause_end;
	struct bench_sample flights[2000]; /* a row, oldest first */
	unsigned first, count;
};

static struct world world;

static void begin(int64_t window)
{
	memset(&world, 0, sizeof(world));
	world.windows = calloc(1, sizeof(*world.windows));
	world.windows->length = window;
	world.stall_begin = world.stall_end = world.pause_begin = world.pause_end = -1;
}

static void finish(void)
{
	free(world.windows);
}

static void serve(struct bench_sample *sample)
{
	int64_t start = world.free_at > world.now ? world.free_at : world.now;

	if (start < world.stall_end && start + world.service > world.stall_begin)
		start = world.stall_end;
	sample->wait_ns = (uint64_t)(start - world.now);
	sample->compute_ns = (uint64_t)world.service;
	sample->ended = world.free_at = start + world.service;
}

static void send_due(void)
{
	struct bench_sample *sample;
	int64_t due;

	while (bench_load_take(&world.load, world.now, &due)) {
		ck_assert_uint_lt(world.count, 2000);
		sample = &world.flights[(world.first + world.count++) % 2000];
		*sample = (struct bench_sample){.due = due, .sent = world.now};
		serve(sample);
	}
}

static void end_first(void)
{
	bench_windows_add(world.windows, &world.flights[world.first]);
	bench_load_ended(&world.load);
	world.first = (world.first + 1) % 2000;
	world.count--;
}

static int64_t next_event(void)
{
	int64_t next = bench_load_next(&world.load), reply = world.count ? world.flights[world.first].ended : BENCH_NEVER;
	int64_t event = reply < next ? reply : next;

	return event > world.now ? event : world.now;
}

static void run_until(int64_t end)
{
	while (world.now < end) {
		if (world.now >= world.pause_begin && world.now < world.pause_end)
			world.now = world.pause_end; /* replies wait, schedules do not */
		send_due();
		world.now = next_event();
		while (world.count && world.flights[world.first].ended <= world.now)
			end_first();
	}
}

static double percentile(enum bench_time time, double share)
{
	struct bench_window *sum = malloc(sizeof(*sum));
	double value;

	bench_windows_sum(world.windows, BENCH_WINDOWS, sum); /* the first five */
	value = (double)tfl_latency_percentile(&sum->times[time], share);
	free(sum);
	return value;
}

static uint64_t counted(void)
{
	struct bench_window *sum = malloc(sizeof(*sum));
	uint64_t count;

	bench_windows_sum(world.windows, BENCH_WINDOWS, sum);
	count = sum->times[BENCH_LATENCY].count;
	free(sum);
	return count;
}

/* A stall of 100 ms: one request of a closed loop meets it, and disappears among thousands. In an open loop all meet it that were due. */
START_TEST(a_stall_is_seen_by_an_open_loop)
{
	double closed, open;

	for (unsigned i = 0; i < 2; i++) {
		begin(1 * S);
		world.service = 1 * MS;
		world.stall_begin = 2 * S;
		world.stall_end = 2 * S + 100 * MS;
		if (i == 0)
			bench_load_closed(&world.load, 1);
		else
			bench_load_open(&world.load, 200, false, 1000, 0);
		run_until(5 * S + 500 * MS);
		*(i == 0 ? &closed : &open) = percentile(BENCH_LATENCY, 0.99);
		ck_assert_double_ge(percentile(BENCH_LATENCY, 1), 100 * (double)MS);
		if (i == 0)
			ck_assert_uint_ge(counted(), 4800);
		else
			ck_assert_uint_eq(counted(), 1000);
		finish();
	}
	ck_assert_double_lt(closed, 1.1 * (double)MS);
	ck_assert_double_gt(open, 40 * (double)MS); /* 20 of 1000 were due in the stall, 10 of them for its later half */
	ck_assert_double_lt(open, 70 * (double)MS);
}
END_TEST

/* The client sleeps: what it sends late counts from when it was due, and shows as lag, not as the daemon's time. */
START_TEST(a_client_that_sleeps_counts_too)
{
	begin(1 * S);
	world.service = MS / 10;
	world.pause_begin = 2 * S;
	world.pause_end = 2 * S + 200 * MS;
	bench_load_open(&world.load, 100, false, 1000, 0);
	run_until(5 * S + 500 * MS);
	ck_assert_uint_eq(counted(), 500);
	ck_assert_double_gt(percentile(BENCH_LATENCY, 0.99), 100 * (double)MS);
	ck_assert_double_gt(percentile(BENCH_LAG, 0.99), 100 * (double)MS);
	ck_assert_double_lt(percentile(BENCH_LAG, 0.9), 1 * (double)MS);
	ck_assert_uint_ge(world.windows->windows[2].late, 19);
	ck_assert_uint_eq(world.windows->windows[1].late, 0);
	ck_assert_uint_eq(world.load.held, 0);
	finish();
}
END_TEST

/* More is asked than can be done, and only so many may be in flight: the rest waits, and that is part of its latency. */
START_TEST(a_service_that_falls_behind)
{
	begin(1 * S);
	world.service = 10 * MS; /* 100 a second of the 200 */
	bench_load_open(&world.load, 200, false, 4, 0);
	run_until(5 * S);
	ck_assert_uint_gt(world.load.held, 0);
	ck_assert_uint_ge(counted(), 495);
	ck_assert_double_gt(percentile(BENCH_LATENCY, 0.95), 2.2 * (double)S); /* half of the five seconds behind */
	ck_assert_double_lt(percentile(BENCH_WAIT, 0.99), 41 * (double)MS);
	finish();
}
END_TEST

START_TEST(a_closed_loop_keeps_its_number_in_flight)
{
	int64_t due;

	begin(1 * S);
	bench_load_closed(&world.load, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(bench_load_take(&world.load, 7, &due));
		ck_assert_int_eq(due, 7);
	}
	ck_assert(!bench_load_take(&world.load, 8, &due));
	ck_assert_int_eq(bench_load_next(&world.load), BENCH_NEVER);
	bench_load_ended(&world.load);
	ck_assert(bench_load_take(&world.load, 9, &due));
	ck_assert_int_eq(due, 9);
	ck_assert_uint_eq(world.load.held, 0);
	finish();
}
END_TEST

/* Gaps of a Poisson process: their mean is right, and their spread is as large. */
START_TEST(poisson_gaps)
{
	double sum = 0, squares = 0, mean, deviation;
	int64_t due, before = 0;

	begin(1 * S);
	bench_load_open(&world.load, 1000, true, UINT32_MAX, 0);
	ck_assert(bench_load_take(&world.load, INT64_MAX, &before));
	for (unsigned i = 0; i < 100000; i++) {
		double gap;

		ck_assert(bench_load_take(&world.load, INT64_MAX, &due));
		gap = (double)(due - before);
		sum += gap;
		squares += gap * gap;
		before = due;
	}
	mean = sum / 100000;
	deviation = sqrt(squares / 100000 - mean * mean);
	ck_assert_double_lt(fabs(mean - (double)MS), 0.02 * (double)MS);
	ck_assert_double_lt(fabs(deviation - (double)MS), 0.02 * (double)MS);
	finish();
}
END_TEST

/* A constant rate does not drift: the millionth request is where it has to be. */
START_TEST(a_constant_rate_does_not_drift)
{
	int64_t due = 0;
	bool taken = true;

	begin(1 * S);
	bench_load_open(&world.load, 3, false, UINT32_MAX, 5);
	for (unsigned i = 0; i <= 3000000 && taken; i++)
		taken = bench_load_take(&world.load, INT64_MAX, &due);
	ck_assert_int_le(llabs(due - 5 - 1000000 * S), MS);
	finish();
}
END_TEST

static void fill(unsigned window, unsigned requests, int64_t latency)
{
	for (unsigned i = 0; i < requests; i++) {
		struct bench_sample sample = {.ended = window * S + i, .compute_ns = 10};

		sample.due = sample.sent = sample.ended - latency;
		bench_windows_add(world.windows, &sample);
	}
}

START_TEST(windows_agree_or_not)
{
	begin(1 * S);
	world.windows->begin = 0;
	fill(0, 500, 5 * MS);
	fill(1, 1000, 1 * MS);
	fill(2, 1050, 1 * MS);
	fill(3, 980, MS * 104 / 100);
	ck_assert(!bench_windows_agree(world.windows, 2, 0.95)); /* too few */
	ck_assert(!bench_windows_agree(world.windows, 3, 0.95)); /* the first was other */
	ck_assert(bench_windows_agree(world.windows, 4, 0.95));
	fill(4, 1000, 2 * MS);
	ck_assert(!bench_windows_agree(world.windows, 5, 0.95)); /* as many, but slower */
	ck_assert(!bench_windows_agree(world.windows, 8, 0.95)); /* nothing at all is no agreement */
	finish();
}
END_TEST

START_TEST(what_belongs_to_no_window)
{
	struct bench_sample sample = {.due = 10 * S - 5, .sent = 10 * S - 4, .ended = 10 * S - 1};

	begin(1 * S);
	world.windows->begin = 10 * S;
	bench_windows_add(world.windows, &sample); /* in the warm-up */
	sample.ended = 10 * S + BENCH_WINDOWS_MAX * S;
	bench_windows_add(world.windows, &sample); /* after the end */
	ck_assert_uint_eq(counted(), 0);
	sample.ended = 10 * S;
	bench_windows_add(world.windows, &sample);
	sample.status = TFL_UNAVAILABLE;
	bench_windows_add(world.windows, &sample);
	ck_assert_uint_eq(counted(), 1); /* failures are counted by themselves */
	ck_assert_uint_eq(world.windows->windows[0].failures[TFL_UNAVAILABLE], 1);
	ck_assert_double_eq(percentile(BENCH_WIRE, 1), 4);
	sample = (struct bench_sample){.due = 10 * S, .sent = 10 * S, .ended = 10 * S + 5, .wait_ns = 3, .compute_ns = 1 * S};
	bench_windows_add(world.windows, &sample); /* a daemon that claims more time than has passed */
	ck_assert_double_eq(percentile(BENCH_WIRE, 0), 0);
	finish();
}
END_TEST

static const struct {
	const char *text;
	bool whole;
	double begin, end, step;
	bool times;
	const char *fault;
} ranges[] = {
	{"4", true, 4, 4, 1, false, NULL},
	{"1:8", true, 1, 8, 1, false, NULL},
	{"1:16:5", true, 1, 16, 5, false, NULL},
	{"1:64:x2", true, 1, 64, 2, true, NULL},
	{"0.5:2.5:0.25", false, 0.5, 2.5, 0.25, false, NULL},
	{"10:1000:x1.5", false, 10, 1000, 1.5, true, NULL},
	{"0.5", true, 0, 0, 0, false, "whole numbers"},
	{"", true, 0, 0, 0, false, "START[:END[:STEP]]"},
	{"1:", true, 0, 0, 0, false, "START[:END[:STEP]]"},
	{"1:2:3:4", true, 0, 0, 0, false, "START[:END[:STEP]]"},
	{"-1", true, 0, 0, 0, false, "START[:END[:STEP]]"},
	{"1e3", true, 1000, 1000, 1, false, NULL},
	{"nan", true, 0, 0, 0, false, "START[:END[:STEP]]"},
	{"0x10", true, 0, 0, 0, false, "START[:END[:STEP]]"},
	{" 1", true, 0, 0, 0, false, "START[:END[:STEP]]"},
	{"0", true, 0, 0, 0, false, "from 0.1 to 5000"},
	{"1:5001", true, 0, 0, 0, false, "from 0.1 to 5000"},
	{"1:1e999", true, 0, 0, 0, false, "START[:END[:STEP]]"},
	{"8:1", true, 0, 0, 0, false, "ends before it begins"},
	{"1:8:0", true, 0, 0, 0, false, "a step is above 0"},
	{"1:8:x1", true, 0, 0, 0, false, "a factor above 1"},
};

START_TEST(ranges_are_read)
{
	struct bench_range range = {0};
	struct tfl_error error = {0};
	int r = bench_range_parse(ranges[_i].text, "--range", 0.1, 5000, ranges[_i].whole, &range, &error);

	if (ranges[_i].fault) {
		ck_assert_msg(r == -EINVAL && strstr(error.text, ranges[_i].fault) && strstr(error.text, "--range"), "'%s': %d %s", ranges[_i].text,
			      r, error.text);
		return;
	}
	ck_assert_msg(r == 0, "'%s': %s", ranges[_i].text, error.text);
	ck_assert_double_eq(range.begin, ranges[_i].begin);
	ck_assert_double_eq(range.end, ranges[_i].end);
	ck_assert_double_eq(range.step, ranges[_i].step);
	ck_assert_int_eq(range.times, ranges[_i].times);
	ck_assert_double_eq(bench_range_next(&range, 10), range.times ? 10 * range.step : 10 + range.step);
}
END_TEST

static const struct {
	const char *text;
	int64_t ns; /* -1: refused */
} durations[] = {
	{"5s", 5 * S},   {"1.5", 1500 * MS}, {"500ms", 500 * MS}, {"20us", 20000}, {"20µs", 20000}, {"7ns", 7}, {"2m", 120 * S},
	{"", -1},        {"5h", -1},         {"s", -1},           {"-1s", -1},     {"1 s", -1},     {"0s", -1}, {"99999m", -1},
	{"1e400s", -1},
};

START_TEST(durations_are_read)
{
	struct tfl_error error = {0};
	int64_t ns = -1;
	int r = bench_duration_parse(durations[_i].text, "--time", 1, 3600 * S, &ns, &error);

	ck_assert_msg((r == 0) == (durations[_i].ns >= 0), "'%s': %d %s", durations[_i].text, r, error.text);
	ck_assert_int_eq(ns, durations[_i].ns);
}
END_TEST

Suite *bench_suite(void)
{
	Suite *suite = suite_create("bench");
	TCase *tcase = tcase_create("bench");

	tcase_add_test(tcase, a_stall_is_seen_by_an_open_loop);
	tcase_add_test(tcase, a_client_that_sleeps_counts_too);
	tcase_add_test(tcase, a_service_that_falls_behind);
	tcase_add_test(tcase, a_closed_loop_keeps_its_number_in_flight);
	tcase_add_test(tcase, poisson_gaps);
	tcase_add_test(tcase, a_constant_rate_does_not_drift);
	tcase_add_test(tcase, windows_agree_or_not);
	tcase_add_test(tcase, what_belongs_to_no_window);
	tcase_add_loop_test(tcase, ranges_are_read, 0, sizeof(ranges) / sizeof(ranges[0]));
	tcase_add_loop_test(tcase, durations_are_read, 0, sizeof(durations) / sizeof(durations[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
