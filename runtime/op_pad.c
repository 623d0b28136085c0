/* SPDX-License-Identifier: MIT */
/*
 * PAD: the input framed by elements that stand for 0: the zero point of a quantised tensor. The second input, [rank, 2], gives the number
 * of elements before and after each dimension.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"
#include "runtime/op.h"
#include "runtime/quant.h"

struct params {
	int32_t before[TFL_RANK_MAX], after[TFL_RANK_MAX];
};

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t pairs[2 * TFL_RANK_MAX], dims[TFL_RANK_MAX];
	unsigned count;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, 1, 2 * TFL_RANK_MAX, pairs, &count, error);
	if (r == 0 && output->quantized)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r < 0)
		return r;
	if (count != 2u * input->rank)
		return tfl_node_invalid(graph, node, error, "the paddings have %u elements; %u for %u dimensions are right", count, 2 * input->rank,
					input->rank);
	for (unsigned d = 0; d < input->rank; d++) {
		int64_t size = (int64_t)input->dims[d] + pairs[2 * d] + pairs[2 * d + 1];

		if (pairs[2 * d] < 0 || pairs[2 * d + 1] < 0 || size > INT32_MAX)
			return tfl_node_invalid(graph, node, error, "dimension %u is padded by %d and %d; neither may be negative nor the sum too large", d,
						pairs[2 * d], pairs[2 * d + 1]);
		params->before[d] = pairs[2 * d];
		params->after[d] = pairs[2 * d + 1];
		dims[d] = (int32_t)size;
	}
	return tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	const struct tfl_value *from = tfl_node_input(lower->graph, node, 0), *to = tfl_node_output(lower->graph, node, 0);
	size_t before[TFL_RANK_MAX], after[TFL_RANK_MAX];
	uint32_t input, output;
	int r;

	if (from->scale != to->scale || from->zero_point != to->zero_point)
		return 1;
	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r != 0)
		return r;
	for (unsigned d = 0; d < from->rank; d++) {
		before[d] = (size_t)params->before[d];
		after[d] = (size_t)params->after[d];
	}
	return tfl_lower_status(xnn_define_static_constant_pad(lower->subgraph, before, after, 0, input, output, 0));
}

/* Only small integers with a scale have a zero that is not all bits 0. */
static void fill(const struct tfl_value *value, uint8_t *data)
{
	size_t element = tfl_dtype_size(value->dtype);
	int32_t zero = value->quantized && element <= 2 ? value->zero_point : 0;

	for (size_t i = 0; zero && element == 2 && i < value->elements; i++)
		memcpy(data + i * element, &zero, element);
	if (!zero || element == 1)
		memset(data, zero, value->bytes);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	size_t element = tfl_dtype_size(input->dtype), strides[TFL_RANK_MAX], stride = element, position = 0, row;
	int32_t index[TFL_RANK_MAX] = {0};
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);

	fill(output, to);
	for (unsigned d = output->rank; d-- > 0; stride *= (size_t)output->dims[d]) {
		strides[d] = stride;
		position += stride * (size_t)params->before[d];
	}
	row = input->rank ? (size_t)input->dims[input->rank - 1] * element : element;
	for (size_t i = 0; i < input->bytes; i += row) {
		memcpy(to + position, from + i, row);
		for (unsigned d = input->rank ? input->rank - 1u : 0; d-- > 0;) {
			position += strides[d];
			if (++index[d] < input->dims[d])
				break;
			position -= strides[d] * (size_t)index[d];
			index[d] = 0;
		}
	}
	return 0;
}

const struct tfl_op tfl_op_pad = {
	.code = TFL_BUILTIN_PAD,
	.options = TFL_OPTIONS_PAD,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 4,
	.name = "PAD",
	.types = "TN:T",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
