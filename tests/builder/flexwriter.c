/* SPDX-License-Identifier: MIT */
/*
 * From the start to the end: names, offsets to them, what is indirect, the map, the root. All offsets lead backwards.
 */
#include "tests/builder/flexwriter.h"

#include <stdbool.h>
#include <string.h>

#define ENTRIES_MAX 32
#define TYPE_MAP 9
#define INDIRECT 5 /* between a kind and that of an offset to it */

struct writer {
	uint8_t *data;
	size_t used, capacity;
	bool failed;
};

static void put(struct writer *writer, const void *bytes, size_t count)
{
	writer->failed |= writer->capacity - writer->used < count;
	if (writer->failed)
		return;
	memcpy(writer->data + writer->used, bytes, count);
	writer->used += count;
}

static void put_integer(struct writer *writer, uint64_t value, unsigned width)
{
	put(writer, &value, width);
}

static void put_offset(struct writer *writer, size_t target, unsigned width)
{
	uint64_t offset = writer->used - target;

	writer->failed |= width < 8 && offset >> 8 * width != 0;
	put_integer(writer, offset, width);
}

static unsigned log2_of(unsigned width)
{
	return width == 8 ? 3 : width / 2;
}

static void put_number(struct writer *writer, const struct tfl_flexw_entry *entry, enum tfl_flexw_kind kind, unsigned width)
{
	float single = (float)entry->real;

	if (kind != TFL_FLEXW_REAL)
		put_integer(writer, (uint64_t)entry->integer, width);
	else if (width == 4)
		put(writer, &single, sizeof(single));
	else
		put(writer, &entry->real, sizeof(entry->real));
}

static bool is_indirect(enum tfl_flexw_kind kind)
{
	return kind >= TFL_FLEXW_INDIRECT_INT && kind <= TFL_FLEXW_INDIRECT_REAL;
}

static void sort(const struct tfl_flexw_entry *entries, unsigned count, const struct tfl_flexw_entry **ret_sorted)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = i;

		for (; at > 0 && strcmp(ret_sorted[at - 1]->name, entries[i].name) > 0; at--)
			ret_sorted[at] = ret_sorted[at - 1];
		ret_sorted[at] = &entries[i];
	}
}

size_t tfl_flexw_map(const struct tfl_flexw_entry *entries, unsigned count, unsigned width, unsigned key_width, uint8_t *ret_data,
		     size_t capacity)
{
	struct writer writer = {.data = ret_data, .capacity = capacity};
	const struct tfl_flexw_entry *sorted[ENTRIES_MAX];
	size_t names[ENTRIES_MAX], numbers[ENTRIES_MAX], keys, map;

	if (count > ENTRIES_MAX)
		return 0;
	sort(entries, count, sorted);
	for (unsigned i = 0; i < count; i++) {
		names[i] = writer.used;
		put(&writer, sorted[i]->name, strlen(sorted[i]->name) + 1);
	}
	put_integer(&writer, count, key_width);
	keys = writer.used;
	for (unsigned i = 0; i < count; i++)
		put_offset(&writer, names[i], key_width);
	for (unsigned i = 0; i < count; i++) {
		numbers[i] = writer.used;
		if (is_indirect(sorted[i]->kind))
			put_number(&writer, sorted[i], sorted[i]->kind - INDIRECT, width);
	}
	put_offset(&writer, keys, width);
	put_integer(&writer, key_width, width);
	put_integer(&writer, count, width);
	map = writer.used;
	for (unsigned i = 0; i < count; i++) {
		if (is_indirect(sorted[i]->kind))
			put_offset(&writer, numbers[i], width);
		else
			put_number(&writer, sorted[i], sorted[i]->kind, width);
	}
	for (unsigned i = 0; i < count; i++)
		put_integer(&writer, (unsigned)sorted[i]->kind << 2 | log2_of(width), 1);
	put_offset(&writer, map, width);
	put_integer(&writer, TYPE_MAP << 2 | log2_of(width), 1);
	put_integer(&writer, width, 1);
	return writer.failed ? 0 : writer.used;
}
