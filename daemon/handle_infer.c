/* SPDX-License-Identifier: MIT */
/*
 * From a request to a job in the queue. Everything that can be wrong with a request is found here, on the loop thread, before it costs a
 * worker anything: model, version, names, types, shapes. The data itself is copied later, by whoever runs the job.
 *
 * The inline rule: a model that is done in less time than handing it to a worker takes runs right here, when nothing else waits: neither
 * in the queue nor on this connection.
 *
 * What one request costs when nothing is out of the ordinary, counted over the whole daemon: one allocation (the frame's memory, freed by
 * whoever ran it); three system calls (epoll_wait, recvmsg, sendmsg), and with a worker two more (futex, to wake it and to sleep); eight
 * uncontended locks, seven under the inline rule (channel 3, scheduler 3 or 2, pool 2); no log line.
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/access.h"
#include "daemon/dispatch.h"
#include "daemon/execute.h"
#include "daemon/fallback.h"
#include "daemon/handlers.h"
#include "daemon/job.h"
#include "daemon/loader.h"
#include "daemon/recorder.h"
#include "daemon/recordings.h"
#include "daemon/registry.h"
#include "daemon/reply.h"
#include "daemon/scheduler.h"
#include "daemon/server.h"
#include "daemon/sessions.h"
#include "daemon/shadows.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "runtime/pool.h"

/* The version that a request names: by its number, by a label, or not at all. */
static int find_version(const struct tfl_call *call, const struct tfl_infer_head *head, struct tfl_version **ret_version,
			struct tfl_error *error)
{
	const struct tfl_route_key key = {TFL_ROUTE_KEY_GIVEN, head->key.text, head->key.length};
	struct tfl_registry *registry = call->server->registry;
	int r;

	if (!head->label.text && !head->version)
		return tfl_registry_pick(registry, head->model.text, head->model.length, &key, call->peer->uid, ret_version, error);
	if (!head->label.text)
		return tfl_registry_route(registry, head->model.text, head->model.length, head->version, ret_version, error);
	r = tfl_registry_find_label(registry, head->model.text, head->model.length, head->label.text, head->label.length, ret_version, error);
	return r < 0 ? r : tfl_registry_route(registry, head->model.text, head->model.length, (*ret_version)->number, ret_version, error);
}

/* What a trial's candidate has just done wrong may be its last. */
int tfl_handle_find_version(const struct tfl_call *call, const struct tfl_infer_head *head, struct tfl_version **ret_version,
			    struct tfl_error *error)
{
	int r = tfl_access_check(call, head->model, error);

	if (r == 0)
		r = find_version(call, head, ret_version, error);
	if (r == 0 && tfl_version_alarms(*ret_version)) {
		tfl_loader_look_at_trial(call->server->loader, *ret_version);
		r = find_version(call, head, ret_version, error);
	}
	return r;
}

/* The session that the request names, and its version, which may be on trial, too, and end with it. */
static int enter_session(const struct tfl_call *call, struct tfl_job *job, struct tfl_error *error)
{
	const uint64_t id = job->request.head.session;
	struct tfl_session *session;
	int r;

	r = tfl_sessions_find(call->channel, id, &session, error);
	if (r == 0 && tfl_version_alarms(session->version)) {
		tfl_loader_look_at_trial(call->server->loader, session->version);
		r = tfl_sessions_find(call->channel, id, &session, error);
	}
	if (r == 0)
		r = tfl_access_check(call, (struct tfl_string){session->version->model_name, strlen(session->version->model_name)}, error);
	if (r == 0)
		r = tfl_session_enter(session, job->arrived_ns, error);
	if (r < 0)
		return r;
	job->session = session;
	job->version = tfl_version_ref(session->version);
	return 0;
}

/* The version that serves the request, with a reference for the job. */
static int route(const struct tfl_call *call, struct tfl_job *job, struct tfl_error *error)
{
	struct tfl_version *version = NULL;
	int r;

	if (job->request.head.session) {
		r = enter_session(call, job, error);
	} else {
		r = tfl_handle_find_version(call, &job->request.head, &version, error);
		if (r == 0)
			job->version = tfl_version_ref(version);
	}
	if (r == 0)
		job->version->used_ns = job->arrived_ns;
	return r;
}

