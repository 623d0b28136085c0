/* SPDX-License-Identifier: MIT */
/*
 * Label files come in two shapes: plain lines, and lines that carry their class number in front because some classes are left out. A file
 * is of the second shape only if all its lines are, so that a label such as "100 metres" alone changes nothing.
 */
#include "base/labels.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/util.h"

/* The number that a line begins with, and the label behind it; -1 if it is no such line. */
static long numbered(char *line, char **ret_label)
{
	char *end;
	long number;

	if (*line < '0' || *line > '9')
		return -1;
	number = strtol(line, &end, 10);
	if ((*end != ' ' && *end != '\t') || number >= TFL_LABELS_MAX)
		return -1;
	*ret_label = end + strspn(end, " \t");
	return number;
}

/* Splits into lines in place; a final newline ends the last one. */
static size_t split(char *text, size_t size, char **lines, size_t max)
{
	char *end = text + size, *newline;
	size_t count = 0;

	while (text < end && count < max) {
		newline = memchr(text, '\n', (size_t)(end - text));
		lines[count++] = text;
		text = newline ? newline + 1 : end;
		if (newline)
			*newline = '\0';
		if (newline && newline > lines[count - 1] && newline[-1] == '\r')
			newline[-1] = '\0';
	}
	return count;
}

/* Moves lines[] to the classes they name. */
static int by_number(struct tfl_labels *labels, char **lines, size_t count)
{
	char *label = NULL;

	labels->count = 0;
	for (size_t i = 0; i < count; i++) {
		long number = numbered(lines[i], &label);

		if ((size_t)number >= labels->count)
			labels->count = (size_t)number + 1;
	}
	labels->names = calloc(labels->count, sizeof(*labels->names));
	if (!labels->names)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		long number = numbered(lines[i], &label);

		labels->names[number] = label;
	}
	return 0;
}

/* Some editors begin a text with this one. */
static size_t byte_order_mark(const char *text, size_t size)
{
	return size >= 3 && memcmp(text, "\357\273\277", 3) == 0 ? 3 : 0;
}

int tfl_labels_parse(char *text, size_t size, struct tfl_labels *ret_labels, struct tfl_error *error)
{
	_tfl_free_ char **lines = NULL;
	size_t mark = byte_order_mark(text, size);
	struct tfl_labels labels = {0};
	bool all_numbered = true;
	char *label = NULL;

	if (size == mark || !tfl_utf8_valid(text, size))
		return tfl_error_set(error, -EINVAL, "%s; one label a line is needed", size > mark ? "no UTF-8 text" : "an empty file");
	lines = calloc(TFL_LABELS_MAX, sizeof(*lines));
	if (!lines)
		return tfl_error_set(error, -ENOMEM, "no memory for labels");
	labels.count = split(text + mark, size - mark, lines, TFL_LABELS_MAX);
	for (size_t i = 0; i < labels.count && all_numbered; i++)
		all_numbered = numbered(lines[i], &label) >= 0;
	if (all_numbered && by_number(&labels, lines, labels.count) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory for labels");
	if (!all_numbered)
		labels.names = (const char **)TFL_STEAL(lines); /* what no line was written to takes no memory */
	labels.text = text;
	*ret_labels = labels;
	return 0;
}

void tfl_labels_finish(struct tfl_labels *labels)
{
	free(labels->text);
	free(labels->names);
	*labels = (struct tfl_labels){0};
}
