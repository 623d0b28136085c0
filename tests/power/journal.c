/* SPDX-License-Identifier: MIT */
#include "tests/power/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPERATIONS_MAX 1024

/* The calls themselves: those by name are interposed. */
#define REAL(call, ...) ((int)syscall(SYS_##call, __VA_ARGS__))

enum kind { MADE, REMOVED, RENAMED, WRITTEN, ALLOCATED, MODE_SET };

struct place {
	int fd; /* of the folder, O_PATH */
	struct stat folder;
	char name[256];
};

struct operation {
	enum kind kind;
	bool durable;
	struct place from, to;     /* names; "to" of RENAMED alone */
	struct stat file;          /* as it was before; after it, for MADE */
	int fd;                    /* of the file, for data */
	char kept[16];             /* in the rubbish: what was removed, or stood where another was moved to; "": nothing */
	off_t offset;
	size_t length;
	uint8_t *before;           /* the bytes that were there, up to the end of the file */
	size_t before_length;
};

static struct {
	int rubbish;
	unsigned kept;
	struct operation operations[OPERATIONS_MAX];
	unsigned count;
} journal;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "Assertion: the journal of a power cut cannot %s: %s\n", what, strerror(errno));
	abort();
}

void journal_begin(const char *rubbish)
{
	journal.rubbish = REAL(openat, AT_FDCWD, rubbish, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	must(journal.rubbish >= 0, "open its rubbish");
}

static struct operation *add(enum kind kind)
{
	struct operation *operation = &journal.operations[journal.count++];

	must(journal.count < OPERATIONS_MAX, "hold more");
	*operation = (struct operation){.kind = kind, .from.fd = -1, .to.fd = -1};
	return operation;
}

/* The call failed: nothing is to be undone. */
static int take_back(struct operation *operation)
{
	int saved = errno;

	close(operation->from.fd);
	if (operation->to.fd >= 0)
		close(operation->to.fd);
	journal.count--;
	errno = saved;
	return -1;
}

/* Splits a path into a folder that is held open and a name. */
static void find_place(int dirfd, const char *path, struct place *ret_place)
{
	const char *slash = strrchr(path, '/');
	char folder[POWER_PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	ret_place->fd = REAL(openat, dirfd, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	must(ret_place->fd >= 0 && fstat(ret_place->fd, &ret_place->folder) == 0, "open a folder");
	snprintf(ret_place->name, sizeof(ret_place->name), "%s", slash ? slash + 1 : path);
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Whether the name is there, and of which file. */
static bool look(const struct place *place, struct stat *ret_stat)
{
	return fstatat(place->fd, place->name, ret_stat, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_of(const struct place *place, const struct stat *file)
{
	struct stat st;

	return look(place, &st) && same(&st, file);
}

void journal_made(int dirfd, const char *name)
{
	struct operation *operation = add(MADE);

	find_place(dirfd, name, &operation->from);
	must(look(&operation->from, &operation->file), "look at what was made");
}

static bool is_empty(const struct place *place)
{
	int fd = REAL(openat, place->fd, place->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned count = 0;

	must(dir != NULL, "read a folder");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count == 2;
}

static const char *keep_name(struct operation *operation)
{
	snprintf(operation->kept, sizeof(operation->kept), "%u", ++journal.kept);
	return operation->kept;
}

/* A folder goes to the rubbish as it is, so that what was in it can be put back into it. */
int journal_remove(int dirfd, const char *name, int flags)
{
	struct operation *operation = add(REMOVED);
	struct place *from = &operation->from;

	find_place(dirfd, name, from);
	if (look(from, &operation->file) && (flags & AT_REMOVEDIR) && S_ISDIR(operation->file.st_mode) && is_empty(from)) {
		must(REAL(renameat2, from->fd, from->name, journal.rubbish, keep_name(operation), 0) == 0, "keep a folder");
		return 0;
	}
	if (look(from, &operation->file) && !(flags & AT_REMOVEDIR) && S_ISREG(operation->file.st_mode))
		must(REAL(linkat, from->fd, from->name, journal.rubbish, keep_name(operation), 0) == 0, "keep a file");
	return REAL(unlinkat, from->fd, from->name, flags) == 0 ? 0 : take_back(operation);
}

int journal_rename(int from, const char *old, int to, const char *new, unsigned flags)
{
	struct operation *operation = add(RENAMED);
	struct stat there;

	find_place(from, old, &operation->from);
	find_place(to, new, &operation->to);
	if (look(&operation->from, &operation->file) && flags == 0 && look(&operation->to, &there))
		must(REAL(linkat, operation->to.fd, operation->to.name, journal.rubbish, keep_name(operation), 0) == 0, "keep a file");
	return REAL(renameat2, from, old, to, new, flags) == 0 ? 0 : take_back(operation);
}

static struct operation *add_data(enum kind kind, int fd)
{
	struct operation *operation = add(kind);

	operation->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	must(operation->fd >= 0 && fstat(fd, &operation->file) == 0, "hold a file");
	return operation;
}

void journal_write(int fd, size_t length)
{
	struct operation *operation = add_data(WRITTEN, fd);
	char path[32];
	int reader;

	operation->offset = lseek(fd, 0, SEEK_CUR);
	operation->length = length;
	if (operation->file.st_size <= operation->offset)
		return;
	operation->before_length = (size_t)(operation->file.st_size - operation->offset);
	if (operation->before_length > length)
		operation->before_length = length;
	operation->before = malloc(operation->before_length);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = REAL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	must(pread(reader, operation->before, operation->before_length, operation->offset) == (ssize_t)operation->before_length,
	     "read a file");
	close(reader);
}

void journal_allocate(int fd)
{
	add_data(ALLOCATED, fd);
}

void journal_mode(int fd)
{
	add_data(MODE_SET, fd);
}

void journal_sync(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0, "look at what is synced");
	for (unsigned i = 0; i < journal.count; i++) {
		struct operation *operation = &journal.operations[i];

		if (operation->kind >= WRITTEN)
			operation->durable |= same(&operation->file, &st);
		else
			operation->durable |= same(&operation->from.folder, &st) ||
					      (operation->kind == RENAMED && same(&operation->to.folder, &st));
	}
}

/* ---- Undoing ---- */

static void undo_made(const struct operation *operation)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", ++journal.kept);
	if (is_of(&operation->from, &operation->file))
		must(REAL(renameat2, operation->from.fd, operation->from.name, journal.rubbish, name, 0) == 0, "undo what was made");
}

/* Where the name is another file's by now, that one stays. */
static void put_back(const struct operation *operation, const struct place *place)
{
	if (operation->kept[0])
		must(REAL(renameat2, journal.rubbish, operation->kept, place->fd, place->name, RENAME_NOREPLACE) == 0 || errno == EEXIST,
		     "put back what was removed");
}

static void undo_removed(const struct operation *operation)
{
	put_back(operation, &operation->from);
}

static void undo_renamed(const struct operation *operation)
{
	const struct place *from = &operation->from, *to = &operation->to;
	struct stat st;

	if (!is_of(to, &operation->file) || look(from, &st))
		return;
	must(REAL(renameat2, to->fd, to->name, from->fd, from->name, RENAME_NOREPLACE) == 0, "undo a rename");
	put_back(operation, to);
}

/* Of the write the first @p stays bytes stay; with @p length the file keeps its length. */
static void undo_data(const struct operation *operation, size_t stays, bool length)
{
	off_t end = operation->offset + (off_t)operation->length;
	size_t lost = operation->length - stays;
	uint8_t *bytes = calloc(1, operation->length);
	struct stat st;

	must(bytes && fstat(operation->fd, &st) == 0, "look at a file");
	if (operation->before)
		memcpy(bytes, operation->before, operation->before_length);
	must(pwrite(operation->fd, bytes + stays, lost, operation->offset + (off_t)stays) == (ssize_t)lost, "undo a write");
	if (!length && st.st_size == end && operation->before_length < operation->length)
		must(ftruncate(operation->fd, operation->offset + (off_t)stays) == 0, "shorten a file");
	free(bytes);
}

static void undo_written(const struct operation *operation, enum power_mode mode)
{
	undo_data(operation, mode == POWER_HALF ? operation->length / 2 : 0, mode == POWER_ZEROS);
}

/* What was written since is undone already, and gone where it is at the end. */
static void undo_allocated(const struct operation *operation, enum power_mode mode)
{
	if (mode == POWER_EMPTY)
		must(ftruncate(operation->fd, operation->file.st_size) == 0, "shorten a file");
}

static void undo_one(const struct operation *operation, enum power_mode mode)
{
	switch (operation->kind) {
	case MADE:
		undo_made(operation);
		break;
	case REMOVED:
		undo_removed(operation);
		break;
	case RENAMED:
		undo_renamed(operation);
		break;
	case WRITTEN:
		undo_written(operation, mode);
		break;
	case ALLOCATED:
		undo_allocated(operation, mode);
		break;
	case MODE_SET:
		must(REAL(fchmod, operation->fd, operation->file.st_mode & 07777) == 0, "undo a mode");
		break;
	}
}

static unsigned throw(uint64_t *seed, unsigned sides)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*seed >> 33) % sides;
}

void journal_undo(enum power_mode mode, uint64_t seed)
{
	for (unsigned i = journal.count; i-- > 0;) {
		const struct operation *operation = &journal.operations[i];
		bool stays = mode == POWER_KEEP || (mode == POWER_SOME && throw(&seed, 2) == 0);

		if (!operation->durable && !stays)
			undo_one(operation, mode == POWER_SOME ? POWER_EMPTY + throw(&seed, 3) : mode);
	}
}
