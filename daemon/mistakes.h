/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with texts that somebody wrote, all of it at once: sentences with file and line, in the order in which they stand there.
 * Plain data; zeroed memory is an empty list.
 */
#ifndef DAEMON_MISTAKES_H
#define DAEMON_MISTAKES_H

#include "base/error.h"

#define TFL_MISTAKES_MAX 16

struct tfl_mistake {
	unsigned line;
	char text[TFL_ERROR_TEXT_MAX];
};

struct tfl_mistakes {
	unsigned count, left_out;
	unsigned first; /* of the file that is being read */
	struct tfl_mistake list[TFL_MISTAKES_MAX];
};

/** What is added from here on stands in another file: lines begin anew. */
void tfl_mistakes_next_file(struct tfl_mistakes *mistakes);

/** Adds a sentence at its line's place in the file; past TFL_MISTAKES_MAX it is only counted. Line 0 stands before all. */
void tfl_mistakes_add(struct tfl_mistakes *mistakes, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** The first one as an error, with the number of the others behind it. Gives -EINVAL; there is at least one. */
int tfl_mistakes_error(const struct tfl_mistakes *mistakes, struct tfl_error *error);

#endif
