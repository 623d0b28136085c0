/* SPDX-License-Identifier: MIT */
/*
 * Confidence histograms by their definition: where each value belongs, that merging and subtracting are exact, and that a reader beside a
 * writer sees sound counts. The arithmetic on a million values is compared with numpy's elsewhere (compare_numpy.py).
 */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "stats/confidence.h"
#include "tests/stats/suites.h"

static struct tfl_confidence histogram, other;

static unsigned fine_of(float value)
{
	memset(&histogram, 0, sizeof(histogram));
	tfl_confidence_record(&histogram, value, 0);
	for (unsigned i = 0; i < TFL_CONFIDENCE_FINE; i++)
		if (histogram.fine[i])
			return i;
	ck_abort_msg("%g is in no bin", (double)value);
}

START_TEST(edges_ascend)
{
	ck_assert(tfl_confidence_edge(0) == 0);
	ck_assert(tfl_confidence_edge(TFL_CONFIDENCE_FINE / 2) == 0.5);
	ck_assert(tfl_confidence_edge(TFL_CONFIDENCE_FINE) == 1);
	for (unsigned i = 0; i < TFL_CONFIDENCE_FINE; i++)
		ck_assert_msg(tfl_confidence_edge(i) < tfl_confidence_edge(i + 1), "edge %u", i);
}
END_TEST

START_TEST(values_lie_between_their_edges)
{
	unsigned seed = 11;

	for (unsigned i = 0; i < 200000; i++) {
		/* Every distance to 0 and to 1 down to 2^-24 is about as likely as the next. */
		double distance = ldexp(0.5 + 0.5 * rand_r(&seed) / RAND_MAX, -1 - rand_r(&seed) % 24);
		float value = (float)(rand_r(&seed) % 2 ? distance : 1 - distance);
		unsigned bin = fine_of(value);

		if (value < 0.5f)
			ck_assert_msg(tfl_confidence_edge(bin) <= (double)value && (double)value < tfl_confidence_edge(bin + 1), "%.9g in bin %u",
				      (double)value, bin);
		else
			ck_assert_msg((tfl_confidence_edge(bin) < (double)value || value == 0.5f) && (double)value <= tfl_confidence_edge(bin + 1),
				      "%.9g in bin %u", (double)value, bin);
	}
}
END_TEST

START_TEST(ends_are_inside)
{
	ck_assert_uint_eq(fine_of(0), 0);
	ck_assert_uint_eq(fine_of(-0.001f), 0);
	ck_assert_uint_eq(fine_of(1), TFL_CONFIDENCE_FINE - 1);
	ck_assert_uint_eq(fine_of(1.5f), TFL_CONFIDENCE_FINE - 1);
	ck_assert_uint_eq(histogram.bins[TFL_CONFIDENCE_BINS - 1], 1);
	ck_assert_uint_eq(histogram.sum, UINT64_C(1) << 24);
	ck_assert_uint_eq(fine_of(0.5f), TFL_CONFIDENCE_FINE / 2);
	ck_assert_uint_eq(fine_of(nextafterf(0.5f, 0)), TFL_CONFIDENCE_FINE / 2 - 1);
}
END_TEST

START_TEST(no_numbers_are_counted_apart)
{
	memset(&histogram, 0, sizeof(histogram));
	tfl_confidence_record(&histogram, NAN, 0);
	tfl_confidence_record(&histogram, INFINITY, 0.5f);
	tfl_confidence_record(&histogram, 0.5f, -INFINITY);
	ck_assert_uint_eq(histogram.invalid, 3);
	ck_assert_uint_eq(histogram.count, 0);
	for (unsigned i = 0; i < TFL_CONFIDENCE_FINE; i++)
		ck_assert_uint_eq(histogram.fine[i], 0);
	ck_assert(tfl_confidence_mean(&histogram) == 0);
}
END_TEST

static void fill(struct tfl_confidence *into, unsigned seed, unsigned records)
{
	for (unsigned i = 0; i < records; i++)
		tfl_confidence_record(into, rand_r(&seed) % 50 ? (float)rand_r(&seed) / (float)RAND_MAX : NAN, (float)rand_r(&seed) / (float)RAND_MAX);
}

START_TEST(merging_adds_and_subtracting_takes_away)
{
	struct tfl_confidence both = {0};

	memset(&histogram, 0, sizeof(histogram));
	memset(&other, 0, sizeof(other));
	fill(&histogram, 1, 5000);
	fill(&other, 2, 3000);
	fill(&both, 1, 5000);
	fill(&both, 2, 3000);
	tfl_confidence_merge(&histogram, &other);
	ck_assert_int_eq(memcmp(&histogram, &both, sizeof(both)), 0);
	tfl_confidence_subtract(&histogram, &other);
	memset(&both, 0, sizeof(both));
	fill(&both, 1, 5000);
	ck_assert_int_eq(memcmp(&histogram, &both, sizeof(both)), 0);
}
END_TEST

static void *write_many(void *data)
{
	fill(data, 5, 400000);
	return NULL;
}

START_TEST(reading_beside_a_writer)
{
	pthread_t writer;

	memset(&histogram, 0, sizeof(histogram));
	ck_assert_int_eq(pthread_create(&writer, NULL, write_many, &histogram), 0);
	for (uint64_t last = 0, count = 0; count < 300000; last = count) {
		memset(&other, 0, sizeof(other));
		tfl_confidence_merge(&other, &histogram);
		count = other.count;
		ck_assert_uint_ge(count, last);
	}
	pthread_join(writer, NULL);
	ck_assert_uint_eq(histogram.count + histogram.invalid, 400000);
}
END_TEST

Suite *confidence_suite(void)
{
	Suite *suite = suite_create("confidence");
	TCase *tcase = tcase_create("confidence");

	tcase_add_test(tcase, edges_ascend);
	tcase_add_test(tcase, values_lie_between_their_edges);
	tcase_add_test(tcase, ends_are_inside);
	tcase_add_test(tcase, no_numbers_are_counted_apart);
	tcase_add_test(tcase, merging_adds_and_subtracting_takes_away);
	tcase_add_test(tcase, reading_beside_a_writer);
	suite_add_tcase(suite, tcase);
	return suite;
}
