/* SPDX-License-Identifier: MIT */
/*
 * Widths are counted in characters, not in bytes: "µs" takes two columns. What ends up on a terminal passes clean(), because names and
 * labels come from model files of others. A tool that has no memory for a line of text ends; there is nothing better to do.
 */
#include "client/print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/utf8.h"
#include "base/util.h"

#define NOTE '\1'

static char *three_digits(char *buffer, double value, const char *unit)
{
	snprintf(buffer, CTL_UNIT_MAX, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, unit);
	return buffer;
}

char *ctl_format_duration(char *buffer, double nanoseconds)
{
	static const char *const units[] = {"µs", "ms", "s"};
	double value = nanoseconds / 1e3;
	unsigned unit = 0;

	if (nanoseconds < 1000) {
		snprintf(buffer, CTL_UNIT_MAX, "%.0f ns", nanoseconds);
		return buffer;
	}
	for (; value >= 999.5 && unit + 1 < TFL_ARRAY_SIZE(units); unit++)
		value /= 1000;
	return three_digits(buffer, value, units[unit]);
}

char *ctl_format_bytes(char *buffer, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes / 1024;
	unsigned unit = 0;

	if (bytes < 1024) {
		snprintf(buffer, CTL_UNIT_MAX, "%u B", (unsigned)bytes);
		return buffer;
	}
	for (; value >= 999.5 && unit + 1 < TFL_ARRAY_SIZE(units); unit++)
		value /= 1024;
	return three_digits(buffer, value, units[unit]);
}

char *ctl_format_count(char *buffer, uint64_t count)
{
	static const char *const units[] = {"k", "M", "G", "T", "P", "E"};
	double value = (double)count / 1000;
	unsigned unit = 0;

	if (count < 1000) {
		snprintf(buffer, CTL_UNIT_MAX, "%u", (unsigned)count);
		return buffer;
	}
	for (; value >= 999.5 && unit + 1 < TFL_ARRAY_SIZE(units); unit++)
		value /= 1000;
	return three_digits(buffer, value, units[unit]);
}

char *ctl_format_uptime(char *buffer, uint64_t seconds)
{
	unsigned long long whole = seconds;

	if (whole < 60)
		snprintf(buffer, CTL_UNIT_MAX, "%llu s", whole);
	else if (whole < 3600)
		snprintf(buffer, CTL_UNIT_MAX, "%llu min %llu s", whole / 60, whole % 60);
	else if (whole < 2 * 86400)
		snprintf(buffer, CTL_UNIT_MAX, "%llu h %llu min", whole / 3600, whole / 60 % 60);
	else
		snprintf(buffer, CTL_UNIT_MAX, "%llu days", whole / 86400);
	return buffer;
}

char *ctl_format_bar(char *buffer, unsigned columns, double share)
{
	static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	unsigned eighths = (unsigned)(share * columns * 8 + 0.5), used = eighths / 8 + (eighths % 8 > 0);
	char *end = buffer;

	for (unsigned i = 0; i < eighths / 8; i++)
		end = stpcpy(end, "█");
	end = stpcpy(end, parts[eighths % 8]);
	sprintf(end, "%*s", (int)(columns - used), "");
	return buffer;
}

