/* SPDX-License-Identifier: MIT */
/*
 * Sizes come from a file: they are computed in 64 bits and checked before they are stored in 32.
 */
#include "runtime/shape.h"

#include <string.h>

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

/* Places of the window that can be inside at once. */
static uint64_t inside(const struct tfl_window *window)
{
	uint64_t rows = (uint64_t)(window->kernel_height < window->input_height ? window->kernel_height : window->input_height);
	uint64_t columns = (uint64_t)(window->kernel_width < window->input_width ? window->kernel_width : window->input_width);

	return rows * columns;
}

uint64_t tfl_window_work(const struct tfl_window *window)
{
	uint64_t positions = (uint64_t)window->output_height * (uint64_t)window->output_width, work;

	return tfl_mul_overflow(inside(window), positions, &work) ? UINT64_MAX : work;
}

bool tfl_window_is_outside(const struct tfl_window *window)
{
	return (uint64_t)window->kernel_height * (uint64_t)window->kernel_width / 16 > inside(window);
}

/* Size of a dimension counted from the last one; 1 where the tensor has fewer. */
static int32_t dim_from_end(const struct tfl_value *value, unsigned at)
{
	return at < value->rank ? value->dims[value->rank - 1 - at] : 1;
}

/* Whether a loop around the last one added would only make that longer, for all tensors. */
static bool goes_on(const struct tfl_broadcast *broadcast, const size_t *strides, unsigned count)
{
	if (broadcast->loops == 0)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (strides[i] != broadcast->strides[i][broadcast->loops - 1] * broadcast->counts[broadcast->loops - 1])
			return false;
	return true;
}

/* One dimension of the output; the strides say how each tensor moves along it. Joins the loop inside it where all of them just go on. */
static void add_loop(struct tfl_broadcast *broadcast, size_t size, const size_t *strides, unsigned count)
{
	if (goes_on(broadcast, strides, count)) {
		broadcast->counts[broadcast->loops - 1] *= size;
		return;
	}
	broadcast->counts[broadcast->loops] = size;
	for (unsigned i = 0; i < count; i++)
		broadcast->strides[i][broadcast->loops] = strides[i];
	broadcast->loops++;
}

/* Loops were found from the inside out. */
static void reverse_loops(struct tfl_broadcast *broadcast)
{
	for (unsigned a = 0, b = broadcast->loops - 1; a < b; a++, b--) {
		size_t count = broadcast->counts[a];

		broadcast->counts[a] = broadcast->counts[b];
		broadcast->counts[b] = count;
		for (unsigned i = 0; i < TFL_BROADCAST_MAX; i++) {
			size_t stride = broadcast->strides[i][a];

			broadcast->strides[i][a] = broadcast->strides[i][b];
			broadcast->strides[i][b] = stride;
		}
	}
}

/* The size of a dimension that all values share or repeat; -1, and the two that differ, where there is none. */
static int32_t common_dim(const struct tfl_value *const *values, unsigned count, unsigned at, const struct tfl_value **ret_differ)
{
	int32_t size = 1;

	ret_differ[0] = values[0];
	for (unsigned i = 0; i < count; i++) {
		int32_t dim = dim_from_end(values[i], at);

		ret_differ[1] = values[i];
		if (dim != 1 && size != 1 && dim != size)
			return -1;
		if (dim != 1) {
			size = dim;
			ret_differ[0] = values[i];
		}
	}
	return size;
}

