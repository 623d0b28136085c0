/* SPDX-License-Identifier: MIT */
/*
 * SLICE: a box out of the input. The second input says where it begins, the third how many elements it has in each dimension; -1 is all that
 * are left. The beginning may be computed at run time, since the output's shape does not follow from it.
 */
#include <errno.h>

#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/kernel_move.h"
#include "runtime/lower.h"

struct params {
	struct tfl_move move;
	bool computed; /* each run brings its own beginning; there is no move */
	int32_t begin[TFL_RANK_MAX];
};

static int read_begin(const struct tfl_graph *graph, const struct tfl_node *node, struct params *params, unsigned *ret_count,
		      struct tfl_error *error)
{
	const struct tfl_value *begin = tfl_node_input(graph, node, 1);

	params->computed = !begin->data && begin->elements > 0;
	if (!params->computed)
		return tfl_node_const_ints(graph, node, 1, TFL_RANK_MAX, params->begin, ret_count, error);
	*ret_count = (unsigned)begin->elements;
	return 0;
}

static int find_size(const struct tfl_graph *graph, const struct tfl_node *node, const struct params *params, unsigned d, int32_t *size,
		     struct tfl_error *error)
{
	int32_t dim = tfl_node_input(graph, node, 0)->dims[d], begin = params->begin[d];

	if (*size == -1 && params->computed)
		tfl_node_want(graph, node, 1);
	if (*size == -1 && params->computed)
		return tfl_node_unsupported(graph, node, error, "its beginning is computed at run time, and with it the size of dimension %u", d);
	if (*size < -1 || begin < 0 || begin > dim || *size > dim - begin)
		return tfl_node_invalid(graph, node, error, "dimension %u has %d elements; a slice of %d from element %d on does not fit", d, dim, *size,
					begin);
	if (*size == -1)
		*size = dim - begin;
	return 0;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	unsigned begins = 0, sizes = 0;
	int32_t dims[TFL_RANK_MAX];
	int r;

	if (!params)
		return -ENOMEM;
	r = read_begin(graph, node, params, &begins, error);
	if (r == 0)
		r = tfl_node_const_ints(graph, node, 2, TFL_RANK_MAX, dims, &sizes, error);
	if (r < 0)
		return r;
	if (begins != input->rank || sizes != input->rank)
		return tfl_node_invalid(graph, node, error, "begin and size have %u and %u elements; the input has %u dimensions", begins, sizes,
					input->rank);
	for (unsigned d = 0; d < input->rank && r == 0; d++)
		r = find_size(graph, node, params, d, &dims[d], error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
	if (r == 0 && !params->computed)
		tfl_move_box(&params->move, input, params->begin, output, NULL, dims);
	return r;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *input = tfl_node_input(lower->graph, node, 0), *output = tfl_node_output(lower->graph, node, 0);
	const struct params *params = node->params;

	return params->computed ? 1 : tfl_lower_slice(lower, input, params->begin, output->dims, output);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *begin = tfl_node_input(run->graph, node, 1);
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);
	const struct params *params = node->params;
	const void *data = tfl_run_input(run, node, 1);
	int32_t at[TFL_RANK_MAX];
	struct tfl_move move;
	int r;

	if (!params->computed)
		return tfl_move_run(run, node, error);
	for (unsigned d = 0; d < input->rank; d++) {
		r = tfl_index_check(run->graph, node, 1, data, d, input->rank, (int64_t)input->dims[d] - output->dims[d] + 1, error);
		if (r < 0)
			return r;
		at[d] = (int32_t)tfl_index_at(begin->dtype, data, d);
	}
	tfl_move_box(&move, input, at, output, NULL, output->dims);
	tfl_move_copy(&move, tfl_run_input(run, node, 0), tfl_run_output(run, node, 0));
	return 0;
}

const struct tfl_op tfl_op_slice = {
	.code = TFL_BUILTIN_SLICE,
	.options = TFL_OPTIONS_SLICE,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 6,
	.name = "SLICE",
	.types = "TNN:T",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
