/* SPDX-License-Identifier: MIT */
/*
 * Counters are written as index, count, index, count, ascending and without the zeros, as on the wire: whoever adds up the lines of many
 * devices gets the histogram that one device would have had. Means and percentiles stand beside them for whoever reads a single line.
 */
#include "daemon/period_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/message_ids.h"
#include "base/utf8.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/period.h"

typedef json_int_t integer; /* as json_pack() takes them */

/* What a model file calls something; "" where it is no UTF-8. */
static const char *as_text(const char *name)
{
	return tfl_utf8_valid(name, strlen(name)) ? name : "";
}

/* NULL without memory, as all below; json_pack() makes nothing of an object that lacks a member, and frees the others. */
static json_t *counters_to_json(const uint64_t *counters, uint32_t count)
{
	json_t *array = json_array();
	int result = 0;

	for (uint32_t i = 0; i < count && result == 0; i++) {
		if (counters[i] == 0)
			continue;
		result = json_array_append_new(array, json_integer(i));
		if (result == 0)
			result = json_array_append_new(array, json_integer((integer)counters[i]));
	}
	if (result == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *results_to_json(const struct tfl_recorder_summary *did)
{
	json_t *object = json_object();
	int result = 0;

	for (unsigned i = 0; i < TFL_STATUS_COUNT && result == 0; i++)
		if (did->results[i] > 0)
			result = json_object_set_new(object, tfl_status_to_string((enum tfl_status)i), json_integer((integer)did->results[i]));
	if (result == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *latency_to_json(const struct tfl_latency *latency)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "mean_ns", (integer)tfl_latency_mean(latency),
			 "p50_ns", (integer)tfl_latency_percentile(latency, 0.50),
			 "p95_ns", (integer)tfl_latency_percentile(latency, 0.95),
			 "p99_ns", (integer)tfl_latency_percentile(latency, 0.99),
			 "sum_ns", (integer)latency->sum_ns,
			 "buckets", counters_to_json(latency->buckets, TFL_LATENCY_BUCKETS));
}

static json_t *stages_to_json(const struct tfl_recorder_summary *did)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "wait", latency_to_json(&did->wait), "compute", latency_to_json(&did->compute),
			 "reply", latency_to_json(&did->reply), "total", latency_to_json(&did->total));
}

static json_t *drift_to_json(const struct tfl_drift *drift)
{
	return json_pack("{s:s, s:f, s:f, s:f, s:i, s:f, s:f, s:I, s:I}", "verdict", tfl_drift_verdict_to_string(drift->verdict),
			 "psi", drift->psi, "psi_raw", drift->psi_raw, "noise", drift->noise, "groups", (int)drift->groups,
			 "jensen_shannon", drift->jensen_shannon, "kolmogorov_smirnov", drift->kolmogorov_smirnov,
			 "reference_verdicts", (integer)drift->baseline_records, "window_verdicts", (integer)drift->window_records);
}

static json_t *histogram_to_json(const struct tfl_confidence *seen)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:o}", "invalid", (integer)seen->invalid, "sum", (integer)seen->sum,
			 "bins", counters_to_json(seen->bins, TFL_CONFIDENCE_BINS),
			 "margins", counters_to_json(seen->margins, TFL_CONFIDENCE_BINS),
			 "fine", counters_to_json(seen->fine, TFL_CONFIDENCE_FINE));
}

static json_t *head_to_json(const struct tfl_period_head *head)
{
	return json_pack("{s:I, s:s, s:s, s:I, s:I, s:f, s:f, s:o, s:o, s:o}", "output", (integer)head->output, "name", as_text(head->name),
			 "kind", tfl_confidence_kind_to_string(head->kind), "classes", (integer)head->classes,
			 "verdicts", (integer)head->seen.count, "mean", tfl_confidence_mean(&head->seen),
			 "mean_margin", tfl_confidence_mean_margin(&head->seen), "histogram", histogram_to_json(&head->seen),
			 "counts", counters_to_json(head->counts, head->counted), "drift", drift_to_json(&head->drift));
}

