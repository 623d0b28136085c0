/* SPDX-License-Identifier: MIT */
/*
 * RESIZE_BILINEAR: each output pixel lies between two rows and two columns of the input and is their mean, weighted by nearness. float32
 * and uint8 are computed in float; int8 and int16 in whole numbers of 1/1024, as TensorFlow Lite's reference kernels do. Quantised tensors
 * keep their scale.
 */
#include <errno.h>
#include <math.h>

#include "base/error.h"
#include "runtime/kernel_resize.h"
#include "runtime/lower.h"

enum { ALIGN_CORNERS = 2 };

#define ONE 1024
#define XNNPACK_SIZE_MAX (1 << 22) /* beyond, its float32 coordinates may round to a row behind the last */

/* Where an output row or column lies in the input. */
struct tap {
	int32_t low, high; /* the two neighbours */
	union {
		float part;    /* of the way from low to high */
		int32_t parts; /* in 1/1024 */
	};
};

struct params {
	struct tfl_resize resize;
	struct tap *taps[2]; /* of the output rows, of the columns */
};

static void locate_float(const struct tfl_resize *resize, unsigned axis, struct tap *taps)
{
	float scale = tfl_resize_scale(resize, axis);
	int32_t size = resize->input[axis];

	for (int32_t i = 0; i < resize->output[axis]; i++) {
		float position = resize->half_pixel_centers ? ((float)i + 0.5f) * scale - 0.5f : (float)i * scale;

		taps[i].low = tfl_resize_index(floorf(position), size);
		taps[i].high = tfl_resize_index(ceilf(position), size);
		/* Below 0 and above the last pixel both neighbours are the same, and the part means nothing. */
		taps[i].part = position - (float)taps[i].low;
	}
}

static int32_t clamp(int64_t position, int32_t size)
{
	return position < 0 ? 0 : position >= size ? size - 1 : (int32_t)position;
}

static void locate_fixed(const struct tfl_resize *resize, unsigned axis, struct tap *taps)
{
	int32_t less = resize->align_corners && resize->output[axis] > 1, size = resize->input[axis];
	int64_t input = size - less, output = resize->output[axis] - less, scale = (ONE * input + output / 2) / output;

	for (int32_t i = 0; i < resize->output[axis]; i++) {
		int64_t position = i * scale + (resize->half_pixel_centers ? scale / 2 - ONE / 2 : 0);

		taps[i].low = clamp(position / ONE, size);
		taps[i].high = clamp((position + ONE - 1) / ONE, size);
		taps[i].parts = taps[i].low == taps[i].high ? 0 : (int32_t)(position - (int64_t)ONE * taps[i].low);
	}
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	bool fixed = input->dtype == TFL_INT8 || input->dtype == TFL_INT16;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_resize_prepare(graph, node, ALIGN_CORNERS, &params->resize, error);
	if (r < 0)
		return r;
	if (params->resize.align_corners && params->resize.half_pixel_centers)
		return tfl_node_invalid(graph, node, error, "it aligns corners and has half-pixel centres; only one can be");
	for (unsigned axis = 0; axis < 2; axis++) {
		params->taps[axis] = tfl_graph_alloc(graph, (size_t)params->resize.output[axis] * sizeof(struct tap));
		if (!params->taps[axis])
			return -ENOMEM;
		(fixed ? locate_fixed : locate_float)(&params->resize, axis, params->taps[axis]);
	}
	return tfl_node_charge(graph, node, output->elements, 4, error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	const struct tfl_resize *resize = &params->resize;
	double pixels = (double)resize->output[0] * resize->output[1];
	uint32_t input, output, flags;
	int r;

	for (unsigned axis = 0; axis < 2; axis++)
		if (resize->input[axis] > XNNPACK_SIZE_MAX || resize->output[axis] > XNNPACK_SIZE_MAX)
			return 1;
	/* Four pointers and two weights a pixel. */
	r = tfl_lower_bytes(lower, pixels * (4.0 * sizeof(void *) + 2.0 * sizeof(float)));
	if (r == 0)
		r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r != 0)
		return r;
	flags = resize->align_corners ? XNN_FLAG_ALIGN_CORNERS : resize->half_pixel_centers ? 0 : XNN_FLAG_TENSORFLOW_LEGACY_MODE;
	return tfl_lower_status(xnn_define_static_resize_bilinear_2d(lower->subgraph, (size_t)resize->output[0], (size_t)resize->output[1],
								     input, output, flags));
}

