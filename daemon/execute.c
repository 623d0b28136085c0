/* SPDX-License-Identifier: MIT */
/*
 * The binding has settled which tensor goes where and that sizes fit, so nothing of the request is checked again here. Outputs are
 * referred to where the interpreter left them (or, dequantised, in the executor's scratch memory), and the interpreter goes back to its
 * pool only when the socket or the output queue has taken them.
 *
 * A version on trial is watched: that it runs is noted in memory that outlives the process, its outputs are searched for NaN, and what counts against it is
 * counted before the answer goes out, so that whoever gets the answer and asks again is served by what was decided.
 *
 * Cost on the steady path: no allocation; the pool's borrow and return; four readings of the clock; one sendmsg().
 */
#include "daemon/execute.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/capture.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/fields.h"
#include "daemon/job.h"
#include "daemon/recorder.h"
#include "daemon/recordings.h"
#include "daemon/reply.h"
#include "daemon/running.h"
#include "daemon/sessions.h"
#include "daemon/shadows.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/response.h"
#include "runtime/pool.h"
#include "runtime/quant.h"
#include "stats/nan.h"

void tfl_executor_init(struct tfl_executor *executor, unsigned index)
{
	executor->index = index;
	atomic_init(&executor->busy_since, 0);
	tfl_writer_init(&executor->writer);
	executor->scratch = NULL;
	executor->scratch_size = 0;
}

void tfl_executor_finish(struct tfl_executor *executor)
{
	tfl_writer_finish(&executor->writer);
	free(TFL_STEAL(executor->scratch));
	executor->scratch_size = 0;
}

/* Memory for all outputs that are dequantised; the model, and the frame that has to hold them, bound it. */
static int reserve_scratch(struct tfl_executor *executor, const struct tfl_job *job, const struct tfl_interpreter *part, struct tfl_error *error)
{
	size_t size = 0;
	void *scratch;

	for (uint32_t i = 0; i < job->binding.output_count; i++) {
		struct tfl_io io;

		if (!(job->binding.dequantize & UINT64_C(1) << i))
			continue;
		tfl_interpreter_output_io(part, job->binding.outputs[i], &io);
		size += io.elements * sizeof(float);
	}
	if (size > TFL_FRAME_MAX)
		return tfl_error_set(error, -EINVAL, "the outputs have %zu bytes as float32, and a reply can bring %u: name those that are wanted", size,
				     TFL_FRAME_MAX);
	if (size <= executor->scratch_size)
		return 0;
	scratch = malloc(size);
	if (!scratch)
		return tfl_error_set(error, -ENOMEM, "no memory for %zu bytes of outputs as float32", size);
	free(executor->scratch);
	executor->scratch = scratch;
	executor->scratch_size = size;
	return 0;
}

/* What one large reply needed is not kept for ever. */
static void trim_scratch(struct tfl_executor *executor)
{
	if (executor->scratch_size <= TFL_SCRATCH_KEEP_MAX)
		return;
	free(TFL_STEAL(executor->scratch));
	executor->scratch_size = 0;
}

/* By what the caller calls it: the signature's name, where the request names one. */
static const char *output_name(const struct tfl_job *job, uint32_t index)
{
	const struct tfl_io *io = &job->version->interface.entries[job->binding.entry].outputs[index];

	return job->request.head.signature.text && io->signature_name && *io->signature_name ? io->signature_name : io->name;
}

static void write_outputs(struct tfl_executor *executor, const struct tfl_job *job, const struct tfl_interpreter *part)
{
	char *scratch = executor->scratch;

	for (uint32_t i = 0; i < job->binding.output_count; i++) {
		uint32_t index = job->binding.outputs[i];
		struct tfl_wire_tensor tensor = {.index = (int32_t)index};
		struct tfl_io io;

		tfl_interpreter_output_io(part, index, &io);
		tensor.name = tfl_reply_name(output_name(job, index));
		tensor.dtype = io.dtype;
		tensor.shape.rank = io.rank;
		tensor.data = (struct tfl_slice){tfl_interpreter_output(part, index), io.bytes};
		memcpy(tensor.shape.dims, io.dims, sizeof(tensor.shape.dims));
		if (job->binding.dequantize & UINT64_C(1) << i) {
			size_t size = io.elements * sizeof(float);

			tfl_dequantize(io.dtype, io.scale, io.zero_point, tensor.data.data, io.elements, scratch);
			tensor.dtype = TFL_FLOAT32;
			tensor.data = (struct tfl_slice){(const uint8_t *)scratch, size};
			scratch += size;
		}
		tfl_wire_tensor_write(&executor->writer, &tensor);
	}
}

