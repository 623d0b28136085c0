/* SPDX-License-Identifier: MIT */
/*
 * The portable convolution: one output element at a time, straight from the definition, with the window cut to the input so that padding
 * is never read. It serves where XNNPACK does not (scales out of its range, filters computed at run time, zero points in int8 filters).
 */
#include "runtime/kernel_conv.h"

#include <errno.h>
#include <math.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"

static int check_filter_scales(const struct tfl_graph *graph, const struct tfl_node *node, int32_t channels, unsigned axis,
			       struct tfl_error *error)
{
	const struct tfl_value *filter = tfl_node_input(graph, node, 1);
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

int tfl_conv_multipliers(struct tfl_graph *graph, struct tfl_node *node, int32_t channels, unsigned axis, struct tfl_multiplier **ret_multipliers,
			 struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *filter = tfl_node_input(graph, node, 1);
	const struct tfl_value *bias = tfl_node_input(graph, node, 2), *output = tfl_node_output(graph, node, 0);
	struct tfl_multiplier *multipliers;
	int r;

	if (bias && bias->elements != (size_t)channels)
		return tfl_node_invalid(graph, node, error, "the bias has %zu elements; %d would be right", bias->elements, channels);
	*ret_multipliers = NULL;
	if (input->dtype == TFL_FLOAT32)
		return 0;
	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r == 0)
		r = check_filter_scales(graph, node, channels, axis, error);
	if (r < 0)
		return r;
	multipliers = tfl_graph_alloc(graph, (size_t)channels * sizeof(*multipliers));
	if (!multipliers)
		return -ENOMEM;
	for (int32_t i = 0; i < channels; i++)
		multipliers[i] = tfl_multiplier_from((double)input->scale * (double)tfl_value_scale(filter, (uint32_t)i) / (double)output->scale);
	*ret_multipliers = multipliers;
	return 0;
}

int tfl_conv_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_conv *conv, unsigned channel_axis,
		     const struct tfl_conv_fields *fields, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *filter = tfl_node_input(graph, node, 1);
	const struct tfl_fb_table *options = &node->source->options;
	int activation = tfl_fb_i8(options, fields->activation, 0);
	int32_t dims[4];
	int r;

	conv->window = (struct tfl_window){
		.kernel_height = filter->dims[1],
		.kernel_width = filter->dims[2],
		.stride_height = tfl_fb_i32(options, fields->stride_h, 0),
		.stride_width = tfl_fb_i32(options, fields->stride_w, 0),
		.dilation_height = tfl_fb_i32(options, fields->dilation_h, 1),
		.dilation_width = tfl_fb_i32(options, fields->dilation_w, 1),
	};
	r = tfl_window_init(&conv->window, graph, node, tfl_fb_i8(options, 0, 0), input, error);
	if (r == 0)
		r = tfl_node_charge(graph, node, tfl_window_work(&conv->window),
				    (uint64_t)input->dims[0] * (uint64_t)conv->output_channels * (uint64_t)conv->group_input_channels, error);
	if (r == 0)
		r = tfl_activation_range(graph, node, activation, tfl_node_output(graph, node, 0), &conv->range, error);
	if (r == 0)
		r = tfl_conv_multipliers(graph, node, conv->output_channels, channel_axis, &conv->multipliers, error);
	if (r < 0)
		return r;
	dims[0] = input->dims[0];
	dims[1] = conv->window.output_height;
	dims[2] = conv->window.output_width;
	dims[3] = conv->output_channels;
	return tfl_node_set_shape(graph, node, 0, 4, dims, error);
}

int tfl_conv_lower_operands(struct tfl_lower *lower, const struct tfl_node *node, unsigned channel_axis, struct tfl_conv_ids *ret_ids)
{
	const struct tfl_conv *conv = node->params;
	int r;

	r = tfl_lower_window(lower, &conv->window);
	if (r == 0)
		r = tfl_lower_values(lower, node, 1, &ret_ids->input, &ret_ids->output);
	if (r == 0)
		r = tfl_lower_weights(lower, node, channel_axis, conv->range.min == 0 ? conv->multipliers : NULL, &ret_ids->filter,
				      &ret_ids->bias);
	return r;
}

/* Taps of a window that lie inside the input, along one axis. */
struct taps {
	int32_t first, end; /* kernel positions */
	int32_t origin;     /* input position of tap 0; may lie outside */
};

static struct taps cut(int32_t output, int32_t stride, int32_t pad, int32_t dilation, int32_t kernel, int32_t size)
{
	struct taps taps = {.origin = output * stride - pad};
	int64_t end;

	taps.first = taps.origin < 0 ? (int32_t)(((int64_t)dilation - taps.origin - 1) / dilation) : 0;
	end = taps.origin >= size ? 0 : ((int64_t)size - taps.origin + dilation - 1) / dilation;
	taps.end = end > kernel ? kernel : (int32_t)end;
	return taps;
}

