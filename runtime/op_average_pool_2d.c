/* SPDX-License-Identifier: MIT */
/*
 * AVERAGE_POOL_2D: mean over a window of height and width. Quantised tensors keep their scale: the sum of the integers, divided by the
 * count, rounded half away from zero. XNNPACK has float32 only.
 */
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
	return tfl_lower_status(xnn_define_average_pooling_2d(
		lower->subgraph, (uint32_t)window->pad_top, (uint32_t)window->pad_right, (uint32_t)window->pad_bottom, (uint32_t)window->pad_left,
		(uint32_t)window->kernel_height, (uint32_t)window->kernel_width, (uint32_t)window->stride_height,
		(uint32_t)window->stride_width, pooling->range.min, pooling->range.max, input, output, 0));
}

/* Adds every pixel of the window to one accumulator per channel. */
#define DEFINE_ACCUMULATE(name, type, accumulator) \
	static int32_t accumulate_##name(const struct tfl_pooling *pooling, const struct tfl_pooling_place *place, const type *input, \
					 accumulator *sums) \
	{ \
		int32_t channels = pooling->channels; \
\
		memset(sums, 0, (size_t)channels * sizeof(*sums)); \
		for (int32_t y = place->first_row; y < place->end_row; y++) \
			for (int32_t x = place->first_column; x < place->end_column; x++) { \
				const type *pixel = input + ((size_t)y * (size_t)pooling->window.input_width + (size_t)x) * (size_t)channels; \
\
				for (int32_t c = 0; c < channels; c++) \
					sums[c] += pixel[c]; \
			} \
		return (place->end_row - place->first_row) * (place->end_column - place->first_column); \
	}

DEFINE_ACCUMULATE(float32, float, float)
DEFINE_ACCUMULATE(int8, int8_t, int32_t)
DEFINE_ACCUMULATE(uint8, uint8_t, int32_t)
DEFINE_ACCUMULATE(int16, int16_t, int32_t)

static void average_float32(const struct tfl_pooling *pooling, const struct tfl_pooling_place *place, const void *input, void *scratch,
			    void *output)
{
	float *sums = scratch;
	int32_t count = accumulate_float32(pooling, place, input, sums);

	for (int32_t c = 0; c < pooling->channels; c++) {
		float mean = sums[c] / (float)count;

		((float *)output)[c] = mean < pooling->range.min ? pooling->range.min : mean > pooling->range.max ? pooling->range.max : mean;
	}
}

#define DEFINE_AVERAGE(name, type) \
	static void average_##name(const struct tfl_pooling *pooling, const struct tfl_pooling_place *place, const void *input, void *scratch, \
				   void *output) \
	{ \
		const struct tfl_range *range = &pooling->range; \
		int32_t *sums = scratch, count = accumulate_##name(pooling, place, input, sums); \
\
		for (int32_t c = 0; c < pooling->channels; c++) { \
			int32_t mean = (sums[c] > 0 ? sums[c] + count / 2 : sums[c] - count / 2) / count; \
\
			mean = mean < range->quantized_min ? range->quantized_min : mean; \
			((type *)output)[c] = (type)(mean > range->quantized_max ? range->quantized_max : mean); \
		} \
	}

DEFINE_AVERAGE(int8, int8_t)
DEFINE_AVERAGE(uint8, uint8_t)
DEFINE_AVERAGE(int16, int16_t)

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	static const tfl_pooling_function averages[TFL_DTYPE_COUNT] = {
		[TFL_FLOAT32] = average_float32, [TFL_INT8] = average_int8, [TFL_UINT8] = average_uint8, [TFL_INT16] = average_int16};

	return tfl_pooling_run(run, node, averages[tfl_node_input(run->graph, node, 0)->dtype], error);
}

const struct tfl_op tfl_op_average_pool_2d = {
	.code = TFL_BUILTIN_AVERAGE_POOL_2D,
	.options = TFL_OPTIONS_POOL_2D,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 3,
	.name = "AVERAGE_POOL_2D",
	.types = "f:f b:b B:B s:s",
	.prepare = tfl_pooling_prepare,
	.lower = lower,
	.run = run,
};
