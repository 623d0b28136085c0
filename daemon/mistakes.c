/* SPDX-License-Identifier: MIT */
/*
 * A list of fixed size: a file that is wrong from end to end is told by its first lines, and how many more there are. Sentences quote what
 * somebody wrote and end up on terminals, so control characters are replaced.
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
	char sentence[2 * TFL_ERROR_TEXT_MAX];
	unsigned at = mistakes->count;
	struct tfl_error error;
	va_list args;

	if (at == TFL_MISTAKES_MAX) {
		mistakes->left_out++;
		return;
	}
	while (at > mistakes->first && list[at - 1].line > line)
		at--;
	memmove(&list[at + 1], &list[at], (mistakes->count - at) * sizeof(*list));
	mistakes->count++;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	for (char *c = sentence; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	tfl_error_fill(&error, -EINVAL, "%s", sentence); /* cuts between characters */
	list[at].line = line;
	strcpy(list[at].text, error.text);
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
