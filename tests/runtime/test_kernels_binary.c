/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of two tensors with numpy's broadcasting. Quantised ADD and SUB bring both sides, shifted left by 20 bits, int16 by 15, to
 * twice the greater scale before they add, SQUARED_DIFFERENCE by 7; MUL multiplies the integers and rescales once. Integers wrap.
 */
#include <math.h>

#include "base/util.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_elementwise.h"
#include "tests/runtime/kernel_rows.h"

static void draw(struct kernel_case *c)
{
	elementwise_draw_broadcast(c, c->output.dtype, 2);
	if (c->output.scale_count && kernel_one_in(c, 4))
		c->output.scales[0] *= exp2f(tfl_random_uniform(&c->random, -10, 12));
	c->xnnpack = c->type == 'f';
}

static void draw_activated(struct kernel_case *c)
{
	draw(c);
	c->activation = (int8_t)(kernel_one_in(c, 2) ? TFL_ACTIVATION_NONE : kernel_between(c, 1, 3));
}

/* Small numbers and an output that shows what is lost of their last bits on the way. */
static void draw_small(struct kernel_case *c)
{
	for (unsigned i = 0; i < 2; i++)
		for (size_t e = 0; e < c->inputs[i].elements; e++)
			((int16_t *)c->inputs[i].data)[e] = (int16_t)(c->inputs[i].zero_point + kernel_between(c, -64, 64));
	c->output.scales[0] = fmaxf(c->inputs[0].scales[0], c->inputs[1].scales[0]) * exp2f(tfl_random_uniform(&c->random, -8, -7));
}

/* int16 with scales that are powers of 2, or others; and whether the options allow shifts alone. */
static void draw_int16(struct kernel_case *c)
{
	c->flag = kernel_one_in(c, 2);
	if (c->type == 's' && kernel_one_in(c, 3))
		draw_small(c);
	if (c->type != 's' || !kernel_one_in(c, 2))
		return;
	elementwise_make_symmetric(c);
	c->output.scales[0] = exp2f((float)kernel_between(c, -14, -6));
	c->inputs[0].scales[0] = c->inputs[1].scales[0] = c->output.scales[0];
	if (kernel_one_in(c, 2))
		c->inputs[kernel_between(c, 0, 1)].scales[0] *= exp2f((float)kernel_between(c, -9, 2));
}

static void make_raw(struct kernel_case *c)
{
	if (c->type == 's' && kernel_one_in(c, 4))
		c->inputs[0].scale_count = c->inputs[1].scale_count = c->output.scale_count = 0;
}

/* XNNPACK's limits: each input scale is 2^-10 to 2^8 times the output's. */
static void draw_sum(struct kernel_case *c)
{
	draw_activated(c);
	draw_int16(c);
	c->xnnpack |= kernel_is_byte(c->output.dtype);
	for (unsigned i = 0; i < 2 && kernel_is_byte(c->output.dtype); i++) {
		double ratio = kernel_scale(&c->inputs[i], 0) / kernel_scale(&c->output, 0);

		c->xnnpack &= ratio >= exp2(-10) && ratio < exp2(8);
	}
}

/* Of bytes, the file may call the output float32. */
static void draw_add(struct kernel_case *c)
{
	draw_sum(c);
	make_raw(c);
	c->misnamed = kernel_is_byte(c->output.dtype) && kernel_one_in(c, 6);
}

static double product_of_scales(const struct kernel_case *c)
{
	return (double)(c->inputs[0].scales[0] * c->inputs[1].scales[0] / c->output.scales[0]);
}

/* The product of the scales is 2^-16 to 2^8 times the output's. */
static void draw_mul(struct kernel_case *c)
{
	draw_activated(c);
	if (c->output.scale_count)
		c->output.scales[0] = c->inputs[0].scales[0] * c->inputs[1].scales[0] * exp2f(tfl_random_uniform(&c->random, -3, 18));
	if (c->type == 's')
		elementwise_make_symmetric(c);
	if (kernel_is_byte(c->output.dtype))
		c->xnnpack = product_of_scales(c) >= exp2(-16) && product_of_scales(c) < exp2(8);
	make_raw(c);
}

