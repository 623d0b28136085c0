/* SPDX-License-Identifier: MIT */
/*
 * Two lists of versions thread through the versions themselves: `waiting` holds those of which jobs wait (for sweeping), `ready` the part
 * of them of which another job may start (for taking turns). Always, under the lock:
 *
 *	version is in waiting  <=>  queue.waiting > 0
 *	version is in ready    <=>  queue.waiting > 0 and queue.running < queue.slots
 *
 * A version is reached only through its jobs' references: when the last one leaves, both lists have let go of it.
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
	struct tfl_version *waiting_first;
	struct tfl_version *ready_first, *ready_last;
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
	assert(scheduler->waiting == 0 && scheduler->running == 0);
	pthread_cond_destroy(&scheduler->work);
	pthread_mutex_destroy(&scheduler->lock);
	free(scheduler);
}

static void link_waiting(struct tfl_scheduler *scheduler, struct tfl_version *version)
{
	version->queue.next_waiting = scheduler->waiting_first;
	version->queue.link_waiting = &scheduler->waiting_first;
	if (scheduler->waiting_first)
		scheduler->waiting_first->queue.link_waiting = &version->queue.next_waiting;
	scheduler->waiting_first = version;
}

static void unlink_waiting(struct tfl_version *version)
{
	*version->queue.link_waiting = version->queue.next_waiting;
	if (version->queue.next_waiting)
		version->queue.next_waiting->queue.link_waiting = version->queue.link_waiting;
	version->queue.next_waiting = NULL;
	version->queue.link_waiting = NULL;
}

/* Puts the version at the end of the turn when one of its jobs may start and it is not there yet. */
static void offer(struct tfl_scheduler *scheduler, struct tfl_version *version)
{
	if (version->queue.ready || version->queue.waiting == 0 || version->queue.running >= version->queue.slots)
		return;
	version->queue.ready = true;
	version->queue.next_ready = NULL;
	if (scheduler->ready_last)
		scheduler->ready_last->queue.next_ready = version;
	else
		scheduler->ready_first = version;
	scheduler->ready_last = version;
}

static void withdraw(struct tfl_scheduler *scheduler, struct tfl_version *version)
{
	struct tfl_version **link = &scheduler->ready_first, *before = NULL;

	if (!version->queue.ready)
		return;
	while (*link != version) {
		before = *link;
		link = &before->queue.next_ready;
	}
	*link = version->queue.next_ready;
	if (scheduler->ready_last == version)
		scheduler->ready_last = before;
	version->queue.next_ready = NULL;
	version->queue.ready = false;
}

/* Behind the last job of the same or a higher priority; at once where all have the same. */
static void insert(struct tfl_version *version, struct tfl_job *job)
{
	struct tfl_job **link = &version->queue.first;

	if (version->queue.last && version->queue.last->priority <= job->priority)
		link = &version->queue.last->next;
	while (*link && (*link)->priority <= job->priority)
		link = &(*link)->next;
	job->next = *link;
	*link = job;
	if (!job->next)
		version->queue.last = job;
}

static struct tfl_job *take(struct tfl_scheduler *scheduler)
{
	struct tfl_version *version = scheduler->ready_first;
	struct tfl_job *job;

	if (!version)
		return NULL;
	withdraw(scheduler, version);
	job = version->queue.first;
	version->queue.first = job->next;
	if (!version->queue.first)
		version->queue.last = NULL;
	job->next = NULL;
	version->queue.running++;
	scheduler->running++;
	scheduler->taken++;
	scheduler->waiting--;
	if (--version->queue.waiting == 0)
		unlink_waiting(version);
	offer(scheduler, version);
	return job;
}

/* The signal comes after the lock is free, or the one who wakes runs into it. */
static void unlock(struct tfl_scheduler *scheduler)
{
	bool wake = scheduler->ready_first && scheduler->sleepers > 0;

	pthread_mutex_unlock(&scheduler->lock);
	if (wake)
		pthread_cond_signal(&scheduler->work);
}

