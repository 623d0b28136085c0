/* SPDX-License-Identifier: MIT */
/*
 * Operators that repeat, count and fill: BROADCAST_TO, FILL, RANGE, RANK, SHAPE, TILE, WHERE, ZEROS_LIKE.
 */
#include <string.h>

#include "base/util.h"
#include "tests/runtime/kernel_movement.h"

static void draw_tile(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims);

	movement_draw_input(c, 0, rank, dims);
	for (unsigned d = 0; d < rank; d++)
		c->ints[c->int_count++] = kernel_one_in(c, 2) ? 1 : kernel_between(c, kernel_one_in(c, 8) ? 0 : 1, 3);
	kernel_draw_ints(c, &c->inputs[1], 1);
	c->input_count = 2;
}

static void options_tile(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_TILE);
}

/* Each element of the output under @p dims is the one at its position modulo the input's size; missing dimensions are in front. */
static void refer_repeated(const struct kernel_case *c, struct kernel_expected *expected, unsigned rank, const int32_t *dims)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t at[TFL_RANK_MAX], from[TFL_RANK_MAX];
	unsigned front = rank - input->rank;

	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, rank, dims, at);
		for (unsigned d = 0; d < input->rank; d++)
			from[d] = at[front + d] % input->dims[d];
		expected->element[i] = movement_element(input, kernel_ravel(input->rank, input->dims, from));
	}
}

static void refer_tile(const struct kernel_case *c, struct kernel_expected *expected)
{
	int32_t dims[TFL_RANK_MAX];

	for (unsigned d = 0; d < c->inputs[0].rank; d++)
		dims[d] = c->inputs[0].dims[d] * c->ints[d];
	refer_repeated(c, expected, c->inputs[0].rank, dims);
}

static void draw_broadcast_to(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims), front = (unsigned)kernel_between(c, 0, (int32_t)rank);

	memcpy(c->ints, dims, rank * sizeof(*dims));
	c->int_count = rank;
	for (unsigned d = front; d < rank; d++)
		dims[d] = kernel_one_in(c, 2) ? 1 : dims[d];
	movement_draw_input(c, 0, rank - front, dims + front);
	kernel_draw_ints(c, &c->inputs[1], 1);
	c->input_count = 2;
}

static void options_broadcast_to(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_BROADCAST_TO);
}

static void refer_broadcast_to(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer_repeated(c, expected, c->int_count, c->ints);
}

static void draw_fill(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];

	c->int_count = movement_draw_dims(c, 0, 6, dims);
	memcpy(c->ints, dims, c->int_count * sizeof(*dims));
	kernel_draw_ints(c, &c->inputs[0], 1);
	movement_draw_input(c, 1, kernel_one_in(c, 3), (int32_t[]){1});
}

static void options_fill(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_FILL);
}

static void refer_fill(const struct kernel_case *c, struct kernel_expected *expected)
{
	kernel_expect_shape(expected, c->int_count, c->ints);
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i] = movement_element(&c->inputs[1], 0);
}

/* Inputs of any type that are never read. */
static void draw_shaped(struct kernel_case *c)
{
	static const enum tfl_dtype dtypes[] = {TFL_FLOAT32, TFL_INT8, TFL_UINT8, TFL_INT64, TFL_BOOL};
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims);

	kernel_draw_tensor(c, &c->inputs[0], dtypes[kernel_between(c, 0, TFL_ARRAY_SIZE(dtypes) - 1)], rank, dims);
	c->inputs[0].constant = kernel_one_in(c, 8);
	c->input_count = 1;
	c->folded = true;
}

static void options_shape(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_SHAPE);
}

static void refer_shape(const struct kernel_case *c, struct kernel_expected *expected)
{
	kernel_expect_shape(expected, 1, (int32_t[]){(int32_t)c->inputs[0].rank});
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i].value = c->inputs[0].dims[i];
}

static void options_rank(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_RANK);
}

static void refer_rank(const struct kernel_case *c, struct kernel_expected *expected)
{
	kernel_expect_shape(expected, 0, c->inputs[0].dims);
	expected->element[0].value = c->inputs[0].rank;
}

static void draw_zeros_like(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 6, dims);

	movement_draw_input(c, 0, rank, dims);
	c->folded = true;
}

static void options_zeros_like(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_ZEROS_LIKE);
}

