/* SPDX-License-Identifier: MIT */
/*
 * compare: what two versions did since they were loaded, or did as a shadow, both read in the same moment. Counters, latencies and
 * confidence are handed out as histograms, which can be added up over devices; which version is better is for whoever asks to compute
 * (stats/compare.h is what tflctl uses).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/dispatch.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/histogram.h"
#include "daemon/history.h"
#include "daemon/recorder.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/shadow_status.h"
#include "daemon/version.h"
#include "daemon/version_stats.h"
#include "proto/message.h"
#include "proto/request.h"

static void write_head(struct tfl_writer *writer, const struct tfl_version *version, unsigned index)
{
	const struct tfl_confidence_source *source = &version->heads.items[index].source;
	uint64_t classes[TFL_CONFIDENCE_CLASSES_MAX];
	struct tfl_confidence confidence, baseline;
	struct tfl_drift drift = {.verdict = TFL_DRIFT_UNKNOWN};

	tfl_recorder_read_head(version->recorder, index, &confidence, &baseline, classes);
	if (version->history)
		tfl_history_drift(version->history, index, &drift);
	tfl_writer_map(writer, 6);
	tfl_field_uint(writer, "output", source->output);
	tfl_field_text(writer, "name", version->outputs[source->output].name);
	tfl_field_text(writer, "kind", tfl_confidence_kind_to_string(source->kind));
	tfl_histogram_write(writer, "histogram", &confidence);
	tfl_field_text(writer, "drift", tfl_drift_verdict_to_string(drift.verdict));
	tfl_field_double(writer, "psi", drift.psi);
}

static void write_side(struct tfl_writer *writer, const struct tfl_server *server, const struct tfl_version *version,
		       struct tfl_recorder_summary *summary)
{
	const struct tfl_registry_model *model =
		tfl_registry_find(server->registry, version->model_name, strlen(version->model_name));

	tfl_writer_map(writer, TFL_VERSION_STATS_FIELDS + 6);
	tfl_version_stats_write(writer, server->scheduler, version, true, summary);
	tfl_shadow_write(writer, "shadow", server, version->model_name, version->number, true, summary);
	tfl_field_text(writer, "sha256", version->sha256);
	tfl_field_bool(writer, "active", version == model->active);
	tfl_field_uint(writer, "since", (uint64_t)version->since);
	tfl_field_text(writer, "reason", version->heads.count ? "" : version->heads.reason);
	tfl_field_array(writer, "heads", version->heads.count);
	for (unsigned i = 0; i < version->heads.count; i++)
		write_head(writer, version, i);
}

int tfl_handle_compare(struct tfl_call *call, struct tfl_error *error)
{
	_tfl_free_ struct tfl_recorder_summary *summary = NULL;
	struct tfl_version *versions[2] = {NULL, NULL};
	struct tfl_writer *writer = call->writer;
	struct tfl_model_params params;
	int r;

	r = tfl_model_params_parse(&tfl_compare_params, call->message->params, &params, error);
	if (r == 0 && params.version == params.against)
		r = tfl_error_set(error, -EINVAL, "params: 'version' and 'against' are the same; a version is compared with another one");
	for (unsigned i = 0; i < 2 && r == 0; i++)
		r = tfl_registry_route(call->server->registry, params.model.text, params.model.length, i ? params.against : params.version,
				       &versions[i], error);
	if (r < 0)
		return r;
	summary = malloc(sizeof(*summary));
	if (!summary)
		return tfl_error_set(error, -ENOMEM, "no memory for statistics");
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 2);
	tfl_field_text(writer, "model", versions[0]->model_name);
	tfl_field_array(writer, "versions", 2);
	for (unsigned i = 0; i < 2; i++)
		write_side(writer, call->server, versions[i], summary);
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}
