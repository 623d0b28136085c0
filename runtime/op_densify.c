/* SPDX-License-Identifier: MIT */
/*
 * DENSIFY: a constant that is stored sparse, as a dense one. The graph has expanded it already, as it does for every operator that reads
 * such a constant; what is left is to hand it on.
 */
#include <string.h>

#include "base/error.h"
#include "runtime/op.h"

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);

	return tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	memcpy(tfl_run_output(run, node, 0), tfl_run_input(run, node, 0), tfl_node_input(run->graph, node, 0)->bytes);
	return 0;
}

const struct tfl_op tfl_op_densify = {
	.code = TFL_BUILTIN_DENSIFY,
	.options = TFL_OPTIONS_DENSIFY,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 1,
	.name = "DENSIFY",
	.types = "f:f h:h b:b",
	.prepare = prepare,
	.run = run,
};
