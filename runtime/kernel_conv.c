/* SPDX-License-Identifier: MIT */
/*
 * The portable convolution: one output pixel at a time, with the window cut to the input so that padding is never read. What of the input a
 * pixel sees is gathered into a row, in the order of the filter; then each output channel is a product of two rows. Depthwise, where
 * such rows would have one element a tap, all channels are multiplied side by side instead, one tap after the other.
 *
 * It serves where XNNPACK does not: 16-bit activations, scales out of its range, filters computed at run time, zero points in int8 filters.
 */
#include "runtime/kernel_conv.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "runtime/lower.h"

/* The dimension of the filter along which its scales run. */
static unsigned channel_axis(const struct tfl_conv *conv)
{
	return conv->depthwise ? 3 : 0;
}

int tfl_conv_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_conv *conv, const struct tfl_conv_fields *fields,
		     struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *filter = tfl_node_input(graph, node, 1);
	const struct tfl_fb_table *options = &node->source->options;
	struct tfl_linear *linear = &conv->linear;
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
	linear->channels = conv->groups * conv->group_output_channels;
	linear->batch = input->dims[0] ? input->elements / (size_t)input->dims[0] : 0;
	linear->row = conv->depthwise ? 0 : (size_t)filter->dims[1] * (size_t)filter->dims[2] * (size_t)input->dims[3];
	/* A filter of one scale keeps the input's zero point at 0, as the reference does. */
	linear->asymmetric = conv->depthwise || filter->tensor->quantization.count == (uint32_t)linear->channels;
	r = tfl_window_init(&conv->window, graph, node, tfl_fb_i8(options, 0, 0), input, error);
	if (r == 0)
		r = tfl_node_charge(graph, node, tfl_window_work(&conv->window),
				    (uint64_t)input->dims[0] * (uint64_t)linear->channels * (uint64_t)conv->group_input_channels, error);
	if (r == 0)
		r = tfl_linear_prepare(graph, node, linear, channel_axis(conv), tfl_fb_i8(options, fields->activation, 0), error);
	if (r < 0)
		return r;
	dims[0] = input->dims[0];
	dims[1] = conv->window.output_height;
	dims[2] = conv->window.output_width;
	dims[3] = linear->channels;
	return tfl_node_set_shape(graph, node, 0, 4, dims, error);
}

/* In a dynamic range: the input quantised at run time, or where XNNPACK has no such form, the filter in float32. */
static int lower_dynamic(struct tfl_lower *lower, const struct tfl_node *node, struct tfl_conv_ids *ret_ids)
{
	const struct tfl_conv *conv = node->params;
	const struct tfl_value *input = tfl_node_input(lower->graph, node, 0);
	int r;

	/*
	 * Old converters call the type uint8 and have one scale; the reference then quantises the input without a zero point, XNNPACK with
	 * one. The segmentation network pintounet comes out 21 % of its greatest value apart, so such filters keep to the reference.
	 */
	if (tfl_node_input(lower->graph, node, 1)->dtype == TFL_UINT8)
		return 1;
	if (conv->depthwise)
		return tfl_lower_dequantized_weights(lower, node, conv->linear.scales, &ret_ids->filter, &ret_ids->bias);
	/* A row of padding for each picture. */
	r = tfl_lower_bytes(lower, (double)input->dims[0] * (input->dims[3] + 2 * TFL_PADDING_BYTES));
	if (r == 0)
		r = tfl_lower_dynamic_input(lower, input, conv->linear.batch, &ret_ids->input);
	return r ? r : tfl_lower_dynamic_weights(lower, node, conv->linear.scales, &ret_ids->filter, &ret_ids->bias);
}

int tfl_conv_lower_operands(struct tfl_lower *lower, const struct tfl_node *node, struct tfl_conv_ids *ret_ids)
{
	const struct tfl_conv *conv = node->params;
	const struct tfl_linear *linear = &conv->linear;
	int r;

	r = tfl_lower_window(lower, &conv->window);
	if (r == 0)
		r = tfl_lower_values(lower, node, 1, &ret_ids->input, &ret_ids->output);
	if (r != 0)
		return r;
	if (linear->scales)
		return lower_dynamic(lower, node, ret_ids);
	return tfl_lower_weights(lower, node, channel_axis(conv), linear->range.min == 0 ? linear->multipliers : NULL, 0, &ret_ids->filter,
				 &ret_ids->bias);
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
	if (taps.end < taps.first)
		taps.end = taps.first;
	return taps;
}

/* One output pixel under way. */
struct place {
	const struct tfl_conv *conv;
	struct tfl_linear_run linear;
	const uint8_t *input; /* one picture */
	size_t channels;      /* of the input */
	struct taps rows, columns;
};

/* The input's pixel under a tap. */
static const uint8_t *tap_input(const struct place *place, int32_t ky, int32_t kx)
{
	const struct tfl_window *window = &place->conv->window;
	size_t y = (size_t)(place->rows.origin + (int64_t)ky * window->dilation_height);
	size_t x = (size_t)(place->columns.origin + (int64_t)kx * window->dilation_width);

	return place->input + (y * (size_t)window->input_width + x) * place->channels * place->conv->linear.arithmetic->input_size;
}

