/* SPDX-License-Identifier: MIT */
/*
 * How far the ratio of two percentiles may be off: both histograms are drawn anew, again and again, from themselves. The percentile of n
 * records that are drawn from a histogram is the record at a place that is beta distributed: so one number is drawn in place of n, and the
 * work does not depend on how many records there are. Inside of a bucket records are taken to be spread evenly.
 *
 * With a seed: the same arguments give the same answer, on any machine with IEEE arithmetic up to the last digits of its libm.
 */
#ifndef STATS_BOOTSTRAP_H
#define STATS_BOOTSTRAP_H

#include <stdint.h>

struct tfl_latency;

#define TFL_BOOTSTRAP_DRAWS 10000

struct tfl_ratio {
	double ratio;       /* of the percentiles, second / first */
	double low, high;   /* all but @p error of the drawn ratios */
	double probability; /* two-sided: twice the share of drawn ratios on the other side of 1; at least 2 / (TFL_BOOTSTRAP_DRAWS + 1) */
};

/**
 * Percentile @p share (between 0 and 1) of two histograms that are not empty. @p run: so many records count as one. @p error: in the
 * interval, both sides together. Not on a small stack.
 */
void tfl_bootstrap_ratio(const struct tfl_latency *first, const struct tfl_latency *second, double share, double run, double error,
			 uint64_t seed, struct tfl_ratio *ret_ratio);

#endif
