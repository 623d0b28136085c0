/* SPDX-License-Identifier: MIT */
/*
 * Operators that reshape, frame, join and turn: CONCATENATION, EXPAND_DIMS, MIRROR_PAD, PACK, PAD, PADV2, RESHAPE, REVERSE_V2, SQUEEZE,
 * TRANSPOSE. Each is told by the input element that an output element comes from, so types do not matter, but for CONCATENATION of different
 * scales.
 */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/kernel_movement.h"

static void draw_int_input(struct kernel_case *c, unsigned rank)
{
	kernel_draw_ints(c, &c->inputs[1], rank);
	c->input_count = 2;
}

static void draw_pad(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims);

	movement_draw_input(c, 0, rank, dims);
	for (unsigned i = 0; i < 2 * rank; i++)
		c->ints[c->int_count++] = kernel_one_in(c, 2) ? 0 : kernel_between(c, 0, 3);
	draw_int_input(c, 2);
	c->xnnpack = movement_is_known(c);
}

static void options_pad(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_PAD);
}

static void refer_frame(const struct kernel_case *c, struct kernel_expected *expected, struct kernel_element frame)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX];

	for (unsigned i = 0; i < input->rank; i++)
		dims[i] = c->ints[2 * i] + input->dims[i] + c->ints[2 * i + 1];
	kernel_expect_shape(expected, input->rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		bool inside = true;

		kernel_unravel(i, input->rank, dims, at);
		for (unsigned d = 0; d < input->rank; d++) {
			at[d] -= c->ints[2 * d];
			inside &= at[d] >= 0 && at[d] < input->dims[d];
		}
		expected->element[i] = inside ? movement_element(input, kernel_ravel(input->rank, input->dims, at)) : frame;
	}
}

static void refer_pad(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_frame(c, expected, (struct kernel_element){.value = (double)c->output.zero_point});
}

static void draw_padv2(struct kernel_case *c)
{
	draw_pad(c);
	kernel_draw_tensor(c, &c->inputs[2], c->output.dtype, kernel_one_in(c, 2), (int32_t[]){1});
	kernel_copy_quantization(&c->inputs[2], &c->output);
	c->inputs[2].constant = !kernel_one_in(c, 4);
	c->input_count = 3;
	c->xnnpack &= c->inputs[2].constant;
}

static void options_padv2(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_PAD_V2);
}

static void refer_padv2(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_frame(c, expected, movement_element(&c->inputs[2], 0));
}

/* The flag: symmetric. */
static void draw_mirror_pad(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 5, dims);

	movement_draw_input(c, 0, rank, dims);
	c->flag = kernel_one_in(c, 2);
	for (unsigned i = 0; i < 2 * rank; i++)
		c->ints[c->int_count++] = kernel_one_in(c, 2) ? 0 : kernel_between(c, 0, dims[i / 2] - !c->flag);
	draw_int_input(c, 2);
}

static void options_mirror_pad(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_MIRROR_PAD);
	tfl_options_add_field(&c->options, (struct tfl_build_field){.kind = TFL_BUILD_I8, .integer = c->flag});
}

/* Positions outside bounce off the edge: off its element, or off its outer side. */
static int32_t bounce(int32_t at, int32_t size, bool symmetric)
{
	if (at < 0)
		return -at - symmetric;
	return at < size ? at : 2 * (size - 1) - at + symmetric;
}

static void refer_mirror_pad(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX];

	for (unsigned i = 0; i < input->rank; i++)
		dims[i] = c->ints[2 * i] + input->dims[i] + c->ints[2 * i + 1];
	kernel_expect_shape(expected, input->rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, input->rank, dims, at);
		for (unsigned d = 0; d < input->rank; d++)
			at[d] = bounce(at[d] - c->ints[2 * d], input->dims[d], c->flag);
		expected->element[i] = movement_element(input, kernel_ravel(input->rank, input->dims, at));
	}
}

