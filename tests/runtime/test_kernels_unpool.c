/* SPDX-License-Identifier: MIT */
/*
 * MaxPoolingWithArgmax2D and MaxUnpooling2D. The options are kept in c->ints: they are no table that the attacks on windows know.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/runtime/kernel_rows.h"
#include "tests/runtime/kernel_window.h"

/* In the options' order. */
enum { PADDING, STRIDE_W, STRIDE_H, FILTER_W, FILTER_H, ACTIVATION, OPTIONS };

static void draw_options(struct kernel_case *c)
{
	c->window.filter_h = kernel_between(c, 1, 4);
	c->window.filter_w = kernel_between(c, 1, 4);
	kernel_draw_window(c, false);
	memcpy(c->ints,
	       (int32_t[]){c->window.padding + 1, c->window.stride_w, c->window.stride_h, c->window.filter_w, c->window.filter_h, c->activation},
	       OPTIONS * sizeof(*c->ints));
	c->int_count = OPTIONS;
}

static void options(struct kernel_case *c)
{
	memcpy(c->custom_options, c->ints, OPTIONS * sizeof(*c->ints));
	c->custom_options_size = OPTIONS * sizeof(*c->ints);
}

static void draw_pool(struct kernel_case *c)
{
	int32_t dims[4];

	draw_options(c);
	dims[0] = kernel_between(c, 1, 2);
	dims[1] = kernel_draw_extent(c, c->ints[FILTER_H], 1);
	dims[2] = kernel_draw_extent(c, c->ints[FILTER_W], 1);
	dims[3] = kernel_between(c, 1, 5);
	memset(&c->window, 0, sizeof(c->window));
	c->window.padding = (int8_t)(c->ints[PADDING] - 1);
	c->input_count = 1;
	c->output_count = 2;
	c->outputs[1].dtype = TFL_FLOAT32;
	kernel_draw_tensor(c, &c->inputs[0], TFL_FLOAT32, 4, dims);
	kernel_draw_constants(c);
}

/* Of equal elements the first counts; of none that is a number, the first place. */
static double find_greatest(const struct kernel_case *c, const int32_t *at, const int32_t *before, double *ret_place)
{
	const struct kernel_tensor *input = &c->inputs[0];
	double greatest = -(double)FLT_MAX;

	*ret_place = 0;
	for (int32_t place = 0; place < c->ints[FILTER_H] * c->ints[FILTER_W]; place++) {
		int32_t y = at[1] * c->ints[STRIDE_H] - before[0] + place / c->ints[FILTER_W];
		int32_t x = at[2] * c->ints[STRIDE_W] - before[1] + place % c->ints[FILTER_W], from[4] = {at[0], y, x, at[3]};

		if (y < 0 || y >= input->dims[1] || x < 0 || x >= input->dims[2] ||
		    !(kernel_real(input, kernel_ravel(4, input->dims, from)) > greatest))
			continue;
		greatest = kernel_real(input, kernel_ravel(4, input->dims, from));
		*ret_place = place;
	}
	return greatest;
}

static void refer_pool(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t before[2], at[4], dims[4] = {input->dims[0], 0, 0, input->dims[3]};
	double min, max;

	dims[1] = kernel_slide(c, input->dims[1], c->ints[FILTER_H], c->ints[STRIDE_H], 1, &before[0]);
	dims[2] = kernel_slide(c, input->dims[2], c->ints[FILTER_W], c->ints[STRIDE_W], 1, &before[1]);
	kernel_expect_shape(&expected[0], 4, dims);
	kernel_expect_shape(&expected[1], 4, dims);
	kernel_bounds(c, &min, &max);
	for (size_t i = 0; i < expected[0].elements; i++) {
		double place;

		kernel_unravel(i, 4, dims, at);
		expected[0].element[i].value = kernel_clamp(find_greatest(c, at, before, &place), min, max);
		expected[1].element[i].value = (double)((float)place + 0.1f);
	}
}

/* Places of a pooling before it, and now and then one that no window has. */
static void draw_places(struct kernel_case *c, struct kernel_tensor *places)
{
	for (size_t i = 0; i < places->elements; i++) {
		float *place = (float *)places->data + i;

		*place = (float)kernel_between(c, 0, c->ints[FILTER_H] * c->ints[FILTER_W] - 1) + 0.1f;
		if (kernel_one_in(c, 20))
			*place = (float[]){NAN, INFINITY, -INFINITY, 1e20f, -1e20f, -1, 40, 0x1p31f, -0x1p31f}[kernel_between(c, 0, 8)];
	}
}

static void draw_unpool(struct kernel_case *c)
{
	int32_t dims[4] = {kernel_between(c, 1, 2), kernel_between(c, 1, 5), kernel_between(c, 1, 5), kernel_between(c, 1, 4)};

	draw_options(c);
	memset(&c->window, 0, sizeof(c->window));
	if (kernel_one_in(c, 2)) {
		c->ints[STRIDE_H] = c->ints[FILTER_H];
		c->ints[STRIDE_W] = c->ints[FILTER_W];
	}
	c->input_count = 2;
	kernel_draw_tensor(c, &c->inputs[0], TFL_FLOAT32, 4, dims);
	kernel_draw_tensor(c, &c->inputs[1], TFL_FLOAT32, 4, dims);
	draw_places(c, &c->inputs[1]);
	kernel_draw_constants(c);
}

static int32_t padding_before(int32_t input, int32_t filter, int32_t stride)
{
	int32_t missing = (input - 1) * stride + filter - input * filter;

	return missing > 0 ? missing / 2 : 0;
}

static void refer_unpool(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t dims[4] = {input->dims[0], input->dims[1] * c->ints[FILTER_H], input->dims[2] * c->ints[FILTER_W], input->dims[3]};
	int32_t top = padding_before(input->dims[1], c->ints[FILTER_H], c->ints[STRIDE_H]);
	int32_t left = padding_before(input->dims[2], c->ints[FILTER_W], c->ints[STRIDE_W]), at[4];

	kernel_expect_shape(expected, 4, dims);
	for (size_t i = 0; i < input->elements; i++) {
		double place = trunc(kernel_real(&c->inputs[1], i)), row = trunc(place / c->ints[FILTER_W]);
		double y, x;

		kernel_unravel(i, 4, input->dims, at);
		y = at[1] * c->ints[STRIDE_H] - top + row;
		x = at[2] * c->ints[STRIDE_W] - left + place - row * c->ints[FILTER_W];
		if (!(y >= 0 && y < dims[1] && x >= 0 && x < dims[2]))
			continue;
		at[1] = (int32_t)y;
		at[2] = (int32_t)x;
		expected->element[kernel_ravel(4, dims, at)].value = kernel_real(input, i);
	}
}

const struct kernel_row kernel_max_pooling_with_argmax_2d = {"MaxPoolingWithArgmax2D", TFL_BUILTIN_CUSTOM, "f", draw_pool, options, refer_pool};
const struct kernel_row kernel_max_unpooling_2d = {"MaxUnpooling2D", TFL_BUILTIN_CUSTOM, "f", draw_unpool, options, refer_unpool};
