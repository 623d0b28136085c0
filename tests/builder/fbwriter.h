/* SPDX-License-Identifier: MIT */
/*
 * Writing of FlatBuffers, from the end of the buffer to its start: children first, then the tables that point at them. A reference is the
 * distance from an object's first byte to the end of the buffer, so it stays right while the buffer grows; 0 is none.
 *
 * Errors are sticky: after one failed allocation every call does nothing and finish reports it. Not thread-safe.
 */
#ifndef TESTS_BUILDER_FBWRITER_H
#define TESTS_BUILDER_FBWRITER_H

#include <stddef.h>
#include <stdint.h>

#define TFL_FBW_SLOTS_MAX 32 /* fields of one table */


struct tfl_fbw {
	uint8_t *data;
	size_t capacity;
	size_t used;      /* the last bytes of data */
	size_t alignment; /* the largest so far */
	int error;
};

/* One field of a table: width bytes of bits, or, with width 0, a reference (left out when it is 0). */
struct tfl_fbw_field {
	uint16_t slot; /* place in the schema's order, below TFL_FBW_SLOTS_MAX */
	uint8_t width;
	uint64_t bits;
};

#define TFL_FBW_I8(slot, value) ((struct tfl_fbw_field){slot, 1, (uint8_t)(value)})
#define TFL_FBW_I32(slot, value) ((struct tfl_fbw_field){slot, 4, (uint32_t)(value)})
#define TFL_FBW_REF(slot, value) ((struct tfl_fbw_field){slot, 0, (value)})

uint32_t tfl_fbw_string(struct tfl_fbw *writer, const char *string); /* NULL gives 0 */

/** A vector of @p count scalars of @p width bytes, its first element aligned to @p alignment (at least @p width). */
uint32_t tfl_fbw_vector(struct tfl_fbw *writer, const void *elements, size_t count, unsigned width, unsigned alignment);

/** A vector of references to tables or strings. */
uint32_t tfl_fbw_refs(struct tfl_fbw *writer, const uint32_t *refs, size_t count);

uint32_t tfl_fbw_table(struct tfl_fbw *writer, const struct tfl_fbw_field *fields, size_t count);

/**
 * Ends the buffer with @p root and the four bytes of @p identifier. *ret_data is malloc's, the caller's to free; the writer is empty
 * afterwards, on failure too. 0, -ENOMEM, or -EFBIG past 2^31 - 1 bytes.
 */
int tfl_fbw_end(struct tfl_fbw *writer, uint32_t root, const char *identifier, uint8_t **ret_data, size_t *ret_size);

/* The order in which the fields' values are evaluated is open: write at most one child inside, so that equal input gives equal bytes. */
#define TFL_FBW_TABLE(writer, ...) \
	tfl_fbw_table(writer, (const struct tfl_fbw_field[]){__VA_ARGS__}, \
		      sizeof((const struct tfl_fbw_field[]){__VA_ARGS__}) / sizeof(struct tfl_fbw_field))

#endif
