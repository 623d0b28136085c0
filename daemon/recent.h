/* SPDX-License-Identifier: MIT */
/*
 * What a version did of late: its last requests, TFL_RECENT_REQUESTS at least and those of TFL_RECENT_SECONDS at least, as far as it has had so many, and
 * at most twice as many or twice as long. It is what a version that takes its place is measured against (trial.h), so it is neither all that it ever did,
 * where what was long ago would hide what is, nor what it did since the daemon started: it is written down, and goes on over restarts.
 *
 * Who counts only ever counts up; now and then somebody brings the totals, and what has come since belongs to the part that runs. Once that part is
 * large enough it takes the place of the part before it, and a new one begins.
 *
 * Lifetime: the history's of a version. Thread: likewise. Time is passed in, in seconds of a clock that never jumps.
 */
#ifndef DAEMON_RECENT_H
#define DAEMON_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/trial_counts.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_recent;
struct tfl_recorder;
struct tfl_writer;

#define TFL_RECENT_REQUESTS 1000 /* of a part, at least, and … */
#define TFL_RECENT_SECONDS 1800  /* … so long */

/** Empty. 0 or -ENOMEM. */
int tfl_recent_create(struct tfl_recent **ret_recent);

/** NULL is allowed. */
void tfl_recent_destroy(struct tfl_recent *recent);

size_t tfl_recent_bytes(void);

/** Its recorder begins at @p now. Before the first tfl_recent_advance(). */
void tfl_recent_begin(struct tfl_recent *recent, int64_t now);

/**
 * Takes over what a version's recorder has counted until now. @p first: of that the confidence of its first head, NULL where it
 * has none. Whether there were requests since the last time.
 */
bool tfl_recent_advance(struct tfl_recent *recent, const struct tfl_recorder *recorder, const struct tfl_confidence *first, int64_t now);

/** As it stood at the last tfl_recent_advance(), and how long before @p now it begins. */
void tfl_recent_read(const struct tfl_recent *recent, int64_t now, struct tfl_trial_reference *ret_reference);

/** Writes it as a map of parts, which tfl_recent_restore() reads. @p now as for the last tfl_recent_advance(). */
void tfl_recent_write(const struct tfl_recent *recent, struct tfl_writer *writer, int64_t now);

/**
 * Goes on, at @p now, from what was written @p elapsed seconds ago: validated MessagePack, which may say anything. Without @p head its confidence is left
 * out: the version has another head now. -EINVAL with a sentence: then it is empty.
 */
int tfl_recent_restore(struct tfl_recent *recent, struct tfl_slice value, int64_t elapsed, int64_t now, bool head, struct tfl_error *error);

#endif
