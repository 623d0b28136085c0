/* SPDX-License-Identifier: MIT */
/*
 * Latency in a log-linear histogram: 64 linear buckets per power of two, so a value is known within 1 / 64 of itself (percentiles that
 * are reported lie in a bucket's middle: within 0.8 %). Covers 0 to 2^40 ns (18 minutes); longer is counted in the last bucket.
 *
 * Plain data: zeroed memory is an empty histogram. One writer at a time; readers on other threads see counts that may be some records
 * behind each other. Merging adds.
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
	uint32_t buckets[TFL_LATENCY_BUCKETS];
};

void tfl_latency_record(struct tfl_latency *latency, uint64_t nanoseconds);
void tfl_latency_merge(struct tfl_latency *into, const struct tfl_latency *from);

/** The value below which @p share (0 to 1) of the records lie, in nanoseconds; 0 for an empty histogram. */
uint64_t tfl_latency_percentile(const struct tfl_latency *latency, double share);

/** Mean in nanoseconds; 0 for an empty histogram. */
double tfl_latency_mean(const struct tfl_latency *latency);

#endif
