/* SPDX-License-Identifier: MIT */
/*
 * One walk over the output, a run of the innermost loop at a time: all elements at once where the shapes are the same or one side is a
 * single element.
 */
#include "runtime/kernel_binary.h"

#include <errno.h>
#include <math.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"

static int check_quantization(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error)
{
	int r = tfl_check_quantized(graph, node, tfl_node_input(graph, node, 0), "first input", error);

	if (r == 0)
		r = tfl_check_quantized(graph, node, tfl_node_input(graph, node, 1), "second input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, tfl_node_output(graph, node, 0), "output", error);
	return r;
}

static int prepare_range(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error)
{
	const struct tfl_binary_kernel *kernel = node->op->kernel;
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	int number = kernel->activation ? tfl_fb_i8(&node->source->options, 0, 0) : TFL_ACTIVATION_NONE;
	int r = tfl_activation_range(graph, node, number, output, &binary->range, error);

	binary->low = isfinite(binary->range.min) ? (int64_t)binary->range.min : INT64_MIN;
	binary->high = isfinite(binary->range.max) ? (int64_t)binary->range.max : INT64_MAX;
	return r;
}

int tfl_binary_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, 0), *right = tfl_node_input(graph, node, 1);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	struct tfl_binary *binary = node->params = tfl_graph_alloc(graph, sizeof(*binary));
	const struct tfl_binary_kernel *kernel = node->op->kernel;
	bool raw = kernel->raw ||
		   (kernel->raw_int16 && left->dtype == TFL_INT16 && !left->quantized && !right->quantized && !output->quantized);
	int r;

	if (!binary)
		return -ENOMEM;
	r = raw ? 0 : check_quantization(graph, node, error);
	if (r == 0)
		r = tfl_broadcast_init(&binary->broadcast, graph, node, (const struct tfl_value *[]){left, right}, 2, error);
	if (r == 0)
		r = prepare_range(graph, node, binary, error);
	if (r < 0)
		return r;
	binary->loop = raw && kernel->raw_int16 ? kernel->raw_int16 : kernel->loops[left->dtype];
	binary->left_zero_point = left->zero_point;
	binary->right_zero_point = right->zero_point;
	binary->output_zero_point = output->zero_point;
	r = !raw && kernel->setup ? kernel->setup(graph, node, binary, error) : 0;
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, binary->broadcast.rank, binary->broadcast.dims, error);
}

bool tfl_binary_adds(const struct tfl_value *left, const struct tfl_value *right, const struct tfl_value *output)
{
	return !tfl_lower_ratio(left->scale / output->scale, 0x1p-10f, 0x1p8f) &&
	       !tfl_lower_ratio(right->scale / output->scale, 0x1p-10f, 0x1p8f);
}

int tfl_binary_lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *left = tfl_node_input(lower->graph, node, 0), *right = tfl_node_input(lower->graph, node, 1);
	const struct tfl_value *to = tfl_node_output(lower->graph, node, 0);
	const struct tfl_binary_kernel *kernel = node->op->kernel;
	const struct tfl_binary *binary = node->params;
	struct xnn_binary_params params = {(double)binary->range.min, (double)binary->range.max};
	uint32_t inputs[2], output;
	int r;

	if (to->dtype != TFL_FLOAT32 && !(kernel->xnnpack_fits && kernel->xnnpack_fits(left, right, to)))
		return 1;
	r = tfl_lower_values(lower, node, 2, inputs, &output);
	return r ? r : tfl_lower_status(xnn_define_binary(lower->subgraph, kernel->xnnpack, &params, inputs[0], inputs[1], output, 0));
}

int tfl_binary_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *from = tfl_node_input(run->graph, node, 0), *to = tfl_node_output(run->graph, node, 0);
	size_t size = tfl_dtype_size(from->dtype), output_size = tfl_dtype_size(to->dtype);
	const uint8_t *left = tfl_run_input(run, node, 0), *right = tfl_run_input(run, node, 1);
	uint8_t *output = tfl_run_output(run, node, 0);
	const struct tfl_binary *binary = node->params;
	const struct tfl_broadcast *broadcast = &binary->broadcast;
	unsigned inner = broadcast->loops - 1;
	struct tfl_broadcast_at at = {0};

	if (to->elements == 0)
		return 0;
	do {
		binary->loop(binary, left + at.offsets[0] * size, right + at.offsets[1] * size, output + at.output * output_size,
			     broadcast->counts[inner], broadcast->strides[0][inner], broadcast->strides[1][inner]);
	} while (tfl_broadcast_next(broadcast, &at));
	return 0;
}
