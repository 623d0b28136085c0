/* SPDX-License-Identifier: MIT */
/*
 * LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM, step by step as kernel_lstm.h defines them, from a state of zeros. float32 and weights of bytes
 * are followed in single precision, integers to the bit.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "runtime/fixed.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_dynamic.h"
#include "tests/runtime/kernel_rows.h"

/* c->axis: what the operator has. */
enum { GATED = 1, PEEPHOLE = 2, NORMALIZED = 4, PROJECTED = 8, BIASED = 16 };

enum { X, WEIGHTS, RECURRENT = 5, PEEPHOLES = 9, BIAS = 12, PROJECTION = 16, PROJECTION_BIAS, OUTPUT_STATE, CELL_STATE, NORM };
enum { IN, FORGET, CELL, OUT, GATES };

#define WIDEST 24

static unsigned peephole_of(unsigned gate)
{
	return PEEPHOLES + (gate == OUT ? 2 : gate);
}

static bool has(const struct kernel_case *c, int what)
{
	return c->axis & what;
}

static size_t sizes_of(const struct kernel_case *c, size_t *ret_inputs, size_t *ret_cells)
{
	*ret_inputs = (size_t)c->inputs[X].dims[c->inputs[X].rank - 1];
	*ret_cells = (size_t)c->inputs[WEIGHTS + OUT].dims[0];
	return (size_t)c->inputs[RECURRENT + OUT].dims[1];
}

/* A constant or computed input; scales such that gates seldom saturate. */
static void draw_weights(struct kernel_case *c, unsigned input, enum tfl_dtype dtype, int32_t rows, int32_t columns)
{
	struct kernel_tensor *tensor = &c->inputs[input];

	kernel_draw_tensor(c, tensor, dtype, columns ? 2 : 1, (int32_t[]){rows, columns});
	tensor->constant = kernel_one_in(c, 2);
	for (size_t i = 0; dtype == TFL_FLOAT32 && i < tensor->elements; i++)
		((float *)tensor->data)[i] /= 4;
	for (size_t i = 0; dtype == TFL_INT32 && i < tensor->elements; i++)
		kernel_set_integer(tensor, i, kernel_between(c, -20000, 20000));
	if (tensor->scale_count) {
		tensor->scales[0] = exp2f(tfl_random_uniform(&c->random, dtype == TFL_INT16 ? -15 : -9, -6));
		tensor->zero_point = 0;
	}
	/* Up to 2 in real numbers, whatever the scale. */
	for (size_t i = 0; dtype == TFL_INT16 && i < tensor->elements; i++)
		kernel_set_integer(tensor, i, (int64_t)(tfl_random_uniform(&c->random, -2, 2) / tensor->scales[0]) % 32768);
}

static void draw_state(struct kernel_case *c, unsigned input, enum tfl_dtype dtype, int32_t batch, int32_t width)
{
	struct kernel_tensor *tensor = &c->inputs[input];

	kernel_draw_tensor(c, tensor, dtype, 2, (int32_t[]){batch, width});
	tensor->variable = true;
	if (dtype == TFL_INT8)
		tensor->scales[0] = exp2f(tfl_random_uniform(&c->random, -8, -6));
	if (dtype == TFL_INT16) {
		tensor->scales[0] = exp2f((float)kernel_between(c, -15, -9));
		tensor->zero_point = 0;
	}
}

static void draw_intermediates(struct kernel_case *c)
{
	c->intermediate_count = 5;
	for (unsigned i = 0; i < 5; i++) {
		struct kernel_tensor *tensor = &c->intermediates[i];

		tensor->dtype = i == 4 ? TFL_INT8 : TFL_INT16;
		tensor->rank = 1;
		tensor->scale_count = 1;
		tensor->scales[0] = exp2f(tfl_random_uniform(&c->random, i == 4 ? -8 : -14, i == 4 ? -6 : -11));
		tensor->zero_point = i == 4 ? kernel_between(c, -128, 127) : 0;
	}
	/* Without a projection that is the output. */
	if (!has(c, PROJECTED))
		kernel_copy_quantization(&c->intermediates[4], &c->inputs[OUTPUT_STATE]);
}

