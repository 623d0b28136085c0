/* SPDX-License-Identifier: MIT */
/*
 * Receiving on a Unix socket with the descriptors that come along (SCM_RIGHTS), and the short queue in which they wait for the request
 * that takes them. Belongs to one connection, on the loop thread.
 */
#ifndef DAEMON_DESCRIPTORS_H
#define DAEMON_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/limits.h"

struct tfl_error;

/* First in, first out; owns the descriptors. Zeroed memory is an empty queue that takes none. */
struct tfl_descriptors {
	int fds[TFL_PASSED_FDS_MAX];
	unsigned count;
	bool open; /* the peer may pass descriptors */
};

/**
 * One recvmsg() of at most @p size bytes. Passed descriptors are close-on-exec and go to the end of @p descriptors. *ret_received: bytes, 0
 * at the stream's end. Errors: -EAGAIN (without a sentence); -EPERM when descriptors came to a queue that takes none; -EBADMSG when more
 * came than may wait, or others than files (those are closed); what recvmsg says.
 */
int tfl_descriptors_receive(struct tfl_descriptors *descriptors, int socket, void *space, size_t size, size_t *ret_received,
			    struct tfl_error *error);

/** The first descriptor, which becomes the caller's; -1 when none waits. */
int tfl_descriptors_take(struct tfl_descriptors *descriptors);

/** Closes all. Idempotent. */
void tfl_descriptors_finish(struct tfl_descriptors *descriptors);

#endif
