/* SPDX-License-Identifier: MIT */
/* A whole file in memory. */
#ifndef CLIENT_SLURP_H
#define CLIENT_SLURP_H

#include <stddef.h>
#include <stdint.h>

struct tfl_error;

/**
 * Reads the file at @p path ("-": standard input) to its end into memory that the caller frees. One byte past the end is readable and 0,
 * so that a text file is a string. Errors: -EFBIG past @p limit bytes, -ENOMEM, what open and read say; all name the file.
 */
int tfl_slurp(const char *path, size_t limit, uint8_t **ret_data, size_t *ret_size, struct tfl_error *error);

#endif
