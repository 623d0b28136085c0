/* SPDX-License-Identifier: MIT */
/* What the limits of a trial are called, and in which words it is said how near they are. Pure, for terminal and page. */
#ifndef CLIENT_LIMIT_WORDS_H
#define CLIENT_LIMIT_WORDS_H

#include <stdbool.h>

enum ctl_limit {
	CTL_LIMIT_ERRORS,
	CTL_LIMIT_LATENCY,
	CTL_LIMIT_CONFIDENCE,
	CTL_LIMIT_DRIFT,
	CTL_LIMIT_NAN,
	CTL_LIMITS
};

extern const struct ctl_limit_words {
	const char *name;  /* in trial.get */
	const char *title; /* for people */
	bool compared;     /* with the version before */
} ctl_limits[CTL_LIMITS];

/** The limit of that name; CTL_LIMITS: of a newer daemon. */
enum ctl_limit ctl_limit_find(const char *name);

#define CTL_STANDING_MAX 48

/** "within", "too few yet", "12 % of the evidence": @p standing and @p evidence as trial.get has them. Returns @p text. */
char *ctl_limit_standing(const char *standing, double evidence, char text[static CTL_STANDING_MAX]);

#endif
