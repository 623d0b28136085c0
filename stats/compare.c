/* SPDX-License-Identifier: MIT */
/*
 * Each subject is a row of a table: what it measures, how wide its interval would be with other numbers of records, and what of it matters.
 * A row's measurement gives an estimate in the units in which intervals are symmetrical (the logarithm of a ratio), from which verdicts and
 * the wanted number of records follow in the same way for all.
 *
 * A difference is called where its probability between equals, corrected by Holm's steps, is not above the family's error. What is not
 * called is the same where the whole interval lies within what matters. The rest cannot be told: for that the interval must shrink either
 * below what is seen, or until it and what is seen fit into what matters, whichever comes first.
 */
#include "stats/compare.h"

#include <math.h>
#include <string.h>

#include "stats/bootstrap.h"
#include "stats/confidence.h"
#include "stats/latency.h"
#include "stats/tails.h"

#define EXACT_MAX 10000
#define INTERVAL_ERROR (TFL_COMPARE_ERROR / TFL_COMPARE_SUBJECTS)
#define REQUESTS_MAX 1e12

/* What was measured of one subject, both sides. */
struct estimate {
	double count[2];    /* records a side */
	double value[2];    /* as they are shown */
	double effect;      /* second against first, in the units of low, high and margin */
	double low, high;
	double probability; /* not yet corrected */
	double spread[2];   /* of one record of each side: its share of the variance of the effect */
};

struct pair {
	const struct tfl_compare_side *sides[2];
	uint64_t seed;
};

struct subject {
	const char *name;
	double matters;   /* as the interface gives it … */
	bool ratio;       /* … where 1 is no difference, and its logarithm the effect */
	double share;     /* percentile */
	double least;     /* records a side before anything is said */
	enum tfl_compare_verdict more; /* who is better when the effect is above 0 */
	enum tfl_compare_verdict less;
	void (*count)(const struct pair *pair, const struct subject *subject, struct estimate *estimate);
	void (*measure)(const struct pair *pair, const struct subject *subject, struct estimate *estimate);
	double (*half_width)(const struct estimate *estimate, const double counts[2]);
};

static double interval_z(void)
{
	return tfl_tail_normal_inverse(INTERVAL_ERROR / 2);
}

/* Errors. */

static double error_count(const struct tfl_compare_side *side)
{
	return (double)(side->errors < side->requests ? side->errors : side->requests);
}

static void count_requests(const struct pair *pair, const struct subject *subject, struct estimate *estimate)
{
	for (unsigned i = 0; i < 2; i++) {
		estimate->count[i] = (double)pair->sides[i]->requests;
		estimate->value[i] = estimate->count[i] > 0 ? error_count(pair->sides[i]) / estimate->count[i] : 0;
	}
}

static double log_choose(double n, double k)
{
	return -tfl_log_beta(k + 1, n - k + 1) - log(n + 1);
}

/* Fisher: of all ways to spread that many errors, those that are not likelier than what was seen. */
static double exact_probability(double errors, double first, double second, double of_first)
{
	double all = log_choose(first + second, errors), low = fmax(0, errors - second), high = fmin(errors, first), sum = 0;
	double seen = log_choose(first, of_first) + log_choose(second, errors - of_first) - all;

	for (double i = low; i <= high; i++) {
		double term = log_choose(first, i) + log_choose(second, errors - i) - all;

		if (term <= seen + 1e-7)
			sum += exp(term);
	}
	return fmin(1, sum);
}

static double score_probability(const struct estimate *estimate)
{
	double n = estimate->count[0], m = estimate->count[1];
	double share = (estimate->value[0] * n + estimate->value[1] * m) / (n + m);
	double z = (estimate->value[1] - estimate->value[0]) / sqrt(share * (1 - share) * (1 / n + 1 / m));

	return 2 * tfl_tail_normal(fabs(z));
}

/* Wilson's interval of one share. */
static void wilson(double share, double count, double z, double *ret_low, double *ret_high)
{
	double middle = share + z * z / (2 * count), reach = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count));

	*ret_low = fmax(0, (middle - reach) / (1 + z * z / count));
	*ret_high = fmin(1, (middle + reach) / (1 + z * z / count));
}

