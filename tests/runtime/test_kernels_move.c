/* SPDX-License-Identifier: MIT */
/*
 * Operators that only move elements: CONCATENATION, PAD, RESHAPE, SQUEEZE, TRANSPOSE. Each is told by the input element that an output
 * element comes from, so types do not matter, but for CONCATENATION of different scales.
 */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/kernel_rows.h"

/* XNNPACK moves these. */
static bool is_known(const struct kernel_case *c)
{
	return c->type == 'f' || c->type == 'b' || c->type == 'B';
}

static unsigned draw_dims(struct kernel_case *c, unsigned max_rank, int32_t *ret_dims)
{
	unsigned rank = (unsigned)kernel_between(c, 0, (int32_t)max_rank);

	for (unsigned i = 0; i < rank; i++)
		ret_dims[i] = kernel_between(c, 1, kernel_one_in(c, 6) ? 9 : 3);
	return rank;
}

/* A first input, with the output's scale, and an optional constant of integers behind it. */
static void draw_input(struct kernel_case *c, unsigned rank, const int32_t *dims)
{
	kernel_draw_tensor(c, &c->inputs[0], c->output.dtype, rank, dims);
	kernel_copy_quantization(&c->output, &c->inputs[0]);
	c->inputs[0].constant = kernel_one_in(c, 8);
	c->input_count = 1;
}

static void draw_int_input(struct kernel_case *c, unsigned rank)
{
	kernel_draw_ints(c, &c->inputs[1], rank);
	c->input_count = 2;
}

static struct kernel_element moved(const struct kernel_case *c, size_t from)
{
	const struct kernel_tensor *input = &c->inputs[0];

	return (struct kernel_element){kernel_number(input, from), 0};
}

/* All elements in their order. */
static void refer_same(const struct kernel_case *c, struct kernel_expected *expected, unsigned rank, const int32_t *dims)
{
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i] = moved(c, i);
}

static void draw_pad(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = draw_dims(c, 6, dims);

	draw_input(c, rank, dims);
	for (unsigned i = 0; i < 2 * rank; i++)
		c->ints[c->int_count++] = kernel_one_in(c, 2) ? 0 : kernel_between(c, 0, 3);
	draw_int_input(c, 2);
	c->xnnpack = is_known(c);
}

static void options_pad(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_PAD);
}

static void refer_pad(const struct kernel_case *c, struct kernel_expected *expected)
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
		expected->element[i].value = (double)c->output.zero_point;
		if (inside)
			expected->element[i] = moved(c, kernel_ravel(input->rank, input->dims, at));
	}
}

/* Another shape of as many elements: neighbours multiplied, sizes of 1 put in. Every fourth names one dimension -1. */
static void draw_reshape(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = draw_dims(c, 6, dims);

	draw_input(c, rank, dims);
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
	c->xnnpack = is_known(c);
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
		refer_same(c, expected, 0, dims);
		return;
	}
	for (unsigned i = 0; i < c->int_count; i++)
		rest *= c->ints[i] < 0 ? 1 : c->ints[i];
	for (unsigned i = 0; i < c->int_count; i++)
		dims[i] = c->ints[i] < 0 ? (int32_t)c->inputs[0].elements / rest : c->ints[i];
	refer_same(c, expected, c->int_count, dims);
}

static void draw_squeeze(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = draw_dims(c, 6, dims);

	for (unsigned i = 0; i < rank; i++)
		dims[i] = kernel_one_in(c, 2) ? 1 : dims[i];
	draw_input(c, rank, dims);
	c->flag = kernel_one_in(c, 2);
	for (unsigned i = 0; c->flag && i < rank; i++)
		if (dims[i] == 1 && kernel_one_in(c, 2))
			c->ints[c->int_count++] = (int32_t)i - (kernel_one_in(c, 3) ? (int32_t)rank : 0);
	c->xnnpack = is_known(c);
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
	refer_same(c, expected, rank, dims);
}

static void draw_transpose(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = draw_dims(c, 6, dims);

	draw_input(c, rank, dims);
	c->int_count = rank;
	for (unsigned i = 0; i < rank; i++) {
		unsigned other = (unsigned)kernel_between(c, 0, (int32_t)i);

		c->ints[i] = c->ints[other];
		c->ints[other] = (int32_t)i;
	}
	draw_int_input(c, 1);
	c->xnnpack = is_known(c) && rank > 0;
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
		expected->element[i] = moved(c, kernel_ravel(input->rank, input->dims, from));
	}
}

static void draw_concatenation(struct kernel_case *c)
{
	bool mixed = kernel_is_byte(c->output.dtype) && kernel_one_in(c, 3);
	int32_t dims[TFL_RANK_MAX], rank;

	do
		rank = (int32_t)draw_dims(c, 5, dims);
	while (rank == 0);
	c->axis = kernel_between(c, 0, rank - 1);
	c->input_count = (unsigned)kernel_between(c, 1, 7);
	kernel_draw_quantization(c, &c->output);
	c->xnnpack = is_known(c) && c->input_count >= 2 && c->input_count <= 5;
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
			expected->element[i].value = kernel_number(input, from);
	}
}

const struct kernel_row kernel_concatenation = {"CONCATENATION", TFL_BUILTIN_CONCATENATION, "fbBil", draw_concatenation,
						options_concatenation, refer_concatenation};
const struct kernel_row kernel_pad = {"PAD", TFL_BUILTIN_PAD, "fbBsi", draw_pad, options_pad, refer_pad};
const struct kernel_row kernel_reshape = {"RESHAPE", TFL_BUILTIN_RESHAPE, "fbBlh", draw_reshape, options_reshape, refer_reshape};
const struct kernel_row kernel_squeeze = {"SQUEEZE", TFL_BUILTIN_SQUEEZE, "fbBi", draw_squeeze, options_squeeze, refer_squeeze};
const struct kernel_row kernel_transpose = {"TRANSPOSE", TFL_BUILTIN_TRANSPOSE, "fbBslz", draw_transpose, options_transpose,
					    refer_transpose};
