/* SPDX-License-Identifier: MIT */
/*
 * Credentials are those of the moment of connect(): a peer that changes its user later, or hands the socket on, keeps the rights of the
 * one who connected. The kernel tells how many groups there are when the offered memory is too small, so the list is asked for twice at
 * most; a kernel without SO_PEERGROUPS (before 4.13) leaves it empty, which only ever means fewer rights. So does one that says that memory
 * is too small, but not how much it takes (qemu's user emulation).
 */
#include "daemon/peer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/util.h"

static int read_groups(int fd, struct tfl_peer *peer, struct tfl_error *error)
{
	socklen_t size = 32 * sizeof(gid_t);

	for (;;) {
		_tfl_free_ gid_t *groups = malloc(size ? size : 1);
		const socklen_t offered = size;

		if (!groups)
			return tfl_error_set(error, -ENOMEM, "no memory for %u groups of a peer", size / (unsigned)sizeof(gid_t));
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0) {
			peer->group_count = size / (unsigned)sizeof(gid_t);
			peer->groups = TFL_STEAL(groups);
			return 0;
		}
		if (errno == ENOPROTOOPT || errno == ENODATA || (errno == ERANGE && size <= offered))
			return 0;
		if (errno != ERANGE)
			return tfl_error_set(error, -errno, "cannot read the groups of a peer: %s", strerror(errno));
	}
}

int tfl_peer_read(int fd, struct tfl_peer *ret_peer, struct tfl_error *error)
{
	struct tfl_peer peer = {0};
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return tfl_error_set(error, -errno, "cannot read the credentials of a peer: %s", strerror(errno));
	peer.pid = credentials.pid;
	peer.uid = credentials.uid;
	peer.gid = credentials.gid;
	r = read_groups(fd, &peer, error);
	if (r < 0)
		return r;
	*ret_peer = peer;
	return 0;
}

void tfl_peer_finish(struct tfl_peer *peer)
{
	if (!peer)
		return;
	free(peer->groups);
	peer->groups = NULL;
	peer->group_count = 0;
}

bool tfl_peer_in_group(const struct tfl_peer *peer, gid_t gid)
{
	if (peer->gid == gid)
		return true;
	for (unsigned i = 0; i < peer->group_count; i++) {
		if (peer->groups[i] == gid)
			return true;
	}
	return false;
}

bool tfl_peer_owns_daemon(const struct tfl_peer *peer)
{
	return peer->uid == 0 || peer->uid == geteuid();
}

const char *tfl_right_to_string(enum tfl_right right)
{
	switch (right) {
	case TFL_RIGHT_INFER:
		return "infer";
	case TFL_RIGHT_READ:
		return "read";
	case TFL_RIGHT_ADMIN:
		return "admin";
	default:
		return "all";
	}
}