static void leave_out(struct kernel_case *c)
{
	static const struct {
		uint8_t input, what;
	} parts[] = {
		{1, GATED}, {5, GATED}, {9, GATED | PEEPHOLE}, {10, PEEPHOLE}, {11, PEEPHOLE}, {12, GATED}, {16, PROJECTED},
		{17, PROJECTED | BIASED}, {20, NORMALIZED | GATED}, {21, NORMALIZED}, {22, NORMALIZED}, {23, NORMALIZED},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(parts); i++)
		c->inputs[parts[i].input].absent = (c->axis & parts[i].what) != parts[i].what;
	c->input_count = !has(c, NORMALIZED) && kernel_one_in(c, 2) ? 20 : 24;
}

static void draw_parts(struct kernel_case *c, int32_t batch, int32_t inputs, int32_t cells, int32_t outputs)
{
	bool whole = c->type == 'b';
	enum tfl_dtype weights = c->type == 'f' ? TFL_FLOAT32 : !whole && kernel_one_in(c, 4) ? TFL_UINT8 : TFL_INT8;
	enum tfl_dtype small = whole ? TFL_INT16 : TFL_FLOAT32, bias = whole ? TFL_INT32 : TFL_FLOAT32;

	for (unsigned gate = 0; gate < GATES; gate++) {
		draw_weights(c, WEIGHTS + gate, weights, cells, inputs);
		draw_weights(c, RECURRENT + gate, weights, cells, outputs);
		draw_weights(c, BIAS + gate, bias, cells, 0);
		draw_weights(c, NORM + gate, small, cells, 0);
		if (gate != CELL)
			draw_weights(c, peephole_of(gate), whole ? TFL_INT16 : weights, cells, 0);
	}
	draw_weights(c, PROJECTION, weights, outputs, cells);
	draw_weights(c, PROJECTION_BIAS, bias, outputs, 0);
	draw_state(c, OUTPUT_STATE, whole ? TFL_INT8 : TFL_FLOAT32, batch, outputs);
	draw_state(c, CELL_STATE, small, batch, cells);
	kernel_copy_quantization(&c->output, &c->inputs[OUTPUT_STATE]);
	if (whole)
		draw_intermediates(c);
	leave_out(c);
}

/* c->flag: time comes first. c->beta and a hundredth of c->masks[0]: where cell and projection are clipped. */
static void draw_form(struct kernel_case *c)
{
	c->axis = kernel_between(c, 0, 31);
	c->flag = kernel_one_in(c, 2);
	c->asymmetric = kernel_one_in(c, 2);
	c->beta = kernel_one_in(c, 3) ? tfl_random_uniform(&c->random, 0.1f, 1) : 0;
	c->masks[0] = kernel_one_in(c, 3) ? (uint32_t)kernel_between(c, 10, 100) : 0;
	c->activation = c->type == 'f' && kernel_one_in(c, 3) ? (int8_t)kernel_between(c, 0, 3) : 4;
}

static void draw_any(struct kernel_case *c, unsigned rank)
{
	int32_t batch = kernel_between(c, 1, 3), steps = kernel_between(c, 1, 4);
	int32_t inputs = kernel_between(c, 1, kernel_one_in(c, 3) ? WIDEST : 5);
	int32_t cells = kernel_between(c, 1, kernel_one_in(c, 3) ? WIDEST : 6), dims[3] = {batch, inputs};

	draw_form(c);
	if (rank == 3)
		memcpy(dims, c->flag ? (int32_t[]){steps, batch, inputs} : (int32_t[]){batch, steps, inputs}, sizeof(dims));
	kernel_draw_tensor(c, &c->inputs[X], c->output.dtype, rank, dims);
	draw_parts(c, batch, inputs, cells, has(c, PROJECTED) ? kernel_between(c, 1, 7) : cells);
}