static void options_add(struct kernel_case *c)
{
	c->options = tfl_options_add(c->activation);
	if (c->flag)
		tfl_options_add_pot_scale_int16(&c->options, false);
}

static void options_sub(struct kernel_case *c)
{
	c->options = tfl_options_sub(c->activation);
	if (c->flag)
		tfl_options_add_pot_scale_int16(&c->options, false);
}

static void options_mul(struct kernel_case *c)
{
	c->options = tfl_options_mul(c->activation);
}

static void options_div(struct kernel_case *c)
{
	c->options = tfl_options_div(c->activation);
}

static bool is_quantized(const struct kernel_case *c)
{
	return kernel_is_byte(c->output.dtype) || (c->output.dtype == TFL_INT16 && c->output.scale_count > 0);
}

static unsigned bits_of(const struct kernel_case *c)
{
	return c->type == 's' ? 16 : c->type == 'i' ? 32 : 64;
}

/* How far a scale is from a power of 2, and which one. */
static bool power_of_2(const struct kernel_tensor *tensor, double *ret_exponent)
{
	double exponent = log2(kernel_scale(tensor, 0));

	*ret_exponent = round(exponent);
	return tensor->zero_point == 0 && fabs(exponent - *ret_exponent) < 1e-3;
}

/* Halves away from zero. */
static double shifted(int64_t value, double places)
{
	return copysign(floor(fabs((double)value) * exp2(places) + 0.5), (double)value);
}

/* A sum or difference by shifts alone, where it is one; the options and the scales decide that. */
static bool shifts_alone(const struct kernel_case *c, size_t l, size_t r, int sign, double *ret_value)
{
	double left, right, output, value;

	if (c->type != 's' || c->flag || c->options.type == 0 || !power_of_2(&c->inputs[0], &left) || !power_of_2(&c->inputs[1], &right) ||
	    !power_of_2(&c->output, &output))
		return false;
	left -= output;
	right -= output;
	if (left > 0 || right > 0 || (left < 0 && right < 0))
		return false;
	value = shifted(kernel_integer(&c->inputs[0], l), left) + sign * shifted(kernel_integer(&c->inputs[1], r), right);
	*ret_value = kernel_clamp(value, INT16_MIN, INT16_MAX);
	return true;
}

static struct kernel_element sum(const struct kernel_case *c, const size_t *index, int sign)
{
	const struct kernel_tensor *left = &c->inputs[0], *right = &c->inputs[1];
	double twice = 2 * fmax(kernel_scale(left, 0), kernel_scale(right, 0)), shift = c->type == 's' ? exp2(15) : exp2(20), value;
	int64_t scaled;

	if (c->type == 'f') {
		double a = kernel_real(left, index[0]), b = kernel_real(right, index[1]);

		return (struct kernel_element){a + sign * b, KERNEL_FLOAT_ERROR * (fabs(a) + fabs(b))};
	}
	if (!is_quantized(c))
		return (struct kernel_element){
			elementwise_wrapped(kernel_integer(left, index[0]) + sign * kernel_integer(right, index[1]), bits_of(c)), 0};
	if (shifts_alone(c, index[0], index[1], sign, &value))
		return (struct kernel_element){value, 0};
	scaled = fixed_point_multiply(elementwise_centred(left, index[0]) * (int64_t)shift, kernel_scale(left, 0) / twice) +
		 sign * fixed_point_multiply(elementwise_centred(right, index[1]) * (int64_t)shift, kernel_scale(right, 0) / twice);
	return elementwise_rescaled(c, scaled, twice / (shift * kernel_scale(&c->output, 0)));
}

static struct kernel_element add(const struct kernel_case *c, const size_t *index)
{
	return sum(c, index, 1);
}

/* The right side's negative multiplier rounds halves upwards as well: the difference of one is seen in the last of 20 bits only. */
static struct kernel_element sub(const struct kernel_case *c, const size_t *index)
{
	return sum(c, index, -1);
}

