/* SPDX-License-Identifier: MIT */
/*
 * Notices when the time of day is set: a device without a battery for its clock boots in the past, somebody corrects it by hand. Nothing
 * that tfld measures runs on it, but whoever reads times in logs has to know. Loop thread.
 */
#ifndef DAEMON_JUMP_H
#define DAEMON_JUMP_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_changes;
struct tfl_conditions;

/* Zeroed memory is right before the first look. */
struct tfl_jump {
	bool looked;
	int64_t offset_ns; /* of the time of day from the time since boot, at the last look */
	unsigned steady;   /* looks since the last jump */
};

/** Looks, once a minute: a jump since the last look is a change, and a condition until it has been steady for some minutes. */
void tfl_jump_watch(struct tfl_jump *jump, struct tfl_changes *changes, struct tfl_conditions *conditions);

#endif
