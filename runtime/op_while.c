/* SPDX-License-Identifier: MIT */
/*
 * WHILE: two subgraphs over the same values, which the node's inputs begin: as long as the first says true, the second makes the next of
 * them. They stand in the node's outputs meanwhile. What the body hands through unchanged and is a constant before the loop is one inside.
 *
 * Values that come out of the body in another shape than they went in are late: outputs of the node, and inputs of both subgraphs, whose shape
 * comes with each iteration. Which they are is found by building the subgraphs anew until no further value turns out to be one.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/call.h"

enum { CONDITION_SUBGRAPH, BODY_SUBGRAPH };

struct params {
	uint32_t condition, body;
	bool late[]; /* per value: its shape changes in the loop */
};

/* Which values the body hands through: its output is its input. */
static bool *find_steady(struct tfl_graph *graph, const struct tfl_node *node, int32_t body)
{
	bool *steady = tfl_graph_alloc(graph, node->source->input_count);
	const struct tfl_subgraph *source;

	if (!steady || body < 0 || (uint32_t)body >= graph->model->subgraph_count)
		return steady;
	source = &graph->model->subgraphs[body];
	for (uint32_t i = 0; i < node->source->input_count && i < source->input_count && i < source->output_count; i++)
		steady[i] = source->inputs[i] == source->outputs[i];
	return steady;
}

static int check_condition(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t condition, struct tfl_error *error)
{
	const struct tfl_graph *called = graph->callees[condition];
	const struct tfl_value *output = called->source->output_count == 1 ? tfl_callee_output(graph, condition, 0) : NULL;

	if (!output || output->dtype != TFL_BOOL || (output->elements != 1 && !output->late))
		return tfl_node_invalid(graph, node, error, "its condition, subgraph %u, does not have one output of one bool", called->subgraph);
	return 0;
}

/* Notes the values that have another shape after the body than before. Whether there are more than were known. */
static bool find_late(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t body, bool *late)
{
	bool found = false;

	for (uint32_t i = 0; i < node->source->output_count; i++) {
		const struct tfl_value *next = tfl_callee_output(graph, body, i);

		if (late[i] || (!next->late && tfl_same_shape(tfl_node_input(graph, node, i), next)))
			continue;
		late[i] = found = true;
	}
	return found;
}

static int set_outputs(struct tfl_graph *graph, struct tfl_node *node, const struct params *params, struct tfl_error *error)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++) {
		const struct tfl_value *input = tfl_node_input(graph, node, i), *next = tfl_callee_output(graph, params->body, i);
		bool steady = tfl_callee_input(graph, params->body, i) == next && !params->late[i];

		if (input->dtype == TFL_RESOURCE && !(input->data && next->data && memcmp(input->data, next->data, sizeof(uint32_t)) == 0))
			return tfl_node_unsupported(graph, node, error, "value %u is a handle that changes in the loop", i);
		if (params->late[i])
			r = tfl_node_set_late(graph, node, i);
		else
			r = tfl_node_set_shape(graph, node, i, input->rank, input->dims, error);
		if (steady || input->dtype == TFL_RESOURCE)
			tfl_node_output(graph, node, i)->data = input->data;
	}
	return r;
}

/* Builds both subgraphs for what is late as far as is known. */
static int build(struct tfl_graph *graph, const struct tfl_node *node, const bool *steady, struct params *params, struct tfl_error *error)
{
	const struct tfl_fb_table *options = &node->source->options;
	int r;

	r = tfl_call_prepare(graph, node, tfl_fb_i32(options, CONDITION_SUBGRAPH, 0), 0, steady, params->late, &params->condition, error);
	if (r == 0)
		r = check_condition(graph, node, params->condition, error);
	if (r == 0)
		r = tfl_call_prepare(graph, node, tfl_fb_i32(options, BODY_SUBGRAPH, 0), 0, steady, params->late, &params->body, error);
	return r < 0 ? r : tfl_callee_check_outputs(graph, node, params->body, error);
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	uint32_t callees = graph->callee_count;
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params) + node->source->input_count);
	const bool *steady = find_steady(graph, node, tfl_fb_i32(&node->source->options, BODY_SUBGRAPH, 0));
	int r;

	if (!params || !steady)
		return -ENOMEM;
	if (node->source->input_count != node->source->output_count)
		return tfl_node_invalid(graph, node, error, "it has %u inputs and %u outputs; a loop has as many of both", node->source->input_count,
					node->source->output_count);
	do {
		tfl_call_discard(graph, callees);
		r = build(graph, node, steady, params, error);
	} while (r == 0 && find_late(graph, node, params->body, params->late));
	return r < 0 ? r : set_outputs(graph, node, params, error);
}

/* The values before the first iteration. */
static int begin(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++) {
		const struct tfl_value *input = tfl_node_input(run->graph, node, i);
		void *data;

		if (tfl_node_output(run->graph, node, i)->data)
			continue;
		r = tfl_run_resize(run, node, i, input->rank, input->dims, &data, error);
		if (r == 0 && input->bytes > 0)
			memcpy(data, tfl_run_input(run, node, i), input->bytes);
	}
	return r;
}

static int call(const struct tfl_run *run, const struct tfl_node *node, uint32_t callee, struct tfl_error *error)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++)
		r = tfl_call_give(run, callee, i, tfl_node_output(run->graph, node, i), error);
	return r < 0 ? r : tfl_call_run(run, callee, error);
}

/* 1 to go on, 0 at the end. */
static int ask(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	struct tfl_place answer;
	int r;

	r = call(run, node, params->condition, error);
	if (r < 0)
		return r;
	answer = tfl_call_result(run, params->condition, 0);
	if (answer.elements != 1)
		return tfl_error_set(error, -EINVAL, "operator %u (WHILE): its condition has %zu elements; one is right", node->index, answer.elements);
	return *(const uint8_t *)answer.data != 0;
}

static int run_loop(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	int r;

	r = begin(run, node, error);
	while (r == 0 && (r = ask(run, node, error)) > 0) {
		r = tfl_call_iterate(run, node, error);
		if (r == 0)
			r = call(run, node, params->body, error);
		for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++)
			r = tfl_call_take(run, node, params->body, i, error);
	}
	return r;
}

const struct tfl_op tfl_op_while = {
	.code = TFL_BUILTIN_WHILE,
	.options = TFL_OPTIONS_WHILE,
	.max_version = 1,
	.name = "WHILE",
	.types = ".*:.*",
	.stateful = true,
	.prepare = prepare,
	.run = run_loop,
};
