/* SPDX-License-Identifier: MIT */
/*
 * The kinds of arithmetic are a table; each is four loops, made by macros from the same few lines where only types differ. They are written
 * for the vectoriser: bytes are widened to 16 bits once per row, because two 16-bit factors and a 32-bit sum are what processors multiply
 * best. Integers are summed unsigned: a file may make them overflow, which then wraps as in the reference.
 */
#include "runtime/kernel_linear.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/graph.h"

#define LANES 8
#define ALIGNMENT 64

#define DEFINE_READ(name, from, to, value) \
	static void read_##name(const struct tfl_linear_run *run, const void *elements, size_t count, void *row) \
	{ \
		const from *x = elements; \
		int32_t zero_point = run->input_zero_point; \
		to *r = row; \
\
		(void)zero_point; \
		for (size_t i = 0; i < count; i++) \
			r[i] = (to)(value); \
	}

DEFINE_READ(float32, float, float, x[i])
DEFINE_READ(int8, int8_t, int16_t, x[i] - zero_point)
DEFINE_READ(uint8, uint8_t, int16_t, x[i] - zero_point)
DEFINE_READ(int16, int16_t, int16_t, x[i])

/* In eight partial sums, so that there is something to vectorise. */
static float dot_floats(const float *x, const float *w, size_t count)
{
	float lanes[LANES] = {0}, sum = 0;
	size_t i = 0;

	for (; i + LANES <= count; i += LANES)
		for (size_t lane = 0; lane < LANES; lane++)
			lanes[lane] += x[i + lane] * w[i + lane];
	for (; i < count; i++)
		sum += x[i] * w[i];
	for (size_t lane = 0; lane < LANES; lane++)
		sum += lanes[lane];
	return sum;
}

static void dot_float32(const struct tfl_linear_run *run, const void *row, size_t count, const void *weights, size_t stride, size_t channels,
			void *sums)
{
	for (size_t c = 0; c < channels; c++)
		((float *)sums)[c] += dot_floats(row, (const float *)weights + c * stride, count);
}

#define DEFINE_DOT(type) \
	static uint32_t dot_##type##s(const int16_t *x, const type *w, size_t count, int32_t zero_point) \
	{ \
		uint32_t sum = 0; \
\
		for (size_t i = 0; i < count; i++) \
			sum += (uint32_t)(x[i] * (int16_t)(w[i] - zero_point)); \
		return sum; \
	} \
\
	static void dot_##type(const struct tfl_linear_run *run, const void *row, size_t count, const void *weights, size_t stride, \
			       size_t channels, void *sums) \
	{ \
		for (size_t c = 0; c < channels; c++) \
			((uint32_t *)sums)[c] += dot_##type##s(row, (const type *)weights + c * stride, count, run->filter_zero_point); \
	}

DEFINE_DOT(int8_t)
DEFINE_DOT(uint8_t)

/* Products have 23 bits: 256 of them fit a 32-bit sum. */
static void dot_int16(const struct tfl_linear_run *run, const void *row, size_t count, const void *weights, size_t stride, size_t channels,
		      void *sums)
{
	const size_t part = 256;

	for (size_t c = 0; c < channels; c++)
		for (size_t i = 0; i < count; i += part) {
			size_t end = count - i < part ? count - i : part;

			((int64_t *)sums)[c] += (int32_t)dot_int8_ts((const int16_t *)row + i, (const int8_t *)weights + c * stride + i, end, 0);
		}
}

#define DEFINE_SPREAD(name, x_type, w_type, sum_type, product) \
	static void spread_##name(const struct tfl_linear_run *run, const void *elements, size_t count, const void *weights, size_t multiplier, \
				  void *sums) \
	{ \
		int32_t x_zero = run->input_zero_point, w_zero = run->filter_zero_point; \
		const x_type *x = elements; \
		const w_type *w = weights; \
		sum_type *s = sums; \
\
		(void)x_zero, (void)w_zero; \
		if (multiplier == 1) { \
			for (size_t i = 0, j = 0; i < count; i++, j++) \
				s[j] += product; \
			return; \
		} \
		for (size_t i = 0, j = 0; i < count; i++) \
			for (size_t end = j + multiplier; j < end; j++) \
				s[j] += product; \
	}

DEFINE_SPREAD(float32, float, float, float, x[i] * w[j])
DEFINE_SPREAD(int8, int8_t, int8_t, uint32_t, (uint32_t)((int16_t)(x[i] - x_zero) * (int16_t)(w[j] - w_zero)))
DEFINE_SPREAD(uint8, uint8_t, uint8_t, uint32_t, (uint32_t)((int16_t)(x[i] - x_zero) * (int16_t)(w[j] - w_zero)))
DEFINE_SPREAD(int16, int16_t, int8_t, int64_t, x[i] * w[j])

static float clamp(float value, const struct tfl_range *range)
{
	return fminf(fmaxf(value, range->min), range->max);
}

