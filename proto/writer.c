/* SPDX-License-Identifier: MIT */
/*
 * The frame is the buffer with the references spliced in: refs[i].bytes stand before buffer[refs[i].offset], and offsets never decrease.
 * The first four bytes of the buffer are the frame's length; they are filled in when the frame is handed out: only then it is known.
 *
 * Encoding is msgpack-c's packer with append() as its sink. Every value passes admit() first, which keeps the books of open maps and
 * arrays, so that a frame that passes tfl_writer_check() is well-formed by construction.
 */
#include "proto/writer.h"

#include <assert.h>
#include <string.h>

#include <msgpack.h>

#include "base/error.h"
#include "base/utf8.h"
#include "base/util.h"
#include "proto/reader.h"

#define LENGTH_SIZE 4u
#define FIRST_CAPACITY 512u

static void fault(struct tfl_writer *writer, int code, const char *text)
{
	assert(!writer->fault); /* the first one sticks: after it nothing is written any more */
	writer->fault = code;
	writer->fault_text = text;
}

/* Room for @p size more bytes by copy. */
static bool reserve(struct tfl_writer *writer, size_t size)
{
	size_t capacity = writer->capacity ? writer->capacity : FIRST_CAPACITY;
	uint8_t *grown;

	if (size > TFL_FRAME_MAX + LENGTH_SIZE - writer->used - writer->referred) {
		fault(writer, -EMSGSIZE, "it would be too long");
		return false;
	}
	while (capacity < writer->used + size)
		capacity *= 2;
	if (capacity == writer->capacity)
		return true;
	grown = realloc(writer->buffer, capacity);
	if (!grown) {
		fault(writer, -ENOMEM, "no memory");
		return false;
	}
	writer->buffer = grown;
	writer->capacity = capacity;
	return true;
}

/* The packer's sink. */
static int append(void *data, const char *bytes, size_t size)
{
	struct tfl_writer *writer = data;

	if (writer->fault || !reserve(writer, size))
		return -1;
	if (size > 0)
		memcpy(writer->buffer + writer->used, bytes, size);
	writer->used += size;
	return 0;
}

static msgpack_packer packer_of(struct tfl_writer *writer)
{
	return (msgpack_packer){writer, append};
}

/* Enters one value into the books; false when it must not be written. */
static bool admit(struct tfl_writer *writer, enum tfl_kind kind)
{
	unsigned depth = writer->depth;

	if (writer->fault)
		return false;
	if (depth == 0 && writer->values > 0)
		fault(writer, -EPROTO, "a second value stands behind the message");
	else if (++writer->values > TFL_FRAME_VALUES_MAX)
		fault(writer, -EMSGSIZE, "it would have too many values");
	else if (depth > 0 && writer->open[depth - 1].map && writer->open[depth - 1].left % 2 == 0 && kind != TFL_KIND_STRING)
		fault(writer, -EPROTO, "a key of a map is no string");
	else if (depth > 0)
		writer->open[depth - 1].left--;
	return !writer->fault;
}

/* The value that was admitted is complete, and perhaps the maps and arrays around it with it. */
static void settle(struct tfl_writer *writer)
{
	while (writer->depth > 0 && writer->open[writer->depth - 1].left == 0)
		writer->depth--;
}

/* Opens a map or array whose header comes next. */
static bool nest(struct tfl_writer *writer, enum tfl_kind kind, uint32_t count)
{
	bool map = kind == TFL_KIND_MAP;

	if (!admit(writer, kind))
		return false;
	if (writer->depth == TFL_FRAME_DEPTH_MAX)
		fault(writer, -EPROTO, "maps and arrays are nested too deep");
	else if (count > (map ? TFL_MAP_MAX : TFL_FRAME_VALUES_MAX))
		fault(writer, -EPROTO, "a map or array has too many entries");
	if (writer->fault)
		return false;
	writer->open[writer->depth].left = map ? 2 * count : count;
	writer->open[writer->depth].map = map;
	writer->depth++;
	return true;
}

