/* SPDX-License-Identifier: MIT */
/*
 * The best class of a row of scores, how sure it is of itself, and how far ahead of the second: what a confidence histogram is made of.
 * Written for the compiler's vectoriser, because every request pays for it.
 */
#ifndef STATS_TOP_H
#define STATS_TOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tfl-types.h"

/* What the scores of a row are. */
enum tfl_scores {
	TFL_SCORES_PROBABILITY, /* of classes: a softmax's, or a logistic's with two classes or more */
	TFL_SCORES_BINARY,      /* one probability: of class 1, against class 0 */
	TFL_SCORES_LOG,         /* logarithms of probabilities */
	TFL_SCORES_LOGIT,       /* a softmax is still to be taken */
};

/* How rows of one output are read. Plain data, immutable once made; any number of threads may use it. */
struct tfl_top_reader {
	enum tfl_dtype dtype;
	enum tfl_scores scores;
	uint32_t classes;
	float scale; /* 1 for float32 */
	int32_t zero_point;
	float powers[256]; /* LOGIT in 8 bits: exp(-scale * i), i steps below the best */
};

struct tfl_top {
	uint32_t index;   /* of the best class; the first of several */
	float confidence; /* of 0 to 1, but for rounding; NaN where a score is no number, or infinite */
	float margin;     /* confidence less that of the second best; NaN likewise */
};

/**
 * Rows of @p classes scores of type float32, or int8, uint8 or int16 with a scale and zero point. BINARY rows have one score, others two or
 * more.
 * 0, or -EINVAL for another type or number of classes, or a scale that is not positive and finite.
 */
int tfl_top_reader_init(struct tfl_top_reader *reader, enum tfl_dtype dtype, enum tfl_scores scores, uint32_t classes, float scale,
			int32_t zero_point);

/** Reads one row, aligned as its type. No allocation, no lock. */
void tfl_top_read(const struct tfl_top_reader *reader, const void *row, struct tfl_top *ret_top);

#endif