/* Another shape of as many elements: neighbours multiplied, sizes of 1 put in. Every fourth names one dimension -1. */
static void draw_reshape(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims);

	movement_draw_input(c, 0, rank, dims);
	c->ints[0] = 1;
	c->int_count = 1;
	for (unsigned i = 0; i < rank; i++) {
		if (kernel_one_in(c, 2) && c->int_count < 6)
			c->ints[c->int_count++] = 1;
		c->ints[c->int_count - 1] *= dims[i];
	}
	if (rank == 0 && kernel_one_in(c, 2))
		c->int_count = 0;
	if (c->int_count > 0 && kernel_one_in(c, 4))
		c->ints[kernel_between(c, 0, (int32_t)c->int_count - 1)] = -1;
	if (!kernel_one_in(c, 3))
		draw_int_input(c, 1);
	c->xnnpack = movement_is_known(c);
}

/* Where the second input does not say it. */
static void options_reshape(struct kernel_case *c)
{
	if (c->input_count == 1)
		c->options = tfl_options_reshape((struct tfl_ints){c->ints, c->int_count});
}

static void refer_reshape(const struct kernel_case *c, struct kernel_expected *expected)
{
	int32_t dims[TFL_RANK_MAX] = {0}, rest = 1;

	/* A lone 0 is how old converters wrote the shape of a scalar. */
	if (c->int_count == 1 && c->ints[0] == 0 && c->inputs[0].elements == 1) {
		movement_refer_same(&c->inputs[0], expected, 0, dims);
		return;
	}
	for (unsigned i = 0; i < c->int_count; i++)
		rest *= c->ints[i] < 0 ? 1 : c->ints[i];
	for (unsigned i = 0; i < c->int_count; i++)
		dims[i] = c->ints[i] < 0 ? (int32_t)c->inputs[0].elements / rest : c->ints[i];
	movement_refer_same(&c->inputs[0], expected, c->int_count, dims);
}

static void draw_squeeze(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims);

	for (unsigned i = 0; i < rank; i++)
		dims[i] = kernel_one_in(c, 2) ? 1 : dims[i];
	movement_draw_input(c, 0, rank, dims);
	c->flag = kernel_one_in(c, 2);
	for (unsigned i = 0; c->flag && i < rank; i++)
		if (dims[i] == 1 && kernel_one_in(c, 2))
			c->ints[c->int_count++] = (int32_t)i - (kernel_one_in(c, 3) ? (int32_t)rank : 0);
	c->xnnpack = movement_is_known(c);
}

static void options_squeeze(struct kernel_case *c)
{
	c->options = tfl_options_squeeze((struct tfl_ints){c->ints, c->int_count});
}

static void refer_squeeze(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = 0;

	for (unsigned i = 0; i < input->rank; i++) {
		bool out = c->int_count == 0 && input->dims[i] == 1;

		for (unsigned k = 0; k < c->int_count; k++)
			out |= c->ints[k] == (int32_t)i || c->ints[k] + (int32_t)input->rank == (int32_t)i;
		if (!out)
			dims[rank++] = input->dims[i];
	}
	movement_refer_same(&c->inputs[0], expected, rank, dims);
}

static void draw_expand_dims(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 5, dims);

	movement_draw_input(c, 0, rank, dims);
	c->ints[c->int_count++] = movement_draw_sign(c, kernel_between(c, 0, (int32_t)rank), rank + 1);
	draw_int_input(c, kernel_one_in(c, 2));
	c->xnnpack = movement_is_known(c);
}

static void options_expand_dims(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_EXPAND_DIMS);
}

static void refer_expand_dims(const struct kernel_case *c, struct kernel_expected *expected)
{
	int32_t dims[TFL_RANK_MAX], rank = (int32_t)c->inputs[0].rank, axis = c->ints[0] + (c->ints[0] < 0 ? rank + 1 : 0);

	for (int32_t d = 0, from = 0; d <= rank; d++)
		dims[d] = d == axis ? 1 : c->inputs[0].dims[from++];
	movement_refer_same(&c->inputs[0], expected, (unsigned)rank + 1, dims);
}