static json_t *heads_to_json(const struct tfl_period *period)
{
	json_t *array = json_array();
	int result = 0;

	for (unsigned i = 0; i < period->heads && result == 0; i++)
		result = json_array_append_new(array, head_to_json(&period->head[i]));
	if (result == 0)
		return array;
	json_decref(array);
	return NULL;
}

json_t *tfl_period_to_json(const struct tfl_period *period)
{
	return json_pack("{s:s, s:I, s:s, s:f, s:I, s:o, s:o, s:o}", "model", period->model, "version", (integer)period->version,
			 "sha256", period->sha256, "seconds", (double)period->duration_ns / 1e9, "requests", (integer)period->did.requests,
			 "results", results_to_json(&period->did), "latency", stages_to_json(&period->did), "heads", heads_to_json(period));
}

/* ---- The entry of the journal ---- */

struct fields {
	struct tfl_log_field list[TFL_LOG_FIELDS_MAX];
	unsigned count;
};

static void add(struct fields *fields, struct tfl_log_field field)
{
	if (fields->count < TFL_LOG_FIELDS_MAX)
		fields->list[fields->count++] = field;
}

static void add_text(struct fields *fields, const char *name, const char *text)
{
	add(fields, (struct tfl_log_field){name, TFL_LOG_TEXT, .text = text});
}

static void add_uint(struct fields *fields, const char *name, uint64_t value)
{
	add(fields, (struct tfl_log_field){name, TFL_LOG_UINT, .uint = value});
}

static void add_real(struct fields *fields, const char *name, double value)
{
	add(fields, (struct tfl_log_field){name, TFL_LOG_REAL, .real = value});
}

#define COUNTERS_TEXT 768 /* 50 bins, each with up to 15 bytes; of greater counters the last bins are left out */

/* "3:17 49:1200": index and count. */
static const char *format_counters(const uint64_t *counters, uint32_t count, char text[static COUNTERS_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < count && used + 32 < COUNTERS_TEXT; i++)
		if (counters[i] > 0)
			used += (size_t)snprintf(text + used, COUNTERS_TEXT - used, "%s%" PRIu32 ":%" PRIu64, used ? " " : "", i, counters[i]);
	return text;
}

/* Names of a head's fields; those of the second and later heads end in its number. */
enum { VERDICTS, INVALID, CONFIDENCE, MARGIN, BINS, DRIFT, PSI, HEAD_FIELDS };
#define HEAD_NAMES(end) \
	{ "TFL_PERIOD_VERDICTS" end, "TFL_PERIOD_INVALID" end, "TFL_CONFIDENCE" end, "TFL_MARGIN" end, "TFL_BINS" end, "TFL_DRIFT" end, "TFL_PSI" end }
static const char *const head_names[][HEAD_FIELDS] = { HEAD_NAMES(""), HEAD_NAMES("_2"), HEAD_NAMES("_3"), HEAD_NAMES("_4") };
_Static_assert(TFL_ARRAY_SIZE(head_names) == TFL_CONFIDENCE_OUTPUTS_MAX, "names for each head");

static void add_head(struct fields *fields, const char *const *names, const struct tfl_period_head *head, char bins[static COUNTERS_TEXT])
{
	add_uint(fields, names[VERDICTS], head->seen.count);
	add_uint(fields, names[INVALID], head->seen.invalid);
	add_real(fields, names[CONFIDENCE], tfl_confidence_mean(&head->seen));
	add_real(fields, names[MARGIN], tfl_confidence_mean_margin(&head->seen));
	add_text(fields, names[BINS], format_counters(head->seen.bins, TFL_CONFIDENCE_BINS, bins));
	add_text(fields, names[DRIFT], tfl_drift_verdict_to_string(head->drift.verdict));
	add_real(fields, names[PSI], head->drift.psi);
}

#define RESULTS_TEXT 512 /* all that there are, with counters of up to 15 digits */

