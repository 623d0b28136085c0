/* SPDX-License-Identifier: MIT */
/*
 * LSTM steps in integers. A gate is a sum of int16 with 12 bits behind the point: of each product as it was rounded to that, saturated
 * after each. With layer normalisation it has the scale that the file gives the sum, as its first four intermediates; the fifth is what is
 * hidden behind the output gate, and has the output's scale where there is no projection.
 *
 * Scales are multiplied in float32 and in the reference's order, because the last bit of a multiplier is seen in results.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "runtime/kernel_lstm.h"

#define GATE_BITS 3    /* before the point, of a gate before its activation */
#define INTERMEDIATES 5
#define INTERMEDIATES_8BIT 12 /* where gates have 8 bits */
#define HIDDEN 4       /* of the intermediates */
#define NORM_BITS 10   /* behind the point, of what is normalised */

static const struct tfl_value *intermediate(const struct tfl_graph *graph, const struct tfl_node *node, unsigned index)
{
	int32_t tensor = node->source->intermediates[index];

	return tensor < 0 ? NULL : &graph->values[tensor];
}

static float scale_of(const struct tfl_graph *graph, const struct tfl_node *node, unsigned input)
{
	return tfl_node_input(graph, node, input)->scale;
}

static void prepare_gate(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_lstm *lstm, enum tfl_lstm_gate gate)
{
	struct tfl_lstm_scales *scales = &lstm->scales;
	float sum = lstm->normalized ? intermediate(graph, node, gate)->scale : 0x1p-12f, norm;
	float input = scale_of(graph, node, TFL_LSTM_INPUT), state = scale_of(graph, node, TFL_LSTM_OUTPUT_STATE);

	scales->weights[gate] = tfl_multiplier_from((double)(scale_of(graph, node, TFL_LSTM_WEIGHTS + gate) * input / sum));
	scales->recurrent[gate] = tfl_multiplier_from((double)(scale_of(graph, node, TFL_LSTM_RECURRENT + gate) * state / sum));
	if (lstm->peephole && gate != TFL_LSTM_CELL_GATE) {
		double weight = (double)scale_of(graph, node, tfl_lstm_peephole(gate));

		scales->peephole[gate] = tfl_multiplier_from((double)(float)(ldexp(weight, scales->cell_log2) / (double)sum));
	}
	if (!lstm->normalized)
		return;
	norm = scale_of(graph, node, TFL_LSTM_NORM + gate);
	scales->norm[gate] = tfl_multiplier_scale(tfl_multiplier_from((double)norm), 12);
	/* So that what does not vary does not overflow. */
	scales->variance_min[gate] = 10000 * norm < 1 ? 1 : 10000 * norm < 0x1p30f ? (int32_t)(10000 * norm) : 1 << 30;
}

static int clip_of(float limit, float scale, float max)
{
	return limit > 0 ? (int)fminf(limit / scale, max) : 0;
}

static void prepare_scales(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_lstm *lstm)
{
	const struct tfl_value *hidden = intermediate(graph, node, HIDDEN);
	struct tfl_lstm_scales *scales = &lstm->scales;

	for (unsigned gate = lstm->coupled ? TFL_LSTM_FORGET_GATE : TFL_LSTM_INPUT_GATE; gate < TFL_LSTM_GATES; gate++)
		prepare_gate(graph, node, lstm, gate);
	/* A gate and what the cell is become have 15 bits behind the point each. */
	scales->hidden = tfl_multiplier_from((double)(float)(0x1p-30 / (double)hidden->scale));
	/* What a projection reads is stored with the zero point's sign turned around; the same numbers, saturated elsewhere. */
	scales->hidden_zero_point = lstm->projected ? -hidden->zero_point : hidden->zero_point;
	scales->input_zero_point = tfl_node_input(graph, node, TFL_LSTM_INPUT)->zero_point;
	scales->state_zero_point = tfl_node_input(graph, node, TFL_LSTM_OUTPUT_STATE)->zero_point;
	if (lstm->projected)
		scales->projection = tfl_multiplier_from((double)(scale_of(graph, node, TFL_LSTM_PROJECTION) * hidden->scale /
								  scale_of(graph, node, TFL_LSTM_OUTPUT_STATE)));
	scales->cell_clip = clip_of(lstm->cell_clip, scale_of(graph, node, TFL_LSTM_CELL_STATE), INT16_MAX);
	scales->projection_clip = clip_of(lstm->projection_clip, tfl_node_output(graph, node, 0)->scale, INT8_MAX);
}

