/* SPDX-License-Identifier: MIT */
/*
 * ADD and MUL with numpy's broadcasting and a fused activation. Quantised ADD brings both sides, shifted left by 20 bits, to twice the greater
 * scale before it adds; quantised MUL multiplies the integers and rescales once. int32 wraps.
 */
#include <math.h>

#include "base/util.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_rows.h"

#define RANK_MAX 6
#define XNNPACK_RANK_MAX 6
#define ADD_SHIFT 1048576.0 /* 2^20 */

/* One side's shape: the output's, with dimensions of size 1 here and there, or without the first ones. */
static unsigned draw_side(struct kernel_case *c, unsigned rank, const int32_t *dims, bool plain, int32_t *ret_dims)
{
	unsigned left_out = !plain && kernel_one_in(c, 2) ? (unsigned)kernel_between(c, 0, (int32_t)rank) : 0;

	for (unsigned i = left_out; i < rank; i++)
		ret_dims[i - left_out] = !plain && kernel_one_in(c, 3) ? 1 : dims[i];
	return rank - left_out;
}

static void draw(struct kernel_case *c)
{
	unsigned rank = (unsigned)kernel_between(c, 0, RANK_MAX);
	int32_t dims[RANK_MAX], side[RANK_MAX];

	for (unsigned i = 0; i < rank; i++)
		dims[i] = kernel_between(c, 1, kernel_one_in(c, 5) ? 17 : 4);
	c->input_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		unsigned side_rank = draw_side(c, rank, dims, kernel_one_in(c, 2), side);

		kernel_draw_tensor(c, &c->inputs[i], c->output.dtype, side_rank, side);
	}
	kernel_draw_constants(c);
	kernel_draw_quantization(c, &c->output);
	if (c->output.scale_count && kernel_one_in(c, 4))
		c->output.scales[0] *= exp2f(tfl_random_uniform(&c->random, -10, 12));
	c->activation = (int8_t)(kernel_one_in(c, 2) ? TFL_ACTIVATION_NONE : kernel_between(c, 1, 3));
	c->xnnpack = c->type != 'i';
}

/* XNNPACK's limits: each input scale is 2^-10 to 2^8 times the output's. */
static void draw_add(struct kernel_case *c)
{
	draw(c);
	for (unsigned i = 0; i < 2 && c->type != 'f'; i++) {
		double ratio = kernel_scale(&c->inputs[i], 0) / kernel_scale(&c->output, 0);

		c->xnnpack &= ratio >= exp2(-10) && ratio < exp2(8);
	}
}

/* The product of the scales is 2^-16 to 2^8 times the output's. */
static void draw_mul(struct kernel_case *c)
{
	double ratio;

	draw(c);
	if (kernel_is_byte(c->output.dtype)) {
		c->output.scales[0] = c->inputs[0].scales[0] * c->inputs[1].scales[0] * exp2f(tfl_random_uniform(&c->random, -3, 18));
		ratio = kernel_scale(&c->inputs[0], 0) * kernel_scale(&c->inputs[1], 0) / kernel_scale(&c->output, 0);
		c->xnnpack &= ratio >= exp2(-16) && ratio < exp2(8);
	}
}

static void options_add(struct kernel_case *c)
{
	c->options = tfl_options_add(c->activation);
}

static void options_mul(struct kernel_case *c)
{
	c->options = tfl_options_mul(c->activation);
}

/* Index into a side for a place in the output: from the last dimension on, dimensions of size 1 are repeated. */
static size_t broadcast(const struct kernel_tensor *tensor, unsigned rank, const int32_t *at)
{
	int32_t side[TFL_RANK_MAX];

	for (unsigned i = 0; i < tensor->rank; i++)
		side[i] = tensor->dims[i] == 1 ? 0 : at[rank - tensor->rank + i];
	return kernel_ravel(tensor->rank, tensor->dims, side);
}

typedef struct kernel_element (*binary_function)(const struct kernel_case *c, size_t left, size_t right);

static void refer(const struct kernel_case *c, struct kernel_expected *expected, binary_function function)
{
	const struct kernel_tensor *left = &c->inputs[0], *right = &c->inputs[1];
	unsigned rank = left->rank > right->rank ? left->rank : right->rank;
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX];
	double min, max;

	for (unsigned i = 0; i < rank; i++) {
		int32_t a = i + left->rank < rank ? 1 : left->dims[i + left->rank - rank];
		int32_t b = i + right->rank < rank ? 1 : right->dims[i + right->rank - rank];

		dims[i] = a == 1 ? b : a;
	}
	kernel_bounds(c, &min, &max);
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, rank, dims, at);
		expected->element[i] = function(c, broadcast(left, rank, at), broadcast(right, rank, at));
		expected->element[i].value = kernel_clamp(expected->element[i].value, min, max);
	}
}

static int64_t centred(const struct kernel_tensor *tensor, size_t index)
{
	return kernel_integer(tensor, index) - tensor->zero_point;
}

static struct kernel_element add(const struct kernel_case *c, size_t l, size_t r)
{
	const struct kernel_tensor *left = &c->inputs[0], *right = &c->inputs[1];
	double twice = 2 * fmax(kernel_scale(left, 0), kernel_scale(right, 0));
	int64_t sum;

	if (c->type == 'f') {
		double a = kernel_real(left, l), b = kernel_real(right, r);

		return (struct kernel_element){a + b, KERNEL_FLOAT_ERROR * (fabs(a) + fabs(b))};
	}
	if (c->type == 'i')
		return (struct kernel_element){(double)(int32_t)(uint32_t)(kernel_integer(left, l) + kernel_integer(right, r)), 0};
	sum = fixed_point_multiply(centred(left, l) * (int64_t)ADD_SHIFT, kernel_scale(left, 0) / twice) +
	      fixed_point_multiply(centred(right, r) * (int64_t)ADD_SHIFT, kernel_scale(right, 0) / twice);
	sum = fixed_point_multiply(sum, twice / (ADD_SHIFT * kernel_scale(&c->output, 0)));
	return (struct kernel_element){(double)(sum + c->output.zero_point), 0};
}

static struct kernel_element mul(const struct kernel_case *c, size_t l, size_t r)
{
	const struct kernel_tensor *left = &c->inputs[0], *right = &c->inputs[1];
	int64_t product;

	if (c->type == 'f')
		return (struct kernel_element){kernel_real(left, l) * kernel_real(right, r),
					       KERNEL_FLOAT_ERROR * fabs(kernel_real(left, l) * kernel_real(right, r))};
	if (c->type == 'i')
		return (struct kernel_element){(double)(int32_t)(uint32_t)(kernel_integer(left, l) * kernel_integer(right, r)), 0};
	product = fixed_point_multiply(centred(left, l) * centred(right, r),
				       kernel_scale(left, 0) * kernel_scale(right, 0) / kernel_scale(&c->output, 0));
	return (struct kernel_element){(double)(product + c->output.zero_point), 0};
}

static void refer_add(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, add);
}

static void refer_mul(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, mul);
}

const struct kernel_row kernel_add = {"ADD", TFL_BUILTIN_ADD, "fbBi", draw_add, options_add, refer_add};
const struct kernel_row kernel_mul = {"MUL", TFL_BUILTIN_MUL, "fbBi", draw_mul, options_mul, refer_mul};
