/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over stored inputs, where there is no libFuzzer: every argument is a file, or a folder whose files are taken. A target
 * that finds a fault ends the process; so the exit status is 0 when all inputs ran, and 1 when there was none to run.
 *
 * An input is handed over in a block of exactly its size, so that a sanitizer sees a read past its end.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(EXIT_FAILURE);
}

static void run_file(const char *path, size_t size)
{
	_tfl_free_ uint8_t *data = malloc(size ? size : 1);
	FILE *file = fopen(path, "rb");

	if (!file || !data || fread(data, 1, size, file) != size)
		fail(path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
}

/* How many inputs there were. */
static unsigned run(const char *path)
{
	struct dirent *entry;
	struct stat status;
	unsigned count = 0;
	DIR *folder;

	if (stat(path, &status) < 0)
		fail(path);
	if (!S_ISDIR(status.st_mode)) {
		run_file(path, (size_t)status.st_size);
		return 1;
	}
	folder = opendir(path);
	if (!folder)
		fail(path);
	while ((entry = readdir(folder))) {
		_tfl_free_ char *inner = NULL;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&inner, "%s/%s", path, entry->d_name) < 0)
			fail(path);
		count += run(inner);
	}
	closedir(folder);
	return count;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		count += run(argv[i]);
	printf("%u inputs ran\n", count);
	if (count == 0)
		fprintf(stderr, "there is no input: usage: %s FILE|FOLDER...\n", argv[0]);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
