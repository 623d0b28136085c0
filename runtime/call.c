/* SPDX-License-Identifier: MIT */
/*
 * The graph half builds what is called, and refuses what would call itself. The running half hands values over: each side has its own memory,
 * so both are copied; what does not change in a loop is a constant on the other side and costs nothing.
 */
#include "runtime/call.h"

#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/interpreter.h"
#include "runtime/program_internal.h"

struct tfl_value *tfl_callee_input(const struct tfl_graph *graph, uint32_t callee, uint32_t index)
{
	const struct tfl_graph *called = graph->callees[callee];

	return &called->values[called->source->inputs[index]];
}

struct tfl_value *tfl_callee_output(const struct tfl_graph *graph, uint32_t callee, uint32_t index)
{
	const struct tfl_graph *called = graph->callees[callee];

	return &called->values[called->source->outputs[index]];
}

bool tfl_same_shape(const struct tfl_value *a, const struct tfl_value *b)
{
	return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0;
}

/* Whether this subgraph may be called from here at all. */
static int check_callee(const struct tfl_graph *graph, const struct tfl_node *node, int32_t subgraph, struct tfl_error *error)
{
	unsigned depth = 0;

	if (subgraph < 0 || (uint32_t)subgraph >= graph->model->subgraph_count)
		return tfl_node_invalid(graph, node, error, "it calls subgraph %d, but there are %u", subgraph, graph->model->subgraph_count);
	for (const struct tfl_graph *caller = graph; caller; caller = caller->caller, depth++)
		if (caller->subgraph == (uint32_t)subgraph)
			return tfl_node_unsupported(graph, node, error, "it calls subgraph %d, in which it is itself, without end", subgraph);
	if (depth >= TFL_CALL_DEPTH_MAX)
		return tfl_node_unsupported(graph, node, error, "it is called %u subgraphs deep; at most %u are possible", depth, TFL_CALL_DEPTH_MAX);
	if (graph->account->graphs >= TFL_CALLS_MAX) {
		tfl_node_invalid(graph, node, error, "with it, more than %u subgraphs would be called", TFL_CALLS_MAX);
		return -EFBIG;
	}
	graph->account->graphs++;
	return 0;
}

static int check_arguments(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t subgraph, uint32_t first,
			   struct tfl_error *error)
{
	const struct tfl_subgraph *source = &graph->model->subgraphs[subgraph];
	uint32_t count = node->source->input_count - first;

	if (source->input_count != count)
		return tfl_node_invalid(graph, node, error, "it hands %u values to subgraph %u, which takes %u", count, subgraph,
					source->input_count);
	for (uint32_t i = 0; i < count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, first + i);
		const struct tfl_tensor *input = &source->tensors[source->inputs[i]];

		if (!value)
			return tfl_node_invalid(graph, node, error, "input %u is left out, but subgraph %u takes it", first + i, subgraph);
		if (value->dtype != input->dtype)
			return tfl_node_invalid(graph, node, error, "input %u is %s, but subgraph %u takes %s", first + i,
						tfl_dtype_to_string(value->dtype), subgraph, tfl_dtype_to_string(input->dtype));
	}
	return 0;
}

static int add_callee(struct tfl_graph *graph, struct tfl_graph *callee)
{
	struct tfl_graph **callees = realloc(graph->callees, (graph->callee_count + 1) * sizeof(struct tfl_graph *));

	if (!callees)
		return -ENOMEM;
	graph->callees = callees;
	graph->callees[graph->callee_count++] = callee;
	return 0;
}

/* Says which graph a sentence is about: the innermost, and the node of the outermost that leads there. */
static int in_callee(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t subgraph, int code, struct tfl_error *fault,
		     struct tfl_error *error)
{
	static const char prefix[] = "subgraph ";

	if (code == -ENOMEM)
		return tfl_error_set(error, code, "%s", fault->text);
	if (strncmp(fault->text, prefix, strlen(prefix)) != 0)
		tfl_error_prefix(fault, code, "%s%u", prefix, subgraph);
	if (graph->caller)
		return tfl_error_set(error, code, "%s", fault->text);
	tfl_node_invalid(graph, node, error, "%s", fault->text);
	if (error)
		error->code = code;
	return code;
}

