/* SPDX-License-Identifier: MIT */
/*
 * The params of requests as tables. infer's rows begin with those of its head, and the head is the first member of the struct behind the
 * table: so the head's part of the table writes from a head alone, and the two arrays, which only parsing needs, come last.
 */
#include "proto/request.h"

#include <errno.h>
#include <stddef.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/limits.h"
#include "proto/message.h"
#include "proto/writer.h"

struct wire_infer {
	struct tfl_infer_head head;
	struct tfl_wire_array inputs;
	struct tfl_wire_array outputs;
};

#define MEMBER(member) offsetof(struct wire_infer, member)
#define INFER_ARRAYS 2

static const struct tfl_param infer_rows[] = {
	{"model", TFL_PARAM_NAME, false, MEMBER(head.model), 0, 0, NULL},
	{"version", TFL_PARAM_UINT64, false, MEMBER(head.version), 1, TFL_VERSION_MAX, NULL},
	{"label", TFL_PARAM_NAME, false, MEMBER(head.label), 0, 0, NULL},
	{"key", TFL_PARAM_STRING, false, MEMBER(head.key), 1, TFL_KEY_MAX, NULL},
	{"session", TFL_PARAM_UINT64, false, MEMBER(head.session), 1, TFL_SESSION_ID_MAX, NULL},
	{"signature", TFL_PARAM_STRING, false, MEMBER(head.signature), 1, TFL_SIGNATURE_NAME_MAX, NULL},
	{"timeout_us", TFL_PARAM_UINT64, false, MEMBER(head.timeout_us), 1, TFL_TIMEOUT_US_MAX, NULL},
	{"priority", TFL_PARAM_UINT32, false, MEMBER(head.priority), 1, TFL_PRIORITY_MAX, NULL},
	{"dtype", TFL_PARAM_DTYPE, false, MEMBER(head.dtype), 0, 0, NULL},
	{"inputs", TFL_PARAM_ARRAY, true, MEMBER(inputs), 0, TFL_INFER_TENSORS_MAX, "tensors"},
	{"outputs", TFL_PARAM_ARRAY, false, MEMBER(outputs), 0, TFL_INFER_TENSORS_MAX, "tensors"},
};
static const struct tfl_param_table infer_table = TFL_PARAM_TABLE(infer_rows, struct wire_infer);
static const struct tfl_param_table head_table = {
	.rows = infer_rows,
	.count = TFL_ARRAY_SIZE(infer_rows) - INFER_ARRAYS,
	.size = sizeof(struct tfl_infer_head),
};

#define MODEL_ROW(required) {"model", TFL_PARAM_NAME, required, offsetof(struct tfl_model_params, model), 0, 0, NULL}
#define VERSION_ROW(required) {"version", TFL_PARAM_UINT64, required, offsetof(struct tfl_model_params, version), 1, TFL_VERSION_MAX, NULL}
#define LABEL_ROW(required) {"label", TFL_PARAM_NAME, required, offsetof(struct tfl_model_params, label), 0, 0, NULL}
#define DELETE_ROW {"delete", TFL_PARAM_BOOL, false, offsetof(struct tfl_model_params, delete_files), 0, 0, NULL}
#define MINUTES_ROW {"minutes", TFL_PARAM_UINT32, false, offsetof(struct tfl_model_params, minutes), 1, TFL_MINUTES_MAX, NULL}
#define SERIES_ROW {"series", TFL_PARAM_BOOL, false, offsetof(struct tfl_model_params, series), 0, 0, NULL}
#define BUCKETS_ROW {"buckets", TFL_PARAM_BOOL, false, offsetof(struct tfl_model_params, buckets), 0, 0, NULL}
#define OUTPUT_ROW {"output", TFL_PARAM_INDEX, false, offsetof(struct tfl_model_params, output), 0, INT32_MAX, NULL}
#define SINCE_ROW {"since", TFL_PARAM_UINT64, false, offsetof(struct tfl_model_params, since), 1, INT64_MAX, NULL}
#define AGAINST_ROW {"against", TFL_PARAM_UINT64, true, offsetof(struct tfl_model_params, against), 1, TFL_VERSION_MAX, NULL}
#define HISTOGRAM_ROW {"histogram", TFL_PARAM_VALUE, false, offsetof(struct tfl_model_params, histogram), 0, 0, NULL}
#define COUNT_ROW {"count", TFL_PARAM_UINT32, true, offsetof(struct tfl_model_params, count), 1, TFL_SAMPLES_MAX, NULL}
#define EVERY_ROW {"every", TFL_PARAM_UINT32, false, offsetof(struct tfl_model_params, every), 1, TFL_RECORD_EVERY_MAX, NULL}
#define INTERVAL_ROW {"interval_ms", TFL_PARAM_UINT64, false, offsetof(struct tfl_model_params, interval_ms), 1, TFL_RECORD_INTERVAL_MS_MAX, NULL}
#define OUTPUTS_ROW {"outputs", TFL_PARAM_BOOL, false, offsetof(struct tfl_model_params, outputs), 0, 0, NULL}
#define NO_TRIAL_ROW {"no_trial", TFL_PARAM_BOOL, false, offsetof(struct tfl_model_params, no_trial), 0, 0, NULL}
#define TRIAL_REQUESTS_ROW \
	{"trial_requests", TFL_PARAM_UINT64, false, offsetof(struct tfl_model_params, trial_requests), 1, TFL_TRIAL_REQUESTS_MAX, NULL}
