/* SPDX-License-Identifier: MIT */
/*
 * Elementwise functions of one tensor that are functions of real numbers. On quantised bytes a function is that of the numbers they stand
 * for, rounded to the output's step. On quantised int16 it is looked up: EXP, LOG and RSQRT between 513 values of the function, TANH and
 * LOGISTIC between 256.
 */
#include <math.h>

#include "tests/runtime/kernel_elementwise.h"
#include "tests/runtime/kernel_rows.h"

#define STEPS 512
#define INT16_STEPS 32768.0

/* Of the operators here XNNPACK runs nearly all in float32, and those with a table of their own for bytes. */
static void draw(struct kernel_case *c)
{
	elementwise_draw_unary(c, c->output.dtype);
	c->xnnpack = c->type == 'f' || kernel_is_byte(c->output.dtype);
	if (c->type == 's')
		elementwise_make_symmetric(c);
}

static void draw_bounded(struct kernel_case *c)
{
	draw(c);
	/* TensorFlow Lite's converter gives every quantised LOGISTIC this output. */
	if (kernel_is_byte(c->output.dtype) && !kernel_one_in(c, 4)) {
		c->output.scales[0] = 1 / 256.0f;
		c->output.zero_point = c->type == 'b' ? -128 : 0;
	}
	if (c->type == 's') {
		c->output.scales[0] = 1 / 32768.0f;
		c->inputs[0].scales[0] = exp2f(kernel_one_in(c, 2) ? (float)kernel_between(c, -13, -10)
								   : tfl_random_uniform(&c->random, -20, 4));
	}
}

/* Not in XNNPACK where quantised: its way with numbers that have no such function is another. */
static void draw_partial(struct kernel_case *c)
{
	draw(c);
	c->xnnpack = c->type == 'f';
	if (c->type == 's')
		c->inputs[0].scales[0] = exp2f(tfl_random_uniform(&c->random, -14, -8));
}

static void draw_root(struct kernel_case *c)
{
	draw_partial(c);
	c->xnnpack = false;
}

/* XNNPACK's logarithm of NaN is a number on ARM. */
static void draw_log(struct kernel_case *c)
{
	draw_partial(c);
#ifdef __aarch64__
	c->xnnpack = false;
#endif
}

static void draw_exp(struct kernel_case *c)
{
	draw(c);
	if (c->type == 's')
		c->inputs[0].scales[0] = exp2f(tfl_random_uniform(&c->random, -15, -12));
}

static void draw_gelu(struct kernel_case *c)
{
	draw(c);
	c->flag = kernel_one_in(c, 2);
	c->xnnpack &= !c->flag;
}

/* What a function gives that means the least, or with the other sign the greatest, number that the output holds. */
#define LEAST -1e300

/* A function in steps of the output, rounded, and no further from 0 than anything that saturates. */
static double sample(const struct kernel_case *c, double (*function)(double x), double x)
{
	double value = function(x);

	if (fabs(value) == -LEAST)
		return value < 0 ? -INT16_STEPS : INT16_STEPS - 1;
	return kernel_clamp(round(value / kernel_scale(&c->output, 0)), -exp2(30), exp2(30));
}

/*
 * Between two entries of the table, which is 128 elements away from the next. The runtime's table is made in single precision, so that an
 * entry may be off by one here and there.
 */
static void refer_table(const struct kernel_case *c, struct kernel_expected *expected, double (*function)(double x))
{
	const struct kernel_tensor *input = &c->inputs[0];

	kernel_expect_shape(expected, input->rank, input->dims);
	for (size_t i = 0; i < expected->elements; i++) {
		int64_t q = kernel_integer(input, i), first = q - (q & 127);
		double entry[2];

		for (int side = 0; side < 2; side++) {
			double at = (double)(first + 128 * side), step = 65535 / 65536.0 * 128, scale = kernel_scale(input, 0);
			/* The steps are a 512th of 65535, not of 65536. */
			double from = -INT16_STEPS + (at + INT16_STEPS) / 128 * step;
			double value = sample(c, function, scale * from), next = sample(c, function, scale * (from + step));
			double error = round((value + next) / 2) - sample(c, function, scale * (from + step / 2));

			value -= at + 128 > INT16_STEPS ? 0 : round(error / 2);
			entry[side] = kernel_clamp(value, -INT16_STEPS, INT16_STEPS - 1);
		}
		expected->element[i].value = entry[0] + floor((entry[1] - entry[0]) * (double)(q & 127) / 128 + 0.5);
		expected->element[i].slack = 2;
	}
}

