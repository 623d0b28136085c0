/* SPDX-License-Identifier: MIT */
/*
 * The socket is never blocking for the library: every system call says MSG_DONTWAIT, and waiting is tfl_wait()'s. The daemon's bytes are
 * untrusted; nothing here looks into a frame, and the assembler bounds what an announced length can make us allocate.
 */
#include "client/connection.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "client/outcome.h"
#include "proto/writer.h"

/* Between two attempts while the daemon's backlog is full. */
#define BACKLOG_PAUSE_NS 5000000

void tfl_connection_init(struct tfl_connection *connection)
{
	connection->fd = -1;
	tfl_assembler_init(&connection->assembler, TFL_FRAME_MAX, NULL);
}

void tfl_connection_close(struct tfl_connection *connection)
{
	connection->fd = tfl_close(connection->fd);
	tfl_assembler_finish(&connection->assembler);
	tfl_assembler_init(&connection->assembler, TFL_FRAME_MAX, NULL);
}

static int connect_error(const char *path, int code, struct tfl_call_error *error)
{
	struct stat st;

	if (code == ECONNREFUSED && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "%s is no socket: the daemon's is %s unless configured otherwise", path,
				     TFL_DEFAULT_SOCKET);
	if (code == EACCES || code == EPERM)
		return tfl_call_fail(error, TFL_PERMISSION_DENIED, "no permission to use the socket %s (is this user in its group?)", path);
	if (code == ENOENT || code == ENOTDIR)
		return tfl_call_fail(error, TFL_UNAVAILABLE, "there is no socket %s: is tfld running, and is this its socket?", path);
	if (code == ECONNREFUSED || code == ENOTSOCK)
		return tfl_call_fail(error, TFL_UNAVAILABLE, "nobody listens at %s: is tfld running?", path);
	return tfl_call_fail(error, TFL_INTERNAL, "cannot connect to %s: %s", path, strerror(code));
}

int tfl_connection_open(struct tfl_connection *connection, const char *path, struct tfl_deadline deadline, struct tfl_call_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_tfl_close_ int fd = -1;
	size_t length = strlen(path);
	int64_t pause;

	if (length == 0 || length >= sizeof(address.sun_path))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "the path of a socket has 1 to %zu bytes, not %zu",
				     sizeof(address.sun_path) - 1, length);
	memcpy(address.sun_path, path, length);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return tfl_call_fail(error, TFL_INTERNAL, "cannot make a socket: %s", strerror(errno));
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return connect_error(path, errno, error);
		pause = tfl_clock_now() + BACKLOG_PAUSE_NS;
		if (pause > deadline.at)
			return tfl_call_fail(error, TFL_DEADLINE_EXCEEDED, "the daemon at %s accepts no connections", path);
		tfl_wait(-1, 0, pause);
	}
	connection->fd = tfl_steal_fd(&fd);
	return 0;
}

static int lost(struct tfl_call_error *error, int code)
{
	return tfl_call_fail(error, TFL_DISCONNECTED, "the connection to the daemon ended%s%s", code ? ": " : "",
			     code ? strerror(code) : "");
}

/* Waits, and puts a deadline that came into words. */
static int wait_for(struct tfl_connection *connection, short events, struct tfl_deadline deadline, const char *what,
		    struct tfl_call_error *error)
{
	int r = tfl_wait(connection->fd, events, deadline.at);

	if (r == -ETIMEDOUT)
		return tfl_call_fail(error, TFL_DEADLINE_EXCEEDED, "the daemon %s within %d ms", what, deadline.timeout_ms);
	if (r < 0)
		return tfl_call_fail(error, TFL_INTERNAL, "cannot wait for the daemon: %s", strerror(-r));
	return 0;
}

/* One sendmsg() of what is left; the descriptor only with the first byte. */
static ssize_t send_some(int fd, struct tfl_writer *writer, size_t sent, int passed_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {0};
	struct iovec *iov;
	unsigned count;

	tfl_writer_iovec(writer, sent, &iov, &count);
	message.msg_iov = iov;
	message.msg_iovlen = count;
	if (passed_fd >= 0 && sent == 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(int));
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int tfl_connection_send(struct tfl_connection *connection, struct tfl_writer *writer, int passed_fd, struct tfl_deadline deadline,
			size_t *ret_sent, struct tfl_call_error *error)
{
	size_t size = tfl_writer_size(writer);
	ssize_t n;
	int r;

	*ret_sent = 0;
	while (*ret_sent < size) {
		n = send_some(connection->fd, writer, *ret_sent, passed_fd);
		if (n >= 0) {
			*ret_sent += (size_t)n;
		} else if (errno == EAGAIN) {
			r = wait_for(connection, POLLOUT, deadline, "took no more of the request", error);
			if (r < 0)
				return r;
		} else if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
			return lost(error, 0);
		} else if (errno == EBADF && passed_fd >= 0) {
			return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "descriptor %d is not open", passed_fd);
		} else if (errno != EINTR) {
			return tfl_call_fail(error, TFL_INTERNAL, "cannot send to the daemon: %s", strerror(errno));
		}
	}
	return 0;
}

/* A frame out of what was received: 1, or 0 for "more bytes are needed". */
static int next_frame(struct tfl_connection *connection, struct tfl_frame *ret_frame, struct tfl_call_error *error)
{
	struct tfl_error reason;
	int r = tfl_assembler_next(&connection->assembler, ret_frame, &reason);

	if (r == -ENOMEM)
		return tfl_call_no_memory(error);
	if (r < 0)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "what came from the daemon is no frame: %s", reason.text);
	return r;
}

static int receive_some(struct tfl_connection *connection, struct tfl_deadline deadline, struct tfl_call_error *error)
{
	struct tfl_error reason;
	uint8_t *space;
	size_t size;
	ssize_t n;
	int r;

	r = tfl_assembler_space(&connection->assembler, &space, &size, &reason);
	if (r == -ENOMEM)
		return tfl_call_no_memory(error);
	if (r < 0)
		return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "what came from the daemon is no frame: %s", reason.text);
	r = wait_for(connection, POLLIN, deadline, "did not answer", error);
	if (r < 0)
		return r;
	n = recv(connection->fd, space, size, MSG_DONTWAIT);
	if (n > 0) {
		tfl_assembler_fill(&connection->assembler, (size_t)n);
		return 0;
	}
	if (n == 0)
		return lost(error, 0);
	return errno == EAGAIN || errno == EINTR ? 0 : lost(error, errno);
}

int tfl_connection_receive(struct tfl_connection *connection, struct tfl_deadline deadline, struct tfl_frame *ret_frame,
			   struct tfl_call_error *error)
{
	int r;

	for (;;) {
		r = next_frame(connection, ret_frame, error);
		if (r != 0)
			return r < 0 ? r : 0;
		r = receive_some(connection, deadline, error);
		if (r < 0)
			return r;
	}
}
