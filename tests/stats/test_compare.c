/* SPDX-License-Identifier: MIT */
/*
 * Comparison: noise is no winner, real differences are found and told the right way round, what cannot be told says when it could, and
 * absurd counters are no trouble. The probabilities themselves are compared with numpy's elsewhere (compare_numpy.py).
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/compare.h"
#include "stats/confidence.h"
#include "stats/latency.h"
#include "stats/tails.h"
#include "tests/stats/suites.h"

/* A version as its traffic is made. */
struct version {
	double errors;    /* share */
	double latency;   /* of most requests, in nanoseconds */
	double blur;      /* of the confidence: greater is less sure */
	unsigned run;     /* latencies come in runs of about so many; 1: none knows of its neighbours */
	bool quantized;
};

struct traffic {
	struct tfl_compare_side side;
	struct tfl_latency latency;
	struct tfl_confidence confidence;
	double pace; /* of the run that is under way */
};

static struct traffic one, two;
static unsigned seed; /* of both */
static struct tfl_compare compare;

static double uniform(void)
{
	return ((double)rand_r(&seed) + 0.5) / ((double)RAND_MAX + 1);
}

static void fresh(struct traffic *traffic)
{
	memset(traffic, 0, sizeof(*traffic));
	traffic->side.latency = &traffic->latency;
	traffic->side.confidence = &traffic->confidence;
}

static void run(struct traffic *traffic, const struct version *version, uint64_t requests)
{
	for (uint64_t i = 0; i < requests; i++) {
		double sure = 1 - pow(uniform(), 1 / (0.15 + version->blur));

		traffic->side.requests++;
		if (uniform() < version->errors) {
			traffic->side.errors++;
			continue;
		}
		if (traffic->pace == 0 || uniform() * version->run < 1)
			traffic->pace = pow(uniform(), -0.3); /* a heavy tail: no variance above its third moment */
		tfl_latency_record(&traffic->latency, (uint64_t)(version->latency * traffic->pace));
		tfl_confidence_record(&traffic->confidence, (float)(version->quantized ? floor(sure * 255.99) / 256 : sure), 0.5f);
	}
}

static bool differs(void)
{
	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++) {
		if (compare.subjects[i].verdict > TFL_COMPARE_SAME)
			return true;
	}
	return false;
}

static const struct {
	struct version version;
	uint64_t first, second;
} equals[] = {
	{{0, 1e6, 0, 1, false}, 50, 50},
	{{0.01, 1e6, 0, 1, false}, 1000, 1000},
	{{0.3, 1e6, 0.3, 3, true}, 4000, 400},
	{{0.001, 1e6, 0, 3, true}, 20000, 5000},
};

/* The law of the house: two of a hundred. */
START_TEST(noise_is_no_winner)
{
	unsigned called = 0, of[TFL_COMPARE_SUBJECTS] = {0};

	seed = 4711;
	for (unsigned i = 0; i < 100; i++) {
		fresh(&one);
		fresh(&two);
		run(&one, &equals[_i].version, equals[_i].first);
		run(&two, &equals[_i].version, equals[_i].second);
		tfl_compare(&one.side, &two.side, i, &compare);
		called += differs();
		for (unsigned k = 0; k < TFL_COMPARE_SUBJECTS; k++)
			of[k] += compare.subjects[k].verdict > TFL_COMPARE_SAME;
	}
	printf("# equal versions, %llu and %llu requests: a difference in %u of 100 (errors %u, p50 %u, p99 %u, confidence %u, distribution %u)\n",
	       (unsigned long long)equals[_i].first, (unsigned long long)equals[_i].second, called, of[0], of[1], of[2], of[3], of[4]);
	fflush(stdout);
	ck_assert_uint_le(called, 2);
}
END_TEST

static const struct {
	struct version first, second;
	enum tfl_compare_subject subject;
	enum tfl_compare_verdict verdict;
} unequals[] = {
	{{0, 1e6, 0, 1, false}, {0.02, 1e6, 0, 1, false}, TFL_COMPARE_ERRORS, TFL_COMPARE_FIRST},
	{{0, 1.2e6, 0, 1, false}, {0, 1e6, 0, 1, false}, TFL_COMPARE_P50, TFL_COMPARE_SECOND},
	{{0, 1e6, 0, 1, false}, {0, 2e6, 0, 1, false}, TFL_COMPARE_P99, TFL_COMPARE_FIRST},
	{{0, 1e6, 0.2, 1, false}, {0, 1e6, 0, 1, false}, TFL_COMPARE_CONFIDENCE, TFL_COMPARE_SECOND},
	{{0, 1e6, 0, 1, true}, {0, 1e6, 0.2, 1, true}, TFL_COMPARE_CONFIDENCE, TFL_COMPARE_FIRST},
	{{0, 1e6, 0, 1, true}, {0, 1e6, 0.2, 1, true}, TFL_COMPARE_DISTRIBUTION, TFL_COMPARE_OTHER},
};