int tfl_call_prepare(struct tfl_graph *graph, const struct tfl_node *node, int32_t subgraph, uint32_t first, const bool *steady,
		     const bool *late, uint32_t *ret_callee, struct tfl_error *error)
{
	_tfl_free_ struct tfl_graph_given *given = calloc((size_t)node->source->input_count + 1, sizeof(*given));
	struct tfl_graph *callee;
	struct tfl_error fault = {0};
	int r;

	if (!given)
		return -ENOMEM;
	r = check_callee(graph, node, subgraph, error);
	if (r == 0)
		r = check_arguments(graph, node, (uint32_t)subgraph, first, error);
	for (uint32_t i = first; r == 0 && i < node->source->input_count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);

		given[i - first] = (struct tfl_graph_given){.rank = value->rank, .late = late && late[i - first]};
		memcpy(given[i - first].dims, value->dims, sizeof(value->dims));
		if (!given[i - first].late && (!steady || steady[i - first] || value->dtype == TFL_RESOURCE))
			given[i - first].data = value->data;
	}
	if (r < 0)
		return r;
	r = tfl_graph_create(&(struct tfl_graph_spec){.model = graph->model, .subgraph = (uint32_t)subgraph, .work_max = graph->work_max,
						      .state = graph->state, .caller = graph, .given = given}, &callee, &fault);
	if (r < 0)
		return in_callee(graph, node, (uint32_t)subgraph, r, &fault, error);
	if (add_callee(graph, callee) < 0) {
		tfl_graph_destroy(callee);
		return -ENOMEM;
	}
	*ret_callee = graph->callee_count - 1;
	return tfl_node_charge(graph, node, callee->work, 1, error);
}

void tfl_call_discard(struct tfl_graph *graph, uint32_t count)
{
	while (graph->callee_count > count)
		tfl_graph_destroy(graph->callees[--graph->callee_count]);
}

int tfl_callee_check_outputs(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t callee, struct tfl_error *error)
{
	const struct tfl_graph *called = graph->callees[callee];

	if (called->source->output_count != node->source->output_count)
		return tfl_node_invalid(graph, node, error, "it has %u outputs, but subgraph %u has %u", node->source->output_count,
					called->subgraph, called->source->output_count);
	for (uint32_t i = 0; i < node->source->output_count; i++) {
		enum tfl_dtype dtype = tfl_node_output(graph, node, i)->dtype, given = tfl_callee_output(graph, callee, i)->dtype;

		if (dtype != given)
			return tfl_node_invalid(graph, node, error, "output %u is %s, but that of subgraph %u is %s", i, tfl_dtype_to_string(dtype),
						called->subgraph, tfl_dtype_to_string(given));
	}
	return 0;
}

int tfl_run_resize(const struct tfl_run *run, const struct tfl_node *node, uint32_t output, unsigned rank, const int32_t *dims, void **ret_data,
		   struct tfl_error *error)
{
	uint32_t index = (uint32_t)node->source->outputs[output];
	int r = 0;

	if (run->graph->values[index].late)
		r = tfl_late_resize(run->interpreter, index, rank, dims, error);
	if (r < 0)
		return tfl_error_prefix(error, r, "operator %u (%s)", node->index, node->op->name);
	*ret_data = run->data[index];
	return 0;
}

int tfl_call_give(const struct tfl_run *run, uint32_t callee, uint32_t index, const struct tfl_value *value, struct tfl_error *error)
{
	struct tfl_interpreter *called = run->interpreter->callees[callee];
	const struct tfl_value *input = tfl_callee_input(run->graph, callee, index);
	struct tfl_place place = tfl_interpreter_locate(run->interpreter, tfl_value_index(run->graph, value));
	int r = 0;

	if (input->data)
		return 0;
	if (input->late)
		r = tfl_late_resize(called, tfl_value_index(called->program->graph, input), place.rank, place.dims, error);
	if (r == 0 && place.bytes > 0)
		memcpy(tfl_interpreter_input(called, index), place.data, place.bytes);
	return r;
}

int tfl_call_take(const struct tfl_run *run, const struct tfl_node *node, uint32_t callee, uint32_t output, struct tfl_error *error)
{
	const struct tfl_value *value = tfl_node_output(run->graph, node, output);
	struct tfl_place place = tfl_call_result(run, callee, output);
	void *data;
	int r;

	if (value->data)
		return 0;
	r = tfl_run_resize(run, node, output, place.rank, place.dims, &data, error);
	if (r == 0 && place.bytes > 0)
		memcpy(data, place.data, place.bytes);
	return r;
}

int tfl_call_run(const struct tfl_run *run, uint32_t callee, struct tfl_error *error)
{
	int r = tfl_run_budget_take(run->budget, run->graph->callees[callee]->work, error);

	if (r < 0)
		return r;
	return tfl_interpreter_run(run->interpreter->callees[callee], run->budget, error);
}

struct tfl_place tfl_call_result(const struct tfl_run *run, uint32_t callee, uint32_t index)
{
	const struct tfl_interpreter *called = run->interpreter->callees[callee];

	return tfl_interpreter_locate(called, (uint32_t)called->program->graph->source->outputs[index]);
}

int tfl_call_iterate(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	struct tfl_run_budget *budget = run->budget;

	if (budget->iterations == 0)
		return tfl_error_set(error, -EXFULL,
				     "budget exceeded: operator %u (%s) was still looping after %llu iterations, which is the limit",
				     node->index, node->op->name, (unsigned long long)budget->iterations_max);
	budget->iterations--;
	if (budget->loop_end_ns == 0)
		tfl_run_budget_begin_loop(budget);
	return tfl_run_budget_check(budget, error);
}
