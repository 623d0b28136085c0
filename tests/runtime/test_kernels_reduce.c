/* SPDX-License-Identifier: MIT */
/*
 * Operators that look along dimensions. MEAN, SUM and the REDUCE_ operators over given axes: quantised by fixed-point factors, exactly.
 * SOFTMAX and LOG_SOFTMAX over the last dimension, in double, on the real numbers that integers stand for.
 */
#include <math.h>

#include "tests/runtime/fixed_point.h"
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

static void draw_reduction(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = draw_dims(c, 0, 5, dims);

	kernel_draw_tensor(c, &c->inputs[0], c->output.dtype, rank, dims);
	c->input_count = 2;
	c->inputs[0].constant = kernel_one_in(c, 8);
	if (c->type == 's')
		c->inputs[0].zero_point = 0;
	draw_axes(c, rank);
	kernel_draw_ints(c, &c->inputs[1], 1);
	kernel_copy_quantization(&c->output, &c->inputs[0]);
	c->flag = kernel_one_in(c, 2);
}

/* Sums and products have scales of their own. */
static void draw_arithmetic(struct kernel_case *c)
{
	draw_reduction(c);
	if (kernel_one_in(c, 2))
		return;
	kernel_draw_quantization(c, &c->output);
	if (c->type == 's')
		c->output.zero_point = 0;
}

static void draw_sum(struct kernel_case *c)
{
	draw_arithmetic(c);
	c->xnnpack = c->int_count > 0 && (c->type == 'f' || c->type == 'b' || c->type == 'B');
}

static void options_reduction(struct kernel_case *c)
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

/* What lies behind one output element. */
struct fold {
	double real, magnitude; /* float32 */
	int64_t integer;
	int64_t count;          /* of elements */
};

typedef void (*fold_function)(const struct kernel_case *c, size_t element, struct fold *fold);
typedef struct kernel_element (*finish_function)(const struct kernel_case *c, const struct fold *fold);

/* Naive on purpose: each output looks at all inputs and takes those that lie behind it. */
static void reduce(const struct kernel_case *c, struct kernel_expected *expected, struct fold start, fold_function fold, finish_function finish)
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
		struct fold folded = start;

		for (size_t i = 0; i < input->elements; i++) {
			kernel_unravel(i, input->rank, input->dims, at);
			for (unsigned d = 0; d < input->rank; d++)
				at[d] = is_reduced(c, d) ? 0 : at[d];
			if (kernel_ravel(input->rank, kept, at) != o)
				continue;
			fold(c, i, &folded);
			folded.count++;
		}
		expected->element[o] = finish(c, &folded);
	}
}

static bool is_quantized(const struct kernel_case *c)
{
	return c->type == 'b' || c->type == 'B' || c->type == 's';
}

/* An integer as the output's type holds it: what is above wraps, quantised it is cut. */
static struct kernel_element whole(const struct kernel_case *c, int64_t value)
{
	double min, max;

	kernel_bounds(c, &min, &max);
	if (is_quantized(c))
		return (struct kernel_element){kernel_clamp((double)value, min, max), 0};
	return (struct kernel_element){(double)(c->type == 'i' ? (int32_t)(uint32_t)value : value), 0};
}

static void add(const struct kernel_case *c, size_t element, struct fold *fold)
{
	const struct kernel_tensor *input = &c->inputs[0];

	if (c->type == 'f') {
		fold->real += kernel_real(input, element);
		fold->magnitude += fabs(kernel_real(input, element));
	} else {
		fold->integer += kernel_integer(input, element) - (is_quantized(c) ? input->zero_point : 0);
	}
}

static double scale_ratio(const struct kernel_case *c)
{
	return kernel_scale(&c->inputs[0], 0) / kernel_scale(&c->output, 0);
}

