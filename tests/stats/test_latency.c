/* SPDX-License-Identifier: MIT */
/*
 * The histogram against the sorted values themselves.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stats/latency.h"
#include "tests/stats/suites.h"

#define RECORDS 20000

static struct tfl_latency latency, other;
static uint64_t values[RECORDS];
static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int by_value(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* The definition that the header gives, over sorted values. */
static uint64_t exact_percentile(unsigned count, double share)
{
	unsigned i = 0;

	while (i < count - 1 && (double)(i + 1) < share * count)
		i++;
	return values[i];
}

static void fill(unsigned seed, unsigned bits)
{
	random_state = 88172645463325252u + seed;
	memset(&latency, 0, sizeof(latency));
	for (unsigned i = 0; i < RECORDS; i++) {
		/* Every order of magnitude below 2^bits is about as likely as the next. */
		values[i] = next_random() >> (64 - 1 - next_random() % bits);
		tfl_latency_record(&latency, values[i]);
	}
	qsort(values, RECORDS, sizeof(values[0]), by_value);
}

static void assert_within_one_percent(uint64_t got, uint64_t want)
{
	double off = fabs((double)got - (double)want);

	ck_assert_msg(off <= 0.0079 * (double)want, "%llu is not within 0.79 %% of %llu", (unsigned long long)got,
		      (unsigned long long)want);
}

START_TEST(percentiles_match_sorted_values)
{
	static const double shares[] = { 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.99999 };
	static const unsigned bits[] = { 3, 6, 7, 8, 20, 33, 40 };

	fill((unsigned)_i, bits[_i]);
	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		assert_within_one_percent(tfl_latency_percentile(&latency, shares[i]), exact_percentile(RECORDS, shares[i]));
	ck_assert_uint_eq(tfl_latency_percentile(&latency, 0), values[0]);
	ck_assert_uint_eq(tfl_latency_percentile(&latency, 1), values[RECORDS - 1]);
}
END_TEST

START_TEST(every_boundary_lands_within_one_percent)
{
	for (unsigned bit = 0; bit < 41; bit++)
		for (int step = -1; step <= 1; step++) {
			uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)step;

			memset(&latency, 0, sizeof(latency));
			tfl_latency_record(&latency, 0);
			tfl_latency_record(&latency, value);
			tfl_latency_record(&latency, UINT64_C(1) << 41);
			assert_within_one_percent(tfl_latency_percentile(&latency, 0.6), value);
		}
}
END_TEST

START_TEST(small_values_are_exact)
{
	for (uint64_t value = 0; value < 128; value++) {
		memset(&latency, 0, sizeof(latency));
		tfl_latency_record(&latency, 0);
		tfl_latency_record(&latency, value);
		tfl_latency_record(&latency, 1000);
		ck_assert_uint_eq(tfl_latency_percentile(&latency, 0.6), value);
	}
}
END_TEST

START_TEST(an_empty_histogram_reads_as_zero)
{
	ck_assert_uint_eq(tfl_latency_percentile(&latency, 0.5), 0);
	ck_assert(tfl_latency_mean(&latency) == 0);
	tfl_latency_merge(&other, &latency);
	ck_assert_uint_eq(other.count, 0);
	/* Not yet taken for a smallest record of 0. */
	tfl_latency_record(&latency, 77);
	tfl_latency_merge(&other, &latency);
	ck_assert_uint_eq(other.min_ns, 77);
}
END_TEST

START_TEST(one_record_is_every_percentile)
{
	tfl_latency_record(&latency, 123456789);
	for (double share = 0; share <= 1; share += 0.25)
		ck_assert_uint_eq(tfl_latency_percentile(&latency, share), 123456789);
	ck_assert(tfl_latency_mean(&latency) == 123456789.0);
}
END_TEST

START_TEST(longer_than_the_range_is_counted_not_lost)
{
	tfl_latency_record(&latency, UINT64_MAX);
	tfl_latency_record(&latency, UINT64_C(1) << 41);
	tfl_latency_record(&latency, 5);
	ck_assert_uint_eq(latency.count, 3);
	ck_assert_uint_eq(latency.buckets[TFL_LATENCY_BUCKETS - 1], 2);
	ck_assert_uint_eq(tfl_latency_percentile(&latency, 0.99), UINT64_MAX);
	ck_assert_uint_eq(tfl_latency_percentile(&latency, 0.3), 5);
}
END_TEST