static int check_scales(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_lstm *lstm, struct tfl_error *error)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < node->source->input_count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);
		char what[24];

		snprintf(what, sizeof(what), "input %u", i);
		if (value)
			r = tfl_check_symmetric(graph, node, value, what, error);
	}
	if (r == 0)
		r = tfl_check_quantized(graph, node, tfl_node_output(graph, node, 0), "output", error);
	for (unsigned i = lstm->normalized ? 0 : HIDDEN; r == 0 && i < INTERMEDIATES; i++) {
		const struct tfl_value *value = intermediate(graph, node, i);
		bool unused = i == TFL_LSTM_INPUT_GATE && lstm->coupled;

		if (!unused && (!value || value->tensor->quantization.count != 1 || !isnormal(value->scale) || value->scale < 0))
			return tfl_node_invalid(graph, node, error, "intermediate %u has no scale", i);
	}
	return r;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_lstm *lstm, struct tfl_error *error)
{
	float cell = scale_of(graph, node, TFL_LSTM_CELL_STATE);
	int r;

	if (node->source->intermediate_count == INTERMEDIATES_8BIT)
		return tfl_node_unsupported(graph, node, error, "its gates have 8 bits, as %d intermediates say; with %d they have 16, which is known",
					    INTERMEDIATES_8BIT, INTERMEDIATES);
	if (node->source->intermediate_count != INTERMEDIATES)
		return tfl_node_unsupported(graph, node, error, "it has %u intermediates; %d are right where the cell is int16",
					    node->source->intermediate_count, INTERMEDIATES);
	if (lstm->activation != TFL_ACTIVATION_TANH)
		return tfl_node_unsupported(graph, node, error, "its activation has the number %d; in integers only %d, TANH, is", lstm->activation,
					    TFL_ACTIVATION_TANH);
	r = check_scales(graph, node, lstm, error);
	if (r < 0)
		return r;
	if (!tfl_is_power_of_2(cell, &lstm->scales.cell_log2) || lstm->scales.cell_log2 < -15 || lstm->scales.cell_log2 > -9)
		return tfl_node_unsupported(graph, node, error, "its cell has the scale %g; only powers of 2 from 2^-15 to 2^-9 are", (double)cell);
	prepare_scales(graph, node, lstm);
	return 0;
}

static void add(int16_t *sums, const int32_t *products, size_t count, struct tfl_multiplier multiplier)
{
	for (size_t i = 0; i < count; i++)
		sums[i] = tfl_saturate16((int64_t)sums[i] + tfl_multiply(products[i], multiplier));
}

static void add_peephole(const struct tfl_lstm_run *run, enum tfl_lstm_gate gate, int16_t *sums)
{
	const int16_t *weights = tfl_lstm_content(run, tfl_lstm_peephole(gate)), *cell = run->cell_state;

	for (size_t i = 0; i < run->lstm->cells; i++)
		sums[i] = tfl_saturate16((int64_t)sums[i] + tfl_multiply(weights[i] * cell[i], run->lstm->scales.peephole[gate]));
}

/* One over the standard deviation of values; *ret_mean has NORM_BITS behind the point. */
static struct tfl_multiplier find_deviation(const int16_t *values, size_t count, int32_t variance_min, int32_t *ret_mean)
{
	int64_t sum = 0, squares = 0, part = (1 << 2 * NORM_BITS) / (int64_t)count, mean, variance;

	for (size_t i = 0; i < count; i++) {
		sum += values[i];
		squares += values[i] * values[i];
	}
	mean = sum * (1 << NORM_BITS) / (int64_t)count;
	variance = (squares * part - mean * mean) / (1 << 2 * NORM_BITS);
	*ret_mean = (int32_t)mean;
	return tfl_inverse_sqrt(variance < 1 ? variance_min : (int32_t)variance);
}

static void normalize(const struct tfl_lstm_run *run, enum tfl_lstm_gate gate, int16_t *values)
{
	const struct tfl_lstm_scales *scales = &run->lstm->scales;
	const int16_t *factors = tfl_lstm_content(run, TFL_LSTM_NORM + gate);
	const int32_t *bias = tfl_lstm_content(run, TFL_LSTM_BIAS + gate);
	const int64_t one = 1 << NORM_BITS;
	int32_t mean;
	struct tfl_multiplier deviation = find_deviation(values, run->lstm->cells, scales->variance_min[gate], &mean);

	for (size_t i = 0; i < run->lstm->cells; i++) {
		int32_t normal = tfl_multiply((int32_t)(values[i] * one) - mean, deviation);
		int64_t weighted = (int64_t)normal * factors[i] + bias[i], half = weighted > 0 ? one / 2 : -one / 2;

		values[i] = tfl_saturate16(tfl_multiply((int32_t)((weighted + half) / one), scales->norm[gate]));
	}
}

