/* SPDX-License-Identifier: MIT */
/*
 * SPACE_TO_DEPTH: a picture is cut into squares of block x block pixels, and each becomes one pixel that has all their channels, row by row.
 * DEPTH_TO_SPACE: the other way round. Both are one walk over the squares and the pixels of each, on the flat side [batches, height, width,
 * channels] and on the deep side.
 */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_move.h"
#include "runtime/lower.h"

enum { BLOCK };

struct params {
	struct tfl_move move;
	int32_t block;
};

/* A dimension of the walk, from the flat side to the deep one or back. */
static void add(struct tfl_move *move, bool to_deep, int32_t count, ptrdiff_t flat, ptrdiff_t deep)
{
	tfl_move_add(move, (size_t)count, to_deep ? flat : deep, to_deep ? deep : flat);
}

static void make_move(struct params *params, const struct tfl_value *flat, const struct tfl_value *deep, bool to_deep)
{
	ptrdiff_t flats[TFL_RANK_MAX], deeps[TFL_RANK_MAX];
	struct tfl_move *move = &params->move;
	int32_t block = params->block;

	tfl_move_init(move, tfl_dtype_size(flat->dtype));
	move->empty = flat->elements == 0;
	if (move->empty)
		return;
	tfl_move_strides(flat, flats);
	tfl_move_strides(deep, deeps);
	add(move, to_deep, flat->dims[3], flats[3], deeps[3]);
	add(move, to_deep, block, flats[2], flats[2]);
	add(move, to_deep, block, flats[1], block * flats[2]);
	add(move, to_deep, deep->dims[2], block * flats[2], deeps[2]);
	add(move, to_deep, deep->dims[1], block * flats[1], deeps[1]);
	add(move, to_deep, flat->dims[0], flats[0], deeps[0]);
}

/* A product of sizes; what no size holds is refused as negative later. */
static int32_t times(int64_t size, int64_t block)
{
	return size * block > INT32_MAX ? -1 : (int32_t)(size * block);
}

static int begin(struct tfl_graph *graph, struct tfl_node *node, struct params **ret_params, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));

	if (!params)
		return -ENOMEM;
	params->block = tfl_fb_i32(&node->source->options, BLOCK, 0);
	if (input->rank != 4)
		return tfl_node_invalid(graph, node, error, "the input has %u dimensions; 4 are right", input->rank);
	if (params->block < 1)
		return tfl_node_invalid(graph, node, error, "its block size is %d", params->block);
	*ret_params = params;
	return 0;
}

static int prepare_space_to_depth(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	const int32_t *dims = input->dims;
	struct params *params;
	int32_t block, depth;
	int r;

	r = begin(graph, node, &params, error);
	if (r < 0)
		return r;
	block = params->block;
	if (dims[1] % block || dims[2] % block)
		return tfl_node_invalid(graph, node, error, "%d x %d pixels are no squares of %d x %d", dims[1], dims[2], block, block);
	depth = times(dims[3], block);
	r = tfl_node_set_shape(graph, node, 0, 4, (int32_t[]){dims[0], dims[1] / block, dims[2] / block, depth < 0 ? -1 : times(depth, block)},
			       error);
	if (r == 0)
		make_move(params, input, output, true);
	return r;
}

static int prepare_depth_to_space(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	const int32_t *dims = input->dims;
	struct params *params;
	int64_t square;
	int r;

	r = begin(graph, node, &params, error);
	if (r < 0)
		return r;
	square = (int64_t)params->block * params->block;
	if (dims[3] % square)
		return tfl_node_invalid(graph, node, error, "%d channels are not those of %d x %d pixels", dims[3], params->block, params->block);
	r = tfl_node_set_shape(graph, node, 0, 4, (int32_t[]){dims[0], times(dims[1], params->block), times(dims[2], params->block),
							      (int32_t)(dims[3] / square)}, error);
	if (r == 0)
		make_move(params, output, input, false);
	return r;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	uint32_t block = (uint32_t)((const struct params *)node->params)->block, input, output;
	int r;

	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r != 0)
		return r;
	if (node->source->code == TFL_BUILTIN_SPACE_TO_DEPTH)
		return tfl_lower_status(xnn_define_space_to_depth_2d(lower->subgraph, block, input, output, 0));
	return tfl_lower_status(xnn_define_depth_to_space_2d(lower->subgraph, block, input, output, 0));
}

const struct tfl_op tfl_op_space_to_depth = {
	.code = TFL_BUILTIN_SPACE_TO_DEPTH,
	.options = TFL_OPTIONS_SPACE_TO_DEPTH,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 2,
	.name = "SPACE_TO_DEPTH",
	.types = "T:T",
	.prepare = prepare_space_to_depth,
	.lower = lower,
	.run = tfl_move_run,
};

const struct tfl_op tfl_op_depth_to_space = {
	.code = TFL_BUILTIN_DEPTH_TO_SPACE,
	.options = TFL_OPTIONS_DEPTH_TO_SPACE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 2,
	.name = "DEPTH_TO_SPACE",
	.types = "T:T",
	.prepare = prepare_depth_to_space,
	.lower = lower,
	.run = tfl_move_run,
};