static struct kernel_element mul(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *left = &c->inputs[0], *right = &c->inputs[1];
	double product = kernel_real(left, index[0]) * kernel_real(right, index[1]);
	uint64_t wide;

	if (c->type == 'f')
		return (struct kernel_element){product, KERNEL_FLOAT_ERROR * fabs(product)};
	if (is_quantized(c))
		return elementwise_rescaled(c, elementwise_centred(left, index[0]) * elementwise_centred(right, index[1]),
					    product_of_scales(c));
	wide = (uint64_t)kernel_integer(left, index[0]) * (uint64_t)kernel_integer(right, index[1]);
	return (struct kernel_element){elementwise_wrapped((int64_t)wide, bits_of(c)), 0};
}

static void draw_div(struct kernel_case *c)
{
	draw_activated(c);
	if (kernel_is_byte(c->output.dtype))
		c->output.scales[0] = exp2f(tfl_random_uniform(&c->random, -6, 2));
	if (c->type == 'i' && kernel_one_in(c, 2))
		elementwise_draw_integers(c, &c->inputs[1], -2, 2);
}

static struct kernel_element divide(const struct kernel_case *c, const size_t *index)
{
	double a = kernel_real(&c->inputs[0], index[0]), b = kernel_real(&c->inputs[1], index[1]);

	if (c->type == 'f')
		return (struct kernel_element){a / b, KERNEL_FLOAT_ERROR * fabs(a / b)};
	if (c->type == 'i')
		return (struct kernel_element){b == 0 ? 0 : elementwise_wrapped((int64_t)(a / b), 32), 0};
	if (a == 0)
		return kernel_from_real(c, 0, 0);
	return kernel_from_real(c, b == 0 ? copysign(1e30, a) : a / b, fabs(a / b));
}

static void draw_squared_difference(struct kernel_case *c)
{
	draw(c);
	if (c->output.scale_count)
		c->output.scales[0] = exp2f(tfl_random_uniform(&c->random, -8, 4));
}

static struct kernel_element squared_difference(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *left = &c->inputs[0], *right = &c->inputs[1];
	double twice = 2 * fmax(kernel_scale(left, 0), kernel_scale(right, 0));
	double real = kernel_real(left, index[0]) - kernel_real(right, index[1]);
	int64_t difference;

	if (c->type == 'f')
		return (struct kernel_element){real * real, KERNEL_FLOAT_ERROR * fmax(real * real, 1)};
	if (c->type == 'i') {
		difference = (int64_t)elementwise_wrapped(kernel_integer(left, index[0]) - kernel_integer(right, index[1]), 32);
		return (struct kernel_element){elementwise_wrapped(difference * difference, 32), 0};
	}
	difference = fixed_point_multiply(elementwise_centred(left, index[0]) * 128, kernel_scale(left, 0) / twice) -
		     fixed_point_multiply(elementwise_centred(right, index[1]) * 128, kernel_scale(right, 0) / twice);
	return elementwise_rescaled(c, difference * difference, twice * twice / (16384 * kernel_scale(&c->output, 0)));
}

/* Elements are compared as they are, whatever their scales. */
static struct kernel_element minimum(const struct kernel_case *c, const size_t *index)
{
	return (struct kernel_element){fmin(kernel_number(&c->inputs[0], index[0]), kernel_number(&c->inputs[1], index[1])), 0};
}

static struct kernel_element maximum(const struct kernel_case *c, const size_t *index)
{
	return (struct kernel_element){fmax(kernel_number(&c->inputs[0], index[0]), kernel_number(&c->inputs[1], index[1])), 0};
}

/* Many divisors of 0 and -1. */
static void draw_floor(struct kernel_case *c)
{
	draw(c);
	c->xnnpack = false;
	if ((c->type == 'i' || c->type == 'l') && kernel_one_in(c, 2))
		elementwise_draw_integers(c, &c->inputs[1], -3, 3);
}

static struct kernel_element floor_div(const struct kernel_case *c, const size_t *index)
{
	double a = kernel_number(&c->inputs[0], index[0]), b = kernel_number(&c->inputs[1], index[1]);
	unsigned bits = 8 * (unsigned)(c->type == 'b' ? 1 : c->type == 's' ? 2 : 4);

	if (c->type == 'f')
		return (struct kernel_element){floor(a / b), 0};
	return (struct kernel_element){b == 0 ? 0 : elementwise_wrapped((int64_t)floor(a / b), bits), 0};
}

