/* SPDX-License-Identifier: MIT */
/*
 * How far two versions agree on the same requests: of each output how often both choose the same class, and how far their numbers are
 * apart. Counted by one thread, without a lock, and read by any, which may miss what is being counted at that moment.
 */
#ifndef DAEMON_AGREEMENT_H
#define DAEMON_AGREEMENT_H

#include <stddef.h>
#include <stdint.h>

#define TFL_AGREEMENT_OUTPUTS_MAX 8 /* outputs of a model that are compared: the first of them */

struct tfl_agreement_output {
	uint64_t rows, agreed; /* rows of scores; the same class is the best */
	uint64_t values;       /* numbers that both have … */
	double largest, sum;   /* … and their differences */
	uint64_t invalid;      /* numbers of the one that is compared with, which are none (NaN, infinite) in the other */
};

struct tfl_agreement {
	uint64_t version;  /* that is compared with: the one that answered */
	uint64_t compared; /* requests */
	struct tfl_agreement_output outputs[TFL_AGREEMENT_OUTPUTS_MAX];
};

/**
 * Compares @p count numbers of an output. @p classes: scores in a row; 1: a probability of class 1 against class 0; 0: they are none. The
 * best of a row is the first of the greatest; what is no number is never it, and a row without any agrees with none that has one. Returns
 * how many rows agree.
 */
uint64_t tfl_agreement_add(struct tfl_agreement_output *into, const float *right, const float *other, size_t count, uint32_t classes);

/** One request more. */
void tfl_agreement_count(struct tfl_agreement *agreement);

void tfl_agreement_read(const struct tfl_agreement *agreement, struct tfl_agreement *ret_agreement);

#endif
