/* SPDX-License-Identifier: MIT */
/*
 * What has been seen of a version's verdicts: per head all of them since it was first activated, how often each class won, the baseline that drift is
 * measured against, and the windows of the last hour and day; and what its last requests came to (recent.h). The recorder's counters begin anew with
 * every load; here they go on where they stopped, from what was written down.
 *
 * Lifetime: one per version in memory, made and restored while it is loaded, freed with it. Thread: whoever loads it, then the loop's alone. Time is
 * passed in.
 */
#ifndef DAEMON_HISTORY_H
#define DAEMON_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/confidence.h"
#include "stats/windows.h"

struct tfl_drift;
struct tfl_error;
struct tfl_heads;
struct tfl_history;
struct tfl_moment;
struct tfl_recorder;
struct tfl_trial_reference;
struct tfl_writer;

#define TFL_BASELINE_VERDICTS 1000 /* of a baseline that nobody set: the first ones */

struct tfl_baseline {
	struct tfl_confidence confidence;
	bool set;      /* by somebody; else it is the first TFL_BASELINE_VERDICTS verdicts, and complete when it has them */
	int64_t since; /* when it was set: seconds since 1970; 0 for the first verdicts */
};

/* One head as it stands at the last tfl_history_advance(). */
struct tfl_history_head {
	struct tfl_confidence total;
	uint64_t *classes; /* as many as the head counts */
	struct tfl_baseline baseline;
	struct tfl_windows *windows;
};

/** Empty, for the heads of a version. 0 or -ENOMEM. */
int tfl_history_create(const struct tfl_heads *heads, struct tfl_history **ret_history);

/** NULL is allowed. */
void tfl_history_destroy(struct tfl_history *history);

/**
 * Goes on from what tfl_history_encode() once made, or from nothing where @p size is 0. What no longer fits (a head of another kind or number of
 * classes) is left out. Windows come to lie where they lay before @p now; after a reboot, where minutes begin at other times, within half of one.
 * Tells @p recorder, which nobody uses yet, how much of the first baselines is still wanted. -EINVAL, with a sentence, for what cannot be read: then
 * it is as new.
 */
int tfl_history_restore(struct tfl_history *history, const void *data, size_t size, const struct tfl_moment *now, struct tfl_recorder *recorder,
			struct tfl_error *error);

/** Takes over what the recorder has counted until now: @p now in seconds of a clock that never jumps. */
void tfl_history_advance(struct tfl_history *history, const struct tfl_recorder *recorder, int64_t now);

const struct tfl_history_head *tfl_history_head(const struct tfl_history *history, unsigned head);

/** What its last requests came to, and the minutes of its first head's last hour, at the last advance, which was at @p now. */
void tfl_history_recent(const struct tfl_history *history, int64_t now, struct tfl_trial_reference *ret_reference);

/** How far the last hour of a head, at the last advance, is from its baseline. */
void tfl_history_drift(const struct tfl_history *history, unsigned head, struct tfl_drift *ret_drift);

/** Replaces a head's baseline; @p time in seconds since 1970. */
void tfl_history_set_baseline(struct tfl_history *history, unsigned head, const struct tfl_confidence *confidence, int64_t time);

/** Whether there is news that tfl_history_encode() has not written. */
bool tfl_history_changed(const struct tfl_history *history);

/** What tfl_history_encode() gave last was not written after all, so it is news still. */
void tfl_history_not_kept(struct tfl_history *history);

/** Everything, as bytes that the caller frees, at @p now, the moment of the last advance. @p writer is memory to work in. Errors: -ENOMEM, -EMSGSIZE. */
int tfl_history_encode(struct tfl_history *history, const struct tfl_moment *now, struct tfl_writer *writer, void **ret_data, size_t *ret_size);

size_t tfl_history_bytes(const struct tfl_history *history);

#endif
