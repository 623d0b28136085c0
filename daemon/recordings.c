/* SPDX-License-Identifier: MIT */
/*
 * A place for each recording. Copies of requests pass a list that workers push to without a lock, and that the loop takes whole; then they
 * wait at their recording, in bounds, for the batch before to be written. Who has no recording any more is freed.
 */
#include "daemon/recordings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "daemon/capture.h"
#include "daemon/changes.h"
#include "daemon/clock.h"
#include "daemon/job.h"
#include "daemon/loader.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/store_samples.h"

struct tfl_recordings {
	struct tfl_server *server;
	void (*wake)(void *data);
	void *data;
	_Atomic(struct tfl_capture *) arrived; /* the last one first */
	bool look;
	uint32_t last_id;
	unsigned active;
	struct tfl_recording places[TFL_RECORDINGS_MAX];
	_Atomic uint64_t nan[TFL_RECORDINGS_MAX]; /* requests of all recordings that were there */
};

/* Copies on their way to the disk, and what became of them. */
struct batch {
	struct tfl_recordings *recordings;
	uint32_t recording;
	char model[TFL_MODEL_NAME_MAX + 1];
	bool outputs;
	uint64_t number;
	struct tfl_capture *first;
	uint32_t count, written, large;
	uint64_t bytes, written_bytes;
	uint64_t room; /* bytes that may be written */
	bool full;     /* they are too few for the next one */
};

int tfl_recordings_create(struct tfl_server *server, void (*wake)(void *data), void *data, struct tfl_recordings **ret_recordings)
{
	struct tfl_recordings *recordings = calloc(1, sizeof(*recordings));

	if (!recordings)
		return -ENOMEM;
	recordings->server = server;
	recordings->wake = wake;
	recordings->data = data;
	*ret_recordings = recordings;
	return 0;
}

static void free_list(struct tfl_capture *capture)
{
	while (capture) {
		struct tfl_capture *next = capture->next;

		tfl_capture_unref(capture);
		capture = next;
	}
}

void tfl_recordings_destroy(struct tfl_recordings *recordings)
{
	if (!recordings)
		return;
	free_list(atomic_load(&recordings->arrived));
	for (unsigned i = 0; i < TFL_RECORDINGS_MAX; i++)
		free_list(recordings->places[i].first);
	free(recordings);
}

bool tfl_recordings_any(const struct tfl_recordings *recordings)
{
	return recordings->active > 0;
}

static struct tfl_recording *find(const struct tfl_recordings *recordings, const char *model)
{
	for (unsigned i = 0; i < TFL_RECORDINGS_MAX; i++)
		if (recordings->places[i].id && strcmp(recordings->places[i].model, model) == 0)
			return (struct tfl_recording *)&recordings->places[i];
	return NULL;
}

const struct tfl_recording *tfl_recordings_find(const struct tfl_recordings *recordings, const char *model)
{
	return find(recordings, model);
}

static struct tfl_recording *find_id(struct tfl_recordings *recordings, uint32_t id)
{
	for (unsigned i = 0; i < TFL_RECORDINGS_MAX; i++)
		if (recordings->places[i].id == id)
			return &recordings->places[i];
	return NULL;
}

/* ---- Beginning and end ---- */

/* How many of what: "20 requests, one of 10, with their answers". */
static void describe(const struct tfl_sampling_plan *plan, char *text, size_t size)
{
	char every[64] = "";

	if (plan->every > 1)
		snprintf(every, sizeof(every), ", one of %" PRIu32, plan->every);
	else if (plan->interval_ns)
		snprintf(every, sizeof(every), ", one in %" PRIu64 " ms at most", plan->interval_ns / 1000000);
	snprintf(text, size, "%" PRIu32 " request%s%s%s", plan->count, plan->count == 1 ? "" : "s", every,
		 plan->outputs ? ", with their answers" : "");
}

static void tell(struct tfl_recordings *recordings, const struct tfl_recording *recording, enum tfl_change_kind kind, const char *reason)
{
	const struct tfl_change_note note = {
		.kind = kind,
		.model = recording->model,
		.version = recording->sampling.plan.version,
		.asked = kind == TFL_CHANGE_RECORDING,
		.uid = recording->uid,
		.reason = reason,
	};

	tfl_changes_record(recordings->server->changes, &note);
}

