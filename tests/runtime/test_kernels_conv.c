/* SPDX-License-Identifier: MIT */
/*
 * CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: sums of products of an input and a filter, a bias, a fused activation. float32 in double;
 * integers exactly, then through the fixed-point multiplier input scale * filter scale / output scale; float32 with an int8 filter by way
 * of 8-bit inputs, see kernel_dynamic.h.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_dynamic.h"
#include "tests/runtime/kernel_rows.h"
#include "tests/runtime/kernel_sparse.h"
#include "tests/runtime/kernel_window.h"

#define TYPES "fbcBsSde"

enum { INPUT, FILTER, BIAS };

/* Greatest requantisation factor that XNNPACK takes. */
#define XNNPACK_FACTOR_MAX 256

static bool is_dynamic(const struct kernel_case *c)
{
	return c->inputs[INPUT].dtype == TFL_FLOAT32 && c->inputs[FILTER].dtype != TFL_FLOAT32;
}

static bool is_wide(const struct kernel_case *c)
{
	return c->inputs[INPUT].dtype == TFL_INT16;
}

/* The type of the filter that goes with the letter; uint8 with float32 is int8 by an older name. */
static enum tfl_dtype filter_dtype(struct kernel_case *c, bool legacy)
{
	if (c->output.dtype == TFL_INT16)
		return TFL_INT8;
	if (c->type == 'd' && legacy && kernel_one_in(c, 4))
		return TFL_UINT8;
	return c->type == 'd' || c->type == 'e' ? TFL_INT8 : c->output.dtype;
}

/* How large sums get, so that the output's scale can be drawn to show them. */
static double typical_sum(const struct kernel_case *c, size_t depth)
{
	return sqrt((double)depth) * (c->inputs[FILTER].dtype == TFL_FLOAT32 ? 5 : is_wide(c) ? 1.4e6 : 5000);
}

static void draw_filter_quantization(struct kernel_case *c, unsigned axis)
{
	struct kernel_tensor *filter = &c->inputs[FILTER];

	if (is_dynamic(c) || is_wide(c))
		filter->zero_point = 0;
	else if (filter->dtype == TFL_INT8)
		filter->zero_point = kernel_one_in(c, 8) && !c->per_channel ? filter->zero_point : 0;
	if (!c->per_channel)
		return;
	filter->axis = axis;
	filter->scale_count = (uint32_t)filter->dims[axis];
	for (uint32_t i = 0; i < filter->scale_count; i++)
		filter->scales[i] = exp2f(tfl_random_uniform(&c->random, -8, -3));
}

static enum tfl_dtype draw_bias_dtype(struct kernel_case *c)
{
	return c->output.dtype == TFL_FLOAT32 ? TFL_FLOAT32 : is_wide(c) && !kernel_one_in(c, 3) ? TFL_INT64 : TFL_INT32;
}

static void draw_bias(struct kernel_case *c, int32_t channels, double typical)
{
	struct kernel_tensor *bias = &c->inputs[BIAS];

	if (kernel_one_in(c, 4)) {
		/* Left out by a shorter list of inputs, or by -1. */
		bias->absent = true;
		c->input_count = kernel_one_in(c, 2) ? 2 : 3;
		return;
	}
	c->input_count = 3;
	kernel_draw_tensor(c, bias, draw_bias_dtype(c), 1, &channels);
	bias->constant = !kernel_one_in(c, 12);
	for (int32_t i = 0; i < channels; i++) {
		float value = tfl_random_uniform(&c->random, (float)-typical, (float)typical);

		if (bias->dtype == TFL_INT32)
			((int32_t *)bias->data)[i] = (int32_t)value;
		else if (bias->dtype == TFL_INT64)
			((int64_t *)bias->data)[i] = kernel_one_in(c, 16) ? (value > 0 ? INT64_C(1) << 50 : -(INT64_C(1) << 50)) : (int64_t)value;
	}
}

