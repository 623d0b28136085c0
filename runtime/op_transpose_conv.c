/* SPDX-License-Identifier: MIT */
/*
 * TRANSPOSE_CONV and MediaPipe's Convolution2DTransposeBias: a convolution backwards. Each input pixel, times the filter [O, kh, kw, I], is
 * added to the output around its place, stride pixels from the place of its neighbour; what falls outside is lost. TRANSPOSE_CONV is told
 * the output's shape, and the padding is that of the convolution from there to here; a shape without elements is taken as it is, whatever
 * its other dimensions. Convolution2DTransposeBias knows it from its own options.
 *
 * Semantics: TensorFlow Lite's reference kernel, also where the given shape is none that the convolution would have. Arithmetic and types:
 * kernel_linear.h.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "runtime/kernel_linear.h"
#include "runtime/lower.h"
#include "runtime/shape.h"

enum { PADDING, STRIDE_W, STRIDE_H, ACTIVATION };
enum { OUTPUT_SHAPE };

/* Along height or width. */
struct axis {
	int32_t kernel, stride, input, output;
	int32_t before; /* output places that are cut off in front */
};

struct params {
	struct tfl_linear linear;
	struct axis axes[2];
	size_t depth; /* channels of the input */
};

static int check_shapes(const struct tfl_graph *graph, const struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_operand(graph, node, TFL_OPERAND_INPUT);
	const struct tfl_value *filter = tfl_node_operand(graph, node, TFL_OPERAND_FILTER);

	if (input->rank != 4 || filter->rank != 4 || filter->dims[3] != input->dims[3])
		return tfl_node_invalid(graph, node, error,
					"input and filter have %u and %u dimensions; 4 each, with as many channels, are right",
					input->rank, filter->rank);
	if (input->dims[1] < 1 || input->dims[2] < 1 || input->dims[3] < 1 || filter->elements == 0)
		return tfl_node_invalid(graph, node, error, "the input's pictures or the filter are empty");
	params->depth = (size_t)input->dims[3];
	params->linear.channels = filter->dims[0];
	params->linear.row = params->depth;
	params->linear.batch = input->dims[0] ? input->elements / (size_t)input->dims[0] : 0;
	for (unsigned i = 0; i < 2; i++) {
		params->axes[i].kernel = filter->dims[1 + i];
		params->axes[i].input = input->dims[1 + i];
	}
	return 0;
}

/* Taps that meet an output pixel: at most one in stride of the kernel, and no more than there are input pixels. */
static uint64_t taps_max(const struct axis *axis)
{
	uint64_t taps = ((uint64_t)axis->kernel + (uint64_t)axis->stride - 1) / (uint64_t)axis->stride;

	return taps < (uint64_t)axis->input ? taps : (uint64_t)axis->input;
}

/* What both have in common once the axes and the output's shape are known. */
static int finish_prepare(struct tfl_graph *graph, struct tfl_node *node, const int32_t *dims, int activation, struct tfl_error *error)
{
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	struct params *params = node->params;
	const struct axis *axes = params->axes;
	int r;

	r = tfl_node_set_shape(graph, node, 0, 4, dims, error);
	if (r == 0)
		r = tfl_node_charge(graph, node, output->elements * taps_max(&axes[0]), taps_max(&axes[1]) * params->depth, error);
	if (r == 0)
		r = tfl_linear_prepare(graph, node, &params->linear, 0, activation, error);
	return r;
}

static int check_strides(const struct tfl_graph *graph, const struct tfl_node *node, const struct params *params, struct tfl_error *error)
{
	if (params->axes[0].stride > 0 && params->axes[1].stride > 0)
		return 0;
	return tfl_node_invalid(graph, node, error, "its strides are %d x %d; each must be at least 1", params->axes[0].stride,
				params->axes[1].stride);
}

/* The padding in front is that of a convolution from the output to the input. */
static void find_padding(struct axis *axis, bool same)
{
	int64_t places = ((int64_t)axis->output + axis->stride - 1) / axis->stride;
	int64_t total = (places - 1) * axis->stride + axis->kernel - axis->output;

	axis->before = same && total > 0 ? (int32_t)(total / 2) : 0;
}

static int read_shape(const struct tfl_graph *graph, const struct tfl_node *node, const struct params *params, int32_t *ret_shape,
		      struct tfl_error *error)
{
	int32_t shape[4] = {0}, batch = tfl_node_operand(graph, node, TFL_OPERAND_INPUT)->dims[0];
	bool empty = false;
	unsigned count;
	int r;

