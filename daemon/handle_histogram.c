/* SPDX-License-Identifier: MIT */
/*
 * How sure a version has been: histogram, which hands out counters and leaves the arithmetic to whoever asks (stats/drift.h is what tflctl uses), and
 * baseline.set. doc/protocol.md names the keys.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/changes.h"
#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/errand.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/histogram.h"
#include "daemon/history.h"
#include "daemon/moment.h"
#include "daemon/observe.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"

#define HOUR_MINUTES 60

/* The version that is asked for, else the active one; in memory, and with its history up to now. */
static int choose(struct tfl_call *call, struct tfl_model_params *params, struct tfl_version **ret_version, struct tfl_error *error)
{
	struct tfl_version *version;
	int r;

	r = tfl_handle_resolve(call, params, error);
	if (r == 0)
		r = tfl_registry_route(call->server->registry, params->model.text, params->model.length, params->version, &version,
				       error);
	if (r < 0)
		return r;
	tfl_history_advance(version->history, version->recorder, tfl_clock_seconds());
	*ret_version = version;
	return 0;
}

/* How a window of the last minutes is put together: of minutes up to an hour, else of hours. */
struct span {
	enum tfl_window_length length;
	unsigned windows;
};

static struct span span_of(const struct tfl_windows *windows, uint32_t minutes)
{
	struct span span = {TFL_WINDOW_MINUTE, minutes};
	unsigned there;

	if (minutes > HOUR_MINUTES) {
		span.length = TFL_WINDOW_HOUR;
		span.windows = (minutes + HOUR_MINUTES - 1) / HOUR_MINUTES;
	}
	there = tfl_windows_count(windows, span.length);
	span.windows = span.windows < there ? span.windows : there;
	return span;
}

/* What a window holds, and how many seconds it has, at least 1; a window of 0 minutes is all there is, and has no length. */
static uint64_t sum_up(const struct tfl_history_head *head, uint32_t counted, uint32_t minutes, struct tfl_confidence *ret_confidence,
		       uint64_t *ret_classes)
{
	struct span span = span_of(head->windows, minutes);
	int64_t seconds;

	*ret_confidence = minutes ? (struct tfl_confidence){0} : head->total;
	for (uint32_t i = 0; i < counted; i++)
		ret_classes[i] = minutes ? 0 : head->classes[i];
	if (minutes)
		tfl_windows_add_last(head->windows, span.length, span.windows, ret_confidence, ret_classes);
	if (!minutes || span.windows == 0)
		return 0;
	seconds = tfl_clock_seconds() - tfl_windows_began(head->windows, span.length, span.windows - 1);
	return seconds > 0 ? (uint64_t)seconds : 1;
}

static void write_series(struct tfl_writer *writer, const struct tfl_windows *windows, uint32_t minutes)
{
	struct span span = span_of(windows, minutes);
	int64_t now = tfl_clock_seconds();

	tfl_field_array(writer, "series", span.windows);
	for (unsigned back = span.windows; back-- > 0;) {
		struct tfl_confidence confidence = {0};

		tfl_windows_add(windows, span.length, back, &confidence, NULL);
		tfl_writer_map(writer, 3);
		tfl_field_uint(writer, "age_s", (uint64_t)(now - tfl_windows_began(windows, span.length, back)));
		tfl_field_uint(writer, "length_s", span.length == TFL_WINDOW_MINUTE ? 60 : 3600);
		tfl_histogram_write(writer, "histogram", &confidence);
	}
}

static void write_head(struct tfl_writer *writer, const struct tfl_version *version, unsigned index, const struct tfl_model_params *params)
{
	const struct tfl_head *head = &version->heads.items[index];
	const struct tfl_history_head *seen = tfl_history_head(version->history, index);
	uint64_t classes[TFL_CONFIDENCE_CLASSES_MAX];
	struct tfl_confidence confidence;
	uint64_t seconds = sum_up(seen, head->counted, params->minutes, &confidence, classes);

	tfl_writer_map(writer, 9 + params->series);
	tfl_field_uint(writer, "output", head->source.output);
	tfl_field_text(writer, "name", version->outputs[head->source.output].name);
	tfl_field_text(writer, "kind", tfl_confidence_kind_to_string(head->source.kind));
	tfl_field_text(writer, "reason", head->source.reason);
	tfl_field_uint(writer, "classes", head->source.classes);
	tfl_field_uint(writer, "seconds", seconds);
	tfl_histogram_write(writer, "histogram", &confidence);
	tfl_counters_write(writer, "counts", classes, head->counted);
	tfl_field_map(writer, "baseline", 4);
	tfl_field_bool(writer, "set", seen->baseline.set);
	tfl_field_uint(writer, "since", (uint64_t)seen->baseline.since);
	tfl_field_uint(writer, "wanted", seen->baseline.set ? 0 : TFL_BASELINE_VERDICTS);
	tfl_histogram_write(writer, "histogram", &seen->baseline.confidence);
	if (params->series)
		write_series(writer, seen->windows, params->minutes ? params->minutes : HOUR_MINUTES);
}

