/* SPDX-License-Identifier: MIT */
/* Names of classes, from a text file: one a line, or "number label" lines. */
#ifndef CLIENT_LABELS_H
#define CLIENT_LABELS_H

#include <stddef.h>
#include <stdint.h>

struct tfl_error;

/* names[i] is the label of class i, or NULL. Points into text. */
struct tfl_labels {
	uint8_t *text;
	const char **names;
	size_t count;
};

/**
 * Reads the file at @p path. Where every line begins with a whole number and a blank, the numbers are the classes; else line i (from 0) is
 * class i. Errors: -EINVAL for what is no text, -EFBIG past the limits, what open and read say; all name the file.
 */
int tfl_labels_read(const char *path, struct tfl_labels *ret_labels, struct tfl_error *error);

/** Idempotent. */
void tfl_labels_finish(struct tfl_labels *labels);

#endif
