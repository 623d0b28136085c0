/* SPDX-License-Identifier: MIT */
/*
 * Histograms of confidence in JSON, as tflctl prints them, back into what stats/ computes with. Neither files nor the daemon are trusted:
 * counters that cannot be make a histogram unreadable.
 */
#ifndef CLIENT_HISTOGRAM_JSON_H
#define CLIENT_HISTOGRAM_JSON_H

#include <jansson.h>
#include <stdint.h>

struct tfl_confidence;
struct tfl_error;

/** {"invalid", "sum", "bins", "margins", "fine"}. -EPROTO with a sentence. */
int ctl_histogram_from_json(const json_t *json, struct tfl_confidence *ret_confidence, struct tfl_error *error);

/** The counters under @p key, of which there are @p max, into zeroed memory; *ret_sum is theirs. -EPROTO with a sentence. */
int ctl_counters_from_json(const json_t *object, const char *key, uint64_t *counters, unsigned max, uint64_t *ret_sum,
			   struct tfl_error *error);

/** A new reference, or NULL without memory. */
json_t *ctl_counters_to_json(const uint64_t *counters, unsigned count);
json_t *ctl_histogram_to_json(const struct tfl_confidence *confidence);

#endif
