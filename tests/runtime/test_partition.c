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

/* A chain of nodes, each of some work, that XNNPACK could run in one step. */
struct chain {
	struct tfl_operator *operators;
	struct tfl_value *values;
	struct tfl_node *nodes;
	int32_t *indices;
	bool *lowered;
	struct tfl_graph graph;
	struct tfl_partition partition;
};

static void chain_init(struct chain *chain, uint32_t count, uint64_t work)
{
	chain->operators = calloc(count, sizeof(*chain->operators));
	chain->values = calloc(count + 1, sizeof(*chain->values));
	chain->nodes = calloc(count, sizeof(*chain->nodes));
	chain->indices = calloc(count + 1, sizeof(*chain->indices));
	chain->lowered = calloc(count, sizeof(*chain->lowered));
	chain->graph = (struct tfl_graph){.nodes = chain->nodes, .values = chain->values, .node_count = count, .value_count = count + 1};
	for (uint32_t i = 0; i <= count; i++) {
		chain->indices[i] = (int32_t)i;
		chain->values[i].producer = i ? i - 1 : TFL_NONE;
	}
	for (uint32_t i = 0; i < count; i++) {
		int32_t *index = &chain->indices[i];

		chain->operators[i] = (struct tfl_operator){.inputs = index, .input_count = 1, .outputs = index + 1, .output_count = 1};
		chain->nodes[i].source = &chain->operators[i];
		chain->nodes[i].work = work;
		chain->lowered[i] = true;
	}
}

static void chain_cut(struct chain *chain)
{
	ck_assert_int_eq(tfl_partition_init(&chain->partition, &chain->graph, chain->lowered), 0);
	ck_assert_uint_eq(chain->partition.node_count, chain->graph.node_count);
}

static void chain_finish(struct chain *chain)
{
	tfl_partition_finish(&chain->partition);
	free(chain->operators);
	free(chain->values);
	free(chain->nodes);
	free(chain->indices);
	free(chain->lowered);
}

START_TEST(steps_are_bounded_in_operators)
{
	struct chain chain;

	chain_init(&chain, 2 * TFL_STEP_NODES_MAX + 10, 0);
	chain_cut(&chain);
	ck_assert_uint_eq(chain.partition.step_count, 3);
	ck_assert_uint_eq(chain.partition.steps[1].count, TFL_STEP_NODES_MAX);
	ck_assert_uint_eq(chain.partition.steps[2].count, 10);
	chain_finish(&chain);
}
END_TEST

/* So that a cancellation does not wait for long; an operator that has more by itself is a step by itself. */
START_TEST(steps_are_bounded_in_work)
{
	static const uint32_t counts[] = {4, 2, 1, 4, 4, 1};
	struct chain chain;

	chain_init(&chain, 16, TFL_STEP_WORK_MAX / 4);
	chain.nodes[6].work = 3 * TFL_STEP_WORK_MAX;
	chain_cut(&chain);
	ck_assert_uint_eq(chain.partition.step_count, TFL_ARRAY_SIZE(counts));
	for (size_t i = 0; i < TFL_ARRAY_SIZE(counts); i++)
		ck_assert_msg(chain.partition.steps[i].count == counts[i], "step %zu has %u operators", i, chain.partition.steps[i].count);
	chain_finish(&chain);
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
	tcase_add_test(tests, steps_are_bounded_in_operators);
	tcase_add_test(tests, steps_are_bounded_in_work);
	tcase_add_test(tests, empty_graph);
	suite_add_tcase(suite, tests);
	return suite;
}