static void draw_reverse_v2(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims);

	movement_draw_input(c, 0, rank, dims);
	for (unsigned d = 0; d < rank; d++)
		if (kernel_one_in(c, 2))
			c->ints[c->int_count++] = movement_draw_sign(c, (int32_t)d, rank);
	draw_int_input(c, 1);
}

static void options_reverse_v2(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_REVERSE_V2);
}

static void refer_reverse_v2(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t rank = (int32_t)input->rank, at[TFL_RANK_MAX];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, input->rank, input->dims, at);
		for (int32_t d = 0; d < rank; d++) {
			bool named = false;

			for (unsigned k = 0; k < c->int_count; k++)
				named |= c->ints[k] == d || c->ints[k] + rank == d;
			at[d] = named ? input->dims[d] - 1 - at[d] : at[d];
		}
		expected->element[i] = movement_element(input, kernel_ravel(input->rank, input->dims, at));
	}
}

static void draw_transpose(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims);

	movement_draw_input(c, 0, rank, dims);
	c->int_count = rank;
	for (unsigned i = 0; i < rank; i++) {
		unsigned other = (unsigned)kernel_between(c, 0, (int32_t)i);

		c->ints[i] = c->ints[other];
		c->ints[other] = (int32_t)i;
	}
	draw_int_input(c, 1);
	c->xnnpack = movement_is_known(c) && rank > 0;
}

static void options_transpose(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_TRANSPOSE);
}

static void refer_transpose(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX], from[TFL_RANK_MAX];

	for (unsigned i = 0; i < input->rank; i++)
		dims[i] = input->dims[c->ints[i] + (c->ints[i] < 0 ? (int32_t)input->rank : 0)];
	kernel_expect_shape(expected, input->rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, input->rank, dims, at);
		for (unsigned d = 0; d < input->rank; d++)
			from[c->ints[d] + (c->ints[d] < 0 ? (int32_t)input->rank : 0)] = at[d];
		expected->element[i] = movement_element(&c->inputs[0], kernel_ravel(input->rank, input->dims, from));
	}
}

static void draw_concatenation(struct kernel_case *c)
{
	bool mixed = kernel_is_byte(c->output.dtype) && kernel_one_in(c, 3);
	int32_t dims[TFL_RANK_MAX], rank;

	do
		rank = (int32_t)movement_draw_dims(c, 0, 5, dims);
	while (rank == 0);
	c->axis = kernel_between(c, 0, rank - 1);
	c->input_count = (unsigned)kernel_between(c, 1, 7);
	kernel_draw_quantization(c, &c->output);
	c->xnnpack = movement_is_known(c) && c->input_count >= 2 && c->input_count <= 5;
	for (unsigned i = 0; i < c->input_count; i++) {
		dims[c->axis] = kernel_between(c, 1, 4);
		kernel_draw_tensor(c, &c->inputs[i], c->output.dtype, (unsigned)rank, dims);
		if (mixed && kernel_one_in(c, 2))
			c->xnnpack = false;
		else
			kernel_copy_quantization(&c->inputs[i], &c->output);
	}
	kernel_draw_constants(c);
	c->flag = kernel_one_in(c, 3);
}

/* The flag: the axis is counted from the end. */
static void options_concatenation(struct kernel_case *c)
{
	int32_t rank = (int32_t)c->inputs[0].rank;

	c->options = tfl_options_concatenation(c->flag ? c->axis - rank : c->axis, TFL_ACTIVATION_NONE);
}

static void refer_concatenation(const struct kernel_case *c, struct kernel_expected *expected)
{
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX];
	unsigned rank = c->inputs[0].rank;

	memcpy(dims, c->inputs[0].dims, sizeof(dims));
	for (unsigned i = 1; i < c->input_count; i++)
		dims[c->axis] += c->inputs[i].dims[c->axis];
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		const struct kernel_tensor *input = c->inputs;
		size_t from;

		kernel_unravel(i, rank, dims, at);
		for (; at[c->axis] >= input->dims[c->axis]; input++)
			at[c->axis] -= input->dims[c->axis];
		from = kernel_ravel(rank, input->dims, at);
		if (kernel_is_byte(input->dtype) && !kernel_same_quantization(input, &c->output))
			expected->element[i] = kernel_from_real(c, kernel_real(input, from), 0);
		else
			expected->element[i] = movement_element(input, from);
	}
}

