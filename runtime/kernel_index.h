/* SPDX-License-Identifier: MIT */
/*
 * Indices that come as tensors. They say where a kernel reads or writes, so all of them are checked before it begins: constant ones when the
 * graph is built, others in each run.
 */
#ifndef RUNTIME_KERNEL_INDEX_H
#define RUNTIME_KERNEL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/tfl-types.h"

struct tfl_error;
struct tfl_graph;
struct tfl_node;

/** Element @p at of int16, int32 or int64 integers. */
int64_t tfl_index_at(enum tfl_dtype dtype, const void *data, size_t at);

/**
 * Whether the indices of input @p input, whose content is @p data, lie in [0, limit): those in column @p column of rows of @p columns. 0, or
 * -EINVAL with a sentence about the first that does not.
 */
int tfl_index_check(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, const void *data, size_t column, size_t columns,
		    int64_t limit, struct tfl_error *error);

/** Row after row of @p bytes bytes of @p from, as checked indices name them, @p count from @p first on. */
void tfl_index_gather(enum tfl_dtype dtype, const void *indices, size_t first, size_t count, const void *from, size_t bytes, void *to);

#endif