void tfl_writer_init(struct tfl_writer *writer)
{
	*writer = (struct tfl_writer){0};
}

void tfl_writer_finish(struct tfl_writer *writer)
{
	if (!writer)
		return;
	tfl_freep(&writer->buffer);
	tfl_writer_init(writer);
}

void tfl_writer_begin(struct tfl_writer *writer)
{
	if (writer->capacity > TFL_WRITER_KEEP_MAX) {
		tfl_freep(&writer->buffer);
		writer->buffer = NULL;
		writer->capacity = 0;
	}
	writer->used = writer->referred = 0;
	writer->ref_count = writer->depth = 0;
	writer->values = 0;
	writer->fault = 0;
	append(writer, "\0\0\0\0", LENGTH_SIZE);
}

void tfl_writer_map(struct tfl_writer *writer, uint32_t count)
{
	msgpack_packer packer = packer_of(writer);

	if (!nest(writer, TFL_KIND_MAP, count))
		return;
	msgpack_pack_map(&packer, count);
	settle(writer);
}

void tfl_writer_array(struct tfl_writer *writer, uint32_t count)
{
	msgpack_packer packer = packer_of(writer);

	if (!nest(writer, TFL_KIND_ARRAY, count))
		return;
	msgpack_pack_array(&packer, count);
	settle(writer);
}

void tfl_writer_string(struct tfl_writer *writer, struct tfl_string string)
{
	msgpack_packer packer = packer_of(writer);

	if (!string.text) {
		tfl_writer_nil(writer);
		return;
	}
	if (!admit(writer, TFL_KIND_STRING))
		return;
	if (string.length > TFL_FRAME_MAX) {
		fault(writer, -EMSGSIZE, "a string is too long");
	} else if (!tfl_utf8_valid(string.text, string.length)) {
		fault(writer, -EILSEQ, "a string is not UTF-8 without NUL bytes");
	} else {
		msgpack_pack_str(&packer, string.length);
		msgpack_pack_str_body(&packer, string.text, string.length);
		settle(writer);
	}
}

void tfl_writer_text(struct tfl_writer *writer, const char *text)
{
	tfl_writer_string(writer, tfl_string_of(text));
}

/* The header of binary data whose bytes come next; false when they must not. */
static bool binary_head(struct tfl_writer *writer, size_t size)
{
	msgpack_packer packer = packer_of(writer);

	if (!admit(writer, TFL_KIND_BINARY))
		return false;
	if (size > TFL_FRAME_MAX)
		fault(writer, -EMSGSIZE, "binary data is too long");
	else
		msgpack_pack_bin(&packer, size);
	return !writer->fault;
}

void tfl_writer_binary(struct tfl_writer *writer, const void *data, size_t size)
{
	if (!binary_head(writer, size))
		return;
	append(writer, data, size);
	settle(writer);
}

void tfl_writer_binary_ref(struct tfl_writer *writer, const void *data, size_t size)
{
	if (size < TFL_WRITER_REF_MIN || writer->ref_count == TFL_WRITER_REFS_MAX) {
		tfl_writer_binary(writer, data, size);
		return;
	}
	if (!binary_head(writer, size))
		return;
	if (size > TFL_FRAME_MAX + LENGTH_SIZE - writer->used - writer->referred) {
		fault(writer, -EMSGSIZE, "it would be too long");
		return;
	}
	writer->refs[writer->ref_count++] = (struct tfl_writer_ref){writer->used, {data, size}};
	writer->referred += size;
	settle(writer);
}

void tfl_writer_uint64(struct tfl_writer *writer, uint64_t value)
{
	msgpack_packer packer = packer_of(writer);

	if (!admit(writer, TFL_KIND_INTEGER))
		return;
	msgpack_pack_uint64(&packer, value);
	settle(writer);
}

void tfl_writer_int64(struct tfl_writer *writer, int64_t value)
{
	msgpack_packer packer = packer_of(writer);

	if (!admit(writer, TFL_KIND_INTEGER))
		return;
	msgpack_pack_int64(&packer, value);
	settle(writer);
}