static void draw_lstm(struct kernel_case *c)
{
	draw_any(c, 2);
}

static void draw_sequence(struct kernel_case *c)
{
	draw_any(c, 3);
}

static void add_options(struct kernel_case *c, uint8_t type)
{
	bool sequence = type == TFL_OPTIONS_UNIDIRECTIONAL_SEQUENCE_LSTM;

	c->options = tfl_options_empty(type);
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 0, .kind = TFL_BUILD_I8, .integer = c->activation});
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_F32, .real = c->beta});
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 2, .kind = TFL_BUILD_F32, .real = (float)c->masks[0] / 100});
	if (sequence)
		tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 3, .kind = TFL_BUILD_I8, .integer = c->flag});
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 4, .kind = TFL_BUILD_I8, .integer = c->asymmetric});
}

static void options_lstm(struct kernel_case *c)
{
	add_options(c, TFL_OPTIONS_LSTM);
}

static void options_sequence(struct kernel_case *c)
{
	add_options(c, TFL_OPTIONS_UNIDIRECTIONAL_SEQUENCE_LSTM);
}

/* float32: one row of the batch as it walks through time. */
struct floats {
	float output[WIDEST], cell[WIDEST], gates[GATES][WIDEST];
};

static float scale_of(const struct kernel_case *c, unsigned input)
{
	return c->inputs[input].scales[0];
}

static float weight(const struct kernel_case *c, unsigned input, size_t index)
{
	/* Bytes are int8, whatever they are called. */
	if (c->inputs[input].dtype == TFL_FLOAT32)
		return ((const float *)c->inputs[input].data)[index];
	return scale_of(c, input) * (float)((const int8_t *)c->inputs[input].data)[index];
}

static float multiply_row(const struct kernel_case *c, unsigned input, size_t row, const float *vector, size_t count)
{
	struct kernel_tensor tensor = {.dtype = TFL_FLOAT32, .elements = count, .data = (void *)vector};
	struct kernel_dynamic dynamic = kernel_dynamic(&tensor, 0, count, c->asymmetric);
	int64_t whole = 0;
	double real = 0;

	for (size_t i = 0; i < count; i++) {
		if (c->type == 'f')
			real += (double)weight(c, input, row * count + i) * (double)vector[i];
		else
			whole += kernel_dynamic_element(&dynamic, &tensor, i) * ((const int8_t *)c->inputs[input].data)[row * count + i];
	}
	return c->type == 'f' ? (float)real : (float)whole * ((float)dynamic.scale * scale_of(c, input));
}

static float activate(int activation, float value)
{
	static const float low[] = {-INFINITY, 0, -1, 0}, high[] = {INFINITY, INFINITY, 1, 6};

	return activation == 4 ? tanhf(value) : fminf(fmaxf(value, low[activation]), high[activation]);
}

static void normalize(const struct kernel_case *c, unsigned gate, float *values, size_t count)
{
	double mean = 0, variance = 0;

	for (size_t i = 0; i < count; i++)
		mean += (double)values[i] / (double)count;
	for (size_t i = 0; i < count; i++)
		variance += ((double)values[i] - mean) * ((double)values[i] - mean) / (double)count;
	for (size_t i = 0; i < count; i++)
		values[i] = (float)(((double)values[i] - mean) / sqrt(variance + 1e-8)) * weight(c, NORM + gate, i) + weight(c, BIAS + gate, i);
}