	r = tfl_node_const_ints(graph, node, OUTPUT_SHAPE, 4, shape, &count, error);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < count; i++)
		empty |= shape[i] == 0;
	if (count != 4 || (!empty && (shape[0] != batch || shape[3] != params->linear.channels)) || shape[1] < 0 || shape[2] < 0)
		return tfl_node_invalid(graph, node, error,
					"its output shape is [%d, %d, %d, %d]; [%d, height, width, %d] would be right",
					shape[0], shape[1], shape[2], shape[3], batch, params->linear.channels);
	memcpy(ret_shape, shape, sizeof(shape));
	return 0;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_fb_table *options = &node->source->options;
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int padding = tfl_fb_i8(options, PADDING, 0);
	int32_t shape[4];
	int r;

	if (!params)
		return -ENOMEM;
	params->axes[0].stride = tfl_fb_i32(options, STRIDE_H, 0);
	params->axes[1].stride = tfl_fb_i32(options, STRIDE_W, 0);
	r = check_shapes(graph, node, params, error);
	if (r == 0)
		r = check_strides(graph, node, params, error);
	if (r == 0)
		r = read_shape(graph, node, params, shape, error);
	if (r < 0)
		return r;
	if (padding != TFL_PADDING_SAME && padding != TFL_PADDING_VALID)
		return tfl_node_invalid(graph, node, error, "its padding has the number %d; 0 (SAME) and 1 (VALID) are known", padding);
	for (unsigned i = 0; i < 2; i++) {
		params->axes[i].output = shape[1 + i];
		find_padding(&params->axes[i], padding == TFL_PADDING_SAME);
	}
	return finish_prepare(graph, node, shape, tfl_fb_i8(options, ACTIVATION, 0), error);
}

/* MediaPipe's options are a C struct as it lies in memory. */
struct bias_options {
	int32_t padding; /* 1: SAME, 2: VALID */
	int32_t stride_w, stride_h;
};

static int find_output(const struct tfl_graph *graph, const struct tfl_node *node, struct axis *axis, bool same, struct tfl_error *error)
{
	int64_t total = same ? (int64_t)axis->kernel - (axis->input - 1) % axis->stride - 1 : 0, output;

	total = total > 0 ? total : 0;
	output = (int64_t)axis->stride * (axis->input - 1) + axis->kernel - total;
	if (output < 1 || output > INT32_MAX)
		return tfl_node_invalid(graph, node, error, "%d elements with a kernel of %d and a stride of %d would become %lld",
					axis->input, axis->kernel, axis->stride, (long long)output);
	axis->output = (int32_t)output;
	axis->before = (int32_t)(total / 2);
	return 0;
}

static int prepare_bias(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	struct bias_options options;
	int r;

	if (!params)
		return -ENOMEM;
	if (node->source->custom_options_size < sizeof(options))
		return tfl_node_invalid(graph, node, error, "its options have %zu bytes; at least %zu are right",
					node->source->custom_options_size, sizeof(options));
	memcpy(&options, node->source->custom_options, sizeof(options));
	if (options.padding != 1 && options.padding != 2)
		return tfl_node_invalid(graph, node, error, "its padding has the number %d; 1 (SAME) and 2 (VALID) are known",
					options.padding);
	params->axes[0].stride = options.stride_h;
	params->axes[1].stride = options.stride_w;
	r = check_shapes(graph, node, params, error);
	if (r == 0)
		r = check_strides(graph, node, params, error);
	for (unsigned i = 0; r == 0 && i < 2; i++)
		r = find_output(graph, node, &params->axes[i], options.padding == 1, error);
	if (r < 0)
		return r;
	return finish_prepare(graph, node,
			      (int32_t[]){tfl_node_operand(graph, node, TFL_OPERAND_INPUT)->dims[0], params->axes[0].output, params->axes[1].output,
					  params->linear.channels},
			      TFL_ACTIVATION_NONE, error);
}

/* How XNNPACK is told: it computes the output's size from what is cut off at both ends. */
struct cut {
	uint32_t before, after, adjustment;
};

/* 0, or 1 for what it does not take, or computes wrongly: an output smaller than the stride makes it count pixels below 0. */
static int find_cut(const struct axis *axis, struct cut *ret_cut)
{
	int64_t full = (int64_t)axis->stride * (axis->input - 1) + axis->kernel, after = full - axis->before - axis->output;

	if (axis->output < axis->stride || axis->stride > UINT16_MAX || axis->before >= axis->kernel || after >= axis->kernel ||
	    -after >= axis->stride)
		return 1;
	*ret_cut = (struct cut){(uint32_t)axis->before, after > 0 ? (uint32_t)after : 0, after < 0 ? (uint32_t)-after : 0};
	return 0;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct params *params = node->params;
	const struct axis *rows = &params->axes[0], *columns = &params->axes[1];
	const struct tfl_range *range = &params->linear.range;
	uint32_t input, filter, bias, output, packing = (uint32_t)rows->stride << 16 | (uint32_t)columns->stride;
	double taps = (double)rows->kernel * columns->kernel;
	struct cut cuts[2];
	int r;

	if (tfl_node_output(lower->graph, node, 0)->elements == 0 || find_cut(rows, &cuts[0]) || find_cut(columns, &cuts[1]))
		return 1;
	/* Pointers for all taps of a pixel; columns come in groups of up to 16. */
	r = tfl_lower_bytes(lower, taps * rows->output * (columns->output + 16.0 * columns->stride) * sizeof(void *));
	if (r == 0)
		r = tfl_lower_value(lower, tfl_node_operand(lower->graph, node, TFL_OPERAND_INPUT), &input);
	if (r == 0)
		r = tfl_lower_value(lower, tfl_node_output(lower->graph, node, 0), &output);
	if (r == 0)
		r = tfl_lower_weights(lower, node, 0, range->min == 0 ? params->linear.multipliers : NULL, packing, &filter, &bias);
	if (r != 0)
		return r;
	return tfl_lower_status(xnn_define_deconvolution_2d(
		lower->subgraph, cuts[0].before, cuts[1].after, cuts[0].after, cuts[1].before, cuts[0].adjustment, cuts[1].adjustment,
		(uint32_t)rows->kernel, (uint32_t)columns->kernel, (uint32_t)rows->stride, (uint32_t)columns->stride, 1, 1, 1,
		params->depth, (size_t)params->linear.channels, range->min, range->max, input, filter, bias, output, 0));
}

