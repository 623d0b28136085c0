/* SPDX-License-Identifier: MIT */
/*
 * Versions that get copies of their model's requests and never answer: what they would have answered is compared with what was answered.
 * For trying a version on what a device really sees, at no one's cost.
 *
 *   loop      routes a request; where its model has a shadow and not too much waits, it is marked          tfl_shadows_pick()
 *   worker    has answered it: hands a copy over (capture.h), without a lock                               tfl_shadows_give()
 *   tfl-shadow  runs the copy on an interpreter of its own, compares, counts, and lays it down again
 *   loop      frees it                                                                                     tfl_shadows_collect()
 *
 * One thread at idle priority does it for all models. It takes no lock, and neither allocates nor frees: whoever is interrupted at that
 * priority may not hold what the others wait for. What it cannot keep up with is not copied, and counted. While requests wait for a worker
 * it runs one copy at a time and then rests, so that it takes a hundredth of a processor then: idle priority alone still costs the others
 * their caches. Its latency is processor time, which is what a run would take on a free processor; the clock on the wall would say how
 * busy the others are.
 *
 * A shadow holds a reference to its version, until it is told that the version leaves; then it ends within one step of the model. What was
 * counted lives as long as the process, the version in memory, and its being a shadow.
 *
 * Lifetime: made by the server, stopped once the workers have ended, destroyed after the loader. Thread: the loop's, but for
 * tfl_shadows_give() and tfl_shadows_unpick().
 */
#ifndef DAEMON_SHADOWS_H
#define DAEMON_SHADOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "daemon/agreement.h"

struct tfl_capture;
struct tfl_job;
struct tfl_loader;
struct tfl_registry;
struct tfl_shadow;
struct tfl_shadows;
struct tfl_version;

#define TFL_SHADOW_PAIRS_MAX 4 /* versions that one is compared with */

struct tfl_shadows_options {
	struct tfl_registry *registry; /* borrowed */
	struct tfl_loader **loader;    /* borrowed; makes interpreters, and is there when the first request comes */
	bool normal_priority;          /* stay at the caller's: for tests */
	void (*wake)(void *data);      /* on any thread: tfl_shadows_collect() has something to do */
	void *data;
};

int tfl_shadows_create(const struct tfl_shadows_options *options, struct tfl_shadows **ret_shadows);

/** Ends the thread, within one step of a model, and gives back all references. NULL is allowed. */
void tfl_shadows_stop(struct tfl_shadows *shadows);
void tfl_shadows_destroy(struct tfl_shadows *shadows);

/**
 * Makes @p version the shadow of a model, or (0) none; what was counted begins anew, unless it is so already. A version that is not
 * AVAILABLE gets copies from when it is. -ENOBUFS with too many models, -ENOMEM.
 */
int tfl_shadows_set(struct tfl_shadows *shadows, const char *model, uint64_t version, struct tfl_error *error);

/** That of a model; 0: none. */
uint64_t tfl_shadows_get(const struct tfl_shadows *shadows, const char *model);

/** Whether any request has to be looked at. */
bool tfl_shadows_any(const struct tfl_shadows *shadows);

/** A request was routed: marks it where it is to be copied. */
void tfl_shadows_pick(struct tfl_shadows *shadows, struct tfl_job *job);

/** A request that arrived then had to wait for a worker. */
void tfl_shadows_note_busy(struct tfl_shadows *shadows, uint64_t now_ns);

/** Takes over a copy of a marked request, whose mark it takes off. Any thread, without a lock. */
void tfl_shadows_give(struct tfl_job *job, struct tfl_capture *capture);

/** A marked request ends without a copy. Any thread; nothing for one that is not marked. */
void tfl_shadows_unpick(struct tfl_job *job);

/** A version is not served from now on: it is no shadow either. For the registry. */
void tfl_shadows_leave(void *data, const struct tfl_version *version);

/** Frees what the thread has laid down. */
void tfl_shadows_collect(struct tfl_shadows *shadows);

/* What is known of a model's shadow. */
struct tfl_shadow_status {
	uint64_t version;
	bool running;      /* it gets copies; else … */
	char reason[160];  /* … why not */
	uint64_t bytes;    /* of memory that it takes beside its version */
	uint64_t dropped;  /* requests that were not copied, or not run to the end, for want of time */
	uint64_t failed;   /* copies whose outputs could not be compared: other shapes, types, or too large */
	unsigned pair_count;
	struct tfl_agreement pairs[TFL_SHADOW_PAIRS_MAX];
};

/** False where the model has none. Its latency and results are its version's recorder's (tfl_recorder_read_shadow()). */
bool tfl_shadows_read(const struct tfl_shadows *shadows, const char *model, struct tfl_shadow_status *ret_status);

#endif