static void refer_zeros_like(const struct kernel_case *c, struct kernel_expected *expected)
{
	kernel_expect_shape(expected, c->inputs[0].rank, c->inputs[0].dims);
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i].value = (double)c->output.zero_point;
}

/* Start, limit, delta. Lists, so that attacks change them, but not of 64 bits: there is hardly a number that means nothing. */
static void draw_range(struct kernel_case *c)
{
	int32_t start = kernel_between(c, -20, 20), limit = kernel_between(c, -20, 20), delta = kernel_between(c, 1, 7);
	int32_t numbers[] = {start, limit, limit < start ? -delta : delta};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(numbers); i++) {
		struct kernel_tensor *input = &c->inputs[i];

		c->ints[c->int_count++] = numbers[i];
		kernel_draw_list(c, input, c->output.dtype, i, 0);
		if (c->type != 'i')
			input->count = 0;
		if (c->type == 'f')
			((float *)input->data)[0] = (float)numbers[i] / 4;
	}
	c->input_count = 3;
}

static void options_range(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_RANGE);
}

static void refer_range(const struct kernel_case *c, struct kernel_expected *expected)
{
	bool real = c->type == 'f';
	double numbers[3], value;
	int32_t count = 0;

	for (unsigned i = 0; i < 3; i++)
		numbers[i] = real ? kernel_real(&c->inputs[i], 0) : (double)kernel_integer(&c->inputs[i], 0);
	for (value = numbers[0]; numbers[2] > 0 ? value < numbers[1] : value > numbers[1]; value += numbers[2])
		count++;
	kernel_expect_shape(expected, 1, &count);
	for (int32_t i = 0; i < count; i++)
		expected->element[i] = (struct kernel_element){.value = numbers[0] + i * numbers[2]};
}

static void draw_where(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 4, dims);

	kernel_draw_tensor(c, &c->inputs[0], c->output.dtype, rank, dims);
	for (size_t i = 0; i < c->inputs[0].elements; i++)
		if (kernel_one_in(c, 2))
			kernel_set_integer(&c->inputs[0], i, c->type == 'f' && kernel_one_in(c, 2) ? INT32_MIN : 0);
	c->inputs[0].constant = true;
	c->output = (struct kernel_tensor){.dtype = TFL_INT64};
	c->input_count = 1;
}

static void options_where(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_WHERE);
}

static bool is_set(const struct kernel_case *c, size_t i)
{
	return c->type == 'f' ? kernel_real(&c->inputs[0], i) < 0 || kernel_real(&c->inputs[0], i) > 0 : kernel_integer(&c->inputs[0], i) != 0;
}

static void refer_where(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t at[TFL_RANK_MAX], rows = 0;
	size_t next = 0;

	for (size_t i = 0; i < input->elements; i++)
		rows += is_set(c, i);
	kernel_expect_shape(expected, 2, (int32_t[]){rows, (int32_t)input->rank});
	for (size_t i = 0; i < input->elements; i++) {
		kernel_unravel(i, input->rank, input->dims, at);
		for (unsigned d = 0; is_set(c, i) && d < input->rank; d++)
			expected->element[next++].value = at[d];
	}
}

const struct kernel_row kernel_broadcast_to = {"BROADCAST_TO", TFL_BUILTIN_BROADCAST_TO, "fbBsilz", draw_broadcast_to, options_broadcast_to,
					       refer_broadcast_to};
const struct kernel_row kernel_fill = {"FILL", TFL_BUILTIN_FILL, "fbBsilz", draw_fill, options_fill, refer_fill};
const struct kernel_row kernel_range = {"RANGE", TFL_BUILTIN_RANGE, "fil", draw_range, options_range, refer_range};
const struct kernel_row kernel_rank = {"RANK", TFL_BUILTIN_RANK, "i", draw_shaped, options_rank, refer_rank};
const struct kernel_row kernel_shape = {"SHAPE", TFL_BUILTIN_SHAPE, "il", draw_shaped, options_shape, refer_shape};
const struct kernel_row kernel_tile = {"TILE", TFL_BUILTIN_TILE, "fbBsilzx", draw_tile, options_tile, refer_tile};
const struct kernel_row kernel_where = {"WHERE", TFL_BUILTIN_WHERE, "zfbBil", draw_where, options_where, refer_where};
const struct kernel_row kernel_zeros_like = {"ZEROS_LIKE", TFL_BUILTIN_ZEROS_LIKE, "fbBsilz", draw_zeros_like, options_zeros_like,
					     refer_zeros_like};
