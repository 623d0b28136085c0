/* SPDX-License-Identifier: MIT */
/*
 * The guard: a version against itself passes its trial, on traffic that is as unkind as traffic is (heavy tails, bursts, neighbours that are alike, looks
 * after each request), and each kind of failure trips its own limit, within so many requests as are printed.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/confidence.h"
#include "stats/drift.h"
#include "stats/guard.h"
#include "stats/latency.h"
#include "tests/stats/suites.h"

#define TRIALS 200
#define REFERENCE 1000
#define REQUESTS 1000 /* and … */
#define SECONDS 600    /* … of a trial */

static const struct tfl_guard_limits limits = {
	.errors = 0.05,
	.p99_ratio = 1.5,
	.confidence_drop = 0.1,
	.drift = 1,
	.nan = 3,
	.block_seconds = 10,
	.absolute_errors = 0.2,
	.absolute_p99_ns = 1e9,
	.absolute_confidence = 0.1,
};

/* A version on a device. Bursts and scenes come and go by themselves; `pace` and `sure` are those of now. */
struct version {
	double errors, nan, pace, blur; /* blur: how unsure it is; the mean confidence is 1 / (1.15 + blur) */
	double burst_share, burst_length, burst_pace; /* a busy device: share of the time, requests, times slower */
	double scene;  /* requests for which what is seen stays the same; 0: each is another */
	double rate;   /* requests a second */
	double steady, width; /* instead of blur: the confidence is in the middle of the fine bin of this, or beside it, by at most half the width */
	double served; /* of a reference: so many requests, with their minutes; 0: REFERENCE, without */
};

struct device {
	struct version version;
	struct tfl_guard_seen seen;
	struct tfl_latency latency;
	struct tfl_confidence confidence;
	struct tfl_guard_blocks minutes;
	struct tfl_confidence minute; /* up to the last one */
	double now;
	bool busy;
	double sight;
	unsigned *seed;
};

static struct device before, candidate, beside;
static struct tfl_guard guard;
static struct tfl_guard_row rows[TFL_GUARD_SUBJECTS];

static double uniform(unsigned *seed)
{
	return ((double)rand_r(seed) + 0.5) / ((double)RAND_MAX + 1);
}

static void fresh(struct device *device, const struct version *version, unsigned *seed)
{
	memset(device, 0, sizeof(*device));
	device->version = *version;
	device->seen.latency = &device->latency;
	device->seen.confidence = &device->confidence;
	device->seed = seed;
}

/* A two-state chain, of which the busy state lasts so many requests and holds such a share of the time. */
static double pace_of(struct device *device)
{
	const struct version *version = &device->version;

	if (version->burst_share > 0) {
		double leave = 1 / version->burst_length, enter = leave * version->burst_share / (1 - version->burst_share);

		device->busy = uniform(device->seed) < (device->busy ? 1 - leave : enter);
	}
	return version->pace * pow(uniform(device->seed), -0.25) * (device->busy ? version->burst_pace : 1);
}

/* All alike, where the bins see the least of it. */
static double steady(const struct version *version, double sight)
{
	unsigned bin = 0;

	while (tfl_confidence_edge(bin + 1) < version->steady)
		bin++;
	return (tfl_confidence_edge(bin) + tfl_confidence_edge(bin + 1)) / 2 + version->width * (sight - 0.5);
}

static void request(struct device *device)
{
	const struct version *version = &device->version;
	double sure;

	device->now -= log(uniform(device->seed)) / version->rate;
	device->seen.requests++;
	device->seen.nan += uniform(device->seed) < version->nan;
	if (version->scene == 0 || device->sight == 0 || uniform(device->seed) * version->scene < 1)
		device->sight = uniform(device->seed);
	sure = version->steady > 0 ? steady(version, device->sight) : 1 - pow(device->sight, 1 / (0.15 + version->blur));
	if (uniform(device->seed) < version->errors) {
		device->seen.errors++;
		return;
	}
	tfl_latency_record(&device->latency, (uint64_t)(1e6 * pace_of(device)));
	tfl_confidence_record(&device->confidence, (float)sure, (float)sure / 2);
}