/* Newcombe's of their difference, from Wilson's of both. */
static void newcombe(const double shares[2], const double counts[2], double *ret_low, double *ret_high)
{
	double z = interval_z(), low[2], high[2];

	for (unsigned i = 0; i < 2; i++)
		wilson(shares[i], counts[i], z, &low[i], &high[i]);
	*ret_low = shares[1] - shares[0] - hypot(shares[1] - low[1], high[0] - shares[0]);
	*ret_high = shares[1] - shares[0] + hypot(high[1] - shares[1], shares[0] - low[0]);
}

static void measure_errors(const struct pair *pair, const struct subject *subject, struct estimate *estimate)
{
	double of_first = error_count(pair->sides[0]), of_second = error_count(pair->sides[1]), errors = of_first + of_second;
	double n = estimate->count[0], m = estimate->count[1];

	estimate->effect = estimate->value[1] - estimate->value[0];
	newcombe(estimate->value, estimate->count, &estimate->low, &estimate->high);
	if (errors == 0 || errors == n + m)
		estimate->probability = 1;
	else if (errors <= EXACT_MAX)
		estimate->probability = exact_probability(errors, n, m, of_first);
	else if (n + m - errors <= EXACT_MAX)
		estimate->probability = exact_probability(n + m - errors, n, m, n - of_first);
	else
		estimate->probability = score_probability(estimate);
}

static double errors_half_width(const struct estimate *estimate, const double counts[2])
{
	double low, high;

	newcombe(estimate->value, counts, &low, &high);
	return (high - low) / 2;
}

/* All others: the variance of each side is that of one record by their number. */
static double half_width(const struct estimate *estimate, const double counts[2])
{
	double now = estimate->spread[0] / estimate->count[0] + estimate->spread[1] / estimate->count[1];
	double then = estimate->spread[0] / counts[0] + estimate->spread[1] / counts[1];

	return (estimate->high - estimate->low) / 2 * sqrt(then / now);
}

/* Latency. */

static void count_latencies(const struct pair *pair, const struct subject *subject, struct estimate *estimate)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct tfl_latency *latency = pair->sides[i]->latency;

		for (unsigned k = 0; latency && k < TFL_LATENCY_BUCKETS; k++)
			estimate->count[i] += (double)latency->buckets[k];
		estimate->value[i] = estimate->count[i] > 0 ? (double)tfl_latency_percentile(latency, subject->share) : 0;
	}
}

static void measure_latency(const struct pair *pair, const struct subject *subject, struct estimate *estimate)
{
	struct tfl_ratio ratio;

	tfl_bootstrap_ratio(pair->sides[0]->latency, pair->sides[1]->latency, subject->share, TFL_COMPARE_RUN, INTERVAL_ERROR,
			    pair->seed, &ratio);
	estimate->low = log(ratio.low);
	estimate->high = log(ratio.high);
	/* What is seen is known to a bucket, the interval is finer: where it lies outside, that is rounding. */
	estimate->effect = fmin(fmax(log(ratio.ratio), estimate->low), estimate->high);
	estimate->probability = ratio.probability;
	estimate->spread[0] = estimate->spread[1] = 1;
}

/* Confidence. */

static void count_confidences(const struct pair *pair, const struct subject *subject, struct estimate *estimate)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct tfl_confidence *confidence = pair->sides[i]->confidence;

		for (unsigned k = 0; confidence && k < TFL_CONFIDENCE_FINE; k++)
			estimate->count[i] += (double)confidence->fine[k];
	}
}

static void count_means(const struct pair *pair, const struct subject *subject, struct estimate *estimate)
{
	count_confidences(pair, subject, estimate);
	for (unsigned i = 0; i < 2; i++)
		estimate->value[i] = estimate->count[i] > 0 ? tfl_confidence_mean(pair->sides[i]->confidence) : 0;
}

/*
 * Of the middles of the bins. One record more at either end, as if it had been seen: a hundred equal confidences are no proof that the next
 * one cannot be another.
 */
static double variance(const struct tfl_confidence *confidence, double mean, double count)
{
	double sum = mean * mean + (1 - mean) * (1 - mean);

	for (unsigned i = 0; i < TFL_CONFIDENCE_FINE; i++) {
		double away = (tfl_confidence_edge(i) + tfl_confidence_edge(i + 1)) / 2 - mean;

		sum += (double)confidence->fine[i] * away * away;
	}
	return sum / (count - 1);
}

static double inverse_student(double tail, double freedom)
{
	double x = tfl_tail_beta_inverse(freedom / 2, 0.5, 2 * tail);

	return sqrt(freedom * (1 - x) / x);
}

