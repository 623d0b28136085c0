/* SPDX-License-Identifier: MIT */
/*
 * Two versions side by side: which is better at what, and how sure that is. Arithmetic over counters and histograms of which nobody is a
 * writer.
 *
 * Each thing that is compared has a test of its own:
 *   errors        shares: Fisher's exact test (above 10,000 errors the score test), Newcombe's interval. Both hold for few and for no
 *                 errors.
 *   p50, p99      ratio of the latencies: bootstrap from the histograms, with a seed.
 *   confidence    difference of means: Welch's test.
 *   distribution  of confidence: Kolmogorov and Smirnov over the fine bins. Inside of a bin nothing is seen and the probability is
 *                 that of values without ties, so it errs to the side of no difference.
 *
 * All are one family, corrected as Holm does: that any of them calls a difference between two versions that do not differ happens in less
 * than TFL_COMPARE_ERROR of all comparisons, whatever depends on what. That holds for one look. Who looks again and again until there is a
 * winner will find one.
 *
 * Latencies come in runs (a busy second, a hot minute), so one says less than one that knows nothing of its neighbours: TFL_COMPARE_RUN of
 * them count as one record. What separates two versions that were measured at different times, another load, is not told from what
 * separates the versions.
 *
 * No difference is a finding too, and not the absence of one: all that is still likely is smaller than what matters
 * (tfl_compare_matters()).
 */
#ifndef STATS_COMPARE_H
#define STATS_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_confidence;
struct tfl_latency;

#define TFL_COMPARE_ERROR 0.01     /* of the family: at most so many false differences a comparison */
#define TFL_COMPARE_RUN 4          /* latencies that say as much as one independent one */
#define TFL_COMPARE_RECORDS_MIN 100 /* confidences a side before means are compared */

enum tfl_compare_subject {
	TFL_COMPARE_ERRORS,
	TFL_COMPARE_P50,
	TFL_COMPARE_P99,
	TFL_COMPARE_CONFIDENCE,
	TFL_COMPARE_DISTRIBUTION,
	TFL_COMPARE_SUBJECTS
};

enum tfl_compare_verdict {
	TFL_COMPARE_UNKNOWN, /* cannot be told yet, or one side has none of it */
	TFL_COMPARE_SAME,    /* no difference that matters */
	TFL_COMPARE_FIRST,   /* the first is better: fewer errors, faster, surer */
	TFL_COMPARE_SECOND,
	TFL_COMPARE_OTHER,   /* they differ, and neither way is better: the distribution */
};

/* One version. Borrowed for the call; NULL where there is none. */
struct tfl_compare_side {
	uint64_t requests;
	uint64_t errors;                         /* of those */
	const struct tfl_latency *latency;       /* of requests that went well */
	const struct tfl_confidence *confidence; /* of one output */
};

struct tfl_comparison {
	enum tfl_compare_verdict verdict;
	bool measured;         /* both sides have enough to be compared at all; else first and second are all there is, and `more` */
	bool slight;           /* they differ, by less than what matters */
	double first, second;  /* share of errors; nanoseconds; mean confidence; 0 for the distribution */
	double difference;     /* second less first; the ratio second / first of latencies; the largest difference of cumulative shares */
	double low, high;      /* where the true difference lies, at a level that all intervals together keep but for TFL_COMPARE_ERROR */
	double probability;    /* of so great a difference between equals, corrected for the family: 1 less how sure it is */
	/* UNKNOWN: requests after which it could be told, if what is seen stays; UINT64_MAX: not in reach. */
	uint64_t more_first, more_second;
};

struct tfl_compare {
	struct tfl_comparison subjects[TFL_COMPARE_SUBJECTS];
};

/** Compares. The same arguments give the same answer. Bounded work: some milliseconds, whatever the counts. */
void tfl_compare(const struct tfl_compare_side *first, const struct tfl_compare_side *second, uint64_t seed,
		 struct tfl_compare *ret_compare);

/**
 * The smallest difference that matters: 0.01 of errors, a ratio of 1.05 of p50 and 1.1 of p99, 0.02 of the mean, 0.1 of the distribution.
 */
double tfl_compare_matters(enum tfl_compare_subject subject);

/** "errors", "p50", "p99", "confidence", "distribution". */
const char *tfl_compare_subject_to_string(enum tfl_compare_subject subject);

/** "unknown", "same", "first", "second", "other". */
const char *tfl_compare_verdict_to_string(enum tfl_compare_verdict verdict);

#endif
