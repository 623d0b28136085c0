/* SPDX-License-Identifier: MIT */
/*
 * Verified from the outside to the inside: how many positions a level is entered at follows from the level around it, and says how long its
 * lists must be. Nothing is multiplied that does not end in a list, or in the content itself, of that length.
 */
#include "runtime/sparse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/flatbuffer.h"
#include "runtime/model.h"

enum { TRAVERSAL_ORDER, BLOCK_MAP, DIM_METADATA };
enum { FORMAT, DENSE_SIZE, SEGMENTS_TYPE, SEGMENTS, INDICES_TYPE, INDICES };
enum { FORMAT_DENSE, FORMAT_COMPRESSED };

static uint32_t at(const struct tfl_sparse_list *list, uint32_t index)
{
	const uint8_t *data = list->data + (size_t)index * list->size;
	uint32_t word;
	uint16_t half;

	switch (list->size) {
	case 1:
		return *data;
	case 2:
		memcpy(&half, data, sizeof(half));
		return half;
	default:
		memcpy(&word, data, sizeof(word));
		return word;
	}
}

/* "its sparsity: " before the text; returns -EINVAL. */
static int invalid(struct tfl_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int invalid(struct tfl_error *error, const char *format, ...)
{
	char text[TFL_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return tfl_error_set(error, -EINVAL, "its sparsity: %s", text);
}

static int read_list(const struct tfl_fb_table *table, unsigned field, unsigned size, const char *what, struct tfl_sparse_list *ret_list,
		     struct tfl_error *error)
{
	struct tfl_fb_vector vector;

	if (tfl_fb_vector_unaligned(table, field, size, &vector) < 0)
		return invalid(error, "%s lead out of the file", what);
	*ret_list = (struct tfl_sparse_list){vector.data, vector.count, size};
	return 0;
}

/* A list behind a union of three vector types. */
static int read_union(const struct tfl_fb_table *metadata, unsigned field, const char *what, struct tfl_sparse_list *ret_list,
		      struct tfl_error *error)
{
	static const unsigned sizes[] = {0, sizeof(int32_t), sizeof(uint16_t), sizeof(uint8_t)};
	unsigned type = tfl_fb_u8(metadata, field, 0);
	struct tfl_fb_table table;

	if (type == 0 || type >= TFL_ARRAY_SIZE(sizes))
		return invalid(error, "%s have the type %u; 1 to 3 are known", what, type);
	if (tfl_fb_table(metadata, field + 1, &table) != 0)
		return invalid(error, "%s are missing, or lead out of the file", what);
	return read_list(&table, 0, sizes[type], what, ret_list, error);
}

static int read_level(struct tfl_sparse_level *level, const struct tfl_fb_vector *metadata, uint32_t index, struct tfl_error *error)
{
	struct tfl_fb_table table;
	int format, size, r;

	if (tfl_fb_vector_table(metadata, index, &table) < 0)
		return invalid(error, "dim_metadata leads out of the file");
	format = tfl_fb_i8(&table, FORMAT, FORMAT_DENSE);
	if (format == FORMAT_DENSE) {
		size = tfl_fb_i32(&table, DENSE_SIZE, 0);
		if (size < 1)
			return invalid(error, "level %u has a size of %d; at least 1 is right", index, size);
		level->size = (uint32_t)size;
		return 0;
	}
	if (format != FORMAT_COMPRESSED)
		return invalid(error, "level %u has the format %d; 0 and 1 are known", index, format);
	r = read_union(&table, SEGMENTS_TYPE, "segments", &level->segments, error);
	return r < 0 ? r : read_union(&table, INDICES_TYPE, "indices", &level->indices, error);
}

/* Which dimension each level is: each once, the blocks innermost. */
static int read_order(struct tfl_sparse *sparse, const struct tfl_sparse_list *order, struct tfl_error *error)
{
	uint32_t rank = sparse->tensor->rank, seen = 0;

	for (uint32_t i = 0; i < sparse->level_count; i++) {
		uint32_t dimension = at(order, i);

		if (dimension >= sparse->level_count || (seen & 1u << dimension) || (dimension < rank) != (i < rank))
			return invalid(error, "traversal_order has %u at %u; each dimension once, and then each block, is right",
				       dimension, i);
		seen |= 1u << dimension;
		sparse->levels[i].dimension = dimension;
	}
	return 0;
}

/*
 * Sizes and strides: a dimension of the tensor counts its blocks, where it has any, and a block's level the places in it. A dense level has
 * told its size already.
 */
static int measure(struct tfl_sparse *sparse, const struct tfl_sparse_list *block_map, struct tfl_error *error)
{
	const struct tfl_tensor *tensor = sparse->tensor;
	size_t strides[TFL_RANK_MAX], stride = 1;
	uint32_t rank = tensor->rank, blocks[TFL_RANK_MAX] = {0};

	for (uint32_t d = rank; d-- > 0; stride *= (size_t)tensor->dims[d])
		strides[d] = stride;
	for (uint32_t i = rank; i < sparse->level_count; i++) {
		struct tfl_sparse_level *level = &sparse->levels[i];
		uint32_t dimension = at(block_map, level->dimension - rank);

		if (dimension >= rank || blocks[dimension] || level->size == 0 || (uint32_t)tensor->dims[dimension] % level->size)
			return invalid(error, "block %u (of dimension %u, size %u) does not fit the shape, or is not dense",
				       level->dimension - rank, dimension, level->size);
		blocks[dimension] = level->size;
		level->stride = strides[dimension];
	}
	for (uint32_t i = 0; i < rank; i++) {
		struct tfl_sparse_level *level = &sparse->levels[i];
		uint32_t block = blocks[level->dimension] ? blocks[level->dimension] : 1;
		uint32_t size = (uint32_t)tensor->dims[level->dimension] / block;

		if (level->size != 0 && level->size != size)
			return invalid(error, "level %u has a size of %u; %u would be right", i, level->size, size);
		level->size = size;
		level->stride = strides[level->dimension] * block;
	}
	return 0;
}

/* A level that lists its positions, entered at @p entries places. */
static int check_lists(const struct tfl_sparse_level *level, uint32_t number, uint64_t entries, struct tfl_error *error)
{
	uint32_t end, position = 0;

	if (level->segments.count != entries + 1)
		return invalid(error, "level %u has %u segments; %llu would be right", number, level->segments.count,
			       (unsigned long long)entries + 1);
	for (uint32_t i = 0; i < entries; i++) {
		end = at(&level->segments, i + 1);
		if (at(&level->segments, i) != position || end < position || end > level->indices.count)
			return invalid(error, "segment %u of level %u does not start at %u and end within %u indices", i,
				       number, position, level->indices.count);
		for (uint32_t first = position; position < end; position++)
			if (at(&level->indices, position) >= level->size ||
			    (position > first && at(&level->indices, position) <= at(&level->indices, position - 1)))
				return invalid(error, "index %u of level %u is %u, not above the one before, or not below %u",
					       position, number, at(&level->indices, position), level->size);
	}
	if (position != level->indices.count)
		return invalid(error, "level %u has %u indices, but its segments %u", number, level->indices.count, position);
	return 0;
}

static int check_levels(struct tfl_sparse *sparse, struct tfl_error *error)
{
	size_t size = tfl_dtype_size(sparse->tensor->dtype);
	uint64_t entries = 1;
	int r;

	for (uint32_t i = 0; i < sparse->level_count; i++) {
		const struct tfl_sparse_level *level = &sparse->levels[i];

		if (level->segments.size == 0) {
			/* Neither factor is beyond 32 bits: what is entered that often has had a list, or content is missing for it. */
			entries *= level->size;
			if (entries > UINT32_MAX)
				return invalid(error, "more places than there is content");
			continue;
		}
		r = check_lists(level, i, entries, error);
		if (r < 0)
			return r;
		sparse->work += entries + level->indices.count;
		entries = level->indices.count;
	}
	if (sparse->tensor->data_size % size || sparse->tensor->data_size / size != entries)
		return invalid(error, "it is that of %llu elements, but there are %zu bytes of content",
			       (unsigned long long)entries, sparse->tensor->data_size);
	sparse->work += entries;
	return 0;
}

int tfl_sparse_init(struct tfl_sparse *sparse, const struct tfl_tensor *tensor, struct tfl_error *error)
{
	struct tfl_sparse_list order = {0}, block_map = {0};
	struct tfl_fb_vector metadata = {0};
	int r;

	*sparse = (struct tfl_sparse){.tensor = tensor};
	if (!tensor->data)
		return tfl_error_set(error, -EOPNOTSUPP, "it is stored sparse, but no constant");
	if (tfl_dtype_size(tensor->dtype) == 0)
		return tfl_error_set(error, -EOPNOTSUPP, "it is stored sparse and of type %s", tfl_dtype_to_string(tensor->dtype));
	r = read_list(&tensor->sparsity, TRAVERSAL_ORDER, sizeof(int32_t), "traversal_order", &order, error);
	if (r == 0)
		r = read_list(&tensor->sparsity, BLOCK_MAP, sizeof(int32_t), "block_map", &block_map, error);
	if (r == 0 && tfl_fb_vector_unaligned(&tensor->sparsity, DIM_METADATA, sizeof(uint32_t), &metadata) < 0)
		r = invalid(error, "dim_metadata leads out of the file");
	if (r < 0)
		return r;
	if (block_map.count > tensor->rank || order.count != tensor->rank + block_map.count || metadata.count != order.count)
		return invalid(error, "%u dimensions, %u blocks, %u in traversal_order, %u in dim_metadata", tensor->rank,
			       block_map.count, order.count, metadata.count);
	sparse->level_count = order.count;
	for (uint32_t i = 0; r == 0 && i < order.count; i++)
		r = read_level(&sparse->levels[i], &metadata, i, error);
	if (r == 0)
		r = read_order(sparse, &order, error);
	if (r == 0)
		r = measure(sparse, &block_map, error);
	return r < 0 ? r : check_levels(sparse, error);
}

struct expansion {
	const struct tfl_sparse *sparse;
	const uint8_t *from;
	uint8_t *to;
	size_t size; /* of an element */
};

static void expand(struct expansion *expansion, uint32_t number, uint64_t entry, size_t offset)
{
	const struct tfl_sparse_level *level = &expansion->sparse->levels[number];
	bool dense = level->segments.size == 0, innermost = number + 1 == expansion->sparse->level_count;
	uint64_t first = dense ? entry * level->size : at(&level->segments, (uint32_t)entry);
	uint64_t end = dense ? first + level->size : at(&level->segments, (uint32_t)entry + 1);

	for (uint64_t position = first; position < end; position++) {
		uint64_t index = dense ? position - first : at(&level->indices, (uint32_t)position);
		size_t place = offset + index * level->stride;

		if (!innermost)
			expand(expansion, number + 1, position, place);
		else
			memcpy(expansion->to + place * expansion->size, expansion->from + position * expansion->size, expansion->size);
	}
}

void tfl_sparse_expand(const struct tfl_sparse *sparse, void *dense)
{
	struct expansion expansion = {sparse, sparse->tensor->data, dense, tfl_dtype_size(sparse->tensor->dtype)};

	if (sparse->level_count == 0)
		memcpy(dense, sparse->tensor->data, expansion.size);
	else
		expand(&expansion, 0, 0, 0);
}
