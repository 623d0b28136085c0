/* SPDX-License-Identifier: MIT */
/* TRANSPOSE: output dimension i is input dimension perm[i]. */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_move.h"
#include "runtime/lower.h"

struct params {
	struct tfl_move move;
	int32_t perm[TFL_RANK_MAX];
};

static void make_move(const struct tfl_value *input, const struct tfl_value *output, struct params *params)
{
	ptrdiff_t from[TFL_RANK_MAX], to[TFL_RANK_MAX];

	tfl_move_init(&params->move, tfl_dtype_size(input->dtype));
	tfl_move_strides(input, from);
	tfl_move_strides(output, to);
	for (unsigned d = output->rank; d-- > 0;)
		tfl_move_add(&params->move, (size_t)output->dims[d], from[params->perm[d]], to[d]);
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t dims[TFL_RANK_MAX];
	unsigned count, seen = 0;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, 1, TFL_RANK_MAX, params->perm, &count, error);
	if (r < 0)
		return r;
	if (count != input->rank)
		return tfl_node_invalid(graph, node, error, "the permutation has %u elements; the input has %u dimensions", count, input->rank);
	for (unsigned i = 0; i < count; i++) {
		if (params->perm[i] < 0)
			params->perm[i] += (int32_t)count;
		if (params->perm[i] < 0 || params->perm[i] >= (int32_t)count || seen & 1u << params->perm[i])
			return tfl_node_invalid(graph, node, error, "element %u of the permutation names no dimension, or one that another element names", i);
		seen |= 1u << params->perm[i];
		dims[i] = input->dims[params->perm[i]];
	}
	r = tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
	if (r == 0)
		make_move(input, output, params);
	return r;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	unsigned rank = tfl_node_input(lower->graph, node, 0)->rank;
	size_t perm[TFL_RANK_MAX];
	uint32_t input, output;
	int r;

	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r != 0)
		return r;
	for (unsigned i = 0; i < rank; i++)
		perm[i] = (size_t)params->perm[i];
	return tfl_lower_status(xnn_define_static_transpose(lower->subgraph, rank, perm, input, output, 0));
}

const struct tfl_op tfl_op_transpose = {
	.code = TFL_BUILTIN_TRANSPOSE,
	.options = TFL_OPTIONS_TRANSPOSE,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 6,
	.name = "TRANSPOSE",
	.types = "TN:T",
	.prepare = prepare,
	.lower = lower,
	.run = tfl_move_run,
};
