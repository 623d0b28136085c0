/* SPDX-License-Identifier: MIT */
/* Writing a file that others may be reading. */
#ifndef CLIENT_REPLACE_H
#define CLIENT_REPLACE_H

#include <stddef.h>

struct tfl_error;

/**
 * Writes a whole file: whoever opens @p path finds the one that was there or the new one, never a part, and after a failure the old one.
 * What is there and no regular file (a pipe, a terminal) is written to as it is. -errno with a sentence.
 */
int ctl_replace_file(const char *path, const void *data, size_t size, struct tfl_error *error);

#endif
