/* SPDX-License-Identifier: MIT */
/*
 * record.start, record.get, record.stop, record.erase and record.read: requests that are kept as samples. Each looks at the model's folder
 * on the loader thread and answers behind that, so an answer knows of everything that was written before it was asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "daemon/changes.h"
#include "daemon/dispatch.h"
#include "daemon/errand.h"
#include "daemon/fields.h"
#include "daemon/handlers.h"
#include "daemon/loader.h"
#include "daemon/recordings.h"
#include "daemon/registry.h"
#include "daemon/samples.h"
#include "daemon/server.h"
#include "daemon/store_samples.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/request.h"

#define READ_OVERHEAD 1024 /* of the reply around a sample */

struct asking;

/* What a method is: its part on the loader's thread, behind which the folder is listed; its part on the loop's; and its answer. */
struct kind {
	int (*work)(struct tfl_store *store, struct asking *asking, struct tfl_error *error);
	int (*done)(struct asking *asking, struct tfl_error *error);
	void (*answer)(struct tfl_writer *writer, const struct asking *asking);
};

struct asking {
	const struct kind *kind;
	struct tfl_errand *errand;
	struct tfl_sampling_plan plan;
	uid_t uid;
	char sample[TFL_SAMPLE_NAME_MAX]; /* to be read, and what it has */
	void *data;
	size_t size;
	unsigned erased;
	struct tfl_store_samples there;
};

static void asking_free(struct asking *asking)
{
	free(asking->data);
	free(asking);
}

/* ---- Answers ---- */

static const struct tfl_version *recorded_version(const struct asking *asking, const struct tfl_recording *recording)
{
	const char *name = asking->errand->model;
	const struct tfl_registry_model *model = tfl_registry_find(asking->errand->server->registry, name, strlen(name));
	const struct tfl_version *version;
	uint64_t number;

	if (!model)
		return NULL;
	number = recording ? recording->sampling.plan.version : 0;
	version = number ? tfl_registry_find_version(model, number) : model->active;
	return version && version->program ? version : NULL;
}

/* The inputs of the model, of the type in which they came, where any did. */
static void write_inputs(struct tfl_writer *writer, const struct tfl_version *version, const struct tfl_recording *recording)
{
	uint32_t count = version ? version->input_count : 0;

	tfl_field_array(writer, "inputs", count);
	for (uint32_t i = 0; i < count; i++) {
		const struct tfl_io *io = &version->inputs[i];
		bool given = recording && i < TFL_INFER_TENSORS_MAX && recording->given[i] != TFL_DTYPE_COUNT;

		tfl_writer_map(writer, 3);
		tfl_field_text(writer, "name", io->name);
		tfl_field_text(writer, "dtype", tfl_dtype_to_string(given ? recording->given[i] : io->dtype));
		tfl_field_array(writer, "shape", io->rank);
		for (uint8_t k = 0; k < io->rank; k++)
			tfl_writer_int64(writer, io->dims[k]);
	}
}

#define RECORDING_FIELDS 13

/* The latest recording since the start; without one, all of it is 0. */
static void write_recording(struct tfl_writer *writer, const struct tfl_recordings *recordings, const struct tfl_recording *recording)
{
	static const struct tfl_recording none;
	const struct tfl_recording *shown = recording ? recording : &none;
	const struct tfl_sampling_plan *plan = &shown->sampling.plan;

	tfl_field_bool(writer, "recording", shown->active);
	tfl_field_uint(writer, "version", plan->version);
	tfl_field_uint(writer, "count", plan->count);
	tfl_field_uint(writer, "kept", shown->sampling.kept);
	tfl_field_uint(writer, "dropped", shown->sampling.dropped);
	tfl_field_uint(writer, "large", shown->sampling.large);
	tfl_field_uint(writer, "nan", recording ? tfl_recordings_count_nan(recordings, recording) : 0);
	tfl_field_uint(writer, "every", plan->every);
	tfl_field_uint(writer, "interval_ms", plan->interval_ns / 1000000);
	tfl_field_bool(writer, "outputs", plan->outputs);
	tfl_field_uint(writer, "uid", shown->uid);
	tfl_field_uint(writer, "since", (uint64_t)shown->since);
	tfl_field_text(writer, "reason", shown->reason);
}

static void write_list(struct tfl_writer *writer, const struct tfl_store_samples *there)
{
	tfl_field_array(writer, "list", there->listed);
	for (unsigned i = 0; i < there->listed; i++) {
		const struct tfl_store_sample *sample = &there->list[i];

		tfl_writer_map(writer, 4);
		tfl_field_text(writer, "name", sample->name);
		tfl_field_uint(writer, "bytes", sample->bytes);
		tfl_field_uint(writer, "time", sample->time > 0 ? (uint64_t)sample->time : 0);
		tfl_field_bool(writer, "recorded", sample->recorded);
	}
}