static void find_gate(const struct kernel_case *c, unsigned gate, const float *x, struct floats *state)
{
	size_t inputs, cells, outputs = sizes_of(c, &inputs, &cells);
	float *sums = state->gates[gate];

	for (size_t i = 0; i < cells; i++) {
		sums[i] = has(c, NORMALIZED) ? 0 : weight(c, BIAS + gate, i);
		sums[i] += multiply_row(c, WEIGHTS + gate, i, x, inputs);
		sums[i] += multiply_row(c, RECURRENT + gate, i, state->output, outputs);
		if (has(c, PEEPHOLE) && gate != CELL)
			sums[i] += weight(c, peephole_of(gate), i) * state->cell[i];
	}
	if (has(c, NORMALIZED))
		normalize(c, gate, sums, cells);
	for (size_t i = 0; i < cells; i++)
		sums[i] = gate == CELL ? activate(c->activation, sums[i]) : 1 / (1 + expf(-sums[i]));
}

static void step_floats(const struct kernel_case *c, const float *x, struct floats *state)
{
	float clip = c->beta > 0 ? c->beta : INFINITY, projection_clip = c->masks[0] ? (float)c->masks[0] / 100 : INFINITY, hidden[WIDEST];
	size_t inputs, cells, outputs = sizes_of(c, &inputs, &cells);

	for (unsigned gate = has(c, GATED) ? IN : FORGET; gate < OUT; gate++)
		find_gate(c, gate, x, state);
	for (size_t i = 0; i < cells; i++) {
		float in = has(c, GATED) ? state->gates[IN][i] : 1 - state->gates[FORGET][i];

		state->cell[i] = state->gates[FORGET][i] * state->cell[i] + in * state->gates[CELL][i];
		state->cell[i] = fmaxf(fminf(state->cell[i], clip), -clip);
	}
	find_gate(c, OUT, x, state);
	for (size_t i = 0; i < cells; i++)
		hidden[i] = state->gates[OUT][i] * activate(c->activation, state->cell[i]);
	for (size_t i = 0; i < outputs; i++) {
		state->output[i] = hidden[i % cells];
		if (!has(c, PROJECTED))
			continue;
		state->output[i] = has(c, BIASED) ? weight(c, PROJECTION_BIAS, i) : 0;
		state->output[i] += multiply_row(c, PROJECTION, i, hidden, cells);
		state->output[i] = fmaxf(fminf(state->output[i], projection_clip), -projection_clip);
	}
}

/* Integers: the same. */
struct integers {
	int64_t output[WIDEST], cell[WIDEST], gates[GATES][WIDEST];
};

static int64_t saturate(int64_t value, int64_t limit)
{
	return value < -limit - 1 ? -limit - 1 : value > limit ? limit : value;
}

static int64_t product(const struct kernel_case *c, unsigned input, size_t row, const int64_t *vector, size_t count, int64_t zero_point)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += kernel_integer(&c->inputs[input], row * count + i) * (vector[i] - zero_point);
	return sum;
}

static int cell_log2(const struct kernel_case *c)
{
	return (int)lround(log2((double)scale_of(c, CELL_STATE)));
}

/* Away from zero where it lies in the middle. */
static int64_t shift(int64_t value, int bits)
{
	return llround(ldexp((double)value, -bits));
}

static void normalize_integers(const struct kernel_case *c, unsigned gate, int64_t *values, int64_t count)
{
	int64_t sum = 0, squares = 0, mean, variance, guard = (int64_t)(10000 * scale_of(c, NORM + gate));
	int exponent, own;
	int64_t multiplier, own_multiplier = fixed_point_split((double)scale_of(c, NORM + gate), &own);
	struct tfl_multiplier inverse;

	for (int64_t i = 0; i < count; i++) {
		sum += values[i];
		squares += values[i] * values[i];
	}
	mean = sum * 1024 / count;
	variance = (squares * (1048576 / count) - mean * mean) / 1048576;
	inverse = tfl_inverse_sqrt((int32_t)(variance >= 1 ? variance : guard < 1 ? 1 : guard < 1 << 30 ? guard : 1 << 30));
	multiplier = inverse.multiplier;
	exponent = inverse.shift;
	for (int64_t i = 0; i < count; i++) {
		int64_t normal = fixed_point_multiply_split(1024 * values[i] - mean, multiplier, exponent);
		int64_t weighted = normal * kernel_integer(&c->inputs[NORM + gate], (size_t)i) + kernel_integer(&c->inputs[BIAS + gate], (size_t)i);

		values[i] = saturate(fixed_point_multiply_split((int32_t)shift(weighted, 10), own_multiplier, own + 12), INT16_MAX);
	}
}

