/* SPDX-License-Identifier: MIT */
/* What history.c and history_file.c share. */
#ifndef DAEMON_HISTORY_INTERNAL_H
#define DAEMON_HISTORY_INTERNAL_H

#include "daemon/history.h"
#include "daemon/recent.h"

struct tfl_history_item {
	struct tfl_history_head now;
	struct tfl_confidence restored, restored_baseline; /* of before this load */
	uint64_t *restored_classes;
	uint64_t *classes; /* working memory */
};

struct tfl_history {
	const struct tfl_heads *heads;
	struct tfl_history_item *items;
	struct tfl_recent *recent;
	bool changed;
};

#endif
