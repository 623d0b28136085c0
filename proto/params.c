/* SPDX-License-Identifier: MIT */
/*
 * A kind of parameter is one row of kinds[]: what stands in the struct when the key is not given, how a value is read, how it is written,
 * whether it is given, and the words for what is right. A read function that refuses a value says in `found` what it found, if that is more
 * than the kind of the value; the sentence around it is made in one place.
 *
 * Parsing goes into a scratch copy of the struct, so that the caller's is untouched on failure.
 */
#include "proto/params.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>

#include "base/dtype.h"
#include "base/error.h"
#include "proto/name.h"
#include "proto/reader.h"
#include "proto/writer.h"

#define FOUND_MAX 128
#define QUOTE_MAX 80

/* Quotes text that somebody else chose, if it is short and printable. */
static void found_text(struct tfl_string string, char *found)
{
	bool plain = string.length > 0 && string.length <= QUOTE_MAX;

	for (size_t i = 0; plain && i < string.length; i++)
		plain = string.text[i] >= 0x20 && string.text[i] < 0x7f;
	if (plain)
		snprintf(found, FOUND_MAX, "'%.*s'", TFL_STRING_ARGS(string));
	else
		snprintf(found, FOUND_MAX, "one of %zu bytes", string.length);
}

/* Any text; on failure says what is wrong with it. */
static int read_text(struct tfl_reader *reader, struct tfl_string *ret_string, char *found)
{
	enum tfl_kind kind = tfl_reader_peek(reader);
	int r;

	r = tfl_reader_string(reader, "", TFL_FRAME_MAX, ret_string, NULL);
	if (r < 0 && kind == TFL_KIND_STRING)
		snprintf(found, FOUND_MAX, "one that is not UTF-8 without NUL bytes");
	return r;
}

static int read_string(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	struct tfl_string string;
	int r;

	r = read_text(reader, &string, found);
	if (r < 0)
		return r;
	if (string.length < row->min || string.length > row->max) {
		snprintf(found, FOUND_MAX, "one of %zu", string.length);
		return -EINVAL;
	}
	*(struct tfl_string *)member = string;
	return 0;
}

static int read_name(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	struct tfl_string string;
	int r;

	r = read_text(reader, &string, found);
	if (r < 0)
		return r;
	if (!tfl_model_name_valid(string.text, string.length)) {
		found_text(string, found);
		return -EINVAL;
	}
	*(struct tfl_string *)member = string;
	return 0;
}

