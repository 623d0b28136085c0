/* SPDX-License-Identifier: MIT */
/*
 * session.open and session.reset become jobs, since the one makes an interpreter and the other is to keep its place among the session's
 * requests; session.close is answered when they are done.
 */
#include "base/error.h"
#include "daemon/channel.h"
#include "daemon/dispatch.h"
#include "daemon/handlers.h"
#include "daemon/job.h"
#include "daemon/scheduler.h"
#include "daemon/server.h"
#include "daemon/sessions.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"

/* A new job of @p session; when that fails the session stays as it is. */
static int begin_job(const struct tfl_call *call, struct tfl_session *session, enum tfl_job_kind kind, struct tfl_job **ret_job,
		     struct tfl_error *error)
{
	struct tfl_job *job;
	int r = tfl_job_begin(call->channel, &job, error);

	if (r < 0)
		return r;
	job->kind = kind;
	job->msgid = call->message->msgid;
	job->arrived_ns = call->arrived_ns;
	job->priority = (uint32_t)session->version->conf.priority;
	job->version = tfl_version_ref(session->version);
	r = tfl_session_enter(session, call->arrived_ns, error);
	if (r < 0) {
		tfl_job_end(job);
		return r;
	}
	job->session = session;
	*ret_job = job;
	return 0;
}

static int submit(struct tfl_call *call, struct tfl_session *session, enum tfl_job_kind kind, struct tfl_error *error)
{
	struct tfl_job *job;
	int r;

	if (call->server->stopping)
		return tfl_error_set(error, -ESHUTDOWN, "the daemon is stopping; connect again when it is back");
	r = begin_job(call, session, kind, &job, error);
	if (r < 0)
		return r;
	r = tfl_scheduler_push(call->server->scheduler, job, 1, error);
	if (r > 0)
		tfl_server_watch_queue(call->server);
	if (r < 0)
		tfl_job_end(job);
	return r < 0 ? r : 0;
}

int tfl_handle_session_open(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_infer_head head = {.version = 0};
	struct tfl_model_params params;
	struct tfl_version *version;
	struct tfl_session *session;
	int r;

	r = tfl_model_params_parse(&tfl_session_open_params, call->message->params, &params, error);
	if (r < 0)
		return r;
	head.model = params.model;
	head.version = params.version;
	head.label = params.label;
	head.key = params.key;
	r = tfl_handle_find_version(call, &head, &version, error);
	if (r == 0)
		r = tfl_sessions_open(call->server->sessions, call->channel, version, call->arrived_ns, &session, error);
	if (r < 0)
		return r;
	version->used_ns = call->arrived_ns;
	r = submit(call, session, TFL_JOB_OPEN, error);
	if (r < 0)
		tfl_session_drop(session);
	return r;
}

static int find(const struct tfl_call *call, struct tfl_session **ret_session, struct tfl_error *error)
{
	struct tfl_model_params params;
	int r = tfl_model_params_parse(&tfl_session_params, call->message->params, &params, error);

	return r < 0 ? r : tfl_sessions_find(call->channel, params.session, ret_session, error);
}

int tfl_handle_session_reset(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_session *session;
	int r = find(call, &session, error);

	return r < 0 ? r : submit(call, session, TFL_JOB_RESET, error);
}

int tfl_handle_session_close(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_session *session;
	int r = find(call, &session, error);

	if (r < 0)
		return r;
	tfl_channel_hold(call->channel);
	tfl_session_close(session, call->message->msgid);
	return 0;
}
