/* SPDX-License-Identifier: MIT */
/*
 * The kernel rounds a control message up, so a buffer for N descriptors can receive N + 1 without saying that it was cut: how many came is
 * read from cmsg_len and from nothing else. Where the buffer was cut (MSG_CTRUNC), the kernel has thrown away descriptors that a request
 * counted on, and the stream can no longer be trusted.
 *
 * Sockets, and what has no type at all (epoll, io_uring), are refused: whoever passes the other end of this very connection, and then
 * dies, would be kept connected by the daemon's own copy. No method takes anything but files.
 *
 * Even to close a descriptor can take as long as its owner likes: a file system in user space is asked to flush. So a peer without a method
 * that takes descriptors is given no buffer for them; the kernel drops them then without a word to anybody.
 *
 * Always: every descriptor that was received is in the queue, or closed.
 */
#include "daemon/descriptors.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/util.h"

static int too_many(struct tfl_error *error)
{
	return tfl_error_set(error, -EBADMSG, "at most %u passed descriptors may wait for the requests that take them", TFL_PASSED_FDS_MAX);
}

/* By what the kernel knows already: a file system that is far away, or in user space, is not asked. */
static bool holds_no_socket(int fd)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) == 0 && (st.stx_mode & S_IFMT) != 0 && !S_ISSOCK(st.stx_mode);
}

/* Keeps what fits, closes the rest. 0, or -EBADMSG with what was wrong with the rest. */
static int keep(struct tfl_descriptors *descriptors, const struct cmsghdr *header, struct tfl_error *error)
{
	size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (descriptors->count < TFL_PASSED_FDS_MAX && holds_no_socket(fd)) {
			descriptors->fds[descriptors->count++] = fd;
			continue;
		}
		r = descriptors->count < TFL_PASSED_FDS_MAX ?
			tfl_error_set(error, -EBADMSG, "a passed descriptor is a socket or the like; only files are taken") :
			too_many(error);
		tfl_close(fd);
	}
	return r;
}

int tfl_descriptors_receive(struct tfl_descriptors *descriptors, int socket, void *space, size_t size, size_t *ret_received,
			    struct tfl_error *error)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(TFL_PASSED_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {space, size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t received;
	int r = 0;

	if (descriptors->open) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	do {
		received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (received < 0 && errno == EINTR);
	if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	if (received < 0)
		return tfl_error_set(error, -errno, "cannot receive: %s", strerror(errno));
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && keep(descriptors, header, error) < 0)
			r = -EBADMSG;
	}
	if (message.msg_flags & MSG_CTRUNC)
		r = descriptors->open ? too_many(error) : tfl_error_set(error, -EPERM, "this connection may not pass descriptors: no method that it may "
									       "call takes one (use the admin socket)");
	if (r < 0)
		return r;
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
