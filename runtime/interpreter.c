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
#include "runtime/call.h"
#include "runtime/graph.h"
#include "runtime/memory.h"
#include "runtime/op.h"
#include "runtime/program_internal.h"
#include "runtime/state.h"
#include "runtime/weights.h"

void tfl_interpreter_destroy(struct tfl_interpreter *interpreter)
{
	if (!interpreter)
		return;
	for (uint32_t i = 0; interpreter->callees && i < interpreter->program->callee_count; i++)
		tfl_interpreter_destroy(interpreter->callees[i]);
	for (uint32_t i = 0; interpreter->others && i < interpreter->program->other_count; i++)
		tfl_interpreter_destroy(interpreter->others[i]);
	for (uint32_t i = 0; interpreter->runtimes && i < interpreter->program->partition.step_count; i++)
		tfl_xnnpack_destroy(&interpreter->runtimes[i]);
	tfl_late_finish(interpreter);
	if (interpreter->workspace)
		xnn_release_workspace(interpreter->workspace);
	if (!interpreter->caller) {
		pthreadpool_destroy(interpreter->threadpool);
		tfl_state_destroy(interpreter->state);
	}
	free(interpreter->callees);
	free(interpreter->others);
	free(interpreter->runtimes);
	free(interpreter->step_ns);
	free(interpreter->data);
	tfl_block_free(interpreter->arena);
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
	interpreter->lates = calloc((size_t)program->graph->late_count + 1, sizeof(*interpreter->lates));
	if (program->options.profile)
		interpreter->step_ns = calloc((size_t)program->partition.step_count + 1, sizeof(*interpreter->step_ns));
	if (!interpreter->arena || !interpreter->data || !interpreter->runtimes || !interpreter->lates || (program->options.profile && !interpreter->step_ns))
		return -ENOMEM;
	if (xnn_create_workspace(&interpreter->workspace) != xnn_status_success)
		return -ENOMEM;
	memset(interpreter->arena, 0, bytes);
	for (size_t i = 0; i < values; i++)
		if (program->offsets[i] != TFL_NO_OFFSET)
			interpreter->data[i] = interpreter->arena + program->offsets[i];
	tfl_state_place(interpreter->state, program->graph->subgraph, interpreter->data);
	return 0;
}

/* What the outermost interpreter has and lends to those that it calls. */
static int share(struct tfl_interpreter *interpreter)
{
	if (!interpreter->caller)
		return tfl_state_create(interpreter->program->state, &interpreter->state) < 0 ? -ENOMEM : allocate_threads(interpreter);
	interpreter->state = interpreter->caller->state;
	interpreter->threadpool = interpreter->caller->threadpool;
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

static int create_runtimes(struct tfl_interpreter *interpreter, struct tfl_refusal *ret_refusal)
{
	const struct tfl_partition *partition = &interpreter->program->partition;
	struct tfl_xnnpack_tables tables;
	int r;

	r = tfl_xnnpack_tables_init(&tables, interpreter->program->graph);
	for (uint32_t i = 0; r == 0 && i < partition->step_count; i++) {
		if (!partition->steps[i].xnnpack)
			continue;
		*ret_refusal = (struct tfl_refusal){(struct tfl_program *)interpreter->program, i};
		r = create_runtime(interpreter, &tables, i);
	}
	for (uint32_t i = 0; r == 0 && i < partition->step_count; i++)
		if (partition->steps[i].xnnpack)
			r = setup_runtime(interpreter, &interpreter->runtimes[i]);
	interpreter->xnnpack_bytes = tables.bytes;
	tfl_xnnpack_tables_finish(&tables);
	return r;
}

static int build_callees(struct tfl_interpreter *interpreter, struct tfl_refusal *ret_refusal, struct tfl_error *error)
{
	const struct tfl_program *program = interpreter->program;
	int r = 0;

	interpreter->callees = calloc((size_t)program->callee_count + 1, sizeof(struct tfl_interpreter *));
	if (!interpreter->callees)
		return tfl_error_set(error, -ENOMEM, "out of memory for an interpreter");
	for (uint32_t i = 0; r == 0 && i < program->callee_count; i++)
		r = tfl_interpreter_build(program->callees[i], interpreter->threads, interpreter, &interpreter->callees[i], ret_refusal, error);
	return r;
}

int tfl_interpreter_check_sum(const struct tfl_interpreter *interpreter, struct tfl_error *error)
{
	size_t limit = tfl_arena_limit(interpreter->program->model->size);

	if (tfl_interpreter_bytes(interpreter) / 2 <= limit)
		return 0;
	return tfl_error_set(error, -EFBIG, "one interpreter would take more than %zu bytes with its other subgraphs; a file of %zu bytes "
			     "may ask for twice %zu", tfl_interpreter_bytes(interpreter), interpreter->program->model->size, limit);
}

int tfl_interpreter_build(struct tfl_program *program, unsigned threads, struct tfl_interpreter *caller,
			  struct tfl_interpreter **ret_interpreter, struct tfl_refusal *ret_refusal, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_interpreter_destroyp) struct tfl_interpreter *interpreter = calloc(1, sizeof(*interpreter));
	int r;

	if (!interpreter)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	interpreter->program = program;
	interpreter->threads = threads;
	interpreter->caller = caller;
	r = share(interpreter);
	if (r == 0)
		r = allocate(interpreter);
	if (r == 0)
		r = create_runtimes(interpreter, ret_refusal);
	tfl_weights_trim(program->weights);
	if (r == -ENOMEM)
		return tfl_error_set(error, r, "out of memory for an interpreter");
	if (r == -EFBIG)
		return tfl_error_set(error, r, "one interpreter would take more than %zu bytes, the limit for a file of %zu bytes",
				     tfl_arena_limit(program->model->size), program->model->size);
	if (r < 0)
		return tfl_error_set(error, r, "XNNPACK could not be set up for step %u", ret_refusal->step);
	if (r == 0)
		r = build_callees(interpreter, ret_refusal, error);
	if (r == 0)
		r = tfl_interpreter_check_sum(interpreter, error);
	if (r == 0)
		*ret_interpreter = TFL_STEAL(interpreter);
	return r;
}

