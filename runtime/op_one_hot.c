/* SPDX-License-Identifier: MIT */
/*
 * ONE_HOT: the output has a new dimension of the constant depth. Along it the element at each index is the third input, all others are the
 * fourth. An index outside has none.
 */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/kernel_move.h"
#include "runtime/shape.h"

enum { AXIS };
enum { INDICES, DEPTH, ON, OFF };

struct params {
	unsigned axis;
};

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *indices = tfl_node_input(graph, node, INDICES);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t depth, dims[TFL_RANK_MAX + 1];
	unsigned count;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, DEPTH, 1, &depth, &count, error);
	if (r == 0)
		r = tfl_option_axis(graph, node, AXIS, indices->rank + 1u, &params->axis, error);
	if (r < 0)
		return r;
	if (count != 1 || tfl_node_input(graph, node, ON)->elements != 1 || tfl_node_input(graph, node, OFF)->elements != 1)
		return tfl_node_invalid(graph, node, error, "its depth and its two elements must be one number each");
	for (unsigned d = 0; d <= indices->rank; d++)
		dims[d] = d < params->axis ? indices->dims[d] : d == params->axis ? depth : indices->dims[d - 1];
	return tfl_node_set_shape(graph, node, 0, indices->rank + 1u, dims, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *indices = tfl_node_input(run->graph, node, INDICES), *output = tfl_node_output(run->graph, node, 0);
	const void *data = tfl_run_input(run, node, INDICES), *on = tfl_run_input(run, node, ON);
	struct tfl_along along = tfl_along(output->dims, output->rank, params->axis);
	size_t size = tfl_dtype_size(output->dtype);
	uint8_t *to = tfl_run_output(run, node, 0);

	tfl_fill(to, tfl_run_input(run, node, OFF), size, output->elements);
	for (size_t i = 0; i < indices->elements; i++) {
		int64_t index = tfl_index_at(indices->dtype, data, i);

		if (index >= 0 && (uint64_t)index < along.size)
			tfl_fill(to + ((i / along.inner * along.size + (size_t)index) * along.inner + i % along.inner) * size, on, size, 1);
	}
	return 0;
}

const struct tfl_op tfl_op_one_hot = {
	.code = TFL_BUILTIN_ONE_HOT,
	.options = TFL_OPTIONS_ONE_HOT,
	.inputs_min = 4,
	.inputs_max = 4,
	.outputs = 1,
	.max_version = 1,
	.name = "ONE_HOT",
	.types = "NiTT:T",
	.prepare = prepare,
	.run = run,
};