static void refer(const struct kernel_case *c, struct kernel_expected *expected, double (*function)(double x))
{
	if (c->type == 's')
		refer_table(c, expected, function);
	else
		elementwise_refer_real(c, expected, function);
}

#define REFERENCE(name) \
	static void refer_##name(const struct kernel_case *c, struct kernel_expected *expected) \
	{ \
		refer(c, expected, name); \
	}

static double elu(double x)
{
	return x < 0 ? expm1(x) : x;
}

static double sign(double x)
{
	return (x > 0) - (x < 0);
}

static double rsqrt(double x)
{
	return 1 / sqrt(x);
}

static double square(double x)
{
	return x * x;
}

static double logistic(double x)
{
	return 1 / (1 + exp(-x));
}

/* Entry of the table that both LOGISTIC and TANH of int16 use: in steps of 2^-16, 24 entries to 1. */
static double logistic_entry(double at)
{
	double value = 65536 * logistic(at / 24), middle = 65536 * logistic((at + 0.5) / 24), next = 65536 * logistic((at + 1) / 24);

	return at >= 255 ? 65535 : round(value - ((value + next) / 2 - middle) / 2);
}

/*
 * LOGISTIC of a magnitude in steps of 2^-16; @p unit: what the input is brought to. A scale that is a power of 2, and up to 2^@p greatest,
 * is brought there exactly, any other by a factor cut to 15 bits.
 */
static double int16_logistic(const struct kernel_case *c, int64_t q, double unit, double greatest, double *ret_sign)
{
	double scale = kernel_scale(&c->inputs[0], 0), exponent = log2(scale), factor = scale * 12288, shift = 0, at;

	if (fabs(exponent - round(exponent)) > 7e-4 || exponent < -12.5 || exponent > greatest + 0.5)
		for (; factor <= 32767.0 / 2 && shift < 31; shift++)
			factor *= 2;
	else
		factor = 3 * exp2(round(exponent) + 12);
	at = floor((double)q * floor(factor) / exp2(shift) + (shift > 0 ? 0.5 : 0));
	*ret_sign = at < 0 ? -1 : 1;
	at = fabs(at) / unit;
	if (at >= 255)
		return 65535;
	return logistic_entry(floor(at)) + (logistic_entry(floor(at) + 1) - logistic_entry(floor(at))) * (at - floor(at));
}

static struct kernel_element logistic_int16(const struct kernel_case *c, const size_t *index)
{
	double side, value = int16_logistic(c, kernel_integer(&c->inputs[0], index[0]), 512, -12, &side);

	/* Saturated it is 32767, the same from above and from below. */
	if (value == 65535)
		value = 65534;
	return (struct kernel_element){side > 0 ? floor(value / 2 + 0.5) : floor((65536 - value) / 2 + 0.5 - exp2(-10)), 0};
}

static struct kernel_element tanh_int16(const struct kernel_case *c, const size_t *index)
{
	double side, value = int16_logistic(c, kernel_integer(&c->inputs[0], index[0]), 256, -11, &side);

	value = value - 32768;
	return (struct kernel_element){side > 0 ? floor(value + 0.5) : floor(0.5 - value - exp2(-8)), 0};
}

static void refer_logistic(const struct kernel_case *c, struct kernel_expected *expected)
{
	if (c->type == 's')
		elementwise_refer(c, expected, logistic_int16);
	else
		elementwise_refer_real(c, expected, logistic);
}

static void refer_tanh(const struct kernel_case *c, struct kernel_expected *expected)
{
	if (c->type == 's')
		elementwise_refer(c, expected, tanh_int16);
	else
		elementwise_refer_real(c, expected, tanh);
}

static double gelu(double x)
{
	return x / 2 * erfc(-x / sqrt(2));
}

