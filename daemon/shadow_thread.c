/* SPDX-License-Identifier: MIT */
/*
 * The thread that runs copies of requests, compares and counts. It takes no lock, and neither allocates nor frees: what it works in was
 * made with the shadow, and what it is done with it lays down for the loop.
 */
#include <pthread.h>
#include <time.h>

#include "daemon/binding.h"
#include "daemon/clock.h"
#include "daemon/priority.h"
#include "daemon/recorder.h"
#include "daemon/reply.h"
#include "daemon/shadows_internal.h"
#include "daemon/version.h"
#include "proto/request.h"
#include "runtime/interpreter.h"
#include "runtime/quant.h"

/* Times what a run took, after it, while requests wait for a worker. */
#define REST 100

/* The counters for what @p version answered; NULL where there are too many versions. */
static struct tfl_agreement *find_pair(struct tfl_shadow *shadow, uint64_t version)
{
	unsigned count = atomic_load_explicit(&shadow->pair_count, memory_order_relaxed);

	for (unsigned i = 0; i < count; i++)
		if (shadow->pairs[i].version == version)
			return &shadow->pairs[i];
	if (count == TFL_SHADOW_PAIRS_MAX)
		return NULL;
	shadow->pairs[count].version = version;
	atomic_store_explicit(&shadow->pair_count, count + 1, memory_order_release);
	return &shadow->pairs[count];
}

static bool is_real(enum tfl_dtype dtype, bool quantized)
{
	return dtype == TFL_FLOAT32 || quantized;
}

static const float *to_real(const void *data, enum tfl_dtype dtype, float scale, int32_t zero_point, size_t count, float *memory)
{
	if (dtype == TFL_FLOAT32)
		return data;
	(void)tfl_dequantize(dtype, scale, zero_point, data, count, memory);
	return memory;
}

/* Room for so many real numbers from both; what was captured bounds it. */
static bool reserve(struct tfl_shadow *shadow, size_t elements)
{
	float *right, *other;

	if (elements <= shadow->room)
		return true;
	right = realloc(shadow->right, elements * sizeof(float));
	shadow->right = right ? right : shadow->right;
	other = right ? realloc(shadow->other, elements * sizeof(float)) : NULL;
	shadow->other = other ? other : shadow->other;
	shadow->room = other ? elements : shadow->room;
	return other != NULL;
}

/* An output that is no real number in both is left out; one of another size cannot be compared, nor can the request then. */
static bool compare_output(struct tfl_shadow *shadow, const struct tfl_interpreter *part, const struct tfl_captured_output *given,
			   uint32_t index, struct tfl_agreement *pair)
{
	const uint32_t classes = index < TFL_AGREEMENT_OUTPUTS_MAX ? shadow->classes[index] : 0;
	const float *right, *other;
	struct tfl_io io;
	uint64_t agreed;

	tfl_interpreter_output_io(part, index, &io);
	if (given->elements != io.elements || !reserve(shadow, io.elements))
		return false;
	if (index >= TFL_AGREEMENT_OUTPUTS_MAX || !is_real(given->tensor.dtype, given->quantized) || !is_real(io.dtype, io.quantized))
		return true;
	right = to_real(given->tensor.data.data, given->tensor.dtype, given->scale, given->zero_point, given->elements, shadow->right);
	other = to_real(tfl_interpreter_output(part, index), io.dtype, io.scale, io.zero_point, io.elements, shadow->other);
	agreed = tfl_agreement_add(&pair->outputs[index], right, other, io.elements, classes);
	if (classes)
		tfl_recorder_add_agreement(shadow->version->recorder, io.elements / classes, agreed);
	return true;
}

static void compare(struct tfl_shadow *shadow, const struct tfl_interpreter *part, const struct tfl_capture *capture)
{
	struct tfl_agreement *pair = find_pair(shadow, capture->version);
	bool compared = pair && capture->output_count == shadow->version->output_count && capture->output_count > 0;

	for (uint32_t i = 0; compared && i < capture->output_count; i++)
		compared = compare_output(shadow, part, &capture->outputs[i], i, pair);
	if (compared)
		tfl_agreement_count(pair);
	else
		atomic_fetch_add_explicit(&shadow->failed, 1, memory_order_relaxed);
}

