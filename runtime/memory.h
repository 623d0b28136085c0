/* SPDX-License-Identifier: MIT */
/*
 * XNNPACK's allocator: libc's and blocks, and a count of what it takes on behalf of the interpreter that the calling thread is building.
 * That is how the bytes of an interpreter are known; XNNPACK itself does not tell.
 */
#ifndef RUNTIME_MEMORY_H
#define RUNTIME_MEMORY_H

#include <stddef.h>

struct xnn_allocator;

#define TFL_BLOCK_ALIGNMENT 64

/**
 * Memory for what is large, aligned: weights, activations. A large block is a mapping of its own, so it goes back to the system when it is
 * freed; of what malloc gets back, that depends on what lies behind it. NULL without memory, or for a size that cannot be. Freed by the
 * second; NULL is allowed.
 */
void *tfl_block_allocate(size_t size);
void tfl_block_free(void *block);

/** For xnn_initialize(). Static. */
const struct xnn_allocator *tfl_memory_allocator(void);

/** Starts a count at 0 on this thread. Counts do not nest. */
void tfl_memory_count_begin(void);

/** Ends it and returns the bytes taken and not given back meanwhile. */
size_t tfl_memory_count_end(void);

#endif
