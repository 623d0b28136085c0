/* SPDX-License-Identifier: MIT */
/*
 * SPLIT and SPLIT_V: consecutive parts of a tensor along an axis, an output each. All are of one size, or of the sizes that a constant lists,
 * where one may be -1: what is left. UNPACK: parts of size 1, and their dimension gone.
 *
 * In XNNPACK a part is a slice; its even split makes the same copies, but of equal parts alone.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/kernel_move.h"
#include "runtime/lower.h"
#include "runtime/shape.h"

enum { SPLITS };
enum { UNPACK_COUNT, UNPACK_AXIS };

/* Every part is a node of XNNPACK, and those of one step are bounded. */
#define LOWERED_PARTS_MAX 4

struct params {
	uint32_t input; /* the one that is split */
	unsigned axis;
};

static int check_count(const struct tfl_graph *graph, const struct tfl_node *node, int32_t count, struct tfl_error *error)
{
	if (count < 1 || (uint32_t)count != node->source->output_count)
		return tfl_node_invalid(graph, node, error, "its options say %d parts, but it has %u outputs", count, node->source->output_count);
	return 0;
}

/* Reads the axis of SPLIT or SPLIT_V, and checks their number of parts. */
static int prepare_parts(struct tfl_graph *graph, struct tfl_node *node, uint32_t input, uint32_t axis_input, struct params **ret_params,
			 struct tfl_error *error)
{
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int r;

	if (!params)
		return -ENOMEM;
	params->input = input;
	r = check_count(graph, node, tfl_fb_i32(&node->source->options, SPLITS, 0), error);
	if (r == 0)
		r = tfl_const_axis(graph, node, axis_input, tfl_node_input(graph, node, input)->rank, &params->axis, error);
	*ret_params = params;
	return r;
}

static int set_part(const struct tfl_graph *graph, const struct tfl_node *node, const struct params *params, uint32_t output, int64_t size,
		    struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, params->input);
	int32_t dims[TFL_RANK_MAX];

	memcpy(dims, input->dims, sizeof(dims));
	dims[params->axis] = (int32_t)size;
	return tfl_node_set_shape(graph, node, output, input->rank, dims, error);
}

static int prepare_split(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	uint32_t count = node->source->output_count;
	struct params *params;
	int32_t dim;
	int r;

	r = prepare_parts(graph, node, 1, 0, &params, error);
	if (r < 0)
		return r;
	dim = tfl_node_input(graph, node, 1)->dims[params->axis];
	if ((uint32_t)dim % count)
		return tfl_node_invalid(graph, node, error, "dimension %u has %d elements, which are not %u equal parts", params->axis, dim, count);
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = set_part(graph, node, params, i, (uint32_t)dim / count, error);
	return r;
}

/* Elements that the listed sizes leave for a part of -1. */
static int find_rest(const struct tfl_graph *graph, const struct tfl_node *node, const struct params *params, int64_t *ret_rest,
		     struct tfl_error *error)
{
	const struct tfl_value *sizes = tfl_node_input(graph, node, 1);
	int32_t dim = tfl_node_input(graph, node, 0)->dims[params->axis];
	int64_t rest = dim;
	unsigned unknown = 0;

	for (size_t i = 0; i < sizes->elements; i++) {
		int64_t size = tfl_index_at(sizes->dtype, sizes->data, i);

		if (size < -1 || size > rest)
			return tfl_node_invalid(graph, node, error, "part %zu has a size of %lld; %lld of %d elements are left", i, (long long)size,
						(long long)rest, dim);
		unknown += size == -1;
		rest -= size == -1 ? 0 : size;
	}
	if (unknown > 1 || (unknown == 0 && rest > 0))
		return tfl_node_invalid(graph, node, error, "its parts leave %lld of %d elements for %u parts of size -1", (long long)rest, dim, unknown);
	*ret_rest = rest;
	return 0;
}

