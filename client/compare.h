/* SPDX-License-Identifier: MIT */
/*
 * Two versions side by side, out of the daemon's answer to "compare": what stats/compare.h finds, in words, for people and for programs.
 * The daemon is not trusted: counters that cannot be make the answer unreadable.
 */
#ifndef CLIENT_COMPARE_H
#define CLIENT_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/tflclient.h"
#include "stats/compare.h"
#include "stats/confidence.h"
#include "stats/latency.h"

struct tfl_error;

struct ctl_compare_side {
	uint64_t version;
	bool active;
	uint64_t since; /* what it did since then: when it was loaded, or the window began; seconds since 1970 */
	uint64_t requests, errors;
	const struct tfl_value *results; /* the answer's {status: count} of these */
	bool copied; /* of copies of requests, which it did not answer: it is a shadow that was asked for nothing else */
	uint64_t memory_bytes;
	struct tfl_latency latency;
	struct tfl_confidence confidence;
	const char *drift; /* the answer's: whether its own confidence has moved from its baseline within the hour */
	double psi;
};

struct ctl_compare {
	const char *model;  /* the answer's, like the next two */
	const char *output; /* whose confidence is compared; NULL: there is none in both */
	const char *reason; /* then: why */
	struct ctl_compare_side sides[2];
	const struct tfl_value *agreement; /* the answer's list about the shadow among them and the other; NULL: neither is one */
	bool computing; /* latencies are those of computing alone, because that is all that a shadow has */
	struct tfl_compare result;
};

/** Which side is better, all in all. */
enum ctl_compare_outcome {
	CTL_COMPARE_OPEN,   /* no difference that matters is sure, and not all could be told */
	CTL_COMPARE_EQUAL,  /* nor is there one */
	CTL_COMPARE_FIRST,
	CTL_COMPARE_SECOND,
	CTL_COMPARE_BOTH,   /* each at something */
};

/* What is compared is what came after an earlier answer. */
struct ctl_compare_window {
	const struct tfl_value *earlier;
	uint64_t since; /* when that was, seconds since 1970 */
};

/**
 * Reads the answer and compares. @p window: NULL for all since the versions were loaded. @p output: the name or index of the output whose
 * confidence is compared, NULL: the first that both have. The caller frees *ret_compare, whose strings are the answer's. -EPROTO, -EINVAL
 * for an output that not both have, -ENOMEM, each with a sentence.
 */
int ctl_compare_create(const struct tfl_value *answer, const struct ctl_compare_window *window, const char *output,
		       struct ctl_compare **ret_compare, struct tfl_error *error);

/** *ret_probability: that chance made the least sure of the differences for which it is better. */
enum ctl_compare_outcome ctl_compare_outcome(const struct tfl_compare *result, double *ret_probability);

/** A table, and below it what that means; @p now: seconds since 1970. */
void ctl_compare_print(const struct ctl_compare *compare, int64_t now);

/** A new reference, NULL without memory. */
json_t *ctl_compare_json(const struct ctl_compare *compare);

#endif
