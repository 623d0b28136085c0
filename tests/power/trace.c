/* SPDX-License-Identifier: MIT */
/*
 * A line of the trace is a call with its arguments, each descriptor followed by its path: "27180 fsync(7</tmp/x/models/m>) = 0". A call
 * that another thread's came into is two lines, the second one without arguments.
 */
#include "tests/power/trace.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool trace_possible(void)
{
	bool possible = system("strace -qq -e trace=none -o /dev/null true >/dev/null 2>&1") == 0;

	if (!possible)
		printf("# skipped: strace is not installed, or may not trace here; points are not compared with what it counts\n");
	return possible;
}

/* Whether the folder, or something in it, is an argument: behind a descriptor, or a path. What is written may speak of it too. */
static bool is_about(const char *call, const char *folder)
{
	char descriptor[160], path[160];

	snprintf(descriptor, sizeof(descriptor), "<%s", folder);
	snprintf(path, sizeof(path), ", \"%s", folder);
	return strstr(call, descriptor) || strstr(call, path);
}

/* Opening a file changes something where it can make it or cut it off. */
static bool changes(const char *line, const char *folder)
{
	const char *call = strpbrk(line, " ");

	while (call && *call == ' ')
		call++;
	if (!call || strncmp(call, "<...", 4) == 0 || !is_about(call, folder))
		return false;
	return strncmp(call, "open", 4) != 0 || strstr(call, "O_CREAT") || strstr(call, "O_TRUNC");
}

unsigned trace_count(const char *path, const char *folder)
{
	FILE *file = fopen(path, "re");
	unsigned count = 0, marks = 0;
	size_t room = 0;
	char *line = NULL;

	ck_assert_msg(file != NULL, "there is no trace at %s", path);
	while (getline(&line, &room, file) >= 0) {
		bool mark = strstr(line, "\"/power/begins\"") || strstr(line, "\"/power/ends\"");

		marks += mark && !strstr(line, "<...");
		count += marks == 1 && !mark && changes(line, folder);
	}
	free(line);
	fclose(file);
	ck_assert_msg(marks == 1 || marks == 2, "the trace has %u marks", marks); /* a daemon that stopped made no second one */
	return count;
}