static struct kernel_element floor_mod(const struct kernel_case *c, const size_t *index)
{
	double a = kernel_number(&c->inputs[0], index[0]), b = kernel_number(&c->inputs[1], index[1]), rest = fmod(a, b);

	if (c->type != 'f' && b == 0)
		return (struct kernel_element){0, 0};
	return (struct kernel_element){rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest,
				       c->type == 'f' ? KERNEL_FLOAT_ERROR * fabs(b) : 0};
}

static void draw_pow(struct kernel_case *c)
{
	draw(c);
	if (c->type != 'i')
		return;
	elementwise_draw_integers(c, &c->inputs[0], -12, 12);
	elementwise_draw_integers(c, &c->inputs[1], -3, 14);
}

static int64_t int32_power(int64_t base, uint32_t exponent)
{
	int64_t half = exponent < 2 ? 1 : int32_power(base, exponent / 2), square = (int64_t)elementwise_wrapped(half * half, 32);

	return exponent % 2 ? (int64_t)elementwise_wrapped(square * base, 32) : square;
}

static struct kernel_element power(const struct kernel_case *c, const size_t *index)
{
	double a = kernel_real(&c->inputs[0], index[0]), b = kernel_real(&c->inputs[1], index[1]), value = pow(a, b);

	if (c->type == 'f')
		return (struct kernel_element){value, KERNEL_FLOAT_ERROR * fmax(fabs(value), 1)};
	if (b < 0)
		return (struct kernel_element){a == 0 ? 0 : trunc(value), 0};
	return (struct kernel_element){(double)int32_power((int64_t)a, (uint32_t)b), 0};
}

static struct kernel_element angle(const struct kernel_case *c, const size_t *index)
{
	return (struct kernel_element){atan2(kernel_real(&c->inputs[0], index[0]), kernel_real(&c->inputs[1], index[1])),
				       4 * KERNEL_FLOAT_ERROR};
}

#define REFERENCE(name) \
	static void refer_##name(const struct kernel_case *c, struct kernel_expected *expected) \
	{ \
		elementwise_refer(c, expected, name); \
	}

REFERENCE(add)
REFERENCE(angle)
REFERENCE(divide)
REFERENCE(floor_div)
REFERENCE(floor_mod)
REFERENCE(maximum)
REFERENCE(minimum)
REFERENCE(mul)
REFERENCE(power)
REFERENCE(squared_difference)
REFERENCE(sub)

const struct kernel_row kernel_add = {"ADD", TFL_BUILTIN_ADD, "fbBsil", draw_add, options_add, refer_add};
const struct kernel_row kernel_atan2 = {"ATAN2", TFL_BUILTIN_ATAN2, "f", draw, NULL, refer_angle};
const struct kernel_row kernel_div = {"DIV", TFL_BUILTIN_DIV, "fbBi", draw_div, options_div, refer_divide};
const struct kernel_row kernel_floor_div = {"FLOOR_DIV", TFL_BUILTIN_FLOOR_DIV, "fbsi", draw_floor, NULL, refer_floor_div};
const struct kernel_row kernel_floor_mod = {"FLOOR_MOD", TFL_BUILTIN_FLOOR_MOD, "fbsil", draw_floor, NULL, refer_floor_mod};
const struct kernel_row kernel_maximum = {"MAXIMUM", TFL_BUILTIN_MAXIMUM, "fbBsil", draw, NULL, refer_maximum};
const struct kernel_row kernel_minimum = {"MINIMUM", TFL_BUILTIN_MINIMUM, "fbBsil", draw, NULL, refer_minimum};
const struct kernel_row kernel_mul = {"MUL", TFL_BUILTIN_MUL, "fbBsil", draw_mul, options_mul, refer_mul};
const struct kernel_row kernel_pow = {"POW", TFL_BUILTIN_POW, "fi", draw_pow, NULL, refer_power};
const struct kernel_row kernel_squared_difference = {"SQUARED_DIFFERENCE", TFL_BUILTIN_SQUARED_DIFFERENCE, "fbi",
						     draw_squared_difference, NULL, refer_squared_difference};
const struct kernel_row kernel_sub = {"SUB", TFL_BUILTIN_SUB, "fbBsil", draw_sum, options_sub, refer_sub};
