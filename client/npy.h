/* SPDX-License-Identifier: MIT */
/* Arrays as numpy saves them (.npy, versions 1 to 3): little-endian or single bytes, C order. */
#ifndef CLIENT_NPY_H
#define CLIENT_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/tfl-types.h"

struct tfl_error;

/* A view of the array in the file's bytes; owns nothing. */
struct tfl_npy {
	enum tfl_dtype dtype;
	uint32_t rank;
	int32_t dims[TFL_RANK_MAX];
	const uint8_t *data; /* unaligned */
	size_t bytes;
};

/** Whether @p data begins as an .npy file does. */
bool tfl_npy_is(const void *data, size_t size);

/** Reads a whole file's bytes. 0, or -EINVAL with a sentence; the data has exactly the bytes that shape and type say. */
int tfl_npy_parse(const void *data, size_t size, struct tfl_npy *ret_array, struct tfl_error *error);

/** Writes @p array. 0; -EINVAL for a type that numpy has not; -EIO. */
int tfl_npy_write(FILE *file, const struct tfl_npy *array);

#endif
