/* SPDX-License-Identifier: MIT */
/*
 * Watches the models folder by inotify: the folder itself, each model's folder, and the folders of versions that could not be served, so
 * that they are tried again when they change. Says which models are worth looking at, and knows nothing of what they hold.
 *
 * The daemon's own writes are seen too. Statistics, state and what stands in staging are passed over by their names; the rest is looked at
 * in vain.
 *
 * Lifetime and thread: one, made by the server. Folders are added by the loader's thread, since finding a path may wait for a disk, but
 * for a model's that has just come; everything else is the loop's. Time is passed in, in milliseconds of a clock that does not jump.
 */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/dirty.h"

struct tfl_error;
struct tfl_watch;

/** Called on the loop thread when something is due earlier than before. */
typedef void (*tfl_watch_news)(void *data);

/** @p path: of the models folder, borrowed. Nothing is watched yet. -ENOMEM, or that there are too many of its kind (-EMFILE). */
int tfl_watch_create(const char *path, tfl_watch_news news, void *data, struct tfl_watch **ret_watch);

/** NULL is allowed, as it is for the calls below that return nothing. */
void tfl_watch_destroy(struct tfl_watch *watch);

/** Becomes readable when there are events. */
int tfl_watch_fd(const struct tfl_watch *watch);

/**
 * Watches the models folder (@p model ""), a model's (@p number 0), or a version's; once is enough, more do no harm. Errors, with a
 * sentence: -ENOENT, -ENOTDIR, -ENOSPC when the system allows no more watches, -ENOMEM. Any thread.
 */
int tfl_watch_add(struct tfl_watch *watch, const char *model, uint64_t number, struct tfl_error *error);

/** Ends the watch on a version's folder; or (@p number 0) those on a model's and all its versions'. */
void tfl_watch_drop(struct tfl_watch *watch, const char *model, uint64_t number);

/** How many folders are watched. */
unsigned tfl_watch_count(struct tfl_watch *watch);

/** Takes in what has happened, a bounded part of it: 0. -ENODEV, with a sentence, once when the models folder is not there any more. */
int tfl_watch_read(struct tfl_watch *watch, uint64_t now_ms, struct tfl_error *error);

/** A model, or "" for all of them, is worth looking at for another reason. */
void tfl_watch_touch(struct tfl_watch *watch, const char *model, uint64_t now_ms);

/** What is due now, and in how many milliseconds the next is: see dirty.h. */
bool tfl_watch_take(struct tfl_watch *watch, uint64_t now_ms, struct tfl_dirty_mark *ret_mark);
int64_t tfl_watch_delay(const struct tfl_watch *watch, uint64_t now_ms);

#endif
