/* SPDX-License-Identifier: MIT */
/*
 * Queues around one thread. A job goes in with what it needs, is run on the loader thread, which fills in what came of it, and comes
 * back to the loop thread, which tells the registry and the caller. What a job is, is its row of two functions, in loader_jobs.c.
 *
 * Versions that nobody uses any more form a third queue, without any allocation, because the last reference may be dropped anywhere. They
 * go before the next load, which may need what they free, and after what is quick: what was to be written down about them while they were in
 * use is older than their last words.
 *
 * A job that unloads is done when two things have happened in either order: its changes on disk, and the end of the version it took out of
 * service (`ran` and `freed`, both of the loader thread).
 */
#include "daemon/loader.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "daemon/loader_internal.h"
#include "daemon/log.h"
#include "daemon/period.h"
#include "daemon/priority.h"
#include "daemon/running.h"
#include "daemon/spawner.h"

#define TRIM_BYTES (1u << 20)

static void push(struct tfl_job_queue *queue, struct tfl_loader_job *job)
{
	job->next = NULL;
	*(queue->last ? &queue->last->next : &queue->first) = job;
	queue->last = job;
}

static struct tfl_loader_job *pop(struct tfl_job_queue *queue)
{
	struct tfl_loader_job *job = queue->first;

	if (job && !(queue->first = job->next))
		queue->last = NULL;
	return job;
}

/* Gives a job back to the loop thread. */
static void finish(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	pthread_mutex_lock(&loader->lock);
	push(&loader->done, job);
	pthread_mutex_unlock(&loader->lock);
	loader->options.wake(loader->options.data);
}

void tfl_loader_hand_over(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	job->ran = true;
	pthread_mutex_lock(&loader->lock);
	loader->open++;
	pthread_mutex_unlock(&loader->lock);
	finish(loader, job);
}

static void run(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	int result = job->kind->run(loader, job, &job->error);

	job->error.code = result;
	job->ran = true;
	if (job->freed)
		finish(loader, job);
}

void tfl_loader_free_version(struct tfl_loader *loader, struct tfl_version *version)
{
	const bool reserve = version->retired.reserve;
	const uint64_t bytes = version->bytes;
	struct tfl_version_memory memory;

	tfl_version_memory(version, &memory);
	tfl_version_destroy(version);
	tfl_loader_count_out(loader, bytes, reserve);
	/*
	 * Large blocks are mappings of their own and go at once (runtime/memory.h); the pages of the others glibc keeps, unless it is asked: of MobileNet
	 * v2 some MB, for 0.3 to 4 ms of this thread. Small models are not worth the locks of all arenas, each of which it takes for a moment.
	 */
	if (memory.packed + memory.interpreters >= TRIM_BYTES)
		malloc_trim(0);
}

static void free_retired(struct tfl_loader *loader, struct tfl_version *version)
{
	struct tfl_loader_job *waiter = version->retired.waiter;
	const bool awaited = version->retired.awaited;

	tfl_loader_keep_last(loader, version);
	tfl_loader_write_last_period(loader, version);
	tfl_loader_free_version(loader, version);
	if (awaited)
		tfl_loader_note_leaving(loader, -1);
	if (!waiter)
		return;
	waiter->freed = true;
	if (waiter->ran)
		finish(loader, waiter);
}

static struct tfl_version *pop_retired(struct tfl_loader *loader)
{
	struct tfl_version *version = loader->retired;

	if (version)
		loader->retired = version->retired.next;
	return version;
}

void tfl_loader_run_quick(void *data)
{
	struct tfl_loader *loader = data;
	struct tfl_loader_job *job;
	struct tfl_version *version;

	do {
		pthread_mutex_lock(&loader->lock);
		job = loader->stopping ? NULL : pop(&loader->quick);
		version = loader->stopping || job ? NULL : pop_retired(loader);
		pthread_mutex_unlock(&loader->lock);
		if (job)
			run(loader, job);
		else if (version)
			free_retired(loader, version);
	} while (job || version);
}

static void *run_thread(void *data)
{
	struct tfl_loader *loader = data;
	struct tfl_loader_job *job;
	struct tfl_version *version;

	pthread_setname_np(pthread_self(), "tfl-loader");
	if (!loader->options.normal_priority)
		tfl_priority_lower("loads");
	pthread_mutex_lock(&loader->lock);
	while (!loader->stopping) {
		job = pop(&loader->quick);
		version = job ? NULL : pop_retired(loader);
		if (!job && !version)
			job = pop(&loader->loads);
		if (!job && !version) {
			pthread_cond_wait(&loader->wanted, &loader->lock);
			continue;
		}
		if (job && job->counted)
			loader->counted--;
		pthread_mutex_unlock(&loader->lock);
		if (version)
			free_retired(loader, version);
		else
			run(loader, job);
		pthread_mutex_lock(&loader->lock);
	}
	pthread_mutex_unlock(&loader->lock);
	return NULL;
}

void tfl_loader_retire(void *data, struct tfl_version *version)
{
	struct tfl_loader *loader = data;

	pthread_mutex_lock(&loader->lock);
	version->retired.next = loader->retired;
	loader->retired = version;
	pthread_cond_signal(&loader->wanted);
	pthread_mutex_unlock(&loader->lock);
}

