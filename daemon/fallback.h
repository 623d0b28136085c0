/* SPDX-License-Identifier: MIT */
/*
 * Requests that a version on trial does not take, fails, or answers with NaN, and the version before answers well: the latter does, so that nobody
 * goes without, and it counts against the former. What the version before does no better is the request's own matter, or any client could have any
 * version rejected. Which types, tensors and signatures are wanted shows on the loop thread, at once; the rest when it is run.
 *
 * It is so for requests that leave the choice of a version to the daemon. Time that runs out is judged otherwise (trial.h).
 */
#ifndef DAEMON_FALLBACK_H
#define DAEMON_FALLBACK_H

#include <stdbool.h>

struct tfl_error;
struct tfl_job;
struct tfl_registry;
struct tfl_version;

/* Of a job. Zeroed: there is none. */
struct tfl_fallback {
	struct tfl_version *to;   /* the version before one on trial, which is to be asked where that one does not do; NULL: none is */
	struct tfl_version *from; /* the one on trial, when it has not */
	bool nan;                 /* it gave NaN … */
	char *why;                /* … or else why it failed; NULL without memory */
};

/**
 * The job's version, on trial, does not take it (@p error says why): whether the version before does, which then is the job's, and bound. @p
 * writer: whose counters it is written into, as in recorder.h. Loop thread.
 */
bool tfl_fallback_bind(const struct tfl_registry *registry, struct tfl_job *job, unsigned writer, const struct tfl_error *error);

/** The job's version takes it, as far as can be seen: notes who is to be asked next, if it is on trial. Loop thread. */
void tfl_fallback_prepare(const struct tfl_registry *registry, struct tfl_job *job);

/** It failed, which @p error says, or gave NaN (NULL): whether the job is now bound to the version before, for whose turn it then has to wait. */
bool tfl_fallback_turn(struct tfl_job *job, const struct tfl_error *error);

/** It was run, and gave NaN or did not: counts against the version on trial, where that was asked before, and did worse. */
void tfl_fallback_settle(struct tfl_job *job, unsigned writer, bool nan);

/** Drops what it holds; idempotent. */
void tfl_fallback_finish(struct tfl_fallback *fallback);

#endif