/* The four neighbours of one output pixel, and where it lies among them. */
struct place {
	size_t top_left, bottom_left, top_right, bottom_right; /* their first elements */
	const struct tap *row, *column;
	size_t channels;
};

/* The order of factors and of the sum is TensorFlow Lite's. */
#define DEFINE_FLOAT(name, type, offset) \
	static void mix_##name(const struct place *place, const void *input, void *output) \
	{ \
		float y = place->row->part, x = place->column->part; \
		const type *from = input; \
		type *to = output; \
\
		for (size_t c = 0; c < place->channels; c++) \
			to[c] = (type)((float)from[place->top_left + c] * (1 - y) * (1 - x) + \
				       (float)from[place->bottom_left + c] * y * (1 - x) + \
				       (float)from[place->top_right + c] * (1 - y) * x + \
				       (float)from[place->bottom_right + c] * y * x + (offset)); \
	}

DEFINE_FLOAT(float32, float, 0)
DEFINE_FLOAT(uint8, uint8_t, 0.5f)

/* Rounded half away from zero. */
#define DEFINE_FIXED(name, type) \
	static void mix_##name(const struct place *place, const void *input, void *output) \
	{ \
		int64_t y = place->row->parts, x = place->column->parts; \
		const type *from = input; \
		type *to = output; \
\
		for (size_t c = 0; c < place->channels; c++) { \
			int64_t sum = from[place->top_left + c] * (ONE - y) * (ONE - x) + from[place->bottom_left + c] * y * (ONE - x) + \
				      from[place->top_right + c] * (ONE - y) * x + from[place->bottom_right + c] * y * x; \
\
			to[c] = (type)((sum + (sum > 0 ? ONE * ONE / 2 : -ONE * ONE / 2)) / (ONE * ONE)); \
		} \
	}

DEFINE_FIXED(int8, int8_t)
DEFINE_FIXED(int16, int16_t)

static const struct kind {
	enum tfl_dtype dtype;
	size_t size;
	void (*mix)(const struct place *place, const void *input, void *output);
} kinds[] = {
	{TFL_FLOAT32, 4, mix_float32},
	{TFL_INT8, 1, mix_int8},
	{TFL_UINT8, 1, mix_uint8},
	{TFL_INT16, 2, mix_int16},
};

static void run_picture(const struct params *params, const struct kind *kind, size_t channels, const uint8_t *from, uint8_t *to)
{
	size_t width = (size_t)params->resize.input[1];

	for (int32_t y = 0; y < params->resize.output[0]; y++) {
		struct place place = {.row = &params->taps[0][y], .channels = channels};
		size_t top = (size_t)place.row->low * width, bottom = (size_t)place.row->high * width;

		for (int32_t x = 0; x < params->resize.output[1]; x++, to += channels * kind->size) {
			place.column = &params->taps[1][x];
			place.top_left = (top + (size_t)place.column->low) * channels;
			place.bottom_left = (bottom + (size_t)place.column->low) * channels;
			place.top_right = (top + (size_t)place.column->high) * channels;
			place.bottom_right = (bottom + (size_t)place.column->high) * channels;
			kind->mix(&place, from, to);
		}
	}
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	const struct kind *kind = kinds;

	while (kind->dtype != input->dtype)
		kind++;
	for (int32_t batch = 0; output->elements > 0 && batch < input->dims[0]; batch++) {
		run_picture(node->params, kind, (size_t)input->dims[3], from, to);
		from += input->bytes / (size_t)input->dims[0];
		to += output->bytes / (size_t)input->dims[0];
	}
	return 0;
}

const struct tfl_op tfl_op_resize_bilinear = {
	.code = TFL_BUILTIN_RESIZE_BILINEAR,
	.options = TFL_OPTIONS_RESIZE_BILINEAR,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 4,
	.name = "RESIZE_BILINEAR",
	.types = "fN:f bN:b BN:B sN:s",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
