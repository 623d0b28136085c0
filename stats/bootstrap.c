/* SPDX-License-Identifier: MIT */
/*
 * Of n records drawn from a distribution, the k-th is where its cumulative share is a number drawn from beta(k, n - k + 1). A beta is made
 * of two gammas (Marsaglia and Tsang 2000), those of normals (the polar method), those of a 64-bit generator (xorshift, whose seed
 * SplitMix's step spreads).
 */
#include "stats/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "stats/latency.h"

struct random {
	uint64_t state;
};

/* A histogram as its cumulative counts: cumulative[i] records lie below bucket i. */
struct cumulated {
	uint64_t cumulative[TFL_LATENCY_BUCKETS + 1];
	double size; /* records, those of a run counted as one */
	double place;
};

static struct random seeded(uint64_t seed)
{
	seed += 0x9e3779b97f4a7c15ull;
	seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9ull;
	seed = (seed ^ seed >> 27) * 0x94d049bb133111ebull;
	return (struct random){(seed ^ seed >> 31) | 1};
}

/* Above 0, below 1. */
static double uniform(struct random *random)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return ((double)(random->state >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct random *random)
{
	for (;;) {
		double x = 2 * uniform(random) - 1, y = 2 * uniform(random) - 1, square = x * x + y * y;

		if (square < 1 && square > 0)
			return x * sqrt(-2 * log(square) / square);
	}
}

/* @p shape at least 1. */
static double gamma_of(struct random *random, double shape)
{
	double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);

	for (;;) {
		double x = normal(random), v = 1 + c * x;

		v = v * v * v;
		if (v > 0 && log(uniform(random)) < 0.5 * x * x + d - d * v + d * log(v))
			return d * v;
	}
}

static double beta_of(struct random *random, double a, double b)
{
	double x = gamma_of(random, a), y = gamma_of(random, b);

	return x / (x + y);
}

static void cumulate(const struct tfl_latency *latency, double share, double run, struct cumulated *ret)
{
	ret->cumulative[0] = 0;
	for (unsigned i = 0; i < TFL_LATENCY_BUCKETS; i++)
		ret->cumulative[i + 1] = ret->cumulative[i] + latency->buckets[i];
	ret->size = fmax(1, (double)ret->cumulative[TFL_LATENCY_BUCKETS] / run);
	ret->place = fmin(fmax(1, ceil(share * ret->size)), ret->size);
}

/* The latency below which @p share of the records lie. */
static double value_at(const struct cumulated *cumulated, double share)
{
	const uint64_t *cumulative = cumulated->cumulative;
	double all = (double)cumulative[TFL_LATENCY_BUCKETS], wanted = fmin(share * all, nextafter(all, 0)), begin, end;
	unsigned low = 0, high = TFL_LATENCY_BUCKETS - 1;

	/* The first bucket that ends behind the wanted record. */
	while (low < high) {
		unsigned middle = (low + high) / 2;

		if ((double)cumulative[middle + 1] > wanted)
			high = middle;
		else
			low = middle + 1;
	}
	begin = (double)tfl_latency_bucket_begin(low);
	end = (double)tfl_latency_bucket_begin(low + 1);
	return fmax(begin + (end - begin) * (wanted - (double)cumulative[low]) / (double)(cumulative[low + 1] - cumulative[low]), 0.5);
}

static double draw(struct random *random, const struct cumulated *cumulated)
{
	return value_at(cumulated, beta_of(random, cumulated->place, cumulated->size - cumulated->place + 1));
}

static int compare_doubles(const void *a, const void *b)
{
	double first = *(const double *)a, second = *(const double *)b;

	return (first > second) - (first < second);
}

void tfl_bootstrap_ratio(const struct tfl_latency *first, const struct tfl_latency *second, double share, double run, double error,
			 uint64_t seed, struct tfl_ratio *ret_ratio)
{
	static const unsigned last = TFL_BOOTSTRAP_DRAWS - 1;
	struct random random = seeded(seed);
	double ratios[TFL_BOOTSTRAP_DRAWS];
	struct cumulated of_first, of_second;
	unsigned above = 0, below = 0, cut;

	cumulate(first, share, run, &of_first);
	cumulate(second, share, run, &of_second);
	for (unsigned i = 0; i < TFL_BOOTSTRAP_DRAWS; i++) {
		double divisor = draw(&random, &of_first);

		ratios[i] = draw(&random, &of_second) / divisor;
		above += ratios[i] >= 1;
		below += ratios[i] <= 1;
	}
	qsort(ratios, TFL_BOOTSTRAP_DRAWS, sizeof(*ratios), compare_doubles);
	cut = (unsigned)(error / 2 * TFL_BOOTSTRAP_DRAWS);
	*ret_ratio = (struct tfl_ratio){
		.ratio = fmax((double)tfl_latency_percentile(second, share), 0.5) / fmax((double)tfl_latency_percentile(first, share), 0.5),
		.low = ratios[cut],
		.high = ratios[last - cut],
		.probability = fmin(1, 2.0 * ((above < below ? above : below) + 1) / (TFL_BOOTSTRAP_DRAWS + 1.0)),
	};
}
