/* SPDX-License-Identifier: MIT */
/*
 * SOFTMAX over the last dimension: exp(beta * (x - max)) / sum. Quantised: exponentials from a table of 256 differences, the sum in
 * float, the result rounded to the output's scale. XNNPACK has float32 with a beta of 1.
 */
#include <errno.h>
#include <math.h>

#include "base/error.h"
#include "runtime/lower.h"
#include "runtime/op.h"
#include "runtime/quant.h"

enum { BETA };

struct params {
	float beta;
	float exponentials[256]; /* of -beta * scale * i */
};

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int r;

	if (!params)
		return -ENOMEM;
	params->beta = tfl_fb_f32(&node->source->options, BETA, 0);
	if (!isfinite(params->beta) || params->beta < 0)
		return tfl_node_invalid(graph, node, error, "its beta is %g; a finite number, not below 0, is right", (double)params->beta);
	if (input->rank < 1)
		return tfl_node_invalid(graph, node, error, "the input has no dimensions; at least 1 is right");
	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, tfl_node_output(graph, node, 0), "output", error);
	if (r < 0)
		return r;
	for (int i = 0; i < 256; i++)
		params->exponentials[i] = (float)exp(-(double)params->beta * (double)input->scale * i);
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

static void row_float32(float beta, const float *input, int32_t depth, float *output)
{
	float greatest = input[0], sum = 0;

	for (int32_t i = 1; i < depth; i++)
		greatest = input[i] > greatest ? input[i] : greatest;
	for (int32_t i = 0; i < depth; i++)
		sum += output[i] = expf(beta * (input[i] - greatest));
	for (int32_t i = 0; i < depth; i++)
		output[i] /= sum;
}

/* Bytes are compared as the type orders them: an int8 with its sign bit flipped sorts as a uint8. */
static void row_quantized(const struct params *params, const struct tfl_value *value, uint8_t flip, const uint8_t *input, int32_t depth,
			  uint8_t *output)
{
	uint8_t greatest = 0;
	int32_t min, max;
	float sum = 0, factor;

	tfl_integer_range(value->dtype, &min, &max);
	for (int32_t i = 0; i < depth; i++)
		greatest = (input[i] ^ flip) > greatest ? (input[i] ^ flip) : greatest;
	for (int32_t i = 0; i < depth; i++)
		sum += params->exponentials[greatest - (input[i] ^ flip)];
	factor = 1.0f / (sum * value->scale);
	for (int32_t i = 0; i < depth; i++) {
		float scaled = params->exponentials[greatest - (input[i] ^ flip)] * factor + 0.5f;
		int32_t q = (scaled < (float)(max - min) ? (int32_t)scaled : max - min) + value->zero_point;

		output[i] = (uint8_t)(q < min ? min : q > max ? max : q);
	}
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	int32_t depth = input->dims[input->rank - 1];

	for (size_t i = 0; i < input->elements; i += (size_t)depth) {
		if (input->dtype == TFL_FLOAT32)
			row_float32(params->beta, (const float *)(const void *)from + i, depth, (float *)(void *)to + i);
		else
			row_quantized(params, output, input->dtype == TFL_INT8 ? 0x80 : 0, from + i, depth, to + i);
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
	.types = "f:f b:b B:B",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