/* Where the output is of integers: a scale that shows the sums, saturates most of them, or makes factors above 1. */
static void draw_output_scale(struct kernel_case *c, size_t depth)
{
	float spread = kernel_one_in(c, 6) ? exp2f(tfl_random_uniform(&c->random, 2, is_wide(c) ? 9 : 17)) :
					     exp2f(tfl_random_uniform(&c->random, -2, 2));
	double steps = is_wide(c) ? 16384 : 64;

	c->output.scales[0] = (float)(kernel_scale(&c->inputs[INPUT], 0) * kernel_scale(&c->inputs[FILTER], 0) * typical_sum(c, depth) / steps /
				      (double)spread);
	if (is_wide(c))
		c->output.zero_point = 0;
}

/* Whether XNNPACK has it. */
static bool in_xnnpack(const struct kernel_case *c, size_t depth)
{
	const struct kernel_tensor *filter = &c->inputs[FILTER];

	if (!filter->constant || (!c->inputs[BIAS].absent && !c->inputs[BIAS].constant) || is_wide(c))
		return false;
	/* Of old converters' filters it has the matrix product alone: a fully connected layer's are the only ones of two dimensions. */
	if (is_dynamic(c))
		return filter->dtype != TFL_UINT8 || filter->rank == 2;
	if (filter->dtype == TFL_INT8 && filter->zero_point != 0)
		return false;
	for (uint32_t i = 0; i < filter->scale_count; i++) {
		double factor = kernel_scale(&c->inputs[INPUT], 0) * (double)filter->scales[i] / (double)c->output.scales[0];

		/* XNNPACK's own limit, and that of its arithmetic: the greatest sum must fit 32 bits when it is scaled. */
		if (factor >= XNNPACK_FACTOR_MAX || factor * ((double)depth * 255 * 255 + typical_sum(c, depth)) >= 0x1p31)
			return false;
	}
	return true;
}

/* What the three share once input and filter are there. */
static void draw_rest(struct kernel_case *c, unsigned channel_axis, size_t depth)
{
	struct kernel_tensor *input = &c->inputs[INPUT], *filter = &c->inputs[FILTER];

	filter->constant = !kernel_one_in(c, 12);
	input->constant = kernel_one_in(c, 12);
	if (kernel_one_in(c, 8))
		kernel_make_sparse(c, filter);
	if (is_wide(c))
		input->zero_point = 0;
	draw_filter_quantization(c, channel_axis);
	draw_bias(c, filter->dims[channel_axis], typical_sum(c, depth));
	kernel_draw_quantization(c, &c->output);
	if (c->output.scale_count)
		draw_output_scale(c, depth);
	c->dynamic = is_dynamic(c);
	c->xnnpack = in_xnnpack(c, depth);
}

/* A sum under way. */
struct sum {
	double real, magnitude;
	int64_t integer;
	int64_t weights; /* magnitudes of the integer weights */
};

static int64_t weight(const struct kernel_case *c, size_t index)
{
	const struct kernel_tensor *filter = &c->inputs[FILTER];

	return is_dynamic(c) ? ((const int8_t *)filter->data)[index] : kernel_integer(filter, index) - filter->zero_point;
}

static void add_product(const struct kernel_case *c, const struct kernel_dynamic *dynamic, struct sum *sum, size_t x, size_t w)
{
	const struct kernel_tensor *input = &c->inputs[INPUT], *filter = &c->inputs[FILTER];

	if (filter->dtype == TFL_FLOAT32) {
		double product = kernel_real(input, x) * kernel_real(filter, w);

		sum->real += product;
		sum->magnitude += fabs(product);
		return;
	}
	sum->integer += (is_dynamic(c) ? kernel_dynamic_element(dynamic, input, x) : kernel_integer(input, x) - input->zero_point) * weight(c, w);
	sum->weights += llabs(weight(c, w));
}

