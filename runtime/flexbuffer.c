/* SPDX-License-Identifier: MIT */
/*
 * A vector in a FlexBuffer is its elements, all of one width, with their number in front, in the same width. A map is a vector of values
 * with one byte of type behind it for each, and in front of its number: an offset back to the vector of its keys, and the width of that.
 * Keys are offsets back to NUL-terminated strings. A byte of type holds the type, and in its low two bits the width (log2) of what an
 * offset leads to. The buffer ends with the root value, its type and its width.
 *
 * Positions are checked as they are computed; a position that stands in a struct tfl_flex_map needs no further check.
 */
#include "runtime/flexbuffer.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum flex_type {
	FLEX_NULL = 0,
	FLEX_INT = 1,
	FLEX_UINT = 2,
	FLEX_FLOAT = 3,
	FLEX_INDIRECT_INT = 6,
	FLEX_INDIRECT_UINT = 7,
	FLEX_INDIRECT_FLOAT = 8,
	FLEX_MAP = 9,
	FLEX_BOOL = 26,
};

#define INDIRECT (FLEX_INDIRECT_INT - FLEX_INT) /* from a number's type to that of an offset to one */

/* A number as it stands in the buffer. */
struct number {
	enum flex_type type; /* INT, UINT, FLOAT or BOOL */
	int64_t integer;     /* INT, and the bits of UINT and BOOL */
	double real;         /* FLOAT */
};

/* Whether @size bytes lie at @position. */
static bool inside(const struct tfl_flex_map *map, size_t position, size_t size)
{
	return size <= map->size && position <= map->size - size;
}

/* @width is 1, 2, 4 or 8, and that many bytes lie at @position. */
static uint64_t read_unsigned(const struct tfl_flex_map *map, size_t position, unsigned width)
{
	uint64_t value = 0;

	memcpy(&value, map->data + position, width); /* little-endian, as flatbuffer.c asserts */
	return value;
}

static int64_t read_signed(const struct tfl_flex_map *map, size_t position, unsigned width)
{
	unsigned unused = 64 - 8 * width;

	return (int64_t)(read_unsigned(map, position, width) << unused) >> unused;
}

static int read_real(const struct tfl_flex_map *map, size_t position, unsigned width, double *ret_value)
{
	float value;

	if (width == sizeof(double)) {
		memcpy(ret_value, map->data + position, sizeof(*ret_value));
		return 0;
	}
	if (width != sizeof(float))
		return -EINVAL;
	memcpy(&value, map->data + position, sizeof(value));
	*ret_value = (double)value;
	return 0;
}

/* Follows the offset at @position backwards. */
static int follow(const struct tfl_flex_map *map, size_t position, unsigned width, size_t *ret_target)
{
	uint64_t offset = read_unsigned(map, position, width);

	if (offset > position)
		return -EINVAL;
	*ret_target = position - (size_t)offset;
	return 0;
}

static bool is_width(uint64_t width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

/* The vector of keys: its offset and its width stand in front of the number of values. */
static int open_keys(struct tfl_flex_map *map)
{
	size_t offset = map->values - 3u * map->value_width;
	uint64_t width = read_unsigned(map, offset + map->value_width, map->value_width);

	if (!is_width(width) || follow(map, offset, map->value_width, &map->keys) < 0)
		return -EINVAL;
	map->key_width = (uint8_t)width;
	if (map->count > map->size / width || !inside(map, map->keys, map->count * (size_t)width))
		return -EINVAL;
	return 0;
}

int tfl_flex_map_open(const void *data, size_t size, struct tfl_flex_map *ret_map)
{
	struct tfl_flex_map map = {.data = data, .size = size};
	uint64_t count;
	unsigned width;
	uint8_t type;

	if (size < 3)
		return -EINVAL;
	width = map.data[size - 1];
	type = map.data[size - 2];
	if (!is_width(width) || width > size - 2 || type >> 2 != FLEX_MAP)
		return -EINVAL;
	map.value_width = (uint8_t)(1u << (type & 3));
	if (follow(&map, size - 2 - width, width, &map.values) < 0 || map.values < 3u * map.value_width)
		return -EINVAL;
	count = read_unsigned(&map, map.values - map.value_width, map.value_width);
	if (count > size || !inside(&map, map.values, (size_t)count * (map.value_width + 1u)))
		return -EINVAL;
	map.count = (size_t)count;
	map.types = map.values + map.count * map.value_width;
	if (open_keys(&map) < 0)
		return -EINVAL;
	*ret_map = map;
	return 0;
}

/* Keys are sorted, but that is not relied upon: a file that has them in another order means nothing by it. */
static int find(const struct tfl_flex_map *map, const char *name, size_t *ret_index)
{
	size_t length = strlen(name) + 1, key;

	for (size_t i = 0; i < map->count; i++) {
		if (follow(map, map->keys + i * map->key_width, map->key_width, &key) < 0)
			return -EINVAL;
		if (inside(map, key, length) && memcmp(map->data + key, name, length) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	return 1;
}

static int read_number(const struct tfl_flex_map *map, const char *name, struct number *ret_number)
{
	unsigned width = map->value_width, type;
	size_t index, position;
	int r;

	r = find(map, name, &index);
	if (r != 0)
		return r;
	position = map->values + index * width;
	type = map->data[map->types + index] >> 2;
	if (type >= FLEX_INDIRECT_INT && type <= FLEX_INDIRECT_FLOAT) {
		r = follow(map, position, width, &position);
		width = 1u << (map->data[map->types + index] & 3);
		type -= INDIRECT;
	}
	if (r < 0 || !inside(map, position, width))
		return -EINVAL;
	ret_number->type = type;
	switch (type) {
	case FLEX_NULL:
		return 1;
	case FLEX_INT:
		ret_number->integer = read_signed(map, position, width);
		return 0;
	case FLEX_UINT:
	case FLEX_BOOL:
		ret_number->integer = (int64_t)read_unsigned(map, position, width);
		return 0;
	case FLEX_FLOAT:
		return read_real(map, position, width, &ret_number->real);
	default:
		return -EINVAL;
	}
}

int tfl_flex_int(const struct tfl_flex_map *map, const char *name, int64_t *ret_value)
{
	struct number number;
	int r;

	r = read_number(map, name, &number);
	if (r != 0)
		return r;
	if (number.type == FLEX_FLOAT) {
		if (!(number.real > -0x1p63 && number.real < 0x1p63))
			return -EINVAL;
		*ret_value = (int64_t)number.real;
		return 0;
	}
	if (number.type != FLEX_INT && number.integer < 0)
		return -EINVAL;
	*ret_value = number.integer;
	return 0;
}

int tfl_flex_real(const struct tfl_flex_map *map, const char *name, double *ret_value)
{
	struct number number;
	int r;

	r = read_number(map, name, &number);
	if (r != 0)
		return r;
	*ret_value = number.type == FLEX_FLOAT ? number.real
		     : number.type == FLEX_INT ? (double)number.integer
					       : (double)(uint64_t)number.integer;
	return 0;
}

int tfl_flex_bool(const struct tfl_flex_map *map, const char *name, bool *ret_value)
{
	struct number number;
	int r;

	r = read_number(map, name, &number);
	if (r == 0)
		*ret_value = number.type == FLEX_FLOAT ? number.real != 0 : number.integer != 0;
	return r;
}
