/* SPDX-License-Identifier: MIT */
/*
 * A tree is one block of memory: all values, then all bytes of strings and binary data. Two passes over the encoded bytes: the first counts
 * both, the second fills in. The children of an array or map stand next to each other (in a map key, value, key, value …), so a tree
 * of n values has exactly n of them and needs no pointers to free.
 *
 * The bytes come from the daemon and are not trusted: the envelope's validator has bounded their depth (which bounds the recursion here)
 * and their number (TFL_FRAME_VALUES_MAX, so the block has at most 16 MiB more than the frame).
 */
#include "client/value.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "client/outcome.h"
#include "proto/reader.h"

struct tfl_value {
	uint32_t kind;
	uint32_t size; /* entries, or bytes */
	union {
		bool boolean;
		int64_t integer;
		uint64_t natural;
		double real;
		const char *bytes; /* strings end in NUL */
		const struct tfl_value *children;
	};
};

struct plan {
	size_t values, bytes;
};

struct builder {
	struct tfl_value *free_value;
	char *free_byte;
};

static int measure(struct tfl_reader *reader, struct plan *plan, struct tfl_error *error);

static int measure_children(struct tfl_reader *reader, uint32_t count, struct plan *plan, struct tfl_error *error)
{
	int r = 0;

	for (uint32_t i = 0; i < count && r == 0; i++)
		r = measure(reader, plan, error);
	return r;
}

static int measure(struct tfl_reader *reader, struct plan *plan, struct tfl_error *error)
{
	struct tfl_slice skipped;
	uint32_t count;
	int r;

	plan->values++;
	switch (tfl_reader_peek(reader)) {
	case TFL_KIND_ARRAY:
		r = tfl_reader_array(reader, "an array", UINT32_MAX, &count, error);
		return r < 0 ? r : measure_children(reader, count, plan, error);
	case TFL_KIND_MAP:
		r = tfl_reader_map(reader, "a map", UINT32_MAX / 2, &count, error);
		return r < 0 ? r : measure_children(reader, 2 * count, plan, error);
	default:
		r = tfl_reader_skip(reader, "a value", &skipped, error);
		plan->bytes += r < 0 ? 0 : skipped.size; /* its header makes room for the NUL of a string */
		return r;
	}
}

static int build(struct tfl_reader *reader, struct builder *builder, struct tfl_value *value, struct tfl_error *error);

static int build_children(struct tfl_reader *reader, struct builder *builder, struct tfl_value *parent, uint32_t count,
			  struct tfl_error *error)
{
	struct tfl_value *children = builder->free_value;
	int r = 0;

	builder->free_value += count;
	parent->children = children;
	for (uint32_t i = 0; i < count && r == 0; i++)
		r = build(reader, builder, &children[i], error);
	return r;
}

static void keep_bytes(struct builder *builder, struct tfl_value *value, enum tfl_value_kind kind, const void *bytes, size_t size)
{
	value->kind = kind;
	value->size = (uint32_t)size; /* a frame is shorter than 4 GiB */
	value->bytes = builder->free_byte;
	if (size)
		memcpy(builder->free_byte, bytes, size);
	builder->free_byte[size] = '\0';
	builder->free_byte += size + 1;
}

static int build_integer(struct tfl_reader *reader, struct tfl_value *value, struct tfl_error *error)
{
	if (tfl_reader_int64(reader, "an integer", &value->integer, NULL) == 0) {
		value->kind = TFL_VALUE_INT;
		return 0;
	}
	value->kind = TFL_VALUE_UINT;
	return tfl_reader_uint64(reader, "an integer", &value->natural, error);
}

static int build(struct tfl_reader *reader, struct builder *builder, struct tfl_value *value, struct tfl_error *error)
{
	struct tfl_string string;
	struct tfl_slice binary;
	int r;

	switch (tfl_reader_peek(reader)) {
	case TFL_KIND_NIL:
		tfl_reader_nil(reader);
		return 0; /* memory was zeroed */
	case TFL_KIND_BOOL:
		value->kind = TFL_VALUE_BOOL;
		return tfl_reader_bool(reader, "a boolean", &value->boolean, error);
	case TFL_KIND_INTEGER:
		return build_integer(reader, value, error);
	case TFL_KIND_FLOAT:
		value->kind = TFL_VALUE_DOUBLE;
		return tfl_reader_double(reader, "a number", &value->real, error);
	case TFL_KIND_STRING:
		r = tfl_reader_string(reader, "a string", TFL_FRAME_MAX, &string, error);
		if (r == 0)
			keep_bytes(builder, value, TFL_VALUE_STRING, string.text, string.length);
		return r;
	case TFL_KIND_BINARY:
		r = tfl_reader_binary(reader, "binary data", &binary, error);
		if (r == 0)
			keep_bytes(builder, value, TFL_VALUE_BINARY, binary.data, binary.size);
		return r;
	case TFL_KIND_ARRAY:
		value->kind = TFL_VALUE_ARRAY;
		r = tfl_reader_array(reader, "an array", UINT32_MAX, &value->size, error);
		return r < 0 ? r : build_children(reader, builder, value, value->size, error);
	default:
		value->kind = TFL_VALUE_MAP;
		r = tfl_reader_map(reader, "a map", UINT32_MAX / 2, &value->size, error);
		return r < 0 ? r : build_children(reader, builder, value, 2 * value->size, error);
	}
}

