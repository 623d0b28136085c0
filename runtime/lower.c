/* SPDX-License-Identifier: MIT */
/*
 * Values as XNNPACK sees them. A constant is static, a value that crosses the partition's border is external, anything else lives in
 * XNNPACK's workspace. What XNNPACK refuses at definition is answered by 1 everywhere, and the node runs in its portable kernel.
 */
#include "runtime/lower.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/op.h"
#include "runtime/shape.h"
#include "runtime/weights.h"

int tfl_lower_status(enum xnn_status status)
{
	return status == xnn_status_success ? 0 : status == xnn_status_out_of_memory ? -ENOMEM : 1;
}

int tfl_lower_ratio(float ratio, float low, float high)
{
	return ratio >= low && ratio < high ? 0 : 1;
}

int tfl_lower_bytes(struct tfl_lower *lower, double bytes)
{
	if (*lower->bytes + bytes > (double)tfl_arena_limit(lower->graph->model->size))
		return 1;
	*lower->bytes += bytes;
	return 0;
}

int tfl_lower_window(struct tfl_lower *lower, const struct tfl_window *window)
{
	double taps = (double)window->kernel_height * window->kernel_width;
	/* Pools and depthwise convolutions list every row that meets the padding, also those past the last output. */
	double rows = fmax(window->output_height, 3.0 + ((double)window->pad_top + window->pad_bottom) / window->stride_height);

	return tfl_lower_bytes(lower, rows * window->output_width * taps * (double)sizeof(void *));
}

static enum xnn_datatype datatype(enum tfl_dtype dtype)
{
	switch (dtype) {
	case TFL_FLOAT32:
		return xnn_datatype_fp32;
	case TFL_INT8:
		return xnn_datatype_qint8;
	case TFL_UINT8:
		return xnn_datatype_quint8;
	default:
		return xnn_datatype_invalid;
	}
}

unsigned tfl_lower_dims(const struct tfl_value *value, size_t *ret_dims)
{
	for (unsigned i = 0; i < value->rank; i++)
		ret_dims[i] = (size_t)value->dims[i];
	return value->rank;
}

/* A value of this one's type, scale and content. */
static int define(struct tfl_lower *lower, const struct tfl_value *value, unsigned rank, const size_t *dims, uint32_t external, uint32_t flags,
		  uint32_t *ret_id)
{
	enum xnn_datatype type = datatype(value->dtype);

	if (type == xnn_datatype_fp32)
		return tfl_lower_status(xnn_define_tensor_value(lower->subgraph, type, rank, dims, value->data, external, flags, ret_id));
	if (value->tensor->quantization.count != 1)
		return 1;
	return tfl_lower_status(xnn_define_quantized_tensor_value(lower->subgraph, type, value->zero_point, value->scale, rank, dims, value->data,
								  external, flags, ret_id));
}

int tfl_lower_value(struct tfl_lower *lower, const struct tfl_value *value, uint32_t *ret_id)
{
	uint32_t index = tfl_value_index(lower->graph, value), external = lower->external[index], flags = 0;
	enum xnn_datatype type = datatype(value->dtype);
	size_t dims[TFL_RANK_MAX];
	unsigned rank;
	int r;

	if (lower->ids[index] != XNN_INVALID_VALUE_ID) {
		*ret_id = lower->ids[index];
		return 0;
	}
	if (type == xnn_datatype_invalid || value->rank > XNN_MAX_TENSOR_DIMS || value->elements == 0)
		return 1;
	if (external != TFL_NONE)
		flags = lower->writes[index] ? XNN_VALUE_FLAG_EXTERNAL_OUTPUT : XNN_VALUE_FLAG_EXTERNAL_INPUT;
	else
		external = XNN_INVALID_VALUE_ID;
	rank = tfl_lower_dims(value, dims);
	r = define(lower, value, rank, dims, external, flags, ret_id);
	if (r == 0)
		lower->ids[index] = *ret_id;
	return r;
}

