/* SPDX-License-Identifier: MIT */
/*
 * Resampling is separable: each axis has a table that says, for each target position, which source positions count and by how much.
 * The weights of one target position sum to 1. Rows are done first into an intermediate of height x target width, columns second;
 * channels are converted on the way in, so that gray pictures cost one channel.
 */
#include "client/picture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* Target position i is the sum of weights[i * taps + k] * source[first[i] + k] over k < taps; first[i] + taps never passes the end. */
struct axis {
	uint32_t taps;
	uint32_t *first;
	float *weights;
};

static void axis_finish(struct axis *axis)
{
	free(axis->first);
	free(axis->weights);
}

/* Overlap of the source pixel [s, s + 1) with the target's area, as a share of that area. */
static void area_weights(struct axis *axis, uint32_t i, uint32_t source, double scale)
{
	double begin = i * scale, end = (i + 1) * scale;
	uint32_t first = (uint32_t)begin;

	if (first + axis->taps > source)
		first = source - axis->taps;
	axis->first[i] = first;
	for (uint32_t k = 0; k < axis->taps; k++) {
		double overlap = fmin(first + k + 1.0, end) - fmax(first + k, begin);

		axis->weights[(size_t)i * axis->taps + k] = overlap > 0 ? (float)(overlap / scale) : 0;
	}
}

/* Between the two pixel centres around the target's centre. */
static void linear_weights(struct axis *axis, uint32_t i, uint32_t source, double scale)
{
	double centre = fmin(fmax((i + 0.5) * scale - 0.5, 0), source - 1.0);
	uint32_t first = (uint32_t)centre;

	if (first + axis->taps > source)
		first = source - axis->taps;
	axis->first[i] = first;
	for (uint32_t k = 0; k < axis->taps; k++)
		axis->weights[(size_t)i * axis->taps + k] = (float)fmax(0, 1 - fabs(centre - (first + k)));
}

static int axis_init(struct axis *axis, uint32_t source, uint32_t target)
{
	double scale = (double)source / target;
	bool shrinks = source > target;

	axis->taps = shrinks ? (uint32_t)ceil(scale) + 1 : 2;
	if (axis->taps > source)
		axis->taps = source;
	axis->first = calloc(target, sizeof(*axis->first));
	axis->weights = calloc((size_t)target * axis->taps, sizeof(*axis->weights));
	if (!axis->first || !axis->weights)
		return -ENOMEM;
	for (uint32_t i = 0; i < target; i++) {
		if (shrinks)
			area_weights(axis, i, source, scale);
		else
			linear_weights(axis, i, source, scale);
	}
	return 0;
}

/* One row of the picture with the wanted channels, as floats. */
static void convert_row(const struct tfl_picture *picture, uint32_t y, uint32_t channels, float *row)
{
	const uint8_t *from = picture->pixels + (size_t)y * picture->width * picture->channels;

	if (channels == picture->channels) {
		for (size_t i = 0; i < (size_t)picture->width * channels; i++)
			row[i] = from[i];
	} else if (channels == 1) {
		for (size_t x = 0; x < picture->width; x++)
			row[x] = 0.299f * from[3 * x] + 0.587f * from[3 * x + 1] + 0.114f * from[3 * x + 2];
	} else {
		for (size_t x = 0; x < picture->width; x++)
			row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = from[x];
	}
}

static void resample_row(const struct axis *axis, const float *row, uint32_t width, uint32_t channels, float *ret_row)
{
	for (uint32_t x = 0; x < width; x++) {
		const float *weights = axis->weights + (size_t)x * axis->taps;

		for (uint32_t c = 0; c < channels; c++) {
			const float *from = row + (size_t)axis->first[x] * channels + c;
			float sum = 0;

			for (uint32_t k = 0; k < axis->taps; k++)
				sum += weights[k] * from[(size_t)k * channels];
			ret_row[(size_t)x * channels + c] = sum;
		}
	}
}

static void resample_columns(const struct axis *axis, const float *rows, uint32_t height, size_t stride, float *ret_values)
{
	memset(ret_values, 0, height * stride * sizeof(*ret_values));
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t k = 0; k < axis->taps; k++) {
			const float *from = rows + (axis->first[y] + k) * stride;
			float weight = axis->weights[(size_t)y * axis->taps + k];

			for (size_t i = 0; i < stride; i++)
				ret_values[y * stride + i] += weight * from[i];
		}
	}
}

int tfl_picture_fit(const struct tfl_picture *picture, uint32_t width, uint32_t height, uint32_t channels, float *ret_values)
{
	TFL_CLEANUP(axis_finish) struct axis across = {0}, down = {0};
	_tfl_free_ float *row = NULL, *rows = NULL;
	size_t stride = (size_t)width * channels;
	int r;

	if (width == 0 || height == 0 || (channels != 1 && channels != 3))
		return -EINVAL;
	r = axis_init(&across, picture->width, width);
	if (r == 0)
		r = axis_init(&down, picture->height, height);
	if (r < 0)
		return r;
	row = malloc((size_t)picture->width * channels * sizeof(*row));
	rows = malloc(picture->height * stride * sizeof(*rows));
	if (!row || !rows)
		return -ENOMEM;
	for (uint32_t y = 0; y < picture->height; y++) {
		convert_row(picture, y, channels, row);
		resample_row(&across, row, width, channels, rows + y * stride);
	}
	resample_columns(&down, rows, height, stride, ret_values);
	return 0;
}

static bool is_raw(const struct tfl_picture_norm *how, enum tfl_dtype dtype)
{
	return how->norm == TFL_NORM_RAW || (how->norm == TFL_NORM_AUTO && (dtype == TFL_UINT8 || dtype == TFL_INT8));
}

enum tfl_dtype tfl_picture_element(const struct tfl_picture_norm *how, enum tfl_dtype dtype)
{
	return is_raw(how, dtype) && (dtype == TFL_UINT8 || dtype == TFL_INT8) ? dtype : TFL_FLOAT32;
}

static void to_bytes(const float *values, size_t count, long offset, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < count; i++) {
		long rounded = lrintf(values[i]);

		ret_bytes[i] = (uint8_t)((rounded < 0 ? 0 : rounded > 255 ? 255 : rounded) - offset);
	}
}

void tfl_picture_normalize(const struct tfl_picture_norm *how, enum tfl_dtype dtype, uint32_t channels, const float *values, size_t count,
			   void *ret_elements)
{
	struct tfl_picture_norm affine = *how;
	float *elements = ret_elements;

	if (tfl_picture_element(how, dtype) != TFL_FLOAT32) {
		to_bytes(values, count, dtype == TFL_INT8 ? 128 : 0, ret_elements);
		return;
	}
	if (affine.norm == TFL_NORM_AUTO)
		affine.norm = is_raw(how, dtype) ? TFL_NORM_RAW : channels == 1 ? TFL_NORM_UNIT : TFL_NORM_SIGNED;
	for (unsigned c = 0; c < 3 && affine.norm != TFL_NORM_MEAN; c++) {
		affine.mean[c] = affine.norm == TFL_NORM_SIGNED ? 127.5f : 0;
		affine.std[c] = affine.norm == TFL_NORM_SIGNED ? 127.5f : affine.norm == TFL_NORM_UNIT ? 255.0f : 1.0f;
	}
	for (size_t i = 0; i < count; i++)
		elements[i] = (values[i] - affine.mean[i % channels]) / affine.std[i % channels];
}