static void draw_pack(struct kernel_case *c)
{
	unsigned count = (unsigned)kernel_between(c, 1, 7), rank;
	int32_t dims[TFL_RANK_MAX];

	rank = movement_draw_dims(c, 0, 5, dims);
	for (unsigned i = 0; i < count; i++) {
		movement_draw_input(c, i, rank, dims);
		kernel_copy_quantization(&c->inputs[i], &c->inputs[0]);
	}
	kernel_copy_quantization(&c->output, &c->inputs[0]);
	c->axis = movement_draw_sign(c, kernel_between(c, 0, (int32_t)rank), rank + 1);
}

static void options_pack(struct kernel_case *c)
{
	c->options = tfl_options_ints(TFL_OPTIONS_PACK, TFL_INTS((int32_t)c->input_count, c->axis));
}

static void refer_pack(const struct kernel_case *c, struct kernel_expected *expected)
{
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX], from[TFL_RANK_MAX];
	unsigned rank = c->inputs[0].rank + 1, axis = movement_axis(c->axis, rank);

	for (unsigned d = 0, k = 0; d < rank; d++)
		dims[d] = d == axis ? (int32_t)c->input_count : c->inputs[0].dims[k++];
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		const struct kernel_tensor *input;

		kernel_unravel(i, rank, dims, at);
		input = &c->inputs[at[axis]];
		for (unsigned d = 0, k = 0; d < rank; d++)
			if (d != axis)
				from[k++] = at[d];
		expected->element[i] = movement_element(input, kernel_ravel(rank - 1, input->dims, from));
	}
}

const struct kernel_row kernel_concatenation = {"CONCATENATION", TFL_BUILTIN_CONCATENATION, "fbBsilzx", draw_concatenation,
						options_concatenation, refer_concatenation};
const struct kernel_row kernel_expand_dims = {"EXPAND_DIMS", TFL_BUILTIN_EXPAND_DIMS, "fbBsilzx", draw_expand_dims, options_expand_dims,
					      refer_expand_dims};
const struct kernel_row kernel_mirror_pad = {"MIRROR_PAD", TFL_BUILTIN_MIRROR_PAD, "fbBsilz", draw_mirror_pad, options_mirror_pad,
					     refer_mirror_pad};
const struct kernel_row kernel_pack = {"PACK", TFL_BUILTIN_PACK, "fbBsilz", draw_pack, options_pack, refer_pack};
const struct kernel_row kernel_padv2 = {"PADV2", TFL_BUILTIN_PADV2, "fbBsilz", draw_padv2, options_padv2, refer_padv2};
const struct kernel_row kernel_reverse_v2 = {"REVERSE_V2", TFL_BUILTIN_REVERSE_V2, "fbBsilz", draw_reverse_v2, options_reverse_v2,
					     refer_reverse_v2};
const struct kernel_row kernel_pad = {"PAD", TFL_BUILTIN_PAD, "fbBsilz", draw_pad, options_pad, refer_pad};
const struct kernel_row kernel_reshape = {"RESHAPE", TFL_BUILTIN_RESHAPE, "fbBsilzhx", draw_reshape, options_reshape, refer_reshape};
const struct kernel_row kernel_squeeze = {"SQUEEZE", TFL_BUILTIN_SQUEEZE, "fbBsilz", draw_squeeze, options_squeeze, refer_squeeze};
const struct kernel_row kernel_transpose = {"TRANSPOSE", TFL_BUILTIN_TRANSPOSE, "fbBsilzx", draw_transpose, options_transpose,
					    refer_transpose};