/* Reads the taps inside the input into the row, one behind the other. */
static void gather(const struct place *place)
{
	const struct tfl_arithmetic *arithmetic = place->conv->linear.arithmetic;
	bool adjacent = place->conv->window.dilation_width == 1;
	int32_t step = adjacent ? place->columns.end - place->columns.first : 1;
	size_t count = (size_t)step * place->channels;
	uint8_t *row = place->linear.row;

	for (int32_t ky = place->rows.first; ky < place->rows.end; ky++)
		for (int32_t kx = place->columns.first; kx < place->columns.end; kx += step, row += count * arithmetic->row_size)
			arithmetic->read(&place->linear, tap_input(place, ky, kx), count, row);
}

/*
 * Multiplies @p taps taps, which are neighbours in the row and in the filter, from tap (ky, kx) on. Where there are groups it is one tap, of
 * which each group sees its channels.
 */
static void multiply(const struct place *place, const uint8_t *row, int32_t ky, int32_t kx, size_t taps)
{
	const struct tfl_conv *conv = place->conv;
	const struct tfl_window *window = &conv->window;
	const struct tfl_arithmetic *arithmetic = conv->linear.arithmetic;
	size_t depth = (size_t)conv->group_input_channels, outputs = (size_t)conv->group_output_channels;
	size_t stride = (size_t)window->kernel_height * (size_t)window->kernel_width * depth;
	size_t tap = ((size_t)ky * (size_t)window->kernel_width + (size_t)kx) * depth;

	for (size_t group = 0; group < (size_t)conv->groups; group++)
		arithmetic->dot(&place->linear, row + group * depth * arithmetic->row_size, taps * depth,
				(const uint8_t *)place->linear.filter + (group * outputs * stride + tap) * arithmetic->filter_size, stride, outputs,
				(uint8_t *)place->linear.sums + group * outputs * arithmetic->sum_size);
}

static void convolve(const struct place *place)
{
	const struct tfl_window *window = &place->conv->window;
	int32_t rows = place->rows.end - place->rows.first, columns = place->columns.end - place->columns.first;
	size_t tap_bytes = place->channels * place->conv->linear.arithmetic->row_size;
	int32_t step = place->conv->groups == 1 ? columns : 1;
	const uint8_t *row = place->linear.row;

	gather(place);
	if (place->conv->groups == 1 && columns == window->kernel_width) {
		multiply(place, row, place->rows.first, 0, (size_t)rows * (size_t)columns);
		return;
	}
	for (int32_t ky = place->rows.first; ky < place->rows.end; ky++)
		for (int32_t kx = place->columns.first; kx < place->columns.end; kx += step, row += (size_t)step * tap_bytes)
			multiply(place, row, ky, kx, (size_t)step);
}

static void convolve_depthwise(const struct place *place)
{
	const struct tfl_conv *conv = place->conv;
	const struct tfl_arithmetic *arithmetic = conv->linear.arithmetic;

	for (int32_t ky = place->rows.first; ky < place->rows.end; ky++)
		for (int32_t kx = place->columns.first; kx < place->columns.end; kx++) {
			size_t tap = (size_t)ky * (size_t)conv->window.kernel_width + (size_t)kx;

			arithmetic->spread(&place->linear, tap_input(place, ky, kx), place->channels,
					   (const uint8_t *)place->linear.filter + tap * (size_t)conv->linear.channels * arithmetic->filter_size,
					   (size_t)conv->group_output_channels, place->linear.sums);
		}
}

static int run_picture(const struct tfl_run *run, struct place *place, uint8_t *output, struct tfl_error *error)
{
	const struct tfl_conv *conv = place->conv;
	const struct tfl_window *window = &conv->window;
	size_t channels = (size_t)conv->linear.channels;

	for (int32_t y = 0; y < window->output_height; y++) {
		int r = tfl_run_check(run, error);

		if (r < 0)
			return r;
		place->rows = cut(y, window->stride_height, window->pad_top, window->dilation_height, window->kernel_height, window->input_height);
		for (int32_t x = 0; x < window->output_width; x++) {
			place->columns = cut(x, window->stride_width, window->pad_left, window->dilation_width, window->kernel_width,
					     window->input_width);
			memset(place->linear.sums, 0, channels * conv->linear.arithmetic->sum_size);
			if (conv->depthwise)
				convolve_depthwise(place);
			else
				convolve(place);
			conv->linear.arithmetic->finish(&place->linear, output);
			output += channels * conv->linear.arithmetic->output_size;
		}
	}
	return 0;
}

int tfl_conv_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_conv *conv = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	struct place place = {.conv = conv, .channels = (size_t)input->dims[3]};
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	int r = 0;

	tfl_linear_begin(run, node, &conv->linear, &place.linear);
	for (int32_t batch = 0; batch < input->dims[0] && r == 0; batch++) {
		place.input = tfl_linear_batch(&place.linear, from);
		r = run_picture(run, &place, to, error);
		from += input->bytes / (size_t)input->dims[0];
		to += output->bytes / (size_t)input->dims[0];
	}
	return r;
}