/* Settles which tensor goes where, and who takes it: 0, or what is wrong with the request. */
static int settle(const struct tfl_call *call, struct tfl_job *job, struct tfl_error *error)
{
	struct tfl_registry *registry = call->server->registry;
	int r = tfl_binding_make(&job->version->interface, &job->request, &job->binding, error);

	if (r < 0)
		return tfl_fallback_bind(registry, job, call->server->executor.index, error) ? 0 : r;
	tfl_fallback_prepare(registry, job);
	return 0;
}

/* The request's own time limit, else that of its model; both count from the frame's arrival. */
static uint64_t deadline(const struct tfl_job *job)
{
	uint64_t timeout_ns = job->request.head.timeout_us * 1000;

	if (!timeout_ns)
		timeout_ns = job->version->conf.timeout_ms * 1000000;
	return timeout_ns ? job->arrived_ns + timeout_ns : 0;
}

/* Fills the job from the request; on failure what it owns by then is dropped with it. */
static int prepare(struct tfl_call *call, struct tfl_job *job, struct tfl_error *error)
{
	int r;

	job->frame = *call->frame;
	*call->frame = (struct tfl_frame){0};
	job->msgid = call->message->msgid;
	job->arrived_ns = call->arrived_ns;
	job->sample.by = NULL;
	job->copy.shadow = NULL;
	r = tfl_infer_request_parse(call->message->params, &job->request, error);
	if (r < 0)
		return r;
	r = route(call, job, error);
	if (r == 0)
		r = settle(call, job, error);
	if (r < 0)
		return r;
	/* Those of a session have all the same, and so keep their order. */
	job->priority = job->request.head.priority ? job->request.head.priority : (uint32_t)job->version->conf.priority;
	job->control.deadline_ns = deadline(job);
	if (job->session || !job->binding.main)
		return 0; /* what a session answers is of use only to itself; recorded and compared is what the model is first of all for */
	if (tfl_recordings_any(call->server->recordings))
		tfl_recordings_pick(call->server->recordings, job);
	if (tfl_shadows_any(call->server->shadows))
		tfl_shadows_pick(call->server->shadows, job);
	return 0;
}

static bool runs_inline(const struct tfl_call *call, const struct tfl_job *job)
{
	return call->alone && !job->version->steered && job->binding.main && !job->binding.resized && job->version->run_ns < job->version->conf.inline_us * 1000 &&
	       tfl_scheduler_start(call->server->scheduler, tfl_job_row(job));
}

/* Gives the job away, or runs it. On failure it stays the caller's. */
static int start(struct tfl_call *call, struct tfl_job *job, struct tfl_error *error)
{
	struct tfl_server *server = call->server;
	int r;

	if (runs_inline(call, job)) {
		struct tfl_row *row = tfl_job_row(job);
		bool answered = tfl_execute(&server->executor, job);

		tfl_scheduler_finish(server->scheduler, row);
		if (answered) {
			tfl_job_end(job);
			return 0;
		}
	}
	r = tfl_scheduler_push(server->scheduler, job, job->session ? 1 : tfl_pool_instances(job->version->pool), error);
	if (r > 0) {
		tfl_server_watch_queue(server);
		tfl_shadows_note_busy(server->shadows, call->arrived_ns);
	}
	return r < 0 ? r : 0;
}

int tfl_handle_infer(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_job *job;
	int r;

	if (call->server->stopping)
		return tfl_error_set(error, -ESHUTDOWN, "the daemon is stopping; connect again when it is back");
	r = tfl_job_begin(call->channel, &job, error);
	if (r < 0)
		return r;
	r = prepare(call, job, error);
	if (r == 0)
		r = start(call, job, error);
	if (r < 0) {
		if (job->version) {
			struct tfl_record record = {.status = tfl_status_from_errno(r), .total_ns = tfl_clock_ns() - job->arrived_ns};

			tfl_recorder_add(job->version->recorder, call->server->executor.index, &record);
		}
		tfl_job_end(job);
	}
	return r;
}
