/* SPDX-License-Identifier: MIT */
/*
 * Adds up what many devices wrote down of the versions that they serve: lines of the schema tfld.period/1, see doc/json-log.md. Lines of
 * the same model, version and file are one version here, whichever device and time they come from; another file under the same number is
 * another version.
 *
 * Nothing in a line is trusted: one that cannot be is refused with a sentence, and changes nothing. A line that was there already (the same
 * run and number) is counted once. Memory is bounded by the limits below, whatever the lines say.
 */
#ifndef CLIENT_MERGE_H
#define CLIENT_MERGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/tfl-types.h"
#include "client/times.h"
#include "stats/confidence.h"
#include "stats/drift.h"
#include "stats/latency.h"

struct tfl_error;

#define MERGE_VERSIONS_MAX 1024
#define MERGE_HEADS_MAX 8         /* of a version: where devices read its outputs in different ways, each has its own */
#define MERGE_DEVICES_MAX 262144  /* of all versions together */
#define MERGE_RUNS_MAX 1048576    /* of the daemon, and gaps in the numbers of their lines */
#define MERGE_TEXT_MAX 128        /* bytes of a name; what is longer is cut */

/* Verdicts of one output. */
struct merge_head {
	uint32_t output, classes;
	char name[MERGE_TEXT_MAX], kind[32];
	struct tfl_confidence seen;
	uint64_t counts[TFL_CONFIDENCE_CLASSES_MAX];
};

/* What was done, in a line or in many. */
struct merge_sum {
	double seconds;
	uint64_t requests;
	uint64_t results[TFL_STATUS_COUNT];
	struct tfl_latency stages[CTL_STAGES];
};

/* How a version was on one device at the end of its last period. */
struct merge_device {
	char name[MERGE_TEXT_MAX];
	char time[24];
	enum tfl_drift_verdict verdict; /* the worst of its outputs */
	double psi;
};

struct merge_version {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t number;
	char sha256[65];
	char first[24], last[24]; /* ends of the first and of the last period */
	struct merge_sum sum;
	unsigned head_count;
	struct merge_head *heads[MERGE_HEADS_MAX];
	size_t device_count;
	struct merge_device *devices;
	json_t *device_index; /* of a name */
};

struct merge;

/** 0 or -ENOMEM. */
int merge_create(struct merge **ret_merge);
void merge_destroy(struct merge *merge);

enum merge_outcome { MERGE_ADDED, MERGE_REPEATED, MERGE_OTHER /* a line of another schema */ };

/** Takes one line. An outcome, or -EINVAL, -ENOSPC (past a limit) or -ENOMEM with a sentence. */
int merge_add(struct merge *merge, const char *text, size_t length, struct tfl_error *error);

/** By model, number and file. */
const struct merge_version *const *merge_versions(struct merge *merge, size_t *ret_count);

#define MERGE_VERDICTS 4

/* The devices of a version, the worst first, and how many have each verdict. */
struct merge_drift {
	size_t counts[MERGE_VERDICTS];
	const struct merge_device **devices; /* the caller's to free, not what it points to */
	size_t count;
};

/** 0 or -ENOMEM. */
int merge_drift_of(const struct merge_version *version, struct merge_drift *ret_drift);

#endif
