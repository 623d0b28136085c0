/* SPDX-License-Identifier: MIT */
/*
 * Requests that a version on trial does not take, and the version before does: the latter answers, so that nobody is turned away, and it counts
 * against the former. What types, tensors and signatures are wanted shows on the loop thread, at once; whether a graph can be made for the shapes
 * that a request chose shows on a worker.
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
	struct tfl_version *to;   /* the version before one on trial, as long as that may turn out not to take the request */
	struct tfl_version *from; /* the one on trial, when it has */
	char *why;                /* in its words; NULL without memory */
};

/**
 * The job's version, on trial, does not take it (@p error says why): whether the version before does, which then is the job's, and bound. @p
 * writer: whose counters it is written into, as in recorder.h. Loop thread.
 */
bool tfl_fallback_bind(const struct tfl_registry *registry, struct tfl_job *job, unsigned writer, const struct tfl_error *error);

/** The job's version takes it, but may not take its shapes: notes who would, if that is on trial. Loop thread. */
void tfl_fallback_prepare(const struct tfl_registry *registry, struct tfl_job *job);

/** It did not, which @p error says: whether the job is now bound to the version before, for whose turn it then has to wait. */
bool tfl_fallback_turn(struct tfl_job *job, const struct tfl_error *error);

/** The version before does take the shapes: counts against the one on trial, where that was asked before. */
void tfl_fallback_settle(struct tfl_job *job, unsigned writer);

/** Drops what it holds; idempotent. */
void tfl_fallback_finish(struct tfl_fallback *fallback);

#endif
