/* SPDX-License-Identifier: MIT */
/*
 * How far a window's distribution of confidence is from a baseline's: three distances, and what they mean. Arithmetic over two histograms
 * of which nobody is a writer.
 *
 * PSI (population stability index) is the sum over groups of (q - p) ln(q / p), for the baseline's share p and the window's share q. The
 * groups are at most ten, cut at the baseline's deciles, as near as fine bins allow: equal bins would be empty where a good classifier
 * never is, and blind where it always is. Each group counts half a record more than it has, so that an empty one is no infinity. Of two
 * samples of the same distribution PSI is not 0 but about (groups - 1) (1 / n + 1 / m), with n and m records: that much is taken off before
 * the verdict.
 *
 * Jensen-Shannon divergence is in bits, 0 to 1, over the 50 equal bins; the Kolmogorov-Smirnov statistic is the largest difference between
 * the two cumulative shares at the edges of fine bins.
 */
#ifndef STATS_DRIFT_H
#define STATS_DRIFT_H

#include <stdint.h>

struct tfl_confidence;

#define TFL_DRIFT_GROUPS_MAX 10
#define TFL_DRIFT_RECORDS_MIN 500 /* in the window, and in the baseline */
#define TFL_DRIFT_PSI_WATCH 0.1       /* PSI from which a window is worth watching … */
#define TFL_DRIFT_PSI_DRIFT 0.25      /* … and above which it has drifted */

enum tfl_drift_verdict {
	TFL_DRIFT_UNKNOWN, /* too few records on one side */
	TFL_DRIFT_STABLE,
	TFL_DRIFT_WATCHED,
	TFL_DRIFT_DRIFTED,
};

struct tfl_drift {
	double psi;      /* without the expectation under noise; at least 0 */
	double psi_raw;  /* as the formula gives it */
	double noise;    /* its expectation where nothing changed */
	double jensen_shannon;
	double kolmogorov_smirnov;
	uint64_t baseline_records, window_records;
	unsigned groups;
	enum tfl_drift_verdict verdict;
};

/** Compares; all distances are 0 where a side is empty. */
void tfl_drift_compute(const struct tfl_confidence *baseline, const struct tfl_confidence *window, struct tfl_drift *ret_drift);

/** "unknown", "stable", "watch" or "drift". */
const char *tfl_drift_verdict_to_string(enum tfl_drift_verdict verdict);

#endif
