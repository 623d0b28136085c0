/* SPDX-License-Identifier: MIT */
/*
 * Creation of a program: graph, then for each node the question whether XNNPACK has it, then partition and memory plan, then a first
 * interpreter as proof. Where XNNPACK refuses a step only now, its nodes are tried one by one, the refused ones fall to their portable
 * kernels, and the plan is made again; each round takes at least one node away, so it ends.
 */
#include "runtime/program.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/graph.h"
#include "runtime/interpreter.h"
#include "runtime/op.h"
#include "runtime/program_internal.h"
#include "runtime/quant.h"
#include "runtime/state.h"
#include "runtime/weights.h"

void tfl_program_destroy(struct tfl_program *program)
{
	if (!program)
		return;
	tfl_interpreter_destroy(program->spare);
	tfl_entries_destroy(program);
	for (uint32_t i = 0; i < program->callee_count; i++)
		tfl_program_destroy(program->callees[i]);
	free(program->callees);
	tfl_partition_finish(&program->partition);
	tfl_weights_destroy(program->weights);
	if (!program->caller)
		tfl_graph_destroy(program->graph);
	if (!program->caller && !program->base)
		tfl_state_plan_destroy(program->state);
	free(program->lowered);
	free(program->offsets);
	free(program->inputs);
	free(program->outputs);
	pthread_mutex_destroy(&program->lock);
	free(program);
}

TFL_DEFINE_CLEANUP(struct tfl_program *, tfl_program_destroyp, tfl_program_destroy)

static int ask_xnnpack(struct tfl_program *program)
{
	const struct tfl_graph *graph = program->graph;
	struct tfl_xnnpack_tables tables;
	int r;

	r = tfl_xnnpack_tables_init(&tables, graph);
	for (uint32_t i = 0; r >= 0 && i < graph->node_count; i++) {
		const struct tfl_node *node = &graph->nodes[i];

		if (node->folded || node->ordered || node->cause != TFL_CAUSE_NONE || !node->op->lower)
			continue;
		r = tfl_xnnpack_accepts(program, &tables, i);
		program->lowered[i] = r == 0;
	}
	tfl_xnnpack_tables_finish(&tables);
	return r < 0 ? r : 0;
}

/* Tries the nodes of a refused step alone. 0 when at least one was taken from XNNPACK. */
static int find_refused(struct tfl_program *program, const struct tfl_step *step)
{
	const uint32_t *nodes = program->partition.order + step->first;
	struct tfl_xnnpack_tables tables;
	bool found = false;
	int r;

	r = tfl_xnnpack_tables_init(&tables, program->graph);
	for (uint32_t i = 0; r >= 0 && i < step->count; i++) {
		struct tfl_xnnpack_runtime runtime = {0};

		r = tfl_xnnpack_create(program, &tables, &nodes[i], 1, true, NULL, NULL, &runtime);
		tfl_xnnpack_destroy(&runtime);
		if (r == 1) {
			program->lowered[nodes[i]] = false;
			found = true;
		}
	}
	/* Each one alone passes, but not all together: none of them then. */
	for (uint32_t i = 0; r >= 0 && !found && i < step->count; i++)
		program->lowered[nodes[i]] = false;
	tfl_xnnpack_tables_finish(&tables);
	return r < 0 ? r : 0;
}

/* For this program and those that it calls. */
static int plan_all(struct tfl_program *program, struct tfl_error *error)
{
	int r = tfl_program_plan(program, error);

	for (uint32_t i = 0; r == 0 && i < program->callee_count; i++)
		r = plan_all(program->callees[i], error);
	return r;
}

static int prove(struct tfl_program *program, struct tfl_interpreter *caller, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	struct tfl_refusal refusal = {0};
	int r;

	for (;;) {
		r = plan_all(program, error);
		if (r < 0)
			return r;
		r = tfl_interpreter_build(program, program->options.threads, caller, ret_interpreter, &refusal, error);
		if (r <= 0)
			return r;
		r = find_refused(refusal.program, &refusal.program->partition.steps[refusal.step]);
		if (r < 0)
			return tfl_error_set(error, r, "out of memory");
	}
}