static void finish_float32(const struct tfl_linear_run *run, void *output)
{
	const float *sums = run->sums, *bias = run->bias;

	for (int32_t c = 0; c < run->linear->channels; c++)
		((float *)output)[c] = clamp(sums[c] + (bias ? bias[c] : 0), &run->linear->range);
}

static void finish_dynamic(const struct tfl_linear_run *run, void *output)
{
	const float *bias = run->bias;

	for (int32_t c = 0; c < run->linear->channels; c++) {
		float sum = (float)((const int32_t *)run->sums)[c] * (run->linear->scales[c] * run->input_scale);

		((float *)output)[c] = clamp(sum + (bias ? bias[c] : 0), &run->linear->range);
	}
}

static int32_t requantize(const struct tfl_linear_run *run, uint32_t sum, int32_t channel)
{
	const struct tfl_linear *linear = run->linear;

	if (run->bias)
		sum += (uint32_t)((const int32_t *)run->bias)[channel];
	return tfl_requantize((int32_t)sum, linear->multipliers[channel], run->output_zero_point, &linear->range);
}

static void finish_bytes(const struct tfl_linear_run *run, void *output)
{
	for (int32_t c = 0; c < run->linear->channels; c++)
		((uint8_t *)output)[c] = (uint8_t)requantize(run, ((const uint32_t *)run->sums)[c], c);
}

static void finish_int16(const struct tfl_linear_run *run, void *output)
{
	const struct tfl_linear *linear = run->linear;
	const uint64_t *sums = run->sums, *bias = run->bias;

	for (int32_t c = 0; c < linear->channels; c++) {
		if (run->wide)
			((int16_t *)output)[c] = (int16_t)tfl_requantize_wide((int64_t)(sums[c] + (bias ? bias[c] : 0)), linear->multipliers[c],
									      &linear->range);
		else
			((int16_t *)output)[c] = (int16_t)requantize(run, (uint32_t)sums[c], c);
	}
}

static const struct tfl_arithmetic kinds[] = {
	{TFL_FLOAT32, TFL_FLOAT32, 4, 4, 4, 4, 4, read_float32, dot_float32, spread_float32, finish_float32},
	{TFL_INT8, TFL_INT8, 1, 1, 2, 4, 1, read_int8, dot_int8_t, spread_int8, finish_bytes},
	{TFL_UINT8, TFL_UINT8, 1, 1, 2, 4, 1, read_uint8, dot_uint8_t, spread_uint8, finish_bytes},
	{TFL_INT16, TFL_INT8, 2, 1, 2, 8, 2, read_int16, dot_int16, spread_int16, finish_int16},
	{TFL_FLOAT32, TFL_INT8, 1, 1, 2, 4, 4, read_int8, dot_int8_t, spread_int8, finish_dynamic},
	{TFL_FLOAT32, TFL_UINT8, 1, 1, 2, 4, 4, read_int8, dot_int8_t, spread_int8, finish_dynamic},
};

const struct tfl_arithmetic *tfl_arithmetic_of(enum tfl_dtype input, enum tfl_dtype filter)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(kinds); i++)
		if (kinds[i].input == input && kinds[i].filter == filter)
			return &kinds[i];
	return NULL;
}

static int check_filter_scales(const struct tfl_graph *graph, const struct tfl_node *node, int32_t channels, unsigned axis,
			       struct tfl_error *error)
{
	const struct tfl_value *filter = tfl_node_operand(graph, node, TFL_OPERAND_FILTER);
	const struct tfl_quantization *quantization = &filter->tensor->quantization;

	if (quantization->count == 1)
		return tfl_check_quantized(graph, node, filter, "filter", error);
	if (quantization->count != (uint32_t)channels || quantization->axis != axis)
		return tfl_node_invalid(graph, node, error, "the filter has %u scales along dimension %u; one, or %d along dimension %u are right",
					quantization->count, quantization->axis, channels, axis);
	for (uint32_t i = 0; i < quantization->count; i++) {
		/* A channel whose weights are all 0 may have been given a scale of 0. */
		if (!isfinite(quantization->scales[i]) || quantization->scales[i] < 0)
			return tfl_node_invalid(graph, node, error, "scale %u of the filter is %g; a positive number is right", i,
						(double)quantization->scales[i]);
		if (quantization->zero_points[i] != 0)
			return tfl_node_unsupported(graph, node, error, "the filter has many scales and a zero point of %lld; 0 is supported",
						    (long long)quantization->zero_points[i]);
	}
	return 0;
}

static int check_zero_point(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *value, const char *what,
			    struct tfl_error *error)
{
	if (value->zero_point == 0)
		return 0;
	return tfl_node_unsupported(graph, node, error, "the %s has a zero point of %d; 0 is supported beside these types", what,
				    value->zero_point);
}

