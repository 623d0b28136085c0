/* SPDX-License-Identifier: MIT */
/*
 * Operators that run another subgraph once. IF: one of two, as its first input says; both take the other inputs. STABLEHLO_COMPOSITE: the
 * subgraph that spells out what a name stands for. CALL_ONCE: one without inputs and outputs, which sets up the model's resources; an
 * interpreter runs it when it is made, before anything else, and what it left there is what a reset brings back.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "runtime/call.h"

/* Fields of the three tables of options. */
enum {
	IF_THEN = 0,
	IF_ELSE = 1,
	CALL_ONCE_SUBGRAPH = 0,
	COMPOSITE_SUBGRAPH = 1,
};

struct params {
	uint32_t callees[2]; /* where the condition is false, and where it is true */
	uint32_t first;      /* the first input that is handed over */
};

static struct params *make_params(struct tfl_graph *graph, struct tfl_node *node)
{
	return node->params = tfl_graph_alloc(graph, sizeof(struct params));
}

/* Outputs have the shapes of what is called, and are late where those are. */
static int set_outputs(struct tfl_graph *graph, const struct tfl_node *node, uint32_t callee, struct tfl_error *error)
{
	int r = tfl_callee_check_outputs(graph, node, callee, error);

	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++) {
		const struct tfl_value *value = tfl_callee_output(graph, callee, i);

		r = value->late ? tfl_node_set_late(graph, node, i) : tfl_node_set_shape(graph, node, i, value->rank, value->dims, error);
	}
	return r;
}

static int prepare_if(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	static const unsigned fields[] = {IF_ELSE, IF_THEN};
	const struct tfl_value *condition = tfl_node_input(graph, node, 0);
	struct params *params = make_params(graph, node);
	int r = 0;

	if (!params)
		return -ENOMEM;
	params->first = 1;
	if (condition->dtype != TFL_BOOL || condition->elements != 1)
		return tfl_node_invalid(graph, node, error, "its condition is not one bool");
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		r = tfl_call_prepare(graph, node, tfl_fb_i32(&node->source->options, fields[i], 0), 1, NULL, NULL, &params->callees[i], error);
		if (r == 0)
			r = set_outputs(graph, node, params->callees[i], error);
	}
	/* A shape may depend on which branch is taken. */
	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++)
		if (!tfl_same_shape(tfl_callee_output(graph, params->callees[0], i), tfl_callee_output(graph, params->callees[1], i)))
			r = tfl_node_set_late(graph, node, i);
	return r;
}

static int prepare_composite(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct params *params = make_params(graph, node);
	int r;

	if (!params)
		return -ENOMEM;
	if (node->source->options_2_type != TFL_OPTIONS_2_STABLEHLO_COMPOSITE)
		return tfl_node_invalid(graph, node, error, "its options do not say what it is composed of");
	r = tfl_call_prepare(graph, node, tfl_fb_i32(&node->source->options, COMPOSITE_SUBGRAPH, 0), 0, NULL, NULL, &params->callees[0], error);
	return r < 0 ? r : set_outputs(graph, node, params->callees[0], error);
}

static int prepare_once(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct params *params = make_params(graph, node);
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_call_prepare(graph, node, tfl_fb_i32(&node->source->options, CALL_ONCE_SUBGRAPH, 0), 0, NULL, NULL, &params->callees[0], error);
	if (r < 0)
		return r;
	graph->callees[params->callees[0]]->once = true;
	return tfl_callee_check_outputs(graph, node, params->callees[0], error);
}

static int call(const struct tfl_run *run, const struct tfl_node *node, uint32_t callee, struct tfl_error *error)
{
	const struct params *params = node->params;
	int r = 0;

	for (uint32_t i = params->first; r == 0 && i < node->source->input_count; i++)
		r = tfl_call_give(run, callee, i - params->first, tfl_node_input(run->graph, node, i), error);
	if (r == 0)
		r = tfl_call_run(run, callee, error);
	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++)
		r = tfl_call_take(run, node, callee, i, error);
	return r;
}

static int run_if(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;

	return call(run, node, params->callees[*(const uint8_t *)tfl_run_input(run, node, 0) != 0], error);
}

static int run_composite(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;

	return call(run, node, params->callees[0], error);
}

/* It was done when the interpreter was made. */
static int run_once(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	return 0;
}

const struct tfl_op tfl_op_if = {
	.code = TFL_BUILTIN_IF,
	.options = TFL_OPTIONS_IF,
	.inputs_min = 1,
	.max_version = 1,
	.name = "IF",
	.types = "z.*:.*",
	.stateful = true,
	.prepare = prepare_if,
	.run = run_if,
};

const struct tfl_op tfl_op_stablehlo_composite = {
	.code = TFL_BUILTIN_STABLEHLO_COMPOSITE,
	.options = TFL_OPTIONS_NONE,
	.max_version = 1,
	.name = "STABLEHLO_COMPOSITE",
	.types = ".*:.*",
	.stateful = true,
	.prepare = prepare_composite,
	.run = run_composite,
};

const struct tfl_op tfl_op_call_once = {
	.code = TFL_BUILTIN_CALL_ONCE,
	.options = TFL_OPTIONS_CALL_ONCE,
	.max_version = 1,
	.name = "CALL_ONCE",
	.types = ":",
	.stateful = true,
	.prepare = prepare_once,
	.run = run_once,
};
