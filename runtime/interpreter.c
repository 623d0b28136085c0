/* SPDX-License-Identifier: MIT */
/*
 * One allocation holds every value that outlives a step; XNNPACK runtimes are set up once on those addresses, which never change. A run
 * walks the steps of the program. Between steps it looks at the clock and at the cancel flag, and nowhere else.
 */
#include "runtime/interpreter.h"

#include <errno.h>
#include <pthreadpool.h>
#include <string.h>
#include <time.h>
#include <xnnpack.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/graph.h"
#include "runtime/memory.h"
#include "runtime/op.h"
#include "runtime/program_internal.h"
#include "runtime/state.h"
#include "runtime/weights.h"

struct tfl_interpreter {
	const struct tfl_program *program;
	uint8_t *arena;
	struct tfl_state *state;
	void **data;                           /* per value; NULL for constants and what stays inside a step */
	struct tfl_xnnpack_runtime *runtimes;  /* per step; empty for portable kernels */
	uint64_t *step_ns;                     /* per step, with options.profile */
	xnn_workspace_t workspace;
	unsigned threads; /* of one inference */
	pthreadpool_t threadpool;
	size_t xnnpack_bytes;                  /* workspace, indirection buffers, operators */
};

void tfl_interpreter_destroy(struct tfl_interpreter *interpreter)
{
	if (!interpreter)
		return;
	for (uint32_t i = 0; interpreter->runtimes && i < interpreter->program->partition.step_count; i++)
		tfl_xnnpack_destroy(&interpreter->runtimes[i]);
	if (interpreter->workspace)
		xnn_release_workspace(interpreter->workspace);
	pthreadpool_destroy(interpreter->threadpool);
	free(interpreter->runtimes);
	free(interpreter->step_ns);
	free(interpreter->data);
	tfl_block_free(interpreter->arena);
	tfl_state_destroy(interpreter->state);
	free(interpreter);
}

TFL_DEFINE_CLEANUP(struct tfl_interpreter *, tfl_interpreter_destroyp, tfl_interpreter_destroy)

static void make_threads(void *argument)
{
	struct tfl_interpreter *interpreter = argument;

	interpreter->threadpool = pthreadpool_create(interpreter->threads);
}

static int allocate_threads(struct tfl_interpreter *interpreter)
{
	const struct tfl_program_options *options = &interpreter->program->options;

	if (interpreter->threads <= 1)
		return 0;
	if (options->spawn)
		options->spawn(options->spawn_data, make_threads, interpreter);
	else
		make_threads(interpreter);
	return interpreter->threadpool ? 0 : -ENOMEM;
}

static int allocate(struct tfl_interpreter *interpreter)
{
	const struct tfl_program *program = interpreter->program;
	size_t values = program->graph->value_count, bytes;

	bytes = tfl_align_up(program->arena_bytes + TFL_PADDING_BYTES, TFL_ARENA_ALIGNMENT);
	interpreter->arena = tfl_block_allocate(bytes);
	interpreter->data = calloc(values + 1, sizeof(*interpreter->data));
	interpreter->runtimes = calloc((size_t)program->partition.step_count + 1, sizeof(*interpreter->runtimes));
	if (program->options.profile)
		interpreter->step_ns = calloc((size_t)program->partition.step_count + 1, sizeof(*interpreter->step_ns));
	if (!interpreter->arena || !interpreter->data || !interpreter->runtimes || (program->options.profile && !interpreter->step_ns))
		return -ENOMEM;
	if (allocate_threads(interpreter) < 0)
		return -ENOMEM;
	if (xnn_create_workspace(&interpreter->workspace) != xnn_status_success)
		return -ENOMEM;
	memset(interpreter->arena, 0, bytes);
	for (size_t i = 0; i < values; i++)
		if (program->offsets[i] != TFL_NO_OFFSET)
			interpreter->data[i] = interpreter->arena + program->offsets[i];
	if (tfl_state_create(program->state, &interpreter->state) < 0)
		return -ENOMEM;
	tfl_state_place(interpreter->state, 0, interpreter->data);
	return 0;
}

