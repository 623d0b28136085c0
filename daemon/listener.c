/* SPDX-License-Identifier: MIT */
/*
 * A stale socket file (the daemon before this one was killed) is told from a served one by trying to connect. Nothing that is no socket is
 * ever removed, and at the end only the very file that was made here.
 *
 * Where the process is out of descriptors, accept() would fail again and again while the listening socket stays readable; so the listener
 * pauses for a while and lets clients wait in the kernel's backlog.
 */
#include "daemon/listener.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/peer.h"

#define ACCEPTS_PER_WAKEUP 16
#define PAUSE_MS 100

struct tfl_listener {
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned open_handles;
	int fd;
	dev_t device; /* of the socket file */
	ino_t inode;
	bool starved; /* said so in the log, since the last accepted connection */
	struct tfl_listener_options options;
};

/* Whether somebody answers at the socket file; an error other than a refusal counts as yes. */
static bool served(const struct sockaddr_un *address)
{
	_tfl_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED;
}

static int remove_stale(const struct sockaddr_un *address, struct tfl_error *error)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : tfl_error_set(error, -errno, "cannot look at %s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return tfl_error_set(error, -EEXIST, "%s exists and is no socket; it is left alone, choose another path for the socket", path);
	if (served(address))
		return tfl_error_set(error, -EADDRINUSE, "%s is served by another process; stop that one, or choose another path for the socket",
				     path);
	if (unlink(path) < 0)
		return tfl_error_set(error, -errno, "cannot remove the stale socket %s: %s", path, strerror(errno));
	tfl_log_info("removed the stale socket %s", path);
	return 0;
}

static int bind_error(const char *path, struct tfl_error *error)
{
	int code = -errno;

	if (code == -ENOENT || code == -ENOTDIR)
		return tfl_error_set(error, code, "cannot make the socket %s: its folder does not exist; create the folder first", path);
	return tfl_error_set(error, code, "cannot make the socket %s: %s", path, strerror(-code));
}

int tfl_listener_bind(const char *path, unsigned mode, int *ret_fd, struct tfl_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_tfl_close_ int fd = -1;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return tfl_error_set(error, -ENAMETOOLONG, "the socket's path has %zu bytes and may have %zu: %s", strlen(path),
				     sizeof(address.sun_path) - 1, path);
	strcpy(address.sun_path, path);
	r = remove_stale(&address, error);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return tfl_error_set(error, -errno, "cannot make a socket: %s", strerror(errno));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return bind_error(path, error);
	/* Nobody can connect before listen(), so there is no moment with other permissions. */
	if (chmod(path, mode) < 0 || listen(fd, SOMAXCONN) < 0) {
		r = bind_error(path, error);
		unlink(path);
		return r;
	}
	*ret_fd = tfl_steal_fd(&fd);
	return 0;
}

static void on_accept(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
	struct tfl_listener *listener = timer->data;

	uv_poll_start(&listener->poll, UV_READABLE, on_accept);
}

static void pause_accepting(struct tfl_listener *listener, int error)
{
	if (!listener->starved)
		tfl_log_warning("cannot accept connections: %s; trying again every %d ms", strerror(error), PAUSE_MS);
	listener->starved = true;
	uv_poll_stop(&listener->poll);
	uv_timer_start(&listener->pause, on_pause_over, PAUSE_MS, 0);
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
	struct tfl_listener *listener = poll->data;

	for (unsigned i = 0; i < ACCEPTS_PER_WAKEUP; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			listener->starved = false;
			listener->options.accepted(listener->options.data, listener, fd);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			pause_accepting(listener, errno);
			return;
		}
	}
}

int tfl_listener_create(uv_loop_t *loop, int fd, const struct tfl_listener_options *options, struct tfl_listener **ret_listener,
			struct tfl_error *error)
{
	struct tfl_listener *listener = calloc(1, sizeof(*listener));
	struct stat st;
	int r;

	if (!listener)
		return tfl_error_set(error, -ENOMEM, "no memory for a listener");
	listener->options = *options;
	if (options->path && lstat(options->path, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	r = uv_poll_init(loop, &listener->poll, fd);
	if (r < 0) {
		free(listener);
		return tfl_error_set(error, r, "cannot watch a listening socket: %s", uv_strerror(r));
	}
	uv_timer_init(loop, &listener->pause);
	listener->fd = fd;
	listener->open_handles = 2;
	listener->poll.data = listener;
	listener->pause.data = listener;
	uv_poll_start(&listener->poll, UV_READABLE, on_accept);
	*ret_listener = listener;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct tfl_listener *listener = handle->data;

	if (--listener->open_handles == 0)
		free(listener);
}

void tfl_listener_destroy(struct tfl_listener *listener)
{
	struct stat st;

	if (!listener)
		return;
	if (listener->options.path && lstat(listener->options.path, &st) == 0 && st.st_dev == listener->device &&
	    st.st_ino == listener->inode)
		unlink(listener->options.path);
	uv_close((uv_handle_t *)&listener->poll, on_closed);
	uv_close((uv_handle_t *)&listener->pause, on_closed);
	listener->fd = tfl_close(listener->fd);
}

void tfl_listener_address(const struct tfl_listener *listener, char path[static TFL_LISTENER_PATH_MAX])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(address);

	path[0] = '\0';
	if (listener && getsockname(listener->fd, (struct sockaddr *)&address, &size) == 0)
		snprintf(path, TFL_LISTENER_PATH_MAX, "%.*s", (int)sizeof(address.sun_path), address.sun_path);
}

unsigned tfl_listener_rights(const struct tfl_listener *listener, const struct tfl_peer *peer)
{
	return tfl_peer_owns_daemon(peer) ? listener->options.owner_rights : listener->options.other_rights;
}