static struct kernel_element finish_real(const struct kernel_case *c, const struct kernel_dynamic *dynamic, struct sum sum, unsigned channel)
{
	double offset = c->inputs[BIAS].data ? kernel_real(&c->inputs[BIAS], channel) : 0, scale, min, max;
	struct kernel_element element = {0};

	kernel_bounds(c, &min, &max);
	if (is_dynamic(c)) {
		scale = kernel_scale(&c->inputs[FILTER], channel);
		sum.real = (double)sum.integer * dynamic->scale * scale;
		sum.magnitude = fabs(sum.real);
		element.loose = (double)sum.weights * dynamic->step * scale + KERNEL_FLOAT_ERROR * (sum.magnitude + fabs(offset));
	}
	element.slack = KERNEL_FLOAT_ERROR * (sum.magnitude + fabs(offset));
	sum.real += offset;
	element.value = kernel_clamp(fabs(sum.real) > (double)FLT_MAX ? copysign(INFINITY, sum.real) : sum.real, min, max);
	return element;
}

static int64_t saturate(int64_t value, int64_t limit)
{
	return value < -limit ? -limit : value > limit ? limit : value;
}

static struct kernel_element finish_sum(const struct kernel_case *c, const struct kernel_dynamic *dynamic, struct sum sum, unsigned channel)
{
	const struct kernel_tensor *bias = &c->inputs[BIAS];
	double min, max, factor;

	if (c->output.dtype == TFL_FLOAT32)
		return finish_real(c, dynamic, sum, channel);
	kernel_bounds(c, &min, &max);
	factor = kernel_scale(&c->inputs[INPUT], 0) * kernel_scale(&c->inputs[FILTER], channel) / kernel_scale(&c->output, 0);
	sum.integer += bias->data ? kernel_integer(bias, channel) : 0;
	if (is_wide(c) && (!bias->data || bias->dtype == TFL_INT64))
		sum.integer = fixed_point_multiply_wide(saturate(sum.integer, INT64_C(1) << 47), factor);
	else
		/* 32 bits, which wrap. */
		sum.integer = fixed_point_multiply((int32_t)(uint32_t)sum.integer, factor);
	return (struct kernel_element){.value = kernel_clamp((double)(sum.integer + c->output.zero_point), min, max)};
}

static void draw_kernel(struct kernel_case *c, int32_t *ret_height, int32_t *ret_width)
{
	bool point = kernel_one_in(c, 3);

	*ret_height = point ? 1 : kernel_between(c, 1, 5);
	*ret_width = point ? 1 : kernel_between(c, 1, 5);
	kernel_draw_window(c, true);
}

static void draw_input(struct kernel_case *c, int32_t height, int32_t width, int32_t channels)
{
	int32_t dims[4] = {kernel_between(c, 1, 2), kernel_draw_extent(c, height, c->window.dilation_h),
			   kernel_draw_extent(c, width, c->window.dilation_w), channels};

	kernel_draw_tensor(c, &c->inputs[INPUT], c->output.dtype, 4, dims);
}

static void draw_conv(struct kernel_case *c)
{
	int32_t groups = kernel_one_in(c, 4) ? kernel_between(c, 2, 4) : 1;
	int32_t inputs = kernel_between(c, 1, kernel_one_in(c, 3) ? 20 : 5), outputs = kernel_between(c, 1, kernel_one_in(c, 3) ? 16 : 5);
	int32_t filter[4] = {groups * outputs, 0, 0, inputs};

	draw_kernel(c, &filter[1], &filter[2]);
	draw_input(c, filter[1], filter[2], groups * inputs);
	kernel_draw_tensor(c, &c->inputs[FILTER], filter_dtype(c, true), 4, filter);
	draw_rest(c, 0, (size_t)(filter[1] * filter[2] * filter[3]));
}

static void options_conv(struct kernel_case *c)
{
	c->options = tfl_options_conv_2d(&c->window);
}

