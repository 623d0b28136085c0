/* SPDX-License-Identifier: MIT */
/* What shadows.c (the loop's and the workers' part) and shadow_thread.c (what runs the copies) share. */
#ifndef DAEMON_SHADOWS_INTERNAL_H
#define DAEMON_SHADOWS_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "daemon/capture.h"
#include "daemon/shadows.h"

struct tfl_interpreter;

struct tfl_shadow {
	struct tfl_shadows *shadows;
	struct tfl_shadow *next; /* among those that are gone; the loop's */
	struct tfl_version *version; /* a reference */
	atomic_uint held;
	atomic_bool gone; /* nothing of it is run any more */
	uint64_t dropped; /* the loop's */

	/* The thread's; made by the loader. */
	struct tfl_interpreter *interpreter;
	uint64_t bytes; /* that it counts for */
	float *right, *other;                        /* outputs in real numbers … */
	size_t room;                                 /* … so many each */
	uint32_t classes[TFL_AGREEMENT_OUTPUTS_MAX]; /* of each output */
	atomic_ullong late, failed;                  /* not run to the end; not compared */
	atomic_uint pair_count;
	struct tfl_agreement pairs[TFL_SHADOW_PAIRS_MAX];
};

/* Which version is the shadow of which model. */
struct tfl_shadow_place {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t number;
	struct tfl_shadow *shadow; /* NULL: it is not made */
	bool making;
	uint64_t again_ns; /* not tried before */
	char reason[160]; /* why it could not be made, the last time; "": it could, or was not tried */
};

struct tfl_shadows {
	struct tfl_shadows_options options;
	struct tfl_shadow_place places[TFL_SHADOWS_MAX]; /* the first `count` */
	unsigned count;
	struct tfl_shadow *gone;
	atomic_uint leaving;    /* how many of those there are */
	atomic_uint held;       /* of all */
	atomic_size_t bytes;    /* likewise */
	atomic_ullong busy_ns;  /* when a request had to wait last … */
	atomic_ullong rests_ns; /* … and until when nothing is copied therefore */
	_Atomic(struct tfl_capture *) arrived, done;
	sem_t wanted;
	atomic_bool stopping;
	pthread_t thread;
	bool runs;
};

/* Onto a list without a lock. */
static inline void tfl_shadows_push(_Atomic(struct tfl_capture *) *list, struct tfl_capture *capture)
{
	capture->copy.next = atomic_load_explicit(list, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(list, &capture->copy.next, capture, memory_order_seq_cst, memory_order_relaxed))
		;
}

/** The thread; @p data is the shadows. */
void *tfl_shadows_run(void *data);

#endif
