/* SPDX-License-Identifier: MIT */
/*
 * RESHAPE: the same elements under another shape. The new shape is the constant second input, else the options' new_shape; one dimension
 * may be -1. SQUEEZE: the same, with dimensions of size 1 taken out: those that the options list, or all. EXPAND_DIMS: with one put in, where
 * the constant second input says.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"
#include "runtime/op.h"
#include "runtime/shape.h"

/* Integers of an option vector; a count of 0 when it is absent. */
static int option_ints(const struct tfl_graph *graph, const struct tfl_node *node, unsigned field, int32_t *ret_values, unsigned *ret_count,
		       struct tfl_error *error)
{
	struct tfl_fb_vector vector;
	int r = tfl_fb_vector(&node->source->options, field, sizeof(int32_t), &vector);

	if (r < 0 || (r == 0 && vector.count > TFL_RANK_MAX))
		return tfl_node_invalid(graph, node, error, "its options hold a damaged or too long list of dimensions; at most %d are right",
					TFL_RANK_MAX);
	*ret_count = r == 0 ? vector.count : 0;
	if (*ret_count)
		memcpy(ret_values, vector.data, *ret_count * sizeof(int32_t));
	return 0;
}

/* Replaces a -1 by what is left. */
static int infer_dimension(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *input, int32_t *dims,
			   unsigned rank, struct tfl_error *error)
{
	char wanted[TFL_SHAPE_STRING_MAX], given[TFL_SHAPE_STRING_MAX];
	size_t rest, elements;
	int unknown = -1;

	tfl_shape_to_string(dims, rank, wanted, sizeof(wanted));
	for (unsigned i = 0; i < rank; i++) {
		if (dims[i] != -1)
			continue;
		if (unknown >= 0)
			return tfl_node_invalid(graph, node, error, "the shape %s has more than one -1", wanted);
		unknown = (int)i;
		dims[i] = 1;
	}
	if (tfl_shape_elements(dims, rank, &rest) == 0) {
		if (unknown >= 0 && rest > 0)
			dims[unknown] = (int32_t)(input->elements / rest);
		if (tfl_shape_elements(dims, rank, &elements) == 0 && elements == input->elements)
			return 0;
	}
	return tfl_node_invalid(graph, node, error, "the input's shape %s cannot become %s: their elements differ",
				tfl_shape_to_string(input->dims, input->rank, given, sizeof(given)), wanted);
}

static int prepare_reshape(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t dims[TFL_RANK_MAX];
	unsigned rank;
	int r;

	if (tfl_node_input(graph, node, 1))
		r = tfl_node_const_ints(graph, node, 1, TFL_RANK_MAX, dims, &rank, error);
	else
		r = option_ints(graph, node, 0, dims, &rank, error);
	if (r < 0)
		return r;
	/* Old converters wrote a single 0 for the shape of a scalar. */
	if (rank == 1 && dims[0] == 0 && input->elements == 1)
		rank = 0;
	r = infer_dimension(graph, node, input, dims, rank, error);
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, rank, dims, error);
}

static int prepare_squeeze(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	bool squeezed[TFL_RANK_MAX] = {false};
	int32_t axes[TFL_RANK_MAX], dims[TFL_RANK_MAX];
	unsigned count, rank = 0;
	int r;

	r = option_ints(graph, node, 0, axes, &count, error);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < count; i++) {
		int axis = tfl_axis(axes[i], input->rank);

		if (axis < 0 || input->dims[axis] != 1)
			return tfl_node_invalid(graph, node, error, "dimension %d cannot be taken out: there is none, or its size is not 1", axes[i]);
		squeezed[axis] = true;
	}
	for (unsigned i = 0; i < input->rank; i++)
		if (!squeezed[i] && (count > 0 || input->dims[i] != 1))
			dims[rank++] = input->dims[i];
	return tfl_node_set_shape(graph, node, 0, rank, dims, error);
}

static int prepare_expand_dims(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t dims[TFL_RANK_MAX + 1];
	unsigned axis;
	int r;

	r = tfl_const_axis(graph, node, 1, input->rank + 1u, &axis, error);
	if (r < 0)
		return r;
	for (unsigned d = 0; d <= input->rank; d++)
		dims[d] = d < axis ? input->dims[d] : d == axis ? 1 : input->dims[d - 1];
	return tfl_node_set_shape(graph, node, 0, input->rank + 1u, dims, error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *value = tfl_node_output(lower->graph, node, 0);
	uint32_t input, output;
	size_t dims[TFL_RANK_MAX];
	int r;

	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r != 0)
		return r;
	for (unsigned i = 0; i < value->rank; i++)
		dims[i] = (size_t)value->dims[i];
	return tfl_lower_status(xnn_define_static_reshape(lower->subgraph, value->rank, dims, input, output, 0));
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	size_t bytes = tfl_node_output(run->graph, node, 0)->bytes;

	if (bytes > 0)
		memcpy(tfl_run_output(run, node, 0), tfl_run_input(run, node, 0), bytes);
	return 0;
}

const struct tfl_op tfl_op_reshape = {
	.code = TFL_BUILTIN_RESHAPE,
	.options = TFL_OPTIONS_RESHAPE,
	.inputs_min = 1,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 1,
	.name = "RESHAPE",
	.types = "TN:T",
	.prepare = prepare_reshape,
	.lower = lower,
	.run = run,
};

const struct tfl_op tfl_op_squeeze = {
	.code = TFL_BUILTIN_SQUEEZE,
	.options = TFL_OPTIONS_SQUEEZE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 2,
	.name = "SQUEEZE",
	.types = "T:T",
	.prepare = prepare_squeeze,
	.lower = lower,
	.run = run,
};

const struct tfl_op tfl_op_expand_dims = {
	.code = TFL_BUILTIN_EXPAND_DIMS,
	.options = TFL_OPTIONS_EXPAND_DIMS,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 1,
	.name = "EXPAND_DIMS",
	.types = "TN:T",
	.prepare = prepare_expand_dims,
	.lower = lower,
	.run = run,
};
