/* SPDX-License-Identifier: MIT */
/*
 * Two lists of rows thread through the rows themselves: `waiting` holds those in which jobs wait (for sweeping), `ready` the part of them of
 * which another job may start (for taking turns). Always, under the lock:
 *
 *	row is in waiting  <=>  row.waiting > 0
 *	row is in ready    <=>  row.waiting > 0 and row.running < row.slots
 *
 * A row is reached only through its jobs, which hold what it is part of: when the last one leaves, both lists have let go of it.
 *
 * Chores are a list of their own. A worker does one of them before each job, so that neither waits for all of the others.
 *
 * Cost on the steady path: three times the lock for each request (push, next, finish), held for a few dozen instructions, and one futex
 * call where a worker sleeps.
 */
#include "daemon/scheduler.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/job.h"
#include "daemon/version.h"

struct tfl_scheduler {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct tfl_row *waiting_first;
	struct tfl_row *ready_first, *ready_last;
	struct tfl_chore *chores, **chores_end;
	unsigned capacity;
	unsigned waiting, running;
	uint64_t taken;
	unsigned sleepers; /* workers that wait on `work` */
	bool stopping;
};

int tfl_scheduler_create(unsigned capacity, struct tfl_scheduler **ret_scheduler)
{
	struct tfl_scheduler *scheduler = calloc(1, sizeof(*scheduler));

	if (!scheduler)
		return -ENOMEM;
	pthread_mutex_init(&scheduler->lock, NULL);
	pthread_cond_init(&scheduler->work, NULL);
	scheduler->chores_end = &scheduler->chores;
	scheduler->capacity = capacity;
	*ret_scheduler = scheduler;
	return 0;
}

void tfl_scheduler_set_capacity(struct tfl_scheduler *scheduler, unsigned capacity)
{
	pthread_mutex_lock(&scheduler->lock);
	scheduler->capacity = capacity;
	pthread_mutex_unlock(&scheduler->lock);
}

void tfl_scheduler_destroy(struct tfl_scheduler *scheduler)
{
	if (!scheduler)
		return;
	assert(scheduler->waiting == 0 && scheduler->running == 0 && !scheduler->chores);
	pthread_cond_destroy(&scheduler->work);
	pthread_mutex_destroy(&scheduler->lock);
	free(scheduler);
}

static void link_waiting(struct tfl_scheduler *scheduler, struct tfl_row *row)
{
	row->next_waiting = scheduler->waiting_first;
	row->link_waiting = &scheduler->waiting_first;
	if (scheduler->waiting_first)
		scheduler->waiting_first->link_waiting = &row->next_waiting;
	scheduler->waiting_first = row;
}

static void unlink_waiting(struct tfl_row *row)
{
	*row->link_waiting = row->next_waiting;
	if (row->next_waiting)
		row->next_waiting->link_waiting = row->link_waiting;
	row->next_waiting = NULL;
	row->link_waiting = NULL;
}

/* Puts the row at the end of the turn when one of its jobs may start and it is not there yet. */
static void offer(struct tfl_scheduler *scheduler, struct tfl_row *row)
{
	if (row->ready || row->waiting == 0 || row->running >= row->slots)
		return;
	row->ready = true;
	row->next_ready = NULL;
	if (scheduler->ready_last)
		scheduler->ready_last->next_ready = row;
	else
		scheduler->ready_first = row;
	scheduler->ready_last = row;
}

static void withdraw(struct tfl_scheduler *scheduler, struct tfl_row *row)
{
	struct tfl_row **link = &scheduler->ready_first, *before = NULL;

	if (!row->ready)
		return;
	while (*link != row) {
		before = *link;
		link = &before->next_ready;
	}
	*link = row->next_ready;
	if (scheduler->ready_last == row)
		scheduler->ready_last = before;
	row->next_ready = NULL;
	row->ready = false;
}

