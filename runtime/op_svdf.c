/* SPDX-License-Identifier: MIT */
/*
 * SVDF, a fully connected layer over the last moments of a sequence, of low rank: a row of filters, each the product of weights for the
 * input and of weights for time. A run multiplies the input [batch, inputs] with the first [filters, inputs], which gives each filter a
 * number; the state [batch, filters, moments] holds those of the last runs, the newest behind the others. Each filter's moments are summed
 * with its weights for time [filters, moments], rank neighbouring filters make one unit, and bias and activation follow.
 *
 *	input    weights      weights for time    state
 *	float32  float32      float32             float32
 *	float32  int8, uint8  the same            float32    the input is quantised first, see kernel_linear.h
 *	int8     int8         int16               int16
 *
 * Semantics: TensorFlow Lite's reference kernel, bit for bit where all is integers. There the activation is NONE or RELU, and is what the
 * output's range leaves.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_recurrent.h"

enum { INPUT, WEIGHTS, TIME, BIAS, STATE };

struct params {
	const struct tfl_arithmetic *arithmetic;
	int32_t batch;
	size_t inputs, filters, moments, rank, units;
	int activation;
	bool asymmetric;
	struct tfl_multiplier newest, output; /* of integers: into the state, and into the output */
	int32_t input_zero_point, output_zero_point;
};

/* One run, at one row of the batch. */
struct state {
	struct tfl_recurrent base;
	int16_t *row;
	void *sums; /* an element for each filter */
};

static int check_shapes(const struct tfl_graph *graph, const struct tfl_node *node, const struct params *params, struct tfl_error *error)
{
	const struct tfl_value *time = tfl_node_input(graph, node, TIME), *bias = tfl_node_input(graph, node, BIAS);
	const struct tfl_value *state = tfl_node_input(graph, node, STATE);
	size_t moments = (size_t)params->batch * params->filters * params->moments;

	if (params->inputs < 1 || params->filters < 1 || params->moments < 1 || (size_t)time->dims[0] != params->filters)
		return tfl_node_invalid(graph, node, error, "its %zu filters have weights for %zu inputs, and %d filters for %zu moments",
					params->filters, params->inputs, time->dims[0], params->moments);
	if (bias && (bias->rank != 1 || bias->elements != params->units))
		return tfl_node_invalid(graph, node, error, "the bias has %zu elements; %zu would be right", bias->elements, params->units);
	if (!state->variable || state->elements != moments)
		return tfl_node_invalid(graph, node, error, "input %d, its state, must be a variable of %zu elements", STATE, moments);
	return 0;
}

static int read_shapes(const struct tfl_graph *graph, const struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, INPUT), *weights = tfl_node_input(graph, node, WEIGHTS);
	const struct tfl_value *time = tfl_node_input(graph, node, TIME);
	int32_t rank = tfl_fb_i32(&node->source->options, 0, 0);

	if (input->rank != 2 || weights->rank != 2 || time->rank != 2 || input->dims[1] != weights->dims[1])
		return tfl_node_invalid(graph, node, error,
					"input and weights have %u, %u and %u dimensions; 2 each, with one number of columns, are right",
					input->rank, weights->rank, time->rank);
	if (rank < 1 || weights->dims[0] % rank != 0)
		return tfl_node_invalid(graph, node, error, "its rank is %d; %d filters are no multiple of that", rank, weights->dims[0]);
	params->batch = input->dims[0];
	params->inputs = (size_t)input->dims[1];
	params->filters = (size_t)weights->dims[0];
	params->moments = (size_t)time->dims[1];
	params->rank = (size_t)rank;
	params->units = params->filters / params->rank;
	return check_shapes(graph, node, params, error);
}

static int check_scales(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error)
{
	static const char *const names[] = {[INPUT] = "input", [WEIGHTS] = "first weights", [TIME] = "weights for time", [STATE] = "state"};
	int r = tfl_check_quantized(graph, node, tfl_node_output(graph, node, 0), "output", error);

	for (unsigned i = INPUT; r == 0 && i <= STATE; i++)
		if (i != BIAS)
			r = tfl_check_symmetric(graph, node, tfl_node_input(graph, node, i), names[i], error);
	return r;
}

/* In float32 and in the reference's order: the last bit of a multiplier is seen in results. */
static int prepare_integers(const struct tfl_graph *graph, const struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, INPUT), *output = tfl_node_output(graph, node, 0);
	float state = tfl_node_input(graph, node, STATE)->scale;

	if (params->activation != TFL_ACTIVATION_NONE && params->activation != TFL_ACTIVATION_RELU)
		return tfl_node_unsupported(graph, node, error, "its activation has the number %d; in integers only 0 and 1, RELU, are",
					    params->activation);
	params->newest = tfl_multiplier_from((double)(input->scale * tfl_node_input(graph, node, WEIGHTS)->scale / state));
	params->output = tfl_multiplier_from((double)(state * tfl_node_input(graph, node, TIME)->scale / output->scale));
	params->input_zero_point = input->zero_point;
	params->output_zero_point = output->zero_point;
	return 0;
}

