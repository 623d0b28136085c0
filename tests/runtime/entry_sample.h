/* SPDX-License-Identifier: MIT */
/*
 * A model that can be called in several ways, with any number of rows x[-1, 4] each, over the same weights w[4, 4] and bias b[4]:
 *
 *	"weigh"  subgraph 0: y = w x + b
 *	"clip"   subgraph 1: z = max(w x + b, 0), as rows of two, and the sum of each of these
 *	"broken" subgraph 2: an operator that nobody has
 *	"twice"  subgraph 3: x beside x, RESHAPEd to [8], which one row alone can be
 */
#ifndef TESTS_RUNTIME_ENTRY_SAMPLE_H
#define TESTS_RUNTIME_ENTRY_SAMPLE_H

#include "tests/builder/builder.h"

enum { ENTRY_WEIGH, ENTRY_CLIP, ENTRY_BROKEN, ENTRY_TWICE, ENTRY_COUNT };

enum { ENTRY_COLUMNS = 4 };

extern const float entry_sample_weights[ENTRY_COLUMNS * ENTRY_COLUMNS], entry_sample_bias[ENTRY_COLUMNS];

void entry_sample_build(struct tfl_builder *builder);

#endif
