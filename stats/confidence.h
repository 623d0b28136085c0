/* SPDX-License-Identifier: MIT */
/*
 * How sure a model was: histograms of the top-1 confidence and of the margin between the two best, both from 0 to 1.
 *
 * Three resolutions of the same records. `bins` are what people are shown: 50 equal ones. A good classifier puts most of its confidences
 * into the last of them, so `fine` is what distributions are compared by: 8 bins for each halving of the distance to 0 or 1, whichever is
 * nearer, down to 2^-24. The sum is kept in fixed point, so that merging is exact and in any order.
 *
 * Plain data: zeroed memory is an empty histogram. One writer at a time; other threads may merge from it meanwhile and see a state that is
 * at most some records old. Everything else needs a histogram that nobody writes to: merge into one of your own first.
 */
#ifndef STATS_CONFIDENCE_H
#define STATS_CONFIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#define TFL_CONFIDENCE_BINS 50
#define TFL_CONFIDENCE_FINE 336

struct tfl_confidence {
	uint64_t count;   /* confidences that are numbers */
	uint64_t invalid; /* NaN or infinite, of confidence or margin; in no bin */
	uint64_t sum;     /* of confidences, in units of 2^-24 */
	uint64_t bins[TFL_CONFIDENCE_BINS];    /* bin i holds i / 50 <= confidence < (i + 1) / 50; the last one 1 too */
	uint64_t margins[TFL_CONFIDENCE_BINS]; /* likewise */
	uint64_t fine[TFL_CONFIDENCE_FINE];    /* ascending; see tfl_confidence_edge() */
};

/** One record. Numbers outside of 0 to 1, as rounding makes them, count as 0 or 1. The writer's thread. */
void tfl_confidence_record(struct tfl_confidence *confidence, float top, float margin);

/** Adds the records of @p from, which may have a writer on another thread, to @p into, which belongs to the caller. */
void tfl_confidence_merge(struct tfl_confidence *into, const struct tfl_confidence *from);

/** Takes the records of @p earlier, an older state of the same histogram, out of @p into: what is left came between the two. */
void tfl_confidence_subtract(struct tfl_confidence *into, const struct tfl_confidence *earlier);

/**
 * Whether all its parts have seen the same number of records. A copy that was merged while a writer recorded may not: then a moment later
 * another one will.
 */
bool tfl_confidence_agrees(const struct tfl_confidence *confidence);

/** Mean confidence; 0 for an empty histogram. */
double tfl_confidence_mean(const struct tfl_confidence *confidence);

/** Mean margin, from the middles of its 50 bins: within 0.01; 0 for an empty histogram. */
double tfl_confidence_mean_margin(const struct tfl_confidence *confidence);

/**
 * Lower edge of fine bin @p index; 1 for TFL_CONFIDENCE_FINE. Below one half a bin holds its lower edge and not its upper one; from there
 * on it holds its upper edge and not its lower one, but for one half itself.
 */
double tfl_confidence_edge(unsigned index);

#endif
