/* SPDX-License-Identifier: MIT */
/*
 * SOFTMAX over the last dimension: exp(beta * (x - max)) / sum. XNNPACK has float32 with a beta of 1.
 *
 * To bytes: exponentials from a table of 256 differences, the sum in float, the result rounded to the output's scale. int16 to int16:
 * exponentials and the sum's inverse from tables, in Q0.15, exponents below -10 cut off. Bytes to int16: both in fixed point, the sum
 * in Q12.19.
 */
#include <errno.h>
#include <math.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/fixed.h"
#include "runtime/lower.h"
#include "runtime/op.h"
#include "runtime/quant.h"

enum { BETA };

struct params {
	const struct kind *kind;
	float beta;
	float exponentials[256];          /* to bytes: of -beta * scale * i */
	struct tfl_multiplier multiplier; /* to int16: from a difference to the function's argument */
	int32_t difference_min;           /* bytes to int16: what lies below is 0 */
	int16_t exp_table[TFL_TABLE_SIZE], inverse_table[TFL_TABLE_SIZE]; /* int16 to int16 */
};

struct kind {
	enum tfl_dtype input, output;
	/** One row. @p output is the tensor's; @p to may not overlap @p from. */
	void (*row)(const struct params *params, const struct tfl_value *output, const void *from, int32_t depth, void *to);
};

static void row_float32(const struct params *params, const struct tfl_value *output, const void *from, int32_t depth, void *to)
{
	const float *input = from;
	float greatest = input[0], sum = 0, *result = to;

	for (int32_t i = 1; i < depth; i++)
		greatest = input[i] > greatest ? input[i] : greatest;
	for (int32_t i = 0; i < depth; i++)
		sum += result[i] = expf(params->beta * (input[i] - greatest));
	for (int32_t i = 0; i < depth; i++)
		result[i] /= sum;
}

/* Bytes are compared as the type orders them: an int8 with its sign bit flipped sorts as a uint8. */
static uint8_t greatest_byte(const uint8_t *input, int32_t depth, uint8_t flip)
{
	uint8_t greatest = 0;

	for (int32_t i = 0; i < depth; i++)
		greatest = (input[i] ^ flip) > greatest ? (input[i] ^ flip) : greatest;
	return greatest;
}

static void row_bytes(const struct params *params, const struct tfl_value *value, const void *from, int32_t depth, void *to)
{
	uint8_t flip = value->dtype == TFL_INT8 ? 0x80 : 0, greatest = greatest_byte(from, depth, flip);
	const uint8_t *input = from;
	int32_t min, max;
	float sum = 0, factor;

	tfl_integer_range(value->dtype, &min, &max);
	for (int32_t i = 0; i < depth; i++)
		sum += params->exponentials[greatest - (input[i] ^ flip)];
	factor = 1.0f / (sum * value->scale);
	for (int32_t i = 0; i < depth; i++) {
		float scaled = params->exponentials[greatest - (input[i] ^ flip)] * factor + 0.5f;
		int32_t q = (scaled < (float)(max - min) ? (int32_t)scaled : max - min) + value->zero_point;

		((uint8_t *)to)[i] = (uint8_t)(q < min ? min : q > max ? max : q);
	}
}

