/* SPDX-License-Identifier: MIT */
/*
 * Latency in a log-linear histogram: 64 linear buckets per power of two, so a value is known within 1 / 64 of itself (percentiles that
 * are reported lie in a bucket's middle: within 0.8 %). Covers 0 to 2^41 ns (36 minutes); longer is counted in the last bucket.
 *
 * Plain data: zeroed memory is an empty histogram. One writer at a time; other threads may merge from it meanwhile and see a state that
 * is at most some records old. Everything else needs a histogram that nobody writes to: merge into one of your own first.
 */
#ifndef STATS_LATENCY_H
#define STATS_LATENCY_H

#include <stdint.h>

#define TFL_LATENCY_BUCKETS 2304

struct tfl_latency {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t min_ns;
	uint64_t max_ns;
	uint64_t buckets[TFL_LATENCY_BUCKETS];
};

/** One record. The writer's thread. */
void tfl_latency_record(struct tfl_latency *latency, uint64_t nanoseconds);

/** Adds the records of @p from, which may have a writer on another thread, to @p into, which belongs to the caller. */
void tfl_latency_merge(struct tfl_latency *into, const struct tfl_latency *from);

/**
 * Takes the records of @p earlier, an older state of the same histogram, out of @p into: what is left came between the two. The smallest
 * and the largest of those are no longer known; they become the bounds of their buckets, within those of @p into.
 */
void tfl_latency_subtract(struct tfl_latency *into, const struct tfl_latency *earlier);

/**
 * Adds @p count records to bucket @p bucket of a histogram that was written down as its buckets: -EINVAL for a bucket that there is not, or
 * more records than 64 bits count. Smallest and largest follow from the buckets; the sum is the caller's to add.
 */
int tfl_latency_add_bucket(struct tfl_latency *latency, uint64_t bucket, uint64_t count);

/**
 * The least value with @p share (0 to 1) of the records at or below it, in nanoseconds: 0 is the smallest record, 1 the largest, both
 * exact. 0 for an empty histogram.
 */
uint64_t tfl_latency_percentile(const struct tfl_latency *latency, double share);

/**
 * What is nearest to @p nanoseconds of the values that end a bucket: how many records are not above such a value is known exactly. Within
 * 1 / 128 of it; below 128 it itself. For values below 2^41 - 2^34.
 */
uint64_t tfl_latency_edge(uint64_t nanoseconds);

/** For each of @p count ascending values that tfl_latency_edge() gave, how many records are not above it. */
void tfl_latency_cumulate(const struct tfl_latency *latency, const uint64_t *edges, unsigned count, uint64_t *ret_counts);

/** The smallest latency that bucket @p bucket counts; of TFL_LATENCY_BUCKETS, the first one that has no bucket of its own. */
uint64_t tfl_latency_bucket_begin(unsigned bucket);

/** Mean in nanoseconds; 0 for an empty histogram. */
double tfl_latency_mean(const struct tfl_latency *latency);

#endif
