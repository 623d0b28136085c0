/* SPDX-License-Identifier: MIT */
/*
 * Jobs in flight form a list at their channel, guarded by its lock, so that they can be cancelled wherever they are.
 * A job that ends goes to the channel's idle list, which is kept short: a pipelining client pays an allocation only past that depth.
 */
#include "daemon/job.h"

#include <assert.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/account.h"
#include "daemon/channel.h"
#include "daemon/outbox.h"
#include "daemon/sessions.h"
#include "daemon/shadows.h"
#include "daemon/version.h"

/* Under the channel's lock: an idle job or a new one, put into the list of jobs in flight. */
static struct tfl_job *enter(struct tfl_channel *channel)
{
	struct tfl_job *job = channel->idle;

	if (job) {
		channel->idle = job->next;
		channel->idle_count--;
		job->next = NULL;
	} else {
		job = calloc(1, sizeof(*job));
		if (!job)
			return NULL;
	}
	job->flight_next = channel->flight;
	job->flight_link = &channel->flight;
	if (channel->flight)
		channel->flight->flight_link = &job->flight_next;
	channel->flight = job;
	channel->pending++;
	return job;
}

int tfl_job_begin(struct tfl_channel *channel, struct tfl_job **ret_job, struct tfl_error *error)
{
	struct tfl_job *job = NULL;
	int r;

	r = tfl_account_charge(channel->account, TFL_QUOTA_REQUESTS, 1, error);
	if (r < 0)
		return r;
	pthread_mutex_lock(&channel->lock);
	r = channel->fault ? -EPIPE : 0;
	if (!r) {
		job = enter(channel);
		r = job ? 0 : -ENOMEM;
	}
	pthread_mutex_unlock(&channel->lock);
	if (r < 0) {
		tfl_account_release(channel->account, TFL_QUOTA_REQUESTS, 1);
		return tfl_error_set(error, r, r == -ENOMEM ? "no memory for one more request" : "the connection is closing");
	}
	job->channel = tfl_channel_ref(channel);
	atomic_store_explicit(&job->cancelled, false, memory_order_relaxed);
	job->kind = TFL_JOB_INFER;
	job->charged = true;
	job->control = (struct tfl_run_control){.cancelled = &job->cancelled};
	*ret_job = job;
	return 0;
}

bool tfl_job_cancel(struct tfl_channel *channel, uint32_t msgid)
{
	bool found = false;

	pthread_mutex_lock(&channel->lock);
	for (struct tfl_job *job = channel->flight; job; job = job->flight_next) {
		if (job->msgid != msgid)
			continue;
		atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
		found = true;
	}
	pthread_mutex_unlock(&channel->lock);
	return found;
}

struct tfl_row *tfl_job_row(const struct tfl_job *job)
{
	return job->session ? &job->session->row : &job->version->queue;
}

void tfl_job_answered(struct tfl_job *job)
{
	if (job->charged)
		tfl_account_release(job->channel->account, TFL_QUOTA_REQUESTS, 1);
	job->charged = false;
}

void tfl_job_end(struct tfl_job *job)
{
	struct tfl_channel *channel;

	if (!job)
		return;
	channel = job->channel;
	tfl_shadows_unpick(job);
	tfl_infer_request_finish(&job->request);
	tfl_frame_finish(&job->frame);
	tfl_fallback_finish(&job->fallback);
	tfl_version_unref(TFL_STEAL(job->version));
	if (job->session)
		tfl_session_leave(TFL_STEAL(job->session));
	tfl_job_answered(job);
	pthread_mutex_lock(&channel->lock);
	*job->flight_link = job->flight_next;
	if (job->flight_next)
		job->flight_next->flight_link = job->flight_link;
	if (channel->idle_count < TFL_JOBS_IDLE_MAX) {
		job->next = channel->idle;
		channel->idle = TFL_STEAL(job);
		channel->idle_count++;
	}
	tfl_channel_settle(channel);
	pthread_mutex_unlock(&channel->lock);
	free(job);
	tfl_channel_unref(channel);
}
