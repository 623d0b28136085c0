/* SPDX-License-Identifier: MIT */
/* What the versions in memory take, out of the daemon's answers to health and stats. */
#ifndef CLIENT_MEMORY_H
#define CLIENT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/tflclient.h"

/** All of what a version takes: the sum of the "memory" of an answer about one. */
uint64_t ctl_memory_bytes(const struct tfl_value *memory);

/** A line about the answer's "memory"; where there is no limit, only where @p always says so. */
void ctl_memory_print(const struct tfl_value *value, bool always);

#endif
