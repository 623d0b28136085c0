/* SPDX-License-Identifier: MIT */
/*
 * What a process did to files since it was armed, so that what was not made durable can be undone: what a power cut may do.
 *
 * - fsync of a file makes its data and mode durable, not its name. fsync of a folder makes the names in it durable, not what they are of.
 * - A name that is made, removed or moved is so entirely or not at all. A name moved between two folders is durable with either.
 * - What was done before the process was armed is durable.
 *
 * Operations are undone from the newest to the oldest, each where the name still is of the same file. Folders are held open, so it does not
 * matter that they were moved. Whoever calls holds a lock. What fails aborts the process with a line on stderr.
 */
#ifndef TESTS_POWER_JOURNAL_H
#define TESTS_POWER_JOURNAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/power/power.h"

/** Where removed files are kept. Once. */
void journal_begin(const char *rubbish);

/** After a name was made in a folder: of a file or a folder. @p name may be a path. */
void journal_made(int dirfd, const char *name);

/** Removes a name instead of the process, as unlinkat() would. 0 or -1 with errno. */
int journal_remove(int dirfd, const char *name, int flags);

/** Renames likewise, as renameat2() would. */
int journal_rename(int from, const char *old, int to, const char *new, unsigned flags);

/** Before data is written to @p fd at its position, its room is taken, its mode is set. */
void journal_write(int fd, size_t length);
void journal_allocate(int fd);
void journal_mode(int fd);

/** In place of fsync(). */
void journal_sync(int fd);

/** Undoes what is not durable. */
void journal_undo(enum power_mode mode, uint64_t seed);

#endif