static void find_gate_integers(const struct kernel_case *c, unsigned gate, const int64_t *x, struct integers *state)
{
	size_t inputs, cells, outputs = sizes_of(c, &inputs, &cells);
	float unit = has(c, NORMALIZED) ? c->intermediates[gate].scales[0] : 1.0f / 4096;
	float from_input = scale_of(c, WEIGHTS + gate) * scale_of(c, X) / unit;
	float from_state = scale_of(c, RECURRENT + gate) * scale_of(c, OUTPUT_STATE) / unit;
	int64_t *sums = state->gates[gate];

	for (size_t i = 0; i < cells; i++) {
		int64_t bias = has(c, NORMALIZED) ? 0 : kernel_integer(&c->inputs[BIAS + gate], i);
		int64_t sum = bias + product(c, WEIGHTS + gate, i, x, inputs, c->inputs[X].zero_point);

		sums[i] = saturate(fixed_point_multiply(sum, (double)from_input), INT16_MAX);
		sum = product(c, RECURRENT + gate, i, state->output, outputs, c->inputs[OUTPUT_STATE].zero_point);
		sums[i] = saturate(sums[i] + fixed_point_multiply(sum, (double)from_state), INT16_MAX);
		if (has(c, PEEPHOLE) && gate != CELL) {
			double from_cell = ldexp((double)scale_of(c, peephole_of(gate)), cell_log2(c)) / (double)unit;

			sum = kernel_integer(&c->inputs[peephole_of(gate)], i) * state->cell[i];
			sums[i] = saturate(sums[i] + fixed_point_multiply(sum, (double)(float)from_cell), INT16_MAX);
		}
	}
	if (has(c, NORMALIZED))
		normalize_integers(c, gate, sums, (int64_t)cells);
	for (size_t i = 0; i < cells; i++)
		sums[i] = gate == CELL ? fixed_point_tanh16((int32_t)sums[i], 3) : fixed_point_logistic16((int32_t)sums[i]);
}

static int64_t clip(int64_t value, float limit, float scale, int64_t max)
{
	int64_t whole = (int64_t)fminf(limit / scale, (float)max);

	return whole > 0 && llabs(value) > whole ? (value < 0 ? -whole : whole) : value;
}

static void hide(const struct kernel_case *c, size_t cells, struct integers *state, int64_t *hidden)
{
	const struct kernel_tensor *tensor = &c->intermediates[4];
	double factor = (double)(float)(ldexp(1, -30) / (double)tensor->scales[0]);

	/* In front of a projection the zero point is taken away, and brought back by it. */
	for (size_t i = 0; i < cells; i++) {
		int64_t value = state->gates[OUT][i] * fixed_point_tanh16((int32_t)state->cell[i], 15 + cell_log2(c));

		value = fixed_point_multiply(value, factor) + (has(c, PROJECTED) ? -tensor->zero_point : tensor->zero_point);
		hidden[i] = saturate(value, INT8_MAX);
	}
}

