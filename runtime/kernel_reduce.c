/* SPDX-License-Identifier: MIT */
/*
 * The input is read once, from its first element to its last. The innermost loop either folds a row into one accumulator or adds a row to a
 * row of them, so both are plain loops over neighbours.
 */
#include "runtime/kernel_reduce.h"

#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"
#include "runtime/shape.h"

enum { KEEP_DIMS };

static int find_axes(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_reduce *reduce, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int r = tfl_const_axes(graph, node, 1, input->rank, reduce->reduced, error);

	reduce->count = 1;
	for (unsigned d = 0; r == 0 && d < input->rank; d++)
		reduce->count *= reduce->reduced[d] ? input->dims[d] : 1;
	return r;
}

/* Finds the loops from the inside out, then turns them round. */
static void find_loops(const struct tfl_value *input, struct tfl_reduce *reduce)
{
	bool reduced = false;
	size_t stride = 1;

	for (unsigned d = input->rank; d-- > 0;) {
		size_t size = (size_t)input->dims[d];

		if (size == 1)
			continue;
		if (reduce->loops == 0 || reduced != reduce->reduced[d]) {
			reduce->counts[reduce->loops] = 1;
			reduce->strides[reduce->loops++] = reduce->reduced[d] ? 0 : stride;
		}
		reduced = reduce->reduced[d];
		reduce->counts[reduce->loops - 1] *= size;
		stride *= reduced ? 1 : size;
	}
	if (reduce->loops == 0)
		reduce->counts[reduce->loops++] = 1;
	for (unsigned a = 0, b = reduce->loops - 1; a < b; a++, b--) {
		size_t count = reduce->counts[a], other = reduce->strides[a];

		reduce->counts[a] = reduce->counts[b];
		reduce->counts[b] = count;
		reduce->strides[a] = reduce->strides[b];
		reduce->strides[b] = other;
	}
}

static int set_shape(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_reduce *reduce, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = 0;

	for (unsigned d = 0; d < input->rank; d++) {
		if (!reduce->reduced[d])
			dims[rank++] = input->dims[d];
		else if (reduce->keep_dims)
			dims[rank++] = 1;
	}
	return tfl_node_set_shape(graph, node, 0, rank, dims, error);
}

int tfl_reduce_prepare(struct tfl_graph *graph, struct tfl_node *node, const struct tfl_fold *folds, size_t count, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct tfl_reduce *reduce = node->params = tfl_graph_alloc(graph, sizeof(*reduce));
	int r;

	if (!reduce)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (folds[i].dtype == input->dtype)
			reduce->fold = &folds[i];
	reduce->dtype = input->dtype;
	reduce->keep_dims = tfl_fb_bool(&node->source->options, KEEP_DIMS, false);
	reduce->input_zero_point = input->zero_point;
	reduce->output_zero_point = output->zero_point;
	r = tfl_activation_range(graph, node, TFL_ACTIVATION_NONE, output, &reduce->range, error);
	if (r == 0)
		r = find_axes(graph, node, reduce, error);
	if (r == 0)
		r = set_shape(graph, node, reduce, error);
	if (r < 0)
		return r;
	find_loops(input, reduce);
	node->scratch_bytes = output->elements * reduce->fold->accumulator_size;
	return 0;
}

int tfl_reduce_lower(struct tfl_lower *lower, const struct tfl_node *node, enum xnn_reduce_operator operator)
{
	const struct tfl_value *from = tfl_node_input(lower->graph, node, 0), *to = tfl_node_output(lower->graph, node, 0);
	const struct tfl_reduce *reduce = node->params;
	bool integers = from->dtype != TFL_FLOAT32;
	int64_t axes[TFL_RANK_MAX];
	uint32_t input, output;
	size_t count = 0;
	int r;

	for (unsigned d = 0; d < from->rank; d++)
		if (reduce->reduced[d])
			axes[count++] = d;
	/* Integers are summed in 32 bits, with their zero points. */
	if (count == 0 || (integers && (tfl_lower_ratio(from->scale / to->scale, 0x1p-32f, 0x1p8f) || reduce->count > INT32_MAX / 255)))
		return 1;
	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r != 0)
		return r;
	return tfl_lower_status(xnn_define_static_reduce_v2(lower->subgraph, operator, count, axes, input, output,
							    reduce->keep_dims ? XNN_FLAG_KEEP_DIMS : 0));
}

/* Moves on by one row: true, or false past the last. */
static bool advance(const struct tfl_reduce *reduce, size_t *index, size_t *position)
{
	for (unsigned loop = reduce->loops - 1; loop-- > 0;) {
		*position += reduce->strides[loop];
		if (++index[loop] < reduce->counts[loop])
			return true;
		*position -= reduce->strides[loop] * index[loop];
		index[loop] = 0;
	}
	return false;
}

int tfl_reduce_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_reduce *reduce = node->params;
	const struct tfl_fold *fold = reduce->fold;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	size_t inner = reduce->counts[reduce->loops - 1], index[TFL_RANK_MAX] = {0}, position = 0;
	const uint8_t *elements = tfl_run_input(run, node, 0);
	bool along = reduce->strides[reduce->loops - 1] == 0;
	size_t apart = fold->accumulator_size;

	fold->fill(run->scratch, output->elements);
	if (input->elements > 0) {
		do {
			(along ? fold->row : fold->columns)(reduce, elements, inner, (uint8_t *)run->scratch + position * apart);
			elements += inner * tfl_dtype_size(input->dtype);
		} while (advance(reduce, index, &position));
	}
	fold->finish(reduce, run->scratch, output->elements, tfl_run_output(run, node, 0));
	return 0;
}
