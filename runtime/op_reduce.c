/* SPDX-License-Identifier: MIT */
/*
 * MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD, REDUCE_ANY, REDUCE_ALL over the axes of the constant second input.
 *
 * Semantics: TensorFlow Lite's reference kernels. Quantised sums: the integers with their zero points taken off, times input scale / output
 * scale, and for means divided by the count in the fixed-point factor. Sums of one scale are no exception (there, the original adds up the
 * bytes as they are). Quantised extremes keep their scale. A quantised product is scaled after each factor, so that it stays within 32
 * bits. Integers that are not quantised wrap. What nothing is reduced to is the neutral element, for a mean NaN, or 0 in integers.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/kernel_reduce.h"
#include "runtime/lower.h"

/* a: the accumulator, x: the element. */
#define DEFINE_FOLD(name, type, accumulator, neutral, expression) \
	static void fill_##name(void *accumulators, size_t count) \
	{ \
		for (size_t i = 0; i < count; i++) \
			((accumulator *)accumulators)[i] = (neutral); \
	} \
\
	static void row_##name(const struct tfl_reduce *reduce, const void *elements, size_t count, void *result) \
	{ \
		accumulator a = *(accumulator *)result; \
\
		for (size_t i = 0; i < count; i++) { \
			type x = ((const type *)elements)[i]; \
\
			a = (accumulator)(expression); \
		} \
		*(accumulator *)result = a; \
	} \
\
	static void columns_##name(const struct tfl_reduce *reduce, const void *elements, size_t count, void *results) \
	{ \
		for (size_t i = 0; i < count; i++) { \
			accumulator a = ((accumulator *)results)[i]; \
			type x = ((const type *)elements)[i]; \
\
			((accumulator *)results)[i] = (accumulator)(expression); \
		} \
	}

#define FOLD(dtype, name, accumulator, finish) {dtype, sizeof(accumulator), fill_##name, row_##name, columns_##name, finish}

DEFINE_FOLD(sum_float32, float, double, 0, a + (double)x)
DEFINE_FOLD(sum_int8, int8_t, int64_t, 0, a + x)
DEFINE_FOLD(sum_uint8, uint8_t, int64_t, 0, a + x)
DEFINE_FOLD(sum_int16, int16_t, int64_t, 0, a + x)
DEFINE_FOLD(sum_int32, int32_t, int64_t, 0, a + x)
DEFINE_FOLD(sum_int64, int64_t, uint64_t, 0, a + (uint64_t)x)