static void measure_means(const struct pair *pair, const struct subject *subject, struct estimate *estimate)
{
	double of[2], error, freedom, reach;

	for (unsigned i = 0; i < 2; i++) {
		estimate->spread[i] = variance(pair->sides[i]->confidence, estimate->value[i], estimate->count[i]);
		of[i] = estimate->spread[i] / estimate->count[i];
	}
	error = sqrt(of[0] + of[1]);
	freedom = pow(of[0] + of[1], 2) / (of[0] * of[0] / (estimate->count[0] - 1) + of[1] * of[1] / (estimate->count[1] - 1));
	reach = inverse_student(INTERVAL_ERROR / 2, freedom) * error;
	estimate->effect = estimate->value[1] - estimate->value[0];
	estimate->low = estimate->effect - reach;
	estimate->high = estimate->effect + reach;
	estimate->probability = 2 * tfl_tail_student(fabs(estimate->effect) / error, freedom);
}

/* The Kolmogorov-Smirnov distance is not below 0, and noise alone makes one: what is likely reaches from it down to 0 as far as up. */
static void measure_distribution(const struct pair *pair, const struct subject *subject, struct estimate *estimate)
{
	double n = estimate->count[0], m = estimate->count[1], below[2] = {0}, reach;

	for (unsigned i = 0; i < TFL_CONFIDENCE_FINE; i++) {
		below[0] += (double)pair->sides[0]->confidence->fine[i] / n;
		below[1] += (double)pair->sides[1]->confidence->fine[i] / m;
		estimate->effect = fmax(estimate->effect, fabs(below[0] - below[1]));
	}
	reach = sqrt(-log(INTERVAL_ERROR / 2) / 2 * (1 / n + 1 / m));
	estimate->low = fmax(0, estimate->effect - reach);
	estimate->high = fmin(1, estimate->effect + reach);
	estimate->probability = tfl_tail_kolmogorov(estimate->effect, n, m);
	estimate->spread[0] = estimate->spread[1] = 1;
}

/* As its interval is cut at 0, it is no measure of its width. */
static double distribution_half_width(const struct estimate *estimate, const double counts[2])
{
	return sqrt(-log(INTERVAL_ERROR / 2) / 2 * (1 / counts[0] + 1 / counts[1]));
}

/*
 * Percentiles want so many records that the greatest of them is above the percentile: (share ^ (least / TFL_COMPARE_RUN)) is below the
 * interval's error.
 */
static const struct subject subjects[TFL_COMPARE_SUBJECTS] = {
	[TFL_COMPARE_ERRORS] = {"errors", 0.01, false, 0, 1, TFL_COMPARE_FIRST, TFL_COMPARE_SECOND, count_requests, measure_errors,
				errors_half_width},
	[TFL_COMPARE_P50] = {"p50", 1.05, true, 0.5, 80, TFL_COMPARE_FIRST, TFL_COMPARE_SECOND, count_latencies, measure_latency,
			     half_width},
	[TFL_COMPARE_P99] = {"p99", 1.1, true, 0.99, 2800, TFL_COMPARE_FIRST, TFL_COMPARE_SECOND, count_latencies, measure_latency,
			     half_width},
	[TFL_COMPARE_CONFIDENCE] = {"confidence", 0.02, false, 0, TFL_COMPARE_RECORDS_MIN, TFL_COMPARE_SECOND, TFL_COMPARE_FIRST,
				    count_means, measure_means, half_width},
	[TFL_COMPARE_DISTRIBUTION] = {"distribution", 0.1, false, 0, TFL_COMPARE_RECORDS_MIN, TFL_COMPARE_OTHER, TFL_COMPARE_OTHER,
				      count_confidences, measure_distribution, distribution_half_width},
};

static double margin_of(const struct subject *subject)
{
	return subject->ratio ? log(subject->matters) : subject->matters;
}

/* The smallest number that sides with fewer records than that would have to have, so that the interval is narrow enough. */
static double wanted_count(const struct subject *subject, const struct estimate *estimate)
{
	double wanted = fmax(fabs(estimate->effect), margin_of(subject) - fabs(estimate->effect));
	double low = fmax(subject->least, fmin(estimate->count[0], estimate->count[1])), high = REQUESTS_MAX;

	for (unsigned i = 0; i < 60 && high - low > 1; i++) {
		double middle = sqrt(low * high), counts[2];

		for (unsigned side = 0; side < 2; side++)
			counts[side] = fmax(estimate->count[side], middle);
		*(subject->half_width(estimate, counts) > wanted ? &low : &high) = middle;
	}
	return fmax(ceil(high), ceil(1.1 * fmin(estimate->count[0], estimate->count[1])));
}