START_TEST(a_share_that_is_no_share_is_clamped)
{
	tfl_latency_record(&latency, 10);
	tfl_latency_record(&latency, 20);
	ck_assert_uint_eq(tfl_latency_percentile(&latency, -3), 10);
	ck_assert_uint_eq(tfl_latency_percentile(&latency, NAN), 10);
	ck_assert_uint_eq(tfl_latency_percentile(&latency, 7), 20);
}
END_TEST

START_TEST(merging_equals_recording_together)
{
	static struct tfl_latency parts[3];

	fill(1, 40);
	for (unsigned i = 0; i < RECORDS; i++)
		tfl_latency_record(&parts[i % 3], values[i]);
	for (unsigned i = 0; i < 3; i++)
		tfl_latency_merge(&other, &parts[i]);
	ck_assert_mem_eq(&other, &latency, sizeof(latency));
}
END_TEST

static bool ends_a_bucket(uint64_t value)
{
	unsigned alone = 0;

	memset(&latency, 0, sizeof(latency));
	tfl_latency_record(&latency, value);
	tfl_latency_record(&latency, value + 1);
	for (unsigned i = 0; i < TFL_LATENCY_BUCKETS; i++)
		alone += latency.buckets[i] == 1;
	return alone == 2;
}

/* All small values, and larger ones in steps: the edge ends a bucket, is within 1 / 128, and none that does is nearer. */
START_TEST(edges_are_the_nearest)
{
	for (uint64_t value = 0; value < UINT64_C(1) << 40; value += value < 700 ? 1 : value / 97) {
		uint64_t edge = tfl_latency_edge(value), away = edge > value ? edge - value : value - edge;
		bool nearer = false;

		ck_assert_uint_le(128 * away, value);
		ck_assert(ends_a_bucket(edge));
		for (uint64_t step = 0; step < away && away < 40; step++)
			nearer |= ends_a_bucket(value - step) || ends_a_bucket(value + step);
		ck_assert_msg(!nearer, "of %llu", (unsigned long long)value);
	}
}
END_TEST

/* Against counting the values themselves, one by one. */
START_TEST(records_up_to_an_edge_are_counted_exactly)
{
	uint64_t edges[30], counts[30], expected;
	double edge = 10;

	fill((unsigned)_i, 41);
	for (unsigned i = 0; i < 30; i++, edge *= 1.8)
		edges[i] = tfl_latency_edge((uint64_t)edge);
	tfl_latency_cumulate(&latency, edges, 30, counts);
	for (unsigned i = 0; i < 30; i++) {
		expected = 0;
		for (unsigned k = 0; k < RECORDS; k++)
			expected += values[k] <= edges[i];
		ck_assert_uint_eq(counts[i], expected);
	}
	ck_assert_uint_gt(counts[29], counts[0]);
}
END_TEST

static uint64_t recorded;
static bool enough;

static void *record_until_enough(void *data)
{
	for (; !__atomic_load_n(&enough, __ATOMIC_RELAXED); recorded++)
		tfl_latency_record(data, 1000 + recorded % 100000);
	return NULL;
}

static uint64_t in_buckets(const struct tfl_latency *histogram)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TFL_LATENCY_BUCKETS; i++)
		sum += histogram->buckets[i];
	return sum;
}

START_TEST(a_reader_beside_the_writer_sees_whole_records)
{
	pthread_t writer;
	uint64_t before = 0;

	ck_assert_int_eq(pthread_create(&writer, NULL, record_until_enough, &latency), 0);
	/* Until so many merges found more than the one before, which is to say, ran beside the writer. */
	for (unsigned overlaps = 0; overlaps < 500;) {
		memset(&other, 0, sizeof(other));
		tfl_latency_merge(&other, &latency);
		ck_assert_uint_ge(other.count, before);
		ck_assert_uint_eq(other.count, in_buckets(&other));
		if (other.count > 0) {
			ck_assert_uint_eq(other.min_ns, 1000);
			ck_assert_uint_ge(tfl_latency_percentile(&other, 0.5), 1000);
		}
		overlaps += other.count > before;
		before = other.count;
	}
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
	memset(&other, 0, sizeof(other));
	tfl_latency_merge(&other, &latency);
	ck_assert_uint_eq(other.count, recorded);
}
END_TEST