static void tell_end(struct tfl_recordings *recordings, struct tfl_recording *recording)
{
	const struct tfl_sampling *sampling = &recording->sampling;
	char text[TFL_ERROR_TEXT_MAX + 64];

	recording->told = true;
	snprintf(text, sizeof(text), "%" PRIu32 " kept, %" PRIu64 " bytes: %s", sampling->kept, sampling->bytes, recording->reason);
	tell(recordings, recording, TFL_CHANGE_RECORDED, text);
}

/* Once nothing of it is on its way. */
static void settle(struct tfl_recordings *recordings, struct tfl_recording *recording)
{
	if (!recording->active && !recording->writing && !recording->told)
		tell_end(recordings, recording);
}

__attribute__((format(printf, 3, 4))) static void end(struct tfl_recordings *recordings, struct tfl_recording *recording,
						      const char *format, ...)
{
	va_list args;

	if (!recording->active)
		return;
	va_start(args, format);
	vsnprintf(recording->reason, sizeof(recording->reason), format, args);
	va_end(args);
	recording->active = false;
	recordings->active--;
	free_list(TFL_STEAL(recording->first));
	recording->last = NULL;
	settle(recordings, recording);
}

void tfl_recordings_end(struct tfl_recordings *recordings, const char *model, const char *reason)
{
	struct tfl_recording *recording = find(recordings, model);

	if (recording)
		end(recordings, recording, "%s", reason);
}

void tfl_recordings_end_all(struct tfl_recordings *recordings, const char *reason)
{
	for (unsigned i = 0; i < TFL_RECORDINGS_MAX; i++) {
		struct tfl_recording *recording = &recordings->places[i];

		end(recordings, recording, "%s", reason);
		if (recording->id && !recording->told)
			tell_end(recordings, recording); /* what is still being written may not come back */
	}
}

int tfl_recordings_check(const struct tfl_recordings *recordings, const char *model, struct tfl_error *error)
{
	const struct tfl_recording *recording = find(recordings, model);

	if (recording && (recording->active || recording->writing))
		return tfl_error_set(error, -EEXIST,
				     "requests to '%s' are being recorded already, for uid %u; 'tflctl record %s --stop' ends that", model,
				     (unsigned)recording->uid, model);
	if (!recording && recordings->active == TFL_RECORDINGS_MAX)
		return tfl_error_set(error, -ENOBUFS, "%d models are being recorded already; stop one of them, or wait for one",
				     TFL_RECORDINGS_MAX);
	return 0;
}

/* Its own place, an empty one, or that of the one that ended first. */
static struct tfl_recording *choose_place(struct tfl_recordings *recordings, const char *model)
{
	struct tfl_recording *place = find(recordings, model);

	for (unsigned i = 0; i < TFL_RECORDINGS_MAX && !place; i++)
		if (recordings->places[i].id == 0)
			place = &recordings->places[i];
	if (place)
		return place;
	for (unsigned i = 0; i < TFL_RECORDINGS_MAX; i++) {
		struct tfl_recording *other = &recordings->places[i];

		if (!other->active && !other->writing && (!place || other->id < place->id))
			place = other;
	}
	return place;
}

static int check_room(const char *model, const struct tfl_store_samples *there, struct tfl_error *error)
{
	if (there->count < TFL_SAMPLES_MAX && there->bytes < TFL_SAMPLES_BYTES_MAX)
		return 0;
	return tfl_error_set(error, -ENOSPC, "there are %u samples of '%s' with %" PRIu64 " MiB, and no room for more (%d, %u MiB); "
			     "'tflctl record %s --erase' erases the %u that were recorded", there->count, model, there->bytes >> 20,
				     TFL_SAMPLES_MAX,
			     TFL_SAMPLES_BYTES_MAX >> 20, model, there->recorded);
}

