/* SPDX-License-Identifier: MIT */
/*
 * Operators that take parts of a tensor, or put parts into one: DYNAMIC_UPDATE_SLICE, SLICE, SPLIT, SPLIT_V, STRIDED_SLICE, UNPACK. Where the
 * parts begin may be computed at run time.
 */
#include <string.h>

#include "base/util.h"
#include "tests/runtime/kernel_movement.h"

/* A box of @p dims from @p begin on. */
static void refer_box(const struct kernel_tensor *input, const int32_t *begin, const int32_t *dims, struct kernel_expected *expected)
{
	int32_t at[TFL_RANK_MAX];

	kernel_expect_shape(expected, input->rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, input->rank, dims, at);
		for (unsigned d = 0; d < input->rank; d++)
			at[d] += begin[d];
		expected->element[i] = movement_element(input, kernel_ravel(input->rank, input->dims, at));
	}
}

static enum tfl_dtype draw_int_type(struct kernel_case *c)
{
	return kernel_one_in(c, 3) ? TFL_INT64 : TFL_INT32;
}

static void draw_slice(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 1, 6, dims);
	bool rest = false;

	movement_draw_input(c, 0, rank, dims);
	for (unsigned d = 0; d < rank; d++)
		c->ints[c->int_count++] = kernel_between(c, 0, dims[d] - 1);
	kernel_draw_list(c, &c->inputs[1], draw_int_type(c), 0, 1);
	for (unsigned d = 0; d < rank; d++) {
		bool all = kernel_one_in(c, 4);

		rest |= all;
		c->ints[c->int_count++] = all ? -1 : kernel_between(c, 1, dims[d] - c->ints[d]);
	}
	kernel_draw_list(c, &c->inputs[2], draw_int_type(c), rank, 1);
	c->inputs[1].later = true;
	c->inputs[1].constant = rest || !kernel_one_in(c, 3);
	c->input_count = 3;
	c->xnnpack = movement_is_known(c) && c->inputs[1].constant;
}

static void options_slice(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_SLICE);
}

static void refer_slice(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	const int32_t *begin = c->ints, *size = c->ints + input->rank;
	int32_t dims[TFL_RANK_MAX];

	for (unsigned d = 0; d < input->rank; d++)
		dims[d] = size[d] == -1 ? input->dims[d] - begin[d] : size[d];
	refer_box(input, begin, dims, expected);
}

/* What is split: an axis of so many elements. */
static void draw_whole(struct kernel_case *c, unsigned index, int32_t size)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 1, 5, dims);

	c->axis = kernel_between(c, 0, (int32_t)rank - 1);
	dims[c->axis] = size;
	movement_draw_input(c, index, rank, dims);
}

static void draw_axis(struct kernel_case *c, unsigned index, unsigned whole)
{
	c->ints[c->int_count++] = movement_draw_sign(c, c->axis, c->inputs[whole].rank);
	kernel_draw_list(c, &c->inputs[index], TFL_INT32, c->int_count - 1, kernel_one_in(c, 2));
}

static unsigned find_axis(const struct kernel_case *c, unsigned index, unsigned whole)
{
	return movement_axis(c->ints[c->inputs[index].first], c->inputs[whole].rank);
}

static void draw_split(struct kernel_case *c)
{
	c->output_count = (unsigned)kernel_between(c, 1, KERNEL_OUTPUTS_MAX);
	draw_whole(c, 1, (int32_t)c->output_count * kernel_between(c, 1, 3));
	draw_axis(c, 0, 1);
	c->xnnpack = movement_is_known(c) && c->output_count <= 4;
}

static void options_split(struct kernel_case *c)
{
	c->options = tfl_options_ints(TFL_OPTIONS_SPLIT, TFL_INTS((int32_t)c->output_count));
}

static void refer_split(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[1];
	int32_t begin[TFL_RANK_MAX] = {0}, dims[TFL_RANK_MAX];
	unsigned axis = find_axis(c, 0, 1);

	memcpy(dims, input->dims, sizeof(dims));
	dims[axis] /= (int32_t)c->output_count;
	for (unsigned i = 0; i < c->output_count; i++, begin[axis] += dims[axis])
		refer_box(input, begin, dims, &expected[i]);
}

static void draw_split_v(struct kernel_case *c)
{
	int32_t total = 0, unknown;
	bool empty = false;

	c->output_count = (unsigned)kernel_between(c, 1, KERNEL_OUTPUTS_MAX);
	for (unsigned i = 0; i < c->output_count; i++) {
		c->ints[c->int_count++] = kernel_between(c, kernel_one_in(c, 10) ? 0 : 1, 3);
		empty |= c->ints[i] == 0;
		total += c->ints[i];
	}
	draw_whole(c, 0, total);
	unknown = kernel_between(c, 0, (int32_t)c->output_count * 2 - 1);
	if (unknown < (int32_t)c->output_count)
		c->ints[unknown] = -1;
	kernel_draw_list(c, &c->inputs[1], draw_int_type(c), 0, 1);
	draw_axis(c, 2, 0);
	c->input_count = 3;
	c->xnnpack = movement_is_known(c) && c->output_count <= 4 && !empty && total > 0;
}