static struct kernel_element finish_sum(const struct kernel_case *c, const struct fold *fold)
{
	if (c->type == 'f')
		return (struct kernel_element){fold->real, KERNEL_FLOAT_ERROR * fold->magnitude};
	if (!is_quantized(c))
		return whole(c, fold->integer);
	return whole(c, fixed_point_multiply(fold->integer, scale_ratio(c)) + c->output.zero_point);
}

static void refer_sum(const struct kernel_case *c, struct kernel_expected *expected)
{
	reduce(c, expected, (struct fold){0}, add, finish_sum);
}

/* The multiplier of the scales, with as many bits more as the count has behind its first, divided by the count and cut. */
static struct kernel_element finish_mean(const struct kernel_case *c, const struct fold *fold)
{
	int64_t multiplier;
	int exponent, bits = 0;

	if (c->type == 'f')
		return (struct kernel_element){fold->real / (double)fold->count, KERNEL_FLOAT_ERROR * fold->magnitude / (double)fold->count};
	if (fold->count == 0)
		return whole(c, is_quantized(c) ? c->output.zero_point : 0);
	if (!is_quantized(c))
		return whole(c, fold->integer / fold->count);
	multiplier = fixed_point_split(scale_ratio(c), &exponent);
	while (fold->count >> (bits + 1) > 0 && exponent - bits > -31)
		bits++;
	return whole(c, fixed_point_multiply_split(fold->integer, (multiplier << bits) / fold->count, exponent - bits) + c->output.zero_point);
}

static void refer_mean(const struct kernel_case *c, struct kernel_expected *expected)
{
	reduce(c, expected, (struct fold){0}, add, finish_mean);
}

static void take_greatest(const struct kernel_case *c, size_t element, struct fold *fold)
{
	if (c->type == 'f')
		fold->real = fmax(fold->real, kernel_real(&c->inputs[0], element));
	else if (kernel_integer(&c->inputs[0], element) > fold->integer)
		fold->integer = kernel_integer(&c->inputs[0], element);
}

static void take_smallest(const struct kernel_case *c, size_t element, struct fold *fold)
{
	if (c->type == 'f')
		fold->real = fmin(fold->real, kernel_real(&c->inputs[0], element));
	else if (kernel_integer(&c->inputs[0], element) < fold->integer)
		fold->integer = kernel_integer(&c->inputs[0], element);
}

/* The extreme of nothing is that of the type. */
static struct kernel_element finish_extreme(const struct kernel_case *c, const struct fold *fold)
{
	double min, max;

	kernel_bounds(c, &min, &max);
	return (struct kernel_element){c->type == 'f' ? fold->real : kernel_clamp((double)fold->integer, min, max), 0};
}

static void refer_max(const struct kernel_case *c, struct kernel_expected *expected)
{
	reduce(c, expected, (struct fold){.real = -INFINITY, .integer = INT64_MIN}, take_greatest, finish_extreme);
}

static void refer_min(const struct kernel_case *c, struct kernel_expected *expected)
{
	reduce(c, expected, (struct fold){.real = INFINITY, .integer = INT64_MAX}, take_smallest, finish_extreme);
}

/* For each factor of a quantised product. */
static double product_factor(const struct kernel_case *c)
{
	double count = 1;

	for (unsigned i = 0; i < c->inputs[0].rank; i++)
		count *= is_reduced(c, i) ? c->inputs[0].dims[i] : 1;
	return kernel_scale(&c->inputs[0], 0) / pow(kernel_scale(&c->output, 0), 1 / count);
}

static int64_t scale_product(const struct kernel_case *c, int64_t product)
{
	const int64_t limit = INT64_C(1) << 47;

	product = product < -limit ? -limit : product > limit ? limit : product;
	product = fixed_point_multiply_wide(product, product_factor(c));
	return product < INT32_MIN ? INT32_MIN : product > INT32_MAX ? INT32_MAX : product;
}

