/* SPDX-License-Identifier: MIT */
/*
 * Which versions of a model are loaded without being asked for: "all" that lie there, "latest" or "latest N", the greatest, or "specific 3
 * 7". Plain data, pure functions. What is active is loaded in any case; that is the caller's to see to.
 */
#ifndef DAEMON_POLICY_H
#define DAEMON_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define TFL_POLICY_NUMBERS_MAX 16
#define TFL_POLICY_TEXT_MAX 191

struct tfl_policy {
	unsigned latest; /* so many of the greatest; 0: all, unless there are … */
	unsigned count;  /* … specific ones */
	uint64_t numbers[TFL_POLICY_NUMBERS_MAX];
};

/* What a version that takes the active one's place by itself does first. */
enum tfl_transition {
	TFL_TRANSITION_AVAILABILITY, /* it is loaded beside the other one */
	TFL_TRANSITION_RESOURCE,     /* the other one makes room for it, and nothing may serve meanwhile */
};

/** 0, or -EINVAL for a text that is no policy. */
int tfl_policy_parse(const char *text, struct tfl_policy *ret_policy);

/** Whether a version is wanted than which @p greater versions that may be loaded are greater. */
bool tfl_policy_wants(const struct tfl_policy *policy, uint64_t number, unsigned greater);

#endif