static void remember(const struct version *version, unsigned *seed)
{
	double minute = 60;

	fresh(&before, version, seed);
	for (unsigned i = 0; i < (version->served > 0 ? version->served : REFERENCE); i++) {
		request(&before);
		if (version->served == 0 || before.now < minute)
			continue;
		minute = before.now + 60;
		tfl_guard_add_block(&before.minutes, (double)(before.confidence.sum - before.minute.sum) * 0x1p-24 /
							     (double)(before.confidence.count - before.minute.count));
		before.minute = before.confidence;
	}
	before.seen.minutes = &before.minutes;
	before.seen.minutes_records = (double)before.minute.count;
}

/* At which request a limit has tripped; 0 if none has. */
static unsigned trial(const struct version *version, unsigned requests, double seconds, unsigned look_every, unsigned *seed)
{
	fresh(&candidate, version, seed);
	tfl_guard_init(&guard, &limits, &before.seen);
	for (unsigned i = 0; i <= requests || candidate.now < seconds; i++) {
		if (i > 0)
			request(&candidate);
		if (i % look_every == 0 && tfl_guard_look(&guard, &limits, &candidate.seen, &before.seen, NULL, false, candidate.now, rows))
			return i > 0 ? i : 1;
	}
	return 0;
}

static const struct {
	const char *name;
	struct version version;
	unsigned look_every;
} equals[] = {
	{"calm, a look after each request", {.pace = 1, .rate = 2}, 1},
	{"calm, 20 requests a second, a look a second", {.pace = 1, .rate = 20}, 20},
	{"errors of one in 50", {.pace = 1, .rate = 2, .errors = 0.02}, 1},
	{"bursts of 30 requests, three times slower", {.pace = 1, .rate = 2, .burst_share = 0.05, .burst_length = 30, .burst_pace = 3}, 1},
	{"bursts of 100 requests, five times slower", {.pace = 1, .rate = 20, .burst_share = 0.1, .burst_length = 100, .burst_pace = 5}, 20},
	{"scenes of 50 requests", {.pace = 1, .rate = 20, .scene = 50, .blur = 0.2}, 20},
	{"bursts of 50, scenes of 30, unsure",
	 {.pace = 1, .rate = 5, .burst_share = 0.02, .burst_length = 50, .burst_pace = 4, .scene = 30, .blur = 0.5}, 5},
	{"scenes of 50, after half an hour", {.pace = 1, .rate = 2, .scene = 50, .blur = 0.2, .served = 3600}, 1},
	{"scenes of 60, unsure, after half an hour", {.pace = 1, .rate = 5, .scene = 60, .blur = 0.5, .served = 9000}, 5},
	{"scenes of 30, all alike", {.pace = 1, .rate = 2, .scene = 30, .steady = 0.7, .width = 0.002, .served = 3600}, 1},
	{"scenes of 30, in two bins", {.pace = 1, .rate = 2, .scene = 30, .steady = 0.9, .width = 0.02, .served = 3600}, 1},
};

START_TEST(a_version_against_itself_passes)
{
	unsigned seed = 1234 + (unsigned)_i, tripped[TFL_GUARD_SUBJECTS] = {0}, sum = 0;

	for (unsigned i = 0; i < TRIALS; i++) {
		remember(&equals[_i].version, &seed);
		if (trial(&equals[_i].version, REQUESTS, SECONDS, equals[_i].look_every, &seed))
			tripped[(unsigned)guard.tripped - 1]++;
	}
	for (unsigned i = 0; i < TFL_GUARD_SUBJECTS; i++)
		sum += tripped[i];
	printf("# %s: %u of %u trials tripped (errors %u, latency %u, confidence %u, drift %u)\n", equals[_i].name, sum, TRIALS,
	       tripped[0], tripped[1], tripped[2], tripped[3]);
	fflush(stdout);
	ck_assert_uint_le(sum, 2);
}
END_TEST

