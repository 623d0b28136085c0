/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end of a connection, as the kernel knew it when the peer connected: credentials and supplementary groups. Plain
 * data, owned by the connection, immutable.
 */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct tfl_error;

/* What a method needs and a connection has; a set. */
enum tfl_right {
	TFL_RIGHT_INFER = 1,
	TFL_RIGHT_READ = 2,
	TFL_RIGHT_ADMIN = 4,
	TFL_RIGHT_ALL = 7
};

struct tfl_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary ones; owned */
	unsigned group_count;
};

/** Reads SO_PEERCRED and SO_PEERGROUPS of a connected Unix socket. On success the caller finishes @p ret_peer. */
int tfl_peer_read(int fd, struct tfl_peer *ret_peer, struct tfl_error *error);

/** Idempotent; NULL is allowed. */
void tfl_peer_finish(struct tfl_peer *peer);

/** Whether @p gid is the peer's group or one of its supplementary ones. */
bool tfl_peer_in_group(const struct tfl_peer *peer, gid_t gid);

/** Root, or the user that this daemon runs as. */
bool tfl_peer_owns_daemon(const struct tfl_peer *peer);

/** "infer", "read" or "admin". Static. */
const char *tfl_right_to_string(enum tfl_right right);

#endif
