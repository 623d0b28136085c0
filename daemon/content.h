/* SPDX-License-Identifier: MIT */
/*
 * Content of files that come from outside: checked for what it is, read once from its first byte, hashed on the way. The descriptor's
 * offset is neither used nor moved. Any thread; no state.
 */
#ifndef DAEMON_CONTENT_H
#define DAEMON_CONTENT_H

#include <stdint.h>

#include "daemon/digest.h"

struct tfl_error;

struct tfl_content {
	uint64_t size;
	char sha256[TFL_SHA256_TEXT];
	uint64_t copy_ns, hash_ns; /* what reading and writing took, and hashing; 0 for content that was not read here */
};

/*
 * Three uses of the same reading. @p name, and @p to_name, say in messages which file it is; descriptors stay the caller's. Errors:
 * -EINVAL for anything but a regular file (a memfd is one) opened for reading, an empty one, or one that changes its size meanwhile;
 * -EFBIG past TFL_MODEL_BYTES_MAX; -ENOMEM; or what read and write say, -ENOSPC with the bytes that are needed.
 */

/** Hashes what is behind @p fd. */
int tfl_content_hash(int fd, const char *name, struct tfl_content *ret_content, struct tfl_error *error);

/** Copies it to the file @p to, which is empty and opened for writing. On failure @p to has any part of it. */
int tfl_content_copy(int fd, const char *name, int to, const char *to_name, struct tfl_content *ret_content, struct tfl_error *error);

/** Copies it into a new memfd that nobody can write, grow or shrink any more; the caller closes it. */
int tfl_content_seal(int fd, const char *name, struct tfl_content *ret_content, int *ret_fd, struct tfl_error *error);

#endif
