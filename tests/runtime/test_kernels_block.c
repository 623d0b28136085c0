/* SPDX-License-Identifier: MIT */
/* Operators that trade pixels for channels or batches: BATCH_TO_SPACE_ND, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, SPACE_TO_DEPTH. */
#include <string.h>

#include "base/util.h"
#include "tests/runtime/kernel_movement.h"

/* c->axis: the side of a block. */
static void draw_deep(struct kernel_case *c, bool to_deep)
{
	int32_t block = c->axis = kernel_between(c, 1, 4), square = block * block;
	int32_t height = kernel_between(c, 1, 3), width = kernel_between(c, 1, 3), channels = kernel_between(c, 1, 3);
	int32_t flat[] = {kernel_between(c, 1, 2), height * block, width * block, channels};
	int32_t deep[] = {flat[0], height, width, channels * square};

	movement_draw_input(c, 0, 4, to_deep ? flat : deep);
	c->xnnpack = movement_is_known(c) && block > 1;
}

/* Where channel @p channel of a deep pixel lies in a flat picture. */
static void find_flat(const int32_t *deep, int32_t block, int32_t channels, int32_t *ret_flat)
{
	int32_t pixel = deep[3] / channels;

	ret_flat[0] = deep[0];
	ret_flat[1] = deep[1] * block + pixel / block;
	ret_flat[2] = deep[2] * block + pixel % block;
	ret_flat[3] = deep[3] % channels;
}

static void draw_space_to_depth(struct kernel_case *c)
{
	draw_deep(c, true);
}

static void options_space_to_depth(struct kernel_case *c)
{
	c->options = tfl_options_ints(TFL_OPTIONS_SPACE_TO_DEPTH, TFL_INTS(c->axis));
}

static void refer_space_to_depth(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t block = c->axis, channels = input->dims[3], at[4], from[4];
	int32_t dims[] = {input->dims[0], input->dims[1] / block, input->dims[2] / block, channels * block * block};

	kernel_expect_shape(expected, 4, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, 4, dims, at);
		find_flat(at, block, channels, from);
		expected->element[i] = movement_element(input, kernel_ravel(4, input->dims, from));
	}
}

static void draw_depth_to_space(struct kernel_case *c)
{
	draw_deep(c, false);
}

static void options_depth_to_space(struct kernel_case *c)
{
	c->options = tfl_options_ints(TFL_OPTIONS_DEPTH_TO_SPACE, TFL_INTS(c->axis));
}

static void refer_depth_to_space(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t block = c->axis, channels = input->dims[3] / block / block, at[4], to[4];
	int32_t dims[] = {input->dims[0], input->dims[1] * block, input->dims[2] * block, channels};

	kernel_expect_shape(expected, 4, dims);
	for (size_t i = 0; i < input->elements; i++) {
		kernel_unravel(i, 4, input->dims, at);
		find_flat(at, block, channels, to);
		expected->element[kernel_ravel(4, dims, to)] = movement_element(input, i);
	}
}

/* Block sizes and frame, as lists from c->ints[0] on. The space has the sizes of @p dims with the frame, or without the margin. */
static void draw_blocks(struct kernel_case *c, unsigned count, const int32_t *block, const int32_t *frame)
{
	memcpy(c->ints, block, count * sizeof(*block));
	c->int_count = count;
	kernel_draw_list(c, &c->inputs[1], kernel_one_in(c, 3) ? TFL_INT64 : TFL_INT32, 0, 1);
	memcpy(c->ints + count, frame, 2 * count * sizeof(*frame));
	c->int_count += 2 * count;
	kernel_draw_list(c, &c->inputs[2], kernel_one_in(c, 3) ? TFL_INT64 : TFL_INT32, count, 2);
	c->input_count = 3;
}

static void draw_space_to_batch_nd(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX], block[TFL_RANK_MAX], frame[2 * TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 2, 5, dims), count = (unsigned)kernel_between(c, 1, (int32_t)(rank < 4 ? rank - 1 : 3));

	for (unsigned i = 0; i < count; i++) {
		int32_t rest;

		block[i] = kernel_between(c, 1, 3);
		frame[2 * i] = kernel_one_in(c, 2) ? 0 : kernel_between(c, 0, 4);
		rest = (dims[i + 1] + frame[2 * i]) % block[i];
		frame[2 * i + 1] = (rest ? block[i] - rest : 0) + (kernel_one_in(c, 4) ? block[i] : 0);
	}
	movement_draw_input(c, 0, rank, dims);
	draw_blocks(c, count, block, frame);
}

static void options_space_to_batch_nd(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_SPACE_TO_BATCH_ND);
}

