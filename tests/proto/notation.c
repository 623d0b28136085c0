/* SPDX-License-Identifier: MIT */
/*
 * Values are appended as they are read. Counts are not known in front, so maps and arrays always have 16-bit counts, filled in at the
 * end.
 */
#include "tests/proto/notation.h"

#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "base/util.h"
#include "tests/proto/wire.h"

struct notation {
	const char *at;
	msgpack_sbuffer buffer;
	msgpack_packer packer;
};

static void encode(struct notation *notation);

static void skip_blanks(struct notation *notation)
{
	while (*notation->at == ' ')
		notation->at++;
}

static bool next_is(struct notation *notation, char c)
{
	skip_blanks(notation);
	if (*notation->at != c)
		return false;
	notation->at++;
	return true;
}

/* Repeats what was appended since @p start, if "*n" follows. Returns n. */
static unsigned repeat(struct notation *notation, size_t start)
{
	size_t size = notation->buffer.size - start;
	char *copy, *end;
	unsigned count;

	if (!next_is(notation, '*'))
		return 1;
	count = (unsigned)strtoul(notation->at, &end, 10);
	notation->at = end;
	copy = malloc(size);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, notation->buffer.data + start, size);
	for (unsigned i = 1; i < count; i++)
		msgpack_sbuffer_write(&notation->buffer, copy, size);
	free(copy);
	return count;
}

static void encode_key(struct notation *notation)
{
	const char *start;

	skip_blanks(notation);
	start = notation->at;
	if (!isalpha((unsigned char)*start)) {
		encode(notation);
		return;
	}
	while (isalnum((unsigned char)*notation->at) || *notation->at == '_')
		notation->at++;
	msgpack_pack_str_with_body(&notation->packer, start, (size_t)(notation->at - start));
}

/* Entries up to the closing bracket. */
static void encode_entries(struct notation *notation, bool map)
{
	size_t head = notation->buffer.size;
	unsigned count = 0;

	msgpack_sbuffer_write(&notation->buffer, map ? "\xde\0\0" : "\xdc\0\0", 3);
	while (!next_is(notation, map ? '}' : ']')) {
		size_t start = notation->buffer.size;

		if (map) {
			encode_key(notation);
			ck_assert_msg(next_is(notation, ':'), "':' is missing before \"%s\"", notation->at);
		}
		encode(notation);
		count += repeat(notation, start);
		next_is(notation, ',');
	}
	notation->buffer.data[head + 1] = (char)(count >> 8);
	notation->buffer.data[head + 2] = (char)count;
}

static void encode_text(struct notation *notation)
{
	const char *end = strchr(notation->at, '\'');

	ck_assert_ptr_nonnull(end);
	msgpack_pack_str_with_body(&notation->packer, notation->at, (size_t)(end - notation->at));
	notation->at = end + 1;
}

static void encode_binary(struct notation *notation)
{
	char *end;
	size_t size = strtoul(notation->at, &end, 10);

	ck_assert_int_eq(*end, '>');
	msgpack_pack_bin(&notation->packer, size);
	for (size_t i = 0; i < size; i++)
		msgpack_sbuffer_write(&notation->buffer, (const char[]){(char)i}, 1);
	notation->at = end + 1;
}

static void encode_number(struct notation *notation)
{
	size_t length = strspn(notation->at, "+-.0123456789e");
	char *end;

	ck_assert_msg(length > 0, "no value: \"%s\"", notation->at);
	if (memchr(notation->at, '.', length))
		msgpack_pack_double(&notation->packer, strtod(notation->at, &end));
	else if (notation->at[0] == '-')
		msgpack_pack_int64(&notation->packer, strtoll(notation->at, &end, 10));
	else
		msgpack_pack_uint64(&notation->packer, strtoull(notation->at, &end, 10));
	notation->at = end;
}

static const struct {
	const char *word;
	struct tfl_slice bytes;
} words[] = {
	{"nil", BYTES("\xc0")},
	{"true", BYTES("\xc3")},
	{"false", BYTES("\xc2")},
	{"ext", BYTES("\xd4\x01\x02")},
};

static void encode(struct notation *notation)
{
	skip_blanks(notation);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(words); i++) {
		if (strncmp(notation->at, words[i].word, strlen(words[i].word)) != 0)
			continue;
		notation->at += strlen(words[i].word);
		msgpack_sbuffer_write(&notation->buffer, (const char *)words[i].bytes.data, words[i].bytes.size);
		return;
	}
	if (next_is(notation, '{'))
		encode_entries(notation, true);
	else if (next_is(notation, '['))
		encode_entries(notation, false);
	else if (next_is(notation, '\''))
		encode_text(notation);
	else if (next_is(notation, '<'))
		encode_binary(notation);
	else
		encode_number(notation);
}

struct tfl_slice notation_encode(const char *text)
{
	struct notation notation = {.at = text};
	struct tfl_slice bytes;

	msgpack_sbuffer_init(&notation.buffer);
	msgpack_packer_init(&notation.packer, &notation.buffer, msgpack_sbuffer_write);
	encode(&notation);
	ck_assert_msg(*notation.at == '\0', "behind the value stands \"%s\"", notation.at);
	bytes = wire_copy((struct tfl_slice){(const uint8_t *)notation.buffer.data, notation.buffer.size});
	msgpack_sbuffer_destroy(&notation.buffer);
	return bytes;
}
