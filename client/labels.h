/* SPDX-License-Identifier: MIT */
/* Names of classes, from a text file. */
#ifndef CLIENT_LABELS_H
#define CLIENT_LABELS_H

#include "base/labels.h"

struct tfl_error;

/**
 * Reads the file at @p path as tfl_labels_parse() does. Errors: -EINVAL for what is no text, -EFBIG past the limits, what open and read
 * say; all name the file.
 */
int tfl_labels_read(const char *path, struct tfl_labels *ret_labels, struct tfl_error *error);

#endif