static void options_split_v(struct kernel_case *c)
{
	c->options = tfl_options_ints(TFL_OPTIONS_SPLIT_V, TFL_INTS((int32_t)c->output_count));
}

static void refer_split_v(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	unsigned axis = find_axis(c, 2, 0);
	int32_t begin[TFL_RANK_MAX] = {0}, dims[TFL_RANK_MAX], rest = input->dims[axis];

	memcpy(dims, input->dims, sizeof(dims));
	for (unsigned i = 0; i < c->output_count; i++)
		rest -= c->ints[i] < 0 ? 0 : c->ints[i];
	for (unsigned i = 0; i < c->output_count; i++, begin[axis] += dims[axis]) {
		dims[axis] = c->ints[i] < 0 ? rest : c->ints[i];
		refer_box(input, begin, dims, &expected[i]);
	}
}

static void draw_unpack(struct kernel_case *c)
{
	c->output_count = (unsigned)kernel_between(c, 1, KERNEL_OUTPUTS_MAX);
	draw_whole(c, 0, (int32_t)c->output_count);
	c->axis = movement_draw_sign(c, c->axis, c->inputs[0].rank);
}

static void options_unpack(struct kernel_case *c)
{
	c->options = tfl_options_ints(TFL_OPTIONS_UNPACK, TFL_INTS((int32_t)c->output_count, c->axis));
}

static void refer_unpack(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t begin[TFL_RANK_MAX] = {0}, dims[TFL_RANK_MAX];
	unsigned axis = movement_axis(c->axis, input->rank);

	memcpy(dims, input->dims, sizeof(dims));
	dims[axis] = 1;
	for (unsigned i = 0; i < c->output_count; i++) {
		begin[axis] = (int32_t)i;
		refer_box(input, begin, dims, &expected[i]);
		/* The same elements without the axis. */
		expected[i].rank--;
		memmove(&expected[i].dims[axis], &expected[i].dims[axis + 1], (expected[i].rank - axis) * sizeof(*dims));
	}
}

static void draw_dynamic_update_slice(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX], update[TFL_RANK_MAX], limits[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 5, dims);

	for (unsigned d = 0; d < rank; d++) {
		update[d] = kernel_between(c, 1, dims[d]);
		limits[d] = dims[d] - update[d] + 1;
	}
	movement_draw_input(c, 1, rank, update);
	movement_draw_input(c, 0, rank, dims);
	kernel_copy_quantization(&c->inputs[1], &c->output);
	kernel_draw_indices(c, &c->inputs[2], draw_int_type(c), 1, (int32_t[]){(int32_t)rank}, rank, limits);
	c->inputs[2].anywhere = true;
	c->inputs[2].constant = kernel_one_in(c, 3);
	for (unsigned d = 0; d < rank; d++)
		if (kernel_one_in(c, 6))
			kernel_set_integer(&c->inputs[2], d, kernel_between(c, -3, 12));
	c->input_count = 3;
}

static void options_dynamic_update_slice(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_DYNAMIC_UPDATE_SLICE);
}

static void refer_dynamic_update_slice(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0], *update = &c->inputs[1];
	int32_t at[TFL_RANK_MAX];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		bool inside = true;

		kernel_unravel(i, input->rank, input->dims, at);
		for (unsigned d = 0; d < input->rank; d++) {
			double last = input->dims[d] - update->dims[d];

			at[d] -= (int32_t)kernel_clamp((double)kernel_integer(&c->inputs[2], d), 0, last);
			inside &= at[d] >= 0 && at[d] < update->dims[d];
		}
		expected->element[i] = inside ? movement_element(update, kernel_ravel(input->rank, update->dims, at)) :
						movement_element(input, i);
	}
}

const struct kernel_row kernel_dynamic_update_slice = {"DYNAMIC_UPDATE_SLICE",       TFL_BUILTIN_DYNAMIC_UPDATE_SLICE, "fbBsilz",
						       draw_dynamic_update_slice,    options_dynamic_update_slice,
						       refer_dynamic_update_slice};
const struct kernel_row kernel_slice = {"SLICE", TFL_BUILTIN_SLICE, "fbBsilzx", draw_slice, options_slice, refer_slice};
const struct kernel_row kernel_split = {"SPLIT", TFL_BUILTIN_SPLIT, "fbBsilz", draw_split, options_split, refer_split};
const struct kernel_row kernel_split_v = {"SPLIT_V", TFL_BUILTIN_SPLIT_V, "fbBsilz", draw_split_v, options_split_v, refer_split_v};
const struct kernel_row kernel_unpack = {"UNPACK", TFL_BUILTIN_UNPACK, "fbBsilzx", draw_unpack, options_unpack, refer_unpack};
