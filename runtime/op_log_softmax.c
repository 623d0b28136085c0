/* SPDX-License-Identifier: MIT */
/*
 * LOG_SOFTMAX over the last dimension: x - max - log(sum(exp(x - max))). Quantised tensors are computed in float, row by row. XNNPACK
 * does not have it.
 */
#include <math.h>

#include "base/error.h"
#include "runtime/op.h"
#include "runtime/quant.h"

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int r;

	if (input->rank < 1)
		return tfl_node_invalid(graph, node, error, "the input has no dimensions; at least 1 is right");
	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, tfl_node_output(graph, node, 0), "output", error);
	if (input->dtype != TFL_FLOAT32)
		node->scratch_bytes = (size_t)input->dims[input->rank - 1] * sizeof(float);
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static void row(const float *input, int32_t depth, float *output)
{
	float greatest = input[0], sum = 0, offset;

	for (int32_t i = 1; i < depth; i++)
		greatest = input[i] > greatest ? input[i] : greatest;
	for (int32_t i = 0; i < depth; i++)
		sum += expf(input[i] - greatest);
	offset = greatest + logf(sum);
	for (int32_t i = 0; i < depth; i++)
		output[i] = input[i] - offset;
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	int32_t depth = input->dims[input->rank - 1];
	float *scratch = run->scratch;

	for (size_t i = 0; i < input->elements; i += (size_t)depth) {
		if (input->dtype == TFL_FLOAT32) {
			row((const float *)(const void *)from + i, depth, (float *)(void *)to + i);
			continue;
		}
		tfl_dequantize(input->dtype, input->scale, input->zero_point, from + i, (size_t)depth, scratch);
		row(scratch, depth, scratch);
		tfl_quantize(output->dtype, output->scale, output->zero_point, scratch, (size_t)depth, to + i);
	}
	return 0;
}

const struct tfl_op tfl_op_log_softmax = {
	.code = TFL_BUILTIN_LOG_SOFTMAX,
	.options = TFL_OPTIONS_LOG_SOFTMAX,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 2,
	.name = "LOG_SOFTMAX",
	.types = "f:f b:b B:B",
	.prepare = prepare,
	.run = run,
};