/* Behind the last job of the same or a higher priority; at once where all have the same. */
static void insert(struct tfl_row *row, struct tfl_job *job)
{
	struct tfl_job **link = &row->first;

	if (row->last && row->last->priority <= job->priority)
		link = &row->last->next;
	while (*link && (*link)->priority <= job->priority)
		link = &(*link)->next;
	job->next = *link;
	*link = job;
	if (!job->next)
		row->last = job;
}

static struct tfl_job *take(struct tfl_scheduler *scheduler)
{
	struct tfl_row *row = scheduler->ready_first;
	struct tfl_job *job;

	if (!row)
		return NULL;
	withdraw(scheduler, row);
	job = row->first;
	row->first = job->next;
	if (!row->first)
		row->last = NULL;
	job->next = NULL;
	row->running++;
	scheduler->running++;
	scheduler->taken++;
	scheduler->waiting--;
	if (--row->waiting == 0)
		unlink_waiting(row);
	offer(scheduler, row);
	return job;
}

/* The signal comes after the lock is free, or the one who wakes runs into it. */
static void unlock(struct tfl_scheduler *scheduler)
{
	bool wake = (scheduler->ready_first || scheduler->chores) && scheduler->sleepers > 0;

	pthread_mutex_unlock(&scheduler->lock);
	if (wake)
		pthread_cond_signal(&scheduler->work);
}

/* Whether one more job may wait: in all, and in this row, whose slots do not count as a queue. */
static int check_room(const struct tfl_scheduler *scheduler, const struct tfl_job *job, unsigned slots, struct tfl_error *error)
{
	const struct tfl_version *version = job->version;
	const struct tfl_row *row = tfl_job_row(job);
	uint64_t bound = version->conf.queue;

	if (scheduler->waiting >= scheduler->capacity)
		return tfl_error_set(error, -ENOBUFS, "%u requests wait already, which is the queue's limit ([requests] queue); try again "
				     "later", scheduler->waiting);
	if (bound > 0 && row->waiting + row->running >= slots + bound)
		return tfl_error_set(error, -ENOBUFS, "%u requests of %sversion %" PRIu64 " of '%s' run or wait already, as many as its %u "
				     "instance%s and its queue of %" PRIu64 " take (queue in model.conf, or [models] queue); try again later",
				     row->waiting + row->running, job->session ? "a session with " : "", version->number, version->model_name,
				     slots, slots == 1 ? "" : "s", bound);
	return 0;
}

int tfl_scheduler_push(struct tfl_scheduler *scheduler, struct tfl_job *job, unsigned slots, struct tfl_error *error)
{
	struct tfl_row *row = tfl_job_row(job);
	int r = 0;

	pthread_mutex_lock(&scheduler->lock);
	if (scheduler->stopping)
		r = tfl_error_set(error, -ESHUTDOWN, "the daemon is stopping; connect again when it is back");
	else
		r = check_room(scheduler, job, slots, error);
	if (r == 0) {
		insert(row, job);
		row->slots = slots;
		if (row->waiting++ == 0)
			link_waiting(scheduler, row);
		scheduler->waiting++;
		offer(scheduler, row);
		r = !row->ready || scheduler->waiting > scheduler->sleepers;
	}
	unlock(scheduler);
	return r;
}

void tfl_scheduler_add_chore(struct tfl_scheduler *scheduler, struct tfl_chore *chore)
{
	chore->next = NULL;
	pthread_mutex_lock(&scheduler->lock);
	*scheduler->chores_end = chore;
	scheduler->chores_end = &chore->next;
	unlock(scheduler);
}

/* Under the lock, which is free meanwhile: does the first of the chores. False: there is none. */
static bool do_chore(struct tfl_scheduler *scheduler)
{
	struct tfl_chore *chore = scheduler->chores;

	if (!chore)
		return false;
	scheduler->chores = chore->next;
	if (!chore->next)
		scheduler->chores_end = &scheduler->chores;
	unlock(scheduler);
	chore->run(chore->data);
	pthread_mutex_lock(&scheduler->lock);
	return true;
}

void tfl_scheduler_do_chores(struct tfl_scheduler *scheduler)
{
	if (!scheduler)
		return;
	pthread_mutex_lock(&scheduler->lock);
	while (do_chore(scheduler))
		;
	pthread_mutex_unlock(&scheduler->lock);
}