#define DEFINE_EXTREMES(name, type, lowest, greatest) \
	DEFINE_FOLD(max_##name, type, type, lowest, x > a ? x : a) \
	DEFINE_FOLD(min_##name, type, type, greatest, x < a ? x : a)

DEFINE_EXTREMES(float32, float, -INFINITY, INFINITY)
DEFINE_EXTREMES(int8, int8_t, INT8_MIN, INT8_MAX)
DEFINE_EXTREMES(uint8, uint8_t, 0, UINT8_MAX)
DEFINE_EXTREMES(int16, int16_t, INT16_MIN, INT16_MAX)
DEFINE_EXTREMES(int32, int32_t, INT32_MIN, INT32_MAX)
DEFINE_EXTREMES(int64, int64_t, INT64_MIN, INT64_MAX)

/* The first factor of a quantised product is taken as it is; until then the accumulator is no 32-bit number. */
#define NO_FACTOR INT64_MIN

static int64_t scale_product(const struct tfl_reduce *reduce, int64_t product)
{
	int64_t scaled = tfl_multiply_wide(product, reduce->multiplier);

	return scaled < INT32_MIN ? INT32_MIN : scaled > INT32_MAX ? INT32_MAX : scaled;
}

static int64_t multiply_quantized(const struct tfl_reduce *reduce, int64_t product, int32_t element)
{
	int64_t factor = (int64_t)element - reduce->input_zero_point;

	return product == NO_FACTOR ? factor : scale_product(reduce, product * factor);
}

DEFINE_FOLD(prod_float32, float, float, 1, a * x)
DEFINE_FOLD(prod_int32, int32_t, uint32_t, 1, a * (uint32_t)x)
DEFINE_FOLD(prod_int64, int64_t, uint64_t, 1, a * (uint64_t)x)
DEFINE_FOLD(prod_int8, int8_t, int64_t, NO_FACTOR, multiply_quantized(reduce, a, x))
DEFINE_FOLD(prod_int16, int16_t, int64_t, NO_FACTOR, multiply_quantized(reduce, a, x))

DEFINE_FOLD(any, uint8_t, uint8_t, 0, a | (x != 0))
DEFINE_FOLD(all, uint8_t, uint8_t, 1, a & (x != 0))

/* The accumulators are the output. */
static void finish_same(const struct tfl_reduce *reduce, const void *accumulators, size_t count, void *output)
{
	memcpy(output, accumulators, count * tfl_dtype_size(reduce->dtype));
}

#define DEFINE_FINISH(name, type, accumulator, expression) \
	static void finish_##name(const struct tfl_reduce *reduce, const void *accumulators, size_t count, void *output) \
	{ \
		for (size_t i = 0; i < count; i++) { \
			accumulator a = ((const accumulator *)accumulators)[i]; \
\
			((type *)output)[i] = (type)(expression); \
		} \
	}

DEFINE_FINISH(sum_float32, float, double, a)
DEFINE_FINISH(sum_int32, int32_t, int64_t, (uint32_t)a)
DEFINE_FINISH(mean_float32, float, double, a / (double)reduce->count)
DEFINE_FINISH(mean_int32, int32_t, int64_t, reduce->count ? a / reduce->count : 0)
DEFINE_FINISH(mean_int64, int64_t, int64_t, reduce->count ? a / reduce->count : 0)

/* Sums of 32 bits, which wrap. */
static int32_t rescale_sum(const struct tfl_reduce *reduce, int64_t sum)
{
	uint32_t moved = (uint32_t)sum - (uint32_t)reduce->input_zero_point * (uint32_t)reduce->count;

	return tfl_requantize((int32_t)moved, reduce->multiplier, reduce->output_zero_point, &reduce->range);
}

DEFINE_FINISH(quantized_int8, int8_t, int64_t, rescale_sum(reduce, a))
DEFINE_FINISH(quantized_uint8, uint8_t, int64_t, rescale_sum(reduce, a))
DEFINE_FINISH(quantized_int16, int16_t, int64_t, rescale_sum(reduce, a))

static int32_t rescale_product(const struct tfl_reduce *reduce, int64_t product)
{
	int64_t value = (product == NO_FACTOR ? 0 : scale_product(reduce, product)) + reduce->output_zero_point;

	return value < reduce->range.quantized_min   ? reduce->range.quantized_min
	       : value > reduce->range.quantized_max ? reduce->range.quantized_max
						     : (int32_t)value;
}

DEFINE_FINISH(prod_int8, int8_t, int64_t, rescale_product(reduce, a))
DEFINE_FINISH(prod_int16, int16_t, int64_t, rescale_product(reduce, a))

static const struct tfl_fold sums[] = {
	FOLD(TFL_FLOAT32, sum_float32, double, finish_sum_float32),    FOLD(TFL_INT8, sum_int8, int64_t, finish_quantized_int8),
	FOLD(TFL_UINT8, sum_uint8, int64_t, finish_quantized_uint8),   FOLD(TFL_INT16, sum_int16, int64_t, finish_quantized_int16),
	FOLD(TFL_INT32, sum_int32, int64_t, finish_sum_int32),         FOLD(TFL_INT64, sum_int64, uint64_t, finish_same),
};

static const struct tfl_fold means[] = {
	FOLD(TFL_FLOAT32, sum_float32, double, finish_mean_float32),   FOLD(TFL_INT8, sum_int8, int64_t, finish_quantized_int8),
	FOLD(TFL_UINT8, sum_uint8, int64_t, finish_quantized_uint8),   FOLD(TFL_INT16, sum_int16, int64_t, finish_quantized_int16),
	FOLD(TFL_INT32, sum_int32, int64_t, finish_mean_int32),        FOLD(TFL_INT64, sum_int64, uint64_t, finish_mean_int64),
};

static const struct tfl_fold maxima[] = {
	FOLD(TFL_FLOAT32, max_float32, float, finish_same),   FOLD(TFL_INT8, max_int8, int8_t, finish_same),
	FOLD(TFL_UINT8, max_uint8, uint8_t, finish_same),     FOLD(TFL_INT16, max_int16, int16_t, finish_same),
	FOLD(TFL_INT32, max_int32, int32_t, finish_same),     FOLD(TFL_INT64, max_int64, int64_t, finish_same),
};

static const struct tfl_fold minima[] = {
	FOLD(TFL_FLOAT32, min_float32, float, finish_same),   FOLD(TFL_INT8, min_int8, int8_t, finish_same),
	FOLD(TFL_UINT8, min_uint8, uint8_t, finish_same),     FOLD(TFL_INT16, min_int16, int16_t, finish_same),
	FOLD(TFL_INT32, min_int32, int32_t, finish_same),     FOLD(TFL_INT64, min_int64, int64_t, finish_same),
};

static const struct tfl_fold products[] = {
	FOLD(TFL_FLOAT32, prod_float32, float, finish_same),      FOLD(TFL_INT8, prod_int8, int64_t, finish_prod_int8),
	FOLD(TFL_INT16, prod_int16, int64_t, finish_prod_int16),  FOLD(TFL_INT32, prod_int32, uint32_t, finish_same),
	FOLD(TFL_INT64, prod_int64, uint64_t, finish_same),
};

static const struct tfl_fold any_of[] = {FOLD(TFL_BOOL, any, uint8_t, finish_same)};
static const struct tfl_fold all_of[] = {FOLD(TFL_BOOL, all, uint8_t, finish_same)};

static bool is_small_integer(enum tfl_dtype dtype)
{
	return dtype == TFL_INT8 || dtype == TFL_UINT8 || dtype == TFL_INT16;
}

/* Scales for arithmetic; 16-bit tensors have no zero point. */
static int check_scales(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	int r;

	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r == 0 && input->dtype == TFL_INT16 && (input->zero_point != 0 || output->zero_point != 0))
		return tfl_node_unsupported(graph, node, error, "the zero points are %d and %d; for int16 only 0 is supported",
					    input->zero_point, output->zero_point);
	return r;
}

static int prepare_sums(struct tfl_graph *graph, struct tfl_node *node, const struct tfl_fold *folds, size_t count, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct tfl_reduce *reduce;
	int r;

	r = check_scales(graph, node, error);
	if (r == 0)
		r = tfl_reduce_prepare(graph, node, folds, count, error);
	if (r < 0)
		return r;
	reduce = node->params;
	if (is_small_integer(input->dtype))
		reduce->multiplier = tfl_multiplier_from((double)input->scale / (double)output->scale);
	return 0;
}

static int prepare_sum(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return prepare_sums(graph, node, sums, TFL_ARRAY_SIZE(sums), error);
}

/* The factor is divided by the count: shifted to the left as far as the count is long, so that no bit of it is lost, then cut. */
static int prepare_mean(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct tfl_multiplier *multiplier;
	struct tfl_reduce *reduce;
	int r, shift;

	r = prepare_sums(graph, node, means, TFL_ARRAY_SIZE(means), error);
	if (r < 0)
		return r;
	reduce = node->params;
	multiplier = &reduce->multiplier;
	if (reduce->count < 1)
		return 0;
	shift = 63 - __builtin_clzll((unsigned long long)reduce->count);
	shift = shift > 31 + multiplier->shift ? 31 + multiplier->shift : shift;
	multiplier->multiplier = (int32_t)((int64_t)multiplier->multiplier * (1LL << shift) / reduce->count);
	multiplier->shift -= shift;
	return 0;
}

static int prepare_extreme(struct tfl_graph *graph, struct tfl_node *node, const struct tfl_fold *folds, size_t count,
			   struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);

	if (is_small_integer(input->dtype) && !(input->scale == output->scale && input->zero_point == output->zero_point))
		return tfl_node_unsupported(graph, node, error, "input and output have different scales (%g and %g) or zero points",
					    (double)input->scale, (double)output->scale);
	return tfl_reduce_prepare(graph, node, folds, count, error);
}

