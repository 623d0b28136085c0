/* SPDX-License-Identifier: MIT */
/* MAX_POOL_2D: greatest element of a window of height and width, per channel. Quantised tensors keep their scale. */
#include <string.h>

#include "base/error.h"
#include "runtime/kernel_pool.h"
#include "runtime/lower.h"

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_pooling *pooling = node->params;
	const struct tfl_window *window = &pooling->window;
	uint32_t input, output;
	int r = tfl_pooling_lower_operands(lower, node, &input, &output);

	if (r != 0)
		return r;
	return tfl_lower_status(xnn_define_max_pooling_2d(
		lower->subgraph, (uint32_t)window->pad_top, (uint32_t)window->pad_right, (uint32_t)window->pad_bottom, (uint32_t)window->pad_left,
		(uint32_t)window->kernel_height, (uint32_t)window->kernel_width, (uint32_t)window->stride_height,
		(uint32_t)window->stride_width, 1, 1, pooling->range.min, pooling->range.max, input, output, 0));
}

/* The output pixel is the accumulator: it starts as the window's first pixel. */
#define DEFINE_MAX(name, type, low, high) \
	static void max_##name(const struct tfl_pooling *pooling, const struct tfl_pooling_place *place, const void *input, void *scratch, \
			       void *output) \
	{ \
		size_t channels = (size_t)pooling->channels, width = (size_t)pooling->window.input_width; \
		const type *first = (const type *)input + ((size_t)place->first_row * width + (size_t)place->first_column) * channels; \
		type *greatest = output; \
\
		memcpy(greatest, first, channels * sizeof(type)); \
		for (int32_t y = place->first_row; y < place->end_row; y++) \
			for (int32_t x = place->first_column; x < place->end_column; x++) { \
				const type *pixel = (const type *)input + ((size_t)y * width + (size_t)x) * channels; \
\
				for (size_t c = 0; c < channels; c++) \
					greatest[c] = pixel[c] > greatest[c] ? pixel[c] : greatest[c]; \
			} \
		for (size_t c = 0; c < channels; c++) { \
			if (greatest[c] < (low)) \
				greatest[c] = (type)(low); \
			if (greatest[c] > (high)) \
				greatest[c] = (type)(high); \
		} \
	}

DEFINE_MAX(float32, float, pooling->range.min, pooling->range.max)
DEFINE_MAX(int8, int8_t, pooling->range.quantized_min, pooling->range.quantized_max)
DEFINE_MAX(uint8, uint8_t, pooling->range.quantized_min, pooling->range.quantized_max)
DEFINE_MAX(int16, int16_t, pooling->range.quantized_min, pooling->range.quantized_max)

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	static const tfl_pooling_function greatest[TFL_DTYPE_COUNT] = {
		[TFL_FLOAT32] = max_float32, [TFL_INT8] = max_int8, [TFL_UINT8] = max_uint8, [TFL_INT16] = max_int16};

	return tfl_pooling_run(run, node, greatest[tfl_node_input(run->graph, node, 0)->dtype], error);
}

const struct tfl_op tfl_op_max_pool_2d = {
	.code = TFL_BUILTIN_MAX_POOL_2D,
	.options = TFL_OPTIONS_POOL_2D,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 3,
	.name = "MAX_POOL_2D",
	.types = "f:f b:b B:B s:s",
	.prepare = tfl_pooling_prepare,
	.lower = lower,
	.run = run,
};
