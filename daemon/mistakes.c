/* SPDX-License-Identifier: MIT */
/*
 * A list of fixed size: a file that is wrong from end to end is told by its first lines, and how many more there are.
 */
#include "daemon/mistakes.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tfl_mistakes_next_file(struct tfl_mistakes *mistakes)
{
	mistakes->first = mistakes->count;
}

void tfl_mistakes_add(struct tfl_mistakes *mistakes, unsigned line, const char *format, ...)
{
	struct tfl_mistake *list = mistakes->list;
	unsigned at = mistakes->count;
	va_list args;

	if (at == TFL_MISTAKES_MAX) {
		mistakes->left_out++;
		return;
	}
	while (at > mistakes->first && list[at - 1].line > line)
		at--;
	memmove(&list[at + 1], &list[at], (mistakes->count - at) * sizeof(*list));
	mistakes->count++;
	list[at].line = line;
	va_start(args, format);
	vsnprintf(list[at].text, sizeof(list[at].text), format, args);
	va_end(args);
}

int tfl_mistakes_error(const struct tfl_mistakes *mistakes, struct tfl_error *error)
{
	unsigned more = mistakes->count - 1 + mistakes->left_out;

	assert(mistakes->count > 0);
	if (more == 0)
		return tfl_error_set(error, -EINVAL, "%s", mistakes->list[0].text);
	return tfl_error_set(error, -EINVAL, "%s (and %u more mistake%s; tfld --check-config lists them)", mistakes->list[0].text, more,
			     more == 1 ? "" : "s");
}
