/* SPDX-License-Identifier: MIT */
/*
 * RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR. An output coordinate is one of the input times the ratio of the sizes; with corners aligned
 * of the sizes less one, with half-pixel centres of the middle of pixels. Nearest: in float32, whose rounding decides. Bilinear: real
 * numbers for float32 and uint8; int8 and int16 have positions in 1/1024, to which the ratio is rounded.
 */
#include <math.h>

#include "base/util.h"
#include "tests/runtime/kernel_rows.h"

enum { PLAIN, ALIGNED, HALF, BOTH };

static void draw(struct kernel_case *c, int32_t modes)
{
	int32_t dims[4] = {kernel_between(c, 1, 2), kernel_between(c, 1, 12), kernel_between(c, 1, 12)};

	dims[3] = kernel_between(c, 1, kernel_one_in(c, 3) ? 40 : 4);
	kernel_draw_tensor(c, &c->inputs[0], c->output.dtype, 4, dims);
	kernel_copy_quantization(&c->output, &c->inputs[0]);
	for (c->int_count = 0; c->int_count < 2; c->int_count++)
		c->ints[c->int_count] = kernel_one_in(c, 4) ? dims[1 + c->int_count] * kernel_between(c, 1, 3) : kernel_between(c, 1, 25);
	kernel_draw_ints(c, &c->inputs[1], 1);
	c->input_count = 2;
	c->inputs[0].constant = kernel_one_in(c, 8);
	c->axis = kernel_between(c, 0, modes - 1);
}

static void draw_nearest(struct kernel_case *c)
{
	draw(c, 4);
}

static void options_nearest(struct kernel_case *c)
{
	c->options = tfl_options_resize_nearest_neighbor(c->axis == ALIGNED || c->axis == BOTH, c->axis == HALF || c->axis == BOTH);
}

static void draw_bilinear(struct kernel_case *c)
{
	draw(c, 3);
	c->xnnpack = c->type != 's';
}

static void options_bilinear(struct kernel_case *c)
{
	c->options = tfl_options_resize_bilinear(c->axis == ALIGNED, c->axis == HALF);
}

static bool is_aligned(const struct kernel_case *c, unsigned dim)
{
	return (c->axis == ALIGNED || c->axis == BOTH) && c->ints[dim - 1] > 1;
}

static void expect_shape(const struct kernel_case *c, struct kernel_expected *expected)
{
	const int32_t *dims = c->inputs[0].dims;

	kernel_expect_shape(expected, 4, TFL_INTS(dims[0], c->ints[0], c->ints[1], dims[3]).values);
}

static int32_t inside(double position, int32_t size)
{
	return position < 0 ? 0 : position > size - 1 ? size - 1 : (int32_t)position;
}

static int32_t nearest(const struct kernel_case *c, unsigned dim, int32_t at)
{
	int32_t size = c->inputs[0].dims[dim], less = is_aligned(c, dim);
	float ratio = (float)(size - less) / (float)(c->ints[dim - 1] - less);
	float position = ((float)at + (c->axis == HALF || c->axis == BOTH ? 0.5f : 0)) * ratio;

	return inside(floor((double)position + (c->axis == ALIGNED || c->axis == BOTH ? 0.5 : 0)), size);
}

static void refer_nearest(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t at[4];

	expect_shape(c, expected);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, 4, expected->dims, at);
		at[1] = nearest(c, 1, at[1]);
		at[2] = nearest(c, 2, at[2]);
		if (input->dtype == TFL_FLOAT32)
			expected->element[i].value = kernel_real(input, kernel_ravel(4, input->dims, at));
		else
			expected->element[i].value = kernel_number(input, kernel_ravel(4, input->dims, at));
	}
}

/* Position along a dimension in pixels, exactly or in the steps of the fixed-point definition. */
static double position(const struct kernel_case *c, unsigned dim, int32_t at, bool fixed)
{
	int32_t less = is_aligned(c, dim), input = c->inputs[0].dims[dim] - less, output = c->ints[dim - 1] - less;
	double ratio = (double)input / output;

	if (!fixed)
		return c->axis == HALF ? (at + 0.5) * ratio - 0.5 : at * ratio;
	ratio = floor(ratio * 1024 + 0.5);
	return (at * ratio + (c->axis == HALF ? floor(ratio / 2) - 512 : 0)) / 1024;
}

/* The mean of four neighbours, and of their magnitudes. Row and column cost one walk over the corners. */
static double mix(const struct kernel_case *c, const int32_t *at, bool fixed, double *ret_magnitude)
{
	const struct kernel_tensor *input = &c->inputs[0];
	double sum = 0;

	*ret_magnitude = 0;
	for (unsigned corner = 0; corner < 4; corner++) {
		int32_t from[4] = {at[0], 0, 0, at[3]};
		double weight = 1, value;

		for (unsigned dim = 1; dim < 3; dim++) {
			double exact = position(c, dim, at[dim], fixed), low;

			/* Beyond the edge the edge goes on. */
			exact = exact < 0 ? 0 : exact > input->dims[dim] - 1 ? input->dims[dim] - 1 : exact;
			low = floor(exact);
			from[dim] = inside(corner >> (dim - 1) & 1 ? low + 1 : low, input->dims[dim]);
			weight *= corner >> (dim - 1) & 1 ? exact - low : 1 - (exact - low);
		}
		value = kernel_number(input, kernel_ravel(4, input->dims, from));
		sum += weight * value;
		*ret_magnitude += fabs(value);
	}
	return sum;
}

static void refer_bilinear(const struct kernel_case *c, struct kernel_expected *expected)
{
	bool fixed = c->type == 'b' || c->type == 's';
	int32_t at[4];

	expect_shape(c, expected);
	for (size_t i = 0; i < expected->elements; i++) {
		struct kernel_element *element = &expected->element[i];
		double magnitude, real;

		kernel_unravel(i, 4, expected->dims, at);
		real = mix(c, at, false, &magnitude);
		if (!fixed) {
			*element = (struct kernel_element){real, (c->type == 'f' ? 0 : KERNEL_ROUNDED) + KERNEL_FLOAT_ERROR * magnitude};
			continue;
		}
		element->value = round(mix(c, at, true, &magnitude));
		/* XNNPACK knows positions better, and weights in 1/2048. */
		element->loose = fabs(element->value - real) + 1;
	}
}

const struct kernel_row kernel_resize_bilinear = {"RESIZE_BILINEAR", TFL_BUILTIN_RESIZE_BILINEAR, "fbBs", draw_bilinear, options_bilinear,
						  refer_bilinear, .alike = 8};
const struct kernel_row kernel_resize_nearest_neighbor = {
	"RESIZE_NEAREST_NEIGHBOR", TFL_BUILTIN_RESIZE_NEAREST_NEIGHBOR, "fhbBsilz", draw_nearest, options_nearest, refer_nearest};