static void draw_depthwise(struct kernel_case *c)
{
	int32_t channels = kernel_between(c, 1, kernel_one_in(c, 3) ? 20 : 5), multiplier = kernel_one_in(c, 2) ? 1 : kernel_between(c, 2, 3);
	int32_t filter[4] = {1, 0, 0, channels * multiplier};

	draw_kernel(c, &filter[1], &filter[2]);
	draw_input(c, filter[1], filter[2], channels);
	kernel_draw_tensor(c, &c->inputs[FILTER], filter_dtype(c, false), 4, filter);
	draw_rest(c, 3, (size_t)(filter[1] * filter[2]));
	c->window.depth_multiplier = multiplier;
}

static void options_depthwise(struct kernel_case *c)
{
	c->options = tfl_options_depthwise_conv_2d(&c->window);
}

/* One output element of either convolution: at[] is batch, y, x, channel of the output. */
static struct kernel_element convolve(const struct kernel_case *c, const struct kernel_dynamic *dynamic, const int32_t *at,
				      const int32_t *before, bool depthwise)
{
	const struct kernel_tensor *input = &c->inputs[INPUT], *filter = &c->inputs[FILTER];
	int32_t depth = depthwise ? 1 : filter->dims[3], outputs = depthwise ? filter->dims[3] : filter->dims[0];
	int32_t group = at[3] / (outputs / (input->dims[3] / depth));
	struct sum sum = {0};

	for (int32_t ky = 0; ky < filter->dims[1]; ky++) {
		for (int32_t kx = 0; kx < filter->dims[2]; kx++) {
			int64_t y = (int64_t)at[1] * c->window.stride_h + (int64_t)ky * c->window.dilation_h - before[0];
			int64_t x = (int64_t)at[2] * c->window.stride_w + (int64_t)kx * c->window.dilation_w - before[1];

			if (y < 0 || y >= input->dims[1] || x < 0 || x >= input->dims[2])
				continue;
			for (int32_t i = 0; i < depth; i++) {
				int32_t from[4] = {at[0], (int32_t)y, (int32_t)x, group * depth + i}, weight[4] = {at[3], ky, kx, i};

				if (depthwise) {
					weight[0] = 0;
					weight[3] = at[3];
				}
				add_product(c, dynamic, &sum, kernel_ravel(4, input->dims, from), kernel_ravel(4, filter->dims, weight));
			}
		}
	}
	return finish_sum(c, dynamic, sum, (unsigned)at[3]);
}

static void refer(const struct kernel_case *c, struct kernel_expected *expected, bool depthwise)
{
	const struct kernel_tensor *input = &c->inputs[INPUT], *filter = &c->inputs[FILTER];
	size_t picture = input->elements / (size_t)(input->dims[0] ? input->dims[0] : 1);
	bool asymmetric = depthwise || filter->scale_count == (uint32_t)filter->dims[0];
	struct kernel_dynamic dynamic = {0};
	int32_t before[2], at[4], dims[4];

	dims[0] = input->dims[0];
	dims[1] = kernel_slide(c, input->dims[1], filter->dims[1], c->window.stride_h, c->window.dilation_h, &before[0]);
	dims[2] = kernel_slide(c, input->dims[2], filter->dims[2], c->window.stride_w, c->window.dilation_w, &before[1]);
	dims[3] = filter->dims[depthwise ? 3 : 0];
	kernel_expect_shape(expected, 4, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, 4, dims, at);
		if (is_dynamic(c) && i % (expected->elements / (size_t)dims[0]) == 0)
			dynamic = kernel_dynamic(input, (size_t)at[0] * picture, picture, asymmetric);
		expected->element[i] = convolve(c, &dynamic, at, before, depthwise);
	}
}

static void refer_conv(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, false);
}

static void refer_depthwise(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, true);
}

