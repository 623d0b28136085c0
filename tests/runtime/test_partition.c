/* SPDX-License-Identifier: MIT */
/*
 * Grouping of random graphs, made here without a file: every node once, after those it reads, in steps of one kind, and never in more steps
 * than the file's order has.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/graph.h"
#include "runtime/partition.h"
#include "tests/builder/random.h"
#include "tests/runtime/suites.h"

#define NODES_MAX 300
#define INPUTS_MAX 4

/* Node i writes value i; an input of -1 is left out; values past the nodes' are inputs of the graph. */
struct network {
	struct tfl_graph graph;
	struct tfl_node nodes[NODES_MAX];
	struct tfl_operator operators[NODES_MAX];
	struct tfl_value values[NODES_MAX + 2];
	int32_t inputs[NODES_MAX][INPUTS_MAX], outputs[NODES_MAX];
	bool lowered[NODES_MAX];
};

static void draw(struct network *network, struct tfl_random *random)
{
	uint32_t count = tfl_random_below(random, NODES_MAX), reach = 1 + tfl_random_below(random, 20), portable = 1 + tfl_random_below(random, 6);

	memset(network, 0, sizeof(*network));
	network->graph = (struct tfl_graph){
		.nodes = network->nodes, .values = network->values, .node_count = count, .value_count = NODES_MAX + 2};
	for (uint32_t i = 0; i < NODES_MAX + 2; i++)
		network->values[i].producer = i < count ? i : TFL_NONE;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t inputs = 1 + tfl_random_below(random, INPUTS_MAX);

		for (uint32_t k = 0; k < inputs; k++) {
			uint32_t back = 1 + tfl_random_below(random, reach);

			network->inputs[i][k] = tfl_random_below(random, 8) == 0 ? -1 : back > i ? NODES_MAX : (int32_t)(i - back);
		}
		network->outputs[i] = (int32_t)i;
		network->operators[i] = (struct tfl_operator){
			.inputs = network->inputs[i], .input_count = inputs, .outputs = &network->outputs[i], .output_count = 1};
		network->nodes[i] = (struct tfl_node){.source = &network->operators[i], .index = i};
		network->lowered[i] = tfl_random_below(random, portable) != 0;
		/* Folded nodes do not run; what they write is a constant. */
		if (tfl_random_below(random, 15) == 0) {
			network->nodes[i].folded = true;
			network->lowered[i] = false;
			network->values[i].data = network;
		}
	}
}

static void check_order(const struct network *network, const struct tfl_partition *partition)
{
	uint32_t place[NODES_MAX], expected = 0;

	memset(place, 0xff, sizeof(place));
	for (uint32_t i = 0; i < partition->node_count; i++) {
		uint32_t node = partition->order[i];

		if (node >= network->graph.node_count || network->nodes[node].folded || place[node] != UINT32_MAX)
			ck_abort_msg("node %u is in the order although it is folded, twice there, or none", node);
		place[node] = i;
		for (uint32_t k = 0; k < network->operators[node].input_count; k++) {
			int32_t value = network->inputs[node][k];

			if (value >= 0 && value < NODES_MAX && !network->values[value].data && place[value] >= i)
				ck_abort_msg("node %u runs before node %d, which it reads", node, value);
		}
	}
	for (uint32_t i = 0; i < network->graph.node_count; i++)
		expected += !network->nodes[i].folded;
	ck_assert_uint_eq(partition->node_count, expected);
}

static void check_steps(const struct network *network, const struct tfl_partition *partition)
{
	uint32_t next = 0;

	for (uint32_t s = 0; s < partition->step_count; s++) {
		const struct tfl_step *step = &partition->steps[s];

		if (step->first != next || step->count == 0 || (!step->xnnpack && step->count != 1))
			ck_abort_msg("step %u has %u nodes from %u on", s, step->count, step->first);
		if (s > 0 && step->xnnpack && partition->steps[s - 1].xnnpack)
			ck_abort_msg("step %u follows another XNNPACK step", s);
		for (uint32_t i = step->first; i < step->first + step->count; i++)
			if (network->lowered[partition->order[i]] != step->xnnpack)
				ck_abort_msg("step %u mixes kinds", s);
		next += step->count;
	}
	ck_assert_uint_eq(next, partition->node_count);
}

/* Steps when nodes run in the file's order: a new one at each change of kind, and for each portable kernel. */
static uint32_t plain_steps(const struct network *network)
{
	bool running = false;
	uint32_t steps = 0;

	for (uint32_t i = 0; i < network->graph.node_count; i++) {
		if (network->nodes[i].folded)
			continue;
		steps += !network->lowered[i] || !running;
		running = network->lowered[i];
	}
	return steps;
}

