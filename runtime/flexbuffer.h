/* SPDX-License-Identifier: MIT */
/*
 * Bounds-checked reading of a FlexBuffers map of numbers: what the options of custom operators are. Nothing is trusted: whatever would lead
 * out of the buffer, or is no number, is -EINVAL, and nothing is read there. Looking up takes time in proportion to the buffer, whatever it
 * claims.
 *
 * Format: https://flatbuffers.dev/flatbuffers_internals/#flexbuffers (schema-less; every value has a type and a width of its own, offsets
 * lead backwards, the root stands at the end).
 */
#ifndef RUNTIME_FLEXBUFFER_H
#define RUNTIME_FLEXBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A map whose keys and values lie inside the buffer, which outlives it. Its strings and what its values refer to are checked when read. */
struct tfl_flex_map {
	const uint8_t *data; /* of the whole buffer, at any address */
	size_t size;
	size_t count;        /* of entries */
	size_t keys, values; /* positions of the first offset to a key, and of the first value */
	size_t types;        /* position of the first value's type */
	uint8_t key_width, value_width;
};

/** The root of a buffer, which must be a map. 0 or -EINVAL. */
int tfl_flex_map_open(const void *data, size_t size, struct tfl_flex_map *ret_map);

/**
 * The number under @p name as an integer (a real number is cut towards 0), a real number, or a truth value (anything but 0).
 * 0; 1 when there is none, or a null; -EINVAL when it lies outside, is no number, or does not fit 64 bits.
 */
int tfl_flex_int(const struct tfl_flex_map *map, const char *name, int64_t *ret_value);
int tfl_flex_real(const struct tfl_flex_map *map, const char *name, double *ret_value);
int tfl_flex_bool(const struct tfl_flex_map *map, const char *name, bool *ret_value);

#endif
