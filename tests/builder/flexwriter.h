/* SPDX-License-Identifier: MIT */
/*
 * Writing of a FlexBuffers map of numbers, as converters give one to custom operators: keys in order, one width for all values, another for
 * the offsets to keys.
 */
#ifndef TESTS_BUILDER_FLEXWRITER_H
#define TESTS_BUILDER_FLEXWRITER_H

#include <stddef.h>
#include <stdint.h>

enum tfl_flexw_kind {
	TFL_FLEXW_NULL = 0,
	TFL_FLEXW_INT = 1,
	TFL_FLEXW_UINT = 2,
	TFL_FLEXW_REAL = 3,
	TFL_FLEXW_INDIRECT_INT = 6, /* an offset to it stands among the values */
	TFL_FLEXW_INDIRECT_UINT = 7,
	TFL_FLEXW_INDIRECT_REAL = 8,
	TFL_FLEXW_BOOL = 26,
};

struct tfl_flexw_entry {
	const char *name;
	enum tfl_flexw_kind kind;
	int64_t integer;
	double real; /* REAL */
};

/**
 * Writes the map to @p ret_data and returns its size; 0 where it does not fit @p capacity, or its offsets not their width. Entries are
 * written in the order of their names. @p width is 1, 2, 4 or 8, and at least 4 for real numbers; what is indirect takes that width too.
 */
size_t tfl_flexw_map(const struct tfl_flexw_entry *entries, unsigned count, unsigned width, unsigned key_width, uint8_t *ret_data,
		     size_t capacity);

#endif
