/* SPDX-License-Identifier: MIT */
/* Names and sizes of element types. */
#ifndef BASE_DTYPE_H
#define BASE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tfl-types.h"

/** numpy's name of @p dtype ("float32", "bool"), or "unknown" for a value that is none. Static. */
const char *tfl_dtype_to_string(enum tfl_dtype dtype);

/** Finds a type by numpy's name (@p length bytes, no NUL needed). 0, or -EINVAL for an unknown name. */
int tfl_dtype_parse(const char *name, size_t length, enum tfl_dtype *ret_dtype);

/** Bytes of one element; 0 for those without a fixed whole number (string, resource, variant, int4). */
size_t tfl_dtype_size(enum tfl_dtype dtype);

/**
 * Elements of a shape. 0, -EINVAL for a negative dimension, -EOVERFLOW past 2^31 - 1 elements. A shape of rank 0 has one element; a
 * dimension of 0 makes it none.
 */
int tfl_shape_elements(const int32_t *dims, unsigned rank, size_t *ret_elements);

/** Writes "[1, 28, 28, 1]" (NUL-terminated, cut to @p size) and returns @p buffer. */
char *tfl_shape_to_string(const int32_t *dims, unsigned rank, char *buffer, size_t size);

#define TFL_SHAPE_STRING_MAX 112

/** The wire's name of a status ("INVALID_ARGUMENT"), or "UNKNOWN". Static. */
const char *tfl_status_to_string(enum tfl_status status);

#endif
