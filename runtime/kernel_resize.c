/* SPDX-License-Identifier: MIT */
/* All in float32, as TensorFlow Lite has it: where a coordinate falls between two pixels hangs on the last bit. */
#include "runtime/kernel_resize.h"

#include <string.h>

#include "base/error.h"

int tfl_resize_prepare(struct tfl_graph *graph, struct tfl_node *node, unsigned field, struct tfl_resize *resize, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t size[2];
	unsigned count;
	int r;

	r = tfl_node_const_ints(graph, node, 1, 2, size, &count, error);
	if (r < 0)
		return r;
	if (input->rank != 4 || count != 2)
		return tfl_node_invalid(graph, node, error, "the input has %u dimensions and the new size %u elements; 4 and 2 are right",
					input->rank, count);
	if (input->dims[1] < 1 || input->dims[2] < 1 || size[0] < 1 || size[1] < 1)
		return tfl_node_invalid(graph, node, error, "it resizes %d x %d to %d x %d; each must be at least 1", input->dims[1],
					input->dims[2], size[0], size[1]);
	memcpy(resize->input, &input->dims[1], sizeof(resize->input));
	memcpy(resize->output, size, sizeof(size));
	resize->align_corners = tfl_fb_bool(&node->source->options, field, false);
	resize->half_pixel_centers = tfl_fb_bool(&node->source->options, field + 1, false);
	return tfl_node_set_shape(graph, node, 0, 4, (int32_t[]){input->dims[0], size[0], size[1], input->dims[3]}, error);
}

float tfl_resize_scale(const struct tfl_resize *resize, unsigned axis)
{
	int32_t less = resize->align_corners && resize->output[axis] > 1;

	return (float)(resize->input[axis] - less) / (float)(resize->output[axis] - less);
}

int32_t tfl_resize_index(float position, int32_t size)
{
	if (!(position > 0))
		return 0;
	return (double)position >= size ? size - 1 : (int32_t)position;
}
