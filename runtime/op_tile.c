/* SPDX-License-Identifier: MIT */
/*
 * TILE: the input beside itself as often as the constant second input says, for each dimension. BROADCAST_TO: the input under the shape that
 * the constant second input lists, with numpy's broadcasting: dimensions of size 1 are repeated, and missing ones come in front.
 */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/kernel_move.h"

static int prepare_tile(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct tfl_move *move = node->params = tfl_graph_alloc(graph, sizeof(*move));
	ptrdiff_t from[TFL_RANK_MAX], to[TFL_RANK_MAX];
	int32_t times[TFL_RANK_MAX], dims[TFL_RANK_MAX];
	unsigned count;
	int r;

	if (!move)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, 1, TFL_RANK_MAX, times, &count, error);
	if (r < 0)
		return r;
	if (count != input->rank)
		return tfl_node_invalid(graph, node, error, "it repeats %u dimensions; the input has %u", count, input->rank);
	for (unsigned d = 0; d < input->rank; d++)
		if (times[d] < 0 || tfl_mul_overflow(input->dims[d], times[d], &dims[d]))
			return tfl_node_invalid(graph, node, error, "it repeats dimension %u, of size %d, %d times", d, input->dims[d], times[d]);
	r = tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
	if (r < 0)
		return r;
	tfl_move_init(move, tfl_dtype_size(input->dtype));
	tfl_move_strides(input, from);
	tfl_move_strides(output, to);
	for (unsigned d = input->rank; d-- > 0;) {
		tfl_move_add(move, (size_t)input->dims[d], from[d], to[d]);
		tfl_move_add(move, (size_t)times[d], 0, to[d] * input->dims[d]);
	}
	return 0;
}

static int prepare_broadcast_to(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct tfl_move *move = node->params = tfl_graph_alloc(graph, sizeof(*move));
	ptrdiff_t from[TFL_RANK_MAX], to[TFL_RANK_MAX];
	int32_t dims[TFL_RANK_MAX];
	unsigned rank, front;
	int r;

	if (!move)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, 1, TFL_RANK_MAX, dims, &rank, error);
	if (r < 0)
		return r;
	if (rank < input->rank)
		return tfl_node_invalid(graph, node, error, "the input has %u dimensions, and the output would have %u", input->rank, rank);
	front = rank - input->rank;
	for (unsigned d = front; d < rank; d++)
		if (input->dims[d - front] != 1 && input->dims[d - front] != dims[d])
			return tfl_node_invalid(graph, node, error, "dimension %u of the output is %d; the input's %d cannot become that", d, dims[d],
						input->dims[d - front]);
	r = tfl_node_set_shape(graph, node, 0, rank, dims, error);
	if (r < 0)
		return r;
	tfl_move_init(move, tfl_dtype_size(input->dtype));
	tfl_move_strides(input, from);
	tfl_move_strides(output, to);
	for (unsigned d = rank; d-- > 0;)
		tfl_move_add(move, (size_t)dims[d], d < front || input->dims[d - front] == 1 ? 0 : from[d - front], to[d]);
	return 0;
}

const struct tfl_op tfl_op_tile = {
	.code = TFL_BUILTIN_TILE,
	.options = TFL_OPTIONS_TILE,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 3,
	.name = "TILE",
	.types = "TN:T",
	.prepare = prepare_tile,
	.run = tfl_move_run,
};

const struct tfl_op tfl_op_broadcast_to = {
	.code = TFL_BUILTIN_BROADCAST_TO,
	.options = TFL_OPTIONS_BROADCAST_TO,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 3,
	.name = "BROADCAST_TO",
	.types = "TN:T",
	.prepare = prepare_broadcast_to,
	.run = tfl_move_run,
};