/* Of what is compared there is less than one a request where requests fail: the rest of the reckoning is in requests. */
static void want_more(const struct pair *pair, const struct estimate *estimate, double wanted, struct tfl_comparison *comparison)
{
	uint64_t *more[2] = {&comparison->more_first, &comparison->more_second};

	for (unsigned i = 0; i < 2; i++) {
		double lacking = fmax(0, wanted - estimate->count[i]), requests = (double)pair->sides[i]->requests;

		if (estimate->count[i] > 0 && requests > estimate->count[i])
			lacking *= requests / estimate->count[i];
		*more[i] = wanted >= REQUESTS_MAX - 1 || lacking >= REQUESTS_MAX ? UINT64_MAX : (uint64_t)ceil(lacking);
	}
}

static void begin(const struct pair *pair, const struct subject *subject, struct estimate *estimate, struct tfl_comparison *comparison)
{
	subject->count(pair, subject, estimate);
	*comparison = (struct tfl_comparison){
		.measured = estimate->count[0] >= subject->least && estimate->count[1] >= subject->least,
		.first = estimate->value[0],
		.second = estimate->value[1],
		.probability = 1,
	};
	estimate->probability = 1;
	if (!comparison->measured) {
		want_more(pair, estimate, subject->least, comparison);
		return;
	}
	subject->measure(pair, subject, estimate);
	comparison->difference = subject->ratio ? exp(estimate->effect) : estimate->effect;
	comparison->low = subject->ratio ? exp(estimate->low) : estimate->low;
	comparison->high = subject->ratio ? exp(estimate->high) : estimate->high;
}

/* Holm: the smallest probability counts as often as there are subjects, the next one time less, and none less than one before it. */
static void correct(const struct estimate estimates[TFL_COMPARE_SUBJECTS], struct tfl_compare *compare)
{
	bool done[TFL_COMPARE_SUBJECTS] = {false};
	double least = 0;

	for (unsigned step = 0; step < TFL_COMPARE_SUBJECTS; step++) {
		unsigned next = TFL_COMPARE_SUBJECTS;

		for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++) {
			if (!done[i] && (next == TFL_COMPARE_SUBJECTS || estimates[i].probability < estimates[next].probability))
				next = i;
		}
		done[next] = true;
		least = fmin(1, fmax(least, estimates[next].probability * (TFL_COMPARE_SUBJECTS - step)));
		compare->subjects[next].probability = least;
	}
}

static void judge(const struct pair *pair, const struct subject *subject, const struct estimate *estimate,
		  struct tfl_comparison *comparison)
{
	double margin = margin_of(subject);
	bool within = estimate->low > -margin && estimate->high < margin;

	if (!comparison->measured)
		return;
	if (comparison->probability <= TFL_COMPARE_ERROR && estimate->effect != 0) {
		comparison->verdict = estimate->effect > 0 ? subject->more : subject->less;
		comparison->slight = within;
	} else if (within) {
		comparison->verdict = TFL_COMPARE_SAME;
	} else {
		want_more(pair, estimate, wanted_count(subject, estimate), comparison);
	}
}

void tfl_compare(const struct tfl_compare_side *first, const struct tfl_compare_side *second, uint64_t seed,
		 struct tfl_compare *ret_compare)
{
	struct estimate estimates[TFL_COMPARE_SUBJECTS] = {0};
	struct pair pair = {.sides = {first, second}, .seed = seed};

	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++)
		begin(&pair, &subjects[i], &estimates[i], &ret_compare->subjects[i]);
	correct(estimates, ret_compare);
	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++)
		judge(&pair, &subjects[i], &estimates[i], &ret_compare->subjects[i]);
}

double tfl_compare_matters(enum tfl_compare_subject subject)
{
	return subjects[subject].matters;
}

const char *tfl_compare_subject_to_string(enum tfl_compare_subject subject)
{
	return subjects[subject].name;
}

const char *tfl_compare_verdict_to_string(enum tfl_compare_verdict verdict)
{
	static const char *const names[] = {
		[TFL_COMPARE_UNKNOWN] = "unknown", [TFL_COMPARE_SAME] = "same",   [TFL_COMPARE_FIRST] = "first",
		[TFL_COMPARE_SECOND] = "second",   [TFL_COMPARE_OTHER] = "other",
	};

	return names[verdict];
}
