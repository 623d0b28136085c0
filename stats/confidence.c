/* SPDX-License-Identifier: MIT */
/*
 * A fine bin is found in the distance to the nearer end, counted in steps of 2^-24: a float below 1 is a whole number of them away from 1.
 * The distance is cut as a latency is (latency.c), into 8 buckets for each power of two; buckets of distances to 0 come first, those to 1
 * follow in reverse, so that the index ascends with the confidence.
 *
 * As in latency.c a record is loads and stores by its only writer; they are atomic (relaxed), because another thread may be merging.
 */
#include "stats/confidence.h"

#include <math.h>

#define STEPS_BITS 24
#define SUB_BITS 3
#define SUB_BUCKETS (1u << SUB_BITS)
#define SIDE (TFL_CONFIDENCE_FINE / 2)

_Static_assert(SIDE == SUB_BUCKETS * (STEPS_BITS - SUB_BITS), "the last power of two ends at one half");

#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

/* Bucket of a distance in steps, at most one half. */
static unsigned bucket_of(uint32_t steps)
{
	unsigned group, bucket;

	if (steps < SUB_BUCKETS)
		return steps;
	group = 31u - (unsigned)__builtin_clz(steps) - SUB_BITS;
	bucket = group * SUB_BUCKETS + (steps >> group);
	return bucket < SIDE ? bucket : SIDE - 1;
}

static uint32_t bucket_begin(unsigned bucket)
{
	unsigned group = bucket < SUB_BUCKETS ? 0 : bucket / SUB_BUCKETS - 1;

	return (bucket - group * SUB_BUCKETS) << group;
}

static unsigned fine_bin(float value)
{
	if (value < 0.5f)
		return bucket_of((uint32_t)(value * (1u << STEPS_BITS)));
	return TFL_CONFIDENCE_FINE - 1 - bucket_of((uint32_t)((1 - value) * (1u << STEPS_BITS)));
}

/* The product in double is exact enough to land in the bin that the exact quotient names. */
static unsigned coarse_bin(float value)
{
	unsigned bin = (unsigned)((double)value * TFL_CONFIDENCE_BINS);

	return bin < TFL_CONFIDENCE_BINS ? bin : TFL_CONFIDENCE_BINS - 1;
}

static float into_range(float value)
{
	return value < 0 ? 0 : value > 1 ? 1 : value;
}

void tfl_confidence_record(struct tfl_confidence *confidence, float top, float margin)
{
	uint64_t *bin, *margins, *fine;

	if (!isfinite(top) || !isfinite(margin)) {
		STORE(confidence->invalid, LOAD(confidence->invalid) + 1);
		return;
	}
	top = into_range(top);
	bin = &confidence->bins[coarse_bin(top)];
	margins = &confidence->margins[coarse_bin(into_range(margin))];
	fine = &confidence->fine[fine_bin(top)];
	STORE(*bin, LOAD(*bin) + 1);
	STORE(*margins, LOAD(*margins) + 1);
	STORE(*fine, LOAD(*fine) + 1);
	STORE(confidence->sum, LOAD(confidence->sum) + (uint64_t)((double)top * 0x1p24 + 0.5));
	STORE(confidence->count, LOAD(confidence->count) + 1);
}

#define FIELDS (sizeof(struct tfl_confidence) / sizeof(uint64_t))

/* All members are counters, so the struct is added and subtracted as an array of them. */
_Static_assert(FIELDS == 3 + 2 * TFL_CONFIDENCE_BINS + TFL_CONFIDENCE_FINE, "no padding");

void tfl_confidence_merge(struct tfl_confidence *into, const struct tfl_confidence *from)
{
	uint64_t *to = (uint64_t *)into;
	const uint64_t *counter = (const uint64_t *)from;

	for (unsigned i = 0; i < FIELDS; i++)
		to[i] += LOAD(counter[i]);
}

void tfl_confidence_subtract(struct tfl_confidence *into, const struct tfl_confidence *earlier)
{
	uint64_t *to = (uint64_t *)into;
	const uint64_t *counter = (const uint64_t *)earlier;

	for (unsigned i = 0; i < FIELDS; i++)
		to[i] = to[i] > counter[i] ? to[i] - counter[i] : 0;
}

static uint64_t sum_of(const uint64_t *counters, unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += counters[i];
	return sum;
}

bool tfl_confidence_agrees(const struct tfl_confidence *confidence)
{
	return sum_of(confidence->bins, TFL_CONFIDENCE_BINS) == confidence->count &&
	       sum_of(confidence->margins, TFL_CONFIDENCE_BINS) == confidence->count &&
	       sum_of(confidence->fine, TFL_CONFIDENCE_FINE) == confidence->count;
}

double tfl_confidence_mean(const struct tfl_confidence *confidence)
{
	return confidence->count == 0 ? 0 : (double)confidence->sum * 0x1p-24 / (double)confidence->count;
}

double tfl_confidence_mean_margin(const struct tfl_confidence *confidence)
{
	double sum = 0;
	uint64_t count = 0;

	for (unsigned i = 0; i < TFL_CONFIDENCE_BINS; i++) {
		sum += (i + 0.5) / TFL_CONFIDENCE_BINS * (double)confidence->margins[i];
		count += confidence->margins[i];
	}
	return count == 0 ? 0 : sum / (double)count;
}

double tfl_confidence_edge(unsigned index)
{
	if (index <= SIDE)
		return index == SIDE ? 0.5 : bucket_begin(index) * 0x1p-24;
	if (index >= TFL_CONFIDENCE_FINE)
		return 1;
	return 1 - bucket_begin(TFL_CONFIDENCE_FINE - index) * 0x1p-24;
}
