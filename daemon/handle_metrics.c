/* SPDX-License-Identifier: MIT */
/* Everything that is counted, as text for Prometheus: metrics. */
#include <limits.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/access.h"
#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/exposition.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/metrics.h"
#include "daemon/server.h"
#include "proto/message.h"

int tfl_handle_metrics(struct tfl_call *call, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_exposition_finish) struct tfl_exposition exposition = {.length = 0};
	TFL_CLEANUP(tfl_metrics_finish) struct tfl_metrics metrics = {.admits = tfl_access_admits_name, .data = call, .sessions = call->server->sessions};
	struct tfl_writer *writer = call->writer;
	int r;

	tfl_service_read(call->server, &metrics.service);
	r = tfl_metrics_gather(call->server->registry, call->server->scheduler, tfl_clock_seconds(), UINT_MAX, &metrics);
	if (r < 0)
		return tfl_error_set(error, r, "no memory for metrics");
	tfl_metrics_write(&metrics, &exposition);
	r = tfl_exposition_check(&exposition, error);
	if (r < 0)
		return r;
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 2);
	tfl_field_text(writer, "content_type", TFL_EXPOSITION_TYPE);
	tfl_writer_text(writer, "text");
	tfl_writer_string(writer, (struct tfl_string){exposition.text, exposition.length});
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}
