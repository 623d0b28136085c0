/* SPDX-License-Identifier: MIT */
/*
 * A worker holds nothing between two jobs but its executor: its row's slot is given back before the job's references are dropped, and
 * both before it may sleep, so an idle worker keeps no version in memory and no socket open.
 */
#include "daemon/worker.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/execute.h"
#include "daemon/job.h"
#include "daemon/scheduler.h"
#include "daemon/version.h"
#include "runtime/pool.h"

struct worker {
	pthread_t thread;
	struct tfl_scheduler *scheduler;
	struct tfl_executor executor;
};

struct tfl_workers {
	struct tfl_scheduler *scheduler;
	unsigned count; /* threads that were started */
	struct worker workers[];
};

/* In the row of the version that it is bound to now, which the one where it came from outlives. False: it was answered, with the reason. */
static bool queue_again(struct worker *worker, struct tfl_job *job)
{
	struct tfl_error error;
	int r = tfl_scheduler_push(worker->scheduler, job, tfl_pool_instances(job->version->pool), &error);

	if (r < 0)
		tfl_execute_refused(&worker->executor, job, &error);
	return r >= 0;
}

static void *work(void *data)
{
	struct worker *worker = data;
	struct tfl_job *job;
	char name[16];

	snprintf(name, sizeof(name), "tfl-worker-%u", worker->executor.index % 100);
	pthread_setname_np(pthread_self(), name);
	while ((job = tfl_scheduler_next(worker->scheduler))) {
		struct tfl_row *row = tfl_job_row(job);
		bool answered = tfl_execute(&worker->executor, job);

		tfl_scheduler_finish(worker->scheduler, row);
		if (!answered)
			answered = !queue_again(worker, job);
		if (answered)
			tfl_job_end(job);
	}
	return NULL;
}

/* Signals are the loop thread's. */
static int start(struct worker *worker)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int tfl_workers_create(struct tfl_scheduler *scheduler, unsigned count, struct tfl_workers **ret_workers, struct tfl_error *error)
{
	struct tfl_workers *workers = calloc(1, sizeof(*workers) + count * sizeof(workers->workers[0]));

	if (!workers)
		return tfl_error_set(error, -ENOMEM, "no memory for %u workers", count);
	workers->scheduler = scheduler;
	for (unsigned i = 0; i < count; i++) {
		struct worker *worker = &workers->workers[i];
		int r;

		worker->scheduler = scheduler;
		tfl_executor_init(&worker->executor, i);
		r = start(worker);
		if (r < 0) {
			tfl_scheduler_stop(scheduler);
			tfl_workers_destroy(workers);
			return tfl_error_set(error, r, "cannot start worker %u of %u: %s", i + 1, count, strerror(-r));
		}
		workers->count++;
	}
	*ret_workers = workers;
	return 0;
}

uint64_t tfl_workers_longest(const struct tfl_workers *workers, uint64_t now)
{
	uint64_t longest = 0;

	for (unsigned i = 0; i < workers->count; i++) {
		uint64_t since = atomic_load_explicit(&workers->workers[i].executor.busy_since, memory_order_relaxed);

		if (since && now > since && now - since > longest)
			longest = now - since;
	}
	return longest;
}

void tfl_workers_destroy(struct tfl_workers *workers)
{
	if (!workers)
		return;
	for (unsigned i = 0; i < workers->count; i++) {
		pthread_join(workers->workers[i].thread, NULL);
		tfl_executor_finish(&workers->workers[i].executor);
	}
	free(workers);
}

unsigned tfl_workers_default(void)
{
	cpu_set_t set;
	int count = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = CPU_COUNT(&set);
	return (unsigned)count < TFL_WORKERS_MAX ? (unsigned)count : TFL_WORKERS_MAX;
}