int tfl_lower_values(struct tfl_lower *lower, const struct tfl_node *node, unsigned inputs, uint32_t *ret_inputs, uint32_t *ret_output)
{
	for (unsigned i = 0; i < inputs; i++) {
		int r = tfl_lower_value(lower, tfl_node_input(lower->graph, node, i), &ret_inputs[i]);

		if (r != 0)
			return r;
	}
	return tfl_lower_value(lower, tfl_node_output(lower->graph, node, 0), ret_output);
}

int tfl_lower_slice(struct tfl_lower *lower, const struct tfl_value *from, const int32_t *begin, const int32_t *size, const struct tfl_value *to)
{
	size_t offsets[TFL_RANK_MAX], sizes[TFL_RANK_MAX], dims[TFL_RANK_MAX];
	uint32_t input, output, box;
	bool same = from->rank == to->rank;
	int r;

	if (from->rank == 0)
		return 1;
	r = tfl_lower_value(lower, from, &input);
	if (r == 0)
		r = tfl_lower_value(lower, to, &output);
	if (r != 0)
		return r;
	for (unsigned d = 0; d < from->rank; d++) {
		offsets[d] = (size_t)begin[d];
		sizes[d] = (size_t)size[d];
		same = same && size[d] == to->dims[d];
	}
	box = output;
	if (!same)
		r = define(lower, to, from->rank, sizes, XNN_INVALID_VALUE_ID, 0, &box);
	if (r == 0)
		r = tfl_lower_status(xnn_define_static_slice(lower->subgraph, from->rank, offsets, sizes, input, box, 0));
	if (r == 0 && !same)
		r = tfl_lower_status(xnn_define_static_reshape(lower->subgraph, tfl_lower_dims(to, dims), dims, box, output, 0));
	return r;
}

void tfl_lower_describe_use(const struct tfl_lower *lower, const struct tfl_node *node, struct tfl_weights_use *ret_use)
{
	const struct tfl_value *input = tfl_node_operand(lower->graph, node, TFL_OPERAND_INPUT);
	const struct tfl_value *filter = tfl_node_operand(lower->graph, node, TFL_OPERAND_FILTER);
	const struct tfl_value *bias = tfl_node_operand(lower->graph, node, TFL_OPERAND_BIAS);
	const struct tfl_value *output = tfl_node_output(lower->graph, node, 0);

	memset(ret_use, 0, sizeof(*ret_use));
	ret_use->kernel = filter->data;
	ret_use->bias = bias ? bias->data : NULL;
	ret_use->filter_scales = filter->tensor->quantization.scales;
	ret_use->filter_scale_count = filter->quantized ? filter->tensor->quantization.count : 0;
	ret_use->code = node->source->code;
	ret_use->dtype = input->dtype;
	for (unsigned i = 0; i < filter->rank && i < TFL_ARRAY_SIZE(ret_use->filter_dims); i++)
		ret_use->filter_dims[i] = filter->dims[i];
	ret_use->input_channels = input->rank ? input->dims[input->rank - 1] : 1;
	ret_use->input_scale = input->scale;
	ret_use->input_zero_point = input->zero_point;
	ret_use->filter_scale = filter->scale;
	ret_use->filter_zero_point = filter->zero_point;
	ret_use->output_scale = output->scale;
	ret_use->output_zero_point = output->zero_point;
}

