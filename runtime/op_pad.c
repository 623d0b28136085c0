/* SPDX-License-Identifier: MIT */
/*
 * PAD: the input framed by elements that stand for 0: the zero point of a quantised tensor. The second input, [rank, 2], gives the number
 * of elements before and after each dimension. PADV2: the frame is of the element that the third input holds.
 * MIRROR_PAD: the frame mirrors the input at its edge; the elements of the edge itself are repeated (SYMMETRIC) or not (REFLECT).
 */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_move.h"
#include "runtime/lower.h"
#include "runtime/quant.h"

enum { MODE };
enum { MODE_REFLECT, MODE_SYMMETRIC };

struct params {
	struct tfl_move move; /* of the input into its frame */
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
	r = tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
	if (r == 0)
		tfl_move_box(&params->move, input, NULL, output, params->before, input->dims);
	return r;
}

static int prepare_v2(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *element = tfl_node_input(graph, node, 2);

	if (element->elements != 1)
		return tfl_node_invalid(graph, node, error, "it pads with %zu elements; one is right", element->elements);
	if (!tfl_same_scale(element, tfl_node_output(graph, node, 0)))
		return tfl_node_unsupported(graph, node, error, "the element that it pads with has another scale than the output");
	return prepare(graph, node, error);
}

static int prepare_mirror(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int mode = tfl_fb_i8(&node->source->options, MODE, 0);
	const struct params *params;
	int r;

	if (mode != MODE_REFLECT && mode != MODE_SYMMETRIC)
		return tfl_node_invalid(graph, node, error, "its mode has the number %d; 0 (REFLECT) and 1 (SYMMETRIC) are known", mode);
	r = prepare(graph, node, error);
	if (r < 0)
		return r;
	params = node->params;
	for (unsigned d = 0; d < input->rank; d++) {
		int32_t longest = input->dims[d] - (mode == MODE_REFLECT && input->dims[d] > 0);

		if (params->before[d] > longest || params->after[d] > longest)
			return tfl_node_invalid(graph, node, error, "dimension %u, of %d elements, cannot be mirrored by %d and %d", d, input->dims[d],
						params->before[d], params->after[d]);
	}
	return 0;
}

/* The frame as a real number. False where it comes at run time. */
static bool read_frame(const struct tfl_graph *graph, const struct tfl_node *node, float *ret_frame)
{
	const struct tfl_value *element = tfl_node_input(graph, node, 2);

	*ret_frame = 0;
	if (!element)
		return true;
	if (!element->data)
		return false;
	if (element->dtype == TFL_FLOAT32)
		*ret_frame = *(const float *)element->data;
	else
		tfl_dequantize(element->dtype, element->scale, element->zero_point, element->data, 1, ret_frame);
	return true;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	const struct tfl_value *from = tfl_node_input(lower->graph, node, 0), *to = tfl_node_output(lower->graph, node, 0);
	size_t before[TFL_RANK_MAX], after[TFL_RANK_MAX];
	uint32_t input, output;
	float frame;
	int r;

	if (!tfl_same_scale(from, to) || !read_frame(lower->graph, node, &frame))
		return 1;
	r = tfl_lower_values(lower, node, 1, &input, &output);
	if (r != 0)
		return r;
	for (unsigned d = 0; d < from->rank; d++) {
		before[d] = (size_t)params->before[d];
		after[d] = (size_t)params->after[d];
	}
	return tfl_lower_status(xnn_define_static_constant_pad(lower->subgraph, before, after, frame, input, output, 0));
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);
	const void *element = tfl_run_input(run, node, 2);

	if (element)
		tfl_fill(tfl_run_output(run, node, 0), element, tfl_dtype_size(output->dtype), output->elements);
	else
		tfl_fill_zero(output, tfl_run_output(run, node, 0));
	return tfl_move_run(run, node, error);
}

/*
 * Mirrors the edges of dimension @p d, within the output. Of the dimensions in front of it only what the input covers is there yet; those
 * behind it have their frame.
 */
static void mirror(const struct tfl_value *input, const struct tfl_value *output, const struct params *params, unsigned d, bool after, int skip,
		   void *data)
{
	ptrdiff_t strides[TFL_RANK_MAX], edge;
	struct tfl_move move;

	tfl_move_strides(output, strides);
	tfl_move_init(&move, tfl_dtype_size(output->dtype));
	edge = after ? params->before[d] + input->dims[d] - 1 : params->before[d];
	for (unsigned i = output->rank; i-- > 0;) {
		ptrdiff_t inwards = after ? -strides[i] : strides[i];

		if (i == d) {
			tfl_move_add(&move, (size_t)(after ? params->after[d] : params->before[d]), inwards, -inwards);
			move.from_offset += edge * strides[i] + skip * inwards;
			move.to_offset += edge * strides[i] - inwards;
			continue;
		}
		tfl_move_add(&move, (size_t)(i < d ? input->dims[i] : output->dims[i]), strides[i], strides[i]);
		move.from_offset += i < d ? params->before[i] * strides[i] : 0;
		move.to_offset += i < d ? params->before[i] * strides[i] : 0;
	}
	tfl_move_copy(&move, data, data);
}

static int run_mirror(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	int skip = tfl_fb_i8(&node->source->options, MODE, 0) == MODE_REFLECT;
	void *data = tfl_run_output(run, node, 0);

	tfl_move_run(run, node, error);
	for (unsigned d = output->rank; d-- > 0;)
		for (int after = 0; after < 2; after++)
			mirror(input, output, node->params, d, after, skip, data);
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

const struct tfl_op tfl_op_padv2 = {
	.code = TFL_BUILTIN_PADV2,
	.options = TFL_OPTIONS_PAD_V2,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 4,
	.name = "PADV2",
	.types = "TNT:T",
	.prepare = prepare_v2,
	.lower = lower,
	.run = run,
};

const struct tfl_op tfl_op_mirror_pad = {
	.code = TFL_BUILTIN_MIRROR_PAD,
	.options = TFL_OPTIONS_MIRROR_PAD,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 3,
	.name = "MIRROR_PAD",
	.types = "TN:T",
	.prepare = prepare_mirror,
	.run = run_mirror,
};
