/* SPDX-License-Identifier: MIT */
/*
 * The format: the magic, two bytes of version, the header's length (16 bits in version 1, else 32), the header, the data. The header is a
 * Python dictionary in text with the keys descr, fortran_order and shape; a small parser of that subset of Python reads it, from a range
 * of bytes that it never leaves. The format is described in numpy's documentation of numpy.lib.format.
 */
#include "client/npy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6
#define HEADER_ALIGNMENT 64

static const struct {
	char code[3]; /* numpy's letter and size */
	enum tfl_dtype dtype;
} types[] = {
	{"f2", TFL_FLOAT16}, {"f4", TFL_FLOAT32}, {"f8", TFL_FLOAT64},   {"i1", TFL_INT8},   {"i2", TFL_INT16},
	{"i4", TFL_INT32},   {"i8", TFL_INT64},   {"u1", TFL_UINT8},     {"u2", TFL_UINT16}, {"u4", TFL_UINT32},
	{"u8", TFL_UINT64},  {"b1", TFL_BOOL},    {"c8", TFL_COMPLEX64},
};

/* The header's text that is still to be read. */
struct cursor {
	const char *at, *end;
};

struct text {
	const char *at;
	size_t length;
};

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\t'))
		cursor->at++;
}

/* Takes @p wanted if it comes next. */
static bool take(struct cursor *cursor, char wanted)
{
	skip_blanks(cursor);
	if (cursor->at == cursor->end || *cursor->at != wanted)
		return false;
	cursor->at++;
	return true;
}

static int take_string(struct cursor *cursor, struct text *ret_text)
{
	char quote = take(cursor, '\'') ? '\'' : take(cursor, '"') ? '"' : 0;
	const char *end = quote ? memchr(cursor->at, quote, (size_t)(cursor->end - cursor->at)) : NULL;

	if (!end)
		return -EINVAL;
	*ret_text = (struct text){cursor->at, (size_t)(end - cursor->at)};
	cursor->at = end + 1;
	return 0;
}

static int take_word(struct cursor *cursor, struct text *ret_text)
{
	skip_blanks(cursor);
	*ret_text = (struct text){cursor->at, 0};
	while (cursor->at < cursor->end && ((*cursor->at >= 'A' && *cursor->at <= 'Z') || (*cursor->at >= 'a' && *cursor->at <= 'z'))) {
		cursor->at++;
		ret_text->length++;
	}
	return ret_text->length ? 0 : -EINVAL;
}

static int take_integer(struct cursor *cursor, int32_t *ret_value)
{
	int64_t value = 0;
	const char *begin;

	skip_blanks(cursor);
	for (begin = cursor->at; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++) {
		value = value * 10 + (*cursor->at - '0');
		if (value > INT32_MAX)
			return -EINVAL;
	}
	*ret_value = (int32_t)value;
	return cursor->at > begin ? 0 : -EINVAL;
}

static bool text_is(struct text text, const char *wanted)
{
	return text.length == strlen(wanted) && memcmp(text.at, wanted, text.length) == 0;
}

static int take_descr(struct cursor *cursor, struct tfl_npy *array, struct tfl_error *error)
{
	struct text descr;

	if (take_string(cursor, &descr) < 0)
		return tfl_error_set(error, -EINVAL, "the array has structured elements; plain ones are needed");
	if (descr.length == 3 && *descr.at == '>')
		return tfl_error_set(error, -EINVAL, "the array is big-endian ('%.*s'); save it as little-endian", (int)descr.length,
				     descr.at);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(types); i++) {
		if (descr.length == 3 && memcmp(descr.at + 1, types[i].code, 2) == 0) {
			array->dtype = types[i].dtype;
			return 0;
		}
	}
	return tfl_error_set(error, -EINVAL, "the array has elements of type '%.*s'; numbers and booleans are read", (int)descr.length,
			     descr.at);
}

static int take_shape(struct cursor *cursor, struct tfl_npy *array, struct tfl_error *error)
{
	array->rank = 0;
	if (!take(cursor, '('))
		return tfl_error_set(error, -EINVAL, "the header's shape is no tuple");
	while (!take(cursor, ')')) {
		if (array->rank == TFL_RANK_MAX)
			return tfl_error_set(error, -EINVAL, "the array has more than %d dimensions", TFL_RANK_MAX);
		if (take_integer(cursor, &array->dims[array->rank++]) < 0)
			return tfl_error_set(error, -EINVAL, "the header's shape is no tuple of whole numbers up to %d", INT32_MAX);
		if (!take(cursor, ',') && (cursor->at == cursor->end || *cursor->at != ')'))
			return tfl_error_set(error, -EINVAL, "the header's shape does not end");
	}
	return 0;
}

/* One "key: value". Sets the bit of what it was in @p seen. */
static int take_entry(struct cursor *cursor, struct tfl_npy *array, bool *fortran, unsigned *seen, struct tfl_error *error)
{
	struct text key, word;

	if (take_string(cursor, &key) < 0 || !take(cursor, ':'))
		return tfl_error_set(error, -EINVAL, "the header is no dictionary with the keys descr, fortran_order and shape");
	if (text_is(key, "descr")) {
		*seen |= 1;
		return take_descr(cursor, array, error);
	}
	if (text_is(key, "shape")) {
		*seen |= 2;
		return take_shape(cursor, array, error);
	}
	if (!text_is(key, "fortran_order") || take_word(cursor, &word) < 0 || (!text_is(word, "True") && !text_is(word, "False")))
		return tfl_error_set(error, -EINVAL, "the header's entry '%.*s' is not one of the format",
				     (int)(key.length < 64 ? key.length : 64), key.at);
	*seen |= 4;
	*fortran = text_is(word, "True");
	return 0;
}