/* Static values of one use; not kept in ids[], because another use of the same tensor may need another bias or type. */
static int define_static(struct tfl_lower *lower, const struct tfl_value *filter, unsigned channel_axis, const void *bias, float input_scale,
			 uint32_t *ret_filter, uint32_t *ret_bias)
{
	const struct tfl_quantization *quantization = &filter->tensor->quantization;
	size_t dims[TFL_RANK_MAX], channels = (size_t)filter->dims[channel_axis];
	unsigned rank = tfl_lower_dims(filter, dims);
	xnn_subgraph_t subgraph = lower->subgraph;
	enum xnn_status status;

	if (filter->dtype == TFL_FLOAT32) {
		status = xnn_define_tensor_value(subgraph, xnn_datatype_fp32, rank, dims, filter->data, XNN_INVALID_VALUE_ID, 0, ret_filter);
		if (status == xnn_status_success)
			status = xnn_define_tensor_value(subgraph, xnn_datatype_fp32, 1, &channels, bias, XNN_INVALID_VALUE_ID, 0, ret_bias);
	} else if (quantization->count > 1) {
		status = xnn_define_channelwise_quantized_tensor_value(subgraph, xnn_datatype_qcint8, quantization->scales, rank, channel_axis,
								       dims, filter->data, XNN_INVALID_VALUE_ID, 0, ret_filter);
		/* The bias is stored at input scale times filter scale; XNNPACK only asks that there are scales. */
		if (status == xnn_status_success)
			status = xnn_define_channelwise_quantized_tensor_value(subgraph, xnn_datatype_qcint32, quantization->scales, 1, 0,
									       &channels, bias, XNN_INVALID_VALUE_ID, 0, ret_bias);
	} else {
		status = xnn_define_quantized_tensor_value(subgraph, datatype(filter->dtype), filter->zero_point, filter->scale, rank, dims,
							   filter->data, XNN_INVALID_VALUE_ID, 0, ret_filter);
		if (status == xnn_status_success)
			status = xnn_define_quantized_tensor_value(subgraph, xnn_datatype_qint32, 0, input_scale * filter->scale, 1,
								   &channels, bias, XNN_INVALID_VALUE_ID, 0, ret_bias);
	}
	return tfl_lower_status(status);
}

/*
 * The factor from accumulator to output must be below 256, and with uint8, whose kernels have one for all channels, not too small. The
 * greatest product of both must stay within 32 bits: some kernels add the zero point there without saturation.
 */
static int check_factors(const struct tfl_lower *lower, const struct tfl_node *node, uint32_t channels)
{
	const struct tfl_value *input = tfl_node_operand(lower->graph, node, TFL_OPERAND_INPUT);
	const struct tfl_value *filter = tfl_node_operand(lower->graph, node, TFL_OPERAND_FILTER);
	const struct tfl_value *bias = tfl_node_operand(lower->graph, node, TFL_OPERAND_BIAS);
	const struct tfl_value *output = tfl_node_output(lower->graph, node, 0);
	float low = filter->dtype == TFL_UINT8 ? 0x1p-32f : 0, sum = (float)(filter->elements / channels) * 255 * 255;

	if (filter->dtype == TFL_FLOAT32)
		return 0;
	/* FULLY_CONNECTED takes a zero point in int8 weights and leaves it out of the sums. */
	if (filter->dtype == TFL_INT8 && filter->zero_point != 0)
		return 1;
	for (uint32_t i = 0; i < channels; i++) {
		float factor = input->scale * tfl_value_scale(filter, i) / output->scale;
		float greatest = sum + (bias ? fabsf((float)((const int32_t *)bias->data)[i]) : 0);

		if (tfl_lower_ratio(factor, low, 256) || tfl_lower_ratio(greatest * factor, 0, 0x1p31f - 256))
			return 1;
	}
	return 0;
}

int tfl_lower_weights(struct tfl_lower *lower, const struct tfl_node *node, unsigned channel_axis, const struct tfl_multiplier *rectified,
		      uint32_t packing, uint32_t *ret_filter, uint32_t *ret_bias)
{
	const struct tfl_value *input = tfl_node_operand(lower->graph, node, TFL_OPERAND_INPUT);
	const struct tfl_value *filter = tfl_node_operand(lower->graph, node, TFL_OPERAND_FILTER);
	const struct tfl_value *bias = tfl_node_operand(lower->graph, node, TFL_OPERAND_BIAS);
	struct tfl_weights_use use;
	struct tfl_weights_operands operands;
	int r;

	if (!filter->data || (bias && !bias->data) || filter->elements == 0 || input->dtype != filter->dtype ||
	    (filter->dtype == TFL_UINT8 && filter->tensor->quantization.count > 1) || input->tensor->quantization.count > 1)
		return 1;
	if (check_factors(lower, node, (uint32_t)filter->dims[channel_axis]))
		return 1;
	tfl_lower_describe_use(lower, node, &use);
	use.rectified = rectified != NULL;
	use.packing = packing;
	r = tfl_weights_use(lower->weights, &use, (uint32_t)filter->dims[channel_axis], filter->bytes, rectified, &operands);
	if (r != 0)
		return r;
	return define_static(lower, filter, channel_axis, operands.bias, input->scale, ret_filter, ret_bias);
}
