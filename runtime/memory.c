/* SPDX-License-Identifier: MIT */
/*
 * What a block weighs is asked from libc, so that no header is needed in front of it. Outside of a count nothing is added up; a block
 * that is freed later, on any thread, is then free as ever.
 */
#include "runtime/memory.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <xnnpack.h>

static _Thread_local struct {
	bool active;
	size_t bytes, limit;
} count;

static bool refused(size_t size)
{
	return count.active && size > count.limit - count.bytes;
}

static void *taken(void *pointer)
{
	if (count.active && pointer)
		count.bytes += malloc_usable_size(pointer);
	if (count.bytes > count.limit)
		count.bytes = count.limit;
	return pointer;
}

static void given_back(void *pointer)
{
	size_t size = count.active && pointer ? malloc_usable_size(pointer) : 0;

	/* A block from before the count began must not make it negative. */
	count.bytes -= size < count.bytes ? size : count.bytes;
}

/*
 * Counted, but never refused: XNNPACK's memory planner writes to what it gets without a look. What is asked for here is in proportion to the
 * number of operators; what windows and shapes can blow up comes from the other two.
 */
static void *allocate(void *context, size_t size)
{
	return taken(malloc(size));
}

static void *reallocate(void *context, void *pointer, size_t size)
{
	size_t before = count.active && pointer ? malloc_usable_size(pointer) : 0;
	void *moved = refused(size) ? NULL : realloc(pointer, size);

	if (moved)
		count.bytes -= before < count.bytes ? before : count.bytes;
	return taken(moved);
}

static void deallocate(void *context, void *pointer)
{
	given_back(pointer);
	free(pointer);
}

static void *aligned_allocate(void *context, size_t alignment, size_t size)
{
	void *pointer;

	return !refused(size) && posix_memalign(&pointer, alignment, size) == 0 ? taken(pointer) : NULL;
}

const struct xnn_allocator *tfl_memory_allocator(void)
{
	static const struct xnn_allocator allocator = {
		.allocate = allocate,
		.reallocate = reallocate,
		.deallocate = deallocate,
		.aligned_allocate = aligned_allocate,
		.aligned_deallocate = deallocate,
	};

	return &allocator;
}

void tfl_memory_count_begin(size_t limit)
{
	count.active = true;
	count.bytes = 0;
	count.limit = limit;
}

size_t tfl_memory_count_end(void)
{
	count.active = false;
	return count.bytes;
}
