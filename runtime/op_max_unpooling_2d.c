/* SPDX-License-Identifier: MIT */
/*
 * MediaPipe's MaxPoolingWithArgmax2D and MaxUnpooling2D. The first is MAX_POOL_2D with a second output, of the same shape: the place of the
 * greatest element in its window, counted row by row from the window's own corner, as a float a tenth above the whole number. The second
 * puts elements back to such places, into a picture of zeros that is as many times larger as the window; places beyond it are passed over,
 * and of elements that meet the last one stays.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/op.h"
#include "runtime/quant.h"
#include "runtime/shape.h"

/* The options are a C struct as it lies in memory. */
struct options {
	int32_t padding; /* 1: SAME, 2: VALID */
	int32_t stride_width, stride_height;
	int32_t filter_width, filter_height;
	int32_t activation;
};

struct params {
	struct tfl_window window;
	struct tfl_range range;
};

static int read_options(const struct tfl_graph *graph, const struct tfl_node *node, struct options *ret_options, struct tfl_error *error)
{
	if (node->source->custom_options_size < sizeof(*ret_options))
		return tfl_node_invalid(graph, node, error, "its options have %zu bytes; at least %zu are right", node->source->custom_options_size,
					sizeof(*ret_options));
	memcpy(ret_options, node->source->custom_options, sizeof(*ret_options));
	if (ret_options->padding != 1 && ret_options->padding != 2)
		return tfl_node_invalid(graph, node, error, "its padding has the number %d; 1 (SAME) and 2 (VALID) are known",
					ret_options->padding);
	return 0;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct options *ret_options, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int r;

	if (!params)
		return -ENOMEM;
	if (input->rank != 4 || input->dims[3] < 1)
		return tfl_node_invalid(graph, node, error, "the input has %u dimensions; 4 with at least one channel are right", input->rank);
	r = read_options(graph, node, ret_options, error);
	params->window = (struct tfl_window){
		.kernel_height = ret_options->filter_height,
		.kernel_width = ret_options->filter_width,
		.stride_height = ret_options->stride_height,
		.stride_width = ret_options->stride_width,
		.dilation_height = 1,
		.dilation_width = 1,
	};
	return r;
}

static int prepare_pooling(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct options options = {0};
	struct params *params;
	int32_t dims[4];
	int r;

	r = prepare(graph, node, &options, error);
	if (r < 0)
		return r;
	params = node->params;
	r = tfl_window_init(&params->window, graph, node, options.padding == 1 ? TFL_PADDING_SAME : TFL_PADDING_VALID, input, error);
	if (r == 0)
		r = tfl_node_charge(graph, node, tfl_window_work(&params->window), (uint64_t)input->dims[0] * (uint64_t)input->dims[3], error);
	if (r == 0)
		r = tfl_activation_range(graph, node, options.activation, tfl_node_output(graph, node, 0), &params->range, error);
	memcpy(dims, (int32_t[]){input->dims[0], params->window.output_height, params->window.output_width, input->dims[3]}, sizeof(dims));
	for (uint32_t i = 0; r == 0 && i < 2; i++)
		r = tfl_node_set_shape(graph, node, i, 4, dims, error);
	return r;
}

/* The greatest of a window's elements in one channel, of which at least one lies inside. */
static void find_greatest(const struct params *params, const float *channel, size_t channels, int64_t top, int64_t left, float *ret_value,
			  float *ret_place)
{
	const struct tfl_window *window = &params->window;
	int64_t first_row = top < 0 ? 0 : top, first_column = left < 0 ? 0 : left;
	int64_t end_row = top + window->kernel_height, end_column = left + window->kernel_width;
	float greatest = -FLT_MAX;
	int64_t place = 0;

	end_row = end_row > window->input_height ? window->input_height : end_row;
	end_column = end_column > window->input_width ? window->input_width : end_column;
	for (int64_t y = first_row; y < end_row; y++)
		for (int64_t x = first_column; x < end_column; x++) {
			float value = channel[(size_t)(y * window->input_width + x) * channels];

			if (value > greatest) {
				greatest = value;
				place = (y - top) * window->kernel_width + x - left;
			}
		}
	*ret_value = fminf(fmaxf(greatest, params->range.min), params->range.max);
	*ret_place = (float)place + 0.1f;
}