START_TEST(a_difference_is_found_and_told_the_right_way_round)
{
	seed = 17;
	fresh(&one);
	fresh(&two);
	run(&one, &unequals[_i].first, 8000);
	run(&two, &unequals[_i].second, 8000);
	tfl_compare(&one.side, &two.side, 1, &compare);
	ck_assert_msg(compare.subjects[unequals[_i].subject].verdict == unequals[_i].verdict, "%s: %s, %g to %g, probability %g",
		      tfl_compare_subject_to_string(unequals[_i].subject),
		      tfl_compare_verdict_to_string(compare.subjects[unequals[_i].subject].verdict), compare.subjects[unequals[_i].subject].low,
		      compare.subjects[unequals[_i].subject].high, compare.subjects[unequals[_i].subject].probability);
}
END_TEST

/* Who brings as many more as were asked for, a few times, is told; equals are told to be the same. */
START_TEST(what_cannot_be_told_says_when_it_could)
{
	static const struct version version = {0.001, 1e6, 0, 1, false};

	seed = 5 + (unsigned)_i;
	fresh(&one);
	fresh(&two);
	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++) {
		for (unsigned round = 0; round < 12; round++) {
			const struct tfl_comparison *found = &compare.subjects[i];

			tfl_compare(&one.side, &two.side, 1, &compare);
			if (found->verdict != TFL_COMPARE_UNKNOWN)
				break;
			ck_assert_uint_gt(found->more_first + found->more_second, 0);
			ck_assert_uint_lt(found->more_first + found->more_second, 1000000);
			run(&one, &version, found->more_first);
			run(&two, &version, found->more_second);
		}
		ck_assert_msg(compare.subjects[i].verdict == TFL_COMPARE_SAME, "%s: %s after %llu requests", tfl_compare_subject_to_string(i),
			      tfl_compare_verdict_to_string(compare.subjects[i].verdict), (unsigned long long)one.side.requests);
	}
}
END_TEST

/* In 200 comparisons of versions that differ by a known amount, the true difference lies in the interval but for a few. */
START_TEST(intervals_hold_the_truth)
{
	static const struct version first = {0.05, 1e6, 0, 1, false}, second = {0.10, 1.25e6, 0.05, 1, false};
	static const double truths[] = {0.05, 1.25, 1.25, 1 / 1.20 - 1 / 1.15};
	unsigned missed[4] = {0};

	seed = 99;
	for (unsigned i = 0; i < 200; i++) {
		fresh(&one);
		fresh(&two);
		run(&one, &first, 4000);
		run(&two, &second, 4000);
		tfl_compare(&one.side, &two.side, i, &compare);
		for (unsigned k = 0; k < 4; k++)
			missed[k] += truths[k] < compare.subjects[k].low || truths[k] > compare.subjects[k].high;
	}
	for (unsigned k = 0; k < 4; k++)
		ck_assert_msg(missed[k] <= 2, "%s: %u of 200", tfl_compare_subject_to_string(k), missed[k]);
}
END_TEST

/* What is seen is known to a bucket, and may lie anywhere in it; so does what is told of it, but not beyond what is likely. */
START_TEST(what_is_seen_lies_in_its_interval)
{
	seed = 3;
	for (unsigned i = 0; i < 200; i++) {
		fresh(&one);
		fresh(&two);
		for (unsigned k = 0; k < 20000; k++) {
			tfl_latency_record(&one.latency, 1000000 + i * 137);
			tfl_latency_record(&two.latency, 1000000 + i * 137 + (k % 100 < 1 + i % 60) * 9000);
		}
		one.side.requests = two.side.requests = 20000;
		tfl_compare(&one.side, &two.side, i, &compare);
		for (unsigned k = 0; k < TFL_COMPARE_SUBJECTS; k++) {
			const struct tfl_comparison *found = &compare.subjects[k];

			ck_assert_msg(found->low <= found->difference && found->difference <= found->high, "%u, %s: %.9g, from %.9g to %.9g", i,
				      tfl_compare_subject_to_string(k), found->difference, found->low, found->high);
			ck_assert(found->verdict != TFL_COMPARE_SECOND || found->difference < 1);
		}
	}
}
END_TEST

START_TEST(few_and_no_errors)
{
	struct tfl_compare_side first = {.requests = 10}, second = {.requests = 10, .errors = 3};
	const struct tfl_comparison *errors = &compare.subjects[TFL_COMPARE_ERRORS];

	tfl_compare(&first, &second, 0, &compare); /* 3 of 10 against none is no proof: Fisher 0.21 */
	ck_assert_int_eq(errors->verdict, TFL_COMPARE_UNKNOWN);
	ck_assert_uint_gt(errors->more_first, 0);
	ck_assert(errors->probability == 1); /* 0.21, counted five times */
	second.errors = 10;
	tfl_compare(&first, &second, 0, &compare);
	ck_assert_int_eq(errors->verdict, TFL_COMPARE_FIRST);
	first.requests = second.requests = 10000;
	second.errors = 0;
	tfl_compare(&first, &second, 0, &compare);
	ck_assert_int_eq(errors->verdict, TFL_COMPARE_SAME);
	ck_assert(errors->low < 0 && errors->high > 0 && errors->high < 0.01);
	first.requests = 1000000;
	second.requests = 1000000;
	first.errors = 20000; /* many: the score test */
	second.errors = 23000;
	tfl_compare(&first, &second, 0, &compare);
	ck_assert_int_eq(errors->verdict, TFL_COMPARE_FIRST);
	ck_assert(errors->slight);
}
END_TEST

