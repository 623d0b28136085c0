/* SPDX-License-Identifier: MIT */
/* Names of classes out of a text: one a line, or "number label" lines. */
#ifndef BASE_LABELS_H
#define BASE_LABELS_H

#include <stddef.h>

struct tfl_error;

/* names[i] is the label of class i, or NULL. Points into text. Zeroed memory has no labels. */
struct tfl_labels {
	char *text;
	const char **names;
	size_t count;
};

/**
 * Cuts the @p size bytes at @p text, allocated and with a NUL behind, into labels. Where every line begins with a whole number and a
 * blank, the numbers are the classes; else line i (from 0) is class i; lines past TFL_LABELS_MAX are left out. On success the text is the
 * labels'. Errors: -EINVAL for what is empty or no UTF-8, -ENOMEM; the caller puts the file's name before the sentence.
 */
int tfl_labels_parse(char *text, size_t size, struct tfl_labels *ret_labels, struct tfl_error *error);

/** Idempotent. */
void tfl_labels_finish(struct tfl_labels *labels);

#endif
