/* SPDX-License-Identifier: MIT */
/*
 * MEAN over the axes of the constant second input. Quantised: the sum of the integers with the zero point taken off, times input scale /
 * (output scale * count).
 */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"
#include "runtime/op.h"
#include "runtime/quant.h"
#include "runtime/shape.h"

enum { KEEP_DIMS };

struct params {
	bool reduced[TFL_RANK_MAX];
	bool keep_dims;
	int64_t count; /* elements behind one mean */
	struct tfl_range range;
};

static int find_axes(const struct tfl_graph *graph, const struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t axes[TFL_RANK_MAX];
	unsigned count;
	int r;

	r = tfl_node_const_ints(graph, node, 1, TFL_RANK_MAX, axes, &count, error);
	if (r < 0)
		return r;
	params->count = 1;
	for (unsigned i = 0; i < count; i++) {
		int axis = tfl_axis(axes[i], input->rank);

		if (axis < 0)
			return tfl_node_invalid(graph, node, error, "it reduces axis %d; the input has %u dimensions", axes[i], input->rank);
		if (!params->reduced[axis])
			params->count *= input->dims[axis];
		params->reduced[axis] = true;
	}
	return 0;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = 0;
	int r;

	if (!params)
		return -ENOMEM;
	params->keep_dims = tfl_fb_bool(&node->source->options, KEEP_DIMS, false);
	r = find_axes(graph, node, params, error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r == 0)
		r = tfl_activation_range(graph, node, TFL_ACTIVATION_NONE, output, &params->range, error);
	if (r < 0)
		return r;
	for (unsigned d = 0; d < input->rank; d++) {
		if (!params->reduced[d])
			dims[rank++] = input->dims[d];
		else if (params->keep_dims)
			dims[rank++] = 1;
	}
	r = tfl_node_set_shape(graph, node, 0, rank, dims, error);
	node->scratch_bytes = output->elements * sizeof(int64_t);
	return r;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *from = tfl_node_input(lower->graph, node, 0), *to = tfl_node_output(lower->graph, node, 0);
	const struct params *params = node->params;
	int64_t axes[TFL_RANK_MAX];
	uint32_t input, output;
	size_t count = 0;
	int r;

	for (unsigned d = 0; d < from->rank; d++)
		if (params->reduced[d])
			axes[count++] = d;
	if (count == 0 || (from->dtype != TFL_FLOAT32 && tfl_lower_ratio(from->scale / to->scale, 0x1p-32f, 0x1p8f)))
		return 1;
	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r != 0)
		return r;
	return tfl_lower_status(xnn_define_static_reduce_v2(lower->subgraph, xnn_reduce_mean, count, axes, input, output,
							    params->keep_dims ? XNN_FLAG_KEEP_DIMS : 0));
}

/* Where the sum of each input element lies, element by element in row-major order. */
struct walk {
	const struct tfl_value *input;
	size_t strides[TFL_RANK_MAX]; /* in sums; 0 for reduced dimensions */
	int32_t index[TFL_RANK_MAX];
	size_t position;
};

static void walk_init(struct walk *walk, const struct tfl_value *input, const struct params *params)
{
	size_t stride = 1;

	*walk = (struct walk){.input = input};
	for (unsigned d = input->rank; d-- > 0;) {
		if (params->reduced[d])
			continue;
		walk->strides[d] = stride;
		stride *= (size_t)input->dims[d];
	}
}

static void walk_next(struct walk *walk)
{
	for (unsigned d = walk->input->rank; d-- > 0;) {
		walk->position += walk->strides[d];
		if (++walk->index[d] < walk->input->dims[d])
			return;
		walk->position -= walk->strides[d] * (size_t)walk->index[d];
		walk->index[d] = 0;
	}
}

static void run_float32(struct walk *walk, const struct params *params, const float *input, size_t outputs, double *sums, float *output)
{
	for (size_t i = 0; i < outputs; i++)
		sums[i] = 0;
	for (size_t i = 0; i < walk->input->elements; i++, walk_next(walk))
		sums[walk->position] += (double)input[i];
	for (size_t i = 0; i < outputs; i++)
		output[i] = (float)(sums[i] / (double)params->count);
}

static void run_quantized(struct walk *walk, const struct params *params, const uint8_t *input, const struct tfl_value *to, int64_t *sums,
			  uint8_t *output)
{
	const struct tfl_value *from = walk->input;
	double factor = (double)from->scale / ((double)to->scale * (double)params->count);

	for (size_t i = 0; i < to->elements; i++)
		sums[i] = 0;
	for (size_t i = 0; i < from->elements; i++, walk_next(walk))
		sums[walk->position] += (from->dtype == TFL_INT8 ? (int8_t)input[i] : input[i]) - from->zero_point;
	for (size_t i = 0; i < to->elements; i++) {
		float mean = (float)((double)sums[i] * factor);

		/* The scale is in the factor already: what is left is to round and to move by the zero point. */
		tfl_quantize(to->dtype, 1, to->zero_point, &mean, 1, &output[i]);
	}
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	struct walk walk;

	walk_init(&walk, input, params);
	if (input->dtype == TFL_FLOAT32)
		run_float32(&walk, params, tfl_run_input(run, node, 0), output->elements, run->scratch, tfl_run_output(run, node, 0));
	else
		run_quantized(&walk, params, tfl_run_input(run, node, 0), output, run->scratch, tfl_run_output(run, node, 0));
	return 0;
}

const struct tfl_op tfl_op_mean = {
	.code = TFL_BUILTIN_MEAN,
	.options = TFL_OPTIONS_REDUCER,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 3,
	.name = "MEAN",
	.types = "fN:f bN:b BN:B",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
