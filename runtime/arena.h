/* SPDX-License-Identifier: MIT */
/*
 * Where each value lies in an interpreter's memory. Values whose lifetimes (in steps) do not meet share the same bytes. Planned once per
 * program; an interpreter only allocates the sum.
 */
#ifndef RUNTIME_ARENA_H
#define RUNTIME_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define TFL_ARENA_ALIGNMENT 64

struct tfl_arena_item {
	size_t size;
	uint32_t first; /* step that writes it */
	uint32_t last;  /* last step that reads it, at least first */
	size_t offset;  /* result: a multiple of TFL_ARENA_ALIGNMENT */
};

/** How much one interpreter of a model file of @p file_size bytes may hold between steps, and how much may be folded at load. */
size_t tfl_arena_limit(size_t file_size);

/**
 * Places @p items, which are sorted by first step. 0 and the size of the arena, -ENOMEM, or -EFBIG when it would pass @p limit.
 */
int tfl_arena_plan(struct tfl_arena_item *items, uint32_t count, size_t limit, size_t *ret_size);

#endif