#define TRIAL_SECONDS_ROW \
	{"trial_seconds", TFL_PARAM_UINT64, false, offsetof(struct tfl_model_params, trial_seconds), 1, TFL_TRIAL_SECONDS_MAX, NULL}
#define SAMPLE_ROW {"sample", TFL_PARAM_STRING, true, offsetof(struct tfl_model_params, sample), 1, TFL_SAMPLE_NAME_MAX - 1, NULL}
#define SESSION_ROW {"session", TFL_PARAM_UINT64, true, offsetof(struct tfl_model_params, session), 1, TFL_SESSION_ID_MAX, NULL}
#define KEY_ROW {"key", TFL_PARAM_STRING, false, offsetof(struct tfl_model_params, key), 1, TFL_KEY_MAX, NULL}

static const struct tfl_param version_rows[] = {MODEL_ROW(true), VERSION_ROW(false)};
static const struct tfl_param describe_rows[] = {MODEL_ROW(true), VERSION_ROW(false), LABEL_ROW(false)};
static const struct tfl_param route_set_rows[] = {
	MODEL_ROW(true),
	{"route", TFL_PARAM_STRING, false, offsetof(struct tfl_model_params, route), 1, TFL_ROUTE_WIRE_MAX, NULL},
	{"salt", TFL_PARAM_NAME, false, offsetof(struct tfl_model_params, salt), 0, 0, NULL},
	{"key", TFL_PARAM_NAME, false, offsetof(struct tfl_model_params, by), 0, 0, NULL},
	{"shadow", TFL_PARAM_UINT64, false, offsetof(struct tfl_model_params, shadow), 1, TFL_VERSION_MAX, NULL},
	{"no_shadow", TFL_PARAM_BOOL, false, offsetof(struct tfl_model_params, no_shadow), 0, 0, NULL},
	{"clear", TFL_PARAM_BOOL, false, offsetof(struct tfl_model_params, clear), 0, 0, NULL},
};
static const struct tfl_param label_set_rows[] = {MODEL_ROW(true), LABEL_ROW(true), VERSION_ROW(false)};
static const struct tfl_param reload_rows[] = {MODEL_ROW(true), VERSION_ROW(true)};
static const struct tfl_param swap_rows[] = {MODEL_ROW(true), VERSION_ROW(true), NO_TRIAL_ROW, TRIAL_REQUESTS_ROW, TRIAL_SECONDS_ROW};
static const struct tfl_param name_rows[] = {MODEL_ROW(true)};
static const struct tfl_param unload_rows[] = {MODEL_ROW(true), VERSION_ROW(false), DELETE_ROW};
static const struct tfl_param stats_rows[] = {MODEL_ROW(false), BUCKETS_ROW};
static const struct tfl_param subscribe_rows[] = {MODEL_ROW(false)};
static const struct tfl_param changes_rows[] = {MODEL_ROW(false), VERSION_ROW(false), LABEL_ROW(false), SINCE_ROW};
static const struct tfl_param histogram_rows[] = {MODEL_ROW(true), VERSION_ROW(false), LABEL_ROW(false), MINUTES_ROW, SERIES_ROW};
static const struct tfl_param baseline_set_rows[] = {MODEL_ROW(true), VERSION_ROW(false), LABEL_ROW(false), MINUTES_ROW,
						      HISTOGRAM_ROW, OUTPUT_ROW};
