/* SPDX-License-Identifier: MIT */
/*
 * What is to be done when the folder of a model shows something else than the registry lists. Pure: it looks at both and gives steps, in
 * the order in which they are to be taken; where both agree, none. So it may be asked as often as anything happens there, also by what the
 * daemon itself wrote.
 */
#ifndef DAEMON_RECONCILE_H
#define DAEMON_RECONCILE_H

#include "base/limits.h"
#include "daemon/policy.h"
#include "daemon/store.h"

struct tfl_registry_model;

/* A version's folder as it was found. */
struct tfl_found {
	struct tfl_store_entry entry;
	struct tfl_store_folder folder;
};

enum tfl_step_kind {
	TFL_STEP_LOAD,     /* new, changed, or wanted now */
	TFL_STEP_REFUSE,   /* not complete, or not to be loaded for another reason that its folder has */
	TFL_STEP_LEAVE,    /* complete, and not wanted */
	TFL_STEP_HOLD,     /* the operator took it out of service, or its trial failed, before it was listed */
	TFL_STEP_FORGET,   /* not in memory, and its folder has gone */
	TFL_STEP_MISS,     /* it serves though its folder has gone */
	TFL_STEP_RECOVER,  /* and that is back */
	TFL_STEP_UNLOAD,   /* the policy does not want it, and nothing else does */
	TFL_STEP_KINDS
};

struct tfl_step {
	enum tfl_step_kind kind;
	uint64_t number;
	const struct tfl_found *found; /* borrowed; NULL for what is about the registry alone */
};

#define TFL_STEPS_MAX (3 * TFL_VERSIONS_MAX)

/**
 * Steps for a model as listed (NULL: not at all) and as found, at most TFL_VERSIONS_MAX of it that are not listed. @p policy NULL: its
 * model.conf is wrong, so nothing is loaded or unloaded because of it. Returns their count.
 */
unsigned tfl_reconcile(const struct tfl_registry_model *model, const struct tfl_found *found, unsigned count,
		       const struct tfl_policy *policy, struct tfl_step ret_steps[static TFL_STEPS_MAX]);

#endif
