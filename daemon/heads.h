/* SPDX-License-Identifier: MIT */
/*
 * The outputs of a version that say how sure it is, and how a request's verdicts are read from them: found when the version is loaded, used by
 * whoever ran a request, right after its reply has gone.
 *
 * Lifetime: part of its version, immutable once found. Thread: any.
 */
#ifndef DAEMON_HEADS_H
#define DAEMON_HEADS_H

#include <stdint.h>

#include "base/limits.h"
#include "runtime/confidence.h"
#include "stats/top.h"

struct tfl_interpreter;
struct tfl_io;
struct tfl_program;
struct tfl_recorder;

struct tfl_head {
	struct tfl_confidence_source source;
	struct tfl_top_reader reader;
	uint32_t row_bytes;
	uint32_t counted; /* classes that are counted one by one: the first of them, where there are too many */
};

struct tfl_heads {
	unsigned count;
	struct tfl_head items[TFL_CONFIDENCE_OUTPUTS_MAX];
	char reason[160]; /* where there are none: why, of the first output */
};

/** Looks at every output of a program; past TFL_CONFIDENCE_OUTPUTS_MAX heads the rest is left out. */
void tfl_heads_find(const struct tfl_program *program, struct tfl_heads *ret_heads);

/** A recorder for @p writers that counts for these heads. 0 or -ENOMEM. */
int tfl_heads_recorder(const struct tfl_heads *heads, unsigned writers, struct tfl_recorder **ret_recorder);

/** Reads the verdicts that an interpreter's outputs hold, and counts them. No allocation, no lock. */
void tfl_heads_record(const struct tfl_heads *heads, const struct tfl_interpreter *interpreter, struct tfl_recorder *recorder, unsigned writer);

#endif