static void multiply(const struct kernel_case *c, size_t element, struct fold *fold)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int64_t factor = c->type == 'f' ? 0 : kernel_integer(input, element);

	if (c->type == 'f') {
		fold->real *= kernel_real(input, element);
		fold->magnitude = fabs(fold->real);
	} else if (!is_quantized(c)) {
		fold->integer = (int64_t)((uint64_t)fold->integer * (uint64_t)factor);
	} else {
		factor -= input->zero_point;
		fold->integer = fold->count == 0 ? factor : scale_product(c, fold->integer * factor);
	}
}

static struct kernel_element finish_product(const struct kernel_case *c, const struct fold *fold)
{
	if (c->type == 'f')
		return (struct kernel_element){fold->real, 1e-4 * fold->magnitude};
	return whole(c, is_quantized(c) ? scale_product(c, fold->integer) + c->output.zero_point : fold->integer);
}

static void refer_prod(const struct kernel_case *c, struct kernel_expected *expected)
{
	reduce(c, expected, (struct fold){.real = 1, .integer = 1}, multiply, finish_product);
}

static void draw_prod(struct kernel_case *c)
{
	draw_arithmetic(c);
	/* Few factors of 4 and less stay within float32; scales of 1/4 and more, so that something is left. */
	for (size_t i = 0; c->type == 'f' && i < c->inputs[0].elements; i++)
		((float *)c->inputs[0].data)[i] = tfl_random_uniform(&c->random, 0.5f, 1.5f) * (kernel_one_in(c, 3) ? -1.0f : 1.0f);
	if (is_quantized(c) && kernel_one_in(c, 2))
		c->inputs[0].scales[0] = tfl_random_uniform(&c->random, 0.25f, 0.49f);
}

static void find_true(const struct kernel_case *c, size_t element, struct fold *fold)
{
	fold->integer |= kernel_integer(&c->inputs[0], element);
}

static void find_false(const struct kernel_case *c, size_t element, struct fold *fold)
{
	fold->integer &= kernel_integer(&c->inputs[0], element);
}

static void refer_any(const struct kernel_case *c, struct kernel_expected *expected)
{
	reduce(c, expected, (struct fold){0}, find_true, finish_extreme);
}

static void refer_all(const struct kernel_case *c, struct kernel_expected *expected)
{
	reduce(c, expected, (struct fold){.integer = 1}, find_false, finish_extreme);
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

const struct kernel_row kernel_mean = {"MEAN", TFL_BUILTIN_MEAN, "fbBsil", draw_sum, options_reduction, refer_mean};
const struct kernel_row kernel_sum = {"SUM", TFL_BUILTIN_SUM, "fbBsil", draw_sum, options_reduction, refer_sum};
const struct kernel_row kernel_reduce_max = {"REDUCE_MAX", TFL_BUILTIN_REDUCE_MAX, "fbBsil", draw_reduction, options_reduction, refer_max};
const struct kernel_row kernel_reduce_min = {"REDUCE_MIN", TFL_BUILTIN_REDUCE_MIN, "fbBsil", draw_reduction, options_reduction, refer_min};
const struct kernel_row kernel_reduce_prod = {"REDUCE_PROD", TFL_BUILTIN_REDUCE_PROD, "fbsil", draw_prod, options_reduction, refer_prod};
const struct kernel_row kernel_reduce_any = {"REDUCE_ANY", TFL_BUILTIN_REDUCE_ANY, "z", draw_reduction, options_reduction, refer_any};
const struct kernel_row kernel_reduce_all = {"REDUCE_ALL", TFL_BUILTIN_REDUCE_ALL, "z", draw_reduction, options_reduction, refer_all};
const struct kernel_row kernel_softmax = {"SOFTMAX", TFL_BUILTIN_SOFTMAX, "fbBs", draw_softmax, options_softmax, refer_softmax};
const struct kernel_row kernel_log_softmax = {"LOG_SOFTMAX", TFL_BUILTIN_LOG_SOFTMAX, "fbB", draw_log_softmax,
					       options_log_softmax, refer_log_softmax};
