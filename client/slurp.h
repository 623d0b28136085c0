/* SPDX-License-Identifier: MIT */
/* A whole file in memory. */
#ifndef CLIENT_SLURP_H
#define CLIENT_SLURP_H

#include <stddef.h>
#include <stdint.h>

struct tfl_error;

/**
 * Opens the regular file at @p path for reading; what it is else is refused at once, a FIFO that nobody writes to as well. On success
 * *ret_fd is the caller's. Errors: -EINVAL, what open says; all name the file.
 */
int tfl_open_file(const char *path, int *ret_fd, struct tfl_error *error);

/**
 * Reads the regular file at @p path ("-": standard input, whatever it is) to its end into memory that the caller frees. One byte past the
 * end is readable and 0, so that a text file is a string. Errors: -EFBIG past @p limit bytes, -ENOMEM, what tfl_open_file() and read say;
 * all name the file.
 */
int tfl_slurp(const char *path, size_t limit, uint8_t **ret_data, size_t *ret_size, struct tfl_error *error);

#endif
