/* SPDX-License-Identifier: MIT */
/*
 * Operators that look along dimensions: MEAN over given axes, SOFTMAX and LOG_SOFTMAX over the last. All in double, on the real numbers that
 * integers stand for.
 */
#include <math.h>

#include "tests/runtime/kernel_rows.h"

static unsigned draw_dims(struct kernel_case *c, unsigned min_rank, unsigned max_rank, int32_t *ret_dims)
{
	unsigned rank = (unsigned)kernel_between(c, (int32_t)min_rank, (int32_t)max_rank);

	for (unsigned i = 0; i < rank; i++)
		ret_dims[i] = kernel_between(c, 1, kernel_one_in(c, 4) ? 20 : 4);
	return rank;
}

/* Some axes, each at most once or, rarely, named twice; negative ones count from the end. */
static void draw_axes(struct kernel_case *c, unsigned rank)
{
	for (unsigned axis = 0; axis < rank; axis++)
		if (kernel_one_in(c, 2))
			c->ints[c->int_count++] = (int32_t)axis - (kernel_one_in(c, 3) ? (int32_t)rank : 0);
	if (c->int_count > 0 && kernel_one_in(c, 10))
		c->ints[c->int_count++] = c->ints[0];
}

static void draw_mean(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = draw_dims(c, 0, 5, dims);

	kernel_draw_tensor(c, &c->inputs[0], c->output.dtype, rank, dims);
	c->input_count = 2;
	c->inputs[0].constant = kernel_one_in(c, 8);
	draw_axes(c, rank);
	kernel_draw_ints(c, &c->inputs[1], 1);
	kernel_draw_quantization(c, &c->output);
	if (kernel_one_in(c, 2))
		kernel_copy_quantization(&c->output, &c->inputs[0]);
	c->flag = kernel_one_in(c, 2);
	c->xnnpack = c->int_count > 0;
}

static void options_mean(struct kernel_case *c)
{
	c->options = tfl_options_reducer(c->flag);
}

static bool is_reduced(const struct kernel_case *c, unsigned axis)
{
	int32_t rank = (int32_t)c->inputs[0].rank;

	for (unsigned i = 0; i < c->int_count; i++)
		if (c->ints[i] == (int32_t)axis || c->ints[i] == (int32_t)axis - rank)
			return true;
	return false;
}

static void refer_mean(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t kept[TFL_RANK_MAX], dims[TFL_RANK_MAX], at[TFL_RANK_MAX];
	unsigned rank = 0;

	for (unsigned i = 0; i < input->rank; i++) {
		kept[i] = is_reduced(c, i) ? 1 : input->dims[i];
		if (c->flag || !is_reduced(c, i))
			dims[rank++] = kept[i];
	}
	kernel_expect_shape(expected, rank, dims);
	for (size_t o = 0; o < expected->elements; o++) {
		double sum = 0, magnitude = 0, count = (double)input->elements / (double)expected->elements;

		/* Naive on purpose: each output looks at all inputs and takes those that lie behind it. */
		for (size_t i = 0; i < input->elements; i++) {
			kernel_unravel(i, input->rank, input->dims, at);
			for (unsigned d = 0; d < input->rank; d++)
				at[d] = is_reduced(c, d) ? 0 : at[d];
			if (kernel_ravel(input->rank, kept, at) != o)
				continue;
			sum += kernel_real(input, i);
			magnitude += fabs(kernel_real(input, i));
		}
		expected->element[o] = kernel_from_real(c, sum / count, magnitude / count);
	}
}

static void draw_row(struct kernel_case *c, unsigned max_rank)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = draw_dims(c, 1, max_rank, dims);

	kernel_draw_tensor(c, &c->inputs[0], c->output.dtype, rank, dims);
	c->input_count = 1;
	c->inputs[0].constant = kernel_one_in(c, 8);
	kernel_draw_quantization(c, &c->output);
}

static void draw_softmax(struct kernel_case *c)
{
	static const float betas[] = {1, 1, 0.25f, 2, 0};

	draw_row(c, 5);
	c->beta = betas[kernel_between(c, 0, 4)];
	if (kernel_is_byte(c->output.dtype) && kernel_one_in(c, 4))
		c->output.dtype = TFL_INT16;
	/* What converters give every quantised SOFTMAX; to 16 bits there is nothing else. */
	if (c->output.dtype == TFL_INT16) {
		c->output.scales[0] = c->type == 's' ? 0x1p-15f : 0x1p-16f;
		c->output.zero_point = c->type == 's' ? 0 : INT16_MIN;
	} else if (c->type != 'f' && !kernel_one_in(c, 4)) {
		c->output.scales[0] = 1 / 256.0f;
		c->output.zero_point = c->type == 'b' ? -128 : 0;
	}
	c->xnnpack = c->type == 'f' && c->beta == 1;
}

static void options_softmax(struct kernel_case *c)
{
	c->options = tfl_options_softmax(c->beta);
}

/* Sum of exp(beta * (x - greatest)) over the row that holds @p index, and that greatest. */
static double row_sum(const struct kernel_tensor *input, size_t index, double beta, double *ret_greatest)
{
	size_t depth = (size_t)input->dims[input->rank - 1], first = index / depth * depth;
	double sum = 0;

	*ret_greatest = -INFINITY;
	for (size_t i = first; i < first + depth; i++)
		*ret_greatest = fmax(*ret_greatest, kernel_real(input, i));
	for (size_t i = first; i < first + depth; i++)
		sum += exp(beta * (kernel_real(input, i) - *ret_greatest));
	return sum;
}

static void refer_softmax(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		double greatest, sum = row_sum(input, i, (double)c->beta, &greatest);
		double value = exp((double)c->beta * (kernel_real(input, i) - greatest)) / sum;

		expected->element[i] = kernel_from_real(c, value, value);
		/* Tables and fixed point, of 32,768 or 65,536 steps; the table of exponentials ends at exp(-10), which is 1.5 of them. */
		if (c->output.dtype == TFL_INT16)
			expected->element[i].slack = 3 + (c->type == 's' ? 2 * input->dims[input->rank - 1] : 0);
	}
}

static void draw_log_softmax(struct kernel_case *c)
{
	draw_row(c, 6);
}

static void options_log_softmax(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_LOG_SOFTMAX);
}

static void refer_log_softmax(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		double greatest, sum = row_sum(input, i, 1, &greatest), x = kernel_real(input, i);

		expected->element[i] = kernel_from_real(c, x - greatest - log(sum), fabs(x) + fabs(greatest) + log(sum));
	}
}

const struct kernel_row kernel_mean = {"MEAN", TFL_BUILTIN_MEAN, "fbB", draw_mean, options_mean, refer_mean};
const struct kernel_row kernel_softmax = {"SOFTMAX", TFL_BUILTIN_SOFTMAX, "fbBs", draw_softmax, options_softmax, refer_softmax};
const struct kernel_row kernel_log_softmax = {"LOG_SOFTMAX", TFL_BUILTIN_LOG_SOFTMAX, "fbB", draw_log_softmax,
					       options_log_softmax, refer_log_softmax};
