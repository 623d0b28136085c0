/* SPDX-License-Identifier: MIT */
/*
 * A version is made empty, loaded once on the loader thread, served, and handed to its retire function by whoever drops the last
 * reference. What loading makes stands in a fixed order, file, program, pool, and is taken down the other way round, from any stage:
 * a failed load and the end of a version are the same function.
 *
 * Warm-up is one run on zeros, which shows that the program runs, and a few more where a millisecond is enough for them: a run's time is the
 * least of them, because the loader has idle priority, and one that was interrupted says nothing. The inline rule asks for no more. A program
 * that was proven has run in the child, which measured it; here it need not, for an interpreter's first run finds its memory touched (an
 * arena is cleared, and so is XNNPACK's workspace).
 */
#include "daemon/version.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/history.h"
#include "daemon/period.h"
#include "daemon/recorder.h"
#include "proto/name.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/pool.h"

#define MEASURED_RUNS 6
#define MEASURED_NS (UINT64_C(1000) * TFL_INLINE_US_MAX) /* no further run after this time */

static const char *const state_names[] = {
	[TFL_VERSION_START] = "START",
	[TFL_VERSION_LOADING] = "LOADING",
	[TFL_VERSION_AVAILABLE] = "AVAILABLE",
	[TFL_VERSION_UNLOADING] = "UNLOADING",
	[TFL_VERSION_END] = "END",
};

const char *tfl_version_state_to_string(enum tfl_version_state state)
{
	return (unsigned)state < TFL_ARRAY_SIZE(state_names) ? state_names[state] : "UNKNOWN";
}

int tfl_version_create(const char *model_name, uint64_t number, void (*retire)(void *data, struct tfl_version *version), void *retire_data,
		       struct tfl_version **ret_version)
{
	struct tfl_version *version;

	if (!tfl_model_name_valid(model_name, strlen(model_name)))
		return -EINVAL;
	version = calloc(1, sizeof(*version));
	if (!version)
		return -ENOMEM;
	atomic_init(&version->refs, 1);
	strcpy(version->model_name, model_name);
	version->number = number;
	version->retire = retire;
	version->retire_data = retire_data;
	*ret_version = version;
	return 0;
}

struct tfl_version *tfl_version_ref(struct tfl_version *version)
{
	atomic_fetch_add_explicit(&version->refs, 1, memory_order_relaxed);
	return version;
}