int tfl_value_decode(struct tfl_slice encoded, struct tfl_value **ret_root, struct tfl_call_error *error)
{
	struct tfl_reader reader = tfl_reader_of(encoded);
	struct builder builder;
	struct tfl_error reason;
	struct tfl_value *root;
	struct plan plan = {0};
	int r;

	r = measure(&reader, &plan, &reason);
	if (r < 0)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon's answer cannot be read: %s", reason.text);
	root = calloc(1, plan.values * sizeof(*root) + plan.bytes);
	if (!root)
		return tfl_call_no_memory(error);
	builder = (struct builder){.free_value = root + 1, .free_byte = (char *)(root + plan.values)};
	reader = tfl_reader_of(encoded);
	r = build(&reader, &builder, root, &reason);
	if (r < 0) {
		free(root);
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon's answer cannot be read: %s", reason.text);
	}
	assert(builder.free_value == root + plan.values && builder.free_byte <= (char *)(root + plan.values) + plan.bytes);
	*ret_root = root;
	return 0;
}

void tfl_value_destroy(struct tfl_value *root)
{
	tfl_freep(&root);
}

enum tfl_value_kind tfl_value_kind_of(const struct tfl_value *value)
{
	return value ? (enum tfl_value_kind)value->kind : TFL_VALUE_NIL;
}

static bool is(const struct tfl_value *value, enum tfl_value_kind kind)
{
	return value && value->kind == kind;
}

size_t tfl_value_size(const struct tfl_value *value)
{
	return value ? value->size : 0;
}

const struct tfl_value *tfl_value_get(const struct tfl_value *map, const char *key)
{
	for (uint32_t i = 0; is(map, TFL_VALUE_MAP) && i < map->size; i++) {
		if (strcmp(tfl_value_key_at(map, i), key) == 0)
			return &map->children[2 * i + 1];
	}
	return NULL;
}

const struct tfl_value *tfl_value_at(const struct tfl_value *value, size_t index)
{
	if (is(value, TFL_VALUE_ARRAY) && index < value->size)
		return &value->children[index];
	if (is(value, TFL_VALUE_MAP) && index < value->size)
		return &value->children[2 * index + 1];
	return NULL;
}

const char *tfl_value_key_at(const struct tfl_value *map, size_t index)
{
	return is(map, TFL_VALUE_MAP) && index < map->size ? tfl_value_string(&map->children[2 * index], "") : NULL;
}

const char *tfl_value_string(const struct tfl_value *value, const char *fallback)
{
	return is(value, TFL_VALUE_STRING) ? value->bytes : fallback;
}

const void *tfl_value_binary(const struct tfl_value *value)
{
	return is(value, TFL_VALUE_BINARY) ? value->bytes : NULL;
}

int64_t tfl_value_int(const struct tfl_value *value, int64_t fallback)
{
	return is(value, TFL_VALUE_INT) ? value->integer : fallback;
}

uint64_t tfl_value_uint(const struct tfl_value *value, uint64_t fallback)
{
	if (is(value, TFL_VALUE_UINT))
		return value->natural;
	return is(value, TFL_VALUE_INT) && value->integer >= 0 ? (uint64_t)value->integer : fallback;
}

double tfl_value_double(const struct tfl_value *value, double fallback)
{
	if (is(value, TFL_VALUE_DOUBLE))
		return value->real;
	if (is(value, TFL_VALUE_UINT))
		return (double)value->natural;
	return is(value, TFL_VALUE_INT) ? (double)value->integer : fallback;
}

bool tfl_value_bool(const struct tfl_value *value, bool fallback)
{
	return is(value, TFL_VALUE_BOOL) ? value->boolean : fallback;
}
