/* SPDX-License-Identifier: MIT */
/*
 * Groups of users that may use something, as an operator names them: "cameras 1002". Resolved when they are read, so that nothing is looked
 * up for a request. Plain data; no groups: everybody may.
 */
#ifndef DAEMON_GROUPS_H
#define DAEMON_GROUPS_H

#include <stdbool.h>
#include <sys/types.h>

struct tfl_error;
struct tfl_peer;

#define TFL_GROUPS_MAX 16
#define TFL_GROUPS_TEXT_MAX 255

struct tfl_groups {
	unsigned count;
	gid_t list[TFL_GROUPS_MAX];
	char text[TFL_GROUPS_TEXT_MAX + 1]; /* as they are named */
};

/** Whether @p text is names or numbers of at most TFL_GROUPS_MAX groups with blanks between, or empty. */
bool tfl_groups_valid(const char *text);

/** Looks up what tfl_groups_valid() says yes to. -EINVAL with a sentence that names a group which does not exist. May wait for a disk. */
int tfl_groups_resolve(const char *text, struct tfl_groups *ret_groups, struct tfl_error *error);

/** Whether there are none, or @p peer is in one of them. */
bool tfl_groups_admit(const struct tfl_groups *groups, const struct tfl_peer *peer);

#endif
