/* SPDX-License-Identifier: MIT */
/*
 * RFFT2D: the two-dimensional discrete Fourier transform of real pictures [..., height, width]: lengths [fft height, fft width], both powers of two,
 * the constant second input; output [..., fft height, fft width / 2 + 1] of complex numbers, whose other half mirrors them. A picture is cut, or
 * filled up with zeros, to these lengths. COMPLEX_ABS: the absolute value of each.
 *
 * Computed in double precision, row by row and then column by column, by the radix-2 algorithm in place: the input in bit-reversed order, then
 * butterflies of growing span.
 */
#include <errno.h>
#include <math.h>

#include "base/error.h"
#include "runtime/op.h"

struct complex64 {
	float re, im;
};

struct complex128 {
	double re, im;
};

struct params {
	int32_t height, width;         /* of the transform */
	int32_t input_height, input_width;
	size_t pictures;
	struct complex128 *roots[2];   /* of unity, for rows and for columns: exp(-2 pi i k / length), k < length / 2 */
};

static int make_roots(struct tfl_graph *graph, int32_t length, struct complex128 **ret_roots)
{
	struct complex128 *roots = tfl_graph_alloc(graph, ((size_t)length / 2 + 1) * sizeof(*roots));

	if (!roots)
		return -ENOMEM;
	for (int32_t k = 0; k < length / 2; k++)
		roots[k] = (struct complex128){cos(-2 * M_PI * k / length), sin(-2 * M_PI * k / length)};
	*ret_roots = roots;
	return 0;
}

static bool is_power_of_two(int32_t length)
{
	return length > 0 && (length & (length - 1)) == 0;
}

static unsigned log_2(int32_t length)
{
	return 31u - (unsigned)__builtin_clz((unsigned)length);
}

static int set_shape(struct tfl_graph *graph, struct tfl_node *node, const struct params *params, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t dims[TFL_RANK_MAX];

	for (unsigned i = 0; i + 2 < input->rank; i++)
		dims[i] = input->dims[i];
	dims[input->rank - 2] = params->height;
	dims[input->rank - 1] = params->width / 2 + 1;
	return tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
}

static int prepare_rfft2d(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t lengths[2] = {0};
	unsigned count;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, 1, 2, lengths, &count, error);
	if (r < 0)
		return r;
	if (input->rank < 2)
		return tfl_node_invalid(graph, node, error, "its input has %u dimensions; 2 at least are right", input->rank);
	if (count != 2 || !is_power_of_two(lengths[0]) || !is_power_of_two(lengths[1]))
		return tfl_node_invalid(graph, node, error, "it transforms %d x %d values; two powers of two are right", lengths[0], lengths[1]);
	*params = (struct params){.height = lengths[0], .width = lengths[1], .pictures = 1};
	params->input_height = input->dims[input->rank - 2];
	params->input_width = input->dims[input->rank - 1];
	for (unsigned i = 0; i + 2 < input->rank; i++)
		params->pictures *= (size_t)input->dims[i];
	r = set_shape(graph, node, params, error);
	if (r == 0)
		r = tfl_node_charge(graph, node, tfl_node_output(graph, node, 0)->elements, log_2(params->height) + 2u * log_2(params->width) + 2, error);
	if (r == 0)
		r = make_roots(graph, params->width, &params->roots[0]);
	if (r == 0)
		r = make_roots(graph, params->height, &params->roots[1]);
	node->scratch_bytes = (size_t)(params->width > params->height ? params->width : params->height) * sizeof(struct complex128);
	return r;
}

/* Puts values into bit-reversed order. */
static void reverse(struct complex128 *values, int32_t length)
{
	for (int32_t i = 1, j = 0; i < length; i++) {
		int32_t bit = length >> 1;

		for (; j & bit; bit >>= 1)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			struct complex128 other = values[i];

			values[i] = values[j];
			values[j] = other;
		}
	}
}

static void transform(struct complex128 *values, int32_t length, const struct complex128 *roots)
{
	reverse(values, length);
	for (int32_t half = 1; half < length; half *= 2) {
		for (int32_t first = 0; first < length; first += 2 * half) {
			for (int32_t k = 0; k < half; k++) {
				struct complex128 root = roots[k * (length / 2 / half)], *a = &values[first + k], *b = a + half;
				struct complex128 turned = {b->re * root.re - b->im * root.im, b->re * root.im + b->im * root.re};

				*b = (struct complex128){a->re - turned.re, a->im - turned.im};
				*a = (struct complex128){a->re + turned.re, a->im + turned.im};
			}
		}
	}
}

static void transform_rows(const struct params *params, const float *input, struct complex128 *scratch, struct complex64 *output)
{
	int32_t kept = params->width / 2 + 1;

	for (int32_t y = 0; y < params->height; y++) {
		for (int32_t x = 0; x < params->width; x++) {
			bool inside = y < params->input_height && x < params->input_width;

			scratch[x] = (struct complex128){inside ? (double)input[(size_t)y * (size_t)params->input_width + (size_t)x] : 0, 0};
		}
		if (y < params->input_height)
			transform(scratch, params->width, params->roots[0]);
		for (int32_t x = 0; x < kept; x++)
			output[(size_t)y * (size_t)kept + (size_t)x] = (struct complex64){(float)scratch[x].re, (float)scratch[x].im};
	}
}

static void transform_columns(const struct params *params, struct complex128 *scratch, struct complex64 *output)
{
	size_t kept = (size_t)params->width / 2 + 1;

	for (size_t x = 0; x < kept; x++) {
		for (int32_t y = 0; y < params->height; y++)
			scratch[y] = (struct complex128){(double)output[(size_t)y * kept + x].re, (double)output[(size_t)y * kept + x].im};
		transform(scratch, params->height, params->roots[1]);
		for (int32_t y = 0; y < params->height; y++)
			output[(size_t)y * kept + x] = (struct complex64){(float)scratch[y].re, (float)scratch[y].im};
	}
}

static int run_rfft2d(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const float *input = tfl_run_input(run, node, 0);
	struct complex64 *output = tfl_run_output(run, node, 0);

	for (size_t i = 0; i < params->pictures; i++) {
		transform_rows(params, input, run->scratch, output);
		if (params->height > 1)
			transform_columns(params, run->scratch, output);
		input += (size_t)params->input_height * (size_t)params->input_width;
		output += (size_t)params->height * ((size_t)params->width / 2 + 1);
	}
	return 0;
}

const struct tfl_op tfl_op_rfft2d = {
	.code = TFL_BUILTIN_RFFT2D,
	.options = TFL_OPTIONS_NONE,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 1,
	.name = "RFFT2D",
	.types = "fi:c",
	.prepare = prepare_rfft2d,
	.run = run_rfft2d,
};

static int prepare_complex_abs(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);

	return tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static int run_complex_abs(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct complex64 *input = tfl_run_input(run, node, 0);
	size_t elements = tfl_node_output(run->graph, node, 0)->elements;
	float *output = tfl_run_output(run, node, 0);

	for (size_t i = 0; i < elements; i++)
		output[i] = hypotf(input[i].re, input[i].im);
	return 0;
}

const struct tfl_op tfl_op_complex_abs = {
	.code = TFL_BUILTIN_COMPLEX_ABS,
	.options = TFL_OPTIONS_NONE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 1,
	.name = "COMPLEX_ABS",
	.types = "c:f",
	.prepare = prepare_complex_abs,
	.run = run_complex_abs,
};