static int create_runtime(struct tfl_interpreter *interpreter, struct tfl_xnnpack_tables *tables, uint32_t index)
{
	const struct tfl_program *program = interpreter->program;
	const struct tfl_step *step = &program->partition.steps[index];

	return tfl_xnnpack_create(program, tables, program->partition.order + step->first, step->count, false, interpreter->workspace,
				  interpreter->threadpool, &interpreter->runtimes[index]);
}

/* Once all runtimes have asked the shared workspace for their memory, so that none is moved afterwards. */
static int setup_runtime(struct tfl_interpreter *interpreter, struct tfl_xnnpack_runtime *runtime)
{
	_tfl_free_ struct xnn_external_value *externals = calloc((size_t)runtime->external_count + 1, sizeof(*externals));

	if (!externals)
		return -ENOMEM;
	for (uint32_t i = 0; i < runtime->external_count; i++)
		externals[i] = (struct xnn_external_value){i, interpreter->data[runtime->externals[i]]};
	return xnn_setup_runtime_v2(runtime->runtime, runtime->external_count, externals) == xnn_status_success ? 0 : -EINVAL;
}

static int create_runtimes(struct tfl_interpreter *interpreter, uint32_t *ret_step)
{
	const struct tfl_partition *partition = &interpreter->program->partition;
	struct tfl_xnnpack_tables tables;
	int r;

	r = tfl_xnnpack_tables_init(&tables, interpreter->program->graph);
	for (uint32_t i = 0; r == 0 && i < partition->step_count; i++) {
		if (!partition->steps[i].xnnpack)
			continue;
		*ret_step = i;
		r = create_runtime(interpreter, &tables, i);
	}
	for (uint32_t i = 0; r == 0 && i < partition->step_count; i++)
		if (partition->steps[i].xnnpack)
			r = setup_runtime(interpreter, &interpreter->runtimes[i]);
	interpreter->xnnpack_bytes = tables.bytes;
	tfl_xnnpack_tables_finish(&tables);
	return r;
}

int tfl_interpreter_build(struct tfl_program *program, unsigned threads, struct tfl_interpreter **ret_interpreter, uint32_t *ret_step,
			  struct tfl_error *error)
{
	TFL_CLEANUP(tfl_interpreter_destroyp) struct tfl_interpreter *interpreter = calloc(1, sizeof(*interpreter));
	int r;

	if (!interpreter)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	interpreter->program = program;
	interpreter->threads = threads;
	r = allocate(interpreter);
	if (r == 0)
		r = create_runtimes(interpreter, ret_step);
	tfl_weights_trim(program->weights);
	if (r == -ENOMEM)
		return tfl_error_set(error, r, "out of memory for an interpreter");
	if (r == -EFBIG)
		return tfl_error_set(error, r, "one interpreter would take more than %zu bytes, the limit for a file of %zu bytes",
				     tfl_arena_limit(program->model->size), program->model->size);
	if (r < 0)
		return tfl_error_set(error, r, "XNNPACK could not be set up for step %u", *ret_step);
	if (r == 0)
		*ret_interpreter = TFL_STEAL(interpreter);
	return r;
}

static int refused(uint32_t step, struct tfl_error *error)
{
	return tfl_error_set(error, -EINVAL, "XNNPACK refused step %u, which it took before", step);
}

int tfl_interpreter_create(struct tfl_program *program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	uint32_t step = 0;
	int r = 0;

	pthread_mutex_lock(&program->lock);
	if (program->spare)
		*ret_interpreter = TFL_STEAL(program->spare);
	else
		r = tfl_interpreter_build(program, program->options.threads, ret_interpreter, &step, error);
	pthread_mutex_unlock(&program->lock);
	return r > 0 ? refused(step, error) : r;
}