int tfl_recordings_begin(struct tfl_recordings *recordings, const char *model, const struct tfl_sampling_plan *plan, uid_t uid,
			 const struct tfl_store_samples *there, struct tfl_error *error)
{
	struct tfl_sampling_plan cut = *plan;
	struct tfl_recording *place;
	char text[TFL_ERROR_TEXT_MAX];
	int r = tfl_recordings_check(recordings, model, error);

	if (r == 0)
		r = check_room(model, there, error);
	if (r < 0)
		return r;
	place = choose_place(recordings, model);
	if (!place)
		return tfl_error_set(error, -ENOBUFS, "the samples of other models are still being written; try again");
	if (cut.count > TFL_SAMPLES_MAX - there->count)
		cut.count = TFL_SAMPLES_MAX - there->count;
	*place = (struct tfl_recording){.id = ++recordings->last_id, .uid = uid, .since = (int64_t)time(NULL), .active = true};
	snprintf(place->model, sizeof(place->model), "%s", model);
	tfl_sampling_begin(&place->sampling, &cut, TFL_SAMPLES_BYTES_MAX - there->bytes);
	place->number = there->last + 1;
	place->nan = atomic_load(&recordings->nan[place - recordings->places]);
	for (unsigned i = 0; i < TFL_INFER_TENSORS_MAX; i++)
		place->given[i] = TFL_DTYPE_COUNT;
	recordings->active++;
	describe(&cut, text, sizeof(text));
	tell(recordings, place, TFL_CHANGE_RECORDING, text);
	return 0;
}

/* ---- From a request to the loader ---- */

static void note_types(struct tfl_recording *recording, const struct tfl_job *job)
{
	for (uint32_t i = 0; i < job->request.inputs.count; i++)
		if (recording->given[job->binding.inputs[i]] == TFL_DTYPE_COUNT)
			recording->given[job->binding.inputs[i]] = tfl_tensor_list_at(&job->request.inputs, i)->dtype;
}

void tfl_recordings_pick(struct tfl_recordings *recordings, struct tfl_job *job)
{
	struct tfl_recording *recording = find(recordings, job->version->model_name);

	if (!recording || !recording->active || !tfl_sampling_pick(&recording->sampling, job->version->number, job->arrived_ns))
		return;
	note_types(recording, job);
	job->sample.by = recordings;
	job->sample.recording = recording->id;
	job->sample.place = (unsigned)(recording - recordings->places);
	job->sample.outputs = recording->sampling.plan.outputs;
}

void tfl_recordings_give(struct tfl_recordings *recordings, struct tfl_capture *capture)
{
	capture->next = atomic_load_explicit(&recordings->arrived, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&recordings->arrived, &capture->next, capture, memory_order_release,
						      memory_order_relaxed))
		;
	recordings->wake(recordings->data);
}

void tfl_recordings_leave_nan(struct tfl_recordings *recordings, unsigned place)
{
	atomic_fetch_add_explicit(&recordings->nan[place], 1, memory_order_relaxed);
}

uint64_t tfl_recordings_count_nan(const struct tfl_recordings *recordings, const struct tfl_recording *recording)
{
	return atomic_load_explicit(&recordings->nan[recording - recordings->places], memory_order_relaxed) - recording->nan;
}

static void take(struct tfl_recordings *recordings, struct tfl_capture *capture)
{
	struct tfl_recording *recording = find_id(recordings, capture->recording);

	if (!recording || !recording->active || !tfl_sampling_take(&recording->sampling, capture->bytes)) {
		tfl_capture_unref(capture);
		return;
	}
	capture->next = NULL;
	capture->time = (int64_t)time(NULL);
	*(recording->last ? &recording->last->next : &recording->first) = capture;
	recording->last = capture;
}

/* In the order in which they arrived. */
static struct tfl_capture *take_arrived(struct tfl_recordings *recordings)
{
	struct tfl_capture *capture = atomic_exchange_explicit(&recordings->arrived, NULL, memory_order_acquire), *reversed = NULL;

	while (capture) {
		struct tfl_capture *next = capture->next;

		capture->next = reversed;
		reversed = capture;
		capture = next;
	}
	return reversed;
}

/* ---- Writing ---- */

/*
 * What is too large for a frame could not be read by a client either: it is left out. More bytes than there is room for are never
 * written, or the proof would refuse every later version for them; quantised outputs are four times as large in a file.
 */
