/* SPDX-License-Identifier: MIT */
/* REVERSE_V2: the dimensions that the constant second input names run backwards. */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_move.h"
#include "runtime/shape.h"

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct tfl_move *move = node->params = tfl_graph_alloc(graph, sizeof(*move));
	ptrdiff_t strides[TFL_RANK_MAX];
	bool reversed[TFL_RANK_MAX];
	int r;

	if (!move)
		return -ENOMEM;
	r = tfl_const_axes(graph, node, 1, input->rank, reversed, error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
	if (r < 0)
		return r;
	tfl_move_init(move, tfl_dtype_size(input->dtype));
	tfl_move_strides(input, strides);
	for (unsigned d = input->rank; d-- > 0;) {
		tfl_move_add(move, (size_t)input->dims[d], reversed[d] ? -strides[d] : strides[d], strides[d]);
		move->from_offset += reversed[d] ? (input->dims[d] - 1) * strides[d] : 0;
	}
	return 0;
}

const struct tfl_op tfl_op_reverse_v2 = {
	.code = TFL_BUILTIN_REVERSE_V2,
	.options = TFL_OPTIONS_REVERSE_V2,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 3,
	.name = "REVERSE_V2",
	.types = "TN:T",
	.prepare = prepare,
	.run = tfl_move_run,
};
