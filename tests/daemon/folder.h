/* SPDX-License-Identifier: MIT */
/* A folder of its own for a test, and what tests do with files in it. Failures fail the test. */
#ifndef TESTS_DAEMON_FOLDER_H
#define TESTS_DAEMON_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** Makes a fresh folder and goes into it; folder_remove() in a teardown deletes it with everything in it. */
void folder_make(void);
void folder_remove(void);

/** The folder's absolute path. */
const char *folder_path(void);

/** Writes a file (relative to the folder) with this mode, over what was there. */
void file_write(const char *path, const void *data, size_t size, mode_t mode);
void file_write_text(const char *path, const char *text);

/** The content as a string in static memory, or NULL where there is no such file. */
const char *file_read(const char *path);
bool file_exists(const char *path);

#endif