/* The taps that reach an output place: each further one lies stride further in the kernel, and one back in the input. */
struct taps {
	int64_t kernel, input;
	int64_t count;
};

static struct taps find_taps(const struct axis *axis, int32_t output)
{
	int64_t position = (int64_t)output + axis->before;
	struct taps taps = {.kernel = position % axis->stride, .input = position / axis->stride};
	int64_t behind = taps.input - (axis->input - 1), left;

	if (behind > 0) {
		taps.kernel += behind * axis->stride;
		taps.input -= behind;
	}
	left = taps.kernel < axis->kernel ? (axis->kernel - 1 - taps.kernel) / axis->stride + 1 : 0;
	taps.count = left < taps.input + 1 ? left : taps.input + 1;
	return taps;
}

/* Sums of one output pixel, all channels. */
static void gather(const struct params *params, const struct tfl_linear_run *run, const uint8_t *input, struct taps rows,
		   struct taps columns)
{
	const struct tfl_arithmetic *arithmetic = params->linear.arithmetic;
	const struct axis *axes = params->axes;
	size_t depth = params->depth, stride = (size_t)axes[0].kernel * (size_t)axes[1].kernel * depth;

	for (int64_t i = 0; i < rows.count; i++) {
		int64_t ky = rows.kernel + i * axes[0].stride, y = rows.input - i;

		for (int64_t j = 0; j < columns.count; j++) {
			int64_t kx = columns.kernel + j * axes[1].stride, x = columns.input - j;
			size_t pixel = (size_t)(y * axes[1].input + x) * depth, tap = (size_t)(ky * axes[1].kernel + kx) * depth;

			arithmetic->read(run, input + pixel * arithmetic->input_size, depth, run->row);
			arithmetic->dot(run, run->row, depth, (const uint8_t *)run->filter + tap * arithmetic->filter_size, stride,
					(size_t)params->linear.channels, run->sums);
		}
	}
}

static int run_picture(const struct tfl_run *run, const struct params *params, const struct tfl_linear_run *linear, const uint8_t *input,
		       uint8_t *output, struct tfl_error *error)
{
	const struct tfl_arithmetic *arithmetic = params->linear.arithmetic;
	size_t channels = (size_t)params->linear.channels;

	for (int32_t y = 0; y < params->axes[0].output; y++) {
		struct taps rows = find_taps(&params->axes[0], y);
		int r = tfl_run_check(run, error);

		if (r < 0)
			return r;
		for (int32_t x = 0; x < params->axes[1].output; x++, output += channels * arithmetic->output_size) {
			memset(linear->sums, 0, channels * arithmetic->sum_size);
			gather(params, linear, input, rows, find_taps(&params->axes[1], x));
			arithmetic->finish(linear, output);
		}
	}
	return 0;
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *input = tfl_node_operand(run->graph, node, TFL_OPERAND_INPUT);
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);
	const uint8_t *from = tfl_run_operand(run, node, TFL_OPERAND_INPUT);
	uint8_t *to = tfl_run_output(run, node, 0);
	struct tfl_linear_run linear;
	int r = 0;

	if (output->elements == 0)
		return 0;
	tfl_linear_begin(run, node, &params->linear, &linear);
	for (int32_t batch = 0; batch < input->dims[0] && r == 0; batch++) {
		r = run_picture(run, params, &linear, from, to, error);
		from += input->bytes / (size_t)input->dims[0];
		to += output->bytes / (size_t)input->dims[0];
	}
	return r;
}

const struct tfl_op tfl_op_transpose_conv = {
	.code = TFL_BUILTIN_TRANSPOSE_CONV,
	.options = TFL_OPTIONS_TRANSPOSE_CONV,
	.inputs_min = 3,
	.inputs_max = 4,
	.outputs = 1,
	.max_version = 4,
	.name = "TRANSPOSE_CONV",
	.types = "Nfff:f Nbbi:b NBBi:B Nbsl:s Nbsi:s",
	.prepare = prepare,
	.lower = lower,
	.run = run,
	.operands = {2, 1, 3},
};

const struct tfl_op tfl_op_convolution_2d_transpose_bias = {
	.code = TFL_BUILTIN_CUSTOM,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 1,
	.name = "Convolution2DTransposeBias",
	.types = "fff:f",
	.prepare = prepare_bias,
	.lower = lower,
	.run = run,
};
