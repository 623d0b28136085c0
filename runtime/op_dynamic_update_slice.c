/* SPDX-License-Identifier: MIT */
/*
 * DYNAMIC_UPDATE_SLICE: the first input with a box of it replaced by the second. Where the box begins, the third input says, which may be
 * computed at run time; a box that would reach over an edge is moved to it.
 */
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/kernel_move.h"

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *update = tfl_node_input(graph, node, 1);
	const struct tfl_value *begin = tfl_node_input(graph, node, 2);
	char shapes[2][TFL_SHAPE_STRING_MAX];
	bool fits = update->rank == input->rank;

	if (begin->elements != input->rank)
		return tfl_node_invalid(graph, node, error, "where it begins has %zu elements; the input has %u dimensions", begin->elements, input->rank);
	for (unsigned d = 0; fits && d < input->rank; d++)
		fits = update->dims[d] <= input->dims[d];
	if (!fits)
		return tfl_node_invalid(graph, node, error, "an update of %s does not fit an input of %s",
					tfl_shape_to_string(update->dims, update->rank, shapes[0], sizeof(shapes[0])),
					tfl_shape_to_string(input->dims, input->rank, shapes[1], sizeof(shapes[1])));
	return tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *update = tfl_node_input(run->graph, node, 1);
	const struct tfl_value *begin = tfl_node_input(run->graph, node, 2), *output = tfl_node_output(run->graph, node, 0);
	int32_t at[TFL_RANK_MAX];
	struct tfl_move move;

	if (output->elements == 0)
		return 0;
	memcpy(tfl_run_output(run, node, 0), tfl_run_input(run, node, 0), output->bytes);
	for (unsigned d = 0; d < input->rank; d++) {
		int64_t first = tfl_index_at(begin->dtype, tfl_run_input(run, node, 2), d);
		int32_t last = input->dims[d] - update->dims[d];

		at[d] = first < 0 ? 0 : first > last ? last : (int32_t)first;
	}
	tfl_move_box(&move, update, NULL, output, at, update->dims);
	tfl_move_copy(&move, tfl_run_input(run, node, 1), tfl_run_output(run, node, 0));
	return 0;
}

const struct tfl_op tfl_op_dynamic_update_slice = {
	.code = TFL_BUILTIN_DYNAMIC_UPDATE_SLICE,
	.options = TFL_OPTIONS_DYNAMIC_UPDATE_SLICE,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 3,
	.name = "DYNAMIC_UPDATE_SLICE",
	.types = "TTN:T",
	.prepare = prepare,
	.run = run,
};