static void draw_fully_connected(struct kernel_case *c)
{
	int32_t depth = kernel_between(c, 1, kernel_one_in(c, 3) ? 60 : 9), units = kernel_between(c, 1, kernel_one_in(c, 3) ? 40 : 9);
	int32_t input[5], filter[2] = {units, depth}, rank = kernel_between(c, 1, 4);

	c->flag = kernel_one_in(c, 3);
	for (int32_t i = 0; i < rank; i++)
		input[i] = kernel_between(c, 1, 3);
	input[rank - 1] = depth;
	/* Without keep_num_dims the depth may be spread over several dimensions. */
	if (!c->flag && kernel_one_in(c, 4)) {
		input[rank - 1] = depth % 2 ? depth : depth / 2;
		input[rank++] = depth % 2 ? 1 : 2;
	}
	kernel_draw_tensor(c, &c->inputs[INPUT], c->output.dtype, (unsigned)rank, input);
	kernel_draw_tensor(c, &c->inputs[FILTER], filter_dtype(c, true), 2, filter);
	c->activation = (int8_t)(kernel_one_in(c, 2) ? TFL_ACTIVATION_NONE : kernel_between(c, 1, 3));
	c->asymmetric = kernel_one_in(c, 2);
	draw_rest(c, 0, (size_t)depth);
}

static void options_fully_connected(struct kernel_case *c)
{
	c->options = tfl_options_fully_connected(c->activation, c->flag);
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 3, .kind = TFL_BUILD_I8, .integer = c->asymmetric});
}

static void refer_fully_connected(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[INPUT], *filter = &c->inputs[FILTER];
	size_t units = (size_t)filter->dims[0], depth = (size_t)filter->dims[1], batch = input->elements / depth;
	int32_t dims[TFL_RANK_MAX] = {(int32_t)batch, (int32_t)units};
	struct kernel_dynamic dynamic = {0};
	unsigned rank = 2;

	if (c->flag) {
		rank = input->rank;
		for (unsigned i = 0; i < rank; i++)
			dims[i] = i + 1 < rank ? input->dims[i] : (int32_t)units;
	}
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		struct sum sum = {0};

		if (is_dynamic(c) && i % units == 0)
			dynamic = kernel_dynamic(input, i / units * depth, depth, c->asymmetric);
		for (size_t k = 0; k < depth; k++)
			add_product(c, &dynamic, &sum, i / units * depth + k, i % units * depth + k);
		expected->element[i] = finish_sum(c, &dynamic, sum, (unsigned)(i % units));
	}
}

/* A size that the convolution backwards can have, or now and then any. */
static int32_t draw_backward_extent(struct kernel_case *c, int32_t input, int32_t kernel, int32_t stride)
{
	int32_t last = (input - 1) * stride, more = kernel_between(c, 0, stride - 1);

	if (kernel_one_in(c, 10))
		return kernel_between(c, 1, 20);
	return c->window.padding == TFL_PADDING_SAME ? last + 1 + more : last + kernel + more;
}

/* What XNNPACK can be told: rows cut off in front and behind are fewer than the kernel has, rows added fewer than a stride. */
static bool fits_backwards(int32_t input, int32_t kernel, int32_t stride, int32_t output, int32_t before)
{
	int32_t after = (input - 1) * stride + kernel - before - output;

	return output >= stride && before < kernel && after < kernel && -after < stride;
}

/* Input, filter and bias for a convolution backwards, in the usual order. */
static void draw_backwards(struct kernel_case *c)
{
	int32_t inputs = kernel_between(c, 1, kernel_one_in(c, 3) ? 20 : 5), outputs = kernel_between(c, 1, kernel_one_in(c, 3) ? 16 : 5);
	int32_t filter[4] = {outputs, kernel_between(c, 1, 5), kernel_between(c, 1, 5), inputs};
	int32_t input[4] = {kernel_between(c, 1, 2), kernel_between(c, 1, 5), kernel_between(c, 1, 5), inputs};

	kernel_draw_window(c, false);
	kernel_draw_tensor(c, &c->inputs[INPUT], c->output.dtype, 4, input);
	kernel_draw_tensor(c, &c->inputs[FILTER], filter_dtype(c, false), 4, filter);
	draw_rest(c, 0, (size_t)(filter[1] * filter[2] * inputs));
}