static const struct tfl_param compare_rows[] = {MODEL_ROW(true), VERSION_ROW(true), AGAINST_ROW};
static const struct tfl_param record_start_rows[] = {MODEL_ROW(true), VERSION_ROW(false), COUNT_ROW, EVERY_ROW, INTERVAL_ROW, OUTPUTS_ROW};
static const struct tfl_param record_read_rows[] = {MODEL_ROW(true), SAMPLE_ROW};
static const struct tfl_param session_open_rows[] = {MODEL_ROW(true), VERSION_ROW(false), LABEL_ROW(false), KEY_ROW};
static const struct tfl_param session_rows[] = {SESSION_ROW};

const struct tfl_param_table tfl_model_load_params = TFL_PARAM_TABLE(version_rows, struct tfl_model_params);
const struct tfl_param_table tfl_trial_params = TFL_PARAM_TABLE(name_rows, struct tfl_model_params);
const struct tfl_param_table tfl_model_reload_params = TFL_PARAM_TABLE(reload_rows, struct tfl_model_params);
const struct tfl_param_table tfl_model_swap_params = TFL_PARAM_TABLE(swap_rows, struct tfl_model_params);
const struct tfl_param_table tfl_model_rollback_params = TFL_PARAM_TABLE(name_rows, struct tfl_model_params);
const struct tfl_param_table tfl_model_unload_params = TFL_PARAM_TABLE(unload_rows, struct tfl_model_params);
const struct tfl_param_table tfl_route_get_params = TFL_PARAM_TABLE(name_rows, struct tfl_model_params);
const struct tfl_param_table tfl_route_set_params = TFL_PARAM_TABLE(route_set_rows, struct tfl_model_params);
const struct tfl_param_table tfl_label_set_params = TFL_PARAM_TABLE(label_set_rows, struct tfl_model_params);
const struct tfl_param_table tfl_model_describe_params = TFL_PARAM_TABLE(describe_rows, struct tfl_model_params);
const struct tfl_param_table tfl_stats_params = TFL_PARAM_TABLE(stats_rows, struct tfl_model_params);
const struct tfl_param_table tfl_subscribe_params = TFL_PARAM_TABLE(subscribe_rows, struct tfl_model_params);
const struct tfl_param_table tfl_changes_params = TFL_PARAM_TABLE(changes_rows, struct tfl_model_params);
const struct tfl_param_table tfl_histogram_params = TFL_PARAM_TABLE(histogram_rows, struct tfl_model_params);
const struct tfl_param_table tfl_compare_params = TFL_PARAM_TABLE(compare_rows, struct tfl_model_params);
const struct tfl_param_table tfl_baseline_set_params = TFL_PARAM_TABLE(baseline_set_rows, struct tfl_model_params);
const struct tfl_param_table tfl_record_start_params = TFL_PARAM_TABLE(record_start_rows, struct tfl_model_params);
const struct tfl_param_table tfl_record_params = TFL_PARAM_TABLE(name_rows, struct tfl_model_params);
const struct tfl_param_table tfl_record_read_params = TFL_PARAM_TABLE(record_read_rows, struct tfl_model_params);
const struct tfl_param_table tfl_session_open_params = TFL_PARAM_TABLE(session_open_rows, struct tfl_model_params);
const struct tfl_param_table tfl_session_params = TFL_PARAM_TABLE(session_rows, struct tfl_model_params);

/* The id alone, so that the table reads into and writes from a plain number. */
static const struct tfl_param cancel_rows[] = {{"msgid", TFL_PARAM_UINT32, true, 0, 0, UINT32_MAX, NULL}};
static const struct tfl_param_table cancel_table = TFL_PARAM_TABLE(cancel_rows, uint32_t);

/* What no single row can say. */
static int check_choice(uint64_t version, struct tfl_string label, struct tfl_error *error)
{
	if (version > 0 && label.text)
		return tfl_error_set(error, -EINVAL, "params: 'version' and 'label' are both there: give one of them");
	return 0;
}

static int check_head(const struct tfl_infer_head *head, struct tfl_error *error)
{
	if (check_choice(head->version, head->label, error) < 0)
		return -EINVAL;
	if (!head->model.text && !head->session)
		return tfl_error_set(error, -EINVAL, "params: 'model' is missing: it must be the name of a model, unless there is a 'session'");
	if (head->session && (head->model.text || head->version || head->label.text || head->key.text || head->priority))
		return tfl_error_set(error, -EINVAL, "params: a session has its model, version and priority: 'session' stands without 'model', "
				     "'version', 'label', 'key' and 'priority'");
	if (head->dtype != TFL_DTYPE_COUNT && head->dtype != TFL_FLOAT32)
		return tfl_error_set(error, -EINVAL, "params: 'dtype' must be 'float32' (all outputs dequantised), not '%s'; "
				     "without it outputs come as the model has them", tfl_dtype_to_string(head->dtype));
	return 0;
}

