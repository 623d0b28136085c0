/* SPDX-License-Identifier: MIT */
/*
 * Shapes that depend on content. Two kinds of operators have them. Some find out how large an output is while they run (WHERE, a loop whose
 * values grow): the output is late. Others are told by an input (RESHAPE to a computed shape): the input steers. Either way the graph ends
 * there: the node that is steered, and all that read what is late, are deferred. They become a subgraph of their own, over the same tensors,
 * whose inputs are what they read from before; a graph is made of it for the shapes and steering content that a run brings, in which they
 * are known like any others, up to the next such place.
 *
 * Always holds: a deferred node is folded as far as this graph is concerned, and only deferred nodes read what deferred nodes write.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/graph_internal.h"
#include "runtime/op.h"

static bool contains(const uint32_t *list, uint32_t count, uint32_t value)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == value)
			return true;
	return false;
}

static int append(uint32_t **list, uint32_t *count, uint32_t value)
{
	uint32_t *longer;

	if (contains(*list, *count, value))
		return 0;
	longer = realloc(*list, (*count + 1) * sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	longer[(*count)++] = value;
	*list = longer;
	return 0;
}

void tfl_graph_finish_late(struct tfl_graph *graph)
{
	free(graph->lates);
	free(graph->steering);
	free(graph->behind_numbers);
	free(graph->behind.operators);
	free((void *)graph->behind.inputs);
	free((void *)graph->behind.outputs);
}

int tfl_value_set_late(struct tfl_graph *graph, struct tfl_value *value)
{
	value->late = true;
	value->data = NULL;
	return append(&graph->lates, &graph->late_count, tfl_value_index(graph, value));
}

int tfl_node_set_late(struct tfl_graph *graph, const struct tfl_node *node, uint32_t output)
{
	return tfl_value_set_late(graph, tfl_node_output(graph, node, output));
}

bool tfl_node_is_late(const struct tfl_graph *graph, const struct tfl_node *node)
{
	bool late = false;

	for (uint32_t i = 0; i < node->source->output_count; i++)
		late |= tfl_node_output(graph, node, i)->late;
	return late;
}

void tfl_node_want(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input)
{
	struct tfl_graph_account *account = graph->account;
	const struct tfl_value *value = tfl_node_input(graph, node, input);

	if (value && !value->data && account->wanted_count < TFL_WANTED_MAX)
		account->wanted[account->wanted_count++] = tfl_value_index(graph, value);
}

bool tfl_graph_is_behind(const struct tfl_graph *graph, const struct tfl_node *node)
{
	/* What initialises the state runs before everything, wherever it stands. */
	if (node->op == &tfl_op_call_once)
		return false;
	for (uint32_t i = 0; i < node->source->input_count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);

		if (value && value->late)
			return true;
	}
	return node->ordered && graph->holds;
}

int tfl_graph_defer(struct tfl_graph *graph, struct tfl_node *node)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < graph->account->wanted_count; i++)
		r = append(&graph->steering, &graph->steering_count, graph->account->wanted[i]);
	graph->account->wanted_count = 0;
	node->deferred = node->folded = true;
	graph->deferred_count++;
	graph->holds |= node->ordered;
	for (uint32_t i = 0; i < node->source->output_count; i++) {
		struct tfl_value *output = tfl_node_output(graph, node, i);

		output->late = !output->variable;
		output->uncertain |= graph->survey;
	}
	return r;
}

/* Copies the deferred operators. @p inside: per value, whether one of them writes it. */
static int collect_operators(struct tfl_graph *graph, bool *inside)
{
	struct tfl_subgraph *behind = &graph->behind;

	behind->operators = calloc((size_t)graph->deferred_count + 1, sizeof(*behind->operators));
	graph->behind_numbers = calloc((size_t)graph->deferred_count + 1, sizeof(*graph->behind_numbers));
	if (!behind->operators || !graph->behind_numbers)
		return -ENOMEM;
	for (uint32_t n = 0; n < graph->node_count; n++) {
		const struct tfl_node *node = &graph->nodes[n];

		if (!node->deferred)
			continue;
		behind->operators[behind->operator_count] = *node->source;
		graph->behind_numbers[behind->operator_count++] = node->index;
		for (uint32_t i = 0; i < node->source->output_count; i++)
			inside[node->source->outputs[i]] = true;
	}
	return 0;
}

/* What they read from before, each value once. @p seen: per value; false on entry. */
static int collect_inputs(struct tfl_graph *graph, const bool *inside, bool *seen)
{
	struct tfl_subgraph *behind = &graph->behind;
	int32_t *inputs = calloc((size_t)graph->value_count + 1, sizeof(*inputs));

	behind->inputs = inputs;
	if (!inputs)
		return -ENOMEM;
	for (uint32_t n = 0; n < behind->operator_count; n++) {
		const struct tfl_operator *source = &behind->operators[n];

		for (uint32_t i = 0; i < source->input_count; i++) {
			int32_t index = source->inputs[i];

			if (index < 0 || inside[index] || seen[index] || graph->values[index].data || graph->values[index].variable)
				continue;
			seen[index] = true;
			inputs[behind->input_count++] = index;
		}
	}
	return 0;
}

static int collect_outputs(struct tfl_graph *graph, const bool *inside)
{
	struct tfl_subgraph *behind = &graph->behind;
	int32_t *outputs = calloc((size_t)graph->source->output_count + 1, sizeof(*outputs));

	behind->outputs = outputs;
	if (!outputs)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->source->output_count; i++)
		if (inside[graph->source->outputs[i]] && !graph->values[graph->source->outputs[i]].variable)
			outputs[behind->output_count++] = graph->source->outputs[i];
	return 0;
}

int tfl_graph_collect(struct tfl_graph *graph)
{
	size_t values = (size_t)graph->value_count + 1;
	_tfl_free_ bool *inside = NULL, *seen = NULL;
	int r;

	if (graph->deferred_count == 0)
		return 0;
	inside = calloc(values, sizeof(*inside));
	seen = calloc(values, sizeof(*seen));
	if (!inside || !seen)
		return -ENOMEM;
	graph->behind.name = graph->source->name;
	graph->behind.tensors = graph->source->tensors;
	graph->behind.tensor_count = graph->source->tensor_count;
	r = collect_operators(graph, inside);
	if (r == 0)
		r = collect_inputs(graph, inside, seen);
	return r < 0 ? r : collect_outputs(graph, inside);
}
