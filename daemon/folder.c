/* SPDX-License-Identifier: MIT */
/*
 * Everything goes by descriptor and single name, so that nobody who can rename things above or beside can lead an operation elsewhere.
 */
#include "daemon/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

#define LEVELS_MAX 32

int tfl_folder_open(int parent, const char *name, int *ret_fd)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int tfl_folder_walk(int folder, tfl_folder_visit visit, void *data)
{
	/* A descriptor of its own: a directory stream shares its position with every copy of the one it was made from. */
	_tfl_close_ int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	TFL_CLEANUP(close_dir) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int result = 0;

	if (!dir)
		return -errno;
	tfl_steal_fd(&fd);
	while (result == 0 && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = visit(data, folder, entry->d_name);
	return result ? result : -errno;
}

int tfl_folder_sync(int fd)
{
	/* EINVAL: a file system on which folders cannot be synced. */
	return fsync(fd) == 0 || errno == EINVAL ? 0 : -errno;
}

static int remove_below(int parent, const char *name, unsigned level);

static int remove_visit(void *data, int folder, const char *name)
{
	return remove_below(folder, name, *(unsigned *)data);
}

static int remove_below(int parent, const char *name, unsigned level)
{
	_tfl_close_ int fd = -1;
	int result;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (++level > LEVELS_MAX)
		return -ELOOP;
	result = tfl_folder_open(parent, name, &fd);
	if (result < 0)
		return result;
	/* A read-only folder of ours can be emptied after this; of somebody else's, the error comes below. */
	if (fchmod(fd, 0700) < 0)
		errno = 0;
	result = tfl_folder_walk(fd, remove_visit, &level);
	if (result < 0)
		return result;
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

int tfl_folder_remove(int parent, const char *name)
{
	return remove_below(parent, name, 0);
}

int tfl_folder_open_file(int folder, const char *name, int flags, mode_t mode, int *ret_fd, size_t *ret_size)
{
	/* Without O_NONBLOCK, opening a pipe that somebody put there would wait for ever. */
	_tfl_close_ int fd = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_size = (size_t)st.st_size;
	*ret_fd = tfl_steal_fd(&fd);
	return 0;
}

/* At most @p size bytes, whatever is there by now. */
static int read_bytes(int fd, char *buffer, size_t size, size_t *ret_length)
{
	size_t length = 0;
	ssize_t got;

	do {
		got = read(fd, buffer + length, size - length);
		if (got < 0 && errno != EINTR)
			return -errno;
		length += got > 0 ? (size_t)got : 0;
	} while (got != 0 && length < size);
	*ret_length = length;
	return 0;
}

int tfl_folder_read(int folder, const char *name, char *buffer, size_t size, size_t *ret_length)
{
	_tfl_close_ int fd = -1;
	size_t there = 0;
	int result = tfl_folder_open_file(folder, name, O_RDONLY, 0, &fd, &there);

	if (result < 0)
		return result;
	return there > size ? -EFBIG : read_bytes(fd, buffer, size, ret_length);
}

int tfl_folder_read_text(int folder, const char *name, size_t max, char **ret_text, size_t *ret_length)
{
	_tfl_free_ char *text = NULL;
	_tfl_close_ int fd = -1;
	size_t there = 0, length = 0;
	int result = tfl_folder_open_file(folder, name, O_RDONLY, 0, &fd, &there);

	if (result < 0)
		return result;
	if (there > max)
		return -EFBIG;
	text = malloc(there + 1);
	if (!text)
		return -ENOMEM;
	result = read_bytes(fd, text, there, &length);
	if (result < 0)
		return result;
	text[length] = '\0';
	*ret_text = TFL_STEAL(text);
	*ret_length = length;
	return 0;
}

static int write_text(int fd, const char *text, size_t length, mode_t mode)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno != EINTR)
			return -errno;
		text += written > 0 ? written : 0;
		length -= written > 0 ? (size_t)written : 0;
	}
	return fchmod(fd, mode) == 0 ? tfl_folder_sync(fd) : -errno;
}

int tfl_folder_write(int folder, const char *name, const char *text, size_t length, mode_t mode)
{
	_tfl_close_ int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int result;

	if (fd < 0)
		return -errno;
	result = write_text(fd, text, length, mode);
	if (result < 0)
		unlinkat(folder, name, 0);
	return result;
}
