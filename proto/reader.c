/* SPDX-License-Identifier: MIT */
/*
 * A value is a head (the first byte and 0 to 8 bytes of number behind it) and, for text and binary data, a body; entries of maps and arrays
 * are values that follow. read_head() is the only function that looks at bytes, and it looks only at those that are there; everything else
 * decides on what it found. A reading function moves the reader only at its very end.
 *
 * The format: MessagePack specification, 2013 (with str, bin and ext).
 */
#include "proto/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/util.h"

struct head {
	enum tfl_kind kind;
	size_t size;     /* bytes of the head itself */
	uint64_t number; /* value (two's complement), raw float, length or count */
	bool negative;   /* number is to be read as int64_t */
};

/* The first bytes from 0xc0 to 0xdf; the others carry their number in themselves. */
static const struct {
	uint8_t kind;
	uint8_t width; /* bytes of number that follow */
} forms[32] = {
	/* 0xc0 */ {TFL_KIND_NIL, 0}, {TFL_KIND_INVALID, 0}, {TFL_KIND_BOOL, 0}, {TFL_KIND_BOOL, 0},
	/* 0xc4 */ {TFL_KIND_BINARY, 1}, {TFL_KIND_BINARY, 2}, {TFL_KIND_BINARY, 4}, {TFL_KIND_EXTENSION, 1},
	/* 0xc8 */ {TFL_KIND_EXTENSION, 2}, {TFL_KIND_EXTENSION, 4}, {TFL_KIND_FLOAT, 4}, {TFL_KIND_FLOAT, 8},
	/* 0xcc */ {TFL_KIND_INTEGER, 1}, {TFL_KIND_INTEGER, 2}, {TFL_KIND_INTEGER, 4}, {TFL_KIND_INTEGER, 8},
	/* 0xd0 */ {TFL_KIND_INTEGER, 1}, {TFL_KIND_INTEGER, 2}, {TFL_KIND_INTEGER, 4}, {TFL_KIND_INTEGER, 8},
	/* 0xd4 */ {TFL_KIND_EXTENSION, 0}, {TFL_KIND_EXTENSION, 0}, {TFL_KIND_EXTENSION, 0}, {TFL_KIND_EXTENSION, 0},
	/* 0xd8 */ {TFL_KIND_EXTENSION, 0}, {TFL_KIND_STRING, 1}, {TFL_KIND_STRING, 2}, {TFL_KIND_STRING, 4},
	/* 0xdc */ {TFL_KIND_ARRAY, 2}, {TFL_KIND_ARRAY, 4}, {TFL_KIND_MAP, 2}, {TFL_KIND_MAP, 4},
};

static const char *const kinds[] = {
	[TFL_KIND_NIL] = "nil",
	[TFL_KIND_BOOL] = "a boolean",
	[TFL_KIND_INTEGER] = "an integer",
	[TFL_KIND_FLOAT] = "a float",
	[TFL_KIND_STRING] = "a string",
	[TFL_KIND_BINARY] = "binary data",
	[TFL_KIND_ARRAY] = "an array",
	[TFL_KIND_MAP] = "a map",
	[TFL_KIND_EXTENSION] = "an extension type",
	[TFL_KIND_INVALID] = "the byte 0xc1",
	[TFL_KIND_END] = "the end of the data",
};

