/* SPDX-License-Identifier: MIT */
/*
 * WHILE: two subgraphs over the same values, which the node's inputs begin: as long as the first says true, the second makes the next of
 * them. They stand in the node's outputs meanwhile. What the body hands through unchanged and is a constant before the loop is one inside.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/call.h"

enum { CONDITION_SUBGRAPH, BODY_SUBGRAPH };

struct params {
	uint32_t condition, body;
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

	if (!output || output->dtype != TFL_BOOL || output->elements != 1)
		return tfl_node_invalid(graph, node, error, "its condition, subgraph %u, does not have one output of one bool", called->subgraph);
	return 0;
}

/* The values must have after the body the shapes that they had before. */
static int set_outputs(struct tfl_graph *graph, struct tfl_node *node, uint32_t body, struct tfl_error *error)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++) {
		const struct tfl_value *input = tfl_node_input(graph, node, i), *next = tfl_callee_output(graph, body, i);
		struct tfl_value *output = tfl_node_output(graph, node, i);
		bool steady = tfl_callee_input(graph, body, i) == next;

		if (!tfl_same_shape(input, next))
			return tfl_node_unsupported(graph, node, error, "value %u changes its shape in the loop", i);
		if (input->dtype == TFL_RESOURCE && !(input->data && next->data && memcmp(input->data, next->data, sizeof(uint32_t)) == 0))
			return tfl_node_unsupported(graph, node, error, "value %u is a handle that changes in the loop", i);
		r = tfl_node_set_shape(graph, node, i, input->rank, input->dims, error);
		if (steady || input->dtype == TFL_RESOURCE)
			output->data = input->data;
	}
	return r;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_fb_table *options = &node->source->options;
	int32_t body = tfl_fb_i32(options, BODY_SUBGRAPH, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	const bool *steady = find_steady(graph, node, body);
	int r;

	if (!params || !steady)
		return -ENOMEM;
	if (node->source->input_count != node->source->output_count)
		return tfl_node_invalid(graph, node, error, "it has %u inputs and %u outputs; a loop has as many of both", node->source->input_count,
					node->source->output_count);
	r = tfl_call_prepare(graph, node, tfl_fb_i32(options, CONDITION_SUBGRAPH, 0), 0, steady, &params->condition, error);
	if (r == 0)
		r = check_condition(graph, node, params->condition, error);
	if (r == 0)
		r = tfl_call_prepare(graph, node, body, 0, steady, &params->body, error);
	if (r == 0)
		r = tfl_callee_check_outputs(graph, node, params->body, error);
	return r < 0 ? r : set_outputs(graph, node, params->body, error);
}

/* Copies the values of an iteration to where they stand between two. */
static void keep(const struct tfl_run *run, const struct tfl_node *node, bool first)
{
	const struct params *params = node->params;

	for (uint32_t i = 0; i < node->source->output_count; i++) {
		const struct tfl_value *output = tfl_node_output(run->graph, node, i);

		if (!output->data && output->bytes > 0)
			memcpy(tfl_run_output(run, node, i), first ? tfl_run_input(run, node, i) : tfl_call_result(run, params->body, i),
			       output->bytes);
	}
}

static int call(const struct tfl_run *run, const struct tfl_node *node, uint32_t callee, struct tfl_error *error)
{
	for (uint32_t i = 0; i < node->source->output_count; i++)
		tfl_call_give(run, callee, i, tfl_run_value(run, tfl_node_output(run->graph, node, i)));
	return tfl_call_run(run, callee, error);
}

static int run_loop(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	int r;

	keep(run, node, true);
	for (;;) {
		r = call(run, node, params->condition, error);
		if (r < 0 || !*(const uint8_t *)tfl_call_result(run, params->condition, 0))
			return r;
		r = tfl_call_iterate(run, node, error);
		if (r == 0)
			r = call(run, node, params->body, error);
		if (r < 0)
			return r;
		keep(run, node, false);
	}
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