static int prepare_split_v(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *sizes = tfl_node_input(graph, node, 1);
	struct params *params;
	int64_t rest = 0;
	int r;

	r = prepare_parts(graph, node, 0, 2, &params, error);
	if (r < 0)
		return r;
	tfl_node_want(graph, node, 1);
	if (!sizes->data)
		return tfl_node_unsupported(graph, node, error, "the sizes of its parts are computed at run time; they must be a constant");
	if (sizes->elements != node->source->output_count)
		return tfl_node_invalid(graph, node, error, "it has %zu sizes for %u outputs", sizes->elements, node->source->output_count);
	r = find_rest(graph, node, params, &rest, error);
	for (uint32_t i = 0; r == 0 && i < sizes->elements; i++) {
		int64_t size = tfl_index_at(sizes->dtype, sizes->data, i);

		r = set_part(graph, node, params, i, size == -1 ? rest : size, error);
	}
	return r;
}

static int prepare_unpack(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t dims[TFL_RANK_MAX], count = tfl_fb_i32(&node->source->options, UNPACK_COUNT, 0);
	int r;

	if (!params)
		return -ENOMEM;
	r = check_count(graph, node, count, error);
	if (r == 0)
		r = tfl_option_axis(graph, node, UNPACK_AXIS, input->rank, &params->axis, error);
	if (r == 0 && count != input->dims[params->axis])
		return tfl_node_invalid(graph, node, error, "its options say %d parts, but dimension %u has %d elements", count, params->axis,
					input->dims[params->axis]);
	for (unsigned d = 0, rank = 0; d < input->rank; d++)
		if (d != params->axis)
			dims[rank++] = input->dims[d];
	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++)
		r = tfl_node_set_shape(graph, node, i, input->rank - 1u, dims, error);
	return r;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_input(lower->graph, node, params->input);
	int32_t begin[TFL_RANK_MAX] = {0};
	int r = node->source->output_count > LOWERED_PARTS_MAX;

	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++) {
		const struct tfl_value *output = tfl_node_output(lower->graph, node, i);

		r = tfl_lower_slice(lower, input, begin, output->dims, output);
		begin[params->axis] += output->dims[params->axis];
	}
	return r;
}

/* The input is so many rows, each with a stretch of every output. */
static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, params->input);
	const uint8_t *from = tfl_run_input(run, node, params->input);
	size_t rows = tfl_along(input->dims, input->rank, params->axis).outer;

	for (uint32_t i = 0; rows > 0 && i < node->source->output_count; i++) {
		size_t bytes = tfl_node_output(run->graph, node, i)->bytes / rows;
		struct tfl_move move;

		tfl_move_init(&move, bytes);
		tfl_move_add(&move, rows, (ptrdiff_t)(input->bytes / rows), (ptrdiff_t)bytes);
		tfl_move_copy(&move, from, tfl_run_output(run, node, i));
		from += bytes;
	}
	return 0;
}

const struct tfl_op tfl_op_split = {
	.code = TFL_BUILTIN_SPLIT,
	.options = TFL_OPTIONS_SPLIT,
	.inputs_min = 2,
	.inputs_max = 2,
	.max_version = 4,
	.name = "SPLIT",
	.types = "iT:T*",
	.prepare = prepare_split,
	.lower = lower,
	.run = run,
};

const struct tfl_op tfl_op_split_v = {
	.code = TFL_BUILTIN_SPLIT_V,
	.options = TFL_OPTIONS_SPLIT_V,
	.inputs_min = 3,
	.inputs_max = 3,
	.max_version = 2,
	.name = "SPLIT_V",
	.types = "TNi:T*",
	.prepare = prepare_split_v,
	.lower = lower,
	.run = run,
};

const struct tfl_op tfl_op_unpack = {
	.code = TFL_BUILTIN_UNPACK,
	.options = TFL_OPTIONS_UNPACK,
	.inputs_min = 1,
	.inputs_max = 1,
	.max_version = 4,
	.name = "UNPACK",
	.types = "T:T*",
	.prepare = prepare_unpack,
	.run = run,
};
