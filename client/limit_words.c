/* SPDX-License-Identifier: MIT */
#include "client/limit_words.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

const struct ctl_limit_words ctl_limits[CTL_LIMITS] = {
	[CTL_LIMIT_ERRORS] = {"errors", "failed requests", true},
	[CTL_LIMIT_LATENCY] = {"latency", "p99 of computing", true},
	[CTL_LIMIT_CONFIDENCE] = {"confidence", "mean confidence", true},
	[CTL_LIMIT_DRIFT] = {"drift", "PSI of confidence", false},
	[CTL_LIMIT_NAN] = {"nan", "requests with NaN", false},
};

enum ctl_limit ctl_limit_find(const char *name)
{
	unsigned limit = 0;

	while (limit < CTL_LIMITS && strcmp(ctl_limits[limit].name, name) != 0)
		limit++;
	return (enum ctl_limit)limit;
}

char *ctl_limit_standing(const char *standing, double evidence, char text[static CTL_STANDING_MAX])
{
	static const struct {
		const char *standing, *words;
	} known[] = {
		{"nothing", "nothing to be seen"},
		{"few", "too few yet"},
		{"waits", "waits: the device is hot"},
		{"tripped", "tripped"},
	};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].standing, standing) == 0)
			return strcpy(text, known[i].words);
	}
	if (evidence < 0.01)
		return strcpy(text, "within");
	snprintf(text, CTL_STANDING_MAX, "%.0f %% of the evidence", 100 * evidence);
	return text;
}
