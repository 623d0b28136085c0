/* SPDX-License-Identifier: MIT */
/*
 * CUMSUM: each element becomes the sum of those up to it along an axis, the constant second input. Exclusive: without itself; reverse: from
 * the end. Integers wrap.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "runtime/op.h"
#include "runtime/shape.h"

enum { EXCLUSIVE, REVERSE };

struct params {
	struct tfl_along along;
	bool exclusive, reverse;
};

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	unsigned axis;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_const_axis(graph, node, 1, input->rank, &axis, error);
	if (r < 0)
		return r;
	params->along = tfl_along(input->dims, input->rank, axis);
	params->exclusive = tfl_fb_bool(&node->source->options, EXCLUSIVE, false);
	params->reverse = tfl_fb_bool(&node->source->options, REVERSE, false);
	return tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

/* One row of the output comes of the row before it. */
#define DEFINE_ROW(name, type) \
	static void row_##name(const struct params *params, const void *input, size_t at, size_t before, bool first, void *output) \
	{ \
		const type *x = (const type *)input + (params->exclusive ? before : at); \
		const type *sum = (const type *)output + before; \
		type *to = (type *)output + at; \
\
		for (size_t i = 0; i < params->along.inner; i++) \
			to[i] = first ? (params->exclusive ? 0 : x[i]) : sum[i] + x[i]; \
	}

DEFINE_ROW(float32, float)
DEFINE_ROW(int32, uint32_t)
DEFINE_ROW(int64, uint64_t)

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_along *along = &params->along;
	const struct tfl_value *value = tfl_node_input(run->graph, node, 0);
	void (*row)(const struct params *, const void *, size_t, size_t, bool, void *) =
		value->dtype == TFL_FLOAT32 ? row_float32 : value->dtype == TFL_INT32 ? row_int32 : row_int64;
	const void *input = tfl_run_input(run, node, 0);
	void *output = tfl_run_output(run, node, 0);

	for (size_t outer = 0; value->elements > 0 && outer < along->outer; outer++) {
		size_t before = 0;

		for (size_t i = 0; i < along->size; i++) {
			size_t at = (outer * along->size + (params->reverse ? along->size - 1 - i : i)) * along->inner;

			row(params, input, at, i == 0 ? at : before, i == 0, output);
			before = at;
		}
	}
	return 0;
}

const struct tfl_op tfl_op_cumsum = {
	.code = TFL_BUILTIN_CUMSUM,
	.options = TFL_OPTIONS_CUMSUM,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 1,
	.name = "CUMSUM",
	.types = "fN:f iN:i lN:l",
	.prepare = prepare,
	.run = run,
};
