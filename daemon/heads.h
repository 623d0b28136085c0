/* SPDX-License-Identifier: MIT */
/*
 * The outputs of a version that say how sure it is, and how a request's verdicts are read from them: found when the version is loaded, used
 * by whoever ran a request, right after its reply has gone.
 *
 * Lifetime: part of its version, immutable once found. Thread: any.
 */
#ifndef DAEMON_HEADS_H
#define DAEMON_HEADS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "runtime/confidence.h"
#include "stats/top.h"

struct tfl_error;
struct tfl_interpreter;
struct tfl_io;
struct tfl_program;
struct tfl_recorder;

struct tfl_head {
	struct tfl_confidence_source source;
	struct tfl_top_reader reader;
	uint32_t row_bytes;
	uint8_t rank;     /* of the output in the file, and … */
	int32_t dims[TFL_RANK_MAX];
	uint32_t counted; /* classes that are counted one by one: the first of them, where there are too many */
};

struct tfl_heads {
	unsigned count;
	struct tfl_head items[TFL_CONFIDENCE_OUTPUTS_MAX];
	bool configured;
	char reason[160]; /* where there are none: why, of the first output */
};

/**
 * Looks at every output of a program, or only at what @p choice says; past TFL_CONFIDENCE_OUTPUTS_MAX heads the rest is left out. -EINVAL,
 * with a sentence, for a choice that is not of this program.
 */
int tfl_heads_find(const struct tfl_program *program, const struct tfl_confidence_choice *choice, struct tfl_heads *ret_heads,
		   struct tfl_error *error);

/** What was found of an output of the same program, head or not: its kind and the reason. */
void tfl_heads_explain(const struct tfl_heads *heads, const struct tfl_program *program, uint32_t output,
		       struct tfl_confidence_source *ret_source);

/** A recorder for @p writers that counts for these heads. 0 or -ENOMEM. */
int tfl_heads_recorder(const struct tfl_heads *heads, unsigned writers, struct tfl_recorder **ret_recorder);

/** Reads the verdicts that an interpreter's outputs hold, and counts them. No allocation, no lock. */
void tfl_heads_record(const struct tfl_heads *heads, const struct tfl_interpreter *interpreter, struct tfl_recorder *recorder, unsigned writer);

#endif