/* "OK 998, DEADLINE_EXCEEDED 2", of the results from @p first on. */
static const char *format_results(const struct tfl_period *period, unsigned first, char text[static RESULTS_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = first; i < TFL_STATUS_COUNT && used < RESULTS_TEXT; i++)
		if (period->did.results[i] > 0)
			used += (size_t)snprintf(text + used, RESULTS_TEXT - used, "%s%s %" PRIu64, used ? ", " : "",
						 tfl_status_to_string((enum tfl_status)i), period->did.results[i]);
	return text;
}

static void add_requests(struct fields *fields, const struct tfl_period *period, const char *results)
{
	const struct tfl_recorder_summary *did = &period->did;

	add_text(fields, "TFL_MODEL", period->model);
	add_uint(fields, "TFL_VERSION", period->version);
	add_text(fields, "TFL_SHA256", period->sha256);
	add_real(fields, "TFL_SECONDS", (double)period->duration_ns / 1e9);
	add_uint(fields, "TFL_REQUESTS", did->requests);
	add_uint(fields, "TFL_FAILED", tfl_period_failed(period));
	add_text(fields, "TFL_RESULTS", results);
	add_uint(fields, "TFL_MEAN_NS", (uint64_t)tfl_latency_mean(&did->total));
	add_uint(fields, "TFL_P50_NS", tfl_latency_percentile(&did->total, 0.50));
	add_uint(fields, "TFL_P95_NS", tfl_latency_percentile(&did->total, 0.95));
	add_uint(fields, "TFL_P99_NS", tfl_latency_percentile(&did->total, 0.99));
	add_uint(fields, "TFL_WAIT_P99_NS", tfl_latency_percentile(&did->wait, 0.99));
	add_uint(fields, "TFL_COMPUTE_P99_NS", tfl_latency_percentile(&did->compute, 0.99));
}

/* "; mean confidence 0.973 (stable)", of the first head; or "". */
static void describe_confidence(const struct tfl_period *period, char *text, size_t size)
{
	const struct tfl_period_head *head = &period->head[0];
	char verdict[32] = "";

	text[0] = '\0';
	if (period->heads == 0 || head->seen.count == 0)
		return;
	if (head->drift.verdict != TFL_DRIFT_UNKNOWN)
		snprintf(verdict, sizeof(verdict), " (%s)", tfl_drift_verdict_to_string(head->drift.verdict));
	snprintf(text, size, "; mean confidence %.3f%s", tfl_confidence_mean(&head->seen), verdict);
}

void tfl_period_log(const struct tfl_period *period)
{
	char bins[TFL_CONFIDENCE_OUTPUTS_MAX][COUNTERS_TEXT], results[RESULTS_TEXT], failures[RESULTS_TEXT];
	char failed[RESULTS_TEXT + 64] = "", latency[64] = "", confidence[128];
	const struct tfl_latency *total = &period->did.total;
	struct fields fields;

	fields.count = 0;
	add_requests(&fields, period, format_results(period, TFL_OK, results));
	for (unsigned i = 0; i < period->heads; i++)
		add_head(&fields, head_names[i], &period->head[i], bins[i]);
	if (tfl_period_failed(period) > 0)
		snprintf(failed, sizeof(failed), ", %" PRIu64 " failed (%s)", tfl_period_failed(period),
			 format_results(period, TFL_OK + 1, failures));
	if (total->count > 0)
		snprintf(latency, sizeof(latency), "; p50 %.3f ms, p99 %.3f ms", (double)tfl_latency_percentile(total, 0.50) / 1e6,
			 (double)tfl_latency_percentile(total, 0.99) / 1e6);
	describe_confidence(period, confidence, sizeof(confidence));
	tfl_log_fields(LOG_INFO, TFL_MESSAGE_PERIOD, fields.list, fields.count, "%s@%" PRIu64 ": %" PRIu64 " requests in %.0f s%s%s%s",
		       period->model, period->version, period->did.requests, (double)period->duration_ns / 1e9, failed, latency, confidence);
}