/* TRANSPOSE_CONV has its operands in another order, behind the shape of its output. */
enum { SHAPE, SECOND_FILTER, THIRD_INPUT, FOURTH_BIAS };

static void draw_transpose_conv(struct kernel_case *c)
{
	const int32_t *input, *filter;
	int32_t before[2];

	draw_backwards(c);
	input = c->inputs[INPUT].dims;
	filter = c->inputs[FILTER].dims;
	c->ints[0] = input[0];
	c->ints[1] = draw_backward_extent(c, input[1], filter[1], c->window.stride_h);
	c->ints[2] = draw_backward_extent(c, input[2], filter[2], c->window.stride_w);
	c->ints[3] = filter[0];
	c->int_count = 4;
	kernel_slide(c, c->ints[1], filter[1], c->window.stride_h, 1, &before[0]);
	kernel_slide(c, c->ints[2], filter[2], c->window.stride_w, 1, &before[1]);
	c->xnnpack &= fits_backwards(input[1], filter[1], c->window.stride_h, c->ints[1], before[0]) &&
		      fits_backwards(input[2], filter[2], c->window.stride_w, c->ints[2], before[1]);
	c->inputs[FOURTH_BIAS] = c->inputs[BIAS];
	c->inputs[THIRD_INPUT] = c->inputs[INPUT];
	c->inputs[SHAPE] = (struct kernel_tensor){0};
	/* Nothing, in whatever shape. */
	if (kernel_one_in(c, 10)) {
		for (unsigned i = 0; i < 4; i++)
			c->ints[i] = kernel_between(c, 0, 4);
		c->ints[kernel_between(c, 0, 3)] = 0;
		c->xnnpack = false;
	}
	kernel_draw_ints(c, &c->inputs[SHAPE], 1);
	c->input_count++;
}

static void options_transpose_conv(struct kernel_case *c)
{
	c->options = tfl_options_transpose_conv(&c->window);
}

/* One output element: of all input pixels and taps, those that meet there. */
static struct kernel_element convolve_back(const struct kernel_case *c, const int32_t *at, const int32_t *stride, const int32_t *before)
{
	const struct kernel_tensor *input = &c->inputs[INPUT], *filter = &c->inputs[FILTER];
	struct sum sum = {0};
	size_t pixels = (size_t)input->dims[1] * (size_t)input->dims[2], taps = (size_t)filter->dims[1] * (size_t)filter->dims[2];

	for (size_t pair = 0; pair < pixels * taps; pair++) {
		int32_t pixel[2], tap[2];

		kernel_unravel(pair / taps, 2, input->dims + 1, pixel);
		kernel_unravel(pair % taps, 2, filter->dims + 1, tap);
		if ((int64_t)pixel[0] * stride[0] + tap[0] - before[0] != at[1] || (int64_t)pixel[1] * stride[1] + tap[1] - before[1] != at[2])
			continue;
		for (int32_t i = 0; i < input->dims[3]; i++)
			add_product(c, NULL, &sum, kernel_ravel(4, input->dims, (int32_t[]){at[0], pixel[0], pixel[1], i}),
				    kernel_ravel(4, filter->dims, (int32_t[]){at[3], tap[0], tap[1], i}));
	}
	return finish_sum(c, NULL, sum, (unsigned)at[3]);
}

static void refer_transpose_conv(const struct kernel_case *c, struct kernel_expected *expected)
{
	struct kernel_case ordered = *c;
	int32_t stride[2] = {c->window.stride_h, c->window.stride_w}, before[2], at[4];

	ordered.inputs[INPUT] = c->inputs[THIRD_INPUT];
	ordered.inputs[BIAS] = c->inputs[FOURTH_BIAS];
	kernel_slide(c, c->ints[1], c->inputs[SECOND_FILTER].dims[1], stride[0], 1, &before[0]);
	kernel_slide(c, c->ints[2], c->inputs[SECOND_FILTER].dims[2], stride[1], 1, &before[1]);
	kernel_expect_shape(expected, 4, c->ints);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, 4, expected->dims, at);
		expected->element[i] = convolve_back(&ordered, at, stride, before);
	}
}

