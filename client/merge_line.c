/* SPDX-License-Identifier: MIT */
/*
 * Whoever reads a line here may count on what it says being possible: names that are names, results and histograms whose counters add up,
 * numbers below 2^63. What is not known is left alone, so that lines may get more members.
 */
#include "client/merge_line.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "client/histogram_json.h"
#include "proto/name.h"

#define SCHEMA_PREFIX "tfld.period/"
#define SCHEMA SCHEMA_PREFIX "1"
#define SECONDS_MAX 1e10

bool merge_line_is_period(const json_t *json)
{
	const char *schema = json_string_value(json_object_get(json, "schema"));

	return schema && strncmp(schema, SCHEMA_PREFIX, strlen(SCHEMA_PREFIX)) == 0;
}

static int missing(const char *key, const char *expected, struct tfl_error *error)
{
	return tfl_error_set(error, -EINVAL, "'%s' is missing, or is not %s", key, expected);
}

/* Cut to fit, between characters. */
static int read_text(const json_t *json, const char *key, char *text, size_t size, struct tfl_error *error)
{
	const char *value = json_string_value(json_object_get(json, key));
	size_t length;

	if (!value)
		return missing(key, "a text", error);
	length = strnlen(value, size - 1);
	while (length > 0 && ((unsigned char)value[length] & 0xc0) == 0x80)
		length--;
	memcpy(text, value, length);
	text[length] = '\0';
	return 0;
}

static int read_number(const json_t *json, const char *key, uint64_t min, uint64_t *ret_number, struct tfl_error *error)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_integer(value) || json_integer_value(value) < (json_int_t)min)
		return missing(key, "a whole number that can be", error);
	*ret_number = (uint64_t)json_integer_value(value);
	return 0;
}

static int read_real(const json_t *json, const char *key, double max, double *ret_number, struct tfl_error *error)
{
	double value = json_number_value(json_object_get(json, key));

	if (!json_is_number(json_object_get(json, key)) || !(value >= 0 && value <= max))
		return missing(key, "a number that can be", error);
	*ret_number = value;
	return 0;
}

/* "2026-11-26T03:40:00Z": such texts sort as the times do. */
static int read_time(const json_t *json, char time[static 24], struct tfl_error *error)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	int r = read_text(json, "time", time, 24, error);

	for (size_t i = 0; r == 0 && i < sizeof(form); i++)
		if (form[i] == '0' ? time[i] < '0' || time[i] > '9' : time[i] != form[i])
			r = missing("time", "a time as in 2026-11-26T03:40:00Z", error);
	return r;
}

