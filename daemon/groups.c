/* SPDX-License-Identifier: MIT */
#include "daemon/groups.h"

#include <ctype.h>
#include <grp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/peer.h"

#define NAME_MAX_BYTES 32 /* of a group, as useradd(8) has it */
#define ENTRY_BYTES (64u << 10) /* of a group with all its members */
#define BLANKS " \t"

/* The next name or number; false at the end, and where it is too long: then @p ret_name is "". */
static bool next(const char **text, char ret_name[static NAME_MAX_BYTES + 1])
{
	size_t length;

	*text += strspn(*text, BLANKS);
	length = strcspn(*text, BLANKS);
	if (length == 0)
		return false;
	ret_name[0] = '\0';
	if (length <= NAME_MAX_BYTES) {
		memcpy(ret_name, *text, length);
		ret_name[length] = '\0';
	}
	*text += length;
	return true;
}

/* Digits alone, and no number that means "none" to the kernel. */
static bool is_number(const char *name, gid_t *ret_gid)
{
	uint64_t number = 0;

	for (const char *c = name; *c; c++) {
		if (!isdigit((unsigned char)*c) || number > UINT32_MAX)
			return false;
		number = 10 * number + (uint64_t)(*c - '0');
	}
	*ret_gid = (gid_t)number;
	return *name && number < UINT32_MAX;
}

static bool is_name(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	while (isalnum((unsigned char)*name) || (*name && strchr("_-.$", *name)))
		name++;
	return *name == '\0';
}

bool tfl_groups_valid(const char *text)
{
	char name[NAME_MAX_BYTES + 1];
	unsigned count = 0;
	gid_t gid;

	while (next(&text, name))
		if (++count > TFL_GROUPS_MAX || (!is_number(name, &gid) && !is_name(name)))
			return false;
	return true;
}

/* 0, -ENOENT, or what the system says. */
static int look_up(const char *name, gid_t *ret_gid)
{
	_tfl_free_ char *memory = malloc(ENTRY_BYTES);
	struct group group, *found = NULL;
	int r = memory ? getgrnam_r(name, &group, memory, ENTRY_BYTES, &found) : ENOMEM;

	if (r != 0)
		return -r;
	if (!found)
		return -ENOENT;
	*ret_gid = group.gr_gid;
	return 0;
}

int tfl_groups_resolve(const char *text, struct tfl_groups *ret_groups, struct tfl_error *error)
{
	struct tfl_groups groups = {.count = 0};
	char name[NAME_MAX_BYTES + 1];
	const char *rest = text;

	while (groups.count < TFL_GROUPS_MAX && next(&rest, name)) {
		gid_t *gid = &groups.list[groups.count++];
		int r = is_number(name, gid) ? 0 : look_up(name, gid);

		if (r == -ENOENT)
			return tfl_error_set(error, -EINVAL, "there is no group '%s' on this device; groupadd makes it", name);
		if (r < 0)
			return tfl_error_set(error, -EINVAL, "the group '%s' cannot be looked up: %s", name, strerror(-r));
	}
	strncpy(groups.text, text, TFL_GROUPS_TEXT_MAX);
	*ret_groups = groups;
	return 0;
}

bool tfl_groups_admit(const struct tfl_groups *groups, const struct tfl_peer *peer)
{
	for (unsigned i = 0; i < groups->count; i++)
		if (tfl_peer_in_group(peer, groups->list[i]))
			return true;
	return groups->count == 0;
}
