/* SPDX-License-Identifier: MIT */
/*
 * From a job to its reply: fill the inputs, run, write the outputs, send, record. The same code on a worker and, under the inline rule, on
 * the loop thread; each thread has an executor of its own.
 */
#ifndef DAEMON_EXECUTE_H
#define DAEMON_EXECUTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/writer.h"

struct tfl_error;
struct tfl_job;

/* What a thread keeps from job to job, so that the steady path allocates nothing. Belongs to that thread. */
struct tfl_executor {
	unsigned index; /* of its counters in every version's recorder */
	atomic_uint_least64_t busy_since; /* CLOCK_MONOTONIC nanoseconds when it began its job, 0 without one; others may look */
	struct tfl_writer writer;
	void *scratch;  /* dequantised outputs until they are sent */
	size_t scratch_size;
};

void tfl_executor_init(struct tfl_executor *executor, unsigned index);

/** Idempotent. */
void tfl_executor_finish(struct tfl_executor *executor);

/**
 * Runs @p job, which the scheduler has started, and replies, also where it failed, came too late or was cancelled. The job stays the
 * caller's to finish with the scheduler, in the row in which it came, and to end. False: nobody has replied, and it is to wait for
 * another version (fallback.h), in that one's row.
 */
bool tfl_execute(struct tfl_executor *executor, struct tfl_job *job);

/** Answers a job that could not be queued again: @p error says why. */
void tfl_execute_refused(struct tfl_executor *executor, struct tfl_job *job, struct tfl_error *error);

/** Answers a job that never started: too late or cancelled, as the scheduler's sweep found. */
void tfl_execute_missed(struct tfl_executor *executor, struct tfl_job *job);

#endif
