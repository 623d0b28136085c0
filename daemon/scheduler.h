/* SPDX-License-Identifier: MIT */
/*
 * The one queue between the loop thread and the workers. Jobs of one version, and those of one session, wait in a row of their own (highest
 * priority first, then first come first served); rows that have both a waiting job and an idle instance take turns. At most `capacity` jobs
 * wait in all.
 *
 * Lifetime: one, made by the server, destroyed when no worker runs and nothing waits. Thread: any.
 */
#ifndef DAEMON_SCHEDULER_H
#define DAEMON_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_error;
struct tfl_job;
struct tfl_scheduler;

/* Part of what its jobs share an interpreter of: a version, a session. Zeroed at first; its members are the scheduler's, under its lock. */
struct tfl_row {
	struct tfl_job *first, *last;
	struct tfl_row *next_ready;
	struct tfl_row *next_waiting, **link_waiting;
	unsigned waiting, running, slots;
	bool ready;
};

/* Something short that is no request's, and not the loop thread's either. Its owner keeps it until it has run. */
struct tfl_chore {
	void (*run)(void *data);
	void *data;
	struct tfl_chore *next; /* the scheduler's */
};

/* What stands where, for stats. */
struct tfl_scheduler_counts {
	unsigned capacity; /* of the whole queue */
	unsigned waiting; /* jobs in the queue */
	unsigned running; /* jobs taken and not finished */
	uint64_t taken;   /* jobs that workers have taken out of it so far; of all versions */
};

int tfl_scheduler_create(unsigned capacity, struct tfl_scheduler **ret_scheduler);
void tfl_scheduler_destroy(struct tfl_scheduler *scheduler);

/** Another capacity, from now on; what waits already stays. */
void tfl_scheduler_set_capacity(struct tfl_scheduler *scheduler, unsigned capacity);

/**
 * Queues @p job in its row, of which @p slots jobs (at least 1) may run at once, and wakes a worker. On success the job belongs to
 * whoever takes it. 0, or 1 when no worker is free to start it now. Errors, the job stays the caller's: -ENOBUFS when the queue is full, or
 * as many of the row run and wait as its slots and the version's own queue (conf.queue) allow; -ESHUTDOWN after stop; each with a sentence.
 */
int tfl_scheduler_push(struct tfl_scheduler *scheduler, struct tfl_job *job, unsigned slots, struct tfl_error *error);

/** Has a worker do a chore; none waits for more than what each worker does now. It cannot fail, and is not lost by tfl_scheduler_stop(). */
void tfl_scheduler_add_chore(struct tfl_scheduler *scheduler, struct tfl_chore *chore);

/** Does what is left of them, when there are no workers any more. NULL is allowed. */
void tfl_scheduler_do_chores(struct tfl_scheduler *scheduler);

/**
 * Takes the next job that may run; waits for one, and does a chore first where there is one. NULL after tfl_scheduler_stop(), when nothing may
 * run any more.
 */
struct tfl_job *tfl_scheduler_next(struct tfl_scheduler *scheduler);

/** The same without waiting: NULL when nothing may run now. */
struct tfl_job *tfl_scheduler_try_next(struct tfl_scheduler *scheduler);

/**
 * Starts a job of @p row beside the queue (the inline rule): true when nothing at all waits and nothing of the row runs; the caller
 * then runs it and calls tfl_scheduler_finish().
 */
bool tfl_scheduler_start(struct tfl_scheduler *scheduler, struct tfl_row *row);

/** A job of @p row is done; its instance is free for the next. To be called before the job lets go of what the row is part of. */
void tfl_scheduler_finish(struct tfl_scheduler *scheduler, struct tfl_row *row);

/**
 * Takes the jobs out that wait in vain: cancelled, or with a deadline not after @p now_ns. They come as a list by `next`, and count as
 * finished. Rows in which jobs wait may be many, so this is for a timer and for closed connections, not for every request.
 */
struct tfl_job *tfl_scheduler_sweep(struct tfl_scheduler *scheduler, uint64_t now_ns);

/** Refuses new jobs and lets tfl_scheduler_next() return NULL once nothing may run. */
void tfl_scheduler_stop(struct tfl_scheduler *scheduler);

/** Of @p row alone, or of all where it is NULL. */
void tfl_scheduler_read(struct tfl_scheduler *scheduler, const struct tfl_row *row, struct tfl_scheduler_counts *ret_counts);

#endif
