/* SPDX-License-Identifier: MIT */
/*
 * SPACE_TO_BATCH_ND: the dimensions behind the first are framed, then cut into blocks, and each position within a block makes a batch of its
 * own. BATCH_TO_SPACE_ND: the other way round, with a margin cut off instead of a frame put on. The constant inputs say the size of a block
 * and the frame, for as many dimensions as there are sizes.
 *
 * Both are the same copies, one for each position within a block: element i of a batch's dimension is element i * block + position - before of
 * the space's, where there is one.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/kernel_move.h"
#include "runtime/quant.h"

struct params {
	unsigned count; /* of dimensions that are cut, from the second on */
	int32_t block[TFL_RANK_MAX], before[TFL_RANK_MAX];
	bool framed;
};

/* @p frame: what the third input says, before and after each dimension that is cut. */
static int read_blocks(struct tfl_graph *graph, struct tfl_node *node, int32_t *frame, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	unsigned count;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, 1, TFL_RANK_MAX, params->block, &params->count, error);
	if (r == 0)
		r = tfl_node_const_ints(graph, node, 2, 2 * TFL_RANK_MAX, frame, &count, error);
	if (r < 0)
		return r;
	if (params->count < 1 || params->count >= input->rank || count != 2 * params->count)
		return tfl_node_invalid(graph, node, error, "there are %u block sizes and %u numbers for the frame, but the input has %u dimensions",
					params->count, count, input->rank);
	for (unsigned i = 0; i < params->count; i++) {
		if (params->block[i] < 1 || frame[2 * i] < 0 || frame[2 * i + 1] < 0)
			return tfl_node_invalid(graph, node, error, "dimension %u has blocks of %d and a frame of %d and %d", i + 1, params->block[i],
						frame[2 * i], frame[2 * i + 1]);
		params->before[i] = frame[2 * i];
		params->framed |= frame[2 * i] > 0 || frame[2 * i + 1] > 0;
	}
	return 0;
}

static int prepare_space_to_batch(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	int32_t frame[2 * TFL_RANK_MAX], dims[TFL_RANK_MAX];
	const struct params *params;
	int r;

	r = read_blocks(graph, node, frame, error);
	if (r == 0 && output->quantized)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r < 0)
		return r;
	params = node->params;
	memcpy(dims, input->dims, sizeof(dims));
	for (unsigned i = 0; i < params->count; i++) {
		int64_t size = (int64_t)input->dims[i + 1] + frame[2 * i] + frame[2 * i + 1];

		if (size % params->block[i])
			return tfl_node_invalid(graph, node, error, "dimension %u, of %lld elements with its frame, is not so many blocks of %d", i + 1,
						(long long)size, params->block[i]);
		dims[i + 1] = size / params->block[i] > INT32_MAX ? -1 : (int32_t)(size / params->block[i]);
		if (tfl_mul_overflow(dims[0], params->block[i], &dims[0]))
			return tfl_node_invalid(graph, node, error, "its blocks make too many batches");
	}
	return tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
}

static int prepare_batch_to_space(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t frame[2 * TFL_RANK_MAX], dims[TFL_RANK_MAX];
	const struct params *params;
	int r;

	r = read_blocks(graph, node, frame, error);
	if (r < 0)
		return r;
	params = node->params;
	memcpy(dims, input->dims, sizeof(dims));
	for (unsigned i = 0; i < params->count; i++) {
		int64_t size = (int64_t)input->dims[i + 1] * params->block[i] - frame[2 * i] - frame[2 * i + 1];

		if (dims[0] % params->block[i])
			return tfl_node_invalid(graph, node, error, "%d batches are not those of whole blocks", input->dims[0]);
		if (size < 0)
			return tfl_node_invalid(graph, node, error, "dimension %u, of %d blocks of %d, is smaller than what is cut off: %d and %d", i + 1,
						input->dims[i + 1], params->block[i], frame[2 * i], frame[2 * i + 1]);
		dims[0] /= params->block[i];
		dims[i + 1] = size > INT32_MAX ? -1 : (int32_t)size;
	}
	return tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
}

