/* SPDX-License-Identifier: MIT */
/*
 * The buffer holds one line of the greatest length. What is left of the line before goes to its front when more has to be read; a line that
 * fills all of it is dropped as it comes.
 */
#include "client/lines.h"

#include <string.h>

#include "base/util.h"

#define CAPACITY (CTL_LINE_MAX + 1) /* and the newline, which becomes a NUL */

int ctl_lines_init(struct ctl_lines *lines, int fd)
{
	*lines = (struct ctl_lines){.fd = fd, .buffer = malloc(CAPACITY)};
	return lines->buffer ? 0 : -ENOMEM;
}

void ctl_lines_finish(struct ctl_lines *lines)
{
	free(TFL_STEAL(lines->buffer));
}

/* More bytes behind those that wait, of which none is a newline. */
static int fill(struct ctl_lines *lines)
{
	ssize_t got;

	if (lines->begin > 0)
		memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
	lines->end -= lines->begin;
	lines->begin = 0;
	if (lines->end == CAPACITY) {
		lines->too_long = true;
		lines->end = 0;
	}
	do
		got = read(lines->fd, lines->buffer + lines->end, CAPACITY - lines->end);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	lines->at_end = got == 0;
	lines->end += (size_t)got;
	return 0;
}

int ctl_lines_next(struct ctl_lines *lines, char **ret_line, size_t *ret_length)
{
	char *newline;
	int result;

	while (!(newline = memchr(lines->buffer + lines->begin, '\n', lines->end - lines->begin)) && !lines->at_end) {
		result = fill(lines);
		if (result < 0)
			return result;
	}
	if (!newline && lines->end == lines->begin && !lines->too_long)
		return 0;
	*ret_line = lines->buffer + lines->begin;
	*ret_length = newline ? (size_t)(newline - *ret_line) : lines->end - lines->begin;
	lines->begin += *ret_length + (newline != NULL);
	(*ret_line)[*ret_length] = '\0';
	lines->number++;
	result = lines->too_long ? -EFBIG : 1;
	lines->too_long = false;
	return result;
}
