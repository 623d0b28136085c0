/* SPDX-License-Identifier: MIT */
/*
 * Two names are as far apart as the least number of slips of a typist that make one of the other. Names are short, so the whole table of
 * distances stands on the stack.
 */
#include "base/suggest.h"

#include <stddef.h>
#include <string.h>

/* A slip is at most this many wrong letters. */
#define SLIP_MAX 2
#define NAME_MAX_LENGTH 32

/* Optimal string alignment: inserting, leaving out, replacing and swapping a letter cost 1 each. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1], best;
	size_t la = strlen(a), lb = strlen(b);

	if (la > NAME_MAX_LENGTH || lb > NAME_MAX_LENGTH)
		return NAME_MAX_LENGTH;
	for (size_t i = 0; i <= la; i++) {
		for (size_t k = 0; k <= lb; k++) {
			if (i == 0 || k == 0) {
				rows[i][k] = (unsigned)(i + k);
				continue;
			}
			best = rows[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
			if (rows[i - 1][k] + 1 < best)
				best = rows[i - 1][k] + 1;
			if (rows[i][k - 1] + 1 < best)
				best = rows[i][k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && rows[i - 2][k - 2] + 1 < best)
				best = rows[i - 2][k - 2] + 1;
			rows[i][k] = best;
		}
	}
	return rows[la][lb];
}

const char *tfl_suggest(const char *name, const char *const *names, unsigned count)
{
	unsigned best = SLIP_MAX + 1, d;
	const char *suggestion = NULL;

	for (unsigned i = 0; i < count; i++) {
		d = distance(name, names[i]);
		if (d < best && d < strlen(names[i])) {
			best = d;
			suggestion = names[i];
		}
	}
	return suggestion;
}