/* Inputs that are no numbers, or, with @p infinite, too large for one, are their sender's matter, and so is what comes of them. */
static bool has_nan_inputs(const struct tfl_job *job, bool infinite)
{
	const struct tfl_tensor_list *tensors = &job->request.inputs;

	for (uint32_t i = 0; i < tensors->count; i++) {
		const struct tfl_wire_tensor *tensor = tfl_tensor_list_at(tensors, i);

		for (size_t at = 0; tensor->dtype == TFL_FLOAT32 && at + sizeof(float) <= tensor->data.size; at += sizeof(float)) {
			float value;

			memcpy(&value, tensor->data.data + at, sizeof(value)); /* a frame aligns nothing */
			if (tfl_has_nan(&value, 1) || (infinite && isinf(value)))
				return true;
		}
	}
	return false;
}

static bool has_nan_outputs(const struct tfl_job *job, const struct tfl_interpreter *part)
{
	for (uint32_t i = 0; i < job->version->interface.entries[job->binding.entry].output_count; i++) {
		struct tfl_io io;

		tfl_interpreter_output_io(part, i, &io);
		if (io.dtype == TFL_FLOAT32 && tfl_has_nan(tfl_interpreter_output(part, i), io.elements))
			return true;
	}
	return false;
}

/* What the outputs of a version on trial say of it, and of the version before; 1: that has yet to be asked. */
static int judge(const struct tfl_executor *executor, struct tfl_job *job, const struct tfl_interpreter *part)
{
	bool on_trial = atomic_load_explicit(&job->version->trial.id, memory_order_relaxed), nan;

	if (!on_trial && !job->fallback.from)
		return 0;
	nan = has_nan_outputs(job, part) && !has_nan_inputs(job, true);
	if (nan && job->fallback.to)
		return 1;
	if (nan && on_trial)
		atomic_fetch_add(&job->version->trial.nan, 1);
	tfl_fallback_settle(job, executor->index, nan);
	return 0;
}

/* Where the version is on trial, and the process ends in the middle of this, the next one knows; whoever has an answer did not see it end. */
static int invoke(struct tfl_executor *executor, struct tfl_job *job, struct tfl_interpreter *part, struct tfl_error *error)
{
	uint64_t trial = atomic_load_explicit(&job->version->trial.id, memory_order_acquire);
	int r;

	if (!trial)
		return tfl_interpreter_invoke(part, &job->control, error);
	tfl_running_set(job->version->trial.running, executor->index, trial);
	r = tfl_interpreter_invoke(part, &job->control, error);
	tfl_running_set(job->version->trial.running, executor->index, 0);
	return r;
}

/*
 * Whether the version, or that before one on trial, would not be done in time if nobody else wanted the processor; or whether nobody knows,
 * since what was measured is the first entry with the file's shapes.
 */
static bool is_hopeless(const struct tfl_job *job, uint64_t started)
{
	const struct tfl_version *version = job->version;
	uint64_t trial = atomic_load_explicit(&version->trial.id, memory_order_acquire);
	uint64_t run_ns = trial ? atomic_load_explicit(&version->trial.run_ns, memory_order_relaxed) : version->run_ns;

	return job->control.deadline_ns && (!job->binding.main || job->binding.resized || job->control.deadline_ns < started + run_ns);
}

/* The reply, in the executor's writer. */
static int answer(struct tfl_executor *executor, const struct tfl_job *job, const struct tfl_interpreter *part,
		  const struct tfl_infer_served *served, struct tfl_error *error)
{
	int r = reserve_scratch(executor, job, part, error);

	if (r < 0)
		return r;
	tfl_writer_begin(&executor->writer);
	tfl_infer_response_begin(&executor->writer, job->msgid, served, job->binding.output_count);
	write_outputs(executor, job, part);
	return tfl_writer_check(&executor->writer, error);
}

/* Runs the job on a part of a borrowed interpreter, and sends its outputs; on failure, and where it says 1 (judge()), nothing was sent. */
static int run(struct tfl_executor *executor, struct tfl_job *job, struct tfl_interpreter *part, uint64_t started, struct tfl_record *record,
	       struct tfl_error *error)
{
	struct tfl_infer_served served = {
		.model = tfl_string_of(job->version->model_name),
		.version = job->version->number,
		.wait_ns = record->wait_ns,
	};
	uint64_t computed;
	int r;