static int make_multipliers(struct tfl_graph *graph, const struct tfl_node *node, struct tfl_linear *linear, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_operand(graph, node, TFL_OPERAND_INPUT);
	const struct tfl_value *filter = tfl_node_operand(graph, node, TFL_OPERAND_FILTER);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	int r;

	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r == 0 && input->dtype == TFL_INT16)
		r = check_zero_point(graph, node, input, "input", error);
	if (r == 0 && input->dtype == TFL_INT16)
		r = check_zero_point(graph, node, output, "output", error);
	if (r == 0 && input->dtype == TFL_INT16)
		r = check_zero_point(graph, node, filter, "filter", error);
	if (r < 0)
		return r;
	linear->multipliers = tfl_graph_alloc(graph, (size_t)linear->channels * sizeof(*linear->multipliers));
	if (!linear->multipliers)
		return -ENOMEM;
	for (int32_t i = 0; i < linear->channels; i++) {
		double factor = (double)input->scale * (double)tfl_value_scale(filter, (uint32_t)i) / (double)output->scale;

		linear->multipliers[i] = tfl_multiplier_from(factor);
		if (input->dtype == TFL_INT16 && linear->multipliers[i].shift > TFL_WIDE_SHIFT_MAX)
			return tfl_node_unsupported(graph, node, error, "the scales make a factor of %g; below %d is supported", factor,
						    1 << TFL_WIDE_SHIFT_MAX);
	}
	return 0;
}

static int make_scales(struct tfl_graph *graph, const struct tfl_node *node, struct tfl_linear *linear, struct tfl_error *error)
{
	const struct tfl_value *filter = tfl_node_operand(graph, node, TFL_OPERAND_FILTER);
	int r = check_zero_point(graph, node, filter, "filter", error);

	if (r < 0)
		return r;
	linear->scales = tfl_graph_alloc(graph, (size_t)linear->channels * sizeof(*linear->scales));
	if (!linear->scales)
		return -ENOMEM;
	for (int32_t i = 0; i < linear->channels; i++)
		linear->scales[i] = tfl_value_scale(filter, (uint32_t)i);
	return 0;
}

/* Scratch of a run: a row, the sums, and where the input is quantised first, a batch of it. */
static size_t place(const struct tfl_linear *linear, size_t *ret_sums, size_t *ret_quantized)
{
	*ret_sums = tfl_align_up(linear->row * linear->arithmetic->row_size, ALIGNMENT);
	*ret_quantized = *ret_sums + tfl_align_up((size_t)linear->channels * linear->arithmetic->sum_size, ALIGNMENT);
	return *ret_quantized + (linear->scales ? linear->batch : 0);
}

int tfl_linear_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_linear *linear, unsigned axis, int activation,
		       struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_operand(graph, node, TFL_OPERAND_INPUT);
	const struct tfl_value *filter = tfl_node_operand(graph, node, TFL_OPERAND_FILTER);
	const struct tfl_value *bias = tfl_node_operand(graph, node, TFL_OPERAND_BIAS);
	size_t sums, quantized;
	int r;

	linear->arithmetic = tfl_arithmetic_of(input->dtype, filter->dtype);
	if (bias && bias->elements != (size_t)linear->channels)
		return tfl_node_invalid(graph, node, error, "the bias has %zu elements; %d would be right", bias->elements, linear->channels);
	r = tfl_activation_range(graph, node, activation, tfl_node_output(graph, node, 0), &linear->range, error);
	if (r == 0 && filter->dtype != TFL_FLOAT32)
		r = check_filter_scales(graph, node, linear->channels, axis, error);
	if (r == 0 && input->dtype != TFL_FLOAT32)
		r = make_multipliers(graph, node, linear, error);
	else if (r == 0 && filter->dtype != TFL_FLOAT32)
		r = make_scales(graph, node, linear, error);
	node->scratch_bytes = place(linear, &sums, &quantized);
	return r;
}

void tfl_linear_begin(const struct tfl_run *run, const struct tfl_node *node, const struct tfl_linear *linear, struct tfl_linear_run *ret_run)
{
	const struct tfl_value *bias = tfl_node_operand(run->graph, node, TFL_OPERAND_BIAS);
	size_t sums, quantized;

	place(linear, &sums, &quantized);
	*ret_run = (struct tfl_linear_run){
		.linear = linear,
		.filter = tfl_run_operand(run, node, TFL_OPERAND_FILTER),
		.bias = tfl_run_operand(run, node, TFL_OPERAND_BIAS),
		.wide = !bias || bias->dtype == TFL_INT64,
		.input_zero_point = tfl_node_operand(run->graph, node, TFL_OPERAND_INPUT)->zero_point,
		.filter_zero_point = tfl_node_operand(run->graph, node, TFL_OPERAND_FILTER)->zero_point,
		.output_zero_point = tfl_node_output(run->graph, node, 0)->zero_point,
		.row = run->scratch,
		.sums = (uint8_t *)run->scratch + sums,
		.quantized = (int8_t *)run->scratch + quantized,
	};
}

const void *tfl_linear_batch(struct tfl_linear_run *run, const void *input)
{
	if (!run->linear->scales)
		return input;
	tfl_quantize_dynamic(input, run->linear->batch, run->linear->asymmetric, run->quantized, &run->input_scale, &run->input_zero_point);
	return run->quantized;
}
