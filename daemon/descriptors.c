/* SPDX-License-Identifier: MIT */
/*
 * The kernel rounds a control message up, so a buffer for N descriptors can receive N + 1 without saying that it was cut: how many came is
 * read from cmsg_len and from nothing else. Where the buffer was cut (MSG_CTRUNC), the kernel has thrown away descriptors that a request
 * counted on, and the stream can no longer be trusted.
 *
 * Always: every descriptor that was received is in the queue, or closed.
 */
#include "daemon/descriptors.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/util.h"

/* Keeps what fits, closes the rest; whether all fitted. */
static bool keep(struct tfl_descriptors *descriptors, const struct cmsghdr *header)
{
	size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool fits = true;

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (descriptors->count < TFL_PASSED_FDS_MAX) {
			descriptors->fds[descriptors->count++] = fd;
		} else {
			tfl_close(fd);
			fits = false;
		}
	}
	return fits;
}

int tfl_descriptors_receive(struct tfl_descriptors *descriptors, int socket, void *space, size_t size, size_t *ret_received,
			    struct tfl_error *error)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(TFL_PASSED_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {space, size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	bool whole = true;
	ssize_t received;

	do {
		received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (received < 0 && errno == EINTR);
	if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	if (received < 0)
		return tfl_error_set(error, -errno, "cannot receive: %s", strerror(errno));
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
			whole = keep(descriptors, header) && whole;
	}
	if (!whole || message.msg_flags & MSG_CTRUNC)
		return tfl_error_set(error, -EBADMSG, "at most %u passed descriptors may wait for the requests that take them",
				     TFL_PASSED_FDS_MAX);
	*ret_received = (size_t)received;
	return 0;
}

int tfl_descriptors_take(struct tfl_descriptors *descriptors)
{
	int fd;

	if (descriptors->count == 0)
		return -1;
	fd = descriptors->fds[0];
	memmove(descriptors->fds, descriptors->fds + 1, --descriptors->count * sizeof(fd));
	return fd;
}

void tfl_descriptors_finish(struct tfl_descriptors *descriptors)
{
	int fd;

	while ((fd = tfl_descriptors_take(descriptors)) >= 0)
		tfl_close(fd);
}