/* Convolution2DTransposeBias keeps the strides in c->ints: its options are no table that the attacks on windows know. */
enum { STRIDE_H, STRIDE_W };

static int32_t excess(const struct kernel_case *c, int32_t input, int32_t kernel, int32_t stride)
{
	int32_t missing = kernel - (input - 1) % stride - 1;

	return c->window.padding == TFL_PADDING_SAME && missing > 0 ? missing : 0;
}

static void draw_transpose_bias(struct kernel_case *c)
{
	const int32_t *input = c->inputs[INPUT].dims, *filter = c->inputs[FILTER].dims;

	draw_backwards(c);
	c->ints[STRIDE_H] = c->window.stride_h;
	c->ints[STRIDE_W] = c->window.stride_w;
	c->window.stride_h = c->window.stride_w = 0;
	c->activation = c->window.activation = TFL_ACTIVATION_NONE;
	c->input_count = 3;
	if (c->inputs[BIAS].absent)
		kernel_draw_tensor(c, &c->inputs[BIAS], TFL_FLOAT32, 1, filter);
	c->inputs[BIAS].absent = false;
	c->xnnpack = c->inputs[FILTER].constant && c->inputs[BIAS].constant;
	for (unsigned i = 0; i < 2; i++) {
		int32_t cut = excess(c, input[1 + i], filter[1 + i], c->ints[i]);

		c->xnnpack &= fits_backwards(input[1 + i], filter[1 + i], c->ints[i], (input[1 + i] - 1) * c->ints[i] + filter[1 + i] - cut, cut / 2);
	}
}

static void options_transpose_bias(struct kernel_case *c)
{
	int32_t options[] = {c->window.padding + 1, c->ints[STRIDE_W], c->ints[STRIDE_H]};

	memcpy(c->custom_options, options, sizeof(options));
	c->custom_options_size = sizeof(options);
}

static void refer_transpose_bias(const struct kernel_case *c, struct kernel_expected *expected)
{
	const int32_t *input = c->inputs[INPUT].dims, *filter = c->inputs[FILTER].dims;
	int32_t dims[4] = {input[0], 0, 0, filter[0]}, before[2], at[4];

	for (unsigned i = 0; i < 2; i++) {
		int32_t cut = excess(c, input[1 + i], filter[1 + i], c->ints[i]);

		dims[1 + i] = (input[1 + i] - 1) * c->ints[i] + filter[1 + i] - cut;
		before[i] = cut / 2;
	}
	kernel_expect_shape(expected, 4, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, 4, dims, at);
		expected->element[i] = convolve_back(c, at, c->ints, before);
	}
}

const struct kernel_row kernel_conv_2d = {"CONV_2D", TFL_BUILTIN_CONV_2D, TYPES, draw_conv, options_conv, refer_conv};
const struct kernel_row kernel_depthwise_conv_2d = {"DEPTHWISE_CONV_2D", TFL_BUILTIN_DEPTHWISE_CONV_2D, TYPES, draw_depthwise,
						    options_depthwise, refer_depthwise};
const struct kernel_row kernel_fully_connected = {"FULLY_CONNECTED", TFL_BUILTIN_FULLY_CONNECTED, TYPES, draw_fully_connected,
						  options_fully_connected, refer_fully_connected};
const struct kernel_row kernel_transpose_conv = {"TRANSPOSE_CONV", TFL_BUILTIN_TRANSPOSE_CONV, "fbcBsS", draw_transpose_conv,
						 options_transpose_conv, refer_transpose_conv};
const struct kernel_row kernel_convolution_2d_transpose_bias = {"Convolution2DTransposeBias", TFL_BUILTIN_CUSTOM, "f", draw_transpose_bias,
								options_transpose_bias, refer_transpose_bias};
