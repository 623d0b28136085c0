/* SPDX-License-Identifier: MIT */
/* What changes.c (which records) and changes_file.c (which writes and reads) share. */
#ifndef DAEMON_CHANGES_INTERNAL_H
#define DAEMON_CHANGES_INTERNAL_H

#include "daemon/changes.h"

struct tfl_changes {
	tfl_changes_news news;
	void *data;
	uint64_t last; /* number of the last one */
	bool unsaved;
	unsigned first, count;
	struct tfl_change ring[TFL_CHANGES_MAX];
};

/** Takes @p change over, and its reason, behind the others; the oldest goes when there are too many. */
void tfl_changes_push(struct tfl_changes *changes, struct tfl_change *change);

/** Forgets all. */
void tfl_changes_clear(struct tfl_changes *changes);

/** The kind of a name, TFL_CHANGE_KINDS for none. */
enum tfl_change_kind tfl_change_from_string(const char *name, size_t length);

#endif
