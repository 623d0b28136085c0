/* SPDX-License-Identifier: MIT */
/*
 * Memory in which a read of one byte too many is seen in every build, not only under a sanitizer.
 */
#ifndef TESTS_RUNTIME_GUARDED_H
#define TESTS_RUNTIME_GUARDED_H

#include <stddef.h>
#include <stdint.h>

struct guarded {
	uint8_t *data; /* at any address: its end is what counts */
	size_t size;
	uint8_t *mapping;
	size_t mapped;
};

/** @p size bytes, writable, that end where a page without access begins. Ends the test when there is no memory. */
void guarded_init(struct guarded *guarded, size_t size);
void guarded_finish(struct guarded *guarded);

/** Makes the last @p size bytes of the memory a copy of @p data and returns where they begin. */
uint8_t *guarded_fill(const struct guarded *guarded, const void *data, size_t size);

#endif
