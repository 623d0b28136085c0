/* SPDX-License-Identifier: MIT */
/* What strace saw a daemon do, so that it can be compared with what was counted. */
#ifndef TESTS_POWER_TRACE_H
#define TESTS_POWER_TRACE_H

#include <stdbool.h>

/** Whether there is an strace that may trace. Prints why not. */
bool trace_possible(void);

/** In the trace at @p path, between the two marks (interpose.c): how many calls were to change something in @p folder. */
unsigned trace_count(const char *path, const char *folder);

#endif