	record->executed = true;
	record->excused = is_hopeless(job, started);
	r = invoke(executor, job, part, error);
	computed = tfl_clock_ns();
	record->compute_ns = served.compute_ns = computed - started;
	if (r < 0)
		return r;
	r = judge(executor, job, part);
	if (r > 0)
		return r;
	r = answer(executor, job, part, &served, error);
	record->excused |= r < 0; /* it can only be too much */
	if (r < 0)
		return r;
	tfl_job_answered(job);
	r = tfl_channel_send_writer(job->channel, &executor->writer);
	record->reply_ns = tfl_clock_ns() - computed;
	return r < 0 ? tfl_error_set(error, -ECANCELED, "the connection is closed") : 0;
}

/* Sets a status by the error, and tells the peer; where it is gone the channel drops the reply. */
static void fail(struct tfl_executor *executor, struct tfl_job *job, struct tfl_record *record, struct tfl_error *error, int code)
{
	error->code = code;
	record->status = tfl_status_from_errno(code);
	if (job->kind == TFL_JOB_OPEN)
		tfl_session_fail(job->session);
	if (job->kind == TFL_JOB_INFER && tfl_record_is_fault(record) &&
	    atomic_load_explicit(&job->version->trial.id, memory_order_relaxed))
		atomic_fetch_add(&job->version->trial.errors, 1);
	tfl_job_answered(job);
	tfl_reply_failure(job->channel, &executor->writer, job->msgid, error);
}

static int missed(const struct tfl_job *job, uint64_t now, struct tfl_error *error)
{
	if (atomic_load_explicit(&job->cancelled, memory_order_relaxed))
		return tfl_error_set(error, -ECANCELED, "the request was cancelled before it ran");
	if (job->control.deadline_ns && job->control.deadline_ns <= now)
		return tfl_error_set(error, -ETIME, "the request's time of %" PRIu64 " us ran out after %" PRIu64 " us in the queue",
				     (job->control.deadline_ns - job->arrived_ns) / 1000, (now - job->arrived_ns) / 1000);
	return 0;
}

/*
 * For those who look at it later: what was answered, and takes nobody's time any more. Without memory they do without it. What has NaN, in its
 * inputs or in what this version answered, is no sample: it shows nothing of a later version, and whoever sent some would have them all refused.
 */
static void keep_copy(struct tfl_job *job, const struct tfl_interpreter *part)
{
	size_t outputs = job->copy.shadow ? TFL_SHADOW_OUTPUTS_MAX : 0;
	struct tfl_capture *capture;

	if (job->sample.by && (has_nan_outputs(job, part) || has_nan_inputs(job, false)))
		tfl_recordings_leave_nan(TFL_STEAL(job->sample.by), job->sample.place);
	if (!job->sample.by && !job->copy.shadow)
		return;
	if (job->sample.by && job->sample.outputs)
		outputs = TFL_FRAME_MAX;
	capture = tfl_capture_create(job, part, outputs);
	if (!capture)
		return;
	capture->recording = job->sample.recording;
	if (job->copy.shadow)
		tfl_shadows_give(job, tfl_capture_ref(capture));
	if (job->sample.by)
		tfl_recordings_give(job->sample.by, tfl_capture_ref(capture));
	tfl_capture_unref(capture);
}

static int serve(struct tfl_executor *executor, struct tfl_job *job, struct tfl_interpreter *interpreter, struct tfl_record *record,
		 struct tfl_error *error)
{
	uint64_t started = job->arrived_ns + record->wait_ns;
	struct tfl_interpreter *part;
	int r;

	r = tfl_binding_fill(&job->binding, &job->version->interface, &job->request.inputs, interpreter, &part, error);
	if (r < 0)
		return r;
	/* What is made for shapes that come for the first time is no time that the model takes. */
	r = run(executor, job, part, job->binding.resized ? tfl_clock_ns() : started, record, error);
	if (r < 0)
		return r;
	if (job->binding.main)
		tfl_heads_record(&job->version->heads, part, job->version->recorder, executor->index);
	if (r == 0 && (job->sample.by || job->copy.shadow))
		keep_copy(job, part);
	return r;
}

