/* SPDX-License-Identifier: MIT */
/*
 * Kahn's algorithm with two heaps of ready nodes, one for XNNPACK and one for portable kernels. It drains one heap, opening a step, then
 * the other: nodes of one kind that do not depend on the other kind's pending work end up in the same step, also where the file
 * interleaves them. Heaps keep the file's order, so that a value is read soon after it was written.
 */
#include "runtime/partition.h"

#include <errno.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/graph.h"

struct heap {
	uint32_t *nodes;
	uint32_t count;
};

static void push(struct heap *heap, uint32_t node)
{
	uint32_t i = heap->count++;

	for (; i > 0 && heap->nodes[(i - 1) / 2] > node; i = (i - 1) / 2)
		heap->nodes[i] = heap->nodes[(i - 1) / 2];
	heap->nodes[i] = node;
}

static uint32_t pop(struct heap *heap)
{
	uint32_t top = heap->nodes[0], last = heap->nodes[--heap->count], i = 0, child;

	while ((child = 2 * i + 1) < heap->count) {
		if (child + 1 < heap->count && heap->nodes[child + 1] < heap->nodes[child])
			child++;
		if (heap->nodes[child] >= last)
			break;
		heap->nodes[i] = heap->nodes[child];
		i = child;
	}
	heap->nodes[i] = last;
	return top;
}

/* Edges from each node to those that read its outputs, one per reading input. */
struct edges {
	uint32_t *first;  /* per node, and one past the last */
	uint32_t *target;
	uint32_t *wanted; /* per node: inputs not yet written, and a node before it that touches state */
	uint32_t total;
};

/* A folded node waits for nothing, since it never runs: the inputs of one that nobody reads need not be constants. */
static uint32_t producer(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input)
{
	const struct tfl_value *value = tfl_node_input(graph, node, input);

	return node->folded || !value || value->data ? TFL_NONE : value->producer;
}

/* Nodes that touch state, and run, follow each other: *last is the one before. */
static uint32_t predecessor(const struct tfl_graph *graph, uint32_t node, uint32_t *last)
{
	uint32_t before = *last;

	if (!graph->nodes[node].ordered || graph->nodes[node].folded)
		return TFL_NONE;
	*last = node;
	return before;
}

/* Calls @p note for each edge. */
static void walk_edges(struct edges *edges, const struct tfl_graph *graph, void (*note)(struct edges *edges, uint32_t from, uint32_t to))
{
	uint32_t last = TFL_NONE, from;

	for (uint32_t n = 0; n < graph->node_count; n++) {
		for (uint32_t i = 0; i < graph->nodes[n].source->input_count; i++) {
			from = producer(graph, &graph->nodes[n], i);
			if (from != TFL_NONE)
				note(edges, from, n);
		}
		from = predecessor(graph, n, &last);
		if (from != TFL_NONE)
			note(edges, from, n);
	}
}

static void count_edge(struct edges *edges, uint32_t from, uint32_t to)
{
	edges->wanted[to]++;
	edges->first[from + 2]++;
	edges->total++;
}

/* first[from + 1] runs from the start of its edges to their end while they are filled in. */
static void fill_edge(struct edges *edges, uint32_t from, uint32_t to)
{
	edges->target[edges->first[from + 1]++] = to;
}

static int find_edges(struct edges *edges, const struct tfl_graph *graph)
{
	edges->first = calloc((size_t)graph->node_count + 2, sizeof(uint32_t));
	edges->wanted = calloc((size_t)graph->node_count + 1, sizeof(uint32_t));
	if (!edges->first || !edges->wanted)
		return -ENOMEM;
	walk_edges(edges, graph, count_edge);
	edges->target = calloc((size_t)edges->total + 1, sizeof(uint32_t));
	if (!edges->target)
		return -ENOMEM;
	for (uint32_t n = 2; n < graph->node_count + 2; n++)
		edges->first[n] += edges->first[n - 1];
	walk_edges(edges, graph, fill_edge);
	return 0;
}

static uint32_t run_node(struct tfl_partition *partition, const struct edges *edges, const bool *lowered, struct heap *heaps, bool xnnpack)
{
	uint32_t node = pop(&heaps[xnnpack]);

	partition->order[partition->node_count++] = node;
	for (uint32_t i = edges->first[node]; i < edges->first[node + 1]; i++) {
		uint32_t target = edges->target[i];

		if (--edges->wanted[target] == 0)
			push(&heaps[lowered[target]], target);
	}
	return node;
}

/* Whether the next node that XNNPACK has may join its step. */
static bool may_join(const struct tfl_partition *partition, const struct tfl_graph *graph, const struct tfl_step *step, uint64_t work,
		     const struct heap *heap)
{
	return heap->count > 0 && partition->node_count - step->first < TFL_STEP_NODES_MAX &&
	       work + graph->nodes[heap->nodes[0]].work <= TFL_STEP_WORK_MAX;
}

static void group(struct tfl_partition *partition, const struct tfl_graph *graph, const struct edges *edges, const bool *lowered,
		  struct heap *heaps)
{
	for (uint32_t n = 0; n < graph->node_count; n++)
		if (!graph->nodes[n].folded && edges->wanted[n] == 0)
			push(&heaps[lowered[n]], n);
	while (heaps[0].count || heaps[1].count) {
		/* Portable work is done first, so that the next XNNPACK step is as large as it can be. */
		bool xnnpack = heaps[false].count == 0;
		struct tfl_step *step = &partition->steps[partition->step_count++];
		uint64_t work = 0;

		*step = (struct tfl_step){.xnnpack = xnnpack, .first = partition->node_count};
		do
			work += graph->nodes[run_node(partition, edges, lowered, heaps, xnnpack)].work;
		while (xnnpack && may_join(partition, graph, step, work, &heaps[true]));
		step->count = partition->node_count - step->first;
	}
}

int tfl_partition_init(struct tfl_partition *partition, const struct tfl_graph *graph, const bool *lowered)
{
	size_t count = (size_t)graph->node_count + 1;
	struct heap heaps[2] = {{calloc(count, sizeof(uint32_t)), 0}, {calloc(count, sizeof(uint32_t)), 0}};
	struct edges edges = {0};
	int r = -ENOMEM;

	*partition = (struct tfl_partition){
		.order = calloc(count, sizeof(uint32_t)),
		.steps = calloc(count, sizeof(struct tfl_step)),
	};
	if (heaps[0].nodes && heaps[1].nodes && partition->order && partition->steps)
		r = find_edges(&edges, graph);
	if (r == 0)
		group(partition, graph, &edges, lowered, heaps);
	else
		tfl_partition_finish(partition);
	free(heaps[0].nodes);
	free(heaps[1].nodes);
	free(edges.first);
	free(edges.target);
	free(edges.wanted);
	return r;
}

void tfl_partition_finish(struct tfl_partition *partition)
{
	free(partition->order);
	free(partition->steps);
	*partition = (struct tfl_partition){0};
}
