/* SPDX-License-Identifier: MIT */
/*
 * One tensor: type, shape, quantisation, constant content.
 *
 * A decoded tensor has a type of the schema, no negative dimension, and a byte size that fits the limits. Where it is quantised, scales and
 * zero points are arrays of the same length: 1, or the size of the dimension they run along. Where it has content, that is as long as
 * its shape says and lies at an address that suits its type. What the numbers mean for an operator is the operator's business.
 */
#include "runtime/decode.h"

#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/limits.h"
#include "base/util.h"

/* Fields of Tensor, QuantizationParameters, in the schema's order. */
enum {
	TENSOR_SHAPE = 0,
	TENSOR_TYPE = 1,
	TENSOR_BUFFER = 2,
	TENSOR_NAME = 3,
	TENSOR_QUANTIZATION = 4,
	TENSOR_IS_VARIABLE = 5,
	TENSOR_SPARSITY = 6,
	TENSOR_SHAPE_SIGNATURE = 7,

	QUANTIZATION_SCALE = 2,
	QUANTIZATION_ZERO_POINT = 3,
	QUANTIZATION_DETAILS_TYPE = 4,
	QUANTIZATION_DETAILS = 5,
	QUANTIZATION_DIMENSION = 6,
};

static const int64_t no_zero_point = 0;

static int decode_shape(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_tensor *tensor)
{
	uint32_t rank, signature_rank, i;
	const void *dims, *signature;
	int r;

	r = tfl_decoder_array(decoder, table, TENSOR_SHAPE, "shape", sizeof(int32_t), TFL_RANK_MAX, &dims, &rank);
	if (r < 0)
		return r;
	r = tfl_decoder_array(decoder, table, TENSOR_SHAPE_SIGNATURE, "shape_signature", sizeof(int32_t), TFL_RANK_MAX, &signature,
			      &signature_rank);
	if (r < 0)
		return r;
	if (signature_rank != 0 && signature_rank != rank)
		return tfl_error_set(decoder->error, -EINVAL, "shape has %u dimensions, but shape_signature %u", rank, signature_rank);
	tensor->rank = (uint8_t)rank;
	if (rank > 0) {
		memcpy(tensor->dims, dims, rank * sizeof(int32_t));
		memcpy(tensor->signature, signature_rank ? signature : dims, rank * sizeof(int32_t));
	}
	for (i = 0; i < rank; i++) {
		if (tensor->dims[i] < 0)
			return tfl_error_set(decoder->error, -EINVAL, "dimension %u is %d, but must not be negative", i, tensor->dims[i]);
		if (tensor->signature[i] < -1)
			return tfl_error_set(decoder->error, -EINVAL, "dimension %u of shape_signature is %d, but must be -1 or a size", i,
					     tensor->signature[i]);
		tensor->has_dynamic |= tensor->signature[i] == -1;
	}
	return 0;
}

/* Repeats the one zero point, or 0 where there is none, for each of several scales. */
static int spread_zero_point(struct tfl_decoder *decoder, struct tfl_quantization *quantization, int64_t zero_point)
{
	int64_t *zero_points;
	uint32_t i;
	int r;

	r = tfl_decoder_alloc(decoder, quantization->count, sizeof(*zero_points), &zero_points);
	if (r < 0)
		return r;
	for (i = 0; i < quantization->count; i++)
		zero_points[i] = zero_point;
	quantization->zero_points = zero_points;
	return 0;
}

/* The dimension along which several scales run. For rank 1 there is only one, whatever the file says (some writers leave 3 there). */
static int find_axis(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_tensor *tensor)
{
	struct tfl_quantization *quantization = &tensor->quantization;
	int32_t axis = tensor->rank == 1 ? 0 : tfl_fb_i32(table, QUANTIZATION_DIMENSION, 0);

	if (axis < 0 || axis >= tensor->rank)
		return tfl_error_set(decoder->error, -EINVAL, "quantization: dimension %d, but the tensor has %u", axis, tensor->rank);
	if (quantization->count != (uint32_t)tensor->dims[axis])
		return tfl_error_set(decoder->error, -EINVAL, "quantization: %u scales along dimension %d, which has size %d",
				     quantization->count, axis, tensor->dims[axis]);
	quantization->axis = (uint32_t)axis;
	return 0;
}

static int decode_affine(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_tensor *tensor)
{
	struct tfl_quantization *quantization = &tensor->quantization;
	const void *scales, *zero_points;
	uint32_t zero_point_count;
	int r;

	r = tfl_decoder_array(decoder, table, QUANTIZATION_SCALE, "quantization: scale", sizeof(float), UINT32_MAX, &scales,
			      &quantization->count);
	if (r < 0 || quantization->count == 0)
		return r;
	r = tfl_decoder_array(decoder, table, QUANTIZATION_ZERO_POINT, "quantization: zero_point", sizeof(int64_t), UINT32_MAX,
			      &zero_points, &zero_point_count);
	if (r < 0)
		return r;
	if (zero_point_count > 1 && zero_point_count != quantization->count)
		return tfl_error_set(decoder->error, -EINVAL, "quantization: %u scales, but %u zero points", quantization->count,
				     zero_point_count);
	quantization->scales = scales;
	quantization->zero_points = zero_point_count ? zero_points : &no_zero_point;
	if (quantization->count == 1)
		return 0;
	r = find_axis(decoder, table, tensor);
	if (r < 0 || zero_point_count == quantization->count)
		return r;
	return spread_zero_point(decoder, quantization, *quantization->zero_points);
}