int tfl_handle_histogram(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_writer *writer = call->writer;
	struct tfl_model_params params;
	struct tfl_version *version = NULL;
	int r;

	r = tfl_model_params_parse(&tfl_histogram_params, call->message->params, &params, error);
	if (r == 0)
		r = choose(call, &params, &version, error);
	if (r < 0)
		return r;
	tfl_writer_begin(writer);
	tfl_message_reply(writer, call->message->msgid);
	tfl_writer_map(writer, 4);
	tfl_field_text(writer, "model", version->model_name);
	tfl_field_uint(writer, "version", version->number);
	tfl_field_text(writer, "reason", version->heads.count ? "" : version->heads.reason);
	tfl_field_array(writer, "heads", version->heads.count);
	for (unsigned i = 0; i < version->heads.count; i++)
		write_head(writer, version, i, &params);
	tfl_reply_send(call->channel, writer, call->message->msgid);
	return 0;
}

/* What is to be the baseline of a head: what was handed over, or what was seen. */
static int choose_baseline(const struct tfl_version *version, unsigned head, const struct tfl_model_params *params,
			   struct tfl_confidence *ret_confidence, struct tfl_error *error)
{
	uint64_t classes[TFL_CONFIDENCE_CLASSES_MAX];

	if (params->histogram.data)
		return tfl_histogram_read(params->histogram, ret_confidence, error);
	sum_up(tfl_history_head(version->history, head), version->heads.items[head].counted, params->minutes, ret_confidence, classes);
	return 0;
}

static bool is_meant(const struct tfl_version *version, unsigned head, const struct tfl_model_params *params)
{
	return params->output < 0 || version->heads.items[head].source.output == (uint32_t)params->output;
}

static int set_baselines(struct tfl_version *version, const struct tfl_model_params *params, uint64_t *ret_verdicts, struct tfl_error *error)
{
	struct tfl_confidence chosen[TFL_CONFIDENCE_OUTPUTS_MAX];
	bool meant = false;
	int r = 0;

	if (version->heads.count == 0)
		return tfl_error_set(error, -EINVAL, "version %llu of '%s' has no confidence to set a baseline of: %s",
				     (unsigned long long)version->number, version->model_name, version->heads.reason);
	for (unsigned i = 0; i < version->heads.count && r == 0; i++) {
		if (!is_meant(version, i, params))
			continue;
		r = choose_baseline(version, i, params, &chosen[i], error);
		if (r == 0 && chosen[i].count == 0)
			r = tfl_error_set(error, -EINVAL, "there are no verdicts to make a baseline of%s",
					  params->histogram.data ? " in this histogram" : "; ask the model something first");
		*ret_verdicts = chosen[i].count;
		meant = true;
	}
	if (r == 0 && !meant)
		return tfl_error_set(error, -EINVAL, "output %d of version %llu of '%s' has no confidence; 'tflctl describe' shows which have one",
				     params->output, (unsigned long long)version->number, version->model_name);
	for (unsigned i = 0; i < version->heads.count && r == 0; i++)
		if (is_meant(version, i, params))
			tfl_history_set_baseline(version->history, i, &chosen[i], (int64_t)time(NULL));
	return r;
}

static void tell(const struct tfl_call *call, const struct tfl_version *version, const struct tfl_model_params *params, uint64_t verdicts)
{
	char reason[96], minutes[32];
	struct tfl_change_note note = {
		.kind = TFL_CHANGE_BASELINE,
		.model = version->model_name,
		.version = version->number,
		.asked = true,
		.uid = call->peer->uid,
		.reason = reason,
	};

	snprintf(minutes, sizeof(minutes), " of the last %u minutes", params->minutes);
	snprintf(reason, sizeof(reason), "%" PRIu64 " verdict%s%s", verdicts, verdicts == 1 ? "" : "s",
		 params->histogram.data ? ", handed over" : params->minutes ? minutes : "");
	tfl_changes_record(call->server->changes, &note);
}

/* It is in force by now, whether that could be written down or not. */
static void on_baseline_kept(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_errand *errand = data;
	struct tfl_writer *writer = &errand->server->executor.writer;

	tfl_writer_begin(writer);
	tfl_message_reply(writer, errand->msgid);
	tfl_writer_map(writer, 5);
	tfl_field_text(writer, "model", errand->model);
	tfl_field_uint(writer, "version", errand->numbers[0]);
	tfl_field_uint(writer, "verdicts", errand->numbers[1]);
	tfl_field_bool(writer, "remembered", !error);
	tfl_field_text(writer, "reason", error ? error->text : "");
	tfl_errand_answer(errand);
}

/* Answered when it is on disk: a baseline that somebody set is not made anew by itself. */
static void keep_baseline(struct tfl_call *call, struct tfl_version *version, struct tfl_errand *errand)
{
	struct tfl_moment now;
	struct tfl_error error;
	int r;

	tfl_moment_now(&now);
	r = tfl_observe_keep(call->server, version, &now, on_baseline_kept, errand);
	if (r < 0) {
		tfl_error_set(&error, r, "statistics are not kept: %s", strerror(-r));
		on_baseline_kept(errand, NULL, &error);
	}
}

int tfl_handle_baseline_set(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_model_params params;
	struct tfl_version *version = NULL;
	struct tfl_errand *errand = NULL;
	uint64_t verdicts = 0;
	int r;

	r = tfl_model_params_parse(&tfl_baseline_set_params, call->message->params, &params, error);
	if (r == 0)
		r = choose(call, &params, &version, error);
	if (r == 0)
		r = tfl_errand_begin(call, &params, &errand, error);
	if (r < 0)
		return r;
	r = set_baselines(version, &params, &verdicts, error);
	if (r < 0) {
		tfl_errand_end(errand);
		return r;
	}
	errand->numbers[0] = version->number;
	errand->numbers[1] = verdicts;
	tell(call, version, &params, verdicts);
	keep_baseline(call, version, errand);
	return 0;
}
