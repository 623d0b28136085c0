/* SPDX-License-Identifier: MIT */
/*
 * Models whose requests are being kept as samples. The loop picks requests as they are routed (sampling.h); the worker that answered one
 * hands a copy over (capture.h); the loop gives what has arrived to the loader, a batch at a time, which writes it into the store
 * (store_samples.h).
 *
 * Finite: a recording ends when it has what it was asked for, when there is no room, when somebody stops it, when writing fails, when its
 * model or version goes, and when the daemon stops. What was kept stays until it is erased.
 *
 * Lifetime: made by the server, destroyed after workers and loader. Thread: the loop's, but for tfl_recordings_give().
 */
#ifndef DAEMON_RECORDINGS_H
#define DAEMON_RECORDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/tfl-types.h"
#include "daemon/sampling.h"

struct tfl_capture;
struct tfl_job;
struct tfl_recordings;
struct tfl_server;
struct tfl_store_samples;

struct tfl_recording {
	uint32_t id; /* 0: there is none in this place */
	char model[TFL_MODEL_NAME_MAX + 1];
	struct tfl_sampling sampling;
	uid_t uid;
	int64_t since;  /* seconds since 1970 */
	bool active;    /* else it has ended … */
	char reason[TFL_ERROR_TEXT_MAX]; /* … because of this */
	enum tfl_dtype given[TFL_INFER_TENSORS_MAX]; /* type of each input as it first came; TFL_DTYPE_COUNT: none came */

	/* Private. */
	uint64_t nan;    /* of earlier recordings in this place */
	uint64_t number; /* of the next sample */
	struct tfl_capture *first, *last;
	bool writing, told;
};

/** @p wake is called on any thread when tfl_recordings_collect() has something to do. 0 or -ENOMEM. */
int tfl_recordings_create(struct tfl_server *server, void (*wake)(void *data), void *data, struct tfl_recordings **ret_recordings);
void tfl_recordings_destroy(struct tfl_recordings *recordings);

/** Whether any request has to be looked at. */
bool tfl_recordings_any(const struct tfl_recordings *recordings);

/** A request was routed: marks it where a sample is to be made of it. */
void tfl_recordings_pick(struct tfl_recordings *recordings, struct tfl_job *job);

/** Takes over a copy of a request that was marked so. Any thread, without a lock. */
void tfl_recordings_give(struct tfl_recordings *recordings, struct tfl_capture *capture);

/** No sample is made of a request that was marked so, in the place that it was marked with: there is NaN in it. Likewise. */
void tfl_recordings_leave_nan(struct tfl_recordings *recordings, unsigned place);

/** Of how many requests of this recording that is so. */
uint64_t tfl_recordings_count_nan(const struct tfl_recordings *recordings, const struct tfl_recording *recording);

/** What was given goes on its way, and what has lost its model ends. */
void tfl_recordings_collect(struct tfl_recordings *recordings);

/** Something has changed after which a recording may have lost its model. */
void tfl_recordings_look(struct tfl_recordings *recordings);

/** What is known of a model's latest recording; NULL: none since the start. */
const struct tfl_recording *tfl_recordings_find(const struct tfl_recordings *recordings, const char *model);

/**
 * Begins one, where the folder has @p there and room for more; a plan for more than there is room for is cut. Tells the change. -EEXIST
 * while the model is being recorded, -ENOSPC without room, -ENOBUFS with too many others; each with a sentence.
 */
int tfl_recordings_begin(struct tfl_recordings *recordings, const char *model, const struct tfl_sampling_plan *plan, uid_t uid,
			 const struct tfl_store_samples *there, struct tfl_error *error);

/** Why none can begin now, but for what is in the folder. */
int tfl_recordings_check(const struct tfl_recordings *recordings, const char *model, struct tfl_error *error);

/** Ends the model's one, where it is active; what waits is dropped. */
void tfl_recordings_end(struct tfl_recordings *recordings, const char *model, const char *reason);

/** All of them: the daemon stops. */
void tfl_recordings_end_all(struct tfl_recordings *recordings, const char *reason);

#endif