char *ctl_format_time(char *buffer, uint64_t seconds)
{
	time_t at = (time_t)seconds;
	struct tm parts;

	if (seconds == 0 || !gmtime_r(&at, &parts) || strftime(buffer, CTL_UNIT_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		strcpy(buffer, "-");
	return buffer;
}

/* Bytes of the character at the front of @p text, 1 to 4; 0 if it is no UTF-8. */
static size_t character(const char *text)
{
	size_t length = strnlen(text, 4);

	for (size_t i = 1; i <= length; i++) {
		if (tfl_utf8_valid(text, i))
			return i;
	}
	return 0;
}

char *ctl_repair_text(char *text)
{
	for (char *c = text; *c;) {
		size_t length = character(c);

		if (length == 0)
			*c = '?';
		c += length ? length : 1;
	}
	return text;
}

/* In place: what is no UTF-8, C0 (except @p kept), DEL and C1 (in UTF-8: c2 80 to c2 9f). */
static void clean(char *text, char kept)
{
	for (unsigned char *c = (unsigned char *)ctl_repair_text(text); *c; c++) {
		if ((*c < 0x20 && *c != (unsigned char)kept) || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
}

char *ctl_clean_text(char *text)
{
	clean(text, 0);
	return text;
}

static void *or_die(void *memory)
{
	if (!memory) {
		fputs("tflctl: no memory\n", stderr);
		exit(1);
	}
	return memory;
}

static char *format_text(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static char *format_text(const char *format, va_list args)
{
	char *text;

	return or_die(vasprintf(&text, format, args) < 0 ? NULL : text);
}

void ctl_print_text(FILE *file, const char *text)
{
	char *copy = or_die(strdup(text));

	clean(copy, 0);
	fputs(copy, file);
	free(copy);
}

void ctl_printf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	clean(text, '\n');
	fputs(text, stdout);
	free(text);
}

size_t ctl_text_columns(const char *text)
{
	size_t characters = 0;

	for (; *text; text++)
		characters += ((unsigned char)*text & 0xc0) != 0x80;
	return characters;
}

unsigned ctl_width(void)
{
	struct winsize size;

	if (ioctl(fileno(stdout), TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_col > CTL_WIDTH)
		return CTL_WIDTH;
	return size.ws_col < CTL_WIDTH_MIN ? CTL_WIDTH_MIN : size.ws_col;
}

const char *ctl_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* Bytes of @text that fit into @columns, cut between words; at least one word. */
static size_t fitting(const char *text, size_t columns)
{
	size_t fits = 0, characters = 0, i;

	for (i = 0; text[i]; i++) {
		if (text[i] == ' ')
			fits = i;
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (characters++ >= columns && fits > 0)
			return fits;
	}
	return i;
}

void ctl_print_wrapped(const char *label, unsigned indent, const char *text)
{
	char *copy, *rest;
	size_t length, next;

	if (!text || !*text)
		return;
	copy = rest = or_die(strdup(text));
	for (char *c = copy; *c; c++)
		*c = *c == '\n' || *c == '\t' ? ' ' : *c;
	clean(copy, 0);
	printf("%s%*s", label, ctl_text_columns(label) < indent ? (int)(indent - ctl_text_columns(label)) : 0, "");
	for (;;) {
		length = next = fitting(rest, ctl_width() - indent);
		while (length > 1 && rest[length - 1] == ' ')
			length--;
		printf("%.*s\n", (int)length, rest);
		rest += next;
		rest += strspn(rest, " ");
		if (!*rest)
			break;
		printf("%*s", (int)indent, "");
	}
	free(copy);
}

void ctl_printf_wrapped(const char *label, unsigned indent, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	ctl_print_wrapped(label, indent, text);
	free(text);
}

static void add_cell(struct ctl_table *table, char *cell)
{
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? 2 * table->capacity : 64;
		table->cells = or_die(reallocarray(table->cells, table->capacity, sizeof(*table->cells)));
	}
	table->cells[table->count++] = or_die(cell);
}

/* The first byte of character @index. */
static size_t offset_of(const char *text, size_t index)
{
	size_t i = 0, characters = 0;

	for (; text[i]; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && characters++ == index)
			break;
	return i;
}

char *ctl_format_short(char *buffer, unsigned columns, const char *text)
{
	size_t all = ctl_text_columns(text), tail = columns / 2, head = columns - tail - 1;

	if (all <= columns)
		snprintf(buffer, 4 * (size_t)columns + 1, "%s", text);
	else
		snprintf(buffer, 4 * (size_t)columns + 1, "%.*s…%s", (int)offset_of(text, head), text, text + offset_of(text, all - tail));
	return buffer;
}

void ctl_table_add(struct ctl_table *table, const char *format, ...)
{
	va_list args;
	char *cell;

	va_start(args, format);
	cell = format_text(format, args);
	va_end(args);
	clean(cell, 0);
	add_cell(table, cell);
}

/* A note is a row whose first cell begins with NOTE, which no clean cell has, and its indent. */
void ctl_table_note(struct ctl_table *table, unsigned indent, const char *text)
{
	char *cell;

	if (!text || !*text)
		return;
	if (asprintf(&cell, "%c%c%s", NOTE, (char)(indent + 1), text) < 0)
		cell = NULL;
	add_cell(table, cell);
	for (unsigned i = 1; i < table->columns; i++)
		add_cell(table, strdup(""));
}

/* One row; empty cells at its end leave no blanks. */
static void print_row(const struct ctl_table *table, size_t first, const size_t *widths)
{
	unsigned columns = table->columns;

	while (columns > 0 && !*table->cells[first + columns - 1])
		columns--;
	for (unsigned column = 0; column < columns; column++) {
		const char *cell = table->cells[first + column];
		int padding = (int)(widths[column] - ctl_text_columns(cell));
		bool right = table->right >> column & 1, last = column + 1 == columns;

		printf("%*s%s%*s", right ? padding : 0, "", cell, right || last ? 0 : padding, "");
		fputs(last ? "" : "  ", stdout);
	}
	putchar('\n');
}

void ctl_table_print(struct ctl_table *table, const char *indent)
{
	size_t widths[CTL_COLUMNS_MAX] = {0}, w;

	for (size_t i = 0; i < table->count; i++) {
		w = *table->cells[i] == NOTE ? 0 : ctl_text_columns(table->cells[i]);
		if (w > widths[i % table->columns])
			widths[i % table->columns] = w;
	}
	for (size_t i = 0; i < table->count; i += table->columns) {
		const char *cell = table->cells[i];

		if (*cell == NOTE) {
			ctl_print_wrapped("", (unsigned)cell[1] - 1, cell + 2);
			continue;
		}
		fputs(indent, stdout);
		print_row(table, i, widths);
	}
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct ctl_table){.columns = table->columns, .right = table->right};
}