static double gelu_by_tanh(double x)
{
	return x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

static void refer_gelu(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer_real(c, expected, c->flag ? gelu_by_tanh : gelu);
}

static void options_gelu(struct kernel_case *c)
{
	c->options = tfl_options_gelu(c->flag);
}

/* Cut to the output's step, not rounded. */
static struct kernel_element root_quantized(const struct kernel_case *c, const size_t *index)
{
	double steps = sqrt(fmax(kernel_real(&c->inputs[0], index[0]), 0)) / kernel_scale(&c->output, 0);

	return (struct kernel_element){fmax(steps - 0.5, 0) + (double)c->output.zero_point, 0.5 + 1e-4 + 1e-6 * steps};
}

static void refer_sqrt(const struct kernel_case *c, struct kernel_expected *expected)
{
	if (c->type == 'f')
		elementwise_refer_real(c, expected, sqrt);
	else
		elementwise_refer(c, expected, root_quantized);
}

static double rsqrt_quantized(double x)
{
	return x > 0 ? rsqrt(x) : -LEAST;
}

static void refer_rsqrt(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, c->type == 'f' ? rsqrt : rsqrt_quantized);
}

static double log_quantized(double x)
{
	return x > 0 ? log(x) : LEAST;
}

static void refer_log(const struct kernel_case *c, struct kernel_expected *expected)
{
	refer(c, expected, c->type == 'f' ? log : log_quantized);
}

static struct kernel_element negative(const struct kernel_case *c, const size_t *index)
{
	return (struct kernel_element){-kernel_real(&c->inputs[0], index[0]), 0};
}

static void refer_neg(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer(c, expected, negative);
}

static void draw_exact(struct kernel_case *c)
{
	draw(c);
	/* Without the least number, which has no negative. */
	if (c->type == 'i')
		elementwise_draw_integers(c, &c->inputs[0], -1000000000, 1000000000);
}

REFERENCE(ceil)
REFERENCE(cos)
REFERENCE(elu)
REFERENCE(exp)
REFERENCE(floor)
REFERENCE(rint)
REFERENCE(sign)
REFERENCE(sin)
REFERENCE(square)

const struct kernel_row kernel_ceil = {"CEIL", TFL_BUILTIN_CEIL, "f", draw, NULL, refer_ceil};
const struct kernel_row kernel_cos = {"COS", TFL_BUILTIN_COS, "f", draw, NULL, refer_cos};
const struct kernel_row kernel_elu = {"ELU", TFL_BUILTIN_ELU, "fb", draw, NULL, refer_elu};
const struct kernel_row kernel_exp = {"EXP", TFL_BUILTIN_EXP, "fbs", draw_exp, NULL, refer_exp};
const struct kernel_row kernel_floor = {"FLOOR", TFL_BUILTIN_FLOOR, "f", draw, NULL, refer_floor};
const struct kernel_row kernel_gelu = {"GELU", TFL_BUILTIN_GELU, "fbB", draw_gelu, options_gelu, refer_gelu};
const struct kernel_row kernel_log = {"LOG", TFL_BUILTIN_LOG, "fbs", draw_log, NULL, refer_log};
const struct kernel_row kernel_logistic = {"LOGISTIC", TFL_BUILTIN_LOGISTIC, "fbBs", draw_bounded, NULL, refer_logistic};
const struct kernel_row kernel_neg = {"NEG", TFL_BUILTIN_NEG, "fil", draw_exact, NULL, refer_neg};
const struct kernel_row kernel_round = {"ROUND", TFL_BUILTIN_ROUND, "f", draw, NULL, refer_rint};
const struct kernel_row kernel_rsqrt = {"RSQRT", TFL_BUILTIN_RSQRT, "fbs", draw_root, NULL, refer_rsqrt};
const struct kernel_row kernel_sign = {"SIGN", TFL_BUILTIN_SIGN, "fi", draw_exact, NULL, refer_sign};
const struct kernel_row kernel_sin = {"SIN", TFL_BUILTIN_SIN, "f", draw, NULL, refer_sin};
const struct kernel_row kernel_sqrt = {"SQRT", TFL_BUILTIN_SQRT, "fbs", draw_root, NULL, refer_sqrt};
const struct kernel_row kernel_square = {"SQUARE", TFL_BUILTIN_SQUARE, "f", draw, NULL, refer_square};
const struct kernel_row kernel_tanh = {"TANH", TFL_BUILTIN_TANH, "fbBs", draw_bounded, NULL, refer_tanh};
