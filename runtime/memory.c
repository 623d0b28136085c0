/* SPDX-License-Identifier: MIT */
/*
 * What a block weighs is asked from libc, so that no header is needed in front of it. Outside of a count nothing is added up or populated; a
 * block that is freed later, on any thread, is then free as ever. Nothing is refused here: XNNPACK does not look at every pointer it gets, so
 * what it may take is bounded before it is asked (lower.h, plan.c), and looked at afterwards.
 */
#include "runtime/memory.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xnnpack.h>

#define POPULATED_MIN 65536 /* bytes of a block from which its pages are asked for at once */

static _Thread_local struct {
	bool active;
	size_t bytes;
} count;

static void *taken(void *pointer)
{
	if (count.active && pointer)
		count.bytes += malloc_usable_size(pointer);
	return pointer;
}

static void given_back(void *pointer)
{
	size_t size = count.active && pointer ? malloc_usable_size(pointer) : 0;

	/* A block from before the count began must not make it negative. */
	count.bytes -= size < count.bytes ? size : count.bytes;
}

static void *allocate(void *context, size_t size)
{
	return taken(malloc(size));
}

static void *reallocate(void *context, void *pointer, size_t size)
{
	size_t before = count.active && pointer ? malloc_usable_size(pointer) : 0;
	void *moved = realloc(pointer, size);

	if (moved)
		count.bytes -= before < count.bytes ? before : count.bytes;
	return taken(moved);
}

static void deallocate(void *context, void *pointer)
{
	given_back(pointer);
	free(pointer);
}

/* XNNPACK clears what it takes: asking for all pages at once (Linux 5.14) takes half the time of a fault for each. */
static void populate(void *pointer, size_t size)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t first = ((uintptr_t)pointer + page - 1) & ~(page - 1), end = ((uintptr_t)pointer + size) & ~(page - 1);

	if (count.active && size >= POPULATED_MIN)
		(void)madvise((void *)first, end - first, MADV_POPULATE_WRITE);
}

static void *aligned_allocate(void *context, size_t alignment, size_t size)
{
	void *pointer;

	if (posix_memalign(&pointer, alignment, size) != 0)
		return NULL;
	populate(pointer, size);
	return taken(pointer);
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

void tfl_memory_count_begin(void)
{
	count.active = true;
	count.bytes = 0;
}

size_t tfl_memory_count_end(void)
{
	count.active = false;
	return count.bytes;
}
