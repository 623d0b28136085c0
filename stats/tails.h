/* SPDX-License-Identifier: MIT */
/*
 * Tails of distributions, as tests of significance want them: how likely is something at least as far out as what was seen. Pure functions
 * of numbers; each is within 1e-9 of the true probability, and small probabilities keep their leading digits.
 */
#ifndef STATS_TAILS_H
#define STATS_TAILS_H

#include <stdint.h>

/** P(Z >= z) of a standard normal Z. */
double tfl_tail_normal(double z);

/** The z of which tfl_tail_normal() gives @p probability, from 1e-300 to 1 - 1e-15. */
double tfl_tail_normal_inverse(double probability);

/** P(T >= t) of Student's T with @p freedom > 0 degrees of freedom. */
double tfl_tail_student(double t, double freedom);

/** P(B <= x) of a beta distributed B with shapes @p a and @p b > 0: the regularised incomplete beta function. */
double tfl_tail_beta(double a, double b, double x);

/** The x from 0 to 1 of which tfl_tail_beta() gives @p probability. */
double tfl_tail_beta_inverse(double a, double b, double probability);

/** P(X >= @p successes) of @p trials that succeed with probability @p share each. */
double tfl_tail_binomial(uint64_t successes, uint64_t trials, double share);

/** P(D >= distance), about, of Kolmogorov's and Smirnov's D between samples of sizes @p n and @p m of one continuous distribution. */
double tfl_tail_kolmogorov(double distance, double n, double m);

/** The logarithm of the beta function. */
double tfl_log_beta(double a, double b);

#endif
