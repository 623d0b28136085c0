/* SPDX-License-Identifier: MIT */
/*
 * The text of an error always ends in NUL and is always valid UTF-8 when its parts were: names out of model files and frames go into
 * messages, and messages go into frames.
 */
#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Takes off the last character when the cut went through it. */
static void trim_utf8(char *text)
{
	size_t length = strlen(text), start = length, width;
	unsigned char lead;

	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80 && length - start < 3)
		start--;
	if (start == 0)
		return;
	lead = (unsigned char)text[start - 1];
	width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (length - (start - 1) < width)
		text[start - 1] = '\0';
}

void tfl_error_fill(struct tfl_error *error, int code, const char *format, ...)
{
	va_list args;
	int length;

	assert(code < 0);
	if (!error)
		return;
	error->code = code;
	va_start(args, format);
	length = vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	if (length >= (int)sizeof(error->text))
		trim_utf8(error->text);
}

void tfl_error_fill_prefix(struct tfl_error *error, const char *format, ...)
{
	char text[TFL_ERROR_TEXT_MAX];
	va_list args;
	int length, total;

	if (!error)
		return;
	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0 || length >= (int)sizeof(text))
		return;
	total = snprintf(text + length, sizeof(text) - (size_t)length, ": %s", error->text);
	memcpy(error->text, text, sizeof(text));
	if (length + total >= (int)sizeof(text))
		trim_utf8(error->text);
}
