/* SPDX-License-Identifier: MIT */
/*
 * First fit over a list of free gaps, in order of execution: at each step the values that have died give their bytes back, then the new
 * ones are placed. The list is kept sorted by offset and its neighbours are merged, so it stays as short as the memory is unbroken.
 */
#include "runtime/arena.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"

struct gap {
	size_t offset, size;
};

struct plan {
	struct gap *gaps; /* sorted, never touching each other; the last one is open towards the end */
	uint32_t gap_count;
	size_t size;
};

size_t tfl_arena_limit(size_t file_size)
{
	size_t scaled;

	if (tfl_mul_overflow(file_size, (size_t)TFL_ARENA_FACTOR_MAX, &scaled))
		return SIZE_MAX;
	return scaled > TFL_ARENA_FLOOR ? scaled : TFL_ARENA_FLOOR;
}

static int take(struct plan *plan, size_t size, size_t *ret_offset)
{
	uint32_t i = 0;

	while (i < plan->gap_count && plan->gaps[i].size < size)
		i++;
	if (i == plan->gap_count)
		return -EFBIG;
	*ret_offset = plan->gaps[i].offset;
	plan->gaps[i].offset += size;
	plan->gaps[i].size -= size;
	if (plan->gaps[i].size == 0) {
		memmove(&plan->gaps[i], &plan->gaps[i + 1], (plan->gap_count - i - 1) * sizeof(struct gap));
		plan->gap_count--;
	}
	if (*ret_offset + size > plan->size)
		plan->size = *ret_offset + size;
	return 0;
}

/* The array has room for a gap per item and the open one. */
static void give(struct plan *plan, size_t offset, size_t size)
{
	uint32_t i = 0;

	while (plan->gaps[i].offset < offset)
		i++;
	if (i > 0 && plan->gaps[i - 1].offset + plan->gaps[i - 1].size == offset) {
		plan->gaps[--i].size += size;
	} else {
		memmove(&plan->gaps[i + 1], &plan->gaps[i], (plan->gap_count - i) * sizeof(struct gap));
		plan->gap_count++;
		plan->gaps[i] = (struct gap){offset, size};
	}
	if (i + 1 < plan->gap_count && plan->gaps[i].offset + plan->gaps[i].size == plan->gaps[i + 1].offset) {
		plan->gaps[i].size += plan->gaps[i + 1].size;
		memmove(&plan->gaps[i + 1], &plan->gaps[i + 2], (plan->gap_count - i - 2) * sizeof(struct gap));
		plan->gap_count--;
	}
}

static int by_last(const void *left, const void *right)
{
	const struct tfl_arena_item *a = *(const struct tfl_arena_item *const *)left, *b = *(const struct tfl_arena_item *const *)right;

	return a->last < b->last ? -1 : a->last > b->last;
}

int tfl_arena_plan(struct tfl_arena_item *items, uint32_t count, size_t limit, size_t *ret_size)
{
	_tfl_free_ struct gap *gaps = calloc((size_t)count + 2, sizeof(*gaps));
	_tfl_free_ struct tfl_arena_item **dying = calloc((size_t)count + 1, sizeof(struct tfl_arena_item *));
	struct plan plan = {.gaps = gaps, .gap_count = 1};
	uint32_t dead = 0;

	if (!gaps || !dying)
		return -ENOMEM;
	gaps[0].size = SIZE_MAX;
	for (uint32_t i = 0; i < count; i++)
		dying[i] = &items[i];
	qsort(dying, count, sizeof(*dying), by_last);
	for (uint32_t i = 0; i < count; i++) {
		size_t size;

		/* Whatever died before this step was placed earlier: its first step is not after its last. */
		for (; dead < count && dying[dead]->last < items[i].first; dead++)
			give(&plan, dying[dead]->offset, tfl_align_up(dying[dead]->size ? dying[dead]->size : 1, TFL_ARENA_ALIGNMENT));
		if (items[i].size > limit)
			return -EFBIG;
		size = tfl_align_up(items[i].size ? items[i].size : 1, TFL_ARENA_ALIGNMENT);
		if (take(&plan, size, &items[i].offset) < 0 || plan.size > limit)
			return -EFBIG;
	}
	*ret_size = plan.size;
	return 0;
}
