/* SPDX-License-Identifier: MIT */
/* What the versions in memory take, out of the daemon's answers to health and stats. */
#ifndef CLIENT_MEMORY_H
#define CLIENT_MEMORY_H

#include <stdbool.h>

#include "client/tflclient.h"

/** A line about the answer's "memory"; where there is no limit, only where @p always says so. */
void ctl_memory_print(const struct tfl_value *value, bool always);

#endif
