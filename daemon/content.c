/* SPDX-License-Identifier: MIT */
/*
 * One loop of pread, hash and write serves all three functions. What is read is bounded by the size that fstat gave at first; a file that
 * has less, or another size afterwards, was being written to while it was read. (Bytes that change under a size that does not are no
 * danger: the hash is that of the bytes which were read, and a copy is verified later, not its source.)
 */
#include "daemon/content.h"

#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/clock.h"

#define STEP_BYTES (256u << 10)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

static const char *kind_of(mode_t mode)
{
	static const struct {
		mode_t type;
		const char *name;
	} kinds[] = {
		{ S_IFDIR, "a folder" }, { S_IFIFO, "a pipe" },        { S_IFSOCK, "a socket" },
		{ S_IFCHR, "a device" }, { S_IFBLK, "a block device" }, { S_IFLNK, "a symbolic link" },
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(kinds); i++)
		if ((mode & S_IFMT) == kinds[i].type)
			return kinds[i].name;
	return "no file";
}

static int check(int fd, const char *name, uint64_t *ret_size, struct tfl_error *error)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return tfl_error_set(error, -errno, "%s: %s", name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return tfl_error_set(error, -EINVAL, "%s is %s, expected a regular file", name, kind_of(st.st_mode));
	if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH))
		return tfl_error_set(error, -EINVAL, "%s is not opened for reading", name);
	if (st.st_size == 0)
		return tfl_error_set(error, -EINVAL, "%s is empty", name);
	if ((uint64_t)st.st_size > TFL_MODEL_BYTES_MAX)
		return tfl_error_set(error, -EFBIG, "%s has %" PRIu64 " bytes, expected at most %u", name, (uint64_t)st.st_size,
				     TFL_MODEL_BYTES_MAX);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static int changed(const char *name, uint64_t size, struct tfl_error *error)
{
	return tfl_error_set(error, -EINVAL, "%s had %" PRIu64 " bytes and changed while it was read; load it when it is complete", name,
			     size);
}

/* Takes the room at once, so that a file that cannot fit is refused before it is copied. Not every file system can. */
static int reserve(int to, const char *to_name, uint64_t size, struct tfl_error *error)
{
	if (fallocate(to, 0, 0, (off_t)size) == 0 || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR)
		return 0;
	return tfl_error_set(error, -errno, "%s: no room for %" PRIu64 " bytes: %s", to_name, size, strerror(errno));
}

static int write_all(int to, const char *to_name, const uint8_t *data, size_t size, uint64_t needed, struct tfl_error *error)
{
	while (size > 0) {
		ssize_t written = write(to, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return tfl_error_set(error, -errno, "%s: cannot write %" PRIu64 " bytes: %s", to_name, needed, strerror(errno));
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

/* The next bytes of the file; none at its end. */
static int read_step(int fd, const char *name, uint8_t *buffer, uint64_t offset, size_t *ret_length, struct tfl_error *error)
{
	ssize_t length;

	do
		length = pread(fd, buffer, STEP_BYTES, (off_t)offset);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return tfl_error_set(error, -errno, "%s: cannot be read: %s", name, strerror(errno));
	*ret_length = (size_t)length;
	return 0;
}

/* Reads and hashes everything; with @p to_name, writes it to @p to. */
static int transfer(int fd, const char *name, int to, const char *to_name, struct tfl_content *ret_content, struct tfl_error *error)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	_tfl_free_ uint8_t *buffer = NULL;
	uint64_t size = 0, offset = 0, started, hash_ns = 0;
	struct sha256_ctx hash;
	size_t length = 0;
	int result;

	result = check(fd, name, &size, error);
	if (result == 0 && to_name)
		result = reserve(to, to_name, size, error);
	if (result < 0)
		return result;
	buffer = malloc(STEP_BYTES);
	if (!buffer)
		return tfl_error_set(error, -ENOMEM, "not enough memory to read %s", name);
	sha256_init(&hash);
	started = tfl_clock_ns();
	do {
		uint64_t hashing;

		result = read_step(fd, name, buffer, offset, &length, error);
		if (result < 0)
			return result;
		offset += length;
		if (offset > size)
			return changed(name, size, error);
		hashing = tfl_clock_ns();
		sha256_update(&hash, length, buffer);
		hash_ns += tfl_clock_ns() - hashing;
		if (to_name)
			result = write_all(to, to_name, buffer, length, size, error);
		if (result < 0)
			return result;
	} while (length > 0);
	if (offset != size)
		return changed(name, size, error);
	sha256_digest(&hash, sizeof(digest), digest);
	tfl_digest_to_text(digest, ret_content->sha256);
	ret_content->size = size;
	ret_content->hash_ns = hash_ns;
	ret_content->copy_ns = tfl_clock_ns() - started - hash_ns;
	return 0;
}

int tfl_content_hash(int fd, const char *name, struct tfl_content *ret_content, struct tfl_error *error)
{
	return transfer(fd, name, -1, NULL, ret_content, error);
}

int tfl_content_copy(int fd, const char *name, int to, const char *to_name, struct tfl_content *ret_content, struct tfl_error *error)
{
	return transfer(fd, name, to, to_name, ret_content, error);
}

int tfl_content_seal(int fd, const char *name, struct tfl_content *ret_content, int *ret_fd, struct tfl_error *error)
{
	_tfl_close_ int sealed = memfd_create("tfl-model", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	struct tfl_content content;
	int result;

	/* Kernels before 6.3 do not know the flag, later ones may insist on it. */
	if (sealed < 0 && errno == EINVAL)
		sealed = memfd_create("tfl-model", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (sealed < 0)
		return tfl_error_set(error, -errno, "no memory file for a copy of %s: %s", name, strerror(errno));
	result = transfer(fd, name, sealed, "a copy in memory", &content, error);
	if (result < 0)
		return result;
	if (fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return tfl_error_set(error, -errno, "the copy of %s in memory cannot be sealed: %s", name, strerror(errno));
	*ret_content = content;
	*ret_fd = tfl_steal_fd(&sealed);
	return 0;
}
