/* SPDX-License-Identifier: MIT */
/*
 * Versions as if they had been loaded and asked, without any model: listed and AVAILABLE, each with a recorder that has counted requests
 * and verdicts, and a history. What makes the numbers is a seed. For tests of what is told of versions, and for measuring it. Failures
 * end the process.
 */
#ifndef TESTS_DAEMON_CROWD_H
#define TESTS_DAEMON_CROWD_H

#include <stdint.h>

#include "daemon/registry.h"
#include "daemon/scheduler.h"

#define CROWD_CLASSES 10

struct crowd {
	struct tfl_registry *registry;
	struct tfl_scheduler *scheduler;
	unsigned writers;
};

/** No version yet. @p writers: of the recorders. */
void crowd_begin(struct crowd *crowd, unsigned writers);
void crowd_end(struct crowd *crowd);

/** A version with @p heads outputs that have verdicts (at most TFL_CONFIDENCE_OUTPUTS_MAX), of @p rows each. Borrowed. */
struct tfl_version *crowd_add(struct crowd *crowd, const char *model, uint64_t number, unsigned heads, uint32_t rows);

/**
 * Counts @p requests of it, one in ten a failure, with durations from 2 µs to 0.2 s, and the verdicts of the others. The total durations
 * of those that succeeded go to @p ret_total_ns, which has room for all, unless it is NULL; how many those are is returned.
 */
unsigned crowd_ask(const struct crowd *crowd, struct tfl_version *version, unsigned requests, uint64_t seed, uint64_t *ret_total_ns);

#endif
