/* SPDX-License-Identifier: MIT */
/*
 * The daemon's bytes are untrusted; nothing here looks into a frame, and the assembler bounds what an announced length can make us
 * allocate.
 */
#include "client/connection.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "client/outcome.h"

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
	if (code == EAGAIN)
		return tfl_call_fail(error, TFL_DEADLINE_EXCEEDED, "the daemon at %s accepts no connections", path);
	return tfl_call_fail(error, TFL_INTERNAL, "cannot connect to %s: %s", path, strerror(code));
}

int tfl_connection_open(struct tfl_connection *connection, const char *path, struct tfl_call_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_tfl_close_ int fd = -1;
	size_t length = strlen(path);
	int r;

	if (length == 0 || length >= sizeof(address.sun_path))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "the path of a socket has 1 to %zu bytes, not %zu",
				     sizeof(address.sun_path) - 1, length);
	memcpy(address.sun_path, path, length);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return tfl_call_fail(error, TFL_INTERNAL, "cannot make a socket: %s", strerror(errno));
	do {
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return connect_error(path, errno, error);
	connection->fd = tfl_steal_fd(&fd);
	return 0;
}

static int lost(struct tfl_call_error *error, int code)
{
	return tfl_call_fail(error, TFL_DISCONNECTED, "the connection to the daemon ended%s%s", code ? ": " : "",
			     code ? strerror(code) : "");
}

static ssize_t transmit(int fd, struct iovec *iov, unsigned count, int passed_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
	ssize_t n;

	if (passed_fd >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(int));
	}
	do {
		n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n;
}

int tfl_connection_send(struct tfl_connection *connection, struct iovec *iov, unsigned count, int passed_fd, size_t *ret_sent,
			struct tfl_call_error *error)
{
	ssize_t n = transmit(connection->fd, iov, count, passed_fd);

	if (n >= 0) {
		*ret_sent = (size_t)n;
		return 0;
	}
	if (errno == EAGAIN)
		return -EAGAIN;
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return lost(error, 0);
	if (errno == EBADF && passed_fd >= 0)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "descriptor %d is not open", passed_fd);
	return tfl_call_fail(error, TFL_INTERNAL, "cannot send to the daemon: %s", strerror(errno));
}

/* What the assembler does not take. */
static int no_frame(int code, const struct tfl_error *reason, struct tfl_call_error *error)
{
	if (code == -ENOMEM)
		return tfl_call_no_memory(error);
	return tfl_call_fail(error, TFL_PROTOCOL_ERROR, "what came from the daemon is no frame: %s", reason->text);
}

int tfl_connection_next(struct tfl_connection *connection, struct tfl_frame *ret_frame, struct tfl_call_error *error)
{
	struct tfl_error reason;
	int r = tfl_assembler_next(&connection->assembler, ret_frame, &reason);

	return r < 0 ? no_frame(r, &reason, error) : r;
}

int tfl_connection_receive(struct tfl_connection *connection, struct tfl_call_error *error)
{
	struct tfl_error reason;
	uint8_t *space;
	size_t size;
	ssize_t n;
	int r;

	r = tfl_assembler_space(&connection->assembler, &space, &size, &reason);
	if (r < 0)
		return no_frame(r, &reason, error);
	do {
		n = recv(connection->fd, space, size, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		tfl_assembler_fill(&connection->assembler, (size_t)n);
		return (size_t)n == size;
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	return lost(error, n < 0 ? errno : 0);
}
