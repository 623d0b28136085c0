/* SPDX-License-Identifier: MIT */
/*
 * One buffer that doubles. Numbers are written by hand where they are whole, because a text has some hundred of them for each version;
 * the others have as many digits as it takes to read the same number back.
 */
#include "daemon/exposition.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"

#define FIRST_BYTES 4096

void tfl_exposition_finish(struct tfl_exposition *exposition)
{
	if (!exposition)
		return;
	free(exposition->text);
	*exposition = (struct tfl_exposition){.limit = exposition->limit};
}

static bool reserve(struct tfl_exposition *exposition, size_t length)
{
	size_t limit = exposition->limit ? exposition->limit : TFL_METRICS_BYTES_MAX, capacity = exposition->capacity;
	char *text;

	if (exposition->fault == 0 && length > limit - exposition->length)
		exposition->fault = -EMSGSIZE;
	if (exposition->fault < 0)
		return false;
	if (length <= capacity - exposition->length)
		return true;
	capacity = capacity ? capacity : FIRST_BYTES;
	while (length > capacity - exposition->length)
		capacity *= 2;
	text = realloc(exposition->text, capacity);
	if (!text) {
		exposition->fault = -ENOMEM;
		return false;
	}
	exposition->text = text;
	exposition->capacity = capacity;
	return true;
}

static void add_bytes(struct tfl_exposition *exposition, const char *bytes, size_t length)
{
	if (length == 0 || !reserve(exposition, length))
		return;
	memcpy(exposition->text + exposition->length, bytes, length);
	exposition->length += length;
}

static void add(struct tfl_exposition *exposition, const char *text)
{
	add_bytes(exposition, text, strlen(text));
}

/* Backslashes, line feeds and, in a label, quotation marks would end what they stand in. */
static void add_escaped(struct tfl_exposition *exposition, const char *text, const char *special)
{
	for (;;) {
		size_t plain = strcspn(text, special);
		char escape[2] = {'\\', text[plain] == '\n' ? 'n' : text[plain]};

		add_bytes(exposition, text, plain);
		if (!text[plain])
			return;
		add_bytes(exposition, escape, sizeof(escape));
		text += plain + 1;
	}
}

static void add_uint(struct tfl_exposition *exposition, uint64_t value)
{
	char digits[20];
	unsigned first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	add_bytes(exposition, digits + first, sizeof(digits) - first);
}

void tfl_exposition_family(struct tfl_exposition *exposition, const char *name, const char *type, const char *help)
{
	exposition->family = name;
	add(exposition, "# HELP ");
	add(exposition, name);
	add(exposition, " ");
	add_escaped(exposition, help, "\\\n");
	add(exposition, "\n# TYPE ");
	add(exposition, name);
	add(exposition, " ");
	add(exposition, type);
	add(exposition, "\n");
}

void tfl_exposition_sample(struct tfl_exposition *exposition, const char *suffix)
{
	add(exposition, exposition->family);
	add(exposition, suffix);
	exposition->labelled = false;
}

static void begin_label(struct tfl_exposition *exposition, const char *name)
{
	add(exposition, exposition->labelled ? "," : "{");
	exposition->labelled = true;
	add(exposition, name);
	add(exposition, "=\"");
}

void tfl_exposition_label(struct tfl_exposition *exposition, const char *name, const char *value)
{
	begin_label(exposition, name);
	add_escaped(exposition, value, "\\\n\"");
	add(exposition, "\"");
}

void tfl_exposition_label_uint(struct tfl_exposition *exposition, const char *name, uint64_t value)
{
	begin_label(exposition, name);
	add_uint(exposition, value);
	add(exposition, "\"");
}

static void begin_value(struct tfl_exposition *exposition)
{
	add(exposition, exposition->labelled ? "} " : " ");
}

void tfl_exposition_uint(struct tfl_exposition *exposition, uint64_t value)
{
	begin_value(exposition);
	add_uint(exposition, value);
	add(exposition, "\n");
}

void tfl_exposition_double(struct tfl_exposition *exposition, double value)
{
	char number[32];

	begin_value(exposition);
	if (isnan(value)) {
		strcpy(number, "NaN");
	} else if (isinf(value)) {
		strcpy(number, value > 0 ? "+Inf" : "-Inf");
	} else {
		snprintf(number, sizeof(number), "%.15g", value);
		if (strtod(number, NULL) != value)
			snprintf(number, sizeof(number), "%.17g", value);
	}
	add(exposition, number);
	add(exposition, "\n");
}

void tfl_exposition_seconds(struct tfl_exposition *exposition, uint64_t nanoseconds)
{
	char fraction[10] = ".000000000";
	unsigned length = sizeof(fraction);

	for (uint64_t rest = nanoseconds % 1000000000; length > 1; rest /= 10)
		fraction[--length] = (char)('0' + rest % 10);
	for (length = sizeof(fraction); fraction[length - 1] == '0'; length--)
		;
	begin_value(exposition);
	add_uint(exposition, nanoseconds / 1000000000);
	add_bytes(exposition, fraction, length > 1 ? length : 0);
	add(exposition, "\n");
}

int tfl_exposition_check(const struct tfl_exposition *exposition, struct tfl_error *error)
{
	if (exposition->fault == -EMSGSIZE)
		return tfl_error_set(error, -EMSGSIZE, "the metrics of so many versions have more than %zu bytes",
				     exposition->limit ? exposition->limit : (size_t)TFL_METRICS_BYTES_MAX);
	if (exposition->fault < 0)
		return tfl_error_set(error, exposition->fault, "no memory for %zu bytes of metrics", 2 * exposition->capacity);
	return 0;
}