/* Whether a node that runs looks at the content of its constant input. */
static bool is_read(const struct tfl_program *program, uint32_t node, uint32_t input)
{
	const struct tfl_node *reader = &program->graph->nodes[node];

	if (reader->deferred)
		return true;
	return !reader->folded && !(program->lowered[node] && reader->op->packed && reader->op->packed(reader, input));
}

/*
 * Constants that were computed at load and live on as packed weights give their memory back: float16 weights would else be there twice in
 * float32. What the provider holds is all there will be, since every runtime of this program is made of the same nodes.
 */
static int release_packed(struct tfl_program *program)
{
	struct tfl_graph *graph = program->graph;
	_tfl_free_ bool *needed = calloc((size_t)graph->value_count + 1, sizeof(*needed));

	if (!needed)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->source->output_count; i++)
		needed[graph->source->outputs[i]] = true;
	for (uint32_t n = 0; n < graph->node_count; n++)
		for (uint32_t i = 0; i < graph->nodes[n].source->input_count; i++)
			if (graph->nodes[n].source->inputs[i] >= 0 && is_read(program, n, i))
				needed[graph->nodes[n].source->inputs[i]] = true;
	for (uint32_t i = 0; i < graph->value_count; i++)
		if (graph->values[i].owned && !needed[i])
			tfl_graph_release(graph, &graph->values[i]);
	tfl_weights_seal(program->weights);
	for (uint32_t i = 0; i < program->callee_count; i++)
		if (release_packed(program->callees[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* Names the first operator after which shapes depend on content. */
static int refuse_late(const struct tfl_graph *graph, uint32_t output, struct tfl_error *error)
{
	uint32_t n = 0;

	while (n + 1 < graph->node_count && !graph->nodes[n].deferred && !tfl_node_is_late(graph, &graph->nodes[n]))
		n++;
	return tfl_node_unsupported(graph, &graph->nodes[n], error, "the shape of what it writes depends on the content of a request, and with it "
				    "output %u of the model, whose shape must be known", output);
}

/* Whoever calls must be able to give every input and read every output as plain bytes. */
static int check_io(const struct tfl_program *program, const char *what, uint32_t index, int32_t tensor, struct tfl_error *error)
{
	const struct tfl_value *value = &program->graph->values[tensor];

	if (value->tensor->is_sparse)
		return tfl_error_set(error, -EOPNOTSUPP, "%s %u '%.100s' is stored sparse, which is not supported", what, index, value->tensor->name);
	if (value->elements > 0 && value->bytes == 0)
		return tfl_error_set(error, -EOPNOTSUPP, "%s %u '%.100s' has a type without a fixed size, which is not supported", what, index,
				     value->tensor->name);
	if (value->late && !program->options.late)
		return refuse_late(program->graph, index, error);
	return 0;
}

static int check_ios(const struct tfl_program *program, struct tfl_error *error)
{
	const struct tfl_subgraph *source = program->graph->source;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < source->input_count; i++)
		r = check_io(program, "input", i, source->inputs[i], error);
	for (uint32_t i = 0; r == 0 && i < source->output_count; i++)
		r = check_io(program, "output", i, source->outputs[i], error);
	return r;
}

int tfl_runtime_init(struct tfl_error *error)
{
	return tfl_xnnpack_init(error);
}

static int begin(const struct tfl_model *model, const struct tfl_program_options *options, struct tfl_program **ret_program,
		 struct tfl_error *error)
{
	struct tfl_program *program;
	int r;

	r = tfl_runtime_init(error);
	if (r < 0)
		return r;
	program = calloc(1, sizeof(*program));
	if (!program)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&program->lock, NULL);
	program->model = model;
	if (options)
		program->options = *options;
	*ret_program = program;
	return 0;
}

/* What stands around the graph. */
static int furnish(struct tfl_program *program, struct tfl_error *error)
{
	const struct tfl_program *base = program->caller ? program->caller : program->base;
	size_t limit = tfl_arena_limit(program->model->size);

	program->lowered = calloc((size_t)program->graph->node_count + 1, sizeof(bool));
	if (!program->lowered || tfl_weights_create(limit, base ? base->weights : NULL, &program->weights) < 0 || tfl_program_describe(program) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	if (!program->options.portable && ask_xnnpack(program) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	return 0;
}

/* Makes programs of the graphs that this one's graph calls. They have weights and plans of their own. */
static int add_callees(struct tfl_program *program, struct tfl_error *error)
{
	uint32_t count = program->graph->callee_count;
	int r = 0;

	program->callees = calloc((size_t)count + 1, sizeof(struct tfl_program *));
	if (!program->callees)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		struct tfl_program *callee = NULL;

		r = begin(program->model, &program->options, &callee, error);
		if (r < 0)
			break;
		program->callees[program->callee_count++] = callee;
		callee->caller = program;
		callee->state = program->state;
		callee->graph = program->graph->callees[i];
		r = furnish(callee, error);
		if (r == 0)
			r = add_callees(callee, error);
	}
	return r;
}

/* Everything behind its graph, up to the first interpreter, which proves it. */
static int complete(struct tfl_program *program, struct tfl_interpreter *caller, struct tfl_interpreter **ret_interpreter,
		    struct tfl_error *error)
{
	int r = furnish(program, error);

	if (r == 0 && !program->head)
		r = check_ios(program, error);
	if (r == 0)
		r = add_callees(program, error);
	return r < 0 ? r : prove(program, caller, ret_interpreter, error);
}

int tfl_program_create(const struct tfl_model *model, const struct tfl_program_options *options, struct tfl_program **ret_program,
		       struct tfl_error *error)
{
	TFL_CLEANUP(tfl_program_destroyp) struct tfl_program *program = NULL;
	int r;

	r = begin(model, options, &program, error);
	if (r == 0)
		r = tfl_state_plan_create(model, &program->state, error);
	if (r == 0)
		r = tfl_graph_create(&(struct tfl_graph_spec){.model = model, .work_max = program->options.work_max, .state = program->state},
				     &program->graph, error);
	if (r == 0)
		r = complete(program, NULL, &program->spare, error);
	if (r < 0)
		return r;
	if (release_packed(program) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	r = tfl_entries_create(program, error);
	if (r == 0)
		*ret_program = TFL_STEAL(program);
	return r;
}

/* A program of another graph of the same model, which uses the state of @p base. */
static int create_beside(const struct tfl_program *base, const struct tfl_graph_spec *spec, struct tfl_interpreter *base_interpreter,
			 struct tfl_program **ret_program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_program_destroyp) struct tfl_program *program = NULL;
	int r;

	r = begin(base->model, &base->options, &program, error);
	if (r < 0)
		return r;
	program->base = base;
	program->head = spec->head ? base : NULL;
	program->state = base->state;
	r = tfl_graph_create(spec, &program->graph, error);
	if (r == 0)
		r = complete(program, base_interpreter, ret_interpreter, error);
	if (r == 0)
		*ret_program = TFL_STEAL(program);
	return r;
}

/* What a graph may take that is made for a request: whoever sent that, and not the operator, decides about the processor. */
static uint64_t late_work_max(const struct tfl_program *base)
{
	uint64_t most = base->graph->work > TFL_LATE_WORK_MAX ? base->graph->work : TFL_LATE_WORK_MAX;

	return most < base->graph->work_max ? most : base->graph->work_max;
}

int tfl_program_create_behind(const struct tfl_program *head, const struct tfl_graph_given *given, struct tfl_interpreter *head_interpreter,
			      struct tfl_program **ret_program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	const struct tfl_graph_spec spec = {.model = head->model, .subgraph = head->graph->subgraph, .work_max = late_work_max(head),
					    .state = head->state, .head = head->graph, .given = given};

	return create_beside(head, &spec, head_interpreter, ret_program, ret_interpreter, error);
}

int tfl_program_create_other(const struct tfl_program *base, uint32_t subgraph, const struct tfl_graph_given *given,
			     struct tfl_interpreter *base_interpreter, struct tfl_program **ret_program,
			     struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	const struct tfl_graph_spec spec = {.model = base->model, .subgraph = subgraph, .state = base->state, .given = given,
					    .work_max = given ? late_work_max(base) : base->graph->work_max};
	int r = create_beside(base, &spec, base_interpreter, ret_program, ret_interpreter, error);

	if (r == 0 && release_packed(*ret_program) < 0) {
		tfl_interpreter_destroy(TFL_STEAL(*ret_interpreter));
		tfl_program_destroy(TFL_STEAL(*ret_program));
		r = tfl_error_set(error, -ENOMEM, "out of memory");
	}
	return r;
}

size_t tfl_program_bytes(const struct tfl_program *program)
{
	const struct tfl_graph *graph = program->graph;
	struct tfl_program_info info;

	tfl_program_info(program, &info);
	return sizeof(*program) + graph->account->bytes + info.packed_bytes + graph->value_count * sizeof(*graph->values) +
	       graph->node_count * sizeof(*graph->nodes);
}

int tfl_program_sketch(const struct tfl_model *model, uint32_t subgraph, const struct tfl_program_options *options,
		       struct tfl_program **ret_program, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_program_destroyp) struct tfl_program *program = NULL;
	int r;

	r = begin(model, options, &program, error);
	if (r == 0)
		r = tfl_state_plan_create(model, &program->state, error);
	if (r == 0)
		r = tfl_graph_create(&(struct tfl_graph_spec){.model = model, .subgraph = subgraph, .work_max = program->options.work_max,
							      .state = program->state, .survey = true}, &program->graph, error);
	if (r == 0)
		r = furnish(program, error);
	if (r < 0)
		return r;
	*ret_program = TFL_STEAL(program);
	return 0;
}

bool tfl_program_stateful(const struct tfl_program *program)
{
	return !tfl_state_plan_empty(program->state);
}

bool tfl_program_steered(const struct tfl_program *program)
{
	const struct tfl_graph *graph = program->graph;
	bool steered = graph->deferred_count > 0 || graph->late_count > 0;

	for (uint32_t i = 0; i < graph->node_count; i++)
		steered |= graph->nodes[i].op == &tfl_op_while;
	for (uint32_t i = 0; i < program->callee_count; i++)
		steered |= tfl_program_steered(program->callees[i]);
	return steered;
}

/* Adds a program, and those that it calls. */
static void add_info(const struct tfl_program *program, struct tfl_program_info *info)
{
	struct tfl_weights_stats weights;

	tfl_weights_stats(program->weights, &weights);
	info->operators += program->graph->node_count;
	info->steps += program->partition.step_count;
	info->packed_bytes += weights.bytes;
	info->packed_entries += weights.packed;
	info->arena_bytes += program->arena_bytes;
	for (uint32_t i = 0; i < program->graph->node_count; i++) {
		info->folded_operators += program->graph->nodes[i].folded;
		info->xnnpack_operators += program->lowered[i];
	}
	for (uint32_t i = 0; i < program->callee_count; i++)
		add_info(program->callees[i], info);
	for (uint32_t i = 0; i < program->other_count; i++)
		add_info(program->others[i], info);
}

void tfl_program_info(const struct tfl_program *program, struct tfl_program_info *ret_info)
{
	*ret_info = (struct tfl_program_info){0};
	add_info(program, ret_info);
}