static int parse_header(struct cursor cursor, struct tfl_npy *array, struct tfl_error *error)
{
	bool fortran = false;
	unsigned seen = 0, large = 0;
	int r;

	if (!take(&cursor, '{'))
		return tfl_error_set(error, -EINVAL, "the header is no dictionary");
	while (!take(&cursor, '}')) {
		r = take_entry(&cursor, array, &fortran, &seen, error);
		if (r < 0)
			return r;
		if (!take(&cursor, ',') && (cursor.at == cursor.end || *cursor.at != '}'))
			return tfl_error_set(error, -EINVAL, "the header does not end");
	}
	if (seen != 7)
		return tfl_error_set(error, -EINVAL, "the header lacks descr, fortran_order or shape");
	for (uint32_t i = 0; i < array->rank; i++)
		large += array->dims[i] > 1;
	if (fortran && large > 1)
		return tfl_error_set(error, -EINVAL, "the array is in Fortran order; save numpy.ascontiguousarray() of it");
	return 0;
}

bool tfl_npy_is(const void *data, size_t size)
{
	return size >= MAGIC_SIZE && memcmp(data, MAGIC, MAGIC_SIZE) == 0;
}

/* Where the header begins and ends. */
static int find_header(const uint8_t *bytes, size_t size, struct cursor *ret_header, struct tfl_error *error)
{
	size_t start, length;

	if (!tfl_npy_is(bytes, size))
		return tfl_error_set(error, -EINVAL, "no .npy file: it begins with other bytes");
	if (size < MAGIC_SIZE + 6)
		return tfl_error_set(error, -EINVAL, "the .npy file is cut short in its header");
	if (bytes[6] < 1 || bytes[6] > 3)
		return tfl_error_set(error, -EINVAL, "the .npy file has version %u; 1 to 3 are known", bytes[6]);
	start = bytes[6] == 1 ? 10 : 12;
	length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
	if (bytes[6] > 1)
		length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
	if (length > size - start)
		return tfl_error_set(error, -EINVAL, "the .npy file is cut short: a header of %zu bytes is announced, %zu follow", length,
				     size - start);
	*ret_header = (struct cursor){(const char *)bytes + start, (const char *)bytes + start + length};
	return 0;
}

int tfl_npy_parse(const void *data, size_t size, struct tfl_npy *ret_array, struct tfl_error *error)
{
	char shape[TFL_SHAPE_STRING_MAX];
	struct tfl_npy array = {0};
	struct cursor header;
	size_t elements;
	int r;

	r = find_header(data, size, &header, error);
	if (r == 0)
		r = parse_header(header, &array, error);
	if (r < 0)
		return r;
	tfl_shape_to_string(array.dims, array.rank, shape, sizeof(shape));
	if (tfl_shape_elements(array.dims, array.rank, &elements) < 0)
		return tfl_error_set(error, -EINVAL, "an array of shape %s is too large", shape);
	array.data = (const uint8_t *)header.end;
	array.bytes = size - (size_t)(array.data - (const uint8_t *)data);
	if (array.bytes != elements * tfl_dtype_size(array.dtype))
		return tfl_error_set(error, -EINVAL, "the array of shape %s and type %s needs %zu bytes behind its header; there are %zu",
				     shape, tfl_dtype_to_string(array.dtype), elements * tfl_dtype_size(array.dtype), array.bytes);
	*ret_array = array;
	return 0;
}

static const char *type_code(enum tfl_dtype dtype)
{
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(types); i++) {
		if (types[i].dtype == dtype)
			return types[i].code;
	}
	return NULL;
}

int tfl_npy_write(FILE *file, const struct tfl_npy *array)
{
	const char *code = type_code(array->dtype);
	char header[256], padding[HEADER_ALIGNMENT];
	size_t used, filled;

	if (!code)
		return -EINVAL;
	used = (size_t)snprintf(header, sizeof(header), "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
				tfl_dtype_size(array->dtype) == 1 ? '|' : '<', code);
	for (uint32_t i = 0; i < array->rank; i++)
		used += (size_t)snprintf(header + used, sizeof(header) - used, "%d,%s", array->dims[i], i + 1 < array->rank ? " " : "");
	used += (size_t)snprintf(header + used, sizeof(header) - used, "), }");
	filled = tfl_align_up(10 + used + 1, HEADER_ALIGNMENT) - 10;
	memset(padding, ' ', sizeof(padding));
	fprintf(file, "%s%c%c%c%c%s%.*s\n", MAGIC, 1, 0, (int)(filled & 0xff), (int)(filled >> 8), header, (int)(filled - used - 1),
		padding);
	fwrite(array->data, 1, array->bytes, file);
	return ferror(file) ? -EIO : 0;
}
