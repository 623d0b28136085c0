/* SPDX-License-Identifier: MIT */
/*
 * RANGE: start, start + delta, … as long as limit is not reached. All three are constants, since they say how many there are, so it is computed
 * at load. A float is the one before it plus delta, rounded each time.
 */
#include <math.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/op.h"

enum { START, LIMIT, DELTA };

static float real_at(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input)
{
	return *(const float *)tfl_node_input(graph, node, input)->data;
}

static int64_t integer_at(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input)
{
	const struct tfl_value *value = tfl_node_input(graph, node, input);

	return tfl_index_at(value->dtype, value->data, 0);
}

/* Steps of delta from start to limit; negative when they lead away from it. What no size holds is more than any allowed. */
static double count_reals(const struct tfl_graph *graph, const struct tfl_node *node)
{
	float steps = (real_at(graph, node, LIMIT) - real_at(graph, node, START)) / real_at(graph, node, DELTA);

	return isfinite(steps) ? (double)ceilf(steps) : INFINITY;
}

static double count_integers(const struct tfl_graph *graph, const struct tfl_node *node)
{
	int64_t start = integer_at(graph, node, START), limit = integer_at(graph, node, LIMIT), delta = integer_at(graph, node, DELTA);
	uint64_t distance = limit > start ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
	uint64_t step = delta < 0 ? -(uint64_t)delta : (uint64_t)delta;

	if (step == 0)
		return INFINITY;
	return (limit > start) == (delta > 0) || distance == 0 ? (double)(distance / step + (distance % step > 0)) : -1;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	double count;

	for (uint32_t i = START; i <= DELTA; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);

		tfl_node_want(graph, node, i);
		if (!value->data)
			return tfl_node_unsupported(graph, node, error, "input %u is computed at run time, and with it the output's shape", i);
		if (value->elements != 1)
			return tfl_node_invalid(graph, node, error, "input %u has %zu elements; one is right", i, value->elements);
	}
	count = tfl_node_output(graph, node, 0)->dtype == TFL_FLOAT32 ? count_reals(graph, node) : count_integers(graph, node);
	if (!(count >= 0 && count <= INT32_MAX))
		return tfl_node_invalid(graph, node, error, "its delta does not lead from start to limit, or in too many steps");
	return tfl_node_set_shape(graph, node, 0, 1, (int32_t[]){(int32_t)count}, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);
	void *data = tfl_run_output(run, node, 0);
	uint64_t start, delta;

	if (output->dtype == TFL_FLOAT32) {
		float value = real_at(run->graph, node, START);

		for (size_t i = 0; i < output->elements; i++, value += real_at(run->graph, node, DELTA))
			((float *)data)[i] = value;
		return 0;
	}
	start = (uint64_t)integer_at(run->graph, node, START);
	delta = (uint64_t)integer_at(run->graph, node, DELTA);
	for (size_t i = 0; i < output->elements; i++) {
		if (output->dtype == TFL_INT32)
			((int32_t *)data)[i] = (int32_t)(start + i * delta);
		else
			((int64_t *)data)[i] = (int64_t)(start + i * delta);
	}
	return 0;
}

const struct tfl_op tfl_op_range = {
	.code = TFL_BUILTIN_RANGE,
	.options = TFL_OPTIONS_RANGE,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 2,
	.name = "RANGE",
	.types = "iii:i lll:l fff:f",
	.prepare = prepare,
	.run = run,
};
