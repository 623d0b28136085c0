/* SPDX-License-Identifier: MIT */
/* RESIZE_NEAREST_NEIGHBOR: each output pixel is a copy of one of the input. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_resize.h"

enum { ALIGN_CORNERS };

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct tfl_resize *resize = node->params = tfl_graph_alloc(graph, sizeof(*resize));

	return resize ? tfl_resize_prepare(graph, node, ALIGN_CORNERS, resize, error) : -ENOMEM;
}

static int32_t nearest(const struct tfl_resize *resize, unsigned axis, float scale, int32_t output)
{
	float position = ((float)output + (resize->half_pixel_centers ? 0.5f : 0)) * scale;

	/* Aligned corners round, half away from zero; else the pixel is that in which the position lies. */
	return tfl_resize_index(resize->align_corners ? roundf(position) : floorf(position), resize->input[axis]);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_resize *resize = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0);
	size_t pixel = (size_t)input->dims[3] * tfl_dtype_size(input->dtype), row = (size_t)input->dims[2] * pixel;
	float scale[2] = {tfl_resize_scale(resize, 0), tfl_resize_scale(resize, 1)};
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);

	if (tfl_node_output(run->graph, node, 0)->elements == 0)
		return 0;
	for (int32_t batch = 0; batch < input->dims[0]; batch++) {
		for (int32_t y = 0; y < resize->output[0]; y++) {
			const uint8_t *line = from + (size_t)nearest(resize, 0, scale[0], y) * row;

			for (int32_t x = 0; x < resize->output[1]; x++, to += pixel)
				memcpy(to, line + (size_t)nearest(resize, 1, scale[1], x) * pixel, pixel);
		}
		from += (size_t)input->dims[1] * row;
	}
	return 0;
}

const struct tfl_op tfl_op_resize_nearest_neighbor = {
	.code = TFL_BUILTIN_RESIZE_NEAREST_NEIGHBOR,
	.options = TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 4,
	.name = "RESIZE_NEAREST_NEIGHBOR",
	.types = "TN:T",
	.prepare = prepare,
	.run = run,
};
