/* SPDX-License-Identifier: MIT */
/*
 * A FlatBuffer is a heap of tables that refer to each other by offsets. Here every step from one to the next is taken with 64-bit
 * arithmetic and checked against the buffer before a byte behind it is read, so a hostile file can lead in circles, but never outside.
 *
 * A table that was handed out has its vtable and its inline part inside the buffer. A field whose slot points past the inline part counts
 * as absent: what a broken writer left there is the same as nothing. Sharing is legal (two offsets may lead to one table), so whoever
 * walks a buffer bounds the work himself (see decode.h).
 *
 * Values are read by memcpy: the buffer is little-endian, and so is every machine this runs on.
 */
#include "runtime/flatbuffer.h"

#include <errno.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "model files are little-endian and read in place");

#define OFFSET_SIZE 4u        /* of an offset, and of the count before a vector */
#define VTABLE_HEADER_SIZE 4u /* its own size and the size of the table's inline part */
#define IDENTIFIER_SIZE 4u

static uint16_t read_u16(const struct tfl_fb_buffer *buffer, uint64_t position)
{
	uint16_t value;

	memcpy(&value, buffer->data + position, sizeof(value));
	return value;
}

static uint32_t read_u32(const struct tfl_fb_buffer *buffer, uint64_t position)
{
	uint32_t value;

	memcpy(&value, buffer->data + position, sizeof(value));
	return value;
}

/* Whether @size bytes lie at @position. */
static bool inside(const struct tfl_fb_buffer *buffer, uint64_t position, uint64_t size)
{
	return size <= buffer->size && position <= buffer->size - size;
}

static int table_at(const struct tfl_fb_buffer *buffer, uint64_t position, struct tfl_fb_table *ret_table)
{
	uint16_t vtable_size, inline_size;
	int64_t vtable;

	if (position % OFFSET_SIZE != 0 || !inside(buffer, position, OFFSET_SIZE))
		return -EINVAL;
	vtable = (int64_t)position - (int32_t)read_u32(buffer, position);
	if (vtable < 0 || vtable % 2 != 0 || !inside(buffer, (uint64_t)vtable, VTABLE_HEADER_SIZE))
		return -EINVAL;
	vtable_size = read_u16(buffer, (uint64_t)vtable);
	inline_size = read_u16(buffer, (uint64_t)vtable + 2);
	if (vtable_size < VTABLE_HEADER_SIZE || vtable_size % 2 != 0 || !inside(buffer, (uint64_t)vtable, vtable_size))
		return -EINVAL;
	if (inline_size < OFFSET_SIZE || !inside(buffer, position, inline_size))
		return -EINVAL;
	*ret_table = (struct tfl_fb_table){
		.buffer = buffer,
		.position = (uint32_t)position,
		.vtable = (uint32_t)vtable,
		.vtable_size = vtable_size,
		.inline_size = inline_size,
	};
	return 0;
}

/* Follows the offset that stands at @position. Zero would lead to itself, which nothing legal does. */
static int follow(const struct tfl_fb_buffer *buffer, uint64_t position, uint64_t *ret_target)
{
	uint32_t offset = read_u32(buffer, position);

	if (offset == 0 || !inside(buffer, position + offset, OFFSET_SIZE))
		return -EINVAL;
	*ret_target = position + offset;
	return 0;
}

int tfl_fb_root(const struct tfl_fb_buffer *buffer, const char *identifier, struct tfl_fb_table *ret_table)
{
	uint64_t position;
	int r;

	if (!inside(buffer, 0, OFFSET_SIZE + IDENTIFIER_SIZE))
		return -EINVAL;
	if (identifier && memcmp(buffer->data + OFFSET_SIZE, identifier, IDENTIFIER_SIZE) != 0)
		return -EINVAL;
	r = follow(buffer, 0, &position);
	if (r < 0)
		return r;
	return table_at(buffer, position, ret_table);
}

/* Offset of a field of @size bytes from the table's start, or 0 when it is absent. */
static uint32_t field_offset(const struct tfl_fb_table *table, unsigned field, uint32_t size)
{
	uint64_t slot = VTABLE_HEADER_SIZE + 2 * (uint64_t)field;
	uint32_t offset;

	if (slot + 2 > table->vtable_size)
		return 0;
	offset = read_u16(table->buffer, table->vtable + slot);
	if (offset < OFFSET_SIZE || offset + size > table->inline_size)
		return 0;
	return offset;
}

/* Copies a scalar, or leaves *value, which holds the default. */
static void read_scalar(const struct tfl_fb_table *table, unsigned field, void *value, uint32_t size)
{
	uint32_t offset = field_offset(table, field, size);

	if (offset > 0)
		memcpy(value, table->buffer->data + table->position + offset, size);
}

bool tfl_fb_has(const struct tfl_fb_table *table, unsigned field)
{
	return field_offset(table, field, 1) > 0;
}

int8_t tfl_fb_i8(const struct tfl_fb_table *table, unsigned field, int8_t fallback)
{
	read_scalar(table, field, &fallback, sizeof(fallback));
	return fallback;
}

uint8_t tfl_fb_u8(const struct tfl_fb_table *table, unsigned field, uint8_t fallback)
{
	read_scalar(table, field, &fallback, sizeof(fallback));
	return fallback;
}

