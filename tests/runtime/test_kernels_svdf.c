/* SPDX-License-Identifier: MIT */
/* SVDF from a state of zeros: of the moments only the newest is there. What comes of the others, test_recurrent.c sees. */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_dynamic.h"
#include "tests/runtime/kernel_rows.h"

enum { X, WEIGHTS, TIME, BIAS, STATE };

static void draw_part(struct kernel_case *c, unsigned input, enum tfl_dtype dtype, unsigned rank, int32_t rows, int32_t columns)
{
	struct kernel_tensor *tensor = &c->inputs[input];

	kernel_draw_tensor(c, tensor, dtype, rank, (int32_t[]){rows, columns});
	tensor->constant = kernel_one_in(c, 2);
	if (input != X)
		tensor->zero_point = 0;
	for (size_t i = 0; dtype == TFL_INT32 && i < tensor->elements; i++)
		kernel_set_integer(tensor, i, kernel_between(c, -2000000, 2000000));
}

/* c->axis: the rank. */
static void draw(struct kernel_case *c)
{
	int32_t batch = kernel_between(c, 1, 3), inputs = kernel_between(c, 1, kernel_one_in(c, 3) ? 30 : 5), moments = kernel_between(c, 1, 6);
	int32_t units = kernel_between(c, 1, 5), rank = c->axis = kernel_between(c, 1, 3), filters = units * rank;
	bool whole = c->type == 'b';
	enum tfl_dtype weights = c->type == 'f' ? TFL_FLOAT32 : c->type == 'd' && kernel_one_in(c, 4) ? TFL_UINT8 : TFL_INT8;

	draw_part(c, X, c->output.dtype, 2, batch, inputs);
	c->inputs[X].constant = false;
	draw_part(c, WEIGHTS, weights, 2, filters, inputs);
	draw_part(c, TIME, whole ? TFL_INT16 : weights, 2, filters, moments);
	draw_part(c, BIAS, whole ? TFL_INT32 : TFL_FLOAT32, 1, units, 0);
	draw_part(c, STATE, whole ? TFL_INT16 : TFL_FLOAT32, 2, batch, filters * moments);
	c->inputs[STATE].constant = false;
	c->inputs[STATE].variable = true;
	c->inputs[BIAS].absent = kernel_one_in(c, 3);
	c->input_count = 5;
	c->asymmetric = kernel_one_in(c, 2);
	c->activation = (int8_t)kernel_between(c, 0, whole ? 1 : 4);
	kernel_draw_quantization(c, &c->output);
	if (whole) {
		/* So that the newest moment fits the state, and the sum the output. */
		c->inputs[STATE].scales[0] = c->inputs[X].scales[0] * c->inputs[WEIGHTS].scales[0] * tfl_random_uniform(&c->random, 0.5f, 4);
		c->output.scales[0] = c->inputs[STATE].scales[0] * c->inputs[TIME].scales[0] * exp2f(tfl_random_uniform(&c->random, 10, 22));
	}
}

static void options(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_SVDF);
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 0, .kind = TFL_BUILD_I32, .integer = c->axis});
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_I8, .integer = c->activation});
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 2, .kind = TFL_BUILD_I8, .integer = c->asymmetric});
}

/* The number that a filter makes of a row of inputs: in integers as the state keeps it. */
static double find_newest(const struct kernel_case *c, size_t row, size_t filter)
{
	const struct kernel_tensor *input = &c->inputs[X], *weights = &c->inputs[WEIGHTS];
	size_t inputs = (size_t)input->dims[1];
	struct kernel_dynamic dynamic = {0};
	double real = 0;
	int64_t whole = 0;
	float factor = input->scales[0] * weights->scales[0] / c->inputs[STATE].scales[0];

	if (c->type == 'd')
		dynamic = kernel_dynamic(input, row * inputs, inputs, c->asymmetric);
	for (size_t i = 0; i < inputs; i++) {
		size_t x = row * inputs + i, w = filter * inputs + i;

		if (c->type == 'f')
			real += kernel_real(input, x) * kernel_real(weights, w);
		else
			whole += ((const int8_t *)weights->data)[w] *
				 (c->type == 'd' ? kernel_dynamic_element(&dynamic, input, x) : kernel_integer(input, x) - input->zero_point);
	}
	if (c->type == 'f')
		return real;
	if (c->type == 'd')
		return (double)((float)whole * ((float)dynamic.scale * weights->scales[0]));
	return kernel_clamp((double)fixed_point_multiply(whole, (double)factor), INT16_MIN, INT16_MAX);
}

static double find_time_weight(const struct kernel_case *c, size_t index)
{
	const struct kernel_tensor *time = &c->inputs[TIME];

	if (c->type == 'f')
		return kernel_real(time, index);
	if (c->type == 'd')
		return (double)(time->scales[0] * (float)((const int8_t *)time->data)[index]);
	return (double)kernel_integer(time, index);
}

static struct kernel_element find_unit(const struct kernel_case *c, size_t row, size_t unit)
{
	static const double low[] = {-INFINITY, 0, -1, 0}, high[] = {INFINITY, INFINITY, 1, 6};
	size_t moments = (size_t)c->inputs[TIME].dims[1], rank = (size_t)c->axis;
	double sum = c->inputs[BIAS].absent ? 0 : kernel_number(&c->inputs[BIAS], unit), magnitude = fabs(sum);

	for (size_t i = 0; i < rank; i++) {
		size_t filter = unit * rank + i;
		double term = find_newest(c, row, filter) * find_time_weight(c, filter * moments + moments - 1);

		sum += term;
		magnitude += fabs(term) + 1;
	}
	if (c->type == 'b') {
		float factor = c->inputs[STATE].scales[0] * c->inputs[TIME].scales[0] / c->output.scales[0];

		sum = (double)fixed_point_multiply((int32_t)(uint32_t)(int64_t)sum, (double)factor) + (double)c->output.zero_point;
		return (struct kernel_element){.value = kernel_clamp(sum, INT8_MIN, INT8_MAX)};
	}
	sum = c->activation == 4 ? tanh(sum) : kernel_clamp(sum, low[c->activation], high[c->activation]);
	return (struct kernel_element){.value = sum, .slack = 3 * KERNEL_FLOAT_ERROR * magnitude};
}

static void refer(const struct kernel_case *c, struct kernel_expected *expected)
{
	size_t units = (size_t)(c->inputs[WEIGHTS].dims[0] / c->axis);
	int32_t dims[] = {c->inputs[X].dims[0], (int32_t)units};

	kernel_expect_shape(expected, 2, dims);
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i] = find_unit(c, i / units, i % units);
}

const struct kernel_row kernel_svdf = {"SVDF", TFL_BUILTIN_SVDF, "fdb", draw, options, refer};