/* Of dimension @p d: from which element of a batch on there are elements of the space, how many, and where the first of those is. */
static size_t overlap(const struct params *params, unsigned d, int64_t position, int64_t size, int64_t *ret_first, int64_t *ret_space)
{
	int64_t block = params->block[d - 1], shift = position - params->before[d - 1];
	int64_t first = shift < 0 ? (block - 1 - shift) / block : 0, end = shift < size ? (size - shift + block - 1) / block : 0;

	*ret_first = first;
	*ret_space = first * block + shift;
	return end > first ? (size_t)(end - first) : 0;
}

/* The move of one position within a block. Its sides are the space's and the batches'. */
static void make_move(const struct params *params, const struct tfl_value *space, const struct tfl_value *batches, int64_t position, bool to_batches,
		      struct tfl_move *move)
{
	ptrdiff_t spaces[TFL_RANK_MAX], strides[TFL_RANK_MAX], space_offset = 0, offset;

	tfl_move_init(move, tfl_dtype_size(space->dtype));
	tfl_move_strides(space, spaces);
	tfl_move_strides(batches, strides);
	offset = (ptrdiff_t)position * space->dims[0] * strides[0];
	for (unsigned d = space->rank; d-- > 0;) {
		size_t count = (size_t)space->dims[d];
		ptrdiff_t stride = spaces[d];

		if (d > 0 && d <= params->count) {
			int32_t block = params->block[d - 1];
			int64_t first, at;

			count = overlap(params, d, position % block, space->dims[d], &first, &at);
			stride = count > 1 ? block * spaces[d] : 0;
			space_offset += count > 0 ? (ptrdiff_t)at * spaces[d] : 0;
			offset += count > 0 ? (ptrdiff_t)first * strides[d] : 0;
			position /= block;
		}
		tfl_move_add(move, count, to_batches ? stride : strides[d], to_batches ? strides[d] : stride);
	}
	move->from_offset = to_batches ? space_offset : offset;
	move->to_offset = to_batches ? offset : space_offset;
}

static void copy(const struct tfl_run *run, const struct tfl_node *node, const struct tfl_value *space, const struct tfl_value *batches,
		 bool to_batches)
{
	int32_t positions = space->dims[0] > 0 ? batches->dims[0] / space->dims[0] : 0;

	for (int32_t i = 0; i < positions; i++) {
		struct tfl_move move;

		make_move(node->params, space, batches, i, to_batches, &move);
		tfl_move_copy(&move, tfl_run_input(run, node, 0), tfl_run_output(run, node, 0));
	}
}

static int run_space_to_batch(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);
	const struct params *params = node->params;

	if (params->framed)
		tfl_fill_zero(output, tfl_run_output(run, node, 0));
	copy(run, node, tfl_node_input(run->graph, node, 0), output, true);
	return 0;
}

static int run_batch_to_space(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	copy(run, node, tfl_node_output(run->graph, node, 0), tfl_node_input(run->graph, node, 0), false);
	return 0;
}

const struct tfl_op tfl_op_space_to_batch_nd = {
	.code = TFL_BUILTIN_SPACE_TO_BATCH_ND,
	.options = TFL_OPTIONS_SPACE_TO_BATCH_ND,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 4,
	.name = "SPACE_TO_BATCH_ND",
	.types = "TNN:T",
	.prepare = prepare_space_to_batch,
	.run = run_space_to_batch,
};

const struct tfl_op tfl_op_batch_to_space_nd = {
	.code = TFL_BUILTIN_BATCH_TO_SPACE_ND,
	.options = TFL_OPTIONS_BATCH_TO_SPACE_ND,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 4,
	.name = "BATCH_TO_SPACE_ND",
	.types = "TNN:T",
	.prepare = prepare_batch_to_space,
	.run = run_batch_to_space,
};