void tfl_writer_double(struct tfl_writer *writer, double value)
{
	msgpack_packer packer = packer_of(writer);

	if (!admit(writer, TFL_KIND_FLOAT))
		return;
	msgpack_pack_double(&packer, value);
	settle(writer);
}

void tfl_writer_bool(struct tfl_writer *writer, bool value)
{
	msgpack_packer packer = packer_of(writer);

	if (!admit(writer, TFL_KIND_BOOL))
		return;
	if (value)
		msgpack_pack_true(&packer);
	else
		msgpack_pack_false(&packer);
	settle(writer);
}

void tfl_writer_nil(struct tfl_writer *writer)
{
	msgpack_packer packer = packer_of(writer);

	if (!admit(writer, TFL_KIND_NIL))
		return;
	msgpack_pack_nil(&packer);
	settle(writer);
}

int tfl_writer_check(const struct tfl_writer *writer, struct tfl_error *error)
{
	if (writer->fault == -EMSGSIZE)
		return tfl_error_set(error, -EMSGSIZE, "a frame could not be written: %s: the limits are %u bytes and %u values",
				     writer->fault_text, TFL_FRAME_MAX, TFL_FRAME_VALUES_MAX);
	if (writer->fault)
		return tfl_error_set(error, writer->fault, "a frame could not be written: %s", writer->fault_text);
	if (writer->values == 0 || writer->depth > 0)
		return tfl_error_set(error, -EPROTO, "a frame could not be written: values are missing, %u maps or arrays are not full",
				     writer->depth);
	return 0;
}

size_t tfl_writer_size(const struct tfl_writer *writer)
{
	return writer->used + writer->referred;
}

static void fill_length(struct tfl_writer *writer)
{
	size_t length = tfl_writer_size(writer) - LENGTH_SIZE;

	assert(!writer->fault && writer->depth == 0 && writer->values > 0);
	writer->buffer[0] = (uint8_t)(length >> 24);
	writer->buffer[1] = (uint8_t)(length >> 16);
	writer->buffer[2] = (uint8_t)(length >> 8);
	writer->buffer[3] = (uint8_t)length;
}

/* Adds a range to the vector, without the *skip bytes that were sent before. */
static void add_range(struct tfl_writer *writer, unsigned *count, const uint8_t *data, size_t size, size_t *skip)
{
	size_t cut = size < *skip ? size : *skip;

	*skip -= cut;
	if (size > cut)
		writer->iov[(*count)++] = (struct iovec){(void *)(uintptr_t)(data + cut), size - cut};
}

void tfl_writer_iovec(struct tfl_writer *writer, size_t sent, struct iovec **ret_iov, unsigned *ret_count)
{
	size_t at = 0;
	unsigned count = 0;

	assert(sent <= tfl_writer_size(writer));
	fill_length(writer);
	for (unsigned i = 0; i < writer->ref_count; i++) {
		const struct tfl_writer_ref *ref = &writer->refs[i];

		add_range(writer, &count, writer->buffer + at, ref->offset - at, &sent);
		add_range(writer, &count, ref->bytes.data, ref->bytes.size, &sent);
		at = ref->offset;
	}
	add_range(writer, &count, writer->buffer + at, writer->used - at, &sent);
	*ret_iov = writer->iov;
	*ret_count = count;
}

void tfl_writer_copy(struct tfl_writer *writer, size_t sent, void *ret_bytes)
{
	uint8_t *to = ret_bytes;
	struct iovec *iov;
	unsigned count;

	tfl_writer_iovec(writer, sent, &iov, &count);
	for (unsigned i = 0; i < count; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}

int tfl_writer_take_value(struct tfl_writer *writer, void **ret_data, size_t *ret_size)
{
	int r = tfl_writer_check(writer, NULL);
	size_t size;
	void *data;

	if (r < 0)
		return r;
	size = tfl_writer_size(writer) - LENGTH_SIZE;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	tfl_writer_copy(writer, LENGTH_SIZE, data);
	*ret_data = data;
	*ret_size = size;
	return 0;
}
