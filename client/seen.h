/* SPDX-License-Identifier: MIT */
/*
 * What the daemon has seen of a version's verdicts, out of its answer to "histogram", as the arithmetic of stats/ takes it. The daemon is
 * not trusted: counters that cannot be make the answer unreadable.
 */
#ifndef CLIENT_SEEN_H
#define CLIENT_SEEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/tflclient.h"
#include "stats/confidence.h"

struct ctl;
struct tfl_drift;
struct tfl_latency;
struct tfl_error;

struct ctl_seen {
	const char *name, *kind, *reason; /* the answer's */
	uint64_t seconds;                 /* of the window; 0: all there is */
	struct tfl_confidence histogram, baseline;
	bool baseline_set;
	uint64_t baseline_since, baseline_wanted;
	const struct tfl_value *counts, *series;
};

/** One entry of the answer's "heads". -EPROTO with a sentence. */
int ctl_seen_read(const struct tfl_value *head, struct ctl_seen *ret_seen, struct tfl_error *error);

/** A histogram of the answer. -EPROTO with a sentence. */
int ctl_histogram_read(const struct tfl_value *value, struct tfl_confidence *ret_confidence, struct tfl_error *error);

/** A latency of the answer to "stats" with its buckets; an empty one where @p value is NULL. -EPROTO with a sentence. */
int ctl_latency_read(const struct tfl_value *value, struct tfl_latency *ret_latency, struct tfl_error *error);

/** {"verdict", "psi", "psi_raw", "noise", …}: a new reference, NULL without memory. */
json_t *ctl_drift_json(const struct tfl_drift *drift);

/** "--window": "5m", "1h", NULL for 0, which is all there is. -EINVAL with a sentence. */
int ctl_window_parse(const char *text, unsigned *ret_minutes, struct tfl_error *error);

/** The same before anything is connected: CTL_OK, or CTL_USAGE with the sentence said. */
int ctl_window_check(const struct ctl *ctl, const char *text);

/** "in the last 12 min 3 s", or "since it was first active" for 0. Returns @p buffer. */
char *ctl_window_name(uint64_t seconds, char *buffer, size_t size);

#endif