static void step_integers(const struct kernel_case *c, const int64_t *x, struct integers *state)
{
	size_t inputs, cells, outputs = sizes_of(c, &inputs, &cells);
	float factor = scale_of(c, PROJECTION) * c->intermediates[4].scales[0] / scale_of(c, OUTPUT_STATE);
	int64_t hidden[WIDEST], zero_point = c->intermediates[4].zero_point;

	for (unsigned gate = has(c, GATED) ? IN : FORGET; gate < OUT; gate++)
		find_gate_integers(c, gate, x, state);
	for (size_t i = 0; i < cells; i++) {
		int64_t in = has(c, GATED) ? state->gates[IN][i] : 32767 - state->gates[FORGET][i];
		int64_t offer = shift(in * state->gates[CELL][i], 30 + cell_log2(c));

		state->cell[i] = saturate(shift(state->gates[FORGET][i] * state->cell[i], 15) + offer, INT16_MAX);
		state->cell[i] = clip(state->cell[i], c->beta, scale_of(c, CELL_STATE), INT16_MAX);
	}
	find_gate_integers(c, OUT, x, state);
	hide(c, cells, state, hidden);
	for (size_t i = 0; i < outputs; i++) {
		int64_t bias = has(c, BIASED) && has(c, PROJECTED) ? kernel_integer(&c->inputs[PROJECTION_BIAS], i) : 0;

		state->output[i] = hidden[i % cells];
		if (!has(c, PROJECTED))
			continue;
		state->output[i] = fixed_point_multiply(bias + product(c, PROJECTION, i, hidden, cells, -zero_point), (double)factor);
		state->output[i] = saturate(state->output[i] + c->inputs[OUTPUT_STATE].zero_point, INT8_MAX);
		state->output[i] = clip(state->output[i], (float)c->masks[0] / 100, c->output.scales[0], INT8_MAX);
	}
}

static void step(const struct kernel_case *c, size_t index, struct floats *floats, struct integers *integers)
{
	size_t inputs, cells;
	int64_t x[WIDEST * 2];

	sizes_of(c, &inputs, &cells);
	if (c->type != 'b') {
		step_floats(c, (const float *)c->inputs[X].data + index * inputs, floats);
		return;
	}
	for (size_t i = 0; i < inputs; i++)
		x[i] = kernel_integer(&c->inputs[X], index * inputs + i);
	step_integers(c, x, integers);
}

/* Rows of the batch one after the other, each from the beginning. */
static void refer_rows(const struct kernel_case *c, struct kernel_expected *expected, size_t batch, size_t steps)
{
	size_t inputs, cells, outputs = sizes_of(c, &inputs, &cells);

	for (size_t row = 0; row < batch; row++) {
		struct floats floats = {0};
		struct integers integers = {0};

		for (size_t i = 0; i < outputs; i++)
			integers.output[i] = c->inputs[OUTPUT_STATE].zero_point;
		for (size_t time = 0; time < steps; time++) {
			size_t index = c->flag ? time * batch + row : row * steps + time;

			step(c, index, &floats, &integers);
			for (size_t i = 0; i < outputs; i++) {
				struct kernel_element *element = &expected->element[index * outputs + i];

				element->value = c->type == 'b' ? (double)integers.output[i] : (double)floats.output[i];
				element->slack = c->type == 'b' ? 0 : 2e-4 * (1 + fabs(element->value));
			}
		}
	}
}

static void refer(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[X];
	bool sequence = input->rank == 3;
	int32_t dims[3];
	size_t inputs, cells;

	memcpy(dims, input->dims, input->rank * sizeof(*dims));
	dims[input->rank - 1] = (int32_t)sizes_of(c, &inputs, &cells);
	kernel_expect_shape(expected, input->rank, dims);
	refer_rows(c, expected, (size_t)dims[sequence && c->flag], sequence ? (size_t)dims[!c->flag] : 1);
}

const struct kernel_row kernel_lstm = {"LSTM", TFL_BUILTIN_LSTM, "fdb", draw_lstm, options_lstm, refer};
const struct kernel_row kernel_unidirectional_sequence_lstm = {"UNIDIRECTIONAL_SEQUENCE_LSTM", TFL_BUILTIN_UNIDIRECTIONAL_SEQUENCE_LSTM, "fdb",
							       draw_sequence, options_sequence, refer};