static int infer(struct tfl_executor *executor, struct tfl_job *job, struct tfl_record *record, struct tfl_error *error)
{
	struct tfl_session *session = job->session;
	struct tfl_interpreter *interpreter;
	int r;

	if (!session) {
		interpreter = tfl_pool_borrow(job->version->pool);
		assert(interpreter);
		r = serve(executor, job, interpreter, record, error);
		tfl_pool_return(job->version->pool, interpreter);
		return r;
	}
	r = tfl_session_check(session, error);
	if (r < 0)
		return r;
	r = serve(executor, job, session->interpreter, record, error);
	session->spoiled = r < 0 && record->executed;
	return r;
}

static int open_session(struct tfl_executor *executor, struct tfl_job *job, struct tfl_record *record, struct tfl_error *error)
{
	struct tfl_writer *writer = &executor->writer;
	int r = tfl_session_begin(job->session, error);

	if (r < 0)
		return r;
	tfl_writer_begin(writer);
	tfl_message_reply(writer, job->msgid);
	tfl_writer_map(writer, 4);
	tfl_field_uint(writer, "session", job->session->id);
	tfl_field_text(writer, "model", job->version->model_name);
	tfl_field_uint(writer, "version", job->version->number);
	tfl_field_uint(writer, "idle_ms", job->session->idle_ms);
	tfl_job_answered(job);
	tfl_reply_send(job->channel, writer, job->msgid);
	return 0;
}

static int reset_session(struct tfl_executor *executor, struct tfl_job *job, struct tfl_record *record, struct tfl_error *error)
{
	int r = tfl_session_reset(job->session, error);

	if (r < 0)
		return r;
	tfl_writer_begin(&executor->writer);
	tfl_message_reply(&executor->writer, job->msgid);
	tfl_writer_map(&executor->writer, 0);
	tfl_job_answered(job);
	tfl_reply_send(job->channel, &executor->writer, job->msgid);
	return 0;
}

/* What each kind of job does, and answers; on failure nothing was sent. */
static int (*const kinds[])(struct tfl_executor *executor, struct tfl_job *job, struct tfl_record *record, struct tfl_error *error) = {
	[TFL_JOB_INFER] = infer,
	[TFL_JOB_OPEN] = open_session,
	[TFL_JOB_RESET] = reset_session,
};

/* Counts and times are those of inferences. */
static void note(struct tfl_executor *executor, const struct tfl_job *job, const struct tfl_record *record)
{
	if (job->kind == TFL_JOB_INFER)
		tfl_recorder_add(job->version->recorder, executor->index, record);
}

/* The reply to a failure, where there is to be one, and what is written down of it all. False: another version is to answer. */
static bool conclude(struct tfl_executor *executor, struct tfl_job *job, struct tfl_record *record, struct tfl_error *error, int r)
{
	if (r < 0 && r != -ECANCELED && r != -ETIME && tfl_fallback_turn(job, error))
		return false;
	if (r < 0)
		fail(executor, job, record, error, r);
	record->total_ns = record->wait_ns + record->compute_ns + record->reply_ns;
	note(executor, job, record);
	return r <= 0 || !tfl_fallback_turn(job, NULL);
}

bool tfl_execute(struct tfl_executor *executor, struct tfl_job *job)
{
	uint64_t now = tfl_clock_ns();
	struct tfl_record record = {.status = TFL_OK, .wait_ns = now - job->arrived_ns};
	struct tfl_error error;
	bool answered;
	int r;

	atomic_store_explicit(&executor->busy_since, now, memory_order_relaxed);
	r = missed(job, now, &error);
	if (r == 0)
		r = kinds[job->kind](executor, job, &record, &error);
	answered = conclude(executor, job, &record, &error, r);
	trim_scratch(executor);
	atomic_store_explicit(&executor->busy_since, 0, memory_order_relaxed);
	return answered;
}

void tfl_execute_refused(struct tfl_executor *executor, struct tfl_job *job, struct tfl_error *error)
{
	struct tfl_record record = {.wait_ns = tfl_clock_ns() - job->arrived_ns};

	(void)conclude(executor, job, &record, error, error->code);
}

void tfl_execute_missed(struct tfl_executor *executor, struct tfl_job *job)
{
	uint64_t now = tfl_clock_ns();
	struct tfl_record record = {.wait_ns = now - job->arrived_ns};
	struct tfl_error error;
	int r = missed(job, now, &error);

	assert(r < 0);
	fail(executor, job, &record, &error, r);
	record.total_ns = record.wait_ns;
	note(executor, job, &record);
}