static uint64_t processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int run(struct tfl_shadow *shadow, const struct tfl_capture *capture, struct tfl_record *record, struct tfl_interpreter **ret_part)
{
	const struct tfl_interface *interface = &shadow->version->interface;
	const struct tfl_infer_request request = {.head.dtype = TFL_DTYPE_COUNT, .inputs = capture->inputs}; /* a view, not finished */
	const struct tfl_run_control control = {&shadow->gone, tfl_clock_ns() + TFL_SHADOW_RUN_MS * UINT64_C(1000000), .idle = true};
	struct tfl_binding binding;
	struct tfl_error error;
	uint64_t begin;
	int r = tfl_binding_make(interface, &request, &binding, &error);

	begin = processor_ns();
	if (r == 0)
		r = tfl_binding_fill(&binding, interface, &capture->inputs, shadow->interpreter, ret_part, &error);
	if (r < 0)
		return r;
	if (binding.resized)
		begin = processor_ns(); /* making what came for the first time is no time that the model takes */
	tfl_interpreter_reset(shadow->interpreter);
	record->executed = true;
	r = tfl_interpreter_invoke(*ret_part, &control, &error);
	record->compute_ns = record->total_ns = processor_ns() - begin;
	return r;
}

static void serve(struct tfl_shadow *shadow, const struct tfl_capture *capture)
{
	struct tfl_recorder *recorder = shadow->version->recorder;
	struct tfl_record record = {.status = TFL_OK};
	struct tfl_interpreter *part = NULL;
	int r;

	if (atomic_load(&shadow->gone))
		return;
	r = run(shadow, capture, &record, &part);
	atomic_store_explicit(&shadow->shadows->rests_ns, tfl_clock_ns() + REST * record.compute_ns, memory_order_relaxed);
	if (r == -ECANCELED || r == -ETIME) {
		/* Nothing was found out about the version: somebody else had the processor, or had enough of it. */
		atomic_fetch_add_explicit(&shadow->late, 1, memory_order_relaxed);
		return;
	}
	record.status = r < 0 ? tfl_status_from_errno(r) : TFL_OK;
	tfl_recorder_add_shadow(recorder, &record);
	if (r < 0)
		return;
	tfl_heads_record(&shadow->version->heads, part, recorder, tfl_recorder_shadow_writer(recorder));
	compare(shadow, part, capture);
}

static struct tfl_capture *reverse(struct tfl_capture *capture)
{
	struct tfl_capture *reversed = NULL;

	while (capture) {
		struct tfl_capture *next = capture->copy.next;

		capture->copy.next = reversed;
		reversed = capture;
		capture = next;
	}
	return reversed;
}

void *tfl_shadows_run(void *data)
{
	struct tfl_shadows *shadows = data;
	struct tfl_capture *capture, *next;

	pthread_setname_np(pthread_self(), "tfl-shadow");
	if (!shadows->options.normal_priority)
		tfl_priority_lower("shadow versions");
	while (!atomic_load(&shadows->stopping)) {
		if (sem_wait(&shadows->wanted) < 0)
			continue; /* EINTR */
		capture = reverse(atomic_exchange_explicit(&shadows->arrived, NULL, memory_order_acquire));
		for (; capture; capture = next) {
			next = capture->copy.next;
			if (!atomic_load(&shadows->stopping))
				serve(capture->copy.shadow, capture);
			tfl_shadows_push(&shadows->done, capture);
			/* Somebody waits for the last copy: in one order with drop(), which looks for it after it has said so. */
			if (atomic_load(&shadows->leaving) > 0)
				shadows->options.wake(shadows->options.data);
		}
		if (!atomic_load_explicit(&shadows->arrived, memory_order_relaxed))
			shadows->options.wake(shadows->options.data);
	}
	return NULL;
}
