/* SPDX-License-Identifier: MIT */
/*
 * Sizes come from a file: they are computed in 64 bits and checked before they are stored in 32.
 */
#include "runtime/shape.h"

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/graph.h"
#include "runtime/schema.h"

/* One axis of a window. Returns the output size, or 0 when the kernel does not fit. */
static int64_t slide(bool same, int64_t input, int64_t kernel, int64_t stride, int64_t dilation, int32_t *ret_before, int32_t *ret_after)
{
	int64_t effective = (kernel - 1) * dilation + 1, output, total;

	if (!same) {
		*ret_before = *ret_after = 0;
		return input < effective ? 0 : (input - effective) / stride + 1;
	}
	output = (input + stride - 1) / stride;
	total = (output - 1) * stride + effective - input;
	if (total < 0)
		total = 0;
	if (total > INT32_MAX)
		return 0;
	*ret_before = (int32_t)(total / 2);
	*ret_after = (int32_t)(total - total / 2);
	return output;
}

int tfl_window_init(struct tfl_window *window, const struct tfl_graph *graph, const struct tfl_node *node, int padding,
		    const struct tfl_value *input, struct tfl_error *error)
{
	bool same = padding == TFL_PADDING_SAME;
	int64_t height, width;

	if (padding != TFL_PADDING_SAME && padding != TFL_PADDING_VALID)
		return tfl_node_invalid(graph, node, error, "its padding has the number %d; 0 (SAME) and 1 (VALID) are known", padding);
	if (window->kernel_height < 1 || window->kernel_width < 1 || window->stride_height < 1 || window->stride_width < 1 ||
	    window->dilation_height < 1 || window->dilation_width < 1)
		return tfl_node_invalid(graph, node, error, "kernel %d x %d, stride %d x %d, dilation %d x %d: each must be at least 1",
					window->kernel_height, window->kernel_width, window->stride_height, window->stride_width,
					window->dilation_height, window->dilation_width);
	window->input_height = input->dims[1];
	window->input_width = input->dims[2];
	height = slide(same, window->input_height, window->kernel_height, window->stride_height, window->dilation_height,
		       &window->pad_top, &window->pad_bottom);
	width = slide(same, window->input_width, window->kernel_width, window->stride_width, window->dilation_width, &window->pad_left,
		      &window->pad_right);
	if (height < 1 || width < 1)
		return tfl_node_invalid(graph, node, error, "a kernel of %d x %d with dilation %d x %d does not fit an input of %d x %d",
					window->kernel_height, window->kernel_width, window->dilation_height, window->dilation_width,
					window->input_height, window->input_width);
	window->output_height = (int32_t)height;
	window->output_width = (int32_t)width;
	return 0;
}

uint64_t tfl_window_work(const struct tfl_window *window)
{
	uint64_t rows = (uint64_t)(window->kernel_height < window->input_height ? window->kernel_height : window->input_height);
	uint64_t columns = (uint64_t)(window->kernel_width < window->input_width ? window->kernel_width : window->input_width);
	uint64_t positions = (uint64_t)window->output_height * (uint64_t)window->output_width, work;

	return tfl_mul_overflow(rows * columns, positions, &work) ? UINT64_MAX : work;
}

int tfl_broadcast_init(struct tfl_broadcast *broadcast, const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *left,
		       const struct tfl_value *right, struct tfl_error *error)
{
	const struct tfl_value *sides[] = {left, right};
	char shapes[2][TFL_SHAPE_STRING_MAX];
	int32_t strides[2] = {1, 1};

	broadcast->rank = left->rank > right->rank ? left->rank : right->rank;
	broadcast->elementwise = true;
	for (unsigned i = 0; i < broadcast->rank; i++) {
		int32_t dims[2];

		for (unsigned side = 0; side < 2; side++)
			dims[side] = i < sides[side]->rank ? sides[side]->dims[sides[side]->rank - 1 - i] : 1;
		if (dims[0] != dims[1] && dims[0] != 1 && dims[1] != 1)
			return tfl_node_invalid(graph, node, error, "the shapes %s and %s do not fit each other",
						tfl_shape_to_string(left->dims, left->rank, shapes[0], sizeof(shapes[0])),
						tfl_shape_to_string(right->dims, right->rank, shapes[1], sizeof(shapes[1])));
		broadcast->dims[broadcast->rank - 1 - i] = dims[0] == 1 ? dims[1] : dims[0];
		for (unsigned side = 0; side < 2; side++) {
			broadcast->strides[side][broadcast->rank - 1 - i] = dims[side] == 1 ? 0 : strides[side];
			strides[side] *= dims[side];
		}
		broadcast->elementwise &= dims[0] == dims[1];
	}
	return 0;
}

int tfl_axis(int32_t axis, unsigned rank)
{
	if (axis < -(int32_t)rank || axis >= (int32_t)rank)
		return -1;
	return axis < 0 ? axis + (int32_t)rank : axis;
}
