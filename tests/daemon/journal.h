/* SPDX-License-Identifier: MIT */
/* A journal of the test's own, which keeps what is sent to it. */
#ifndef TESTS_DAEMON_JOURNAL_H
#define TESTS_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

/**
 * A socket where the journal's is, in a /run of this process's own; each message that it receives is an entry. tfl_log_init() chooses it.
 * -1, with the reason printed, where that is not allowed, or nothing is ever sent there.
 */
int journal_fake(void);

/** Whether an entry has the field @p line, "NAME=value\n". */
bool journal_has(const char *entry, size_t size, const char *line);

#endif