/* What was recorded after a state, out of the state at the end, is what a histogram of those alone would be but for its ends. */
START_TEST(subtracting_leaves_what_came_since)
{
	static struct tfl_latency earlier, since;

	memset(&since, 0, sizeof(since));
	fill((unsigned)_i, 40);
	earlier = latency;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t value = 1000000 + next_random() % 5000000;

		tfl_latency_record(&latency, value);
		tfl_latency_record(&since, value);
	}
	tfl_latency_subtract(&latency, &earlier);
	ck_assert_uint_eq(latency.count, 1000);
	ck_assert_uint_eq(latency.sum_ns, since.sum_ns);
	ck_assert_mem_eq(latency.buckets, since.buckets, sizeof(since.buckets));
	ck_assert_uint_le(latency.min_ns, since.min_ns);
	ck_assert_uint_ge(latency.max_ns, since.max_ns);
	assert_within_one_percent(tfl_latency_percentile(&latency, 0.99), tfl_latency_percentile(&since, 0.99));
	ck_assert_uint_ge(latency.min_ns, since.min_ns - since.min_ns / 64);
	ck_assert_uint_le(latency.max_ns, since.max_ns + since.max_ns / 64);
	tfl_latency_subtract(&latency, &latency);
	ck_assert_uint_eq(latency.count + latency.sum_ns + latency.min_ns + latency.max_ns, 0);
}
END_TEST

START_TEST(the_ends_of_what_is_left_keep_within_those_of_all)
{
	memset(&latency, 0, sizeof(latency));
	memset(&other, 0, sizeof(other));
	tfl_latency_record(&latency, 1000003);
	tfl_latency_record(&latency, UINT64_MAX / 2);
	tfl_latency_subtract(&latency, &other);
	ck_assert_uint_eq(latency.min_ns, 1000003);
	ck_assert_uint_eq(latency.max_ns, UINT64_MAX / 2);
}
END_TEST

START_TEST(buckets_make_the_histogram_again)
{
	fill(3, 40);
	memset(&other, 0, sizeof(other));
	for (unsigned i = 0; i < TFL_LATENCY_BUCKETS; i++)
		ck_assert_int_eq(tfl_latency_add_bucket(&other, i, latency.buckets[i]), 0);
	ck_assert_uint_eq(other.count, latency.count);
	ck_assert_uint_eq(tfl_latency_percentile(&other, 0.5), tfl_latency_percentile(&latency, 0.5));
	ck_assert_uint_le(other.min_ns, latency.min_ns);
	ck_assert_uint_ge(other.max_ns, latency.max_ns);
	ck_assert_int_eq(tfl_latency_add_bucket(&other, TFL_LATENCY_BUCKETS, 1), -EINVAL);
	ck_assert_int_eq(tfl_latency_add_bucket(&other, 7, UINT64_MAX), -EINVAL);
	ck_assert_uint_eq(other.count, latency.count);
}
END_TEST

Suite *latency_suite(void)
{
	Suite *suite = suite_create("latency");
	TCase *tcase = tcase_create("latency");

	tcase_add_loop_test(tcase, percentiles_match_sorted_values, 0, 7);
	tcase_add_test(tcase, every_boundary_lands_within_one_percent);
	tcase_add_test(tcase, small_values_are_exact);
	tcase_add_test(tcase, an_empty_histogram_reads_as_zero);
	tcase_add_test(tcase, one_record_is_every_percentile);
	tcase_add_test(tcase, longer_than_the_range_is_counted_not_lost);
	tcase_add_test(tcase, a_share_that_is_no_share_is_clamped);
	tcase_add_test(tcase, merging_equals_recording_together);
	tcase_add_loop_test(tcase, subtracting_leaves_what_came_since, 0, 5);
	tcase_add_test(tcase, the_ends_of_what_is_left_keep_within_those_of_all);
	tcase_add_test(tcase, buckets_make_the_histogram_again);
	tcase_add_test(tcase, edges_are_the_nearest);
	tcase_add_loop_test(tcase, records_up_to_an_edge_are_counted_exactly, 0, 5);
	tcase_add_test(tcase, a_reader_beside_the_writer_sees_whole_records);
	suite_add_tcase(suite, tcase);
	return suite;
}