static int decode_quantization(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_tensor *tensor)
{
	struct tfl_quantization *quantization = &tensor->quantization;
	struct tfl_fb_table parameters;
	int r;

	r = tfl_decoder_table(decoder, table, TENSOR_QUANTIZATION, "quantization", &parameters);
	if (r < 0)
		return r;
	quantization->details_type = tfl_fb_u8(&parameters, QUANTIZATION_DETAILS_TYPE, 0);
	quantization->custom = quantization->details_type != 0;
	if (!quantization->custom)
		return decode_affine(decoder, &parameters, tensor);
	return tfl_decoder_table(decoder, &parameters, QUANTIZATION_DETAILS, "quantization: details", &quantization->details);
}

/* Bytes that a dense tensor takes; *ret_fixed is false for types whose elements have no fixed size. */
static int dense_bytes(struct tfl_decoder *decoder, const struct tfl_tensor *tensor, bool *ret_fixed, uint64_t *ret_bytes)
{
	size_t elements, size = tfl_dtype_size(tensor->dtype);
	char shape[TFL_SHAPE_STRING_MAX];
	uint64_t bytes;
	int r;

	r = tfl_shape_elements(tensor->dims, tensor->rank, &elements);
	bytes = tensor->dtype == TFL_INT4 ? ((uint64_t)elements + 1) / 2 : (uint64_t)elements * size;
	if (r < 0 || bytes > TFL_TENSOR_BYTES_MAX)
		return tfl_error_set(decoder->error, -EFBIG, "shape %s of %s takes more than %u bytes",
				     tfl_shape_to_string(tensor->dims, tensor->rank, shape, sizeof(shape)),
				     tfl_dtype_to_string(tensor->dtype), TFL_TENSOR_BYTES_MAX);
	*ret_fixed = size > 0 || tensor->dtype == TFL_INT4;
	*ret_bytes = bytes;
	return 0;
}

/* Alignment that the elements of a type need in memory: complex numbers are two floats. */
static size_t dtype_alignment(enum tfl_dtype dtype)
{
	size_t size = tfl_dtype_size(dtype);

	if (dtype == TFL_COMPLEX64 || dtype == TFL_COMPLEX128)
		return size / 2;
	return size > 0 ? size : dtype == TFL_INT4 ? 1 : sizeof(int32_t);
}

static int decode_content(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_tensor *tensor)
{
	struct tfl_model_buffer *buffer;
	uint64_t bytes = 0;
	bool fixed = false;
	int r;

	r = dense_bytes(decoder, tensor, &fixed, &bytes);
	if (r < 0)
		return r;
	tensor->buffer = tfl_fb_u32(table, TENSOR_BUFFER, 0);
	if (tensor->buffer >= decoder->buffer_count)
		return tfl_error_set(decoder->error, -EINVAL, "buffer %u, but there are %u", tensor->buffer, decoder->buffer_count);
	buffer = &decoder->buffers[tensor->buffer];
	if (!buffer->data)
		return 0;
	if (tensor->is_variable)
		return tfl_error_set(decoder->error, -EINVAL, "is a variable, but has constant content");
	if (fixed && !tensor->is_sparse && buffer->size != bytes)
		return tfl_error_set(decoder->error, -EINVAL, "buffer %u has %zu bytes, but the tensor's shape and type take %llu",
				     tensor->buffer, buffer->size, (unsigned long long)bytes);
	r = tfl_decoder_align(decoder, buffer, dtype_alignment(tensor->dtype));
	if (r < 0)
		return r;
	tensor->data = buffer->data;
	tensor->data_size = buffer->size;
	return 0;
}

static int decode_tensor(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_tensor *tensor)
{
	int8_t type = tfl_fb_i8(table, TENSOR_TYPE, TFL_FLOAT32);
	int r;

	if (type < 0 || type >= TFL_DTYPE_COUNT)
		return tfl_error_set(decoder->error, -EINVAL, "type %d is unknown: 0 to %d are known", type, TFL_DTYPE_COUNT - 1);
	tensor->dtype = (enum tfl_dtype)type;
	tensor->is_variable = tfl_fb_bool(table, TENSOR_IS_VARIABLE, false);
	r = tfl_decoder_string(decoder, table, TENSOR_NAME, "name", &tensor->name);
	if (r < 0)
		return r;
	r = tfl_decoder_table(decoder, table, TENSOR_SPARSITY, "sparsity", &tensor->sparsity);
	if (r < 0)
		return r;
	tensor->is_sparse = tensor->sparsity.buffer != NULL;
	r = decode_shape(decoder, table, tensor);
	if (r < 0)
		return r;
	r = decode_quantization(decoder, table, tensor);
	if (r < 0)
		return r;
	return decode_content(decoder, table, tensor);
}

int tfl_decode_tensors(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_subgraph *subgraph)
{
	enum { SUBGRAPH_TENSORS = 0 };
	struct tfl_fb_vector vector;
	struct tfl_fb_table element;
	uint32_t i;
	int r;

	r = tfl_decoder_offsets(decoder, table, SUBGRAPH_TENSORS, "tensors", TFL_MODEL_TENSORS_MAX, &vector);
	if (r < 0)
		return r;
	r = tfl_decoder_alloc(decoder, vector.count, sizeof(*subgraph->tensors), &subgraph->tensors);
	if (r < 0)
		return r;
	subgraph->tensor_count = vector.count;
	for (i = 0; i < vector.count; i++) {
		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r == 0)
			r = decode_tensor(decoder, &element, &subgraph->tensors[i]);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "tensor %u", i);
	}
	return 0;
}
