/* SPDX-License-Identifier: MIT */
/*
 * What the proof of a file found: plain data, as the child reports it over a pipe and as a version shows it. It stands beside a version's
 * manifest too (manifest.h), so that a file that was proven is not proven again at each start.
 *
 * A report comes from a process that a hostile file may have taken over: it is bounded, parsed as any frame, and believed for what it is, a
 * claim about a file that this process then loads with the same care.
 */
#ifndef DAEMON_PROOF_H
#define DAEMON_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "daemon/digest.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_writer;

#define TFL_PROOF_TIME_TEXT 32

/* What the child is at; it tells each by one byte, this one. */
enum tfl_proof_phase {
	TFL_PROOF_STARTING,
	TFL_PROOF_VERIFYING,
	TFL_PROOF_BUILDING,
	TFL_PROOF_RUNNING,
	TFL_PROOF_SAMPLES,
	TFL_PROOF_PHASE_COUNT
};

struct tfl_proof {
	char time[TFL_PROOF_TIME_TEXT]; /* when, RFC 3339; "": there was none */
	uint64_t proof_ns;     /* all of it, from the start of the child to its report; 0: it was at a load before this one */
	uint64_t load_ns;      /* to verify and build, with one interpreter */
	uint64_t run_ns;       /* one warm inference */
	uint64_t packed_bytes;
	uint64_t interpreter_bytes; /* of one */
	uint64_t peak_bytes;   /* resident at most, program and file among them */
	uint32_t samples;      /* that it answered as it should */
	uint32_t infinite;     /* of these, how many got an infinity in some output */
	uint32_t means;        /* enum tfl_confine_means that were in force */
	uint32_t digest_count; /* of the outputs on zeros, in the order of the outputs, at most so many */
	char digests[TFL_PROOF_DIGESTS_MAX][TFL_SHA256_TEXT];
};

#define TFL_PROOF_FIGURES 8

/** Writes so many keys and values of a map: "load_ns" to "digests". */
void tfl_proof_write_figures(struct tfl_writer *writer, const struct tfl_proof *proof);

/** Writes a report: @p failure is NULL, or code and sentence of what went wrong. */
void tfl_proof_report_write(struct tfl_writer *writer, const struct tfl_proof *proof, const struct tfl_error *failure);

/**
 * Reads one. *ret_failure gets code 0, or a code below 0 with its sentence, in which nothing is left that a terminal would obey; time and
 * proof_ns are the caller's to set. -EBADMSG or -EINVAL with a sentence when it is no report.
 */
int tfl_proof_report_parse(struct tfl_slice bytes, struct tfl_proof *ret_proof, struct tfl_error *ret_failure, struct tfl_error *error);

#endif