/* An integer from min to max; on failure says which one it was. */
static int read_uint(const struct tfl_param *row, struct tfl_reader *reader, uint64_t *ret_value, char *found)
{
	uint64_t value;
	int64_t negative;

	if (tfl_reader_uint64(reader, "", &value, NULL) < 0) {
		if (tfl_reader_int64(reader, "", &negative, NULL) == 0)
			snprintf(found, FOUND_MAX, "%" PRId64, negative);
		return -EINVAL;
	}
	if (value < row->min || value > row->max) {
		snprintf(found, FOUND_MAX, "%" PRIu64, value);
		return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

static int read_uint32(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	uint64_t value;
	int r;

	r = read_uint(row, reader, &value, found);
	if (r < 0)
		return r;
	*(uint32_t *)member = (uint32_t)value;
	return 0;
}

static int read_uint64(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	return read_uint(row, reader, member, found);
}

static int read_bool(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	return tfl_reader_bool(reader, "", member, NULL);
}

static int read_dtype(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	struct tfl_string string;
	int r;

	r = read_text(reader, &string, found);
	if (r < 0)
		return r;
	r = tfl_dtype_parse(string.text, string.length, member);
	if (r < 0)
		found_text(string, found);
	return r;
}

static int read_shape(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	static const struct tfl_param dimension = {.min = 0, .max = INT32_MAX};
	struct tfl_wire_shape shape = {0};
	char number[FOUND_MAX] = "";
	uint32_t rank;
	uint64_t value;
	int r;

	r = tfl_reader_array(reader, "", UINT32_MAX, &rank, NULL);
	if (r < 0)
		return r;
	if (rank > TFL_RANK_MAX) {
		snprintf(found, FOUND_MAX, "one of %" PRIu32, rank);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < rank; i++) {
		enum tfl_kind kind = tfl_reader_peek(reader);

		r = read_uint(&dimension, reader, &value, number);
		if (r < 0) {
			snprintf(found, FOUND_MAX, "one with %.60s in it", number[0] ? number : tfl_kind_to_string(kind));
			return r;
		}
		shape.dims[i] = (int32_t)value;
	}
	shape.rank = (int32_t)rank;
	*(struct tfl_wire_shape *)member = shape;
	return 0;
}

static int read_value(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	return tfl_reader_skip(reader, row->key, member, NULL);
}

static int read_array(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found)
{
	struct tfl_wire_array array;
	struct tfl_reader whole = *reader;
	int r;

	r = tfl_reader_array(reader, "", UINT32_MAX, &array.count, NULL);
	if (r < 0)
		return r;
	if (array.count < row->min || array.count > row->max) {
		snprintf(found, FOUND_MAX, "one of %" PRIu32, array.count);
		return -EINVAL;
	}
	array.elements.data = reader->at;
	r = tfl_reader_skip(&whole, row->key, &(struct tfl_slice){0}, NULL);
	if (r < 0)
		return r;
	array.elements.size = (size_t)(whole.at - reader->at);
	*reader = whole;
	*(struct tfl_wire_array *)member = array;
	return 0;
}

static bool given_string(const void *member)
{
	return ((const struct tfl_string *)member)->text;
}

static bool given_uint32(const void *member)
{
	return *(const uint32_t *)member != 0;
}

static bool given_uint64(const void *member)
{
	return *(const uint64_t *)member != 0;
}

static bool given_index(const void *member)
{
	return *(const int32_t *)member >= 0;
}

static bool given_bool(const void *member)
{
	return *(const bool *)member;
}

static bool given_dtype(const void *member)
{
	return *(const enum tfl_dtype *)member < TFL_DTYPE_COUNT;
}

static bool given_shape(const void *member)
{
	return ((const struct tfl_wire_shape *)member)->rank >= 0;
}

static bool given_never(const void *member)
{
	return false;
}

static void write_string(const void *member, struct tfl_writer *writer)
{
	tfl_writer_string(writer, *(const struct tfl_string *)member);
}

static void write_uint32(const void *member, struct tfl_writer *writer)
{
	tfl_writer_uint64(writer, *(const uint32_t *)member);
}

static void write_uint64(const void *member, struct tfl_writer *writer)
{
	tfl_writer_uint64(writer, *(const uint64_t *)member);
}

static void write_bool(const void *member, struct tfl_writer *writer)
{
	tfl_writer_bool(writer, *(const bool *)member);
}

static void write_dtype(const void *member, struct tfl_writer *writer)
{
	tfl_writer_text(writer, tfl_dtype_to_string(*(const enum tfl_dtype *)member));
}

static void write_shape(const void *member, struct tfl_writer *writer)
{
	const struct tfl_wire_shape *shape = member;

	tfl_writer_array(writer, (uint32_t)shape->rank);
	for (int32_t i = 0; i < shape->rank; i++)
		tfl_writer_int64(writer, shape->dims[i]);
}

static const int32_t no_index = -1;
static const enum tfl_dtype no_dtype = TFL_DTYPE_COUNT;
static const struct tfl_wire_shape no_shape = {.rank = -1};

static const struct {
	const void *absent; /* NULL: zeroes */
	size_t absent_size;
	int (*read)(const struct tfl_param *row, struct tfl_reader *reader, void *member, char *found);
	bool (*given)(const void *member);
	void (*write)(const void *member, struct tfl_writer *writer);
	const char *right; /* what is right, then the range, then the row's noun or the unit */
	bool ranged;
	const char *unit;
} kinds[TFL_PARAM_KIND_COUNT] = {
	[TFL_PARAM_STRING] = {NULL, 0, read_string, given_string, write_string, " a string of", true, "bytes"},
	[TFL_PARAM_NAME] = {NULL, 0, read_name, given_string, write_string, " a string of", false, TFL_MODEL_NAME_RULE},
	[TFL_PARAM_UINT32] = {NULL, 0, read_uint32, given_uint32, write_uint32, " an integer from", true, NULL},
	[TFL_PARAM_UINT64] = {NULL, 0, read_uint64, given_uint64, write_uint64, " an integer from", true, NULL},
	[TFL_PARAM_INDEX] = {&no_index, sizeof(no_index), read_uint32, given_index, write_uint32, " an integer from", true, NULL},
	[TFL_PARAM_BOOL] = {NULL, 0, read_bool, given_bool, write_bool, " true or false", false, NULL},
	[TFL_PARAM_DTYPE] = {&no_dtype, sizeof(no_dtype), read_dtype, given_dtype, write_dtype, " the name of an element type", false,
			     "such as 'float32' or 'int8'"},
	[TFL_PARAM_SHAPE] = {&no_shape, sizeof(no_shape), read_shape, given_shape, write_shape, " an array of at most", false,
			     "8 dimensions from 0 to 2147483647"},
	[TFL_PARAM_ARRAY] = {NULL, 0, read_array, given_never, NULL, " an array of", true, "elements"},
	[TFL_PARAM_VALUE] = {NULL, 0, read_value, given_never, NULL, "", false, "a value"},
};

static_assert(TFL_RANK_MAX == 8, "the words for a shape say 8");

/* "must be an integer from 1 to 255", or the like. */
static void describe(const struct tfl_param *row, char *text, size_t size)
{
	const char *unit = row->noun ? row->noun : kinds[row->kind].unit;
	char range[64] = "";

	if (kinds[row->kind].ranged)
		snprintf(range, sizeof(range), " %" PRIu64 " to %" PRIu64, row->min, row->max);
	snprintf(text, size, "must be%s%s%s%s", kinds[row->kind].right, range, unit ? " " : "", unit ? unit : "");
}

static int parse_row(const struct tfl_param *row, struct tfl_reader *reader, void *member, struct tfl_error *error)
{
	enum tfl_kind kind = tfl_reader_peek(reader);
	char found[FOUND_MAX] = "", right[FOUND_MAX * 2];
	int r;

	r = kinds[row->kind].read(row, reader, member, found);
	if (r == 0)
		return 0;
	describe(row, right, sizeof(right));
	return tfl_error_set(error, r, "'%s' %s, not %s", row->key, right, found[0] ? found : tfl_kind_to_string(kind));
}

/* One bit a row. A key with nil was seen and is not given. */
struct seen {
	uint32_t keys;
	uint32_t given;
	unsigned next; /* row that comes next where keys are in the table's order, as tfl_params_write() has them */
};

static const struct tfl_param *find_row(const struct tfl_param_table *table, struct tfl_string key, struct seen *seen)
{
	unsigned at = seen->next;

	for (unsigned i = 0; i < table->count; i++, at++) {
		if (at >= table->count)
			at = 0;
		if (tfl_string_equal(key, table->rows[at].key)) {
			seen->next = at + 1;
			return &table->rows[at];
		}
	}
	return NULL;
}

/* One key and its value. */
static int parse_pair(const struct tfl_param_table *table, struct tfl_reader *reader, uint8_t *values, struct seen *seen,
		      struct tfl_error *error)
{
	const struct tfl_param *row;
	struct tfl_slice ignored;
	struct tfl_string key;
	uint32_t bit;
	int r;

	r = tfl_reader_string(reader, "a key", TFL_FRAME_MAX, &key, error);
	if (r < 0)
		return r;
	row = find_row(table, key, seen);
	if (!row)
		return tfl_reader_skip(reader, "a value", &ignored, error);
	bit = 1u << (row - table->rows);
	if (seen->keys & bit)
		return tfl_error_set(error, -EINVAL, "'%s' is there twice: give it once", row->key);
	seen->keys |= bit;
	if (tfl_reader_nil(reader))
		return 0;
	seen->given |= bit;
	return parse_row(row, reader, values + row->offset, error);
}

static void set_absent(const struct tfl_param_table *table, uint8_t *values)
{
	memset(values, 0, table->size);
	for (unsigned i = 0; i < table->count; i++) {
		const struct tfl_param *row = &table->rows[i];

		if (kinds[row->kind].absent)
			memcpy(values + row->offset, kinds[row->kind].absent, kinds[row->kind].absent_size);
	}
}

static int check_required(const struct tfl_param_table *table, uint32_t given, struct tfl_error *error)
{
	char right[FOUND_MAX * 2];

	for (unsigned i = 0; i < table->count; i++) {
		if (!table->rows[i].required || given & 1u << i)
			continue;
		describe(&table->rows[i], right, sizeof(right));
		return tfl_error_set(error, -EINVAL, "'%s' is missing: it %s", table->rows[i].key, right);
	}
	return 0;
}

int tfl_params_parse(const struct tfl_param_table *table, struct tfl_slice map, const char *where, void *ret_struct,
		     struct tfl_error *error)
{
	alignas(max_align_t) uint8_t values[TFL_PARAMS_SIZE_MAX];
	struct tfl_reader reader = tfl_reader_of(map);
	struct seen seen = {0};
	uint32_t count;
	int r;

	assert(table->size <= sizeof(values) && table->count <= 32);
	set_absent(table, values);
	r = tfl_reader_map(&reader, where ? where : "the value", TFL_MAP_MAX, &count, error);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < count && r == 0; i++)
		r = parse_pair(table, &reader, values, &seen, error);
	if (r == 0)
		r = check_required(table, seen.given, error);
	if (r < 0)
		return where ? tfl_error_prefix(error, r, "%s", where) : r;
	memcpy(ret_struct, values, table->size);
	return 0;
}

/* Whether a row is to be written. */
static bool wanted(const struct tfl_param *row, const void *values)
{
	return kinds[row->kind].write && (row->required || kinds[row->kind].given((const uint8_t *)values + row->offset));
}

uint32_t tfl_params_count(const struct tfl_param_table *table, const void *values)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < table->count; i++)
		count += wanted(&table->rows[i], values);
	return count;
}

void tfl_params_write(const struct tfl_param_table *table, const void *values, struct tfl_writer *writer)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct tfl_param *row = &table->rows[i];

		if (!wanted(row, values))
			continue;
		tfl_writer_text(writer, row->key);
		kinds[row->kind].write((const uint8_t *)values + row->offset, writer);
	}
}
