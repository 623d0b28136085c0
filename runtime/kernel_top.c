/* SPDX-License-Identifier: MIT */
/*
 * The heap sinks a hole from the root to the bottom, always towards the child that comes later, and lets the new element rise from there.
 * That is cheaper than comparing it on the way down, and decides where equal elements end up.
 */
#include "runtime/kernel_top.h"

/* Puts @index into the heap in place of what stands at @hole. */
static void put(const struct tfl_heap *heap, size_t hole, int32_t index)
{
	size_t top = hole, child;

	while ((child = 2 * hole + 1) < heap->count) {
		/* The right one, unless it comes before the left one. */
		if (child + 1 < heap->count && !heap->before(heap->values, heap->indices[child + 1], heap->indices[child]))
			child++;
		heap->indices[hole] = heap->indices[child];
		hole = child;
	}
	while (hole > top && heap->before(heap->values, heap->indices[(hole - 1) / 2], index)) {
		heap->indices[hole] = heap->indices[(hole - 1) / 2];
		hole = (hole - 1) / 2;
	}
	heap->indices[hole] = index;
}

void tfl_heap_make(struct tfl_heap *heap)
{
	for (size_t i = heap->count / 2; i-- > 0;)
		put(heap, i, heap->indices[i]);
}

int32_t tfl_heap_pop(struct tfl_heap *heap)
{
	int32_t root = heap->indices[0], last = heap->indices[--heap->count];

	if (heap->count > 0)
		put(heap, 0, last);
	return root;
}

void tfl_top(const void *values, size_t count, size_t top, tfl_before before, int32_t *ret_indices)
{
	struct tfl_heap heap = {values, before, ret_indices, top};

	if (top == 0)
		return;
	for (size_t i = 0; i < top; i++)
		ret_indices[i] = (int32_t)i;
	tfl_heap_make(&heap);
	for (size_t i = top; i < count; i++)
		if (before(values, (int32_t)i, ret_indices[0]))
			put(&heap, 0, (int32_t)i);
	while (heap.count > 1) {
		int32_t last = tfl_heap_pop(&heap);

		ret_indices[heap.count] = last;
	}
}

bool tfl_before_float32(const void *values, int32_t a, int32_t b)
{
	const float *floats = values;

	return floats[a] > floats[b];
}

bool tfl_before_float32_stable(const void *values, int32_t a, int32_t b)
{
	const float *floats = values;

	return floats[a] > floats[b] || (floats[a] == floats[b] && a < b);
}