static int prepare_max(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return prepare_extreme(graph, node, maxima, TFL_ARRAY_SIZE(maxima), error);
}

static int prepare_min(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return prepare_extreme(graph, node, minima, TFL_ARRAY_SIZE(minima), error);
}

static int prepare_prod(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct tfl_reduce *reduce;
	double factor;
	int r;

	r = check_scales(graph, node, error);
	if (r == 0)
		r = tfl_reduce_prepare(graph, node, products, TFL_ARRAY_SIZE(products), error);
	if (r < 0 || !is_small_integer(input->dtype))
		return r;
	reduce = node->params;
	if (input->elements == 0 && output->elements > 0)
		return tfl_node_unsupported(graph, node, error, "the product of no elements is not supported for quantised tensors");
	/* A part of the output's scale for each factor. */
	factor = (double)input->scale / pow((double)output->scale, 1.0 / (double)reduce->count);
	reduce->multiplier = tfl_multiplier_from(factor);
	if (reduce->multiplier.shift > TFL_WIDE_SHIFT_MAX)
		return tfl_node_unsupported(graph, node, error, "the scales make a factor of %g; below %d is supported", factor,
					    1 << TFL_WIDE_SHIFT_MAX);
	return 0;
}

static int prepare_any(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return tfl_reduce_prepare(graph, node, any_of, TFL_ARRAY_SIZE(any_of), error);
}