static int16_t saturate(int64_t value)
{
	return (int16_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
}

static void row_int16(const struct params *params, const struct tfl_value *output, const void *from, int32_t depth, void *to)
{
	const int16_t *input = from;
	int16_t *result = to, inverse;
	int32_t greatest = input[0], sum;
	int64_t total = 0, mantissa;
	int shift;

	for (int32_t i = 1; i < depth; i++)
		greatest = input[i] > greatest ? input[i] : greatest;
	for (int32_t i = 0; i < depth; i++) {
		/* [-10, 0] to [-65535, 0] to what the table takes. */
		int64_t argument = (int64_t)tfl_multiply(input[i] - greatest, params->multiplier) + INT16_MAX;

		result[i] = tfl_table_look_up(params->exp_table, saturate(argument));
		total += result[i];
	}
	sum = total > INT32_MAX ? INT32_MAX : (int32_t)total;
	/* The sum as a power of two times a number in [1, 2); its inverse as a table of 1 / (1 + x). */
	shift = 31 - __builtin_clz((unsigned)sum);
	mantissa = (((int64_t)sum << (30 - shift)) + (1 << 13)) >> 14;
	inverse = tfl_table_look_up(params->inverse_table, saturate(mantissa - (1 << 16) - (1 << 15)));
	for (int32_t i = 0; i < depth; i++) {
		int64_t quotient = ((int64_t)result[i] * inverse + (1LL << (shift - 1))) >> shift;

		result[i] = quotient < 0 ? 0 : saturate(quotient);
	}
}

static void row_bytes_to_int16(const struct params *params, const struct tfl_value *output, const void *from, int32_t depth, void *to,
			       uint8_t flip)
{
	const uint8_t *input = from;
	int32_t greatest = greatest_byte(input, depth, flip), inverse, shift;
	int64_t total = 0;
	uint32_t sum;

	for (int32_t i = 0; i < depth; i++) {
		int32_t difference = (input[i] ^ flip) - greatest;

		if (difference >= params->difference_min)
			total += tfl_fixed_shift_right(tfl_fixed_exp(tfl_multiply(difference, params->multiplier)), 12);
	}
	sum = total > INT32_MAX ? INT32_MAX : (uint32_t)total;
	/* The sum as a power of two times 1 + x; Q12.19 has 12 leading zeros for a sum of 1. */
	shift = __builtin_clz(sum);
	inverse = tfl_fixed_inverse((int32_t)((sum << shift) - (1u << 31)));
	for (int32_t i = 0; i < depth; i++) {
		int32_t difference = (input[i] ^ flip) - greatest, quotient = 0;

		if (difference >= params->difference_min)
			quotient = tfl_fixed_shift_right(tfl_fixed_multiply(inverse, tfl_fixed_exp(tfl_multiply(difference, params->multiplier))),
							 12 - shift + 31 - 16);
		((int16_t *)to)[i] = saturate((int64_t)quotient + INT16_MIN);
	}
}

static void row_int8_to_int16(const struct params *params, const struct tfl_value *output, const void *from, int32_t depth, void *to)
{
	row_bytes_to_int16(params, output, from, depth, to, 0x80);
}

static void row_uint8_to_int16(const struct params *params, const struct tfl_value *output, const void *from, int32_t depth, void *to)
{
	row_bytes_to_int16(params, output, from, depth, to, 0);
}

static const struct kind kinds[] = {
	{TFL_FLOAT32, TFL_FLOAT32, row_float32}, {TFL_INT8, TFL_INT8, row_bytes},          {TFL_UINT8, TFL_UINT8, row_bytes},
	{TFL_INT16, TFL_INT16, row_int16},       {TFL_INT8, TFL_INT16, row_int8_to_int16}, {TFL_UINT8, TFL_INT16, row_uint8_to_int16},
};

/* 16-bit results have the scale and zero point that their arithmetic gives them. */
static int check_int16(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	int32_t zero_point = input->dtype == TFL_INT16 ? 0 : INT16_MIN;
	float scale = input->dtype == TFL_INT16 ? 0x1p-15f : 0x1p-16f;

	if (fabsf(output->scale - scale) > 0.001f * scale || output->zero_point != zero_point)
		return tfl_node_unsupported(graph, node, error, "the output has a scale of %g and a zero point of %d; %g and %d are supported",
					    (double)output->scale, output->zero_point, (double)scale, zero_point);
	return 0;
}

static double inverse_of_one_more(double x)
{
	return 1 / (1 + x);
}

static void make_tables(struct params *params, double scale)
{
	if (params->kind->input == TFL_INT16) {
		params->multiplier = tfl_multiplier_from(scale / (10.0 / 65535));
		tfl_table_make(exp, -10, 0, params->exp_table);
		tfl_table_make(inverse_of_one_more, 0, 1, params->inverse_table);
	} else if (params->kind->output == TFL_INT16) {
		double factor = fmin(scale * (1 << 26), 0x1p31 - 1), limit;

		/* Arguments of exp are in Q5.26. */
		params->multiplier = tfl_multiplier_from(factor);
		limit = floor(ldexp(31 << 26, -params->multiplier.shift));
		params->difference_min = limit > 255 ? -255 : -(int32_t)limit;
	} else {
		for (int i = 0; i < 256; i++)
			params->exponentials[i] = (float)exp(-scale * i);
	}
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int r;

	if (!params)
		return -ENOMEM;
	for (size_t i = 0; i < TFL_ARRAY_SIZE(kinds); i++)
		if (kinds[i].input == input->dtype && kinds[i].output == output->dtype)
			params->kind = &kinds[i];
	params->beta = tfl_fb_f32(&node->source->options, BETA, 0);
	if (!isfinite(params->beta) || params->beta < 0)
		return tfl_node_invalid(graph, node, error, "its beta is %g; a finite number, not below 0, is right", (double)params->beta);
	if (input->rank < 1)
		return tfl_node_invalid(graph, node, error, "the input has no dimensions; at least 1 is right");
	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r == 0 && output->dtype == TFL_INT16)
		r = check_int16(graph, node, error);
	if (r < 0)
		return r;
	make_tables(params, (double)params->beta * (double)input->scale);
	return tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	uint32_t input, output;
	int r;

	if (params->beta != 1 || tfl_node_input(lower->graph, node, 0)->dtype != TFL_FLOAT32)
		return 1;
	r = tfl_lower_values(lower, node, 1, &input, &output);
	return r ? r : tfl_lower_status(xnn_define_softmax(lower->subgraph, input, output, 0));
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	size_t depth = (size_t)input->dims[input->rank - 1];

	for (size_t i = 0; i < input->elements; i += depth) {
		params->kind->row(params, output, from, (int32_t)depth, to);
		from += depth * tfl_dtype_size(input->dtype);
		to += depth * tfl_dtype_size(output->dtype);
	}
	return 0;
}

const struct tfl_op tfl_op_softmax = {
	.code = TFL_BUILTIN_SOFTMAX,
	.options = TFL_OPTIONS_SOFTMAX,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 3,
	.name = "SOFTMAX",
	.types = "f:f b:b B:B s:s b:s B:s",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