void tfl_version_unref(struct tfl_version *version)
{
	/* Release what this thread did with the version, acquire what the others did before they let go. */
	if (!version || atomic_fetch_sub_explicit(&version->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (version->retire)
		version->retire(version->retire_data, version);
	else
		tfl_version_destroy(version);
}

/* Takes down what tfl_version_load() built, however far it came. */
static void unload(struct tfl_version *version)
{
	tfl_pool_destroy(TFL_STEAL(version->pool));
	tfl_program_destroy(TFL_STEAL(version->program));
	tfl_model_destroy(TFL_STEAL(version->file));
	version->interface = (struct tfl_interface){ 0 };
	version->inputs = version->outputs = NULL;
	version->input_count = version->output_count = 0;
	version->file_bytes = version->load_ns = version->run_ns = 0;
	version->heads.count = 0;
}

void tfl_version_destroy(struct tfl_version *version)
{
	int saved = errno;

	if (!version)
		return;
	tfl_period_mark_destroy(version->mark);
	tfl_history_destroy(version->history);
	tfl_recorder_destroy(version->recorder);
	unload(version);
	tfl_labels_finish(&version->labels);
	free(version);
	errno = saved;
}

static int run_on_zeros(const struct tfl_version *version, struct tfl_interpreter *interpreter, const atomic_bool *cancelled,
			uint64_t *ret_ns, struct tfl_error *error)
{
	const struct tfl_run_control control = {.cancelled = cancelled, .idle = true};
	uint64_t start;
	int result;

	for (uint32_t i = 0; i < version->input_count; i++)
		memset(tfl_interpreter_input(interpreter, i), 0, version->inputs[i].bytes);
	tfl_interpreter_reset(interpreter);
	start = tfl_clock_ns();
	result = tfl_interpreter_invoke(interpreter, &control, error);
	if (result < 0)
		return tfl_error_prefix(error, result, "warm-up on zeros");
	*ret_ns = tfl_clock_ns() - start;
	return 0;
}

static bool ran_in_proof(const struct tfl_version *version)
{
	return version->proof.time[0] && version->proof.run_ns >= MEASURED_NS;
}

static int warm_up(struct tfl_version *version, const atomic_bool *cancelled, struct tfl_error *error)
{
	struct tfl_interpreter *interpreter = tfl_pool_borrow(version->pool);
	uint64_t least = UINT64_MAX, spent = 0, run;
	int result = 0;

	assert(interpreter); /* nobody else knows the pool yet */
	for (unsigned i = 0; i < MEASURED_RUNS && spent < MEASURED_NS; i++) {
		result = run_on_zeros(version, interpreter, cancelled, &run, error);
		if (result < 0)
			break;
		least = run < least ? run : least;
		spent += run;
	}
	version->run_ns = least;
	tfl_pool_return(version->pool, interpreter);
	return result;
}

static int check_cancelled(const atomic_bool *cancelled, struct tfl_error *error)
{
	return atomic_load(cancelled) ? tfl_error_set(error, -ECANCELED, "given up before its program was made") : 0;
}

static int build(struct tfl_version *version, int fd, unsigned instances, const struct tfl_program_options *options,
		 const atomic_bool *cancelled, struct tfl_error *error)
{
	int result;

	result = tfl_model_open(fd, &version->file, error);
	if (result < 0)
		return result;
	result = check_cancelled(cancelled, error);
	if (result == 0)
		result = tfl_program_create(version->file, options, &version->program, error);
	if (result < 0)
		return result;
	version->interface.entries = tfl_program_entries(version->program, &version->interface.count);
	version->inputs = tfl_program_inputs(version->program, &version->input_count);
	version->outputs = tfl_program_outputs(version->program, &version->output_count);
	version->steered = tfl_program_steered(version->program);
	result = tfl_pool_create(version->program, instances, cancelled, &version->pool, error);
	if (result == 0 && ran_in_proof(version))
		version->run_ns = version->proof.run_ns;
	else if (result == 0)
		result = warm_up(version, cancelled, error);
	return result;
}

int tfl_version_load(struct tfl_version *version, int fd, unsigned instances, const struct tfl_program_options *options,
		     const atomic_bool *cancelled, struct tfl_error *error)
{
	uint64_t start = tfl_clock_ns();
	int result;

	assert(!version->file && instances > 0 && instances <= TFL_INSTANCES_MAX);
	result = build(version, fd, instances, options, cancelled, error);
	if (result < 0) {
		unload(version);
		/* To the runtime its argument was wrong; to whoever asked, it is the file. */
		if (result == -EINVAL)
			result = -ENOEXEC;
		if (error)
			error->code = result;
		return result;
	}
	version->file_bytes = version->file->size;
	version->load_ns = tfl_clock_ns() - start;
	return 0;
}

void tfl_version_memory(const struct tfl_version *version, struct tfl_version_memory *ret_memory)
{
	struct tfl_program_info info = { 0 };

	if (version->program)
		tfl_program_info(version->program, &info);
	*ret_memory = (struct tfl_version_memory){
		.file = version->file ? version->file->size : 0,
		.packed = info.packed_bytes,
		.interpreters = version->pool ? tfl_pool_bytes(version->pool) : 0,
		.statistics = (version->recorder ? tfl_recorder_bytes(version->recorder) : 0) +
			      (version->history ? tfl_history_bytes(version->history) : 0) +
			      (version->mark ? tfl_period_mark_bytes(version->mark) : 0),
	};
}

uint64_t tfl_version_bytes(const struct tfl_version *version)
{
	struct tfl_version_memory memory;

	tfl_version_memory(version, &memory);
	return memory.file + memory.packed + memory.interpreters + memory.statistics;
}