/* A worker that leaves here at a stop leaves no job behind: where jobs wait and none may start, another worker runs one of that row. */
struct tfl_job *tfl_scheduler_next(struct tfl_scheduler *scheduler)
{
	struct tfl_job *job;
	bool busy;

	pthread_mutex_lock(&scheduler->lock);
	for (;;) {
		busy = do_chore(scheduler);
		job = take(scheduler);
		if (job || (scheduler->stopping && !busy))
			break;
		if (busy)
			continue;
		scheduler->sleepers++;
		pthread_cond_wait(&scheduler->work, &scheduler->lock);
		scheduler->sleepers--;
	}
	unlock(scheduler);
	return job;
}

struct tfl_job *tfl_scheduler_try_next(struct tfl_scheduler *scheduler)
{
	struct tfl_job *job;

	pthread_mutex_lock(&scheduler->lock);
	job = take(scheduler);
	unlock(scheduler);
	return job;
}

bool tfl_scheduler_start(struct tfl_scheduler *scheduler, struct tfl_row *row)
{
	bool started;

	pthread_mutex_lock(&scheduler->lock);
	started = !scheduler->stopping && scheduler->waiting == 0 && row->running == 0;
	if (started) {
		row->running++;
		scheduler->running++;
	}
	pthread_mutex_unlock(&scheduler->lock);
	return started;
}

void tfl_scheduler_finish(struct tfl_scheduler *scheduler, struct tfl_row *row)
{
	pthread_mutex_lock(&scheduler->lock);
	assert(row->running > 0);
	row->running--;
	scheduler->running--;
	offer(scheduler, row);
	unlock(scheduler);
}

static bool in_vain(const struct tfl_job *job, uint64_t now_ns)
{
	return atomic_load_explicit(&job->cancelled, memory_order_relaxed) ||
	       (job->control.deadline_ns && job->control.deadline_ns <= now_ns);
}

/* Takes the row's jobs that wait in vain and puts them in front of @p taken. */
static struct tfl_job *sweep_row(struct tfl_row *row, uint64_t now_ns, struct tfl_job *taken)
{
	struct tfl_job **link = &row->first, *job;

	row->last = NULL;
	while ((job = *link)) {
		if (in_vain(job, now_ns)) {
			*link = job->next;
			job->next = taken;
			taken = job;
			row->waiting--;
		} else {
			row->last = job;
			link = &job->next;
		}
	}
	return taken;
}

struct tfl_job *tfl_scheduler_sweep(struct tfl_scheduler *scheduler, uint64_t now_ns)
{
	struct tfl_row *row, *next;
	struct tfl_job *taken = NULL;

	pthread_mutex_lock(&scheduler->lock);
	for (row = scheduler->waiting_first; row; row = next) {
		unsigned before = row->waiting;

		next = row->next_waiting;
		taken = sweep_row(row, now_ns, taken);
		scheduler->waiting -= before - row->waiting;
		if (row->waiting == 0) {
			withdraw(scheduler, row);
			unlink_waiting(row);
		}
	}
	pthread_mutex_unlock(&scheduler->lock);
	return taken;
}

void tfl_scheduler_stop(struct tfl_scheduler *scheduler)
{
	pthread_mutex_lock(&scheduler->lock);
	scheduler->stopping = true;
	pthread_mutex_unlock(&scheduler->lock);
	pthread_cond_broadcast(&scheduler->work);
}

void tfl_scheduler_read(struct tfl_scheduler *scheduler, const struct tfl_row *row, struct tfl_scheduler_counts *ret_counts)
{
	pthread_mutex_lock(&scheduler->lock);
	ret_counts->capacity = scheduler->capacity;
	ret_counts->waiting = row ? row->waiting : scheduler->waiting;
	ret_counts->running = row ? row->running : scheduler->running;
	ret_counts->taken = scheduler->taken;
	pthread_mutex_unlock(&scheduler->lock);
}
