/* SPDX-License-Identifier: MIT */
/*
 * The walk over pooling windows. Padding never takes part: an average counts the elements inside the input only.
 */
#include "runtime/kernel_pool.h"

#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"

/* So that a sum of elements stays within 32 bits. */
#define WINDOW_MAX (1 << 23)
#define WINDOW_MAX_INT16 (1 << 15)

enum { PADDING, STRIDE_W, STRIDE_H, FILTER_WIDTH, FILTER_HEIGHT, ACTIVATION };

int tfl_pooling_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	const struct tfl_fb_table *options = &node->source->options;
	struct tfl_pooling *pooling = node->params = tfl_graph_alloc(graph, sizeof(*pooling));
	int32_t window_max = input->dtype == TFL_INT16 ? WINDOW_MAX_INT16 : WINDOW_MAX;
	int r;

	if (!pooling)
		return -ENOMEM;
	if (input->rank != 4 || input->dims[3] < 1)
		return tfl_node_invalid(graph, node, error, "the input has %u dimensions; 4 with at least one channel are right", input->rank);
	pooling->channels = input->dims[3];
	pooling->window = (struct tfl_window){
		.kernel_height = tfl_fb_i32(options, FILTER_HEIGHT, 0),
		.kernel_width = tfl_fb_i32(options, FILTER_WIDTH, 0),
		.stride_height = tfl_fb_i32(options, STRIDE_H, 0),
		.stride_width = tfl_fb_i32(options, STRIDE_W, 0),
		.dilation_height = 1,
		.dilation_width = 1,
	};
	node->scratch_bytes = (size_t)pooling->channels * 4;
	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r == 0 && input->dtype != TFL_FLOAT32 && (input->scale != output->scale || input->zero_point != output->zero_point))
		return tfl_node_unsupported(graph, node, error, "input and output have different scales (%g and %g) or zero points",
					    (double)input->scale, (double)output->scale);
	if (r == 0)
		r = tfl_window_init(&pooling->window, graph, node, tfl_fb_i8(options, PADDING, 0), input, error);
	if (r == 0 && (int64_t)pooling->window.kernel_height * pooling->window.kernel_width > window_max)
		return tfl_node_unsupported(graph, node, error, "its window has more than %d elements", window_max);
	if (r == 0)
		r = tfl_node_charge(graph, node, tfl_window_work(&pooling->window), (uint64_t)input->dims[0] * (uint64_t)pooling->channels, error);
	if (r == 0)
		r = tfl_activation_range(graph, node, tfl_fb_i8(options, ACTIVATION, 0), output, &pooling->range, error);
	if (r < 0)
		return r;
	return tfl_node_set_shape(graph, node, 0, 4,
				  (int32_t[]){input->dims[0], pooling->window.output_height, pooling->window.output_width, pooling->channels}, error);
}

int tfl_pooling_lower_operands(struct tfl_lower *lower, const struct tfl_node *node, uint32_t *ret_input, uint32_t *ret_output)
{
	const struct tfl_pooling *pooling = node->params;
	int r;

	if (tfl_window_is_outside(&pooling->window))
		return 1;
	r = tfl_lower_window(lower, &pooling->window);
	return r == 0 ? tfl_lower_values(lower, node, 1, ret_input, ret_output) : r;
}

static void cut(int32_t output, int32_t stride, int32_t pad, int32_t kernel, int32_t size, int32_t *ret_first, int32_t *ret_end)
{
	int32_t origin = output * stride - pad;

	*ret_first = origin < 0 ? 0 : origin;
	*ret_end = (int64_t)origin + kernel > size ? size : origin + kernel;
}

int tfl_pooling_run(const struct tfl_run *run, const struct tfl_node *node, tfl_pooling_function function, struct tfl_error *error)
{
	const struct tfl_pooling *pooling = node->params;
	const struct tfl_window *window = &pooling->window;
	const struct tfl_value *value = tfl_node_input(run->graph, node, 0);
	size_t element = tfl_dtype_size(value->dtype);
	const uint8_t *input = tfl_run_input(run, node, 0);
	uint8_t *output = tfl_run_output(run, node, 0);
	struct tfl_pooling_place place;

	for (int32_t batch = 0; batch < value->dims[0]; batch++) {
		for (int32_t y = 0; y < window->output_height; y++) {
			int r = tfl_run_check(run, error);

			if (r < 0)
				return r;
			cut(y, window->stride_height, window->pad_top, window->kernel_height, window->input_height, &place.first_row, &place.end_row);
			for (int32_t x = 0; x < window->output_width; x++) {
				cut(x, window->stride_width, window->pad_left, window->kernel_width, window->input_width, &place.first_column,
				    &place.end_column);
				function(pooling, &place, input, run->scratch, output);
				output += (size_t)pooling->channels * element;
			}
		}
		input += value->bytes / (size_t)value->dims[0];
	}
	return 0;
}
