/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets that the service manager made and hands over (systemd.socket(5)), told apart by FileDescriptorName=. They are there
 * before this process and after it, so that whoever connects while it starts, restarts or is upgraded waits and is not refused.
 */
#ifndef DAEMON_ACTIVATION_H
#define DAEMON_ACTIVATION_H

struct tfl_error;

enum tfl_socket {
	TFL_SOCKET_INFER, /* "infer": for inference and reading */
	TFL_SOCKET_ADMIN, /* "admin": for everything */
	TFL_SOCKET_COUNT
};

/* -1 for one that was not handed over. */
struct tfl_activation {
	int fds[TFL_SOCKET_COUNT];
};

#define TFL_ACTIVATION_NONE {{-1, -1}}

/**
 * Takes what was handed over, non-blocking and close-on-exec; all of it is the caller's then. -EINVAL for a descriptor that is not one of
 * those sockets, with what its unit should say.
 */
int tfl_activation_take(struct tfl_activation *ret_activation, struct tfl_error *error);

/** Closes what is still there. Idempotent. */
void tfl_activation_finish(struct tfl_activation *activation);

#endif