static int prepare_all(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return tfl_reduce_prepare(graph, node, all_of, TFL_ARRAY_SIZE(all_of), error);
}

static int lower_sum(struct tfl_lower *lower, const struct tfl_node *node)
{
	return tfl_reduce_lower(lower, node, xnn_reduce_sum);
}

static int lower_mean(struct tfl_lower *lower, const struct tfl_node *node)
{
	return tfl_reduce_lower(lower, node, xnn_reduce_mean);
}

#define DEFINE_OP(symbol, builtin, version, patterns, prepare_function, lower_function) \
	const struct tfl_op tfl_op_##symbol = { \
		.code = TFL_BUILTIN_##builtin, \
		.options = TFL_OPTIONS_REDUCER, \
		.inputs_min = 2, \
		.inputs_max = 2, \
		.outputs = 1, \
		.max_version = version, \
		.name = #builtin, \
		.types = patterns, \
		.prepare = prepare_function, \
		.lower = lower_function, \
		.run = tfl_reduce_run, \
	};

#define NUMBERS "fN:f bN:b BN:B sN:s iN:i lN:l"

DEFINE_OP(mean, MEAN, 3, NUMBERS, prepare_mean, lower_mean)
DEFINE_OP(sum, SUM, 2, NUMBERS, prepare_sum, lower_sum)
DEFINE_OP(reduce_max, REDUCE_MAX, 3, NUMBERS, prepare_max, NULL)
DEFINE_OP(reduce_min, REDUCE_MIN, 3, NUMBERS, prepare_min, NULL)
DEFINE_OP(reduce_prod, REDUCE_PROD, 2, "fN:f bN:b sN:s iN:i lN:l", prepare_prod, NULL)
DEFINE_OP(reduce_any, REDUCE_ANY, 1, "zN:z", prepare_any, NULL)
DEFINE_OP(reduce_all, REDUCE_ALL, 1, "zN:z", prepare_all, NULL)