int32_t tfl_fb_i32(const struct tfl_fb_table *table, unsigned field, int32_t fallback)
{
	read_scalar(table, field, &fallback, sizeof(fallback));
	return fallback;
}

uint32_t tfl_fb_u32(const struct tfl_fb_table *table, unsigned field, uint32_t fallback)
{
	read_scalar(table, field, &fallback, sizeof(fallback));
	return fallback;
}

int64_t tfl_fb_i64(const struct tfl_fb_table *table, unsigned field, int64_t fallback)
{
	read_scalar(table, field, &fallback, sizeof(fallback));
	return fallback;
}

uint64_t tfl_fb_u64(const struct tfl_fb_table *table, unsigned field, uint64_t fallback)
{
	read_scalar(table, field, &fallback, sizeof(fallback));
	return fallback;
}

float tfl_fb_f32(const struct tfl_fb_table *table, unsigned field, float fallback)
{
	read_scalar(table, field, &fallback, sizeof(fallback));
	return fallback;
}

bool tfl_fb_bool(const struct tfl_fb_table *table, unsigned field, bool fallback)
{
	return tfl_fb_u8(table, field, fallback) != 0;
}

/* Where the offset in @field leads: 0, 1 when it is absent, or -EINVAL. */
static int follow_field(const struct tfl_fb_table *table, unsigned field, uint64_t *ret_target)
{
	uint32_t offset = field_offset(table, field, OFFSET_SIZE);

	if (offset == 0)
		return 1;
	return follow(table->buffer, (uint64_t)table->position + offset, ret_target);
}

int tfl_fb_table(const struct tfl_fb_table *table, unsigned field, struct tfl_fb_table *ret_table)
{
	uint64_t target;
	int r;

	r = follow_field(table, field, &target);
	if (r < 0)
		return r;
	if (r == 1) {
		*ret_table = (struct tfl_fb_table){};
		return 1;
	}
	return table_at(table->buffer, target, ret_table);
}

static int string_at(const struct tfl_fb_buffer *buffer, uint64_t position, const char **ret_string, uint32_t *ret_length)
{
	uint32_t length = read_u32(buffer, position);

	if (!inside(buffer, position + OFFSET_SIZE, (uint64_t)length + 1) || buffer->data[position + OFFSET_SIZE + length] != '\0')
		return -EINVAL;
	*ret_string = (const char *)buffer->data + position + OFFSET_SIZE;
	*ret_length = length;
	return 0;
}

int tfl_fb_string(const struct tfl_fb_table *table, unsigned field, const char **ret_string, uint32_t *ret_length)
{
	uint64_t target;
	int r;

	r = follow_field(table, field, &target);
	if (r < 0)
		return r;
	if (r == 1) {
		*ret_string = "";
		*ret_length = 0;
		return 1;
	}
	return string_at(table->buffer, target, ret_string, ret_length);
}

int tfl_fb_vector_unaligned(const struct tfl_fb_table *table, unsigned field, unsigned element_size, struct tfl_fb_vector *ret_vector)
{
	uint64_t target;
	uint32_t count;
	int r;

	r = follow_field(table, field, &target);
	if (r < 0)
		return r;
	if (r == 1) {
		*ret_vector = (struct tfl_fb_vector){};
		return 1;
	}
	count = read_u32(table->buffer, target);
	if (!inside(table->buffer, target + OFFSET_SIZE, (uint64_t)count * element_size))
		return -EINVAL;
	*ret_vector = (struct tfl_fb_vector){
		.buffer = table->buffer,
		.data = table->buffer->data + target + OFFSET_SIZE,
		.position = (uint32_t)(target + OFFSET_SIZE),
		.count = count,
	};
	return 0;
}

int tfl_fb_vector(const struct tfl_fb_table *table, unsigned field, unsigned element_size, struct tfl_fb_vector *ret_vector)
{
	struct tfl_fb_vector vector;
	int r;

	r = tfl_fb_vector_unaligned(table, field, element_size, &vector);
	if (r < 0)
		return r;
	if ((uintptr_t)vector.data % element_size != 0)
		return -EINVAL;
	*ret_vector = vector;
	return r;
}

/* Where element @index of a vector of offsets leads. */
static int follow_element(const struct tfl_fb_vector *vector, uint32_t index, uint64_t *ret_target)
{
	if (index >= vector->count)
		return -EINVAL;
	return follow(vector->buffer, vector->position + (uint64_t)index * OFFSET_SIZE, ret_target);
}

int tfl_fb_vector_table(const struct tfl_fb_vector *vector, uint32_t index, struct tfl_fb_table *ret_table)
{
	uint64_t target;
	int r;

	r = follow_element(vector, index, &target);
	if (r < 0)
		return r;
	return table_at(vector->buffer, target, ret_table);
}

int tfl_fb_vector_string(const struct tfl_fb_vector *vector, uint32_t index, const char **ret_string, uint32_t *ret_length)
{
	uint64_t target;
	int r;

	r = follow_element(vector, index, &target);
	if (r < 0)
		return r;
	return string_at(vector->buffer, target, ret_string, ret_length);
}