/* Counters come from a daemon that may be another one than we think. */
START_TEST(absurd_counters_are_no_trouble)
{
	static const uint64_t numbers[] = {0, 1, 2, 100, UINT64_MAX / 4096};

	for (unsigned i = 0; i < 5 * 5 * 5; i++) {
		seed = 1;
		fresh(&one);
		fresh(&two);
		one.side.requests = numbers[i % 5];
		one.side.errors = numbers[i / 5 % 5];
		two.side.requests = UINT64_MAX - numbers[i % 5];
		two.side.errors = UINT64_MAX;
		for (unsigned k = 0; k < TFL_LATENCY_BUCKETS; k += 7)
			one.latency.buckets[k] = numbers[(i + k) % 5];
		two.latency.buckets[TFL_LATENCY_BUCKETS - 1] = numbers[i / 25];
		two.latency.buckets[0] = numbers[i / 25];
		one.confidence.count = numbers[i / 5 % 5];
		one.confidence.sum = UINT64_MAX;
		two.confidence.fine[0] = numbers[i / 25];
		one.confidence.fine[TFL_CONFIDENCE_FINE - 1] = numbers[i % 5];
		tfl_compare(&one.side, &two.side, i, &compare);
		for (unsigned k = 0; k < TFL_COMPARE_SUBJECTS; k++) {
			ck_assert(isfinite(compare.subjects[k].difference) && isfinite(compare.subjects[k].low));
			ck_assert(isfinite(compare.subjects[k].high) && compare.subjects[k].probability >= 0 && compare.subjects[k].probability <= 1);
		}
	}
}
END_TEST

START_TEST(nothing_at_all)
{
	struct tfl_compare_side nothing = {0};

	tfl_compare(&nothing, &nothing, 0, &compare);
	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++) {
		ck_assert_int_eq(compare.subjects[i].verdict, TFL_COMPARE_UNKNOWN);
		ck_assert(!compare.subjects[i].measured);
		ck_assert_uint_gt(compare.subjects[i].more_first, 0);
		ck_assert_uint_eq(compare.subjects[i].more_first, compare.subjects[i].more_second);
	}
}
END_TEST

/* Against tables: Student's and the normal's quantiles, binomial sums, Kolmogorov's limit at 1.36 (0.05). */
START_TEST(tails_are_those_of_tables)
{
	ck_assert_double_eq_tol(tfl_tail_normal(1.959963985), 0.025, 1e-9);
	ck_assert_double_eq_tol(tfl_tail_normal_inverse(0.001), 3.090232306, 1e-8);
	ck_assert_double_eq_tol(tfl_tail_student(2.228138852, 10), 0.025, 1e-9);
	ck_assert_double_eq_tol(tfl_tail_student(-2.228138852, 10), 0.975, 1e-9);
	ck_assert_double_eq_tol(tfl_tail_binomial(3, 10, 0.1), 0.0701908264, 1e-10);
	ck_assert(tfl_tail_binomial(0, 10, 0.1) == 1 && tfl_tail_binomial(11, 10, 0.1) == 0);
	ck_assert_double_eq_tol(tfl_tail_beta(2, 3, tfl_tail_beta_inverse(2, 3, 0.125)), 0.125, 1e-12);
	ck_assert_double_eq_tol(tfl_tail_kolmogorov(1.3581 * sqrt(2 / 1e8), 1e8, 1e8), 0.05, 1e-4);
	ck_assert(tfl_tail_kolmogorov(0, 100, 100) == 1);
}
END_TEST

Suite *compare_suite(void)
{
	Suite *suite = suite_create("compare");
	TCase *tcase = tcase_create("compare");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, noise_is_no_winner, 0, sizeof(equals) / sizeof(equals[0]));
	tcase_add_loop_test(tcase, a_difference_is_found_and_told_the_right_way_round, 0, sizeof(unequals) / sizeof(unequals[0]));
	tcase_add_loop_test(tcase, what_cannot_be_told_says_when_it_could, 0, 3);
	tcase_add_test(tcase, intervals_hold_the_truth);
	tcase_add_test(tcase, what_is_seen_lies_in_its_interval);
	tcase_add_test(tcase, few_and_no_errors);
	tcase_add_test(tcase, absurd_counters_are_no_trouble);
	tcase_add_test(tcase, nothing_at_all);
	tcase_add_test(tcase, tails_are_those_of_tables);
	suite_add_tcase(suite, tcase);
	return suite;
}