static int refused(uint32_t step, struct tfl_error *error)
{
	return tfl_error_set(error, -EINVAL, "XNNPACK refused step %u, which it took before", step);
}

/* Runs what initialises the model's state, each subgraph once, in the order in which it would be called; then it is needed no more. */
static int initialize(struct tfl_interpreter *interpreter, bool *done, struct tfl_run_budget *budget, struct tfl_error *error)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < interpreter->program->callee_count; i++) {
		struct tfl_interpreter *callee = interpreter->callees[i];
		const struct tfl_graph *graph = callee->program->graph;

		r = initialize(callee, done, budget, error);
		if (!graph->once)
			continue;
		if (r == 0 && !done[graph->subgraph])
			r = tfl_interpreter_run(callee, budget, error);
		done[graph->subgraph] = true;
		tfl_interpreter_destroy(TFL_STEAL(interpreter->callees[i]));
	}
	return r;
}

void tfl_interpreter_drop_once(struct tfl_interpreter *interpreter)
{
	for (uint32_t i = 0; i < interpreter->program->callee_count; i++) {
		if (interpreter->callees[i]->program->graph->once)
			tfl_interpreter_destroy(TFL_STEAL(interpreter->callees[i]));
		else
			tfl_interpreter_drop_once(interpreter->callees[i]);
	}
}

/* Brings a new interpreter to where its first run begins. */
static int begin(struct tfl_interpreter *interpreter, struct tfl_error *error)
{
	_tfl_free_ bool *done = calloc((size_t)interpreter->program->model->subgraph_count + 1, sizeof(*done));
	struct tfl_run_budget budget;
	int r;

	if (!done)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	tfl_run_budget_init(&budget, interpreter->program, NULL);
	r = initialize(interpreter, done, &budget, error);
	for (uint32_t i = 0; r == 0 && i < interpreter->program->other_count; i++)
		r = initialize(interpreter->others[i], done, &budget, error);
	if (r < 0)
		return tfl_error_prefix(error, r, "while the model was initialised");
	r = tfl_state_keep(interpreter->state);
	if (r == -EFBIG)
		return tfl_error_set(error, r, "its state would pass %zu bytes, the limit for this file",
				     tfl_arena_limit(interpreter->program->model->size));
	return r < 0 ? tfl_error_set(error, r, "out of memory") : 0;
}

static int build_whole(struct tfl_program *program, unsigned threads, struct tfl_interpreter **ret_interpreter,
		       struct tfl_refusal *ret_refusal, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_interpreter_destroyp) struct tfl_interpreter *interpreter = NULL;
	int r;

	r = tfl_interpreter_build(program, threads, NULL, &interpreter, ret_refusal, error);
	if (r != 0)
		return r;
	interpreter->others = calloc((size_t)program->other_count + 1, sizeof(struct tfl_interpreter *));
	if (!interpreter->others)
		return tfl_error_set(error, -ENOMEM, "out of memory for an interpreter");
	for (uint32_t i = 0; r == 0 && i < program->other_count; i++)
		r = tfl_interpreter_build(program->others[i], threads, interpreter, &interpreter->others[i], ret_refusal, error);
	if (r == 0)
		*ret_interpreter = TFL_STEAL(interpreter);
	return r;
}

