/* SPDX-License-Identifier: MIT */
/* The lines of a file that somebody else wrote, one at a time and in bounded memory. */
#ifndef CLIENT_LINES_H
#define CLIENT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_LINE_MAX (1u << 20) /* bytes of a line */

struct ctl_lines {
	int fd; /* borrowed */
	char *buffer;
	size_t begin, end;
	bool at_end, too_long;
	uint64_t number; /* of the line that was read last, from 1 */
};

/** 0 or -ENOMEM. ctl_lines_finish() is right after either. */
int ctl_lines_init(struct ctl_lines *lines, int fd);
void ctl_lines_finish(struct ctl_lines *lines);

/**
 * 1: *ret_line is the next line, without its newline and with a NUL behind it, until the next call; the last one may lack the newline. 0:
 * there is none. -EFBIG: the next line is longer than CTL_LINE_MAX, and was skipped; or what read() says, then there is no use in going on.
 */
int ctl_lines_next(struct ctl_lines *lines, char **ret_line, size_t *ret_length);

#endif