static int write_one(struct tfl_store *store, struct batch *batch, const struct tfl_capture *capture, struct tfl_error *error)
{
	_tfl_free_ void *data = NULL;
	size_t size = 0;
	int r = tfl_capture_encode(capture, batch->outputs, &data, &size, error);

	batch->large += r == -EMSGSIZE;
	if (r == -EMSGSIZE)
		return 0;
	batch->full = r == 0 && size > batch->room - batch->written_bytes;
	if (batch->full)
		return 0;
	if (r == 0)
		r = tfl_store_write_sample(store, batch->model, batch->number + batch->written, data, size, error);
	if (r < 0)
		return r;
	batch->written++;
	batch->written_bytes += size;
	return 0;
}

/* On the loader thread. */
static int write_batch(void *data, struct tfl_error *error)
{
	struct batch *batch = data;
	struct tfl_store *store = batch->recordings->server->store;
	int r = 0;

	for (const struct tfl_capture *capture = batch->first; capture && r == 0 && !batch->full; capture = capture->next)
		r = write_one(store, batch, capture, error);
	return r == 0 && batch->written > 0 ? tfl_store_sync_samples(store, batch->model, error) : r;
}

static void start_batch(struct tfl_recordings *recordings, struct tfl_recording *recording);

static void on_written(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct batch *batch = data;
	struct tfl_recordings *recordings = batch->recordings;
	struct tfl_recording *recording = find_id(recordings, batch->recording);

	free_list(batch->first);
	if (recording) {
		recording->writing = false;
		recording->number += batch->written;
		tfl_sampling_written(&recording->sampling, batch->count, batch->bytes, batch->written, batch->written_bytes,
				     batch->large, batch->full);
		if (error)
			end(recordings, recording, "%s", error->text);
		else
			start_batch(recordings, recording);
		settle(recordings, recording);
	}
	free(batch);
}

static void start_batch(struct tfl_recordings *recordings, struct tfl_recording *recording)
{
	const struct tfl_sampling *sampling = &recording->sampling;
	struct batch *batch;

	if (recording->writing || !recording->active)
		return;
	if (tfl_sampling_complete(sampling)) {
		end(recordings, recording, sampling->full ? "there is no room for the next one" : "that is all that was asked for");
		return;
	}
	if (!recording->first)
		return;
	batch = calloc(1, sizeof(*batch));
	if (!batch) {
		end(recordings, recording, "not enough memory");
		return;
	}
	batch->recordings = recordings;
	batch->recording = recording->id;
	strcpy(batch->model, recording->model);
	batch->outputs = sampling->plan.outputs;
	batch->number = recording->number;
	batch->count = sampling->waiting;
	batch->bytes = sampling->waiting_bytes;
	batch->room = sampling->room - sampling->bytes;
	batch->first = TFL_STEAL(recording->first);
	recording->last = NULL;
	recording->writing = tfl_loader_call(recordings->server->loader, write_batch, on_written, batch) == 0;
	if (recording->writing)
		return;
	free_list(batch->first);
	free(batch);
	end(recordings, recording, "not enough memory");
}

/* ---- The loop ---- */

/* A model or version that is not listed any more, or out of service. */
static bool is_gone(const struct tfl_recordings *recordings, const struct tfl_recording *recording)
{
	const struct tfl_registry_model *model = tfl_registry_find(recordings->server->registry, recording->model,
								   strlen(recording->model));
	uint64_t number = recording->sampling.plan.version;
	const struct tfl_version *version = model && number ? tfl_registry_find_version(model, number) : NULL;

	return !model || (number && (!version || version->state == TFL_VERSION_UNLOADING || version->state == TFL_VERSION_END));
}

void tfl_recordings_collect(struct tfl_recordings *recordings)
{
	struct tfl_capture *capture = take_arrived(recordings), *next;

	for (; capture; capture = next) {
		next = capture->next;
		take(recordings, capture);
	}
	for (unsigned i = 0; i < TFL_RECORDINGS_MAX; i++) {
		struct tfl_recording *recording = &recordings->places[i];

		if (recordings->look && recording->active && is_gone(recordings, recording))
			end(recordings, recording, "its %s is gone", recording->sampling.plan.version ? "version" : "model");
		start_batch(recordings, recording);
	}
	recordings->look = false;
}

void tfl_recordings_look(struct tfl_recordings *recordings)
{
	if (recordings->active == 0)
		return;
	recordings->look = true;
	recordings->wake(recordings->data);
}