/* Whether one more job may wait: in all, and of this version, whose instances do not count as a queue. */
static int check_room(const struct tfl_scheduler *scheduler, const struct tfl_version *version, unsigned slots, struct tfl_error *error)
{
	uint64_t bound = version->conf.queue;

	if (scheduler->waiting >= scheduler->capacity)
		return tfl_error_set(error, -ENOBUFS, "%u requests wait already, which is the queue's limit ([requests] queue); try again "
				     "later", scheduler->waiting);
	if (bound > 0 && version->queue.waiting + version->queue.running >= slots + bound)
		return tfl_error_set(error, -ENOBUFS, "%u requests of version %" PRIu64 " of '%s' run or wait already, as many as its %u "
				     "instances and its queue of %" PRIu64 " take (queue in model.conf, or [models] queue); try again later",
				     version->queue.waiting + version->queue.running, version->number, version->model_name, slots, bound);
	return 0;
}

int tfl_scheduler_push(struct tfl_scheduler *scheduler, struct tfl_job *job, unsigned slots, struct tfl_error *error)
{
	struct tfl_version *version = job->version;
	int r = 0;

	pthread_mutex_lock(&scheduler->lock);
	if (scheduler->stopping)
		r = tfl_error_set(error, -ESHUTDOWN, "the daemon is stopping; connect again when it is back");
	else
		r = check_room(scheduler, version, slots, error);
	if (r == 0) {
		insert(version, job);
		version->queue.slots = slots;
		if (version->queue.waiting++ == 0)
			link_waiting(scheduler, version);
		scheduler->waiting++;
		offer(scheduler, version);
		r = !version->queue.ready || scheduler->waiting > scheduler->sleepers;
	}
	unlock(scheduler);
	return r;
}

/* A worker that leaves here at a stop leaves no job behind: where jobs wait and none may start, another worker runs one of that version. */
struct tfl_job *tfl_scheduler_next(struct tfl_scheduler *scheduler)
{
	struct tfl_job *job;

	pthread_mutex_lock(&scheduler->lock);
	while (!(job = take(scheduler)) && !scheduler->stopping) {
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

bool tfl_scheduler_start(struct tfl_scheduler *scheduler, struct tfl_version *version)
{
	bool started;

	pthread_mutex_lock(&scheduler->lock);
	started = !scheduler->stopping && scheduler->waiting == 0 && version->queue.running == 0;
	if (started) {
		version->queue.running++;
		scheduler->running++;
	}
	pthread_mutex_unlock(&scheduler->lock);
	return started;
}

void tfl_scheduler_finish(struct tfl_scheduler *scheduler, struct tfl_version *version)
{
	pthread_mutex_lock(&scheduler->lock);
	assert(version->queue.running > 0);
	version->queue.running--;
	scheduler->running--;
	offer(scheduler, version);
	unlock(scheduler);
}

static bool in_vain(const struct tfl_job *job, uint64_t now_ns)
{
	return atomic_load_explicit(&job->cancelled, memory_order_relaxed) ||
	       (job->control.deadline_ns && job->control.deadline_ns <= now_ns);
}

/* Takes the version's jobs that wait in vain and puts them in front of @p taken. */
static struct tfl_job *sweep_version(struct tfl_version *version, uint64_t now_ns, struct tfl_job *taken)
{
	struct tfl_job **link = &version->queue.first, *job;

	version->queue.last = NULL;
	while ((job = *link)) {
		if (in_vain(job, now_ns)) {
			*link = job->next;
			job->next = taken;
			taken = job;
			version->queue.waiting--;
		} else {
			version->queue.last = job;
			link = &job->next;
		}
	}
	return taken;
}

struct tfl_job *tfl_scheduler_sweep(struct tfl_scheduler *scheduler, uint64_t now_ns)
{
	struct tfl_version *version, *next;
	struct tfl_job *taken = NULL;

	pthread_mutex_lock(&scheduler->lock);
	for (version = scheduler->waiting_first; version; version = next) {
		unsigned before = version->queue.waiting;

		next = version->queue.next_waiting;
		taken = sweep_version(version, now_ns, taken);
		scheduler->waiting -= before - version->queue.waiting;
		if (version->queue.waiting == 0) {
			withdraw(scheduler, version);
			unlink_waiting(version);
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

void tfl_scheduler_read(struct tfl_scheduler *scheduler, const struct tfl_version *version, struct tfl_scheduler_counts *ret_counts)
{
	pthread_mutex_lock(&scheduler->lock);
	ret_counts->capacity = scheduler->capacity;
	ret_counts->waiting = version ? version->queue.waiting : scheduler->waiting;
	ret_counts->running = version ? version->queue.running : scheduler->running;
	ret_counts->taken = scheduler->taken;
	pthread_mutex_unlock(&scheduler->lock);
}