static size_t place(const struct params *params, void *scratch, struct state *state)
{
	size_t used = 0;

	state->sums = tfl_recurrent_place(scratch, &used, params->filters * sizeof(float));
	state->row = tfl_recurrent_place(scratch, &used, params->inputs * sizeof(int16_t));
	state->base.sums = tfl_recurrent_place(scratch, &used, params->filters * sizeof(int32_t));
	state->base.quantized = tfl_recurrent_place(scratch, &used, params->inputs);
	return used;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	enum { RANK, ACTIVATION, ASYMMETRIC_QUANTIZE_INPUTS };
	const struct tfl_value *input = tfl_node_input(graph, node, INPUT);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	struct state state;
	int r;

	if (!params)
		return -ENOMEM;
	params->activation = tfl_fb_i8(&node->source->options, ACTIVATION, 0);
	params->asymmetric = tfl_fb_bool(&node->source->options, ASYMMETRIC_QUANTIZE_INPUTS, false);
	r = tfl_recurrent_check_activation(graph, node, params->activation, error);
	if (r == 0)
		r = read_shapes(graph, node, params, error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, 0, 2, (int32_t[]){params->batch, (int32_t)params->units}, error);
	if (r == 0)
		r = tfl_node_charge(graph, node, (uint64_t)params->batch * params->filters, params->inputs + params->moments, error);
	if (r == 0)
		r = check_scales(graph, node, error);
	if (r < 0)
		return r;
	params->arithmetic = tfl_arithmetic_of(input->dtype, tfl_node_input(graph, node, WEIGHTS)->dtype);
	node->scratch_bytes = place(params, NULL, &state);
	return input->dtype == TFL_INT8 ? prepare_integers(graph, node, params, error) : 0;
}

/* Makes room for the newest moment of all filters: what moves over from one filter to the one before is written over. */
static void move_moments(const struct params *params, void *moments, size_t size)
{
	memmove(moments, (uint8_t *)moments + size, (params->filters * params->moments - 1) * size);
}

static float sum_floats(const float *moments, const float *weights, size_t count)
{
	float sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += moments[i] * weights[i];
	return sum;
}

static float sum_bytes(const float *moments, const int8_t *weights, size_t count, float scale)
{
	float sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += moments[i] * (scale * (float)weights[i]);
	return sum;
}

/* Unsigned: it may wrap. */
static uint32_t sum_integers(const int16_t *moments, const int16_t *weights, size_t count)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (uint32_t)(moments[i] * weights[i]);
	return sum;
}

static void run_floats(const struct state *state, const struct params *params, const void *input, void *moments, void *output)
{
	const struct tfl_run *run = state->base.run;
	const struct tfl_node *node = state->base.node;
	const void *weights = tfl_run_input(run, node, TIME);
	const float *bias = tfl_run_input(run, node, BIAS);
	bool hybrid = tfl_recurrent_is_hybrid(params->arithmetic);
	float scale = tfl_node_input(run->graph, node, TIME)->scale, *newest = state->sums, *to = output, *row = moments;
	struct tfl_vector vector = tfl_recurrent_floats(&state->base, input, params->inputs, state->row);

	memset(newest, 0, params->filters * sizeof(*newest));
	tfl_recurrent_add(&state->base, &vector, WEIGHTS, params->filters, newest);
	move_moments(params, moments, sizeof(*row));
	for (size_t unit = 0, filter = 0; unit < params->units; unit++) {
		float sum = bias ? bias[unit] : 0;

		for (size_t end = filter + params->rank; filter < end; filter++, row += params->moments) {
			size_t first = filter * params->moments;

			row[params->moments - 1] = newest[filter];
			sum += hybrid ? sum_bytes(row, (const int8_t *)weights + first, params->moments, scale)
				      : sum_floats(row, (const float *)weights + first, params->moments);
		}
		to[unit] = sum;
	}
	tfl_recurrent_activate(params->activation, to, params->units, to);
}

static void run_integers(const struct state *state, const struct params *params, const void *input, void *moments, void *output)
{
	const int16_t *weights = tfl_run_input(state->base.run, state->base.node, TIME);
	const int32_t *bias = tfl_run_input(state->base.run, state->base.node, BIAS);
	struct tfl_vector vector = tfl_recurrent_bytes(&state->base, input, params->inputs, params->input_zero_point, state->row);
	const int32_t *newest = tfl_recurrent_multiply(&state->base, &vector, WEIGHTS, params->filters, NULL);
	int16_t *row = moments;

	move_moments(params, moments, sizeof(*row));
	for (size_t unit = 0, filter = 0; unit < params->units; unit++) {
		uint32_t sum = bias ? (uint32_t)bias[unit] : 0;

		for (size_t end = filter + params->rank; filter < end; filter++, row += params->moments, weights += params->moments) {
			row[params->moments - 1] = tfl_saturate16(tfl_multiply(newest[filter], params->newest));
			sum += sum_integers(row, weights, params->moments);
		}
		((int8_t *)output)[unit] = tfl_saturate8((int64_t)tfl_multiply((int32_t)sum, params->output) + params->output_zero_point);
	}
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	struct state state = {.base = {run, node, params->arithmetic, params->asymmetric, NULL, NULL}};
	size_t size = tfl_dtype_size(tfl_node_input(run->graph, node, INPUT)->dtype);
	size_t moment = tfl_dtype_size(tfl_node_input(run->graph, node, STATE)->dtype);
	const uint8_t *from = tfl_run_input(run, node, INPUT);
	uint8_t *moments = tfl_run_variable(run, node, STATE), *to = tfl_run_output(run, node, 0);

	place(params, run->scratch, &state);
	for (int32_t row = 0; row < params->batch; row++) {
		(size == 1 ? run_integers : run_floats)(&state, params, from, moments, to);
		from += params->inputs * size;
		moments += params->filters * params->moments * moment;
		to += params->units * size;
	}
	return 0;
}

const struct tfl_op tfl_op_svdf = {
	.code = TFL_BUILTIN_SVDF,
	.options = TFL_OPTIONS_SVDF,
	.inputs_min = 5,
	.inputs_max = 5,
	.optional = 1 << BIAS,
	.outputs = 1,
	.max_version = 4,
	.name = "SVDF",
	.types = "fffff:f fbbff:f fBBff:f bbsis:b",
	.stateful = true,
	.prepare = prepare,
	.run = run,
};