/*
 * Where an element of a batch lies in the space with its frame: the batch's number is that of the position within a block, times the space's
 * batches, plus the batch in the space.
 */
static void find_space(const struct kernel_case *c, unsigned rank, const int32_t *batch, int32_t batches, int32_t *ret_space)
{
	unsigned count = c->inputs[1].count;
	int32_t position = batch[0] / batches;

	memcpy(ret_space, batch, rank * sizeof(*batch));
	ret_space[0] = batch[0] % batches;
	for (unsigned i = count; i-- > 0; position /= c->ints[i])
		ret_space[i + 1] = batch[i + 1] * c->ints[i] + position % c->ints[i] - c->ints[count + 2 * i];
}

static bool is_inside(unsigned rank, const int32_t *at, const int32_t *dims)
{
	for (unsigned d = 0; d < rank; d++)
		if (at[d] < 0 || at[d] >= dims[d])
			return false;
	return true;
}

static void refer_space_to_batch_nd(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX], from[TFL_RANK_MAX];
	unsigned count = c->inputs[1].count;

	memcpy(dims, input->dims, sizeof(dims));
	for (unsigned i = 0; i < count; i++) {
		dims[0] *= c->ints[i];
		dims[i + 1] = (dims[i + 1] + c->ints[count + 2 * i] + c->ints[count + 2 * i + 1]) / c->ints[i];
	}
	kernel_expect_shape(expected, input->rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, input->rank, dims, at);
		find_space(c, input->rank, at, input->dims[0], from);
		expected->element[i].value = (double)c->output.zero_point;
		if (is_inside(input->rank, from, input->dims))
			expected->element[i] = movement_element(input, kernel_ravel(input->rank, input->dims, from));
	}
}

static void draw_batch_to_space_nd(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX], block[TFL_RANK_MAX], frame[2 * TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 2, 5, dims), count = (unsigned)kernel_between(c, 1, (int32_t)(rank < 4 ? rank - 1 : 3));

	dims[0] = kernel_between(c, 1, 2);
	for (unsigned i = 0; i < count; i++) {
		block[i] = kernel_between(c, 1, 3);
		dims[0] *= block[i];
		frame[2 * i] = kernel_one_in(c, 2) ? 0 : kernel_between(c, 0, dims[i + 1] * block[i] - 1);
		frame[2 * i + 1] = kernel_between(c, 0, dims[i + 1] * block[i] - 1 - frame[2 * i]);
	}
	movement_draw_input(c, 0, rank, dims);
	draw_blocks(c, count, block, frame);
}

static void options_batch_to_space_nd(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_BATCH_TO_SPACE_ND);
}

static void refer_batch_to_space_nd(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX], to[TFL_RANK_MAX];
	unsigned count = c->inputs[1].count;

	memcpy(dims, input->dims, sizeof(dims));
	for (unsigned i = 0; i < count; i++) {
		dims[0] /= c->ints[i];
		dims[i + 1] = dims[i + 1] * c->ints[i] - c->ints[count + 2 * i] - c->ints[count + 2 * i + 1];
	}
	kernel_expect_shape(expected, input->rank, dims);
	for (size_t i = 0; i < input->elements; i++) {
		kernel_unravel(i, input->rank, input->dims, at);
		find_space(c, input->rank, at, dims[0], to);
		if (is_inside(input->rank, to, dims))
			expected->element[kernel_ravel(input->rank, dims, to)] = movement_element(input, i);
	}
}

const struct kernel_row kernel_batch_to_space_nd = {"BATCH_TO_SPACE_ND",     TFL_BUILTIN_BATCH_TO_SPACE_ND, "fbBsilz",
						    draw_batch_to_space_nd, options_batch_to_space_nd,     refer_batch_to_space_nd};
const struct kernel_row kernel_depth_to_space = {"DEPTH_TO_SPACE", TFL_BUILTIN_DEPTH_TO_SPACE, "fbBsilz", draw_depth_to_space,
						 options_depth_to_space, refer_depth_to_space};
const struct kernel_row kernel_space_to_batch_nd = {"SPACE_TO_BATCH_ND",     TFL_BUILTIN_SPACE_TO_BATCH_ND, "fbBsilz",
						    draw_space_to_batch_nd, options_space_to_batch_nd,     refer_space_to_batch_nd};
const struct kernel_row kernel_space_to_depth = {"SPACE_TO_DEPTH", TFL_BUILTIN_SPACE_TO_DEPTH, "fbBsilz", draw_space_to_depth,
						 options_space_to_depth, refer_space_to_depth};