void tfl_loader_submit(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	pthread_mutex_lock(&loader->lock);
	loader->counted += job->counted;
	loader->open++;
	push(job->kind->quick ? &loader->quick : &loader->loads, job);
	pthread_cond_signal(&loader->wanted);
	pthread_mutex_unlock(&loader->lock);
}

bool tfl_loader_full(struct tfl_loader *loader)
{
	bool full;

	pthread_mutex_lock(&loader->lock);
	full = loader->counted >= TFL_LOADS_MAX;
	pthread_mutex_unlock(&loader->lock);
	return full;
}

/* With all signals blocked: they are the loop thread's. */
static int start_threads(struct tfl_loader *loader)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = tfl_spawner_create(&loader->spawner);
	if (result == 0)
		result = -pthread_create(&loader->thread, NULL, run_thread, loader);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

static void free_loader(struct tfl_loader *loader)
{
	tfl_loader_free_trials(loader);
	tfl_loader_confs_free(loader->confs);
	tfl_running_destroy(loader->running);
	tfl_spawner_destroy(loader->spawner);
	pthread_cond_destroy(&loader->wanted);
	pthread_mutex_destroy(&loader->lock);
	free(loader);
}

int tfl_loader_create(const struct tfl_loader_options *options, struct tfl_loader **ret_loader)
{
	struct tfl_loader *loader = calloc(1, sizeof(*loader));
	int result;

	if (!loader)
		return -ENOMEM;
	loader->options = *options;
	loader->defaults = *options->defaults;
	atomic_init(&loader->memory_limit, options->memory_limit);
	atomic_init(&loader->unload_idle, options->unload_idle);
	atomic_init(&loader->periods, options->periods);
	pthread_mutex_init(&loader->lock, NULL);
	pthread_cond_init(&loader->wanted, NULL);
	result = tfl_running_create(options->store, &loader->running);
	if (result == 0)
		result = start_threads(loader);
	if (result < 0) {
		free_loader(loader);
		return result;
	}
	*ret_loader = loader;
	return 0;
}

/*
 * Ends a job whose result nobody will see in the registry. What it was to remember is written still. One that waits for the end of a version
 * comes back with that.
 */
static void cancel(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	struct tfl_error error;

	if (!job->ran && job->kind->also_at_end)
		job->kind->run(loader, job, &job->error);
	job->ran = true;
	if (!job->freed)
		return;
	tfl_error_set(&error, -ECANCELED, "tfld stopped before this was done");
	if (job->done)
		job->done(job->data, NULL, &error);
	tfl_loader_job_free(job);
}

unsigned tfl_loader_cancel(struct tfl_loader *loader)
{
	unsigned open;

	atomic_store(&loader->cancelled, true);
	pthread_mutex_lock(&loader->lock);
	pthread_cond_signal(&loader->wanted); /* it may wait for an answer */
	open = loader->open;
	pthread_mutex_unlock(&loader->lock);
	return open;
}

bool tfl_loader_starting(const struct tfl_loader *loader)
{
	return loader->starting > 0;
}

void tfl_loader_destroy(struct tfl_loader *loader)
{
	struct tfl_loader_job *job;
	struct tfl_version *version;

	if (!loader)
		return;
	pthread_mutex_lock(&loader->lock);
	loader->stopping = true;
	atomic_store(&loader->cancelled, true);
	pthread_cond_signal(&loader->wanted);
	pthread_mutex_unlock(&loader->lock);
	pthread_join(loader->thread, NULL);
	/* In its place: a job can have been the last to hold a version, whose last statistics are still to be written, and which a job can wait for. */
	for (;;) {
		if ((job = pop(&loader->done)) || (job = pop(&loader->quick)) || (job = pop(&loader->loads)))
			cancel(loader, job);
		else if ((version = pop_retired(loader)))
			free_retired(loader, version);
		else
			break;
	}
	free_loader(loader);
}

void tfl_loader_collect(struct tfl_loader *loader)
{
	struct tfl_loader_job *job;

	for (;;) {
		pthread_mutex_lock(&loader->lock);
		job = pop(&loader->done);
		loader->open -= job != NULL;
		pthread_mutex_unlock(&loader->lock);
		if (!job)
			return;
		job->kind->deliver(loader, job);
		tfl_loader_job_free(job);
	}
}

struct tfl_loader_job *tfl_loader_make_job(const struct tfl_loader_kind *kind, const char *model, uint64_t number, tfl_loader_done done,
					   void *data)
{
	struct tfl_loader_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->kind = kind;
	snprintf(job->model, sizeof(job->model), "%s", model);
	job->number = number;
	job->done = done;
	job->data = data;
	job->freed = true;
	job->fd = -1;
	return job;
}

void tfl_loader_job_free(struct tfl_loader_job *job)
{
	tfl_close(job->fd);
	free(job->statistics);
	tfl_period_free(job->period);
	tfl_rescan_free(job->rescan);
	json_decref(job->members);
	if (job->noted)
		job->listed->noted--;
	tfl_version_unref(job->loaded);
	tfl_version_unref(job->listed);
	free(job);
}
