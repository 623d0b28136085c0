/* SPDX-License-Identifier: MIT */
/*
 * A listening Unix stream socket: made at a path, or handed over by a service manager. Accepted sockets go to its owner with the rights
 * that this listener gives.
 *
 * Lifetime: created by the server; destroyed at shutdown, and freed by the loop some time after that. Thread: loop thread.
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include <sys/un.h>
#include <uv.h>

struct tfl_error;
struct tfl_listener;
struct tfl_peer;

#define TFL_LISTENER_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1)

struct tfl_listener_options {
	const char *path;      /* of the socket file, to be removed at the end; NULL: it is not ours */
	unsigned owner_rights; /* of root and of the daemon's own user; a set of enum tfl_right */
	unsigned other_rights; /* of everybody else whom the socket's permissions let in */
	/* Takes over @p fd: connected, non-blocking, close-on-exec. */
	void (*accepted)(void *data, const struct tfl_listener *listener, int fd);
	void *data;
};

/**
 * Makes a socket at @p path with permissions @p mode, ready to listen. A socket file that nobody serves any more is replaced. Errors:
 * -EADDRINUSE when somebody serves it, -EEXIST when there is something that is no socket, -ENAMETOOLONG, or what bind says.
 */
int tfl_listener_bind(const char *path, unsigned mode, int *ret_fd, struct tfl_error *error);

/** Starts to accept on @p fd, which is the listener's from then on, and the caller's on failure. Options are copied, but not the path. */
int tfl_listener_create(uv_loop_t *loop, int fd, const struct tfl_listener_options *options, struct tfl_listener **ret_listener,
			struct tfl_error *error);

/** Stops accepting; removes the socket file unless another one has taken its place. NULL is allowed. */
void tfl_listener_destroy(struct tfl_listener *listener);

/** The path of the socket that it accepts on; "" for NULL, and for one without. */
void tfl_listener_address(const struct tfl_listener *listener, char path[static TFL_LISTENER_PATH_MAX]);

/** What @p peer may do on a connection that came through here. */
unsigned tfl_listener_rights(const struct tfl_listener *listener, const struct tfl_peer *peer);

#endif
