/* SPDX-License-Identifier: MIT */
/* What a version did since it was loaded, as stats and compare tell it; doc/protocol.md names the keys. */
#ifndef DAEMON_VERSION_STATS_H
#define DAEMON_VERSION_STATS_H

#include <stdbool.h>

struct tfl_latency;
struct tfl_recorder_summary;
struct tfl_scheduler;
struct tfl_version;
struct tfl_writer;

#define TFL_VERSION_STATS_FIELDS 7

/** Writes so many keys and values of a map. The version is AVAILABLE; @p summary is memory to work in. Loop thread. */
void tfl_version_stats_write(struct tfl_writer *writer, struct tfl_scheduler *scheduler, const struct tfl_version *version, bool buckets,
			     struct tfl_recorder_summary *summary);

/** The key and a map of one latency, with @p buckets the buckets too. */
void tfl_latency_write(struct tfl_writer *writer, const char *key, const struct tfl_latency *latency, bool buckets);

/** The key "results" and a map of how many requests ended how. */
void tfl_results_write(struct tfl_writer *writer, const struct tfl_recorder_summary *summary);

#endif
