/* SPDX-License-Identifier: MIT */
/*
 * Broadcasting is looked up element by element, from the coordinates: the runtime walks strides.
 */
#include "tests/runtime/kernel_elementwise.h"

#include <math.h>
#include <string.h>

#include "tests/runtime/fixed_point.h"

#define RANK_MAX 6

static unsigned draw_dims(struct kernel_case *c, int32_t *ret_dims)
{
	unsigned rank = (unsigned)kernel_between(c, 0, RANK_MAX);

	for (unsigned i = 0; i < rank; i++)
		ret_dims[i] = kernel_between(c, 1, kernel_one_in(c, 5) ? 17 : 4);
	return rank;
}

void elementwise_draw_unary(struct kernel_case *c, enum tfl_dtype dtype)
{
	int32_t dims[RANK_MAX];
	unsigned rank = draw_dims(c, dims);

	c->input_count = 1;
	kernel_draw_tensor(c, &c->inputs[0], dtype, rank, dims);
	kernel_draw_constants(c);
	kernel_draw_quantization(c, &c->output);
}

/* One input's shape, from the output's. */
static unsigned draw_side(struct kernel_case *c, unsigned rank, const int32_t *dims, bool plain, int32_t *ret_dims)
{
	unsigned left_out = !plain && kernel_one_in(c, 2) ? (unsigned)kernel_between(c, 0, (int32_t)rank) : 0;

	for (unsigned i = left_out; i < rank; i++)
		ret_dims[i - left_out] = !plain && kernel_one_in(c, 3) ? 1 : dims[i];
	return rank - left_out;
}

void elementwise_draw_broadcast(struct kernel_case *c, enum tfl_dtype dtype, unsigned count)
{
	int32_t dims[RANK_MAX], side[RANK_MAX];
	unsigned rank = draw_dims(c, dims);

	c->input_count = count;
	for (unsigned i = 0; i < count; i++) {
		unsigned side_rank = draw_side(c, rank, dims, kernel_one_in(c, 2), side);

		kernel_draw_tensor(c, &c->inputs[i], dtype, side_rank, side);
	}
	kernel_draw_constants(c);
	kernel_draw_quantization(c, &c->output);
}

void elementwise_draw_integers(struct kernel_case *c, struct kernel_tensor *tensor, int32_t low, int32_t high)
{
	for (size_t i = 0; i < tensor->elements; i++) {
		int32_t value = kernel_between(c, low, high);

		if (tensor->dtype == TFL_INT64)
			((int64_t *)tensor->data)[i] = value;
		else
			((int32_t *)tensor->data)[i] = value;
	}
}

void elementwise_make_symmetric(struct kernel_case *c)
{
	for (unsigned i = 0; i < c->input_count; i++)
		c->inputs[i].zero_point = 0;
	c->output.zero_point = 0;
}

void elementwise_refer_real(const struct kernel_case *c, struct kernel_expected *expected, double (*function)(double x))
{
	const struct kernel_tensor *input = &c->inputs[0];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		double value = function(kernel_real(input, i));

		expected->element[i] = kernel_from_real(c, value, fmax(fabs(value), 1));
	}
}

/* Sizes of the output: of any input that does not repeat. */
static unsigned broadcast_dims(const struct kernel_case *c, int32_t *ret_dims)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < c->input_count; i++)
		rank = c->inputs[i].rank > rank ? c->inputs[i].rank : rank;
	for (unsigned d = 0; d < rank; d++) {
		ret_dims[d] = 1;
		for (unsigned i = 0; i < c->input_count; i++) {
			unsigned missing = rank - c->inputs[i].rank;

			if (d >= missing && c->inputs[i].dims[d - missing] != 1)
				ret_dims[d] = c->inputs[i].dims[d - missing];
		}
	}
	return rank;
}

/* Index into an input for a place in the output: from the last dimension on, dimensions of size 1 are repeated. */
static size_t index_at(const struct kernel_tensor *tensor, unsigned rank, const int32_t *at)
{
	int32_t side[TFL_RANK_MAX];

	for (unsigned i = 0; i < tensor->rank; i++)
		side[i] = tensor->dims[i] == 1 ? 0 : at[rank - tensor->rank + i];
	return kernel_ravel(tensor->rank, tensor->dims, side);
}

void elementwise_refer(const struct kernel_case *c, struct kernel_expected *expected, elementwise_function function)
{
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX];
	unsigned rank = broadcast_dims(c, dims);
	double min, max;

	kernel_bounds(c, &min, &max);
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		size_t index[KERNEL_INPUTS_MAX];

		kernel_unravel(i, rank, dims, at);
		for (unsigned input = 0; input < c->input_count; input++)
			index[input] = index_at(&c->inputs[input], rank, at);
		expected->element[i] = function(c, index);
		expected->element[i].value = kernel_clamp(expected->element[i].value, min, max);
	}
}

int64_t elementwise_centred(const struct kernel_tensor *tensor, size_t index)
{
	return kernel_integer(tensor, index) - tensor->zero_point;
}

struct kernel_element elementwise_rescaled(const struct kernel_case *c, int64_t value, double factor)
{
	return (struct kernel_element){(double)(fixed_point_multiply(value, factor) + c->output.zero_point), 0};
}

double elementwise_wrapped(int64_t value, unsigned bits)
{
	int64_t steps, rest;

	if (bits == 64)
		return (double)value;
	steps = INT64_C(1) << bits;
	rest = value & (steps - 1);
	return (double)(rest >= steps / 2 ? rest - steps : rest);
}
