/* SPDX-License-Identifier: MIT */
/*
 * Models whose folders have changed and were not looked at since. What comes in a burst is looked at once: when it has been quiet for a
 * moment, or has gone on for long. Bounded: past TFL_MODELS_MAX models it is all of them. Time is passed in, in milliseconds of a clock
 * that does not jump. Plain data; one thread at a time.
 */
#ifndef DAEMON_DIRTY_H
#define DAEMON_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

#define TFL_DIRTY_QUIET_MS 200u
#define TFL_DIRTY_LATEST_MS 2000u

/* Zeroed: nothing. */
struct tfl_dirty_mark {
	char model[TFL_MODEL_NAME_MAX + 1]; /* "": the models folder itself, and every model */
	bool moved;                         /* the whole folder came by a rename */
	unsigned count;                     /* versions that did, or whose file did: the greatest of them */
	uint64_t numbers[TFL_VERSIONS_MAX];
	uint64_t first_ms, last_ms;
};

struct tfl_dirty {
	struct tfl_dirty_mark marks[TFL_MODELS_MAX + 1];
	unsigned count;
};

/** A model has changed, "" for all; the mark that was made for it or stood already. Borrowed until the next call. */
struct tfl_dirty_mark *tfl_dirty_mark(struct tfl_dirty *dirty, const char *model, uint64_t now_ms);

/** A version came by a rename; or it did not, whatever was seen before. */
void tfl_dirty_moved(struct tfl_dirty_mark *mark, uint64_t number);
void tfl_dirty_not_moved(struct tfl_dirty_mark *mark, uint64_t number);
bool tfl_dirty_has_moved(const struct tfl_dirty_mark *mark, uint64_t number);

/** Takes one that is due: true. */
bool tfl_dirty_take(struct tfl_dirty *dirty, uint64_t now_ms, struct tfl_dirty_mark *ret_mark);

/** Milliseconds until one is due; -1 when there is none. */
int64_t tfl_dirty_delay(const struct tfl_dirty *dirty, uint64_t now_ms);

#endif
