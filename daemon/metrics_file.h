/* SPDX-License-Identifier: MIT */
/*
 * The file that node_exporter's textfile collector reads: what the method metrics says, written anew every so often. Numbers are gathered
 * on the loop thread, some versions at a time, and the rest is the loader thread's, so that neither many versions nor a slow disk delay a
 * request. Whoever reads the file finds a whole one: it is written beside, under a name that does not end in ".prom", and renamed. Where
 * that fails, what stood there stays, there is a condition, and the next time it is tried again.
 *
 * Lifetime: made by the server before the loader, destroyed after it. Thread: the loop's, but for what the loader runs.
 */
#ifndef DAEMON_METRICS_FILE_H
#define DAEMON_METRICS_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct tfl_error;
struct tfl_metrics_file;
struct tfl_server;

/** For no file yet. 0 or -ENOMEM. */
int tfl_metrics_file_create(struct tfl_metrics_file **ret_file);

/** For the file at @p path from the next step on, "" for none; one that was written at another path is removed then. */
void tfl_metrics_file_set_path(struct tfl_metrics_file *file, const char *path);

/** Whether there is something to do for a next step. */
bool tfl_metrics_file_wanted(const struct tfl_metrics_file *file);

/** A step of writing it anew; nothing while it is still being written. True: the next step is to follow as soon as nobody waits. */
bool tfl_metrics_file_step(struct tfl_metrics_file *file, struct tfl_server *server);

/**
 * Removes the file, if it was written: numbers that stay behind would look like those of a service that does nothing. Frees. No call of
 * the loader may be under way. NULL is allowed.
 */
void tfl_metrics_file_destroy(struct tfl_metrics_file *file);

/** Replaces the file at @p path by @p length bytes that everybody may read. Errors carry a sentence; then what stood there stands. */
int tfl_metrics_file_replace(const char *path, const char *text, size_t length, struct tfl_error *error);

#endif
