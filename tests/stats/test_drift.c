/* SPDX-License-Identifier: MIT */
/*
 * Drift: calm where nothing changed, sensitive where something did, and sound at the edges: distributions of one value, values the baseline
 * never had, few records. The distances themselves are compared with numpy's elsewhere (compare_numpy.py).
 */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stats/confidence.h"
#include "stats/drift.h"
#include "tests/stats/suites.h"

static struct tfl_confidence baseline, window;

static double uniform(unsigned *seed)
{
	return ((double)rand_r(seed) + 0.5) / ((double)RAND_MAX + 1);
}

/* A classifier's confidence: most of it close to 1. Greater @p blur moves it away from there. */
static float sure(unsigned *seed, double blur)
{
	return (float)(1 - pow(uniform(seed), 1 / (0.15 + blur)));
}

static void fill(struct tfl_confidence *into, unsigned seed, unsigned records, double blur, bool quantized)
{
	memset(into, 0, sizeof(*into));
	for (unsigned i = 0; i < records; i++) {
		float value = sure(&seed, blur);

		tfl_confidence_record(into, quantized ? floorf(value * 255.99f) / 256 : value, value);
	}
}

static struct tfl_drift drift(void)
{
	struct tfl_drift drift;

	tfl_drift_compute(&baseline, &window, &drift);
	return drift;
}

/* Of 2,000 comparisons of a distribution with itself, at the smallest window, none may leave stable; and noise is what is taken off (the half
 * record in each group takes a little of it already). */
static void check_calm(bool quantized)
{
	double raw = 0, noise = 0;

	for (unsigned i = 0; i < 2000; i++) {
		struct tfl_drift found;

		fill(&baseline, 2 * i + 1, 1000, 0, quantized);
		fill(&window, 2 * i + 2, TFL_DRIFT_RECORDS_MIN, 0, quantized);
		found = drift();
		ck_assert_msg(found.verdict == TFL_DRIFT_STABLE, "run %u: psi %f over %u groups", i, found.psi, found.groups);
		raw += found.psi_raw;
		noise += found.noise;
	}
	ck_assert_msg(fabs(raw / noise - 1) < 0.2, "noise is %f, expected %f", raw / 2000, noise / 2000);
}

START_TEST(the_same_distribution_is_stable)
{
	check_calm(_i);
}
END_TEST

START_TEST(growing_blur_is_watched_then_drift)
{
	enum tfl_drift_verdict last = TFL_DRIFT_STABLE;
	bool watched = false;

	fill(&baseline, 3, 1000, 0, _i);
	for (double blur = 0; blur < 0.3; blur += 0.005) {
		fill(&window, 4, 2000, blur, _i);
		watched |= drift().verdict == TFL_DRIFT_WATCHED;
		ck_assert_int_ge(drift().verdict, last);
		last = drift().verdict;
	}
	ck_assert(watched);
	ck_assert_int_eq(last, TFL_DRIFT_DRIFTED);
}
END_TEST

static void fill_with(struct tfl_confidence *into, float value, unsigned records)
{
	memset(into, 0, sizeof(*into));
	for (unsigned i = 0; i < records; i++)
		tfl_confidence_record(into, value, 0);
}

START_TEST(one_value_and_another)
{
	static const float values[] = {0, 0.1f, 0.5f, 0.9f, 0.97f, 1};

	for (unsigned i = 0; i < 6; i++) {
		for (unsigned j = 0; j < 6; j++) {
			struct tfl_drift found;

			fill_with(&baseline, values[i], 1000);
			fill_with(&window, values[j], 500);
			found = drift();
			ck_assert_msg(found.verdict == (i == j ? TFL_DRIFT_STABLE : TFL_DRIFT_DRIFTED), "%g to %g: psi %f", (double)values[i],
				      (double)values[j], found.psi);
			ck_assert(isfinite(found.psi) && found.jensen_shannon == (i == j ? 0 : 1) && found.kolmogorov_smirnov == (i == j ? 0 : 1));
		}
	}
}
END_TEST

START_TEST(few_records_are_no_verdict)
{
	fill(&baseline, 1, 1000, 0, false);
	fill(&window, 2, TFL_DRIFT_RECORDS_MIN - 1, 0.3, false);
	ck_assert_int_eq(drift().verdict, TFL_DRIFT_UNKNOWN);
	ck_assert(drift().psi > TFL_DRIFT_PSI_DRIFT);
	fill(&baseline, 1, TFL_DRIFT_RECORDS_MIN - 1, 0, false);
	fill(&window, 2, 1000, 0, false);
	ck_assert_int_eq(drift().verdict, TFL_DRIFT_UNKNOWN);
	memset(&window, 0, sizeof(window));
	ck_assert(drift().psi == 0 && drift().jensen_shannon == 0 && drift().kolmogorov_smirnov == 0 && drift().groups == 0);
}
END_TEST

START_TEST(verdicts_have_words)
{
	ck_assert_str_eq(tfl_drift_verdict_to_string(TFL_DRIFT_UNKNOWN), "unknown");
	ck_assert_str_eq(tfl_drift_verdict_to_string(TFL_DRIFT_STABLE), "stable");
	ck_assert_str_eq(tfl_drift_verdict_to_string(TFL_DRIFT_WATCHED), "watch");
	ck_assert_str_eq(tfl_drift_verdict_to_string(TFL_DRIFT_DRIFTED), "drift");
}
END_TEST

Suite *drift_suite(void)
{
	Suite *suite = suite_create("drift");
	TCase *tcase = tcase_create("drift");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, the_same_distribution_is_stable, 0, 2);
	tcase_add_loop_test(tcase, growing_blur_is_watched_then_drift, 0, 2);
	tcase_add_test(tcase, one_value_and_another);
	tcase_add_test(tcase, few_records_are_no_verdict);
	tcase_add_test(tcase, verdicts_have_words);
	suite_add_tcase(suite, tcase);
	return suite;
}