static int read_version(const json_t *json, struct merge_line *line, struct tfl_error *error)
{
	const char *model = json_string_value(json_object_get(json, "model"));
	const char *sha256 = json_string_value(json_object_get(json, "sha256"));

	if (!model || !tfl_model_name_valid(model, strlen(model)))
		return missing("model", "the name of a model", error);
	if (!sha256 || strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
		return missing("sha256", "64 hexadecimal digits", error);
	strcpy(line->model, model);
	strcpy(line->sha256, sha256);
	return read_number(json, "version", 1, &line->number, error);
}

static int read_results(const json_t *json, struct merge_sum *sum, struct tfl_error *error)
{
	json_t *results = json_object_get(json, "results"), *value;
	uint64_t all = 0;
	const char *name;

	if (!json_is_object(results))
		return missing("results", "an object", error);
	json_object_foreach(results, name, value) {
		unsigned status = 0;
		int r;

		while (status < TFL_STATUS_COUNT && strcmp(tfl_status_to_string((enum tfl_status)status), name) != 0)
			status++;
		if (status == TFL_STATUS_COUNT)
			return tfl_error_set(error, -EINVAL, "'results' has '%.64s', which is no result", name);
		r = read_number(results, name, 0, &sum->results[status], error);
		if (r < 0)
			return r;
		if (sum->results[status] > sum->requests - all)
			return tfl_error_set(error, -EINVAL, "'results' are more than 'requests'");
		all += sum->results[status];
	}
	return all == sum->requests ? 0 : tfl_error_set(error, -EINVAL, "'results' are fewer than 'requests'");
}

static int read_latency(const json_t *json, const char *name, struct tfl_latency *latency, struct tfl_error *error)
{
	const json_t *stage = json_object_get(json_object_get(json, "latency"), name);
	uint64_t buckets[TFL_LATENCY_BUCKETS] = {0}, count;
	int r;

	r = read_number(stage, "sum_ns", 0, &latency->sum_ns, error);
	if (r == 0)
		r = ctl_counters_from_json(stage, "buckets", buckets, TFL_LATENCY_BUCKETS, &count, error);
	for (unsigned i = 0; r == 0 && i < TFL_LATENCY_BUCKETS; i++)
		if (buckets[i] > 0)
			r = tfl_latency_add_bucket(latency, i, buckets[i]);
	return r < 0 ? tfl_error_prefix(error, -EINVAL, "latency '%s'", name) : 0;
}

static int read_head(const json_t *json, struct merge_head *head, struct tfl_error *error)
{
	uint64_t output = 0, classes = 0, counted;
	int r;

	r = read_number(json, "output", 0, &output, error);
	if (r == 0)
		r = read_number(json, "classes", 1, &classes, error);
	if (r == 0)
		r = read_text(json, "name", head->name, sizeof(head->name), error);
	if (r == 0)
		r = read_text(json, "kind", head->kind, sizeof(head->kind), error);
	if (r == 0)
		r = ctl_histogram_from_json(json_object_get(json, "histogram"), &head->seen, error);
	if (r == 0)
		r = ctl_counters_from_json(json, "counts", head->counts, TFL_CONFIDENCE_CLASSES_MAX, &counted, error);
	if (r == 0 && (output > UINT32_MAX || classes > UINT32_MAX))
		r = tfl_error_set(error, -EINVAL, "'output' or 'classes' is greater than can be");
	head->output = (uint32_t)output;
	head->classes = (uint32_t)classes;
	return r;
}

/* That of the output that is worst off. */
static void read_drift(const json_t *json, struct merge_device *device)
{
	static const enum tfl_drift_verdict verdicts[] = {TFL_DRIFT_STABLE, TFL_DRIFT_WATCHED, TFL_DRIFT_DRIFTED};
	const json_t *drift = json_object_get(json, "drift");
	const char *text = json_string_value(json_object_get(drift, "verdict"));
	double psi = json_number_value(json_object_get(drift, "psi"));

	for (unsigned i = 0; text && i < TFL_ARRAY_SIZE(verdicts); i++)
		if (strcmp(text, tfl_drift_verdict_to_string(verdicts[i])) == 0 && verdicts[i] > device->verdict)
			device->verdict = verdicts[i];
	if (isfinite(psi) && psi > device->psi)
		device->psi = psi;
}

static int read_heads(const json_t *json, struct merge_line *line, struct tfl_error *error)
{
	const json_t *heads = json_object_get(json, "heads");
	int r = 0;

	if (!json_is_array(heads) || json_array_size(heads) > TFL_CONFIDENCE_OUTPUTS_MAX)
		return missing("heads", "a list of at most 4", error);
	line->head_count = (unsigned)json_array_size(heads);
	for (unsigned i = 0; r == 0 && i < line->head_count; i++) {
		r = read_head(json_array_get(heads, i), &line->heads[i], error);
		if (r == 0 && i > 0 && line->heads[i].output <= line->heads[i - 1].output)
			r = tfl_error_set(error, -EINVAL, "outputs do not ascend");
		read_drift(json_array_get(heads, i), &line->device);
	}
	return r < 0 ? tfl_error_prefix(error, -EINVAL, "heads") : 0;
}

_Static_assert(TFL_CONFIDENCE_OUTPUTS_MAX == 4, "as the sentence says");

static int read_origin(const json_t *json, struct merge_line *line, struct tfl_error *error)
{
	int r = read_time(json, line->time, error);

	if (r == 0)
		r = read_text(json, "run", line->run, sizeof(line->run), error);
	if (r == 0)
		r = read_number(json, "seq", 1, &line->seq, error);
	if (r == 0)
		r = read_text(json, "device", line->device.name, sizeof(line->device.name), error);
	strcpy(line->device.time, line->time);
	return r;
}

int merge_line_parse(const json_t *json, struct merge_line *ret_line, struct tfl_error *error)
{
	const char *schema = json_string_value(json_object_get(json, "schema"));
	int r;

	if (!schema || strcmp(schema, SCHEMA) != 0)
		return tfl_error_set(error, -EINVAL, "its schema is '%.40s', this tflctl knows " SCHEMA, schema ? schema : "");
	memset(ret_line, 0, sizeof(*ret_line));
	r = read_origin(json, ret_line, error);
	if (r == 0)
		r = read_version(json, ret_line, error);
	if (r == 0)
		r = read_real(json, "seconds", SECONDS_MAX, &ret_line->sum.seconds, error);
	if (r == 0)
		r = read_number(json, "requests", 0, &ret_line->sum.requests, error);
	if (r == 0)
		r = read_results(json, &ret_line->sum, error);
	for (unsigned i = 0; r == 0 && i < CTL_STAGES; i++)
		r = read_latency(json, ctl_stage_names[i], &ret_line->sum.stages[i], error);
	if (r == 0)
		r = read_heads(json, ret_line, error);
	return r;
}
