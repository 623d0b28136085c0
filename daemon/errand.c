/* SPDX-License-Identifier: MIT */
#include "daemon/errand.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/account.h"
#include "daemon/channel.h"
#include "daemon/dispatch.h"
#include "daemon/reply.h"
#include "daemon/server.h"
#include "proto/message.h"
#include "proto/request.h"

int tfl_errand_begin(struct tfl_call *call, const struct tfl_model_params *params, struct tfl_errand **ret_errand, struct tfl_error *error)
{
	struct tfl_errand *errand;
	int r;

	if (call->server->stopping)
		return tfl_error_set(error, -ESHUTDOWN, "the daemon is stopping; connect again when it is back");
	r = tfl_account_charge(call->channel->account, TFL_QUOTA_REQUESTS, 1, error);
	if (r < 0)
		return r;
	errand = calloc(1, sizeof(*errand));
	if (!errand) {
		tfl_account_release(call->channel->account, TFL_QUOTA_REQUESTS, 1);
		return tfl_error_set(error, -ENOMEM, "no memory for one more request");
	}
	tfl_channel_hold(call->channel);
	errand->server = call->server;
	errand->channel = call->channel;
	errand->msgid = call->message->msgid;
	if (call->audited)
		errand->audited = *call->audited;
	call->deferred = true;
	assert(params->model.length < sizeof(errand->model) && params->label.length < sizeof(errand->label));
	memcpy(errand->model, params->model.text, params->model.length);
	if (params->label.text)
		memcpy(errand->label, params->label.text, params->label.length);
	*ret_errand = errand;
	return 0;
}

void tfl_errand_answer(struct tfl_errand *errand)
{
	tfl_audit_tell(&errand->audited, NULL);
	tfl_reply_send(errand->channel, &errand->server->executor.writer, errand->msgid);
	tfl_errand_end(errand);
}

void tfl_errand_fail(struct tfl_errand *errand, const struct tfl_error *error)
{
	tfl_audit_tell(&errand->audited, error);
	tfl_reply_failure(errand->channel, &errand->server->executor.writer, errand->msgid, error);
	tfl_errand_end(errand);
}

void tfl_errand_end(struct tfl_errand *errand)
{
	tfl_account_release(errand->channel->account, TFL_QUOTA_REQUESTS, 1);
	tfl_channel_release(errand->channel);
	free(errand);
}
