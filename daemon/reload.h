/* SPDX-License-Identifier: MIT */
/*
 * The configuration in force, and reading it anew while the daemon runs (SIGHUP): the files of tfld.conf and every model.conf are read on
 * the loader's thread, and taken over only where there is no mistake in any of them. A mistake is a condition, and what was read before
 * stays in force. What cannot change while it runs keeps its value, and is named until the next start.
 *
 * Lifetime: one, made by the server before everything else, and destroyed after the loader. Loop thread.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include <stdbool.h>
#include <stddef.h>

struct tfl_config;
struct tfl_reload;
struct tfl_server;
struct tfl_writer;

/** @p config is copied, and in force. 0 or -ENOMEM. */
int tfl_reload_create(struct tfl_server *server, const struct tfl_config *config, struct tfl_reload **ret_reload);

/** NULL is allowed. No call of the loader may be under way. */
void tfl_reload_destroy(struct tfl_reload *reload);

/** What is in force: the same object always, whose values change on the loop thread. */
const struct tfl_config *tfl_reload_config(const struct tfl_reload *reload);

/** Reads it anew; once more afterwards, where it is being read already. */
void tfl_reload_begin(struct tfl_reload *reload);

/** What an operator wants to know at the end of a line: "; a restart is needed for [requests] workers", or "". Returns @p text. */
const char *tfl_reload_say(const struct tfl_reload *reload, char *text, size_t size);

/** Writes the keys "needs_restart" and "needs_load" of a reply, of models that @p admits says yes to; TFL_RELOAD_FIELDS of them. */
void tfl_reload_write(const struct tfl_reload *reload, bool (*admits)(const void *data, const char *model), const void *data,
		      struct tfl_writer *writer);

#define TFL_RELOAD_FIELDS 2

#endif
