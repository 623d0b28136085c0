/* SPDX-License-Identifier: MIT */
/*
 * Values below 64 have a bucket each. Every power of two above is cut into 64 equal buckets, so bucket b of group g (from 0) holds the
 * values (64 + b) << g to ((64 + b + 1) << g) - 1, and the index of a value is its seven leading bits plus 64 for each bit after them.
 *
 * A record is a few loads and stores by its only writer, never a locked instruction. They are atomic (relaxed), because another thread
 * may be merging the same histogram; the count is stored last, with release, so that a reader who finds records also finds the
 * smallest and the largest of at least as many.
 */
#include "stats/latency.h"

#include <errno.h>

#include "base/util.h"

#define SUB_BITS 6
#define SUB_BUCKETS (1u << SUB_BITS)

#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

_Static_assert(TFL_LATENCY_BUCKETS % SUB_BUCKETS == 0, "the last group is whole");

static unsigned bucket_of(uint64_t value)
{
	unsigned group;
	uint64_t index;

	if (value < SUB_BUCKETS)
		return (unsigned)value;
	group = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
	index = (uint64_t)group * SUB_BUCKETS + (value >> group);
	return index < TFL_LATENCY_BUCKETS ? (unsigned)index : TFL_LATENCY_BUCKETS - 1;
}

/* The values of a bucket are from here to before the begin of the next. */
uint64_t tfl_latency_bucket_begin(unsigned bucket)
{
	unsigned group = bucket < SUB_BUCKETS ? 0 : bucket / SUB_BUCKETS - 1;

	return (uint64_t)(bucket - group * SUB_BUCKETS) << group;
}

static uint64_t bucket_middle(unsigned bucket)
{
	return tfl_latency_bucket_begin(bucket) + (tfl_latency_bucket_begin(bucket + 1) - tfl_latency_bucket_begin(bucket)) / 2;
}

void tfl_latency_record(struct tfl_latency *latency, uint64_t nanoseconds)
{
	uint64_t count = LOAD(latency->count);
	uint64_t *bucket = &latency->buckets[bucket_of(nanoseconds)];

	if (count == 0 || nanoseconds < LOAD(latency->min_ns))
		STORE(latency->min_ns, nanoseconds);
	if (nanoseconds > LOAD(latency->max_ns))
		STORE(latency->max_ns, nanoseconds);
	STORE(latency->sum_ns, LOAD(latency->sum_ns) + nanoseconds);
	STORE(*bucket, LOAD(*bucket) + 1);
	__atomic_store_n(&latency->count, count + 1, __ATOMIC_RELEASE);
}

void tfl_latency_merge(struct tfl_latency *into, const struct tfl_latency *from)
{
	uint64_t min_ns, max_ns, added = 0;

	if (__atomic_load_n(&from->count, __ATOMIC_ACQUIRE) == 0)
		return;
	min_ns = LOAD(from->min_ns);
	max_ns = LOAD(from->max_ns);
	if (into->count == 0 || min_ns < into->min_ns)
		into->min_ns = min_ns;
	if (max_ns > into->max_ns)
		into->max_ns = max_ns;
	into->sum_ns += LOAD(from->sum_ns);
	/* All records that the count has lie between the two; of what comes meanwhile, some may be found and some not. */
	for (unsigned i = bucket_of(min_ns); i <= bucket_of(max_ns); i++) {
		uint64_t records = LOAD(from->buckets[i]);

		into->buckets[i] += records;
		added += records;
	}
	/* From the buckets, not from the count: a writer may have gone on meanwhile, and percentiles need the two to agree. */
	into->count += added;
}

/* The last bucket also holds what is longer. */
static void widen(struct tfl_latency *latency, unsigned bucket)
{
	uint64_t begin = tfl_latency_bucket_begin(bucket), end = bucket == TFL_LATENCY_BUCKETS - 1 ? UINT64_MAX : tfl_latency_bucket_begin(bucket + 1) - 1;

	if (latency->count == 0 || begin < latency->min_ns)
		latency->min_ns = begin;
	if (latency->count == 0 || end > latency->max_ns)
		latency->max_ns = end;
}

void tfl_latency_subtract(struct tfl_latency *into, const struct tfl_latency *earlier)
{
	const uint64_t least = into->min_ns, most = into->max_ns;

	into->count = into->min_ns = into->max_ns = 0;
	into->sum_ns = into->sum_ns > earlier->sum_ns ? into->sum_ns - earlier->sum_ns : 0;
	for (unsigned i = 0; i < TFL_LATENCY_BUCKETS; i++) {
		into->buckets[i] = into->buckets[i] > earlier->buckets[i] ? into->buckets[i] - earlier->buckets[i] : 0;
		if (into->buckets[i] > 0)
			widen(into, i);
		into->count += into->buckets[i];
	}
	into->min_ns = into->count > 0 && into->min_ns < least ? least : into->min_ns;
	into->max_ns = into->max_ns > most ? most : into->max_ns;
}

int tfl_latency_add_bucket(struct tfl_latency *latency, uint64_t bucket, uint64_t count)
{
	uint64_t all;

	if (bucket >= TFL_LATENCY_BUCKETS || tfl_add_overflow(latency->count, count, &all))
		return -EINVAL;
	if (count > 0)
		widen(latency, (unsigned)bucket);
	latency->buckets[bucket] += count;
	latency->count = all;
	return 0;
}

uint64_t tfl_latency_percentile(const struct tfl_latency *latency, double share)
{
	uint64_t rank, seen = 0;

	if (latency->count == 0)
		return 0;
	if (!(share > 0))
		return latency->min_ns;
	if (share >= 1)
		return latency->max_ns;
	/* The smallest rank that has at least this share of the records at or below it. */
	rank = (uint64_t)(share * (double)latency->count);
	if ((double)rank < share * (double)latency->count || rank == 0)
		rank++;
	for (unsigned i = 0; i < TFL_LATENCY_BUCKETS - 1; i++) {
		uint64_t middle = bucket_middle(i);

		seen += latency->buckets[i];
		if (seen < rank)
			continue;
		return middle < latency->min_ns ? latency->min_ns : middle > latency->max_ns ? latency->max_ns : middle;
	}
	return latency->max_ns;
}

uint64_t tfl_latency_edge(uint64_t nanoseconds)
{
	unsigned bucket = bucket_of(nanoseconds);
	uint64_t end = tfl_latency_bucket_begin(bucket + 1) - 1, before = bucket > 0 ? tfl_latency_bucket_begin(bucket) - 1 : 0;

	return end - nanoseconds <= nanoseconds - before ? end : before;
}

void tfl_latency_cumulate(const struct tfl_latency *latency, const uint64_t *edges, unsigned count, uint64_t *ret_counts)
{
	unsigned bucket = 0;
	uint64_t records = 0;

	for (unsigned i = 0; i < count; i++) {
		while (bucket < TFL_LATENCY_BUCKETS && tfl_latency_bucket_begin(bucket + 1) - 1 <= edges[i])
			records += latency->buckets[bucket++];
		ret_counts[i] = records;
	}
}

double tfl_latency_mean(const struct tfl_latency *latency)
{
	return latency->count == 0 ? 0 : (double)latency->sum_ns / (double)latency->count;
}
