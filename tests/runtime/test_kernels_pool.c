/* SPDX-License-Identifier: MIT */
/*
 * AVERAGE_POOL_2D, L2_POOL_2D and MAX_POOL_2D. Padding takes no part. Quantised: input and output have one scale, the mean of the integers
 * is rounded half away from zero.
 */
#include <math.h>

#include "base/util.h"
#include "tests/runtime/kernel_rows.h"
#include "tests/runtime/kernel_window.h"

static void draw(struct kernel_case *c)
{
	struct tfl_build_window *window = &c->window;
	int32_t dims[4];

	window->filter_h = kernel_between(c, 1, 5);
	window->filter_w = kernel_one_in(c, 2) ? window->filter_h : kernel_between(c, 1, 5);
	kernel_draw_window(c, false);
	dims[0] = kernel_between(c, 1, 2);
	dims[1] = kernel_draw_extent(c, window->filter_h, 1);
	dims[2] = kernel_draw_extent(c, window->filter_w, 1);
	dims[3] = kernel_between(c, 1, kernel_one_in(c, 3) ? 40 : 6);
	c->input_count = 1;
	kernel_draw_tensor(c, &c->inputs[0], c->output.dtype, 4, dims);
	kernel_copy_quantization(&c->output, &c->inputs[0]);
	kernel_draw_constants(c);
}

static void options(struct kernel_case *c)
{
	c->options = tfl_options_pool_2d(&c->window);
}

static void draw_average(struct kernel_case *c)
{
	draw(c);
	c->xnnpack = c->type == 'f';
}

static void draw_max(struct kernel_case *c)
{
	draw(c);
	/* XNNPACK's maximum is over more than one element and skips none. */
	c->xnnpack = c->type != 's' && c->window.filter_h * c->window.filter_w > 1 && c->window.stride_h <= c->window.filter_h &&
		     c->window.stride_w <= c->window.filter_w;
}

/* Sum, count and greatest of a window. */
struct window_sum {
	double sum, squares, magnitude, greatest;
	int32_t count;
};

static struct window_sum walk(const struct kernel_case *c, const int32_t *at, const int32_t *before)
{
	const struct kernel_tensor *input = &c->inputs[0];
	struct window_sum result = {.greatest = -INFINITY};

	for (int32_t ky = 0; ky < c->window.filter_h; ky++) {
		for (int32_t kx = 0; kx < c->window.filter_w; kx++) {
			int64_t y = (int64_t)at[1] * c->window.stride_h + ky - before[0], x = (int64_t)at[2] * c->window.stride_w + kx - before[1];
			int32_t from[4] = {at[0], (int32_t)y, (int32_t)x, at[3]};
			double value;

			if (y < 0 || y >= input->dims[1] || x < 0 || x >= input->dims[2])
				continue;
			value = kernel_number(input, kernel_ravel(4, input->dims, from));
			result.sum += value;
			result.squares += value * value;
			result.magnitude += fabs(value);
			result.greatest = fmax(result.greatest, value);
			result.count++;
		}
	}
	return result;
}

typedef struct kernel_element (*pool_function)(const struct kernel_case *c, const struct window_sum *window);

static void refer(const struct kernel_case *c, struct kernel_expected *expected, pool_function pool)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t before[2], at[4], dims[4];
	double min, max;

	dims[0] = input->dims[0];
	dims[1] = kernel_slide(c, input->dims[1], c->window.filter_h, c->window.stride_h, 1, &before[0]);
	dims[2] = kernel_slide(c, input->dims[2], c->window.filter_w, c->window.stride_w, 1, &before[1]);
	dims[3] = input->dims[3];
	kernel_bounds(c, &min, &max);
	kernel_expect_shape(expected, 4, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		struct window_sum window;

		kernel_unravel(i, 4, dims, at);
		window = walk(c, at, before);
		expected->element[i] = pool(c, &window);
		expected->element[i].value = kernel_clamp(expected->element[i].value, min, max);
	}
}

static struct kernel_element average(const struct kernel_case *c, const struct window_sum *window)
{
	double mean = window->sum / window->count;

	if (c->type != 'f')
		return (struct kernel_element){.value = round(mean)};
	return (struct kernel_element){.value = mean, .slack = KERNEL_FLOAT_ERROR * window->magnitude / window->count};
}

static struct kernel_element greatest(const struct kernel_case *c, const struct window_sum *window)
{
	return (struct kernel_element){.value = window->greatest};
}

static struct kernel_element length(const struct kernel_case *c, const struct window_sum *window)
{
	double root = sqrt(window->squares / window->count);

	return (struct kernel_element){.value = root, .slack = KERNEL_FLOAT_ERROR * root};
}

static void refer_average(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, average);
}

static void refer_max(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, greatest);
}

static void refer_l2(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, length);
}

const struct kernel_row kernel_average_pool_2d = {"AVERAGE_POOL_2D", TFL_BUILTIN_AVERAGE_POOL_2D, "fbBs", draw_average, options, refer_average};
const struct kernel_row kernel_max_pool_2d = {"MAX_POOL_2D", TFL_BUILTIN_MAX_POOL_2D, "fbBs", draw_max, options, refer_max};
const struct kernel_row kernel_l2_pool_2d = {"L2_POOL_2D", TFL_BUILTIN_L2_POOL_2D, "f", draw, options, refer_l2};
