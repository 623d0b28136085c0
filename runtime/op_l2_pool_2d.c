/* SPDX-License-Identifier: MIT */
/* L2_POOL_2D: square root of the mean of squares over a window of height and width, per channel. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "runtime/kernel_pool.h"

static void length(const struct tfl_pooling *pooling, const struct tfl_pooling_place *place, const void *input, void *scratch, void *output)
{
	size_t channels = (size_t)pooling->channels;
	float *sums = scratch;
	int32_t count = (place->end_row - place->first_row) * (place->end_column - place->first_column);

	memset(sums, 0, channels * sizeof(*sums));
	for (int32_t y = place->first_row; y < place->end_row; y++)
		for (int32_t x = place->first_column; x < place->end_column; x++) {
			size_t at = (size_t)y * (size_t)pooling->window.input_width + (size_t)x;
			const float *pixel = (const float *)input + at * channels;

			for (size_t c = 0; c < channels; c++)
				sums[c] += pixel[c] * pixel[c];
		}
	for (size_t c = 0; c < channels; c++)
		((float *)output)[c] = fminf(fmaxf(sqrtf(sums[c] / (float)count), pooling->range.min), pooling->range.max);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	return tfl_pooling_run(run, node, length, error);
}

const struct tfl_op tfl_op_l2_pool_2d = {
	.code = TFL_BUILTIN_L2_POOL_2D,
	.options = TFL_OPTIONS_POOL_2D,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 1,
	.name = "L2_POOL_2D",
	.types = "f:f",
	.prepare = tfl_pooling_prepare,
	.run = run,
};
