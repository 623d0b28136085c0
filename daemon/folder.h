/* SPDX-License-Identifier: MIT */
/*
 * Folders by descriptor, links never followed. Results are 0 or -errno; sentences are the caller's. Any thread; no state.
 */
#ifndef DAEMON_FOLDER_H
#define DAEMON_FOLDER_H

#include <stddef.h>
#include <sys/types.h>

/** Opens a folder below @p parent: a single name. -ENOTDIR or -ELOOP for a link. The caller closes it. */
int tfl_folder_open(int parent, const char *name, int *ret_fd);

/** Called with each name but "." and "..". 0, or a code that ends the walk. */
typedef int (*tfl_folder_visit)(void *data, int folder, const char *name);

/** Visits all names in any order; returns what a visit returned, or -errno. Names may be removed meanwhile. */
int tfl_folder_walk(int folder, tfl_folder_visit visit, void *data);

/** Makes what happened to names in the folder, or to the content of the file, survive a power cut. */
int tfl_folder_sync(int fd);

/** Removes a file or a folder with everything in it. -ELOOP past 32 levels; 0 when there was nothing. */
int tfl_folder_remove(int parent, const char *name);

/** Opens a regular file as open() would with @p flags and @p mode, and never waits for it. -EINVAL when it is something else. */
int tfl_folder_open_file(int folder, const char *name, int flags, mode_t mode, int *ret_fd, size_t *ret_size);

/** Reads a regular file of at most @p size bytes. -ENOENT, -EINVAL when it is something else, -EFBIG. */
int tfl_folder_read(int folder, const char *name, char *buffer, size_t size, size_t *ret_length);

/** The same into memory that the caller frees, with a NUL behind it. -ENOMEM too. */
int tfl_folder_read_text(int folder, const char *name, size_t max, char **ret_text, size_t *ret_length);

/** Writes a new file with this mode, durable when this returns 0; on failure there is none. -EEXIST. */
int tfl_folder_write(int folder, const char *name, const char *text, size_t length, mode_t mode);

#endif