/* Sums one output element. Integers are summed unsigned: a file may make them overflow, which then wraps as in the reference. */
#define DEFINE_SUM(name, type, accumulator, product) \
	static accumulator sum_##name(const struct tfl_conv *conv, const type *input, const type *filter, struct taps rows, struct taps columns, \
				      int32_t channels, int32_t x_zero, int32_t w_zero) \
	{ \
		const struct tfl_window *window = &conv->window; \
		accumulator sum = 0; \
\
		for (int32_t ky = rows.first; ky < rows.end; ky++) { \
			for (int32_t kx = columns.first; kx < columns.end; kx++) { \
				int64_t pixel = (int64_t)(rows.origin + ky * window->dilation_height) * window->input_width + columns.origin + \
						kx * window->dilation_width; \
				const type *x = input + pixel * channels; \
				const type *w = filter + ((int64_t)ky * window->kernel_width + kx) * conv->filter_pixel_stride; \
\
				for (int32_t c = 0; c < conv->group_input_channels; c++) \
					sum += product; \
			} \
		} \
		return sum; \
	}

DEFINE_SUM(float32, float, float, x[c] * w[c])
DEFINE_SUM(int8, int8_t, uint32_t, (uint32_t)((x[c] - x_zero) * (w[c] - w_zero)))
DEFINE_SUM(uint8, uint8_t, uint32_t, (uint32_t)((x[c] - x_zero) * (w[c] - w_zero)))

/* One output element. */
struct place {
	const struct tfl_conv *conv;
	const struct tfl_value *input, *filter, *output;
	const void *bias;
	struct taps rows, columns;
};

static int32_t requantize(const struct place *place, uint32_t sum, int32_t channel)
{
	if (place->bias)
		sum += (uint32_t)((const int32_t *)place->bias)[channel];
	return tfl_requantize((int32_t)sum, place->conv->multipliers[channel], place->output->zero_point, &place->conv->range);
}

static void compute(const struct place *place, const void *input, const void *filter, int32_t channel, void *output)
{
	const struct tfl_conv *conv = place->conv;
	int32_t channels = conv->groups * conv->group_input_channels, first = channel / conv->group_output_channels * conv->group_input_channels;
	int64_t offset = (int64_t)channel * conv->filter_output_stride;
	int32_t x_zero = place->input->zero_point, w_zero = place->filter->zero_point;
	float value;

	switch (place->input->dtype) {
	case TFL_FLOAT32:
		value = sum_float32(conv, (const float *)input + first, (const float *)filter + offset, place->rows, place->columns, channels, 0, 0);
		value += place->bias ? ((const float *)place->bias)[channel] : 0;
		((float *)output)[channel] = fminf(fmaxf(value, conv->range.min), conv->range.max);
		break;
	case TFL_INT8:
		((int8_t *)output)[channel] = (int8_t)requantize(
			place, sum_int8(conv, (const int8_t *)input + first, (const int8_t *)filter + offset, place->rows, place->columns, channels, x_zero, w_zero),
			channel);
		break;
	default:
		((uint8_t *)output)[channel] = (uint8_t)requantize(
			place, sum_uint8(conv, (const uint8_t *)input + first, (const uint8_t *)filter + offset, place->rows, place->columns, channels, x_zero, w_zero),
			channel);
		break;
	}
}

int tfl_conv_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_conv *conv = node->params;
	const struct tfl_window *window = &conv->window;
	struct place place = {conv, tfl_node_input(run->graph, node, 0), tfl_node_input(run->graph, node, 1), tfl_node_output(run->graph, node, 0),
			      tfl_run_input(run, node, 2), {0}, {0}};
	size_t element = tfl_dtype_size(place.input->dtype);
	const uint8_t *input = tfl_run_input(run, node, 0), *filter = tfl_run_input(run, node, 1);
	uint8_t *output = tfl_run_output(run, node, 0);

	for (int32_t batch = 0; batch < place.input->dims[0]; batch++) {
		for (int32_t y = 0; y < window->output_height; y++) {
			place.rows = cut(y, window->stride_height, window->pad_top, window->dilation_height, window->kernel_height, window->input_height);
			for (int32_t x = 0; x < window->output_width; x++) {
				place.columns = cut(x, window->stride_width, window->pad_left, window->dilation_width, window->kernel_width, window->input_width);
				for (int32_t channel = 0; channel < conv->output_channels; channel++)
					compute(&place, input, filter, channel, output);
				output += (size_t)conv->output_channels * element;
			}
		}
		input += place.input->bytes / (size_t)place.input->dims[0];
	}
	return 0;
}