int tfl_broadcast_init(struct tfl_broadcast *broadcast, const struct tfl_graph *graph, const struct tfl_node *node,
		       const struct tfl_value *const *values, unsigned count, struct tfl_error *error)
{
	size_t elements[TFL_BROADCAST_MAX] = {1, 1, 1}, strides[TFL_BROADCAST_MAX];
	const struct tfl_value *differ[2];
	char shapes[2][TFL_SHAPE_STRING_MAX];

	*broadcast = (struct tfl_broadcast){0};
	for (unsigned i = 0; i < count; i++)
		broadcast->rank = values[i]->rank > broadcast->rank ? values[i]->rank : broadcast->rank;
	for (unsigned at = 0; at < broadcast->rank; at++) {
		int32_t size = common_dim(values, count, at, differ);

		if (size < 0)
			return tfl_node_invalid(graph, node, error, "the shapes %s and %s do not fit each other",
						tfl_shape_to_string(differ[0]->dims, differ[0]->rank, shapes[0], sizeof(shapes[0])),
						tfl_shape_to_string(differ[1]->dims, differ[1]->rank, shapes[1], sizeof(shapes[1])));
		broadcast->dims[broadcast->rank - 1 - at] = size;
		for (unsigned i = 0; i < count; i++) {
			int32_t dim = dim_from_end(values[i], at);

			strides[i] = dim == 1 ? 0 : elements[i];
			elements[i] *= (size_t)dim;
		}
		if (size != 1)
			add_loop(broadcast, (size_t)size, strides, count);
	}
	if (broadcast->loops == 0)
		add_loop(broadcast, 1, (const size_t[TFL_BROADCAST_MAX]){0}, count);
	reverse_loops(broadcast);
	return 0;
}

bool tfl_broadcast_next(const struct tfl_broadcast *broadcast, struct tfl_broadcast_at *at)
{
	at->output += broadcast->counts[broadcast->loops - 1];
	for (unsigned loop = broadcast->loops - 1; loop-- > 0;) {
		for (unsigned i = 0; i < TFL_BROADCAST_MAX; i++)
			at->offsets[i] += broadcast->strides[i][loop];
		if (++at->index[loop] < broadcast->counts[loop])
			return true;
		for (unsigned i = 0; i < TFL_BROADCAST_MAX; i++)
			at->offsets[i] -= broadcast->strides[i][loop] * at->index[loop];
		at->index[loop] = 0;
	}
	return false;
}

int tfl_axis(int32_t axis, unsigned rank)
{
	if (axis < -(int32_t)rank || axis >= (int32_t)rank)
		return -1;
	return axis < 0 ? axis + (int32_t)rank : axis;
}

struct tfl_along tfl_along(const int32_t *dims, unsigned rank, unsigned axis)
{
	struct tfl_along along = {1, (size_t)dims[axis], 1};

	for (unsigned d = 0; d < rank; d++)
		if (d != axis)
			*(d < axis ? &along.outer : &along.inner) *= (size_t)dims[d];
	return along;
}

static int find_axis(const struct tfl_graph *graph, const struct tfl_node *node, int32_t axis, unsigned rank, unsigned *ret_axis,
		     struct tfl_error *error)
{
	int found = tfl_axis(axis, rank);

	if (found < 0)
		return tfl_node_invalid(graph, node, error, "its axis is %d; there are %u dimensions", axis, rank);
	*ret_axis = (unsigned)found;
	return 0;
}

int tfl_option_axis(const struct tfl_graph *graph, const struct tfl_node *node, unsigned field, unsigned rank, unsigned *ret_axis,
		    struct tfl_error *error)
{
	return find_axis(graph, node, tfl_fb_i32(&node->source->options, field, 0), rank, ret_axis, error);
}

int tfl_const_axis(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, unsigned rank, unsigned *ret_axis,
		   struct tfl_error *error)
{
	unsigned count;
	int32_t axis;
	int r = tfl_node_const_ints(graph, node, input, 1, &axis, &count, error);

	if (r < 0)
		return r;
	if (count != 1)
		return tfl_node_invalid(graph, node, error, "input %u names no axis", input);
	return find_axis(graph, node, axis, rank, ret_axis, error);
}

int tfl_const_axes(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, unsigned rank, bool *ret_named,
		   struct tfl_error *error)
{
	int32_t axes[TFL_RANK_MAX];
	unsigned count, axis = 0;
	int r;

	r = tfl_node_const_ints(graph, node, input, TFL_RANK_MAX, axes, &count, error);
	memset(ret_named, 0, rank * sizeof(*ret_named));
	for (unsigned i = 0; r == 0 && i < count; i++) {
		r = find_axis(graph, node, axes[i], rank, &axis, error);
		if (r == 0)
			ret_named[axis] = true;
	}
	return r;
}
