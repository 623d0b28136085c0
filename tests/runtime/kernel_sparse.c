/* SPDX-License-Identifier: MIT */
/*
 * An element's coordinates in the order of the levels, read as one number whose digits have the levels' sizes, are its key; the keys are a
 * permutation of the element's indices, and a level's entries are beginnings of keys, in order.
 */
#include "tests/runtime/kernel_sparse.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"

/* How the dimensions are nested. */
struct layout {
	const struct kernel_tensor *tensor;
	struct tfl_random random;
	unsigned levels;
	int32_t sizes[2 * TFL_RANK_MAX];
	int32_t blocks[TFL_RANK_MAX]; /* 1: none */
};

static bool one_in(struct layout *layout, uint32_t n)
{
	return tfl_random_below(&layout->random, n) == 0;
}

static void shuffle(struct layout *layout, int32_t *values, unsigned count)
{
	for (unsigned i = count; i > 1; i--) {
		unsigned other = tfl_random_below(&layout->random, i);
		int32_t swapped = values[other];

		values[other] = values[i - 1];
		values[i - 1] = swapped;
	}
}

static void draw_layout(struct layout *layout, struct kernel_sparse *sparse)
{
	const struct kernel_tensor *tensor = layout->tensor;
	unsigned rank = tensor->rank, blocks = 0;

	for (unsigned d = 0; d < rank; d++) {
		int32_t block = 2 + (int32_t)tfl_random_below(&layout->random, 3);

		layout->blocks[d] = tensor->dims[d] % block == 0 && one_in(layout, 3) ? block : 1;
		if (layout->blocks[d] > 1)
			sparse->block_map[blocks++] = (int32_t)d;
	}
	layout->levels = rank + blocks;
	for (unsigned i = 0; i < layout->levels; i++)
		sparse->order[i] = (int32_t)i;
	shuffle(layout, sparse->order, rank);
	shuffle(layout, sparse->order + rank, blocks);
	for (unsigned i = 0; i < layout->levels; i++) {
		int32_t d = i < rank ? sparse->order[i] : sparse->block_map[sparse->order[i] - (int32_t)rank];

		layout->sizes[i] = i < rank ? tensor->dims[d] / layout->blocks[d] : layout->blocks[d];
	}
}

/* The element's index in the dense tensor. */
static size_t find_element(const struct layout *layout, const struct kernel_sparse *sparse, size_t key)
{
	int32_t at[TFL_RANK_MAX] = {0};
	unsigned rank = layout->tensor->rank;

	for (unsigned i = layout->levels; i-- > 0;) {
		int32_t digit = (int32_t)(key % (size_t)layout->sizes[i]), order = sparse->order[i];

		key /= (size_t)layout->sizes[i];
		if (i < rank)
			at[order] += digit * layout->blocks[order];
		else
			at[sparse->block_map[order - (int32_t)rank]] += digit;
	}
	return kernel_ravel(rank, layout->tensor->dims, at);
}

static bool is_zero(const struct kernel_tensor *tensor, size_t index)
{
	static const uint8_t zeros[16];
	size_t size = tfl_dtype_size(tensor->dtype);

	return memcmp((const uint8_t *)tensor->data + index * size, zeros, size) == 0;
}

static bool any_below(const struct layout *layout, const struct kernel_sparse *sparse, size_t beginning, size_t keys)
{
	for (size_t key = beginning * keys; key < (beginning + 1) * keys; key++)
		if (!is_zero(layout->tensor, find_element(layout, sparse, key)))
			return true;
	return false;
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	ck_assert_ptr_nonnull(memory);
	return memory;
}

static uint8_t draw_type(struct layout *layout, int32_t greatest)
{
	uint8_t least = greatest < 256 ? 3 : greatest < 65536 ? 2 : 1;

	return (uint8_t)(1 + tfl_random_below(&layout->random, least));
}

/* One level: from the entries around it to its own. Each entry is the beginning of a key. */
static void lay_level(struct layout *layout, struct kernel_sparse *sparse, unsigned number, size_t **entries, size_t *count)
{
	struct tfl_build_level *level = &sparse->levels[number];
	size_t size = (size_t)layout->sizes[number], keys = 1, *inner = allocate(*count * size, sizeof(*inner)), listed = 0;
	int32_t *segments = allocate(*count + 1, sizeof(*segments)), *indices = allocate(*count * size, sizeof(*indices));
	bool compressed = number < layout->tensor->rank && one_in(layout, 2);

	for (unsigned i = number + 1; i < layout->levels; i++)
		keys *= (size_t)layout->sizes[i];
	for (size_t i = 0; i < *count; i++) {
		for (size_t p = 0; p < size; p++) {
			size_t beginning = (*entries)[i] * size + p;

			if (compressed && !any_below(layout, sparse, beginning, keys) && !one_in(layout, 20))
				continue;
			indices[listed] = (int32_t)p;
			inner[listed++] = beginning;
		}
		segments[i + 1] = (int32_t)listed;
	}
	*level = (struct tfl_build_level){.size = layout->sizes[number]};
	if (compressed)
		*level = (struct tfl_build_level){
			.format = 1, .segments = {segments, (uint32_t)*count + 1}, .indices = {indices, (uint32_t)listed},
			.segments_type = draw_type(layout, (int32_t)listed), .indices_type = draw_type(layout, (int32_t)size)};
	if (!compressed) {
		free(segments);
		free(indices);
	}
	free(*entries);
	*entries = inner;
	*count = listed;
}

void kernel_sparse_init(struct kernel_sparse *sparse, const struct kernel_tensor *tensor)
{
	struct layout layout = {.tensor = tensor, .random = {tensor->sparse}};
	size_t *entries = allocate(1, sizeof(*entries)), count = 1, size = tfl_dtype_size(tensor->dtype);

	memset(sparse, 0, sizeof(*sparse));
	draw_layout(&layout, sparse);
	for (unsigned i = 0; i < layout.levels; i++)
		lay_level(&layout, sparse, i, &entries, &count);
	sparse->data = allocate(count, size);
	sparse->size = count * size;
	for (size_t i = 0; i < count; i++)
		memcpy((uint8_t *)sparse->data + i * size, (const uint8_t *)tensor->data + find_element(&layout, sparse, entries[i]) * size, size);
	free(entries);
	sparse->sparsity = (struct tfl_build_sparsity){.traversal_order = {sparse->order, layout.levels},
						       .block_map = {sparse->block_map, layout.levels - tensor->rank},
						       .levels = sparse->levels,
						       .level_count = layout.levels};
}

void kernel_sparse_finish(struct kernel_sparse *sparse)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(sparse->levels); i++) {
		free((void *)sparse->levels[i].segments.values);
		free((void *)sparse->levels[i].indices.values);
	}
	free(TFL_STEAL(sparse->data));
	*sparse = (struct kernel_sparse){0};
}

void kernel_make_sparse(struct kernel_case *c, struct kernel_tensor *tensor)
{
	size_t size = tfl_dtype_size(tensor->dtype);

	tensor->constant = true;
	tensor->sparse = 1 + tfl_random_below(&c->random, 1 << 30);
	for (size_t i = 0; i < tensor->elements; i++)
		if (!kernel_one_in(c, 3))
			memset((uint8_t *)tensor->data + i * size, 0, size);
}
