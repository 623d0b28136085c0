/* SPDX-License-Identifier: MIT */
/*
 * What was counted when: a head's verdicts of each of the last 60 minutes and 24 hours, next to its total. Who counts only ever counts up;
 * now and then somebody brings the totals, and what has come since the last time belongs to the window that runs now. Nobody counts twice.
 *
 * Time is passed in, in whole seconds of a clock that never jumps; windows begin at whole minutes and hours of that clock. What comes
 * between two calls belongs to the window that ran at the first of them: whoever calls at each whole minute has windows to the verdict.
 *
 * One owner, one thread.
 */
#ifndef STATS_WINDOWS_H
#define STATS_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "stats/confidence.h"

#define TFL_WINDOWS_MINUTES 60
#define TFL_WINDOWS_HOURS 24

enum tfl_window_length { TFL_WINDOW_MINUTE, TFL_WINDOW_HOUR, TFL_WINDOW_LENGTHS };

struct tfl_windows;

/** For @p classes counted classes. 0 or -ENOMEM. */
int tfl_windows_create(uint32_t classes, struct tfl_windows **ret_windows);
void tfl_windows_destroy(struct tfl_windows *windows);
size_t tfl_windows_bytes(const struct tfl_windows *windows);

/**
 * Before the first call of tfl_windows_advance(), and optional: windows run since @p origin, which is not after @p now and may be before 0,
 * and the last one begun at @p now is the running one. Then tfl_windows_put() adds to the window @p back before that what was seen in
 * another life; a window that is too long ago is left out. A window holds at most UINT32_MAX of anything.
 */
void tfl_windows_begin(struct tfl_windows *windows, int64_t origin, int64_t now);
void tfl_windows_put(struct tfl_windows *windows, enum tfl_window_length length, unsigned back, const struct tfl_confidence *confidence,
		     const uint64_t *classes);

/** As it was when it was made. */
void tfl_windows_forget(struct tfl_windows *windows);

/** Seconds of a window. */
int64_t tfl_windows_seconds(enum tfl_window_length length);

/**
 * Brings the totals at time @p now (not before the last call's): @p classes has as many counters as the windows were created for. A counter
 * that is smaller than the last time counts from 0.
 */
void tfl_windows_advance(struct tfl_windows *windows, int64_t now, const struct tfl_confidence *confidence, const uint64_t *classes);

/** How many windows of a length there are by now, the running one among them: at most 60, or 24; 0 before the first call. */
unsigned tfl_windows_count(const struct tfl_windows *windows, enum tfl_window_length length);

/**
 * When the window @p back before the running one (0: the running one; below tfl_windows_count()) began, in the time of the calls. The first
 * one began with the first call.
 */
int64_t tfl_windows_began(const struct tfl_windows *windows, enum tfl_window_length length, unsigned back);

/** Adds that window to @p into, and to @p into_classes unless it is NULL. */
void tfl_windows_add(const struct tfl_windows *windows, enum tfl_window_length length, unsigned back, struct tfl_confidence *into,
		     uint64_t *into_classes);

/** The same of the last windows, the running one among them: @p count of them, or as many as there are. How many were added. */
unsigned tfl_windows_add_last(const struct tfl_windows *windows, enum tfl_window_length length, unsigned count, struct tfl_confidence *into,
			      uint64_t *into_classes);

#endif
