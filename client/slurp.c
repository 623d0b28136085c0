/* SPDX-License-Identifier: MIT */
/*
 * Only regular files are opened by name: opening or reading anything else may wait for somebody who never comes, so its kind is seen on a
 * descriptor that does not wait. The size that fstat tells is only a first guess: pipes have none, and a file may grow while it is
 * read. The limit counts bytes that were really read.
 */
#include "client/slurp.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/util.h"

#define FIRST_GUESS 65536

static int grow(uint8_t **data, size_t *capacity, size_t limit)
{
	size_t wanted = *capacity > limit / 2 ? limit + 1 : *capacity * 2;
	uint8_t *grown = realloc(*data, wanted + 1);

	if (!grown)
		return -ENOMEM;
	*data = grown;
	*capacity = wanted;
	return 0;
}

/* Reads until the end or until one byte more than the limit is there. */
static int read_all(int fd, size_t capacity, size_t limit, uint8_t **ret_data, size_t *ret_size)
{
	_tfl_free_ uint8_t *data = malloc(capacity + 1);
	size_t size = 0;
	ssize_t n;

	if (!data)
		return -ENOMEM;
	for (;;) {
		if (size > limit)
			return -EFBIG;
		if (size == capacity && grow(&data, &capacity, limit) < 0)
			return -ENOMEM;
		n = read(fd, data + size, capacity - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	data[size] = 0;
	*ret_data = TFL_STEAL(data);
	*ret_size = size;
	return 0;
}

static const char *kind_of(mode_t mode)
{
	static const struct {
		mode_t type;
		const char *name;
	} kinds[] = {{S_IFIFO, "a FIFO"}, {S_IFSOCK, "a socket"}, {S_IFDIR, "a folder"}};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(kinds); i++) {
		if (kinds[i].type == (mode & S_IFMT))
			return kinds[i].name;
	}
	return "a device";
}

int tfl_open_file(const char *path, int *ret_fd, struct tfl_error *error)
{
	_tfl_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int code = errno;
	struct stat st;

	if (!*path)
		return tfl_error_set(error, -EINVAL, "'' names no file");

	/* A socket cannot be opened at all; ENXIO is what open says of it. */
	if ((fd < 0 && code != ENXIO) || (fd < 0 ? stat(path, &st) : fstat(fd, &st)) < 0)
		return tfl_error_set(error, -code, "%s: %s", path, strerror(code));
	if (fd < 0 || !S_ISREG(st.st_mode))
		return tfl_error_set(error, -EINVAL, "%s is %s, expected a regular file", path, kind_of(st.st_mode));
	*ret_fd = tfl_steal_fd(&fd);
	return 0;
}

int tfl_slurp(const char *path, size_t limit, uint8_t **ret_data, size_t *ret_size, struct tfl_error *error)
{
	_tfl_close_ int fd = -1;
	size_t capacity = FIRST_GUESS;
	struct stat st;
	int r = 0;

	if (strcmp(path, "-") != 0)
		r = tfl_open_file(path, &fd, error);
	else if ((fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) < 0)
		r = tfl_error_set(error, -errno, "standard input: %s", strerror(errno));
	if (r < 0)
		return r;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		capacity = (uint64_t)st.st_size > limit ? limit + 1 : (size_t)st.st_size + 1;
	if (capacity > limit + 1)
		capacity = limit + 1;
	r = read_all(fd, capacity, limit, ret_data, ret_size);
	if (r == -EFBIG)
		return tfl_error_set(error, r, "%s: more than %zu bytes", path, limit);
	if (r < 0)
		return tfl_error_set(error, r, "%s: %s", path, strerror(-r));
	return 0;
}