/* Under the program's lock. */
static int make(struct tfl_program *program, unsigned threads, struct tfl_interpreter *spare, struct tfl_interpreter **ret_interpreter,
		struct tfl_error *error)
{
	TFL_CLEANUP(tfl_interpreter_destroyp) struct tfl_interpreter *interpreter = spare;
	struct tfl_refusal refusal = {0};
	int r;

	r = spare ? 0 : build_whole(program, threads, &interpreter, &refusal, error);
	if (r != 0)
		return r > 0 ? refused(refusal.step, error) : r;
	r = begin(interpreter, error);
	if (r == 0)
		*ret_interpreter = TFL_STEAL(interpreter);
	return r;
}

int tfl_interpreter_create(struct tfl_program *program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	int r;

	pthread_mutex_lock(&program->lock);
	r = make(program, program->options.threads, TFL_STEAL(program->spare), ret_interpreter, error);
	pthread_mutex_unlock(&program->lock);
	return r;
}

int tfl_interpreter_create_alone(struct tfl_program *program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	int r;

	pthread_mutex_lock(&program->lock);
	r = make(program, 1, NULL, ret_interpreter, error);
	pthread_mutex_unlock(&program->lock);
	return r;
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
	const struct tfl_graph *graph = interpreter->program->graph;
	uint32_t value = (uint32_t)graph->source->outputs[index];

	if (graph->values[value].late)
		return tfl_interpreter_locate(interpreter, value).data;
	return graph->values[value].data ? graph->values[value].data : interpreter->data[value];
}

void tfl_interpreter_output_io(const struct tfl_interpreter *interpreter, uint32_t index, struct tfl_io *ret_io)
{
	const struct tfl_program *program = interpreter->program;
	struct tfl_place place = tfl_interpreter_locate(interpreter, (uint32_t)program->graph->source->outputs[index]);

	*ret_io = program->outputs[index];
	ret_io->rank = place.rank;
	ret_io->elements = place.elements;
	ret_io->bytes = place.bytes;
	if (place.rank > 0)
		memcpy(ret_io->dims, place.dims, place.rank * sizeof(*place.dims));
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int run_step(struct tfl_interpreter *interpreter, uint32_t index, struct tfl_run_budget *budget, struct tfl_error *error)
{
	const struct tfl_program *program = interpreter->program;
	const struct tfl_step *step = &program->partition.steps[index];
	const struct tfl_node *node = &program->graph->nodes[program->partition.order[step->first]];
	const struct tfl_run run = {program->graph, interpreter->data, interpreter->arena + program->scratch_offset, interpreter->state,
				    interpreter, budget};

	if (!step->xnnpack)
		return node->op->run(&run, node, error);
	if (xnn_invoke_runtime(interpreter->runtimes[index].runtime) != xnn_status_success)
		return tfl_error_set(error, -EINVAL, "XNNPACK failed in step %u", index);
	return 0;
}

int tfl_interpreter_invoke(struct tfl_interpreter *interpreter, const struct tfl_run_control *control, struct tfl_error *error)
{
	struct tfl_run_budget budget;

	tfl_run_budget_init(&budget, interpreter->program, control);
	return tfl_interpreter_run(interpreter, &budget, error);
}

int tfl_interpreter_run(struct tfl_interpreter *interpreter, struct tfl_run_budget *budget, struct tfl_error *error)
{
	uint32_t steps = interpreter->program->partition.step_count;
	uint64_t begin = interpreter->step_ns ? now() : 0;
	int r;

	for (uint32_t i = 0; i < steps; i++) {
		r = tfl_run_budget_check(budget, error);
		if (r == 0)
			r = run_step(interpreter, i, budget, error);
		if (r < 0)
			return r;
		if (interpreter->step_ns) {
			uint64_t end = now();

			interpreter->step_ns[i] += end - begin;
			begin = end;
		}
	}
	return interpreter->program->graph->deferred_count > 0 ? tfl_special_run(interpreter, budget, error) : 0;
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
	const struct tfl_program *program = interpreter->program;
	size_t bytes = sizeof(*interpreter) + program->arena_bytes + program->graph->value_count * sizeof(void *) + interpreter->xnnpack_bytes;

	for (uint32_t i = 0; i < program->callee_count; i++)
		bytes += interpreter->callees[i] ? tfl_interpreter_bytes(interpreter->callees[i]) : 0;
	for (uint32_t i = 0; interpreter->others && i < program->other_count; i++)
		bytes += interpreter->others[i] ? tfl_interpreter_bytes(interpreter->others[i]) : 0;
	return bytes + (interpreter->caller ? 0 : tfl_state_bytes(interpreter->state) + tfl_interpreter_late_bytes(interpreter));
}

size_t tfl_interpreter_late_bytes(const struct tfl_interpreter *interpreter)
{
	return atomic_load_explicit(&interpreter->late_bytes, memory_order_relaxed);
}