int tfl_infer_request_parse(struct tfl_slice params, struct tfl_infer_request *ret_request, struct tfl_error *error)
{
	struct tfl_infer_request request;
	struct wire_infer wire;
	int r;

	r = tfl_params_parse(&infer_table, params, "params", &wire, error);
	if (r == 0)
		r = check_head(&wire.head, error);
	if (r < 0)
		return r;
	r = tfl_tensor_list_parse(&wire.inputs, TFL_TENSOR_INPUT, "inputs", &request.inputs, error);
	if (r < 0)
		return tfl_error_prefix(error, r, "params");
	r = tfl_tensor_list_parse(&wire.outputs, TFL_TENSOR_CHOICE, "outputs", &request.outputs, error);
	if (r < 0) {
		tfl_tensor_list_finish(&request.inputs);
		return tfl_error_prefix(error, r, "params");
	}
	request.head = wire.head;
	*ret_request = request;
	return 0;
}

void tfl_infer_request_finish(struct tfl_infer_request *request)
{
	if (!request)
		return;
	tfl_tensor_list_finish(&request->inputs);
	tfl_tensor_list_finish(&request->outputs);
}

static void write_tensors(struct tfl_writer *writer, const char *key, const struct tfl_wire_tensor *tensors, uint32_t count)
{
	tfl_writer_text(writer, key);
	tfl_writer_array(writer, count);
	for (uint32_t i = 0; i < count; i++)
		tfl_wire_tensor_write(writer, &tensors[i]);
}

void tfl_infer_request_write(struct tfl_writer *writer, uint32_t msgid, const struct tfl_infer_head *head,
			     const struct tfl_wire_tensor *inputs, uint32_t input_count,
			     const struct tfl_wire_tensor *outputs, uint32_t output_count)
{
	tfl_message_request(writer, msgid, TFL_METHOD_INFER);
	tfl_writer_map(writer, tfl_params_count(&head_table, head) + 1 + (output_count > 0));
	tfl_params_write(&head_table, head, writer);
	write_tensors(writer, "inputs", inputs, input_count);
	if (output_count > 0)
		write_tensors(writer, "outputs", outputs, output_count);
}

int tfl_model_params_parse(const struct tfl_param_table *table, struct tfl_slice params, struct tfl_model_params *ret_params,
			   struct tfl_error *error)
{
	struct tfl_model_params parsed;
	int r = tfl_params_parse(table, params, "params", &parsed, error);

	if (r == 0 && table != &tfl_label_set_params)
		r = check_choice(parsed.version, parsed.label, error);
	if (r == 0)
		*ret_params = parsed;
	return r;
}

void tfl_model_params_write(struct tfl_writer *writer, uint32_t msgid, const char *method, const struct tfl_param_table *table,
			    const struct tfl_model_params *params)
{
	tfl_message_request(writer, msgid, method);
	tfl_writer_map(writer, table ? tfl_params_count(table, params) : 0);
	if (table)
		tfl_params_write(table, params, writer);
}

void tfl_baseline_set_write(struct tfl_writer *writer, uint32_t msgid, const struct tfl_model_params *params,
			    const struct tfl_wire_histogram *histogram)
{
	struct tfl_model_params others = *params;

	others.histogram.data = NULL;
	tfl_message_request(writer, msgid, TFL_METHOD_BASELINE_SET);
	tfl_writer_map(writer, tfl_params_count(&tfl_baseline_set_params, &others) + 1);
	tfl_params_write(&tfl_baseline_set_params, &others, writer);
	tfl_wire_histogram_write(writer, "histogram", histogram);
}

void tfl_cancel_write(struct tfl_writer *writer, uint32_t msgid)
{
	tfl_message_notification(writer, TFL_NOTIFY_CANCEL);
	tfl_writer_map(writer, tfl_params_count(&cancel_table, &msgid));
	tfl_params_write(&cancel_table, &msgid, writer);
}

int tfl_cancel_parse(struct tfl_slice params, uint32_t *ret_msgid, struct tfl_error *error)
{
	return tfl_params_parse(&cancel_table, params, "params", ret_msgid, error);
}
