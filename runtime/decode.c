/* SPDX-License-Identifier: MIT */
/*
 * The decoder's tools: an account of what the file may still ask for, memory that the model owns, and the accessors of flatbuffer.h with
 * a sentence on failure.
 *
 * Everything that grows with a count in the file is charged before it is allocated or walked. So a file takes at most
 * TFL_MODEL_WORK_FACTOR times its size plus TFL_MODEL_WORK_FLOOR bytes of memory, and time in proportion, whatever its offsets say.
 */
#include "runtime/decode.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "base/util.h"

struct tfl_model_block {
	alignas(16) struct tfl_model_block *next;
	uint8_t memory[];
};

int tfl_decoder_charge(struct tfl_decoder *decoder, uint64_t bytes)
{
	if (bytes > decoder->budget)
		return tfl_error_set(decoder->error, -EINVAL,
				     "describes more than its %zu bytes can hold: it uses the same parts of itself again and again",
				     decoder->model->size);
	decoder->budget -= bytes;
	return 0;
}

void tfl_decoder_grant(struct tfl_decoder *decoder, uint64_t bytes)
{
	decoder->budget += bytes;
}

int tfl_decoder_alloc(struct tfl_decoder *decoder, size_t count, size_t size, void *ret_memory)
{
	struct tfl_model_block *block;
	uint64_t bytes;
	int r;

	if (count == 0) {
		*(void **)ret_memory = NULL;
		return 0;
	}
	if (tfl_mul_overflow(count, size, &bytes) || tfl_add_overflow(bytes, sizeof(*block), &bytes) || bytes > SIZE_MAX)
		bytes = UINT64_MAX;
	r = tfl_decoder_charge(decoder, bytes);
	if (r < 0)
		return r;
	block = calloc(1, bytes);
	if (!block)
		return tfl_error_set(decoder->error, -ENOMEM, "no memory for %zu times %zu bytes", count, size);
	block->next = decoder->model->blocks;
	decoder->model->blocks = block;
	*(void **)ret_memory = block->memory;
	return 0;
}

int tfl_decoder_align(struct tfl_decoder *decoder, struct tfl_model_buffer *buffer, size_t alignment)
{
	void *copy;
	int r;

	if ((uintptr_t)buffer->data % alignment == 0)
		return 0;
	r = tfl_decoder_alloc(decoder, 1, buffer->size, &copy);
	if (r < 0)
		return r;
	buffer->data = memcpy(copy, buffer->data, buffer->size);
	return 0;
}

void tfl_model_free_blocks(struct tfl_model *model)
{
	struct tfl_model_block *block, *next;

	for (block = model->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	model->blocks = NULL;
}

static int leads_out(struct tfl_decoder *decoder, const char *what)
{
	return tfl_error_set(decoder->error, -EINVAL, "%s: its offset or length is misaligned or leads out of the file", what);
}

static int too_many(struct tfl_decoder *decoder, const char *what, uint32_t count, uint32_t max)
{
	return tfl_error_set(decoder->error, -EFBIG, "%s: %u, but at most %u are allowed", what, count, max);
}

int tfl_decoder_table(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
		      struct tfl_fb_table *ret_table)
{
	return tfl_fb_table(table, field, ret_table) < 0 ? leads_out(decoder, what) : 0;
}

static int check_text(struct tfl_decoder *decoder, const char *what, const char *string, uint32_t length, uint32_t max)
{
	int r;

	if (length > max)
		return tfl_error_set(decoder->error, -EFBIG, "%s: %u bytes, but at most %u are allowed", what, length, max);
	r = tfl_decoder_charge(decoder, length);
	if (r < 0)
		return r;
	if (!tfl_utf8_valid(string, length))
		return tfl_error_set(decoder->error, -EINVAL, "%s: is no text in UTF-8", what);
	return 0;
}

int tfl_decoder_text(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what, uint32_t max,
		     const char **ret_string)
{
	const char *string;
	uint32_t length;
	int r;

	if (tfl_fb_string(table, field, &string, &length) < 0)
		return leads_out(decoder, what);
	r = check_text(decoder, what, string, length, max);
	if (r == 0)
		*ret_string = string;
	return r;
}

int tfl_decoder_string(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
		       const char **ret_string)
{
	return tfl_decoder_text(decoder, table, field, what, TFL_TENSOR_NAME_MAX, ret_string);
}

int tfl_decoder_strings(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
			const char ***ret_strings, uint32_t *ret_count)
{
	struct tfl_fb_vector vector;
	const char **strings;
	uint32_t i, length;
	int r;

	r = tfl_decoder_offsets(decoder, table, field, what, UINT32_MAX, &vector);
	if (r == 0)
		r = tfl_decoder_alloc(decoder, vector.count, sizeof(*strings), &strings);
	for (i = 0; r == 0 && i < vector.count; i++) {
		if (tfl_fb_vector_string(&vector, i, &strings[i], &length) < 0)
			return leads_out(decoder, what);
		r = check_text(decoder, what, strings[i], length, TFL_TENSOR_NAME_MAX);
	}
	if (r < 0)
		return r;
	*ret_strings = strings;
	*ret_count = vector.count;
	return 0;
}

int tfl_decoder_offsets(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what, uint32_t max,
			struct tfl_fb_vector *ret_vector)
{
	struct tfl_fb_vector vector;

	if (tfl_fb_vector_unaligned(table, field, sizeof(uint32_t), &vector) < 0)
		return leads_out(decoder, what);
	if (vector.count > max)
		return too_many(decoder, what, vector.count, max);
	*ret_vector = vector;
	return 0;
}

int tfl_decoder_element(struct tfl_decoder *decoder, const struct tfl_fb_vector *vector, uint32_t index, struct tfl_fb_table *ret_table)
{
	if (tfl_fb_vector_table(vector, index, ret_table) < 0)
		return tfl_error_set(decoder->error, -EINVAL, "its table is misaligned or leads out of the file");
	return 0;
}

int tfl_decoder_array(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
		      unsigned element_size, uint32_t max, const void **ret_elements, uint32_t *ret_count)
{
	struct tfl_fb_vector vector;
	size_t bytes;
	void *copy;
	int r;

	if (tfl_fb_vector_unaligned(table, field, element_size, &vector) < 0)
		return leads_out(decoder, what);
	if (vector.count > max)
		return too_many(decoder, what, vector.count, max);
	bytes = (size_t)vector.count * element_size;
	r = tfl_decoder_charge(decoder, bytes);
	if (r < 0)
		return r;
	*ret_elements = vector.data;
	if ((uintptr_t)vector.data % element_size != 0 && bytes > 0) {
		r = tfl_decoder_alloc(decoder, 1, bytes, &copy);
		if (r < 0)
			return r;
		*ret_elements = memcpy(copy, vector.data, bytes);
	}
	*ret_count = vector.count;
	return 0;
}