int tfl_interpreter_create_alone(struct tfl_program *program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	uint32_t step = 0;
	int r;

	pthread_mutex_lock(&program->lock);
	r = tfl_interpreter_build(program, 1, ret_interpreter, &step, error);
	pthread_mutex_unlock(&program->lock);
	return r > 0 ? refused(step, error) : r;
}

void tfl_interpreter_reset(struct tfl_interpreter *interpreter)
{
	tfl_state_reset(interpreter->state);
}

void *tfl_interpreter_input(struct tfl_interpreter *interpreter, uint32_t index)
{
	return interpreter->data[interpreter->program->graph->source->inputs[index]];
}

const void *tfl_interpreter_output(const struct tfl_interpreter *interpreter, uint32_t index)
{
	int32_t value = interpreter->program->graph->source->outputs[index];
	const void *constant = interpreter->program->graph->values[value].data;

	return constant ? constant : interpreter->data[value];
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int check_control(const struct tfl_run_control *control, struct tfl_error *error)
{
	if (control->cancelled && atomic_load_explicit(control->cancelled, memory_order_relaxed))
		return tfl_error_set(error, -ECANCELED, "the request was cancelled while it ran");
	if (control->deadline_ns && now() >= control->deadline_ns)
		return tfl_error_set(error, -ETIME, "the request's time ran out while it ran");
	return 0;
}

static int run_step(struct tfl_interpreter *interpreter, uint32_t index, struct tfl_error *error)
{
	const struct tfl_program *program = interpreter->program;
	const struct tfl_step *step = &program->partition.steps[index];
	const struct tfl_node *node = &program->graph->nodes[program->partition.order[step->first]];
	const struct tfl_run run = {program->graph, interpreter->data, interpreter->arena + program->scratch_offset};

	if (!step->xnnpack)
		return node->op->run(&run, node, error);
	if (xnn_invoke_runtime(interpreter->runtimes[index].runtime) != xnn_status_success)
		return tfl_error_set(error, -EINVAL, "XNNPACK failed in step %u", index);
	return 0;
}

int tfl_interpreter_invoke(struct tfl_interpreter *interpreter, const struct tfl_run_control *control, struct tfl_error *error)
{
	uint32_t steps = interpreter->program->partition.step_count;
	uint64_t begin = interpreter->step_ns ? now() : 0;
	int r;

	for (uint32_t i = 0; i < steps; i++) {
		r = control ? check_control(control, error) : 0;
		if (r == 0)
			r = run_step(interpreter, i, error);
		if (r < 0)
			return r;
		if (interpreter->step_ns) {
			uint64_t end = now();

			interpreter->step_ns[i] += end - begin;
			begin = end;
		}
	}
	return 0;
}

bool tfl_interpreter_profile(const struct tfl_interpreter *interpreter, uint32_t index, struct tfl_step_profile *ret_profile)
{
	const struct tfl_program *program = interpreter->program;
	const struct tfl_step *step;

	if (index >= program->partition.step_count || !interpreter->step_ns)
		return false;
	step = &program->partition.steps[index];
	*ret_profile = (struct tfl_step_profile){
		.name = step->xnnpack ? "XNNPACK" : program->graph->nodes[program->partition.order[step->first]].op->name,
		.operators = step->count,
		.xnnpack = step->xnnpack,
		.nanoseconds = interpreter->step_ns[index],
	};
	return true;
}

void tfl_interpreter_profile_reset(struct tfl_interpreter *interpreter)
{
	if (interpreter->step_ns)
		memset(interpreter->step_ns, 0, interpreter->program->partition.step_count * sizeof(*interpreter->step_ns));
}

size_t tfl_interpreter_bytes(const struct tfl_interpreter *interpreter)
{
	return sizeof(*interpreter) + interpreter->program->arena_bytes + interpreter->program->graph->value_count * sizeof(void *) +
	       interpreter->xnnpack_bytes + tfl_state_bytes(interpreter->state);
}
