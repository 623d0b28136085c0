/* SPDX-License-Identifier: MIT */
/*
 * LSTM steps in float32, with weights of float32, or of bytes: then what they are multiplied with is quantised first, each vector with a
 * scale of its own, and only these products are sums of integers.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "runtime/kernel_lstm.h"

static void add_peephole(const struct tfl_lstm_run *run, enum tfl_lstm_gate gate, float *sums)
{
	float scale = tfl_node_input(run->base.run->graph, run->base.node, tfl_lstm_peephole(gate))->scale;
	const void *weights = tfl_lstm_content(run, tfl_lstm_peephole(gate));
	bool hybrid = tfl_recurrent_is_hybrid(run->base.arithmetic);
	const float *cell = run->cell_state;

	for (size_t i = 0; i < run->lstm->cells; i++)
		sums[i] += (hybrid ? scale * (float)((const int8_t *)weights)[i] : ((const float *)weights)[i]) * cell[i];
}

static void normalize(float *values, size_t count, const float *factors, const float *bias)
{
	float mean = 0, squares = 0, inverse;

	for (size_t i = 0; i < count; i++)
		mean += values[i];
	mean /= (float)count;
	for (size_t i = 0; i < count; i++)
		squares += (values[i] - mean) * (values[i] - mean);
	inverse = 1 / sqrtf(squares / (float)count + 1e-8f);
	for (size_t i = 0; i < count; i++)
		values[i] = (values[i] - mean) * inverse * factors[i] + bias[i];
}

static void logistic(float *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		values[i] = 1 / (1 + expf(-values[i]));
}

static void find_gate(const struct tfl_lstm_run *run, enum tfl_lstm_gate gate, const struct tfl_vector *input,
		      const struct tfl_vector *state)
{
	const struct tfl_lstm *lstm = run->lstm;
	const float *bias = tfl_lstm_content(run, TFL_LSTM_BIAS + gate);
	float *sums = run->gates[gate];

	for (size_t i = 0; i < lstm->cells; i++)
		sums[i] = lstm->normalized ? 0 : bias[i];
	tfl_recurrent_add(&run->base, input, TFL_LSTM_WEIGHTS + gate, lstm->cells, sums);
	tfl_recurrent_add(&run->base, state, TFL_LSTM_RECURRENT + gate, lstm->cells, sums);
	if (lstm->peephole && gate != TFL_LSTM_CELL_GATE)
		add_peephole(run, gate, sums);
	if (lstm->normalized)
		normalize(sums, lstm->cells, tfl_lstm_content(run, TFL_LSTM_NORM + gate), bias);
	if (gate == TFL_LSTM_CELL_GATE)
		tfl_recurrent_activate(lstm->activation, sums, lstm->cells, sums);
	else
		logistic(sums, lstm->cells);
}

static void clip(float *values, size_t count, float limit)
{
	for (size_t i = 0; limit > 0 && i < count; i++)
		values[i] = fminf(fmaxf(values[i], -limit), limit);
}

static void update_cell(const struct tfl_lstm_run *run)
{
	const float *in = run->gates[TFL_LSTM_INPUT_GATE], *forget = run->gates[TFL_LSTM_FORGET_GATE], *offer = run->gates[TFL_LSTM_CELL_GATE];
	float *cell = run->cell_state;

	for (size_t i = 0; i < run->lstm->cells; i++)
		cell[i] = forget[i] * cell[i] + offer[i] * (run->lstm->coupled ? 1 - forget[i] : in[i]);
	clip(cell, run->lstm->cells, run->lstm->cell_clip);
}

static void update_output(const struct tfl_lstm_run *run)
{
	const struct tfl_lstm *lstm = run->lstm;
	const float *gate = run->gates[TFL_LSTM_OUTPUT_GATE], *bias = tfl_lstm_content(run, TFL_LSTM_PROJECTION_BIAS);
	float *hidden = run->hidden, *output = run->output_state;
	struct tfl_vector vector;

	tfl_recurrent_activate(lstm->activation, run->cell_state, lstm->cells, hidden);
	for (size_t i = 0; i < lstm->cells; i++)
		hidden[i] *= gate[i];
	if (!lstm->projected) {
		memcpy(output, hidden, lstm->cells * sizeof(*hidden));
		return;
	}
	for (size_t i = 0; i < lstm->outputs; i++)
		output[i] = bias ? bias[i] : 0;
	vector = tfl_recurrent_floats(&run->base, hidden, lstm->cells, run->hidden_row);
	tfl_recurrent_add(&run->base, &vector, TFL_LSTM_PROJECTION, lstm->outputs, output);
	clip(output, lstm->outputs, lstm->projection_clip);
}

static void step(const struct tfl_lstm_run *run)
{
	const struct tfl_lstm *lstm = run->lstm;
	struct tfl_vector input = tfl_recurrent_floats(&run->base, run->input, lstm->inputs, run->input_row);
	struct tfl_vector state = tfl_recurrent_floats(&run->base, run->output_state, lstm->outputs, run->state_row);

	if (!lstm->coupled)
		find_gate(run, TFL_LSTM_INPUT_GATE, &input, &state);
	find_gate(run, TFL_LSTM_FORGET_GATE, &input, &state);
	find_gate(run, TFL_LSTM_CELL_GATE, &input, &state);
	update_cell(run);
	find_gate(run, TFL_LSTM_OUTPUT_GATE, &input, &state);
	update_output(run);
}

static int prepare_float(struct tfl_graph *graph, struct tfl_node *node, struct tfl_lstm *lstm, struct tfl_error *error)
{
	return tfl_recurrent_check_activation(graph, node, lstm->activation, error);
}

static int prepare_hybrid(struct tfl_graph *graph, struct tfl_node *node, struct tfl_lstm *lstm, struct tfl_error *error)
{
	for (unsigned i = TFL_LSTM_WEIGHTS; i <= TFL_LSTM_PROJECTION; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);
		char what[24];
		int r;

		if (!value || (i >= TFL_LSTM_BIAS && i < TFL_LSTM_PROJECTION))
			continue;
		snprintf(what, sizeof(what), "input %u", i);
		r = tfl_check_quantized(graph, node, value, what, error);
		if (r < 0)
			return r;
	}
	return prepare_float(graph, node, lstm, error);
}

const struct tfl_lstm_kind tfl_lstm_float = {TFL_FLOAT32, TFL_FLOAT32, prepare_float, step};
const struct tfl_lstm_kind tfl_lstm_hybrid = {TFL_FLOAT32, TFL_INT8, prepare_hybrid, step};
const struct tfl_lstm_kind tfl_lstm_hybrid_uint8 = {TFL_FLOAT32, TFL_UINT8, prepare_hybrid, step};
