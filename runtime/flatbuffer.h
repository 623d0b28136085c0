/* SPDX-License-Identifier: MIT */
/*
 * Bounds-checked reading of FlatBuffers. Nothing is trusted: an accessor that would leave the buffer, or meets a misaligned or
 * overlapping-the-end value, reports -EINVAL and reads nothing. Scalars of a table that is absent, or shorter than the schema's newest
 * version, read as their default.
 *
 * A table obtained by tfl_fb_root() or tfl_fb_table() has been checked: its vtable and its inline part lie inside the buffer. So
 * scalar fields cannot fail; everything behind an offset can.
 *
 * Format: https://flatbuffers.dev/internals/ (vtable of 16-bit offsets, 32-bit unsigned offsets, little-endian).
 */
#ifndef RUNTIME_FLATBUFFER_H
#define RUNTIME_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tfl_fb_buffer {
	const uint8_t *data; /* 8-aligned, or tfl_fb_vector() refuses what it would find at an odd address */
	size_t size;         /* below 2^31 */
};

/* All zero: an absent table. */
struct tfl_fb_table {
	const struct tfl_fb_buffer *buffer;
	uint32_t position; /* of the table's inline part */
	uint32_t vtable;
	uint16_t vtable_size;
	uint16_t inline_size;
};

struct tfl_fb_vector {
	const struct tfl_fb_buffer *buffer;
	const uint8_t *data; /* first element, aligned for its size; NULL when the vector is absent */
	uint32_t position;
	uint32_t count;
};

/** The root table; @p identifier is four bytes ("TFL3") or NULL. */
int tfl_fb_root(const struct tfl_fb_buffer *buffer, const char *identifier, struct tfl_fb_table *ret_table);

/** Whether the field is present at all. @p field counts from 0 in the schema's order. */
bool tfl_fb_has(const struct tfl_fb_table *table, unsigned field);

int8_t tfl_fb_i8(const struct tfl_fb_table *table, unsigned field, int8_t fallback);
uint8_t tfl_fb_u8(const struct tfl_fb_table *table, unsigned field, uint8_t fallback);
int32_t tfl_fb_i32(const struct tfl_fb_table *table, unsigned field, int32_t fallback);
uint32_t tfl_fb_u32(const struct tfl_fb_table *table, unsigned field, uint32_t fallback);
int64_t tfl_fb_i64(const struct tfl_fb_table *table, unsigned field, int64_t fallback);
uint64_t tfl_fb_u64(const struct tfl_fb_table *table, unsigned field, uint64_t fallback);
float tfl_fb_f32(const struct tfl_fb_table *table, unsigned field, float fallback);
bool tfl_fb_bool(const struct tfl_fb_table *table, unsigned field, bool fallback);

/** A table behind an offset. 0 with a table, 1 with an absent one, or -EINVAL. */
int tfl_fb_table(const struct tfl_fb_table *table, unsigned field, struct tfl_fb_table *ret_table);

/** A string: NUL-terminated inside the buffer. 0, 1 with "" when absent, or -EINVAL. */
int tfl_fb_string(const struct tfl_fb_table *table, unsigned field, const char **ret_string, uint32_t *ret_length);

/**
 * A vector of scalars of @p element_size bytes (1, 2, 4 or 8), aligned for it. 0, 1 when absent, or -EINVAL. A vector of offsets has
 * elements of 4 bytes and is read with the two functions below.
 */
int tfl_fb_vector(const struct tfl_fb_table *table, unsigned field, unsigned element_size, struct tfl_fb_vector *ret_vector);

/** The same, but the elements may lie at any address: for a caller that copies them. */
int tfl_fb_vector_unaligned(const struct tfl_fb_table *table, unsigned field, unsigned element_size, struct tfl_fb_vector *ret_vector);

int tfl_fb_vector_table(const struct tfl_fb_vector *vector, uint32_t index, struct tfl_fb_table *ret_table);
int tfl_fb_vector_string(const struct tfl_fb_vector *vector, uint32_t index, const char **ret_string, uint32_t *ret_length);

#endif
