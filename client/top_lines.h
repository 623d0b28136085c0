/* SPDX-License-Identifier: MIT */
/*
 * Lines of styled text for a terminal that is not there yet. Text is cleaned on its way in, and spelled in ASCII where the terminal has
 * no better; a line keeps the columns it has room for and drops the rest.
 */
#ifndef CLIENT_TOP_LINES_H
#define CLIENT_TOP_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define TOP_COLUMNS_MAX 300
#define TOP_SPANS_MAX 24

enum top_style { TOP_PLAIN, TOP_BOLD, TOP_DIM, TOP_HEAD, TOP_CURSOR, TOP_GOOD, TOP_WATCH, TOP_BAD, TOP_STYLES };

/* Bytes of a line. */
struct top_span {
	size_t begin, end;
	enum top_style style;
};

struct top_line {
	char text[4 * TOP_COLUMNS_MAX + 1]; /* UTF-8 */
	size_t length;                      /* bytes */
	unsigned columns;
	enum top_style style; /* where no span is */
	struct top_span spans[TOP_SPANS_MAX];
	unsigned span_count;
};

/* Zeroed memory, with the width set, is no lines. */
struct top_lines {
	unsigned width;
	bool ascii;
	struct top_line *lines;
	unsigned count, capacity;
};

/** Empties it; what is behind it is kept for the next drawing. */
void top_lines_clear(struct top_lines *lines, unsigned width);
void top_lines_finish(struct top_lines *lines);

/** A new line, to which what follows is added. */
void top_line_begin(struct top_lines *lines, enum top_style style);

/** Adds text to the last line. */
void top_add(struct top_lines *lines, enum top_style style, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** The same in a cell of @p columns, to the @p right of it or to the left; what is too long loses its middle. */
void top_add_cell(struct top_lines *lines, enum top_style style, unsigned columns, bool right, const char *text);

/** Blanks up to column @p column of the last line. */
void top_add_gap(struct top_lines *lines, unsigned column);

/** A line of one style, and an empty one. */
void top_add_line(struct top_lines *lines, enum top_style style, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Text over as many lines as it takes, cut between words, @p indent blanks in front of each. */
void top_add_wrapped(struct top_lines *lines, enum top_style style, unsigned indent, const char *text);

#endif
