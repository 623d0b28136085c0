/* SPDX-License-Identifier: MIT */
/*
 * SHAPE: the sizes of the input's dimensions, RANK: how many there are, ZEROS_LIKE: a tensor of zeros with the input's shape. Nothing of them
 * depends on what the input holds, so all are computed at load.
 */
#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_move.h"
#include "runtime/quant.h"

static int prepare_shape(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return tfl_node_set_shape(graph, node, 0, 1, (int32_t[]){tfl_node_input(graph, node, 0)->rank}, error);
}

static int run_shape(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0);
	void *output = tfl_run_output(run, node, 0);

	for (unsigned d = 0; d < input->rank; d++) {
		if (tfl_node_output(run->graph, node, 0)->dtype == TFL_INT32)
			((int32_t *)output)[d] = input->dims[d];
		else
			((int64_t *)output)[d] = input->dims[d];
	}
	return 0;
}

static int prepare_rank(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return tfl_node_set_shape(graph, node, 0, 0, tfl_node_input(graph, node, 0)->dims, error);
}

static int run_rank(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	*(int32_t *)tfl_run_output(run, node, 0) = tfl_node_input(run->graph, node, 0)->rank;
	return 0;
}

static int prepare_zeros_like(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	int r = 0;

	if (output->quantized)
		r = tfl_check_quantized(graph, node, output, "output", error);
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static int run_zeros_like(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	tfl_fill_zero(tfl_node_output(run->graph, node, 0), tfl_run_output(run, node, 0));
	return 0;
}

const struct tfl_op tfl_op_shape = {
	.code = TFL_BUILTIN_SHAPE,
	.options = TFL_OPTIONS_SHAPE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 1,
	.name = "SHAPE",
	.types = ".:i .:l",
	.from_shapes = true,
	.prepare = prepare_shape,
	.run = run_shape,
};

const struct tfl_op tfl_op_rank = {
	.code = TFL_BUILTIN_RANK,
	.options = TFL_OPTIONS_RANK,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 1,
	.name = "RANK",
	.types = ".:i",
	.from_shapes = true,
	.prepare = prepare_rank,
	.run = run_rank,
};

const struct tfl_op tfl_op_zeros_like = {
	.code = TFL_BUILTIN_ZEROS_LIKE,
	.options = TFL_OPTIONS_ZEROS_LIKE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 1,
	.name = "ZEROS_LIKE",
	.types = "T:T",
	.from_shapes = true,
	.prepare = prepare_zeros_like,
	.run = run_zeros_like,
};
