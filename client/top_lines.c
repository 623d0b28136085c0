/* SPDX-License-Identifier: MIT */
/*
 * The width holds while a line is made, so no caller counts: what no longer fits is dropped, with its style. Memory that a line could not
 * get ends the tool, as in print.c.
 */
#include "client/top_lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/print.h"

/* What a terminal without UTF-8 shows. */
static const struct {
	const char *text;
	char ascii;
} spellings[] = {
	{"▁", '.'}, {"▂", ':'}, {"▃", '-'}, {"▄", '='}, {"▅", '+'}, {"▆", '*'}, {"▇", '%'}, {"█", '#'},
	{"▉", '#'}, {"▊", '#'}, {"▋", '#'}, {"▌", ':'}, {"▍", ':'}, {"▎", '.'}, {"▏", '.'}, {"µ", 'u'},
	{"…", '~'}, {"▲", '^'}, {"▼", 'v'},
};

void top_lines_clear(struct top_lines *lines, unsigned width)
{
	lines->width = width < TOP_COLUMNS_MAX ? width : TOP_COLUMNS_MAX;
	lines->count = 0;
}

void top_lines_finish(struct top_lines *lines)
{
	free(lines->lines);
	lines->lines = NULL;
	lines->count = lines->capacity = 0;
}

void top_line_begin(struct top_lines *lines, enum top_style style)
{
	struct top_line *line;

	if (lines->count == lines->capacity) {
		lines->capacity = lines->capacity ? 2 * lines->capacity : 32;
		lines->lines = reallocarray(lines->lines, lines->capacity, sizeof(*lines->lines));
		if (!lines->lines) {
			fputs("tflctl: no memory\n", stderr);
			exit(1);
		}
	}
	line = &lines->lines[lines->count++];
	line->text[0] = '\0';
	line->length = line->columns = line->span_count = 0;
	line->style = style;
}

static size_t character_bytes(const char *text)
{
	size_t bytes = 1;

	while (((unsigned char)text[bytes] & 0xc0) == 0x80)
		bytes++;
	return bytes;
}

static char ascii_of(const char *text, size_t bytes)
{
	if (bytes == 1)
		return *text;
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(spellings); i++) {
		if (strlen(spellings[i].text) == bytes && memcmp(spellings[i].text, text, bytes) == 0)
			return spellings[i].ascii;
	}
	return '?';
}

/* @p text is clean. */
static void add_text(struct top_lines *lines, enum top_style style, const char *text)
{
	struct top_line *line = &lines->lines[lines->count - 1];
	size_t begin = line->length;

	for (size_t bytes; *text && line->columns < lines->width; text += bytes) {
		bytes = character_bytes(text);
		if (lines->ascii) {
			line->text[line->length++] = ascii_of(text, bytes);
		} else {
			memcpy(line->text + line->length, text, bytes);
			line->length += bytes;
		}
		line->columns++;
	}
	line->text[line->length] = '\0';
	if (style != line->style && line->length > begin && line->span_count < TOP_SPANS_MAX)
		line->spans[line->span_count++] = (struct top_span){begin, line->length, style};
}

__attribute__((format(printf, 3, 0)))
static void add_format(struct top_lines *lines, enum top_style style, const char *format, va_list args)
{
	char text[4 * TOP_COLUMNS_MAX + 1];

	vsnprintf(text, sizeof(text), format, args);
	add_text(lines, style, ctl_clean_text(text));
}

void top_add(struct top_lines *lines, enum top_style style, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_format(lines, style, format, args);
	va_end(args);
}

void top_add_line(struct top_lines *lines, enum top_style style, const char *format, ...)
{
	va_list args;

	top_line_begin(lines, style);
	va_start(args, format);
	add_format(lines, style, format, args);
	va_end(args);
}

void top_add_cell(struct top_lines *lines, enum top_style style, unsigned columns, bool right, const char *text)
{
	char clean[4 * TOP_COLUMNS_MAX + 1], cell[4 * TOP_COLUMNS_MAX + 1];
	size_t blanks;

	if (columns == 0 || columns > TOP_COLUMNS_MAX)
		return;
	snprintf(clean, sizeof(clean), "%s", text);
	ctl_format_short(cell, columns, ctl_clean_text(clean));
	blanks = columns - ctl_text_columns(cell);
	if (right && blanks > 0)
		top_add(lines, style, "%*s", (int)blanks, "");
	add_text(lines, style, cell);
	if (!right && blanks > 0)
		top_add(lines, lines->lines[lines->count - 1].style, "%*s", (int)blanks, "");
}

void top_add_gap(struct top_lines *lines, unsigned column)
{
	const struct top_line *line = &lines->lines[lines->count - 1];

	if (line->columns < column)
		top_add(lines, line->style, "%*s", (int)(column - line->columns), "");
}

void top_add_wrapped(struct top_lines *lines, enum top_style style, unsigned indent, const char *text)
{
	while (*text) {
		size_t fits = 0, columns = indent, at = 0;

		while (text[at] && (columns < lines->width || fits == 0)) {
			at += character_bytes(text + at);
			columns++;
			if ((text[at] == ' ' || !text[at]) && columns <= lines->width)
				fits = at;
			if (columns >= lines->width && fits == 0)
				fits = at; /* a word that is longer than a line */
		}
		top_add_line(lines, style, "%*s%.*s", (int)indent, "", (int)fits, text);
		text += fits;
		text += strspn(text, " ");
	}
}
