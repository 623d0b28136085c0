/* SPDX-License-Identifier: MIT */
/*
 * One infer request between its arrival and its reply.
 *
 * Lifetime: begun on the loop thread, owned by one holder at a time (loop, scheduler, worker), ended by whoever replied or dropped it, on
 * any thread. It owns its frame and the parsed request, and a reference each to its channel and its versions. Ended jobs stay with their
 * channel to be used again, so a client that sends one request after the other costs no allocation here.
 */
#ifndef DAEMON_JOB_H
#define DAEMON_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/binding.h"
#include "daemon/fallback.h"
#include "proto/frame.h"
#include "proto/request.h"
#include "runtime/interpreter.h"

struct tfl_channel;
struct tfl_error;
struct tfl_recordings;
struct tfl_row;
struct tfl_session;
struct tfl_shadow;

enum tfl_job_kind {
	TFL_JOB_INFER,
	TFL_JOB_OPEN,  /* makes its session's interpreter */
	TFL_JOB_RESET, /* of its session */
};

struct tfl_job {
	enum tfl_job_kind kind;
	struct tfl_job *next;                           /* in the scheduler, or among the channel's idle jobs */
	struct tfl_job *flight_next, **flight_link;     /* in the channel's list of what is in flight; its lock */
	struct tfl_channel *channel;
	struct tfl_version *version;
	struct tfl_session *session;                    /* counted there; NULL: the version's interpreters serve it */
	struct tfl_frame frame;
	struct tfl_infer_request request;               /* views into the frame */
	struct tfl_binding binding;
	struct tfl_fallback fallback;
	uint32_t msgid;
	bool charged;                                   /* to its user, as one in flight */
	uint32_t priority;                              /* 1 highest */
	uint64_t arrived_ns;                            /* CLOCK_MONOTONIC, like every time here */
	atomic_bool cancelled;                          /* set when its client cancels it, or the connection closes */
	struct tfl_run_control control;                 /* points at cancelled; carries the deadline */
	struct {
		struct tfl_recordings *by;              /* NULL: no sample is to be made of it */
		uint32_t recording;
		unsigned place;                         /* of the recording */
		bool outputs;
	} sample;
	struct {
		struct tfl_shadow *shadow;              /* that gets a copy of it; NULL: none does */
		size_t bytes;
	} copy;
};

/**
 * A new job for a request that came over @p channel, charged to its account as a request in flight. Frame, request, version and binding are
 * empty. Errors: -EDQUOT with a sentence, -ENOMEM, -EPIPE when the channel is closed.
 */
int tfl_job_begin(struct tfl_channel *channel, struct tfl_job **ret_job, struct tfl_error *error);

/** Cancels what is in flight under @p msgid on @p channel, wherever it is; whether there was such. Loop thread. */
bool tfl_job_cancel(struct tfl_channel *channel, uint32_t msgid);

/**
 * It is in flight no more for its user, who may send the next as soon as the reply has come: called before that goes out. Whoever runs it; once or not
 * at all.
 */
void tfl_job_answered(struct tfl_job *job);

/** Where it waits and runs: with those of its session, else of its version. */
struct tfl_row *tfl_job_row(const struct tfl_job *job);

/** Drops everything that the job owns, and the job; NULL is allowed. */
void tfl_job_end(struct tfl_job *job);

#endif
