/* SPDX-License-Identifier: MIT */
/* A file of another name in the same folder, then one rename. A link stays where it is; what it leads to is replaced. */
#include "client/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

static int write_through(const char *path, const void *data, size_t size)
{
	_tfl_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : write_all(fd, data, size);
}

/* As a file that open() would have made, or as the one that it replaces. */
static mode_t mode_of(const struct stat *old)
{
	mode_t mask = umask(0);

	umask(mask);
	return old ? old->st_mode & 0777 : 0666 & ~mask;
}

static int write_beside(const char *path, const struct stat *old, const void *data, size_t size)
{
	_tfl_free_ char *name = NULL;
	_tfl_close_ int fd = -1;
	int r;

	if (asprintf(&name, "%s.XXXXXX", path) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (r == 0 && (fchmod(fd, mode_of(old)) < 0 || fsync(fd) < 0 || rename(name, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(name);
	return r;
}

int ctl_replace_file(const char *path, const void *data, size_t size, struct tfl_error *error)
{
	_tfl_free_ char *target = realpath(path, NULL);
	struct stat info;
	int r;

	if (target && stat(target, &info) == 0)
		r = S_ISREG(info.st_mode) ? write_beside(target, &info, data, size) : write_through(target, data, size);
	else
		r = write_beside(path, NULL, data, size);
	return r < 0 ? tfl_error_set(error, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}