static size_t left(const struct tfl_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

/* 0x80 to 0x8f maps, 0x90 to 0x9f arrays, 0xa0 to 0xbf strings, of few entries or bytes; else an integer of few bits. */
static struct head short_head(uint8_t first)
{
	if (first >= 0xe0)
		return (struct head){TFL_KIND_INTEGER, 1, (uint64_t)(int64_t)(int8_t)first, true};
	if (first < 0x80)
		return (struct head){TFL_KIND_INTEGER, 1, first, false};
	if (first < 0x90)
		return (struct head){TFL_KIND_MAP, 1, first & 0x0f, false};
	if (first < 0xa0)
		return (struct head){TFL_KIND_ARRAY, 1, first & 0x0f, false};
	return (struct head){TFL_KIND_STRING, 1, first & 0x1f, false};
}

/* What comes next; TFL_KIND_END as well when its head is cut off. */
static struct head read_head(const struct tfl_reader *reader)
{
	struct head head = {TFL_KIND_END, 0, 0, false};
	unsigned width, first;

	if (left(reader) == 0)
		return head;
	first = reader->at[0];
	if (first < 0xc0 || first >= 0xe0)
		return short_head((uint8_t)first);
	width = forms[first & 0x1f].width;
	if (left(reader) < 1u + width)
		return head;
	head.kind = (enum tfl_kind)forms[first & 0x1f].kind;
	head.size = 1u + width;
	for (unsigned i = 1; i <= width; i++)
		head.number = head.number << 8 | reader->at[i];
	if (head.kind == TFL_KIND_BOOL)
		head.number = first & 1;
	if (first >= 0xd0 && first <= 0xd3) {
		unsigned shift = 64 - 8 * width;

		head.number = (uint64_t)((int64_t)(head.number << shift) >> shift);
		head.negative = (int64_t)head.number < 0;
	}
	return head;
}

enum tfl_kind tfl_reader_peek(const struct tfl_reader *reader)
{
	uint8_t first;

	if (left(reader) == 0)
		return TFL_KIND_END;
	first = reader->at[0];
	return first < 0xc0 || first >= 0xe0 ? short_head(first).kind : (enum tfl_kind)forms[first & 0x1f].kind;
}

const char *tfl_kind_to_string(enum tfl_kind kind)
{
	return (unsigned)kind < TFL_ARRAY_SIZE(kinds) ? kinds[kind] : "unknown";
}

/* The head, if it is of the wanted kind; a body has to be there in full, and entries need a byte each. */
static int expect(const struct tfl_reader *reader, const char *what, enum tfl_kind wanted, struct head *ret_head, struct tfl_error *error)
{
	struct head head = read_head(reader);
	uint64_t need = 0;

	if (head.kind == TFL_KIND_END || head.kind == TFL_KIND_INVALID || head.kind == TFL_KIND_EXTENSION)
		return tfl_error_set(error, -EBADMSG, "%s must be %s, not %s", what, kinds[wanted], kinds[head.kind]);
	if (head.kind != wanted)
		return tfl_error_set(error, -EINVAL, "%s must be %s, not %s", what, kinds[wanted], kinds[head.kind]);
	if (wanted >= TFL_KIND_STRING && wanted <= TFL_KIND_MAP)
		need = wanted == TFL_KIND_MAP ? 2 * head.number : head.number;
	if (need > left(reader) - head.size)
		return tfl_error_set(error, -EBADMSG, "%s is cut off: it needs %" PRIu64 " bytes, and %zu are left", what, need,
				     left(reader) - head.size);
	*ret_head = head;
	return 0;
}

static int read_count(struct tfl_reader *reader, const char *what, enum tfl_kind kind, uint32_t max, uint32_t *ret_count,
		      struct tfl_error *error)
{
	struct head head;
	int r;

	r = expect(reader, what, kind, &head, error);
	if (r < 0)
		return r;
	if (head.number > max)
		return tfl_error_set(error, -EINVAL, "%s must have at most %" PRIu32 " entries, not %" PRIu64, what, max, head.number);
	reader->at += head.size;
	*ret_count = (uint32_t)head.number;
	return 0;
}

int tfl_reader_map(struct tfl_reader *reader, const char *what, uint32_t max, uint32_t *ret_count, struct tfl_error *error)
{
	return read_count(reader, what, TFL_KIND_MAP, max, ret_count, error);
}

int tfl_reader_array(struct tfl_reader *reader, const char *what, uint32_t max, uint32_t *ret_count, struct tfl_error *error)
{
	return read_count(reader, what, TFL_KIND_ARRAY, max, ret_count, error);
}

int tfl_reader_string(struct tfl_reader *reader, const char *what, size_t max, struct tfl_string *ret_string, struct tfl_error *error)
{
	struct tfl_string string;
	struct head head;
	int r;

	r = expect(reader, what, TFL_KIND_STRING, &head, error);
	if (r < 0)
		return r;
	string = (struct tfl_string){(const char *)reader->at + head.size, head.number};
	if (string.length > max)
		return tfl_error_set(error, -EINVAL, "%s must have at most %zu bytes, not %zu", what, max, string.length);
	if (!tfl_utf8_valid(string.text, string.length))
		return tfl_error_set(error, -EINVAL, "%s must be UTF-8 without NUL bytes", what);
	reader->at += head.size + string.length;
	*ret_string = string;
	return 0;
}

int tfl_reader_binary(struct tfl_reader *reader, const char *what, struct tfl_slice *ret_bytes, struct tfl_error *error)
{
	struct head head;
	int r;

	r = expect(reader, what, TFL_KIND_BINARY, &head, error);
	if (r < 0)
		return r;
	*ret_bytes = (struct tfl_slice){reader->at + head.size, head.number};
	reader->at += head.size + head.number;
	return 0;
}

int tfl_reader_int64(struct tfl_reader *reader, const char *what, int64_t *ret_value, struct tfl_error *error)
{
	struct head head;
	int r;

	r = expect(reader, what, TFL_KIND_INTEGER, &head, error);
	if (r < 0)
		return r;
	if (!head.negative && head.number > INT64_MAX)
		return tfl_error_set(error, -EINVAL, "%s must be at most %" PRId64 ", not %" PRIu64, what, INT64_MAX, head.number);
	reader->at += head.size;
	*ret_value = (int64_t)head.number;
	return 0;
}

int tfl_reader_uint64(struct tfl_reader *reader, const char *what, uint64_t *ret_value, struct tfl_error *error)
{
	struct head head;
	int r;

	r = expect(reader, what, TFL_KIND_INTEGER, &head, error);
	if (r < 0)
		return r;
	if (head.negative)
		return tfl_error_set(error, -EINVAL, "%s must not be negative, as %" PRId64 " is", what, (int64_t)head.number);
	reader->at += head.size;
	*ret_value = head.number;
	return 0;
}

static double float_of(const struct head *head)
{
	uint32_t narrow = (uint32_t)head->number;
	double wide;
	float value;

	if (head->size == 1 + sizeof(wide)) {
		memcpy(&wide, &head->number, sizeof(wide));
		return wide;
	}
	memcpy(&value, &narrow, sizeof(value));
	return (double)value;
}

int tfl_reader_double(struct tfl_reader *reader, const char *what, double *ret_value, struct tfl_error *error)
{
	struct head head = read_head(reader);
	int r;

	if (head.kind == TFL_KIND_INTEGER) {
		*ret_value = head.negative ? (double)(int64_t)head.number : (double)head.number;
	} else {
		r = expect(reader, what, TFL_KIND_FLOAT, &head, error);
		if (r < 0)
			return r;
		*ret_value = float_of(&head);
	}
	reader->at += head.size;
	return 0;
}

int tfl_reader_bool(struct tfl_reader *reader, const char *what, bool *ret_value, struct tfl_error *error)
{
	struct head head;
	int r;

	r = expect(reader, what, TFL_KIND_BOOL, &head, error);
	if (r < 0)
		return r;
	reader->at += head.size;
	*ret_value = head.number != 0;
	return 0;
}

bool tfl_reader_nil(struct tfl_reader *reader)
{
	if (tfl_reader_peek(reader) != TFL_KIND_NIL)
		return false;
	reader->at++;
	return true;
}

/* A walk over one value and all that is in it: open[depth - 1] is the innermost map or array. */
struct walk {
	struct tfl_reader reader;
	const uint8_t *start;
	const char *what;
	struct {
		uint64_t left; /* values still to come; even: a key is next, if it is a map */
		bool map;
	} open[TFL_FRAME_DEPTH_MAX];
	unsigned depth;
	uint32_t values;
};

static int walk_error(const struct walk *walk, struct tfl_error *error, const char *text)
{
	return tfl_error_set(error, -EBADMSG, "%s, byte %zu: %s", walk->what, (size_t)(walk->reader.at - walk->start), text);
}

/* The values of a map or array have to be walked next. */
static int walk_open(struct walk *walk, const struct head *head, struct tfl_error *error)
{
	bool map = head->kind == TFL_KIND_MAP;
	uint64_t values = map ? 2 * head->number : head->number;
	char text[128];

	if (walk->depth == TFL_FRAME_DEPTH_MAX) {
		snprintf(text, sizeof(text), "maps and arrays are nested more than %d deep", TFL_FRAME_DEPTH_MAX);
		return walk_error(walk, error, text);
	}
	if (values > left(&walk->reader) - head->size) {
		snprintf(text, sizeof(text), "%s of %" PRIu64 " entries does not fit into the %zu bytes that are left", kinds[head->kind],
			 head->number, left(&walk->reader) - head->size);
		return walk_error(walk, error, text);
	}
	if (map && head->number > TFL_MAP_MAX) {
		snprintf(text, sizeof(text), "a map has at most %d entries, not %" PRIu64, TFL_MAP_MAX, head->number);
		return walk_error(walk, error, text);
	}
	walk->open[walk->depth].left = values;
	walk->open[walk->depth].map = map;
	walk->depth++;
	walk->reader.at += head->size;
	return 0;
}

/* One value, without what a map or array holds. */
static int walk_value(struct walk *walk, bool key, struct tfl_error *error)
{
	struct head head = read_head(&walk->reader);
	uint64_t body = head.kind == TFL_KIND_STRING || head.kind == TFL_KIND_BINARY ? head.number : 0;

	if (head.kind == TFL_KIND_END)
		return walk_error(walk, error, "it ends in the middle of a value");
	if (head.kind == TFL_KIND_INVALID)
		return walk_error(walk, error, "0xc1 begins no value");
	if (head.kind == TFL_KIND_EXTENSION)
		return walk_error(walk, error, "extension types are not used in this protocol");
	if (key && head.kind != TFL_KIND_STRING)
		return walk_error(walk, error, "a key of a map must be a string");
	if (++walk->values > TFL_FRAME_VALUES_MAX)
		return walk_error(walk, error, "there are too many values in one frame");
	if (head.kind == TFL_KIND_ARRAY || head.kind == TFL_KIND_MAP)
		return walk_open(walk, &head, error);
	if (body > left(&walk->reader) - head.size)
		return walk_error(walk, error, "text or binary data is longer than what is left");
	walk->reader.at += head.size + body;
	return 0;
}

int tfl_reader_skip(struct tfl_reader *reader, const char *what, struct tfl_slice *ret_value, struct tfl_error *error)
{
	struct walk walk; /* open[] is filled as far as depth says: zeroing it would be most of the work for a number */
	bool key = false;
	int r;

	walk.reader = *reader;
	walk.start = reader->at;
	walk.what = what;
	walk.depth = 0;
	walk.values = 0;
	do {
		r = walk_value(&walk, key, error);
		if (r < 0)
			return r;
		while (walk.depth > 0 && walk.open[walk.depth - 1].left == 0)
			walk.depth--;
		if (walk.depth > 0) {
			key = walk.open[walk.depth - 1].map && walk.open[walk.depth - 1].left % 2 == 0;
			walk.open[walk.depth - 1].left--;
		}
	} while (walk.depth > 0);
	*ret_value = (struct tfl_slice){reader->at, (size_t)(walk.reader.at - reader->at)};
	*reader = walk.reader;
	return 0;
}

int tfl_reader_validate(struct tfl_slice bytes, struct tfl_error *error)
{
	struct tfl_reader reader = tfl_reader_of(bytes);
	struct tfl_slice value;
	int r;

	r = tfl_reader_skip(&reader, "message", &value, error);
	if (r < 0)
		return r;
	if (left(&reader) > 0)
		return tfl_error_set(error, -EBADMSG, "message: %zu bytes follow it in the same frame", left(&reader));
	return 0;
}
