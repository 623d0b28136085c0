/* SPDX-License-Identifier: MIT */
/* FILL: a tensor of the shape that the constant first input lists, every element the one of the second. */
#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_move.h"

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *element = tfl_node_input(graph, node, 1);
	int32_t dims[TFL_RANK_MAX];
	unsigned rank;
	int r;

	r = tfl_node_const_ints(graph, node, 0, TFL_RANK_MAX, dims, &rank, error);
	if (r < 0)
		return r;
	if (element->elements != 1)
		return tfl_node_invalid(graph, node, error, "it fills with %zu elements; one is right", element->elements);
	return tfl_node_set_shape(graph, node, 0, rank, dims, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);

	tfl_fill(tfl_run_output(run, node, 0), tfl_run_input(run, node, 1), tfl_dtype_size(output->dtype), output->elements);
	return 0;
}

const struct tfl_op tfl_op_fill = {
	.code = TFL_BUILTIN_FILL,
	.options = TFL_OPTIONS_FILL,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 4,
	.name = "FILL",
	.types = "NT:T",
	.prepare = prepare,
	.run = run,
};
