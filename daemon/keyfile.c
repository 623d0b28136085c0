/* SPDX-License-Identifier: MIT */
/*
 * inih splits lines, this file feeds it: a reader over memory that counts the lines, refuses those that inih would cut in two, and takes
 * leading blanks off, which inih would read as the continuation of the line before.
 *
 * inih goes on after a mistake and only returns its line, so the first mistake is kept here, whether a handler, the reader or inih found
 * it, and no handler is called behind it.
 */
#include "daemon/keyfile.h"

#include <ctype.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

struct parse {
	const char *path;
	const char *next, *end;
	unsigned line;
	int failed; /* code of the first mistake */
	tfl_keyfile_handler handler;
	void *data;
	struct tfl_error *error;
};

static char *read_line(char *buffer, int size, void *stream)
{
	struct parse *parse = stream;
	const char *start = parse->next, *newline;
	size_t length;

	if (parse->failed || start == parse->end)
		return NULL;
	parse->line++;
	newline = memchr(start, '\n', (size_t)(parse->end - start));
	parse->next = newline ? newline + 1 : parse->end;
	while (start < parse->next && (*start == ' ' || *start == '\t'))
		start++;
	length = (size_t)(parse->next - start);
	if (length >= (size_t)size) {
		parse->failed = tfl_error_set(parse->error, -EINVAL, "%s:%u: the line has %zu bytes; at most %d are read", parse->path,
					      parse->line, length, size - 2);
		return NULL;
	}
	if (memchr(start, '\0', length)) {
		parse->failed = tfl_error_set(parse->error, -EINVAL, "%s:%u: the line has a NUL byte; this is no text file", parse->path,
					      parse->line);
		return NULL;
	}
	memcpy(buffer, start, length);
	buffer[length] = '\0';
	return buffer;
}

static int take_entry(void *user, const char *section, const char *key, const char *value)
{
	struct parse *parse = user;
	struct tfl_keyfile_entry entry = { parse->path, parse->line, section, key, value };

	if (parse->failed)
		return 0;
	if (section[0] == '\0')
		parse->failed = tfl_keyfile_error(&entry, parse->error, "'%s' stands before the first [section]", key);
	else
		parse->failed = parse->handler(parse->data, &entry, parse->error);
	return parse->failed == 0;
}

static void tell_line(unsigned *ret_line, unsigned line)
{
	if (ret_line)
		*ret_line = line;
}

int tfl_keyfile_parse(const char *path, const char *text, size_t length, tfl_keyfile_handler handler, void *data, unsigned *ret_line,
		      struct tfl_error *error)
{
	struct tfl_error later = { 0 };
	struct parse parse = { path, text, text + length, 0, 0, handler, data, &later };
	int line = ini_parse_stream(read_line, &parse, take_entry, &parse);

	if (line == 0 && parse.failed == 0)
		return 0;
	/* inih found one of its own, and before the one that was kept. */
	if (line > 0 && (parse.failed == 0 || (unsigned)line < parse.line)) {
		tell_line(ret_line, (unsigned)line);
		return tfl_error_set(error, -EINVAL, "%s:%d: neither \"[section]\" nor \"key = value\" nor a comment", path, line);
	}
	tell_line(ret_line, parse.failed ? parse.line : 0);
	if (parse.failed == 0)
		return tfl_error_set(error, -ENOMEM, "%s: not enough memory to read it", path);
	if (error)
		*error = later;
	return parse.failed;
}

int tfl_keyfile_error(const struct tfl_keyfile_entry *entry, struct tfl_error *error, const char *format, ...)
{
	va_list args;
	char text[TFL_ERROR_TEXT_MAX];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return tfl_error_set(error, -EINVAL, "%s:%u: %s", entry->path, entry->line, text);
}

int tfl_keyfile_number(const struct tfl_keyfile_entry *entry, uint64_t min, uint64_t max, uint64_t *ret_number, struct tfl_error *error)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(entry->value, &end, 10);
	if (!isdigit((unsigned char)entry->value[0]) || *end != '\0' || errno != 0 || number < min || number > max)
		return tfl_keyfile_error(entry, error, "%s = '%s', expected a number from %llu to %llu", entry->key, entry->value,
				     (unsigned long long)min, (unsigned long long)max);
	*ret_number = number;
	return 0;
}
