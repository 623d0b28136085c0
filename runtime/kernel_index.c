/* SPDX-License-Identifier: MIT */
/* One pass over the indices in front of the pass that uses them: nothing is half done when one is wrong. */
#include "runtime/kernel_index.h"

#include <string.h>

#include "base/error.h"
#include "runtime/graph.h"

int64_t tfl_index_at(enum tfl_dtype dtype, const void *data, size_t at)
{
	switch (dtype) {
	case TFL_INT16:
		return ((const int16_t *)data)[at];
	case TFL_INT32:
		return ((const int32_t *)data)[at];
	default:
		return ((const int64_t *)data)[at];
	}
}

int tfl_index_check(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, const void *data, size_t column, size_t columns,
		    int64_t limit, struct tfl_error *error)
{
	const struct tfl_value *indices = tfl_node_input(graph, node, input);

	for (size_t i = column; i < indices->elements; i += columns) {
		int64_t index = tfl_index_at(indices->dtype, data, i);

		if (index < 0 || index >= limit)
			return tfl_node_invalid(graph, node, error, "element %zu of input %u is %lld; it must be at least 0 and less than %lld", i, input,
						(long long)index, (long long)limit);
	}
	return 0;
}

/* With a constant size a copy is a load and a store. */
static inline void gather(enum tfl_dtype dtype, const void *indices, size_t first, size_t count, const uint8_t *from, size_t bytes, uint8_t *to)
{
	for (size_t i = 0; i < count; i++)
		memcpy(to + i * bytes, from + (size_t)tfl_index_at(dtype, indices, first + i) * bytes, bytes);
}

void tfl_index_gather(enum tfl_dtype dtype, const void *indices, size_t first, size_t count, const void *from, size_t bytes, void *to)
{
	switch (bytes) {
	case 1:
		gather(dtype, indices, first, count, from, 1, to);
		break;
	case 4:
		gather(dtype, indices, first, count, from, 4, to);
		break;
	case 8:
		gather(dtype, indices, first, count, from, 8, to);
		break;
	default:
		gather(dtype, indices, first, count, from, bytes, to);
		break;
	}
}
