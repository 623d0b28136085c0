/* SPDX-License-Identifier: MIT */
/*
 * GATHER: along one axis, the slices of the input that the second input names, whatever its shape: that takes the axis's place in the output's.
 * The first batch_dims dimensions belong to both: each of their positions is a gathering of its own.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/op.h"
#include "runtime/shape.h"

enum { AXIS, BATCH_DIMS };

struct params {
	unsigned axis;
	size_t batches, outer; /* gatherings, and slices of each that lie apart */
	size_t count;          /* indices of one gathering */
	size_t bytes;          /* that lie together */
};

static int read_batch_dims(const struct tfl_graph *graph, const struct tfl_node *node, unsigned axis, unsigned *ret_count, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *indices = tfl_node_input(graph, node, 1);
	int32_t given = tfl_fb_i32(&node->source->options, BATCH_DIMS, 0), count = given < 0 ? given + indices->rank : given;

	if (count < 0 || count > indices->rank || (unsigned)count > axis)
		return tfl_node_invalid(graph, node, error, "it has %d batch dimensions before axis %u, and indices of %u dimensions", given, axis,
					indices->rank);
	for (int32_t d = 0; d < count; d++)
		if (input->dims[d] != indices->dims[d])
			return tfl_node_invalid(graph, node, error, "batch dimension %d has %d elements, and %d in the indices", d, input->dims[d],
						indices->dims[d]);
	*ret_count = (unsigned)count;
	return 0;
}

static size_t product(const int32_t *dims, unsigned first, unsigned end)
{
	size_t elements = 1;

	for (unsigned d = first; d < end; d++)
		elements *= (size_t)dims[d];
	return elements;
}

static int set_shape(const struct tfl_graph *graph, const struct tfl_node *node, unsigned axis, unsigned batch_dims, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *indices = tfl_node_input(graph, node, 1);
	int32_t dims[2 * TFL_RANK_MAX];
	unsigned rank = 0;

	for (unsigned d = 0; d < axis; d++)
		dims[rank++] = input->dims[d];
	for (unsigned d = batch_dims; d < indices->rank; d++)
		dims[rank++] = indices->dims[d];
	for (unsigned d = axis + 1; d < input->rank; d++)
		dims[rank++] = input->dims[d];
	return tfl_node_set_shape(graph, node, 0, rank, dims, error);
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *indices = tfl_node_input(graph, node, 1);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	unsigned batch_dims = 0;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_option_axis(graph, node, AXIS, input->rank, &params->axis, error);
	if (r == 0)
		r = read_batch_dims(graph, node, params->axis, &batch_dims, error);
	if (r == 0)
		r = set_shape(graph, node, params->axis, batch_dims, error);
	if (r == 0 && indices->data)
		r = tfl_index_check(graph, node, 1, indices->data, 0, 1, input->dims[params->axis], error);
	if (r < 0)
		return r;
	params->batches = product(input->dims, 0, batch_dims);
	params->outer = product(input->dims, batch_dims, params->axis);
	params->count = product(indices->dims, batch_dims, indices->rank);
	params->bytes = product(input->dims, params->axis + 1, input->rank) * tfl_dtype_size(input->dtype);
	return 0;
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *indices = tfl_node_input(run->graph, node, 1);
	const struct params *params = node->params;
	const void *data = tfl_run_input(run, node, 1);
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	int r = 0;

	if (!indices->data)
		r = tfl_index_check(run->graph, node, 1, data, 0, 1, input->dims[params->axis], error);
	if (r < 0 || tfl_node_output(run->graph, node, 0)->elements == 0)
		return r;
	for (size_t b = 0; b < params->batches; b++) {
		for (size_t o = 0; o < params->outer; o++) {
			tfl_index_gather(indices->dtype, data, b * params->count, params->count, from, params->bytes, to);
			from += (size_t)input->dims[params->axis] * params->bytes;
			to += params->count * params->bytes;
		}
	}
	return 0;
}

const struct tfl_op tfl_op_gather = {
	.code = TFL_BUILTIN_GATHER,
	.options = TFL_OPTIONS_GATHER,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 7,
	.name = "GATHER",
	.types = "TN:T Ts:T",
	.prepare = prepare,
	.run = run,
};