static const struct {
	const char *name;
	struct version version;
	enum tfl_guard_subject subject, other; /* either may be the first */
	unsigned within; /* requests, in each of 50 trials */
} failures[] = {
	{"all requests fail", {.pace = 1, .rate = 2, .errors = 1}, TFL_GUARD_ERRORS, TFL_GUARD_ERRORS, 5},
	{"half fail", {.pace = 1, .rate = 2, .errors = 0.5}, TFL_GUARD_ERRORS, TFL_GUARD_ERRORS, 40},
	{"one in five fails", {.pace = 1, .rate = 2, .errors = 0.2}, TFL_GUARD_ERRORS, TFL_GUARD_ERRORS, 250},
	{"each is three times slower", {.pace = 3, .rate = 2}, TFL_GUARD_LATENCY, TFL_GUARD_LATENCY, 1500},
	{"one in ten is ten times slower",
	 {.pace = 1, .rate = 2, .burst_share = 0.1, .burst_length = 2, .burst_pace = 10}, TFL_GUARD_LATENCY, TFL_GUARD_LATENCY, 3000},
	{"unsure: 0.87 to 0.61", {.pace = 1, .rate = 2, .blur = 0.5}, TFL_GUARD_CONFIDENCE, TFL_GUARD_DRIFT, 800},
	{"NaN", {.pace = 1, .rate = 2, .nan = 1}, TFL_GUARD_NAN, TFL_GUARD_NAN, 3},
	{"NaN, one in 20", {.pace = 1, .rate = 2, .nan = 0.05}, TFL_GUARD_NAN, TFL_GUARD_NAN, 300},
};

START_TEST(each_failure_trips_its_limit)
{
	static const struct version sound = {.pace = 1, .rate = 2};
	unsigned seed = 77, worst = 0;
	double sum = 0;

	for (unsigned i = 0; i < 50; i++) {
		unsigned at;

		remember(&sound, &seed);
		at = trial(&failures[_i].version, 3 * REQUESTS, SECONDS, 1, &seed);
		ck_assert_msg(at > 0, "%s: not seen in trial %u", failures[_i].name, i);
		ck_assert_msg(guard.tripped == 1 + failures[_i].subject || guard.tripped == 1 + failures[_i].other, "%s: %s", failures[_i].name,
			      tfl_guard_subject_to_string((enum tfl_guard_subject)(guard.tripped - 1)));
		ck_assert_int_eq(rows[(unsigned)guard.tripped - 1].standing, TFL_GUARD_TRIPPED);
		sum += at;
		worst = at > worst ? at : worst;
	}
	printf("# %s: tripped after %.0f requests, at most %u\n", failures[_i].name, sum / 50, worst);
	fflush(stdout);
	ck_assert_uint_le(worst, failures[_i].within);
}
END_TEST

/* Confidence of the same mean, and another shape: all in the middle where it was at both ends. */
START_TEST(drift_trips_though_the_mean_stays)
{
	static const struct version sound = {.pace = 1, .rate = 2, .blur = 0.5};
	unsigned seed = 3, at = 0;

	remember(&sound, &seed);
	fresh(&candidate, &sound, &seed);
	tfl_guard_init(&guard, &limits, &before.seen);
	for (unsigned i = 0; i < REQUESTS && !at; i++) {
		float sure = (float)(0.56 + 0.1 * uniform(&seed));

		candidate.seen.requests++;
		candidate.now += 0.5;
		tfl_latency_record(&candidate.latency, 1000000);
		tfl_confidence_record(&candidate.confidence, sure, sure);
		if (tfl_guard_look(&guard, &limits, &candidate.seen, &before.seen, NULL, false, candidate.now, rows))
			at = i + 1;
	}
	printf("# the same mean of confidence, another shape: tripped after %u requests\n", at);
	ck_assert(guard.tripped == 1 + TFL_GUARD_DRIFT);
	ck_assert(at >= TFL_DRIFT_RECORDS_MIN && at < 700);
}
END_TEST

