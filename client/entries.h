/* SPDX-License-Identifier: MIT */
/* Lines about what happened, the newest last: of logs, history and watch. With --json a list, or an object a line where more is to come. */
#ifndef CLIENT_ENTRIES_H
#define CLIENT_ENTRIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl;
struct tfl_value;

struct ctl_entries {
	const struct ctl *ctl;
	json_t *list; /* of --json, where nothing more is to come */
	bool follow, wrap;
	uint64_t printed;
	uint64_t last, last_time; /* number of the last change that was printed, and the latest time of any */
};

void ctl_entries_init(struct ctl_entries *entries, const struct ctl *ctl, bool follow);
void ctl_entries_release(struct ctl_entries *entries);

/** One entry: @p text for people, or @p json for programs, which is taken over. */
void ctl_entries_print(struct ctl_entries *entries, uint64_t time_us, const char *text, json_t *json);

/** A change as the daemon tells of it, unless it was printed before. */
void ctl_entries_change(struct ctl_entries *entries, const struct tfl_value *change);

/** Takes all of an answer of tfl_client_changes() for printed. */
void ctl_entries_skip(struct ctl_entries *entries, const struct tfl_value *answer);

/** The last @p lines of an answer of tfl_client_changes(). */
void ctl_entries_changes(struct ctl_entries *entries, const struct tfl_value *answer, uint64_t lines);

/** Prints the list, or says that there was none. The exit status. */
int ctl_entries_finish(struct ctl_entries *entries);

#endif