static int run_pooling(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_window *window = &params->window;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0);
	size_t channels = (size_t)input->dims[3], picture = (size_t)input->dims[1] * (size_t)input->dims[2] * channels;
	const float *from = tfl_run_input(run, node, 0);
	float *values = tfl_run_output(run, node, 0), *places = tfl_run_output(run, node, 1);

	for (int32_t batch = 0; batch < input->dims[0]; batch++, from += picture)
		for (int64_t y = 0; y < window->output_height; y++)
			for (int64_t x = 0; x < window->output_width; x++)
				for (size_t c = 0; c < channels; c++)
					find_greatest(params, from + c, channels, y * window->stride_height - window->pad_top,
						      x * window->stride_width - window->pad_left, values++, places++);
	return 0;
}

/* The padding is that of pooling the output. */
static int set_axis(const struct tfl_graph *graph, const struct tfl_node *node, int32_t input, int32_t kernel, int32_t stride,
		    int32_t *ret_output, int32_t *ret_before, struct tfl_error *error)
{
	int64_t total;

	if (kernel < 1 || stride < 1)
		return tfl_node_invalid(graph, node, error, "a window of %d and a stride of %d: each must be at least 1", kernel, stride);
	if (tfl_mul_overflow(input, kernel, ret_output))
		return tfl_node_invalid(graph, node, error, "%d elements with a window of %d are too many", input, kernel);
	total = ((int64_t)input - 1) * stride + kernel - *ret_output;
	if (total / 2 > INT32_MAX)
		return tfl_node_invalid(graph, node, error, "%d elements with a stride of %d are too many", input, stride);
	*ret_before = total > 0 ? (int32_t)(total / 2) : 0;
	return 0;
}

static int prepare_unpooling(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *places = tfl_node_input(graph, node, 1);
	struct options options = {0};
	struct tfl_window *window;
	int r;

	r = prepare(graph, node, &options, error);
	if (r < 0)
		return r;
	window = &((struct params *)node->params)->window;
	if (places->rank != 4 || memcmp(places->dims, input->dims, 4 * sizeof(*places->dims)) != 0)
		return tfl_node_invalid(graph, node, error,
					"its places have %u dimensions and %zu elements; the shape of what they are for is right",
					places->rank, places->elements);
	r = set_axis(graph, node, input->dims[1], options.filter_height, options.stride_height, &window->output_height, &window->pad_top,
		     error);
	if (r == 0)
		r = set_axis(graph, node, input->dims[2], options.filter_width, options.stride_width, &window->output_width, &window->pad_left,
			     error);
	if (r < 0)
		return r;
	return tfl_node_set_shape(graph, node, 0, 4, (int32_t[]){input->dims[0], window->output_height, window->output_width, input->dims[3]},
				  error);
}

/* Puts one channel of a picture back. */
static void put_back(const struct tfl_window *window, const struct tfl_value *input, const float *values, const float *places,
		     float *picture)
{
	size_t channels = (size_t)input->dims[3];

	for (int64_t y = 0; y < input->dims[1]; y++)
		for (int64_t x = 0; x < input->dims[2]; x++, values += channels, places += channels) {
			int32_t place = fabsf(*places) < 0x1p31f ? (int32_t)*places : INT32_MIN;
			int64_t row = y * window->stride_height - window->pad_top + place / window->kernel_width;
			int64_t column = x * window->stride_width - window->pad_left + place % window->kernel_width;

			if (row >= 0 && row < window->output_height && column >= 0 && column < window->output_width)
				picture[(size_t)(row * window->output_width + column) * channels] = *values;
		}
}

static int run_unpooling(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	const float *values = tfl_run_input(run, node, 0), *places = tfl_run_input(run, node, 1);
	float *to = tfl_run_output(run, node, 0);

	memset(to, 0, output->bytes);
	for (int32_t batch = 0; batch < input->dims[0]; batch++) {
		for (int32_t c = 0; c < input->dims[3]; c++)
			put_back(&params->window, input, values + c, places + c, to + c);
		values += input->elements / (size_t)input->dims[0];
		places += input->elements / (size_t)input->dims[0];
		to += output->elements / (size_t)input->dims[0];
	}
	return 0;
}

const struct tfl_op tfl_op_max_pooling_with_argmax_2d = {
	.code = TFL_BUILTIN_CUSTOM,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 2,
	.max_version = 1,
	.name = "MaxPoolingWithArgmax2D",
	.types = "f:ff",
	.prepare = prepare_pooling,
	.run = run_pooling,
};

const struct tfl_op tfl_op_max_unpooling_2d = {
	.code = TFL_BUILTIN_CUSTOM,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 1,
	.name = "MaxUnpooling2D",
	.types = "ff:f",
	.prepare = prepare_unpooling,
	.run = run_unpooling,
};
