/* SPDX-License-Identifier: MIT */
/*
 * What Prometheus is told. Two steps, because they belong to different threads: the loop thread gathers numbers, which takes some 50
 * microseconds a version and need not be done in one go, and whoever has time writes them down as text. doc/metrics.md lists the
 * families; a test compares.
 *
 * Lifetime: plain data, owned by whoever gathered; nothing in it refers to the daemon. Thread: see the functions.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/tfl-types.h"
#include "daemon/service.h"
#include "daemon/version.h"
#include "stats/drift.h"

struct tfl_error;
struct tfl_exposition;
struct tfl_registry;
struct tfl_scheduler;
struct tfl_sessions;

#define TFL_METRICS_DURATIONS 28 /* upper edges of a histogram of durations: 10 µs, and each 1.8 times the one before */
#define TFL_METRICS_SHARES 14    /* of one of confidences: tenths, and from 0.9 on fiftieths */

enum tfl_metrics_stage { TFL_METRICS_QUEUE, TFL_METRICS_COMPUTE, TFL_METRICS_REQUEST, TFL_METRICS_STAGES };

struct tfl_metrics_duration {
	uint64_t count, sum_ns;
	uint64_t up_to[TFL_METRICS_DURATIONS]; /* records not above each edge */
};

struct tfl_metrics_share {
	uint64_t count;
	double sum;
	uint64_t up_to[TFL_METRICS_SHARES]; /* records below each edge; the last has all */
};

/* One output that says how sure it is. */
struct tfl_metrics_head {
	uint32_t output;
	uint64_t invalid;
	struct tfl_metrics_share confidence, margin;
	struct tfl_drift drift; /* of the last hour from the baseline */
};

/* One version that is listed. */
struct tfl_metrics_version {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t number;
	enum tfl_version_state state;
	uint64_t active; /* 0 or 1 */

	bool loaded; /* AVAILABLE; else the rest is zero */
	struct tfl_version_memory memory;
	uint64_t load_ns, instances, sessions;
	uint64_t pending, inferences, executions;
	uint64_t results[TFL_STATUS_COUNT];
	struct tfl_metrics_duration durations[TFL_METRICS_STAGES];
	struct {
		uint64_t success, failure, rows, agreed; /* of copies that it ran without answering; of rows that were compared */
	} shadow;
	uint32_t first_head, head_count; /* among tfl_metrics' */
};

/* Zeroed memory is empty. */
struct tfl_metrics {
	struct tfl_service service;
	struct tfl_metrics_version *versions; /* as listed: by name, then number */
	struct tfl_metrics_head *heads;
	uint32_t version_count, head_count;
	uint32_t version_room, head_room; /* private */
	bool (*admits)(const void *data, const char *model); /* set before: which models it is about; NULL: all */
	const void *data;
	const struct tfl_sessions *sessions; /* likewise; NULL: none */
};

/** The upper edge of a bucket as its label "le" spells it, and what that is in nanoseconds, or as a share. */
const char *tfl_metrics_duration_edge(unsigned index, uint64_t *ret_ns);
const char *tfl_metrics_share_edge(unsigned index, double *ret_share);

/**
 * Looks at what is listed behind the last version that @p metrics has, at @p most of it: all, or more with every call, between which
 * versions may come and go. 1: there is more; 0: that was all; -ENOMEM. @p now: tfl_clock_seconds(). The service is the caller's to read.
 * Loop thread.
 */
int tfl_metrics_gather(const struct tfl_registry *registry, struct tfl_scheduler *scheduler, int64_t now, unsigned most,
		       struct tfl_metrics *metrics);

/** Writes all families. What goes wrong is @p exposition's to tell. Any thread. */
void tfl_metrics_write(const struct tfl_metrics *metrics, struct tfl_exposition *exposition);

/** Frees. NULL is allowed; idempotent. */
void tfl_metrics_finish(struct tfl_metrics *metrics);

/** The families there are, in order, for a test: name and type; NULL past the last. */
const char *tfl_metrics_family(unsigned index, const char **ret_type);

#endif
