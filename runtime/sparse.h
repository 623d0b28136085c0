/* SPDX-License-Identifier: MIT */
/*
 * Constants that are stored sparse. The dimensions are nested in some order, the outermost first; each has all its positions ("dense"), or
 * lists those that have content ("compressed sparse rows": for each position of what is outside, a segment of a list of indices). A
 * dimension may be cut into blocks, which then are dense dimensions of their own, inside of all others. Elements that are not listed
 * are 0, whatever the zero point.
 *
 * Semantics: SparsityParameters of TensorFlow Lite's schema, and the format of the TACO compiler that it names.
 */
#ifndef RUNTIME_SPARSE_H
#define RUNTIME_SPARSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct tfl_error;
struct tfl_tensor;

#define TFL_SPARSE_LEVELS_MAX (2 * TFL_RANK_MAX)

/* Integers of 1, 2 or 4 bytes, at any address of the file. */
struct tfl_sparse_list {
	const uint8_t *data;
	uint32_t count;
	uint32_t size;
};

/* One dimension, or the blocks of one. */
struct tfl_sparse_level {
	uint32_t dimension;              /* of the tensor; beyond its rank: block that many */
	uint32_t size;                   /* positions */
	size_t stride;                   /* dense elements from one to the next */
	struct tfl_sparse_list segments; /* empty: dense */
	struct tfl_sparse_list indices;
};

struct tfl_sparse {
	const struct tfl_tensor *tensor;
	struct tfl_sparse_level levels[TFL_SPARSE_LEVELS_MAX]; /* the outermost first */
	uint32_t level_count;
	uint64_t work; /* numbers read, elements moved */
};

/**
 * Reads and verifies how a sparse tensor is stored: every list, index and count, down to the number of elements in its content. 0, -EINVAL
 * with a sentence, -EOPNOTSUPP for one without content or of elements without a size.
 */
int tfl_sparse_init(struct tfl_sparse *sparse, const struct tfl_tensor *tensor, struct tfl_error *error);

/** Writes the elements to their places in @p dense, which is zeroed and as large as the tensor's shape and type say. */
void tfl_sparse_expand(const struct tfl_sparse *sparse, void *dense);

#endif
