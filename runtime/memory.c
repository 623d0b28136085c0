/* SPDX-License-Identifier: MIT */
/*
 * An aligned block has a header in front of it, in the room that its alignment takes: what it weighs, and whether it is a mapping. What any
 * other allocation weighs is asked from libc. Outside of a count nothing is added up or populated; a block that is freed later, on any
 * thread, is then free as ever. Nothing is refused here: XNNPACK does not look at every pointer it gets, so what it may take is bounded
 * before it is asked (lower.h, plan.c), and looked at afterwards.
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

/* Bytes of a block from which it is a mapping. A sanitizer sees nothing of those. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MAPPED_MIN SIZE_MAX
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MAPPED_MIN SIZE_MAX
#endif
#endif
#ifndef MAPPED_MIN
#define MAPPED_MIN ((size_t)1 << 20)
#endif

struct header {
	size_t total; /* bytes, with the alignment in front */
	size_t offset; /* of the block */
	bool mapped;
};
_Static_assert(sizeof(struct header) <= TFL_BLOCK_ALIGNMENT, "it lies in front of the block");

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

/* A block from before the count began must not make it negative. */
static void take_back(size_t size)
{
	count.bytes -= size < count.bytes ? size : count.bytes;
}

static void given_back(void *pointer)
{
	if (count.active && pointer)
		take_back(malloc_usable_size(pointer));
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
		take_back(before);
	return taken(moved);
}

static void deallocate(void *context, void *pointer)
{
	given_back(pointer);
	free(pointer);
}

static struct header *header_of(void *block)
{
	return (struct header *)((uint8_t *)block - sizeof(struct header));
}

/* XNNPACK clears what it takes: asking for all pages at once (Linux 5.14) takes half the time of a fault for each. */
static void populate(void *pointer, size_t size)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t first = ((uintptr_t)pointer + page - 1) & ~(page - 1), end = ((uintptr_t)pointer + size) & ~(page - 1);

	if (count.active && size >= POPULATED_MIN)
		(void)madvise((void *)first, end - first, MADV_POPULATE_WRITE);
}

static void *make_block(size_t alignment, size_t size)
{
	size_t offset = alignment > TFL_BLOCK_ALIGNMENT ? alignment : TFL_BLOCK_ALIGNMENT, total;
	bool mapped = size >= MAPPED_MIN;
	void *base = NULL;

	if (offset > (size_t)sysconf(_SC_PAGESIZE) || __builtin_add_overflow(size, offset, &total))
		return NULL;
	if (mapped)
		base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else if (posix_memalign(&base, offset, total) != 0)
		base = NULL;
	if (!base || base == MAP_FAILED)
		return NULL;
	base = (uint8_t *)base + offset;
	*header_of(base) = (struct header){ total, offset, mapped };
	return base;
}

void *tfl_block_allocate(size_t size)
{
	return make_block(TFL_BLOCK_ALIGNMENT, size);
}

void tfl_block_free(void *block)
{
	struct header header;

	if (!block)
		return;
	header = *header_of(block);
	block = (uint8_t *)block - header.offset;
	if (header.mapped)
		munmap(block, header.total);
	else
		free(block);
}

static void *aligned_allocate(void *context, size_t alignment, size_t size)
{
	void *block = make_block(alignment, size);

	if (!block)
		return NULL;
	populate(block, size);
	if (count.active)
		count.bytes += header_of(block)->total;
	return block;
}

static void aligned_deallocate(void *context, void *block)
{
	if (block && count.active)
		take_back(header_of(block)->total);
	tfl_block_free(block);
}

const struct xnn_allocator *tfl_memory_allocator(void)
{
	static const struct xnn_allocator allocator = {
		.allocate = allocate,
		.reallocate = reallocate,
		.deallocate = deallocate,
		.aligned_allocate = aligned_allocate,
		.aligned_deallocate = aligned_deallocate,
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
