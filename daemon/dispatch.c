/* SPDX-License-Identifier: MIT */
/*
 * What a request may do is decided here and nowhere else. A descriptor that a method consumes is taken from the queue before anything can
 * fail, so that a request that is refused does not leave a stray one behind.
 */
#include "daemon/dispatch.h"

#include "base/error.h"
#include "base/util.h"
#include "daemon/access.h"
#include "daemon/audit.h"
#include "daemon/descriptors.h"
#include "daemon/handlers.h"
#include "daemon/job.h"
#include "daemon/reply.h"
#include "daemon/server.h"
#include "proto/message.h"
#include "proto/request.h"

static const struct tfl_method methods[] = {
	{TFL_METHOD_INFER, TFL_RIGHT_INFER, false, tfl_handle_infer},
	{TFL_METHOD_MODEL_LIST, TFL_RIGHT_READ, false, tfl_handle_model_list},
	{TFL_METHOD_MODEL_DESCRIBE, TFL_RIGHT_READ, false, tfl_handle_model_describe},
	{TFL_METHOD_MODEL_LOAD, TFL_RIGHT_ADMIN, true, tfl_handle_model_load},
	{TFL_METHOD_MODEL_RELOAD, TFL_RIGHT_ADMIN, false, tfl_handle_model_reload},
	{TFL_METHOD_MODEL_UNLOAD, TFL_RIGHT_ADMIN, false, tfl_handle_model_unload},
	{TFL_METHOD_MODEL_SWAP, TFL_RIGHT_ADMIN, false, tfl_handle_model_swap},
	{TFL_METHOD_MODEL_ROLLBACK, TFL_RIGHT_ADMIN, false, tfl_handle_model_rollback},
	{TFL_METHOD_LABEL_SET, TFL_RIGHT_ADMIN, false, tfl_handle_label_set},
	{TFL_METHOD_ROUTE_GET, TFL_RIGHT_READ, false, tfl_handle_route_get},
	{TFL_METHOD_ROUTE_SET, TFL_RIGHT_ADMIN, false, tfl_handle_route_set},
	{TFL_METHOD_TRIAL_GET, TFL_RIGHT_READ, false, tfl_handle_trial_get},
	{TFL_METHOD_STATS, TFL_RIGHT_READ, false, tfl_handle_stats},
	{TFL_METHOD_CHANGES, TFL_RIGHT_READ, false, tfl_handle_changes},
	{TFL_METHOD_SUBSCRIBE, TFL_RIGHT_READ, false, tfl_handle_subscribe},
	{TFL_METHOD_HISTOGRAM, TFL_RIGHT_READ, false, tfl_handle_histogram},
	{TFL_METHOD_COMPARE, TFL_RIGHT_READ, false, tfl_handle_compare},
	{TFL_METHOD_METRICS, TFL_RIGHT_READ, false, tfl_handle_metrics},
	{TFL_METHOD_BASELINE_SET, TFL_RIGHT_ADMIN, false, tfl_handle_baseline_set},
	{TFL_METHOD_RECORD_START, TFL_RIGHT_ADMIN, false, tfl_handle_record_start},
	{TFL_METHOD_RECORD_GET, TFL_RIGHT_READ, false, tfl_handle_record_get},
	{TFL_METHOD_RECORD_STOP, TFL_RIGHT_ADMIN, false, tfl_handle_record_stop},
	{TFL_METHOD_RECORD_ERASE, TFL_RIGHT_ADMIN, false, tfl_handle_record_erase},
	{TFL_METHOD_RECORD_READ, TFL_RIGHT_ADMIN, false, tfl_handle_record_read},
	{TFL_METHOD_SESSION_OPEN, TFL_RIGHT_INFER, false, tfl_handle_session_open},
	{TFL_METHOD_SESSION_CLOSE, TFL_RIGHT_INFER, false, tfl_handle_session_close},
	{TFL_METHOD_SESSION_RESET, TFL_RIGHT_INFER, false, tfl_handle_session_reset},
	{TFL_METHOD_HEALTH, TFL_RIGHT_READ, false, tfl_handle_health},
	{TFL_METHOD_SERVER_INFO, TFL_RIGHT_READ, false, tfl_handle_server_info},
};

const struct tfl_method *tfl_methods(unsigned *ret_count)
{
	*ret_count = TFL_ARRAY_SIZE(methods);
	return methods;
}

unsigned tfl_descriptor_rights(void)
{
	unsigned rights = 0;

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(methods); i++)
		rights |= methods[i].takes_fd ? methods[i].right : 0;
	return rights;
}

static const struct tfl_method *find(struct tfl_string name)
{
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(methods); i++) {
		if (tfl_string_equal(name, methods[i].name))
			return &methods[i];
	}
	return NULL;
}

static int handle(struct tfl_call *call, const struct tfl_method *method, struct tfl_error *error)
{
	struct tfl_string name = call->message->method;

	if (!method)
		return tfl_error_set(error, -ENOSYS, "there is no method '%.*s'; server.info lists those there are", TFL_STRING_ARGS(name));
	if (!(call->rights & method->right))
		return tfl_error_set(error, -EPERM, "%s needs the right '%s', which uid %u does not have on this socket", method->name,
				     tfl_right_to_string(method->right), (unsigned)call->peer->uid);
	if (method->right == TFL_RIGHT_READ) {
		int r = tfl_access_check_params(call, error);

		if (r < 0)
			return r;
	}
	return method->handle(call, error);
}

/* What nobody tells later. */
static void tell(struct tfl_call *call, const struct tfl_error *error)
{
	if (!(call->rights & TFL_RIGHT_ADMIN))
		tfl_audit_refuse(call->server->audit, call->audited, error, call->arrived_ns);
	else if (error || !call->deferred)
		tfl_audit_tell(call->audited, error);
}

void tfl_dispatch(struct tfl_call *call, struct tfl_descriptors *descriptors)
{
	const struct tfl_method *method = find(call->message->method);
	struct tfl_audited audited;
	struct tfl_error error;
	int r;

	error.text[0] = '\0';
	call->fd = method && method->takes_fd ? tfl_descriptors_take(descriptors) : -1;
	if (method && method->right == TFL_RIGHT_ADMIN) {
		tfl_audited_read(call, method->name, &audited);
		call->audited = &audited;
	}
	r = handle(call, method, &error);
	error.code = r;
	if (call->audited)
		tell(call, r < 0 ? &error : NULL);
	if (r < 0)
		tfl_reply_failure(call->channel, call->writer, call->message->msgid, &error);
	call->fd = tfl_close(call->fd);
}

void tfl_dispatch_notification(struct tfl_call *call)
{
	uint32_t msgid;

	if (tfl_string_equal(call->message->method, TFL_NOTIFY_CANCEL) && tfl_cancel_parse(call->message->params, &msgid, NULL) == 0 &&
	    tfl_job_cancel(call->channel, msgid))
		tfl_server_watch_queue(call->server);
}
