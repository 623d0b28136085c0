/* SPDX-License-Identifier: MIT */
/*
 * Maps with known keys, one table row a key, read into a struct and written from it. Parsing: keys that are not in the table are ignored; a
 * known key that comes twice is an error; nil counts as not given; order does not matter. Everything comes out as views into the map.
 *
 * Errors are sentences that name the key: "params: 'priority' must be an integer from 1 to 255, not 0".
 */
#ifndef PROTO_PARAMS_H
#define PROTO_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/util.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_writer;

/* The kind of a value, the type of the struct's member, and what stands there when an optional key is not given. */
enum tfl_param_kind {
	TFL_PARAM_STRING, /* struct tfl_string of min to max bytes; text NULL */
	TFL_PARAM_NAME,   /* struct tfl_string, tfl_model_name_valid(); text NULL */
	TFL_PARAM_UINT32, /* uint32_t from min to max; 0, so min is 1 for an optional one */
	TFL_PARAM_UINT64, /* uint64_t from min to max; likewise */
	TFL_PARAM_INDEX,  /* int32_t from 0 to max; -1 */
	TFL_PARAM_BOOL,   /* bool; false */
	TFL_PARAM_DTYPE,  /* enum tfl_dtype; TFL_DTYPE_COUNT */
	TFL_PARAM_SHAPE,  /* struct tfl_wire_shape; rank -1 */
	TFL_PARAM_ARRAY,  /* struct tfl_wire_array of min to max elements; count 0 */
	TFL_PARAM_VALUE,  /* struct tfl_slice, any encoded value; data NULL */
	TFL_PARAM_KIND_COUNT
};

struct tfl_wire_shape {
	int32_t rank; /* 0 to TFL_RANK_MAX; -1: not given */
	int32_t dims[TFL_RANK_MAX];
};

/* Encoded elements, one behind the other. */
struct tfl_wire_array {
	struct tfl_slice elements;
	uint32_t count;
};

struct tfl_param {
	const char *key;
	enum tfl_param_kind kind;
	bool required;
	size_t offset;    /* of the member */
	uint64_t min, max;
	const char *noun; /* what an array holds, in the plural */
};

struct tfl_param_table {
	const struct tfl_param *rows;
	unsigned count; /* at most 32 */
	size_t size;    /* of the struct, at most TFL_PARAMS_SIZE_MAX */
};

#define TFL_PARAMS_SIZE_MAX 512

#define TFL_PARAM_TABLE(array, type) {.rows = (array), .count = TFL_ARRAY_SIZE(array), .size = sizeof(type)}

/**
 * Reads @p map, which must be well-formed (tfl_message_parse() has seen to that), into the struct @p ret_struct: members that no row names
 * become 0. @p where opens the sentence of an error ("params"); NULL: the caller puts something before it.
 * 0, or -EINVAL, or -EBADMSG for bytes that are not well-formed after all.
 */
int tfl_params_parse(const struct tfl_param_table *table, struct tfl_slice map, const char *where, void *ret_struct,
		     struct tfl_error *error);

/** How many keys tfl_params_write() would write: the required ones, and the optional ones that are given. */
uint32_t tfl_params_count(const struct tfl_param_table *table, const void *values);

/** Writes the keys and values (arrays and encoded values left out) behind a map header of the caller's. */
void tfl_params_write(const struct tfl_param_table *table, const void *values, struct tfl_writer *writer);

#endif
