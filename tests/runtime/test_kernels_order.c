/* SPDX-License-Identifier: MIT */
/*
 * ARG_MAX, ARG_MIN, TOPK_V2 and CUMSUM: elements in their order along an axis. Values are drawn from few, so that many are equal: the first
 * one counts, or comes first.
 */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "tests/runtime/kernel_rows.h"

#define FEW 5

static double value_at(const struct kernel_tensor *tensor, size_t index)
{
	return tensor->dtype == TFL_FLOAT32 ? kernel_real(tensor, index) : (double)kernel_integer(tensor, index);
}

/* A tensor of one to five dimensions, often of few values. */
static void draw_input(struct kernel_case *c)
{
	struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[5], rank = kernel_between(c, 1, 5);
	size_t size = tfl_dtype_size(c->output.dtype);

	for (int32_t i = 0; i < rank; i++)
		dims[i] = kernel_between(c, 1, kernel_one_in(c, 4) ? 20 : 4);
	kernel_draw_tensor(c, input, c->output.dtype, (unsigned)rank, dims);
	input->constant = kernel_one_in(c, 8);
	for (size_t i = FEW; !kernel_one_in(c, 3) && i < input->elements; i++)
		memcpy((uint8_t *)input->data + i * size, (uint8_t *)input->data + tfl_random_below(&c->random, FEW) * size, size);
	c->input_count = 2;
	c->int_count = 1;
}

/* The axis as the only element of the second input, which may be a scalar. */
static void draw_axis(struct kernel_case *c)
{
	int32_t rank = (int32_t)c->inputs[0].rank;

	c->ints[0] = kernel_between(c, -rank, rank - 1);
	kernel_draw_ints(c, &c->inputs[1], 1);
	c->inputs[1].rank = kernel_one_in(c, 2);
}

static unsigned axis_of(const struct kernel_case *c)
{
	return (unsigned)(c->ints[0] < 0 ? c->ints[0] + (int32_t)c->inputs[0].rank : c->ints[0]);
}

static void draw_arg(struct kernel_case *c)
{
	draw_input(c);
	draw_axis(c);
	c->output = (struct kernel_tensor){.dtype = kernel_one_in(c, 2) ? TFL_INT64 : TFL_INT32};
}

static void options_arg_max(struct kernel_case *c)
{
	c->options = tfl_options_arg_max(c->output.dtype == TFL_INT64);
}

static void options_arg_min(struct kernel_case *c)
{
	c->options = tfl_options_arg_min(c->output.dtype == TFL_INT64);
}

static void refer_arg(const struct kernel_case *c, struct kernel_expected *expected, bool greatest)
{
	const struct kernel_tensor *input = &c->inputs[0];
	unsigned axis = axis_of(c);
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX];

	memcpy(dims, input->dims, sizeof(dims));
	memmove(dims + axis, dims + axis + 1, (input->rank - 1 - axis) * sizeof(*dims));
	kernel_expect_shape(expected, input->rank - 1, dims);
	for (size_t o = 0; o < expected->elements; o++) {
		int32_t found = 0;
		double best = NAN;

		kernel_unravel(o, input->rank - 1, dims, at);
		memmove(at + axis + 1, at + axis, (input->rank - 1 - axis) * sizeof(*at));
		for (int32_t i = 0; i < input->dims[axis]; i++) {
			double value;

			at[axis] = i;
			value = value_at(input, kernel_ravel(input->rank, input->dims, at));
			if (i > 0 && (greatest ? value <= best : value >= best))
				continue;
			best = value;
			found = i;
		}
		expected->element[o] = (struct kernel_element){found, 0};
	}
}

static void refer_arg_max(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_arg(c, expected, true);
}

static void refer_arg_min(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_arg(c, expected, false);
}

static void draw_topk(struct kernel_case *c)
{
	draw_input(c);
	c->ints[0] = kernel_between(c, 0, c->inputs[0].dims[c->inputs[0].rank - 1]);
	kernel_draw_ints(c, &c->inputs[1], 1);
	c->inputs[1].rank = kernel_one_in(c, 2);
	kernel_copy_quantization(&c->output, &c->inputs[0]);
	c->output_count = 2;
	c->outputs[1] = (struct kernel_tensor){.dtype = TFL_INT32};
}

static void options_topk(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_TOPK_V2);
}

/* The place of an element is the number of those that come before it. */
static void refer_topk(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[TFL_RANK_MAX], k = c->ints[0], size = input->dims[input->rank - 1];

	memcpy(dims, input->dims, sizeof(dims));
	dims[input->rank - 1] = k;
	kernel_expect_shape(&expected[0], input->rank, dims);
	kernel_expect_shape(&expected[1], input->rank, dims);
	for (size_t i = 0; i < input->elements; i++) {
		size_t row = i / (size_t)size, first = row * (size_t)size, place = 0;

		for (size_t other = first; other < first + (size_t)size; other++)
			place += value_at(input, other) > value_at(input, i) || (value_at(input, other) == value_at(input, i) && other < i);
		if (place >= (size_t)k)
			continue;
		expected[0].element[row * (size_t)k + place] = (struct kernel_element){value_at(input, i), 0};
		expected[1].element[row * (size_t)k + place] = (struct kernel_element){(double)(i - first), 0};
	}
}

enum { EXCLUSIVE = 1, REVERSE = 2 };

static void draw_cumsum(struct kernel_case *c)
{
	draw_input(c);
	draw_axis(c);
	c->axis = kernel_between(c, 0, EXCLUSIVE | REVERSE);
}

static void options_cumsum(struct kernel_case *c)
{
	c->options = tfl_options_cumsum(c->axis & EXCLUSIVE, c->axis & REVERSE);
}

static void refer_cumsum(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	bool exclusive = c->axis & EXCLUSIVE, reverse = c->axis & REVERSE;
	unsigned axis = axis_of(c);
	int32_t at[TFL_RANK_MAX];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t o = 0; o < expected->elements; o++) {
		double real = 0, magnitude = 0;
		uint64_t integer = 0;
		int32_t end;

		kernel_unravel(o, input->rank, input->dims, at);
		end = at[axis];
		for (at[axis] = 0; at[axis] < input->dims[axis]; at[axis]++) {
			size_t i = kernel_ravel(input->rank, input->dims, at);

			if (at[axis] == end ? exclusive : reverse != (at[axis] > end))
				continue;
			if (c->type == 'f') {
				real += kernel_real(input, i);
				magnitude += fabs(kernel_real(input, i));
			} else {
				integer += (uint64_t)kernel_integer(input, i);
			}
		}
		if (c->type == 'f')
			expected->element[o] = (struct kernel_element){real, KERNEL_FLOAT_ERROR * magnitude};
		else
			expected->element[o].value = (double)(c->type == 'i' ? (int32_t)(uint32_t)integer : (int64_t)integer);
	}
}

const struct kernel_row kernel_arg_max = {"ARG_MAX", TFL_BUILTIN_ARG_MAX, "fbBiz", draw_arg, options_arg_max, refer_arg_max};
const struct kernel_row kernel_arg_min = {"ARG_MIN", TFL_BUILTIN_ARG_MIN, "fbBiz", draw_arg, options_arg_min, refer_arg_min};
const struct kernel_row kernel_topk_v2 = {"TOPK_V2", TFL_BUILTIN_TOPK_V2, "fbBsil", draw_topk, options_topk, refer_topk};
const struct kernel_row kernel_cumsum = {"CUMSUM", TFL_BUILTIN_CUMSUM, "fil", draw_cumsum, options_cumsum, refer_cumsum};