START_TEST(random_graphs_are_grouped_right)
{
	struct network *network = malloc(sizeof(*network));
	struct tfl_random random = {9};
	uint32_t fewer = 0;

	for (int round = 0; round < 500; round++) {
		struct tfl_partition partition;

		draw(network, &random);
		ck_assert_int_eq(tfl_partition_init(&partition, &network->graph, network->lowered), 0);
		check_order(network, &partition);
		check_steps(network, &partition);
		ck_assert_uint_le(partition.step_count, plain_steps(network));
		fewer += partition.step_count < plain_steps(network);
		tfl_partition_finish(&partition);
	}
	ck_assert_msg(fewer > 200, "only %u of 500 graphs have fewer steps than the file's order", fewer);
	free(network);
}
END_TEST

/* Two chains side by side, kinds in turn: x1 p1 x2 p2 in the file, but one XNNPACK step is enough for x1 and x2. */
START_TEST(independent_work_is_gathered)
{
	struct network *network = calloc(1, sizeof(*network));
	struct tfl_partition partition;

	network->graph = (struct tfl_graph){.nodes = network->nodes, .values = network->values, .node_count = 4, .value_count = 6};
	for (uint32_t i = 0; i < 4; i++) {
		network->inputs[i][0] = i % 2 ? (int32_t)i - 1 : 4;
		network->outputs[i] = (int32_t)i;
		network->operators[i] = (struct tfl_operator){
			.inputs = network->inputs[i], .input_count = 1, .outputs = &network->outputs[i], .output_count = 1};
		network->nodes[i] = (struct tfl_node){.source = &network->operators[i]};
		network->values[i].producer = i;
		network->lowered[i] = i % 2 == 0;
	}
	network->values[4].producer = network->values[5].producer = TFL_NONE;
	ck_assert_int_eq(tfl_partition_init(&partition, &network->graph, network->lowered), 0);
	ck_assert_uint_eq(partition.step_count, 3);
	ck_assert(partition.steps[0].xnnpack);
	ck_assert_uint_eq(partition.steps[0].count, 2);
	tfl_partition_finish(&partition);
	ck_assert_ptr_null(partition.order);
	free(network);
}
END_TEST

/* A chain that XNNPACK could run in one step, were it not too long. */
START_TEST(steps_are_bounded)
{
	enum { COUNT = 2 * TFL_STEP_NODES_MAX + 10 };
	struct tfl_operator *operators = calloc(COUNT, sizeof(*operators));
	struct tfl_value *values = calloc(COUNT + 1, sizeof(*values));
	struct tfl_node *nodes = calloc(COUNT, sizeof(*nodes));
	int32_t *indices = calloc(COUNT + 1, sizeof(*indices));
	bool *lowered = calloc(COUNT, sizeof(*lowered));
	struct tfl_graph graph = {.nodes = nodes, .values = values, .node_count = COUNT, .value_count = COUNT + 1};
	struct tfl_partition partition;

	for (uint32_t i = 0; i <= COUNT; i++) {
		indices[i] = (int32_t)i;
		values[i].producer = i ? i - 1 : TFL_NONE;
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		operators[i] = (struct tfl_operator){.inputs = &indices[i], .input_count = 1, .outputs = &indices[i + 1], .output_count = 1};
		nodes[i].source = &operators[i];
		lowered[i] = true;
	}
	ck_assert_int_eq(tfl_partition_init(&partition, &graph, lowered), 0);
	ck_assert_uint_eq(partition.node_count, COUNT);
	ck_assert_uint_eq(partition.step_count, 3);
	ck_assert_uint_eq(partition.steps[1].count, TFL_STEP_NODES_MAX);
	ck_assert_uint_eq(partition.steps[2].count, 10);
	tfl_partition_finish(&partition);
	free(operators);
	free(values);
	free(nodes);
	free(indices);
	free(lowered);
}
END_TEST

START_TEST(empty_graph)
{
	struct tfl_graph graph = {0};
	struct tfl_partition partition;

	ck_assert_int_eq(tfl_partition_init(&partition, &graph, NULL), 0);
	ck_assert_uint_eq(partition.node_count, 0);
	ck_assert_uint_eq(partition.step_count, 0);
	tfl_partition_finish(&partition);
	tfl_partition_finish(&partition);
}
END_TEST

Suite *partition_suite(void)
{
	Suite *suite = suite_create("partition");
	TCase *tests = tcase_create("partition");

	tcase_add_test(tests, random_graphs_are_grouped_right);
	tcase_add_test(tests, independent_work_is_gathered);
	tcase_add_test(tests, steps_are_bounded);
	tcase_add_test(tests, empty_graph);
	suite_add_tcase(suite, tests);
	return suite;
}