static void find_gate(const struct tfl_lstm_run *run, enum tfl_lstm_gate gate, const struct tfl_vector *input,
		      const struct tfl_vector *state)
{
	const struct tfl_lstm *lstm = run->lstm;
	const struct tfl_lstm_scales *scales = &lstm->scales;
	const int32_t *bias = lstm->normalized ? NULL : tfl_lstm_content(run, TFL_LSTM_BIAS + gate);
	int16_t *sums = run->gates[gate];

	memset(sums, 0, lstm->cells * sizeof(*sums));
	add(sums, tfl_recurrent_multiply(&run->base, input, TFL_LSTM_WEIGHTS + gate, lstm->cells, bias), lstm->cells, scales->weights[gate]);
	add(sums, tfl_recurrent_multiply(&run->base, state, TFL_LSTM_RECURRENT + gate, lstm->cells, NULL), lstm->cells,
	    scales->recurrent[gate]);
	if (lstm->peephole && gate != TFL_LSTM_CELL_GATE)
		add_peephole(run, gate, sums);
	if (lstm->normalized)
		normalize(run, gate, sums);
	for (size_t i = 0; i < lstm->cells; i++)
		sums[i] = gate == TFL_LSTM_CELL_GATE ? tfl_fixed16_tanh(sums[i], GATE_BITS) : tfl_fixed16_logistic(sums[i]);
}

static void update_cell(const struct tfl_lstm_run *run)
{
	const int16_t *in = run->gates[TFL_LSTM_INPUT_GATE], *forget = run->gates[TFL_LSTM_FORGET_GATE];
	const int16_t *offer = run->gates[TFL_LSTM_CELL_GATE];
	int32_t clip = run->lstm->scales.cell_clip;
	int16_t *cell = run->cell_state;

	for (size_t i = 0; i < run->lstm->cells; i++) {
		int32_t gate = run->lstm->coupled ? INT16_MAX - forget[i] : in[i];
		int32_t kept = tfl_fixed_shift_right(forget[i] * cell[i], 15);

		cell[i] = tfl_saturate16(kept + tfl_fixed_shift_right(gate * offer[i], 30 + run->lstm->scales.cell_log2));
		if (clip > 0)
			cell[i] = (int16_t)(cell[i] < -clip ? -clip : cell[i] > clip ? clip : cell[i]);
	}
}

static void project(const struct tfl_lstm_run *run, const int8_t *hidden, int8_t *output)
{
	const struct tfl_lstm *lstm = run->lstm;
	struct tfl_vector vector = tfl_recurrent_bytes(&run->base, hidden, lstm->cells, lstm->scales.hidden_zero_point, run->hidden_row);
	const int32_t *sums = tfl_recurrent_multiply(&run->base, &vector, TFL_LSTM_PROJECTION, lstm->outputs,
						     tfl_lstm_content(run, TFL_LSTM_PROJECTION_BIAS));
	int32_t zero_point = lstm->scales.state_zero_point;
	int32_t clip = lstm->scales.projection_clip;

	for (size_t i = 0; i < lstm->outputs; i++) {
		output[i] = tfl_saturate8((int64_t)tfl_multiply(sums[i], lstm->scales.projection) + zero_point);
		if (clip > 0)
			output[i] = (int8_t)(output[i] < -clip ? -clip : output[i] > clip ? clip : output[i]);
	}
}

static void update_output(const struct tfl_lstm_run *run)
{
	const struct tfl_lstm *lstm = run->lstm;
	const int16_t *gate = run->gates[TFL_LSTM_OUTPUT_GATE], *cell = run->cell_state;
	int8_t *hidden = lstm->projected ? run->base.quantized : run->output_state;

	for (size_t i = 0; i < lstm->cells; i++) {
		int32_t product = gate[i] * tfl_fixed16_tanh(cell[i], 15 + lstm->scales.cell_log2);

		hidden[i] = tfl_saturate8((int64_t)tfl_multiply(product, lstm->scales.hidden) + lstm->scales.hidden_zero_point);
	}
	if (lstm->projected)
		project(run, hidden, run->output_state);
}

static void step(const struct tfl_lstm_run *run)
{
	const struct tfl_lstm *lstm = run->lstm;
	const struct tfl_lstm_scales *scales = &lstm->scales;
	struct tfl_vector input = tfl_recurrent_bytes(&run->base, run->input, lstm->inputs, scales->input_zero_point, run->input_row);
	struct tfl_vector state = tfl_recurrent_bytes(&run->base, run->output_state, lstm->outputs, scales->state_zero_point, run->state_row);

	if (!lstm->coupled)
		find_gate(run, TFL_LSTM_INPUT_GATE, &input, &state);
	find_gate(run, TFL_LSTM_FORGET_GATE, &input, &state);
	find_gate(run, TFL_LSTM_CELL_GATE, &input, &state);
	update_cell(run);
	find_gate(run, TFL_LSTM_OUTPUT_GATE, &input, &state);
	update_output(run);
}

const struct tfl_lstm_kind tfl_lstm_int8 = {TFL_INT8, TFL_INT8, prepare, step};
