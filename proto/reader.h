/* SPDX-License-Identifier: MIT */
/*
 * Pull reader of MessagePack over a range of bytes. Allocates nothing, copies nothing: text and binary data come out as views into the
 * range. Never reads past the end, whatever the bytes say; counts of maps and arrays are checked against the bytes that are left before
 * they are believed.
 *
 * Every function that reads takes `what`, the words that stand for the value in an error ("'version'"), and moves on only when it
 * succeeds. Errors: -EBADMSG when the bytes are no MessagePack of this protocol (cut off, ext types, too deep), -EINVAL when a sound
 * value is not the one that was wanted.
 *
 * A reader belongs to one thread; it is plain data, and a copy is a bookmark.
 */
#ifndef PROTO_READER_H
#define PROTO_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/view.h"

struct tfl_error;

enum tfl_kind {
	TFL_KIND_NIL,
	TFL_KIND_BOOL,
	TFL_KIND_INTEGER,
	TFL_KIND_FLOAT,
	TFL_KIND_STRING,
	TFL_KIND_BINARY,
	TFL_KIND_ARRAY,
	TFL_KIND_MAP,
	TFL_KIND_EXTENSION, /* refused everywhere */
	TFL_KIND_INVALID,   /* the byte 0xc1 */
	TFL_KIND_END        /* no bytes are left */
};

struct tfl_reader {
	const uint8_t *at;
	const uint8_t *end;
};

static inline struct tfl_reader tfl_reader_of(struct tfl_slice bytes)
{
	return (struct tfl_reader){bytes.data, bytes.size ? bytes.data + bytes.size : bytes.data};
}

/** What comes next, by its first byte; nothing is read. */
enum tfl_kind tfl_reader_peek(const struct tfl_reader *reader);

/** With its article, for a sentence: "a string", "an integer", "nothing". Static. */
const char *tfl_kind_to_string(enum tfl_kind kind);

/**
 * The header of a map (array): its entries follow. -EINVAL past @p max entries, -EBADMSG when the bytes that are left cannot hold so many.
 */
int tfl_reader_map(struct tfl_reader *reader, const char *what, uint32_t max, uint32_t *ret_count, struct tfl_error *error);
int tfl_reader_array(struct tfl_reader *reader, const char *what, uint32_t max, uint32_t *ret_count, struct tfl_error *error);

/** Text of at most @p max bytes, valid UTF-8, without NUL bytes. */
int tfl_reader_string(struct tfl_reader *reader, const char *what, size_t max, struct tfl_string *ret_string, struct tfl_error *error);

/** Binary data. A string is not binary data: -EINVAL. */
int tfl_reader_binary(struct tfl_reader *reader, const char *what, struct tfl_slice *ret_bytes, struct tfl_error *error);

/** An integer of any encoding whose value fits; a float never does, whole or not. */
int tfl_reader_int64(struct tfl_reader *reader, const char *what, int64_t *ret_value, struct tfl_error *error);
int tfl_reader_uint64(struct tfl_reader *reader, const char *what, uint64_t *ret_value, struct tfl_error *error);

/** A float of either width, or an integer (rounded where a double cannot hold it). */
int tfl_reader_double(struct tfl_reader *reader, const char *what, double *ret_value, struct tfl_error *error);

int tfl_reader_bool(struct tfl_reader *reader, const char *what, bool *ret_value, struct tfl_error *error);

/** Reads a nil if one is next, and says whether it was. */
bool tfl_reader_nil(struct tfl_reader *reader);

/**
 * One whole value, with everything in it, as the bytes that encode it. Nested at most TFL_FRAME_DEPTH_MAX deep, at most
 * TFL_FRAME_VALUES_MAX values, keys of maps are strings.
 */
int tfl_reader_skip(struct tfl_reader *reader, const char *what, struct tfl_slice *ret_value, struct tfl_error *error);

/**
 * True to the letter: @p bytes are exactly one value within all limits, and nothing behind it. What passed may still hold unexpected
 * types, but no read of it can fail with -EBADMSG. 0 or -EBADMSG.
 */
int tfl_reader_validate(struct tfl_slice bytes, struct tfl_error *error);

#endif
