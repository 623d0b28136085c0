/* SPDX-License-Identifier: MIT */
/*
 * float32 activations with int8 weights. XNNPACK has a convolution and a matrix product that take a "dynamically quantised" input: a node of
 * its own writes it, with a scale and zero point for each row, and the product's sums come out as float32. The weights are packed as
 * bytes. It has no such depthwise convolution; there the (few) weights are widened to float32 while a runtime is made.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/util.h"
#include "runtime/lower.h"
#include "runtime/weights.h"

struct tfl_lower_block {
	struct tfl_lower_block *next;
	uint8_t data[];
};

void *tfl_lower_alloc(struct tfl_lower *lower, size_t size)
{
	struct tfl_lower_block *block = malloc(sizeof(*block) + size + TFL_PADDING_BYTES);

	if (!block)
		return NULL;
	block->next = *lower->blocks;
	*lower->blocks = block;
	return block->data;
}

void tfl_lower_free(struct tfl_lower_block **blocks)
{
	while (*blocks) {
		struct tfl_lower_block *block = *blocks;

		*blocks = block->next;
		free(block);
	}
}

/* How many trailing dimensions have @p elements elements together; 0 for none. */
static unsigned find_row(const struct tfl_value *value, size_t elements)
{
	size_t product = 1;

	for (unsigned count = 1; count <= value->rank; count++) {
		product *= (size_t)value->dims[value->rank - count];
		if (product == elements)
			return count;
	}
	return 0;
}

int tfl_lower_dynamic_input(struct tfl_lower *lower, const struct tfl_value *value, size_t row, uint32_t *ret_id)
{
	struct tfl_lower_dynamic *dynamic = &lower->dynamic[tfl_value_index(lower->graph, value)];
	unsigned row_dims = find_row(value, row), rank;
	size_t dims[TFL_RANK_MAX];
	uint32_t input, id;
	int r;

	if (row_dims == 0)
		return 1;
	if (dynamic->row_dims == row_dims) {
		*ret_id = dynamic->id;
		return 0;
	}
	r = tfl_lower_value(lower, value, &input);
	if (r != 0)
		return r;
	rank = tfl_lower_dims(value, dims);
	r = tfl_lower_status(xnn_define_dynamically_quantized_tensor_value(lower->subgraph, xnn_datatype_qdint8, rank, row_dims, dims,
									   XNN_INVALID_VALUE_ID, 0, &id));
	if (r == 0)
		r = tfl_lower_status(xnn_define_unary(lower->subgraph, xnn_unary_convert, NULL, input, id, 0));
	if (r == 0)
		*dynamic = (struct tfl_lower_dynamic){*ret_id = id, row_dims};
	return r;
}

/* Whether both are constants. */
static bool are_static(const struct tfl_value *filter, const struct tfl_value *bias)
{
	return filter->data && filter->elements > 0 && (!bias || bias->data);
}

static int define_bias(struct tfl_lower *lower, const void *bias, size_t channels, uint32_t *ret_bias)
{
	return tfl_lower_status(xnn_define_tensor_value(lower->subgraph, xnn_datatype_fp32, 1, &channels, bias, XNN_INVALID_VALUE_ID, 0, ret_bias));
}

int tfl_lower_dynamic_weights(struct tfl_lower *lower, const struct tfl_node *node, const float *scales, uint32_t *ret_filter, uint32_t *ret_bias)
{
	const struct tfl_value *filter = tfl_node_input(lower->graph, node, 1), *bias = tfl_node_input(lower->graph, node, 2);
	size_t dims[TFL_RANK_MAX], channels = (size_t)filter->dims[0];
	struct tfl_weights_operands operands;
	struct tfl_weights_use use;
	unsigned rank;
	int r;

	/* The greatest sum must fit 32 bits. */
	if (!are_static(filter, bias) || filter->elements / channels > INT_MAX / (255 * 128))
		return 1;
	tfl_lower_describe_use(lower, node, &use);
	use.dynamic = 1;
	r = tfl_weights_use(lower->weights, &use, (uint32_t)channels, filter->bytes, NULL, &operands);
	if (r != 0)
		return r;
	rank = tfl_lower_dims(filter, dims);
	r = tfl_lower_status(xnn_define_channelwise_quantized_tensor_value(lower->subgraph, xnn_datatype_qcint8, scales, rank, 0, dims,
									   operands.kernel, XNN_INVALID_VALUE_ID, 0, ret_filter));
	return r ? r : define_bias(lower, operands.bias, channels, ret_bias);
}

int tfl_lower_dequantized_weights(struct tfl_lower *lower, const struct tfl_node *node, const float *scales, uint32_t *ret_filter,
				  uint32_t *ret_bias)
{
	const struct tfl_value *filter = tfl_node_input(lower->graph, node, 1), *bias = tfl_node_input(lower->graph, node, 2);
	size_t dims[TFL_RANK_MAX], channels = (size_t)filter->dims[filter->rank - 1], bytes = filter->elements * sizeof(float);
	struct tfl_weights_operands operands;
	struct tfl_weights_use use;
	float *weights;
	unsigned rank;
	int r;

	if (!are_static(filter, bias))
		return 1;
	/* Sums of sane weights are finite; infinite ones would make NaN. */
	for (size_t i = 0; i < channels; i++)
		if (tfl_lower_ratio(scales[i], 0, 0x1p64f))
			return 1;
	tfl_lower_describe_use(lower, node, &use);
	r = tfl_weights_use(lower->weights, &use, (uint32_t)channels, bytes, NULL, &operands);
	if (r != 0)
		return r;
	weights = tfl_lower_alloc(lower, bytes);
	if (!weights)
		return -ENOMEM;
	for (size_t i = 0; i < filter->elements; i++)
		weights[i] = (float)((const int8_t *)filter->data)[i] * scales[i % channels];
	rank = tfl_lower_dims(filter, dims);
	r = tfl_lower_status(xnn_define_tensor_value(lower->subgraph, xnn_datatype_fp32, rank, dims, weights, XNN_INVALID_VALUE_ID, 0, ret_filter));
	return r ? r : define_bias(lower, operands.bias, channels, ret_bias);
}