static void write_folder(struct tfl_writer *writer, const struct asking *asking)
{
	const struct tfl_store_samples *there = &asking->there;
	char path[TFL_STORE_PATH_MAX];

	tfl_field_map(writer, "folder", 9);
	tfl_field_text(writer, "path", tfl_store_path(asking->errand->server->store, asking->errand->model, 0, TFL_SAMPLES_FOLDER, path));
	tfl_field_uint(writer, "mode", there->mode);
	tfl_field_uint(writer, "uid", there->owner);
	tfl_field_uint(writer, "samples", there->count);
	tfl_field_uint(writer, "bytes", there->bytes);
	tfl_field_uint(writer, "recorded", there->recorded);
	tfl_field_uint(writer, "recorded_bytes", there->recorded_bytes);
	tfl_field_uint(writer, "samples_max", TFL_SAMPLES_MAX);
	tfl_field_uint(writer, "bytes_max", TFL_SAMPLES_BYTES_MAX);
}

static void answer_status(struct tfl_writer *writer, const struct asking *asking)
{
	const struct tfl_recordings *recordings = asking->errand->server->recordings;
	const struct tfl_recording *recording = tfl_recordings_find(recordings, asking->errand->model);

	tfl_writer_map(writer, 4 + RECORDING_FIELDS);
	tfl_field_text(writer, "model", asking->errand->model);
	write_recording(writer, recordings, recording);
	write_inputs(writer, recorded_version(asking, recording), recording);
	write_folder(writer, asking);
	write_list(writer, &asking->there);
}

static void answer_erased(struct tfl_writer *writer, const struct asking *asking)
{
	tfl_writer_map(writer, 3);
	tfl_field_text(writer, "model", asking->errand->model);
	tfl_field_uint(writer, "erased", asking->erased);
	tfl_field_uint(writer, "samples", asking->there.count);
}

static void answer_sample(struct tfl_writer *writer, const struct asking *asking)
{
	tfl_writer_map(writer, 3);
	tfl_field_text(writer, "model", asking->errand->model);
	tfl_field_text(writer, "sample", asking->sample);
	tfl_writer_text(writer, "data");
	tfl_writer_binary_ref(writer, asking->data, asking->size);
}

/* ---- What is done ---- */

static int make_folder(struct tfl_store *store, struct asking *asking, struct tfl_error *error)
{
	return tfl_store_make_samples(store, asking->errand->model, error);
}

static int erase(struct tfl_store *store, struct asking *asking, struct tfl_error *error)
{
	return tfl_store_erase_samples(store, asking->errand->model, &asking->erased, error);
}

static int read_one(struct tfl_store *store, struct asking *asking, struct tfl_error *error)
{
	return tfl_store_read_sample(store, asking->errand->model, asking->sample, TFL_FRAME_MAX - READ_OVERHEAD, &asking->data,
				     &asking->size,
				     error);
}

static int begin(struct asking *asking, struct tfl_error *error)
{
	return tfl_recordings_begin(asking->errand->server->recordings, asking->errand->model, &asking->plan, asking->uid, &asking->there,
				    error);
}

static int tell_erased(struct asking *asking, struct tfl_error *error)
{
	char reason[64];
	const struct tfl_change_note note = {
		.kind = TFL_CHANGE_UNRECORDED, .model = asking->errand->model, .asked = true, .uid = asking->uid, .reason = reason
	};

	snprintf(reason, sizeof(reason), "%u sample%s", asking->erased, asking->erased == 1 ? "" : "s");
	if (asking->erased > 0)
		tfl_changes_record(asking->errand->server->changes, &note);
	return 0;
}

static const struct kind kind_start = {make_folder, begin, answer_status};
static const struct kind kind_status = {NULL, NULL, answer_status};
static const struct kind kind_erase = {erase, tell_erased, answer_erased};
static const struct kind kind_read = {read_one, NULL, answer_sample};

/* On the loader thread. */
static int work(void *data, struct tfl_error *error)
{
	struct asking *asking = data;
	struct tfl_store *store = asking->errand->server->store;
	int r = asking->kind->work ? asking->kind->work(store, asking, error) : 0;

	return r < 0 || asking->data ? r : tfl_store_list_samples(store, asking->errand->model, &asking->there, error);
}

static int finish(struct asking *asking, const struct tfl_error *failure, struct tfl_error *error)
{
	const struct tfl_registry *registry = asking->errand->server->registry;
	const char *model = asking->errand->model;

	if (failure && failure->code == -ENOENT && !asking->sample[0] && !tfl_registry_find(registry, model, strlen(model)))
		return tfl_registry_no_model(registry, model, strlen(model), error);
	if (failure)
		return tfl_error_set(error, failure->code, "%s", failure->text);
	return asking->kind->done ? asking->kind->done(asking, error) : 0;
}