static const struct {
	const char *name;
	struct version before, candidate;
	unsigned within;
} alike[] = {
	{"always 0.99", {.pace = 1, .rate = 2}, {.pace = 1, .rate = 2, .steady = 0.99}, 500},
	{"0.99, by a millionth", {.pace = 1, .rate = 2}, {.pace = 1, .rate = 2, .steady = 0.99, .width = 1e-6}, 500},
	{"0.9, by a ten thousandth", {.pace = 1, .rate = 2}, {.pace = 1, .rate = 2, .steady = 0.9, .width = 1e-4}, 500},
	{"0.9, by a thousandth", {.pace = 1, .rate = 2}, {.pace = 1, .rate = 2, .steady = 0.9, .width = 1e-3}, 500},
	{"0.99, by a hundredth", {.pace = 1, .rate = 2}, {.pace = 1, .rate = 2, .steady = 0.99, .width = 1e-2}, 500},
	{"0.9, by a thousandth, in scenes, after half an hour",
	 {.pace = 1, .rate = 2, .scene = 5, .served = 3600}, {.pace = 1, .rate = 2, .steady = 0.9, .width = 1e-3, .scene = 30}, 800},
	{"0.6, by a hundredth, in scenes, after half an hour",
	 {.pace = 1, .rate = 2, .scene = 5, .served = 3600}, {.pace = 1, .rate = 2, .steady = 0.6, .width = 1e-2, .scene = 30}, 800},
};

/* A model that is broken so that it always says the same, or nearly: what little scatter there is left of it is no reason to wait. */
START_TEST(answers_that_are_all_alike)
{
	unsigned seed = 40 + (unsigned)_i, worst = 0;

	for (unsigned i = 0; i < 50; i++) {
		unsigned at;

		remember(&alike[_i].before, &seed);
		at = trial(&alike[_i].candidate, 3 * REQUESTS, SECONDS, 1, &seed);
		ck_assert_msg(at > 0, "%s: not seen in trial %u", alike[_i].name, i);
		worst = at > worst ? at : worst;
	}
	printf("# %s: tripped after %u requests at most\n", alike[_i].name, worst);
	fflush(stdout);
	ck_assert_uint_le(worst, alike[_i].within);
}
END_TEST

START_TEST(small_samples_trip_nothing)
{
	static const struct version sound = {.pace = 1, .rate = 2}, awful = {.pace = 50, .rate = 2, .blur = 5};
	unsigned seed = 8;

	remember(&sound, &seed);
	ck_assert_uint_eq(trial(&awful, TFL_GUARD_BLOCK * TFL_GUARD_BLOCKS_MIN - 1, 0, 1, &seed), 0);
	ck_assert_int_eq(rows[TFL_GUARD_LATENCY].standing, TFL_GUARD_FEW);
	ck_assert_int_eq(rows[TFL_GUARD_CONFIDENCE].standing, TFL_GUARD_FEW);
	ck_assert_int_eq(rows[TFL_GUARD_DRIFT].standing, TFL_GUARD_FEW);
	ck_assert_uint_gt(trial(&awful, 1000, 0, 1, &seed), 0);
	fresh(&candidate, &(struct version){.errors = 1, .rate = 1}, &seed);
	tfl_guard_init(&guard, &limits, &before.seen);
	for (unsigned i = 1; i < TFL_GUARD_ERRORS_MIN; i++) {
		request(&candidate);
		ck_assert(!tfl_guard_look(&guard, &limits, &candidate.seen, &before.seen, NULL, false, i, rows));
		ck_assert(rows[TFL_GUARD_ERRORS].evidence < 1);
	}
	ck_assert_int_eq(rows[TFL_GUARD_ERRORS].standing, TFL_GUARD_FEW);
}
END_TEST

/* Blocks of these mean confidences, one after the other, against an absolute limit; whether that has tripped. */
static bool look_at_blocks(const float *means, unsigned count)
{
	const struct tfl_guard_limits absolute = {.absolute_confidence = 0.5, .absolute_errors = 0.2, .absolute_p99_ns = 1e9, .block_seconds = 1};
	bool tripped = false;

	memset(&candidate, 0, sizeof(candidate));
	candidate.seen.confidence = &candidate.confidence;
	tfl_guard_init(&guard, &absolute, NULL);
	tfl_guard_look(&guard, &absolute, &candidate.seen, NULL, NULL, false, 0, rows);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = 0; k < TFL_GUARD_BLOCK; k++)
			tfl_confidence_record(&candidate.confidence, means[i], 0);
		candidate.seen.requests += TFL_GUARD_BLOCK;
		tripped = tfl_guard_look(&guard, &absolute, &candidate.seen, NULL, NULL, false, 2 * (i + 1), rows);
	}
	ck_assert_int_eq(rows[TFL_GUARD_CONFIDENCE].standing, tripped ? TFL_GUARD_TRIPPED : TFL_GUARD_WITHIN);
	return tripped;
}

