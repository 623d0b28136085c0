/* SPDX-License-Identifier: MIT */
/* BATCH_MATMUL: products of the last two dimensions, broadcast over those in front; float32 in double, integers by fixed-point factors. */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_rows.h"

enum { LEFT, RIGHT };
enum { ADJ_X = 1, ADJ_Y = 2 };

#define XNNPACK_FACTOR_MAX 256

static bool is_adjoint(const struct kernel_case *c, unsigned which)
{
	return c->axis & (which == LEFT ? ADJ_X : ADJ_Y);
}

static void draw_matrices(struct kernel_case *c, unsigned which, const int32_t *batches, unsigned count, int32_t rows, int32_t columns)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned skipped = kernel_one_in(c, 2) ? (unsigned)kernel_between(c, 0, (int32_t)count) : 0;

	/* Some batches in front are left out, some are of size 1. */
	for (unsigned i = skipped; i < count; i++)
		dims[i - skipped] = kernel_one_in(c, 4) ? 1 : batches[i];
	count -= skipped;
	dims[count] = is_adjoint(c, which) ? columns : rows;
	dims[count + 1] = is_adjoint(c, which) ? rows : columns;
	kernel_draw_tensor(c, &c->inputs[which], c->output.dtype, count + 2, dims);
	if (c->type == 's' || kernel_one_in(c, 3))
		c->inputs[which].zero_point = 0;
}

static void draw_output(struct kernel_case *c, int32_t depth)
{
	float spread = exp2f(tfl_random_uniform(&c->random, -2, kernel_one_in(c, 6) ? 9 : 2));

	kernel_draw_quantization(c, &c->output);
	if (c->type == 'f')
		return;
	c->output.scales[0] = (float)(kernel_scale(&c->inputs[LEFT], 0) * kernel_scale(&c->inputs[RIGHT], 0) * sqrt(depth) *
				      (c->type == 's' ? 20000 : 80) / (double)spread);
	if (c->type == 's')
		c->output.zero_point = 0;
}

/* float32 always; int8 as a fully connected layer: one constant matrix on the right, without a zero point. */
static bool in_xnnpack(const struct kernel_case *c, int32_t depth)
{
	const struct kernel_tensor *right = &c->inputs[RIGHT];
	double factor = kernel_scale(&c->inputs[LEFT], 0) * kernel_scale(right, 0) / kernel_scale(&c->output, 0);

	if (c->type == 'f')
		return true;
	return c->type == 'b' && right->constant && right->rank == 2 && right->zero_point == 0 && !is_adjoint(c, LEFT) &&
	       factor < XNNPACK_FACTOR_MAX && factor * depth * 255 * 255 < 0x1p31;
}

static void draw(struct kernel_case *c)
{
	int32_t batches[3], count = kernel_between(c, 0, 3), rows = kernel_between(c, 1, 6);
	int32_t columns = kernel_between(c, 1, kernel_one_in(c, 3) ? 40 : 6), depth = kernel_between(c, 1, kernel_one_in(c, 3) ? 40 : 6);

	for (int32_t i = 0; i < count; i++)
		batches[i] = kernel_between(c, 1, 3);
	c->axis = kernel_between(c, 0, ADJ_X | ADJ_Y);
	c->input_count = 2;
	draw_matrices(c, LEFT, batches, (unsigned)count, rows, depth);
	draw_matrices(c, RIGHT, batches, (unsigned)count, depth, columns);
	c->inputs[LEFT].constant = kernel_one_in(c, 10);
	c->inputs[RIGHT].constant = kernel_one_in(c, 3);
	draw_output(c, depth);
	c->xnnpack = in_xnnpack(c, depth);
}

static void options(struct kernel_case *c)
{
	c->options = tfl_options_batch_matmul(is_adjoint(c, LEFT), is_adjoint(c, RIGHT));
}

/* Element (row, column) of the matrix that takes part in the product at @p at. */
static size_t element(const struct kernel_case *c, unsigned which, const int32_t *at, unsigned rank, int32_t row, int32_t column)
{
	const struct kernel_tensor *tensor = &c->inputs[which];
	int32_t own[TFL_RANK_MAX];

	for (unsigned i = 0; i + 2 < tensor->rank; i++)
		own[i] = tensor->dims[i] == 1 ? 0 : at[rank - tensor->rank + i];
	own[tensor->rank - 2] = is_adjoint(c, which) ? column : row;
	own[tensor->rank - 1] = is_adjoint(c, which) ? row : column;
	return kernel_ravel(tensor->rank, tensor->dims, own);
}

static struct kernel_element multiply(const struct kernel_case *c, const int32_t *at, unsigned rank, int32_t depth)
{
	const struct kernel_tensor *left = &c->inputs[LEFT], *right = &c->inputs[RIGHT];
	double real = 0, magnitude = 0, min, max, factor;
	int64_t sum = 0;

	for (int32_t k = 0; k < depth; k++) {
		size_t l = element(c, LEFT, at, rank, at[rank - 2], k), r = element(c, RIGHT, at, rank, k, at[rank - 1]);

		if (c->type != 'f') {
			sum += (kernel_integer(left, l) - left->zero_point) * (kernel_integer(right, r) - right->zero_point);
			continue;
		}
		real += kernel_real(left, l) * kernel_real(right, r);
		magnitude += fabs(kernel_real(left, l) * kernel_real(right, r));
	}
	if (c->type == 'f')
		return (struct kernel_element){.value = real, .slack = KERNEL_FLOAT_ERROR * magnitude};
	kernel_bounds(c, &min, &max);
	factor = kernel_scale(left, 0) * kernel_scale(right, 0) / kernel_scale(&c->output, 0);
	sum = c->type == 's' ? fixed_point_multiply_wide(sum, factor) : fixed_point_multiply(sum, factor);
	return (struct kernel_element){.value = kernel_clamp((double)(sum + c->output.zero_point), min, max)};
}

static void refer(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *left = &c->inputs[LEFT], *right = &c->inputs[RIGHT];
	unsigned rank = left->rank > right->rank ? left->rank : right->rank;
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX];

	for (unsigned i = 0; i + 2 < rank; i++) {
		int32_t l = i + left->rank < rank ? 1 : left->dims[i + left->rank - rank];
		int32_t r = i + right->rank < rank ? 1 : right->dims[i + right->rank - rank];

		dims[i] = l == 1 ? r : l;
	}
	dims[rank - 2] = left->dims[left->rank - (is_adjoint(c, LEFT) ? 1 : 2)];
	dims[rank - 1] = right->dims[right->rank - (is_adjoint(c, RIGHT) ? 2 : 1)];
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, rank, dims, at);
		expected->element[i] = multiply(c, at, rank, left->dims[left->rank - (is_adjoint(c, LEFT) ? 2 : 1)]);
	}
}

const struct kernel_row kernel_batch_matmul = {"BATCH_MATMUL", TFL_BUILTIN_BATCH_MATMUL, "fbs", draw, options, refer};
