/* SPDX-License-Identifier: MIT */
/* Text for people: units, and tables whose columns line up. */
#ifndef CLIENT_PRINT_H
#define CLIENT_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CTL_UNIT_MAX 32

/** Three digits with a unit: "850 ns", "13.1 µs", "0.31 ms" … Writes to @p buffer (CTL_UNIT_MAX bytes) and returns it. */
char *ctl_format_duration(char *buffer, double nanoseconds);

/** "512 B", "1.50 KiB", "3.47 MiB" … */
char *ctl_format_bytes(char *buffer, uint64_t bytes);

/** Three digits and a power of a thousand: "950", "12.3 k", "300 M", "1.20 G" … */
char *ctl_format_count(char *buffer, uint64_t count);

/** @p text in at most @p columns characters: what is too long loses its middle for a "…". @p buffer has 4 bytes a column and one more. */
char *ctl_format_short(char *buffer, unsigned columns, const char *text);

/** "3 days", "4 h 12 min", "5 min 3 s", "12 s". */
char *ctl_format_uptime(char *buffer, uint64_t seconds);

/** "2026-11-20T21:03:28Z" of a Unix time: UTC, as the daemon's reasons have it; "-" for 0. */
char *ctl_format_time(char *buffer, uint64_t seconds);

/** A bar of @p share (0 to 1) of @p columns, in eighths of a column, and blanks up to them. @p buffer has 3 bytes a column and one more. */
char *ctl_format_bar(char *buffer, unsigned columns, double share);

/** Columns that text takes, one a character. */
size_t ctl_text_columns(const char *text);

/** What ctl_print_text() does, in place. Returns @p text. */
char *ctl_clean_text(char *text);

/** Makes @p text UTF-8 in place, as JSON wants it: each byte that is none becomes a question mark. Returns @p text. */
char *ctl_repair_text(char *text);

/** Text that somebody else chose: control characters, which could steer a terminal, and bytes that are no UTF-8 become question marks. */
void ctl_print_text(FILE *file, const char *text);

/** As printf(), and the result is cleaned like that, except for newlines. For lines with names, labels and reasons in them. */
void ctl_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Columns that text for people keeps to, at most and at least. */
#define CTL_WIDTH 100
#define CTL_WIDTH_MIN 60

/** Those that standard output has, between the two; CTL_WIDTH where it is no terminal. */
unsigned ctl_width(void);

/**
 * Prints @p text, cleaned, in lines of at most ctl_width() columns: the first behind @p label padded to @p indent columns, the others
 * behind as many blanks. Words longer than a line stand alone. Nothing where @p text is NULL or empty.
 */
void ctl_print_wrapped(const char *label, unsigned indent, const char *text);

/** The same of what the format says. */
void ctl_printf_wrapped(const char *label, unsigned indent, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** "s" behind a noun, unless there is one of it. */
const char *ctl_plural(uint64_t count);

#define CTL_COLUMNS_MAX 12

/* Zeroed memory, with the number of columns set, is an empty table. Cells are added row by row. */
struct ctl_table {
	unsigned columns;
	unsigned right; /* bit set: the columns (from bit 0) that are aligned to the right */
	char **cells;
	size_t count, capacity;
};

/** The next cell; cleaned as ctl_print_text() does. */
void ctl_table_add(struct ctl_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Lines below the row before, wrapped as ctl_print_wrapped() does, @p indent columns in; the columns of the table do not see them. */
void ctl_table_note(struct ctl_table *table, unsigned indent, const char *text);

/** Prints with two blanks between columns and @p indent in front, and frees the cells. */
void ctl_table_print(struct ctl_table *table, const char *indent);

#endif