/* The same blocks in two orders: what lasts for half of the time says less than what comes and goes. */
START_TEST(neighbours_that_are_alike_say_less)
{
	float means[24];
	double mixed;

	for (unsigned i = 0; i < 24; i++)
		means[i] = i % 2 ? 0.2f : 0.6f;
	ck_assert(!look_at_blocks(means, 24));
	mixed = rows[TFL_GUARD_CONFIDENCE].evidence;
	for (unsigned i = 0; i < 24; i++)
		means[i] = i < 12 ? 0.6f : 0.2f;
	ck_assert(!look_at_blocks(means, 24));
	ck_assert_float_gt(mixed, 0.2f);
	ck_assert_float_lt(rows[TFL_GUARD_CONFIDENCE].evidence, mixed / 2);
}
END_TEST

/* A few blocks that happen to be alike: by their own scatter they would be far from the limit, and one block more that keeps it says how little they are. */
START_TEST(few_blocks_are_little)
{
	static const float close[] = {0.43f, 0.32f, 0.43f, 0.32f, 0.43f, 0.32f, 0.43f, 0.32f}, far[] = {0.2f, 0.1f, 0.2f, 0.1f, 0.2f, 0.1f, 0.2f, 0.1f};

	ck_assert(!look_at_blocks(close, TFL_GUARD_BLOCKS_MIN));
	ck_assert(look_at_blocks(far, TFL_GUARD_BLOCKS_MIN));
}
END_TEST

/* All is slow, and hot: nothing; and cool again: what is slow then counts. */
START_TEST(heat_is_not_read_as_a_worse_model)
{
	static const struct version sound = {.pace = 1, .rate = 2}, throttled = {.pace = 4, .rate = 2};
	unsigned seed = 21;
	bool tripped = false;

	remember(&sound, &seed);
	fresh(&candidate, &throttled, &seed);
	tfl_guard_init(&guard, &limits, &before.seen);
	for (unsigned i = 0; i < 2000; i++) {
		request(&candidate);
		ck_assert(!tfl_guard_look(&guard, &limits, &candidate.seen, &before.seen, NULL, true, candidate.now, rows));
	}
	ck_assert_int_eq(rows[TFL_GUARD_LATENCY].standing, TFL_GUARD_WAITS);
	ck_assert(guard.latency[0].count == 0 && guard.confidence[0].count > 50);
	for (unsigned i = 0; i < 600 && !tripped; i++) {
		request(&candidate);
		tripped = tfl_guard_look(&guard, &limits, &candidate.seen, &before.seen, NULL, false, candidate.now, rows);
	}
	ck_assert(guard.tripped == 1 + TFL_GUARD_LATENCY);
}
END_TEST

/* The device has become slow, and both versions on it: against what was, the candidate looks bad; against its neighbour it does not. */
START_TEST(what_both_suffer_is_not_the_candidates)
{
	static const struct version sound = {.pace = 1, .rate = 2}, slow = {.pace = 4, .rate = 2};
	unsigned seed = 5, tripped = 0, alone = 0;

	for (unsigned i = 0; i < 50; i++) {
		remember(&sound, &seed);
		fresh(&candidate, &slow, &seed);
		fresh(&beside, &slow, &seed);
		tfl_guard_init(&guard, &limits, &before.seen);
		for (unsigned k = 0; k < 2000 && guard.tripped == 0; k++) {
			request(&candidate);
			request(&beside);
			tfl_guard_look(&guard, &limits, &candidate.seen, &before.seen, &beside.seen, false, candidate.now, rows);
		}
		tripped += guard.tripped > 0;
		alone += trial(&slow, 1000, 0, 1, &seed) > 0;
	}
	ck_assert_uint_le(tripped, 0);
	ck_assert_uint_eq(alone, 50);
}
END_TEST

