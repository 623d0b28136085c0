/* SPDX-License-Identifier: MIT */
/*
 * The buffer is filled downwards. "used" counts from its end, and the end of a finished buffer has the largest alignment that was asked
 * for, so a position is aligned when "used" is. A table is written fields first, widest first, then its offset to the vtable, then the
 * vtable itself, which thus stands before it. Vtables are not shared between tables: files come out a few bytes larger, and simpler.
 */
#include "tests/builder/fbwriter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "scalars are copied as they are in memory");

/* Makes room for size bytes and pads so that they will start at a multiple of alignment. Returns their place, NULL after an error. */
static uint8_t *fbw_reserve(struct tfl_fbw *w, size_t size, size_t alignment)
{
	size_t pad = tfl_align_up(w->used + size, alignment) - (w->used + size), need = w->used + size + pad;

	if (w->error)
		return NULL;
	if (!need) /* an empty vector at the very end: no memory yet, and none needed */
		return NULL;
	if (need > INT32_MAX) {
		w->error = -EFBIG;
		return NULL;
	}
	if (need > w->capacity) {
		size_t capacity = tfl_align_up(need * 2, 64);
		uint8_t *data = malloc(capacity);

		if (!data) {
			w->error = -ENOMEM;
			return NULL;
		}
		if (w->used)
			memcpy(data + capacity - w->used, w->data + w->capacity - w->used, w->used);
		free(w->data);
		w->data = data;
		w->capacity = capacity;
	}
	memset(w->data + w->capacity - w->used - pad, 0, pad);
	w->used = need;
	if (alignment > w->alignment)
		w->alignment = alignment;
	return w->data + w->capacity - w->used;
}

static void fbw_put(struct tfl_fbw *w, const void *bytes, size_t size, size_t alignment)
{
	uint8_t *place = fbw_reserve(w, size, alignment);

	if (place && size)
		memcpy(place, bytes, size);
}

/* An offset counts from where it is stored, which is known only once its place is reserved. */
static void fbw_put_ref(struct tfl_fbw *w, uint32_t ref)
{
	uint8_t *place = fbw_reserve(w, 4, 4);
	uint32_t offset = (uint32_t)w->used - ref;

	if (place)
		memcpy(place, &offset, 4);
}

uint32_t tfl_fbw_vector(struct tfl_fbw *w, const void *elements, size_t count, unsigned width, unsigned alignment)
{
	uint32_t length = (uint32_t)count;

	if (count > INT32_MAX / width) {
		w->error = w->error ? w->error : -EFBIG;
		return 0;
	}
	fbw_put(w, elements, count * width, alignment > 4 ? alignment : 4);
	fbw_put(w, &length, 4, 4);
	return (uint32_t)w->used;
}

uint32_t tfl_fbw_string(struct tfl_fbw *w, const char *string)
{
	uint32_t length;

	if (!string)
		return 0;
	length = (uint32_t)strlen(string);
	fbw_put(w, string, length + 1, 4);
	fbw_put(w, &length, 4, 4);
	return (uint32_t)w->used;
}

uint32_t tfl_fbw_refs(struct tfl_fbw *w, const uint32_t *refs, size_t count)
{
	uint32_t length = (uint32_t)count;

	fbw_reserve(w, 0, 4);
	for (size_t i = count; i-- > 0;)
		fbw_put_ref(w, refs[i]);
	fbw_put(w, &length, 4, 4);
	return (uint32_t)w->used;
}

static void fbw_put_vtable(struct tfl_fbw *w, const uint32_t *positions, unsigned slots, size_t table, size_t before)
{
	uint16_t vtable[2 + TFL_FBW_SLOTS_MAX] = {0};
	int32_t back;

	vtable[0] = (uint16_t)((slots + 2) * sizeof(vtable[0]));
	vtable[1] = (uint16_t)(table - before);
	for (unsigned i = 0; i < slots; i++) {
		if (positions[i])
			vtable[2 + i] = (uint16_t)(table - positions[i]);
	}
	fbw_put(w, vtable, vtable[0], 2);
	back = (int32_t)(w->used - table);
	if (!w->error)
		memcpy(w->data + w->capacity - table, &back, sizeof(back));
}

uint32_t tfl_fbw_table(struct tfl_fbw *w, const struct tfl_fbw_field *fields, size_t count)
{
	uint32_t positions[TFL_FBW_SLOTS_MAX] = {0};
	size_t before = w->used, table;
	unsigned slots = 0;

	for (unsigned width = 8; width; width /= 2) {
		for (size_t i = 0; i < count; i++) {
			const struct tfl_fbw_field *field = &fields[i];

			if ((field->width ? field->width : 4) != width || (!field->width && !field->bits))
				continue;
			if (field->width)
				fbw_put(w, &field->bits, width, width);
			else
				fbw_put_ref(w, (uint32_t)field->bits);
			positions[field->slot] = (uint32_t)w->used;
			if (field->slot >= slots)
				slots = field->slot + 1u;
		}
	}
	fbw_put(w, &(int32_t){0}, 4, 4);
	table = w->used;
	fbw_put_vtable(w, positions, slots, table, before);
	return (uint32_t)table;
}

int tfl_fbw_end(struct tfl_fbw *w, uint32_t root, const char *identifier, uint8_t **ret_data, size_t *ret_size)
{
	struct tfl_fbw done;
	int r;

	fbw_reserve(w, 8, w->alignment > 4 ? w->alignment : 4);
	if (!w->error) {
		uint8_t *start = w->data + w->capacity - w->used;
		uint32_t offset = (uint32_t)w->used - root;

		memcpy(start, &offset, 4);
		memcpy(start + 4, identifier, 4);
		memmove(w->data, start, w->used);
	}
	done = *w;
	r = done.error;
	*w = (struct tfl_fbw){0};
	if (r < 0) {
		free(done.data);
		return r;
	}
	*ret_data = done.data;
	*ret_size = done.used;
	return 0;
}