static void on_worked(void *data, struct tfl_version *version, const struct tfl_error *failure)
{
	struct asking *asking = data;
	struct tfl_errand *errand = asking->errand;
	struct tfl_writer *writer = &errand->server->executor.writer;
	struct tfl_error error;
	int r;

	if (failure && failure->code == -ECANCELED) {
		tfl_errand_fail(errand, failure);
	} else if ((r = finish(asking, failure, &error)) < 0) {
		error.code = r;
		tfl_errand_fail(errand, &error);
	} else {
		tfl_writer_begin(writer);
		tfl_message_reply(writer, errand->msgid);
		asking->kind->answer(writer, asking);
		tfl_errand_answer(errand);
	}
	asking_free(asking);
}

/* ---- Methods ---- */

/* The errand holds the reply from here on. */
static int ask(struct tfl_call *call, const struct kind *kind, const struct tfl_model_params *params, struct tfl_error *error)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	int r;

	if (!asking)
		return tfl_error_set(error, -ENOMEM, "no memory for one more request");
	asking->kind = kind;
	asking->uid = call->peer->uid;
	asking->plan = (struct tfl_sampling_plan){
		.version = params->version,
		.count = params->count,
		.every = params->every ? params->every : 1,
		.interval_ns = params->interval_ms * UINT64_C(1000000),
		.outputs = params->outputs,
	};
	memcpy(asking->sample, params->sample.text ? params->sample.text : "", params->sample.length);
	r = tfl_errand_begin(call, params, &asking->errand, error);
	if (r == 0 && tfl_loader_call(call->server->loader, work, on_worked, asking) < 0) {
		tfl_errand_end(asking->errand);
		r = tfl_error_set(error, -ENOMEM, "no memory for one more request");
	}
	if (r < 0)
		asking_free(asking);
	return r;
}

static int find_recorded(const struct tfl_call *call, const struct tfl_model_params *params, struct tfl_error *error)
{
	const struct tfl_registry *registry = call->server->registry;
	const struct tfl_registry_model *model = tfl_registry_find(registry, params->model.text, params->model.length);
	const struct tfl_version *version;

	if (!model)
		return tfl_registry_no_model(registry, params->model.text, params->model.length, error);
	version = params->version ? tfl_registry_find_version(model, params->version) : NULL;
	if (params->version && !version)
		return tfl_registry_no_version(model, params->version, error);
	if (version && version->state != TFL_VERSION_AVAILABLE)
		return tfl_error_set(error, -EAGAIN, "version %llu of '%s' is %s and answers no requests that could be recorded",
				     (unsigned long long)params->version, model->name, tfl_version_state_to_string(version->state));
	return tfl_recordings_check(call->server->recordings, model->name, error);
}

int tfl_handle_record_start(struct tfl_call *call, struct tfl_error *error)
{
	struct tfl_model_params params;
	int r;

	r = tfl_model_params_parse(&tfl_record_start_params, call->message->params, &params, error);
	if (r == 0 && params.every > 1 && params.interval_ms)
		r = tfl_error_set(error, -EINVAL, "params: 'every' and 'interval_ms' are both there: give one of them");
	if (r == 0)
		r = find_recorded(call, &params, error);
	return r < 0 ? r : ask(call, &kind_start, &params, error);
}

/* A method that has a model and perhaps a sample. */
static int ask_about(struct tfl_call *call, const struct tfl_param_table *table, const struct kind *kind, const char *ends,
		     struct tfl_error *error)
{
	char model[TFL_MODEL_NAME_MAX + 1] = "", reason[80];
	struct tfl_model_params params;
	int r;

	r = tfl_model_params_parse(table, call->message->params, &params, error);
	if (r < 0)
		return r;
	memcpy(model, params.model.text, params.model.length);
	snprintf(reason, sizeof(reason), "%s by uid %u", ends ? ends : "", (unsigned)call->peer->uid);
	if (ends)
		tfl_recordings_end(call->server->recordings, model, reason);
	return ask(call, kind, &params, error);
}

int tfl_handle_record_get(struct tfl_call *call, struct tfl_error *error)
{
	return ask_about(call, &tfl_record_params, &kind_status, NULL, error);
}

int tfl_handle_record_stop(struct tfl_call *call, struct tfl_error *error)
{
	return ask_about(call, &tfl_record_params, &kind_status, "stopped", error);
}

int tfl_handle_record_erase(struct tfl_call *call, struct tfl_error *error)
{
	return ask_about(call, &tfl_record_params, &kind_erase, "erased", error);
}

int tfl_handle_record_read(struct tfl_call *call, struct tfl_error *error)
{
	return ask_about(call, &tfl_record_read_params, &kind_read, NULL, error);
}
