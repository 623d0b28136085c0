/* SPDX-License-Identifier: MIT */
/*
 * SELECT and SELECT_V2: an element of the second input where the condition holds, else of the third. SELECT_V2 broadcasts all three; SELECT
 * wants two of one shape and a condition of that shape, of one element, or with an element for each slice of the first dimension.
 * Quantisation does not matter: elements are copied.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/op.h"
#include "runtime/shape.h"

/* An element of complex128. */
struct pair {
	uint64_t halves[2];
};

/* A run of the innermost loop. A step is 1, or 0 where the same element is taken again and again. */
#define DEFINE_SELECT(name, type) \
	static void name(const uint8_t *restrict condition, const void *yes, const void *no, void *output, size_t count, \
			 const size_t *steps) \
	{ \
		const type *restrict a = yes, *restrict b = no; \
		type *restrict out = output; \
\
		if (steps[0] && steps[1] && steps[2]) { \
			for (size_t i = 0; i < count; i++) \
				out[i] = condition[i] ? a[i] : b[i]; \
			return; \
		} \
		for (size_t i = 0; i < count; i++) \
			out[i] = condition[i * steps[0]] ? a[i * steps[1]] : b[i * steps[2]]; \
	}

DEFINE_SELECT(select_1, uint8_t)
DEFINE_SELECT(select_2, uint16_t)
DEFINE_SELECT(select_4, uint32_t)
DEFINE_SELECT(select_8, uint64_t)
DEFINE_SELECT(select_16, struct pair)

static const struct {
	size_t size;
	void (*select)(const uint8_t *condition, const void *yes, const void *no, void *output, size_t count, const size_t *steps);
} loops[] = {{1, select_1}, {2, select_2}, {4, select_4}, {8, select_8}, {16, select_16}};

/* SELECT's condition as one that numpy's rules broadcast. */
static int shape_condition(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_value *condition, struct tfl_error *error)
{
	const struct tfl_value *yes = tfl_node_input(graph, node, 1), *no = tfl_node_input(graph, node, 2);
	size_t bytes = yes->rank * sizeof(*yes->dims);
	char shapes[3][TFL_SHAPE_STRING_MAX];

	if (yes->rank == no->rank && memcmp(yes->dims, no->dims, bytes) == 0) {
		if (condition->rank == 0 || (condition->rank == yes->rank && memcmp(condition->dims, yes->dims, bytes) == 0))
			return 0;
		if (condition->rank == 1 && yes->rank > 0 && condition->dims[0] == yes->dims[0]) {
			condition->rank = yes->rank;
			for (unsigned i = 1; i < yes->rank; i++)
				condition->dims[i] = 1;
			return 0;
		}
	}
	return tfl_node_invalid(graph, node, error, "a condition of shape %s does not choose between %s and %s",
				tfl_shape_to_string(condition->dims, condition->rank, shapes[0], sizeof(shapes[0])),
				tfl_shape_to_string(yes->dims, yes->rank, shapes[1], sizeof(shapes[1])),
				tfl_shape_to_string(no->dims, no->rank, shapes[2], sizeof(shapes[2])));
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct tfl_broadcast *broadcast = node->params = tfl_graph_alloc(graph, sizeof(*broadcast));
	struct tfl_value condition = *tfl_node_input(graph, node, 0);
	const struct tfl_value *values[] = {&condition, tfl_node_input(graph, node, 1), tfl_node_input(graph, node, 2)};
	int r;

	if (!broadcast)
		return -ENOMEM;
	r = node->source->code == TFL_BUILTIN_SELECT ? shape_condition(graph, node, &condition, error) : 0;
	if (r == 0)
		r = tfl_broadcast_init(broadcast, graph, node, values, 3, error);
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, broadcast->rank, broadcast->dims, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *value = tfl_node_output(run->graph, node, 0);
	const uint8_t *condition = tfl_run_input(run, node, 0), *yes = tfl_run_input(run, node, 1), *no = tfl_run_input(run, node, 2);
	uint8_t *output = tfl_run_output(run, node, 0);
	const struct tfl_broadcast *broadcast = node->params;
	unsigned inner = broadcast->loops - 1, kind = 0;
	size_t steps[] = {broadcast->strides[0][inner], broadcast->strides[1][inner], broadcast->strides[2][inner]};
	struct tfl_broadcast_at at = {0};

	if (value->elements == 0)
		return 0;
	while (loops[kind].size != tfl_dtype_size(value->dtype))
		kind++;
	do {
		loops[kind].select(condition + at.offsets[0], yes + at.offsets[1] * loops[kind].size, no + at.offsets[2] * loops[kind].size,
				   output + at.output * loops[kind].size, broadcast->counts[inner], steps);
	} while (tfl_broadcast_next(broadcast, &at));
	return 0;
}

const struct tfl_op tfl_op_select = {
	.code = TFL_BUILTIN_SELECT,
	.options = TFL_OPTIONS_SELECT,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 4,
	.name = "SELECT",
	.types = "zTT:T",
	.prepare = prepare,
	.run = run,
};

const struct tfl_op tfl_op_select_v2 = {
	.code = TFL_BUILTIN_SELECT_V2,
	.options = TFL_OPTIONS_SELECT_V2,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 2,
	.name = "SELECT_V2",
	.types = "zTT:T",
	.prepare = prepare,
	.run = run,
};
