/* SPDX-License-Identifier: MIT */
/*
 * CONV_2D: input [N, H, W, C], filter [O, kh, kw, C / groups], bias [O] or none, output [N, H', W', O]. A filter with fewer input
 * channels than the input has makes a grouped convolution, as in TensorFlow Lite.
 */
#include <errno.h>

#include "base/error.h"
#include "runtime/kernel_conv.h"
#include "runtime/lower.h"

static const struct tfl_conv_fields fields = {.stride_w = 1, .stride_h = 2, .activation = 3, .dilation_w = 4, .dilation_h = 5};

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *filter = tfl_node_input(graph, node, 1);
	struct tfl_conv *conv = node->params = tfl_graph_alloc(graph, sizeof(*conv));

	if (!conv)
		return -ENOMEM;
	if (input->rank != 4 || filter->rank != 4)
		return tfl_node_invalid(graph, node, error, "input and filter have %u and %u dimensions; 4 each are right", input->rank, filter->rank);
	if (filter->dims[3] < 1 || filter->dims[0] < 1 || input->dims[3] < 1 || input->dims[3] % filter->dims[3] != 0 ||
	    filter->dims[0] % (input->dims[3] / filter->dims[3]) != 0)
		return tfl_node_invalid(graph, node, error, "%d input channels and a filter of %d x %d channels do not divide each other", input->dims[3],
					filter->dims[0], filter->dims[3]);
	conv->groups = input->dims[3] / filter->dims[3];
	conv->group_input_channels = filter->dims[3];
	conv->group_output_channels = filter->dims[0] / conv->groups;
	return tfl_conv_prepare(graph, node, conv, &fields, error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_conv *conv = node->params;
	const struct tfl_window *window = &conv->window;
	struct tfl_conv_ids ids;
	int r = tfl_conv_lower_operands(lower, node, &ids);

	if (r != 0)
		return r;
	return tfl_lower_status(xnn_define_convolution_2d(
		lower->subgraph, (uint32_t)window->pad_top, (uint32_t)window->pad_right, (uint32_t)window->pad_bottom, (uint32_t)window->pad_left,
		(uint32_t)window->kernel_height, (uint32_t)window->kernel_width, (uint32_t)window->stride_height, (uint32_t)window->stride_width,
		(uint32_t)window->dilation_height, (uint32_t)window->dilation_width, (uint32_t)conv->groups, (size_t)conv->group_input_channels,
		(size_t)conv->group_output_channels, conv->linear.range.min, conv->linear.range.max, ids.input, ids.filter, ids.bias, ids.output, 0));
}

/* Where a group has one channel in and one out it is depthwise to XNNPACK, which packs those for each interpreter. */
static bool packed(const struct tfl_node *node, uint32_t input)
{
	const struct tfl_conv *conv = node->params;

	return input == 1 && (conv->group_input_channels != 1 || conv->group_output_channels != 1);
}

const struct tfl_op tfl_op_conv_2d = {
	.code = TFL_BUILTIN_CONV_2D,
	.options = TFL_OPTIONS_CONV_2D,
	.inputs_min = 2,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 8,
	.name = "CONV_2D",
	.types = "fff:f bbi:b BBi:B sbl:s sbi:s fbf:f fBf:f",
	.prepare = prepare,
	.lower = lower,
	.run = tfl_conv_run,
	.packed = packed,
};