START_TEST(without_a_reference_only_absolute_limits_hold)
{
	static const struct version odd = {.pace = 50, .rate = 2, .blur = 3, .errors = 0.1}, failing = {.pace = 1, .rate = 2, .errors = 0.6};
	unsigned seed = 15;
	bool tripped = false;

	fresh(&candidate, &odd, &seed);
	tfl_guard_init(&guard, &limits, NULL);
	for (unsigned i = 0; i < 2000; i++) {
		request(&candidate);
		ck_assert(!tfl_guard_look(&guard, &limits, &candidate.seen, NULL, NULL, false, candidate.now, rows));
	}
	ck_assert(rows[TFL_GUARD_ERRORS].absolute && rows[TFL_GUARD_LATENCY].absolute && rows[TFL_GUARD_CONFIDENCE].absolute);
	ck_assert_int_eq(rows[TFL_GUARD_DRIFT].standing, TFL_GUARD_NOTHING);
	fresh(&candidate, &failing, &seed);
	tfl_guard_init(&guard, &limits, NULL);
	for (unsigned i = 0; i < 200 && !tripped; i++) {
		request(&candidate);
		tripped = tfl_guard_look(&guard, &limits, &candidate.seen, NULL, NULL, false, candidate.now, rows);
	}
	ck_assert(guard.tripped == 1 + TFL_GUARD_ERRORS);
}
END_TEST

/* Written down and read back, a trial comes to the same end; what cannot be is not gone on from. */
START_TEST(it_goes_on_from_what_was_written_down)
{
	static const struct version sound = {.pace = 1, .rate = 2}, slow = {.pace = 30, .rate = 2};
	unsigned seed = 31;
	bool tripped = false;
	struct tfl_guard kept;

	remember(&sound, &seed);
	ck_assert_uint_eq(trial(&slow, 130, 0, 1, &seed), 0);
	kept = guard;
	ck_assert(tfl_guard_valid(&kept));
	tfl_guard_resume(&kept);
	fresh(&candidate, &slow, &seed);
	for (unsigned i = 0; i < 100 && !tripped; i++) {
		tripped = tfl_guard_look(&kept, &limits, &candidate.seen, &before.seen, NULL, false, candidate.now, rows);
		request(&candidate);
	}
	ck_assert(kept.tripped == 1 + TFL_GUARD_LATENCY);
	kept.latency[0].squares = NAN;
	ck_assert(!tfl_guard_valid(&kept));
	kept = guard;
	kept.tripped = 77;
	ck_assert(!tfl_guard_valid(&kept));
	kept.tripped = 0.3;
	ck_assert(!tfl_guard_valid(&kept));
}
END_TEST

Suite *guard_suite(void)
{
	Suite *suite = suite_create("guard");
	TCase *tcase = tcase_create("guard");

	tcase_set_timeout(tcase, 200);
	tcase_add_loop_test(tcase, a_version_against_itself_passes, 0, sizeof(equals) / sizeof(equals[0]));
	tcase_add_loop_test(tcase, each_failure_trips_its_limit, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tcase, drift_trips_though_the_mean_stays);
	tcase_add_loop_test(tcase, answers_that_are_all_alike, 0, sizeof(alike) / sizeof(alike[0]));
	tcase_add_test(tcase, small_samples_trip_nothing);
	tcase_add_test(tcase, neighbours_that_are_alike_say_less);
	tcase_add_test(tcase, few_blocks_are_little);
	tcase_add_test(tcase, heat_is_not_read_as_a_worse_model);
	tcase_add_test(tcase, what_both_suffer_is_not_the_candidates);
	tcase_add_test(tcase, without_a_reference_only_absolute_limits_hold);
	tcase_add_test(tcase, it_goes_on_from_what_was_written_down);
	suite_add_tcase(suite, tcase);
	return suite;
}
