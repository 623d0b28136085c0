/* SPDX-License-Identifier: MIT */
/*
 * Requests that keep a worker busy for exactly as long as a test wants, on a machine of whatever speed and load: "endless", a model whose loop goes
 * round until its request is cancelled. Nobody waits for one for more than a minute.
 */
#ifndef TESTS_SYSTEM_ENDLESS_H
#define TESTS_SYSTEM_ENDLESS_H

#include <stdint.h>

#include "tests/system/harness.h"

/** Its model.conf, with the lines @p settings, or NULL; for tests that load it themselves. */
void endless_configure(const struct daemon *daemon, const char *settings);

/** Version 1 of it, before the daemon starts, and its model.conf. */
void endless_add(const struct daemon *daemon, const char *settings);

/** A request. Its reply comes when it is cancelled. */
void endless_send(int fd, uint32_t msgid);

/** One that goes round a few times, and is answered. */
void endless_send_brief(int fd, uint32_t msgid);

/** The same, to a daemon whose workers are all idle; it runs when this returns. */
void endless_hold(const struct daemon *daemon, int fd, uint32_t msgid);

/** Cancels it. The next frame must be the reply to that. */
void endless_end(int fd, uint32_t msgid);

#endif
