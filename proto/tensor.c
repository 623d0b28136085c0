/* SPDX-License-Identifier: MIT */
/*
 * One table a role: the same keys, but what must be there differs. The key "data" holds one of two kinds, so the tables keep it as an
 * encoded value and it is read afterwards. The tensor is the first member of the struct that the tables fill, so the table for writing,
 * which leaves "data" alone, takes the tensor itself.
 */
#include "proto/tensor.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/limits.h"
#include "proto/reader.h"
#include "proto/writer.h"

struct wire_tensor {
	struct tfl_wire_tensor tensor;
	struct tfl_slice data;
};

#define MEMBER(member) offsetof(struct wire_tensor, member)
#define NAME_ROW(required) {"name", TFL_PARAM_STRING, required, MEMBER(tensor.name), 0, TFL_TENSOR_NAME_MAX, NULL}
#define INDEX_ROW(required) {"index", TFL_PARAM_INDEX, required, MEMBER(tensor.index), 0, TFL_SUBGRAPH_EDGE_MAX - 1, NULL}
#define DTYPE_ROW(required) {"dtype", TFL_PARAM_DTYPE, required, MEMBER(tensor.dtype), 0, 0, NULL}
#define SHAPE_ROW(required) {"shape", TFL_PARAM_SHAPE, required, MEMBER(tensor.shape), 0, 0, NULL}
#define DATA_ROW {"data", TFL_PARAM_VALUE, true, MEMBER(data), 0, 0, "binary data, or a map {region, offset, byte_size}"}

static const struct tfl_param input_rows[] = {NAME_ROW(false), INDEX_ROW(false), DTYPE_ROW(true), SHAPE_ROW(true), DATA_ROW};
static const struct tfl_param choice_rows[] = {NAME_ROW(false), INDEX_ROW(false), DTYPE_ROW(false)};
static const struct tfl_param output_rows[] = {NAME_ROW(true), INDEX_ROW(true), DTYPE_ROW(true), SHAPE_ROW(true), DATA_ROW};

static const struct tfl_param written_rows[] = {NAME_ROW(false), INDEX_ROW(false), DTYPE_ROW(false), SHAPE_ROW(false)};

static const struct tfl_param region_rows[] = {
	{"region", TFL_PARAM_UINT64, true, offsetof(struct tfl_wire_region, region), 0, UINT64_MAX, NULL},
	{"offset", TFL_PARAM_UINT64, true, offsetof(struct tfl_wire_region, offset), 0, UINT64_MAX, NULL},
	{"byte_size", TFL_PARAM_UINT64, true, offsetof(struct tfl_wire_region, byte_size), 0, TFL_TENSOR_BYTES_MAX, NULL},
};

static const struct tfl_param_table tables[] = {
	[TFL_TENSOR_INPUT] = TFL_PARAM_TABLE(input_rows, struct wire_tensor),
	[TFL_TENSOR_CHOICE] = TFL_PARAM_TABLE(choice_rows, struct wire_tensor),
	[TFL_TENSOR_OUTPUT] = TFL_PARAM_TABLE(output_rows, struct wire_tensor),
};
static const struct tfl_param_table written_table = TFL_PARAM_TABLE(written_rows, struct wire_tensor);
static const struct tfl_param_table region_table = TFL_PARAM_TABLE(region_rows, struct tfl_wire_region);

static int parse_data(struct tfl_slice value, struct tfl_wire_tensor *tensor, struct tfl_error *error)
{
	struct tfl_reader reader = tfl_reader_of(value);

	switch (tfl_reader_peek(&reader)) {
	case TFL_KIND_BINARY:
		return tfl_reader_binary(&reader, "'data'", &tensor->data, error);
	case TFL_KIND_MAP:
		tensor->in_region = true;
		return tfl_params_parse(&region_table, value, "'data'", &tensor->region, error);
	default:
		return tfl_error_set(error, -EINVAL, "'data' must be binary data, or a map {region, offset, byte_size}, not %s",
				     tfl_kind_to_string(tfl_reader_peek(&reader)));
	}
}

int tfl_wire_shape_bytes(const struct tfl_wire_shape *shape, enum tfl_dtype dtype, size_t *ret_bytes)
{
	size_t elements, bytes;
	int r;

	if (shape->rank < 0 || shape->rank > TFL_RANK_MAX || tfl_dtype_size(dtype) == 0)
		return -EINVAL;
	r = tfl_shape_elements(shape->dims, (unsigned)shape->rank, &elements);
	if (r < 0)
		return r;
	if (tfl_mul_overflow(elements, tfl_dtype_size(dtype), &bytes) || bytes > TFL_TENSOR_BYTES_MAX)
		return -EOVERFLOW;
	*ret_bytes = bytes;
	return 0;
}

/* Shape, type and data have to agree. */
static int check_size(const struct tfl_wire_tensor *tensor, struct tfl_error *error)
{
	uint64_t size = tensor->in_region ? tensor->region.byte_size : tensor->data.size;
	const char *dtype = tfl_dtype_to_string(tensor->dtype);
	char shape[TFL_SHAPE_STRING_MAX];
	size_t bytes;
	int r;

	r = tfl_wire_shape_bytes(&tensor->shape, tensor->dtype, &bytes);
	if (r == 0 && size == bytes)
		return 0;
	if (tfl_dtype_size(tensor->dtype) == 0)
		return tfl_error_set(error, -EINVAL, "'dtype' %s cannot be sent: its elements have no fixed number of bytes", dtype);
	tfl_shape_to_string(tensor->shape.dims, (unsigned)tensor->shape.rank, shape, sizeof(shape));
	if (r < 0)
		return tfl_error_set(error, -EINVAL, "'shape' %s of %s is more than a tensor may have: %u bytes", shape, dtype,
				     TFL_TENSOR_BYTES_MAX);
	return tfl_error_set(error, -EINVAL, "'shape' %s of %s takes %zu bytes, but 'data' has %" PRIu64, shape, dtype, bytes, size);
}

int tfl_wire_tensor_parse(struct tfl_slice map, enum tfl_tensor_role role, struct tfl_wire_tensor *ret_tensor, struct tfl_error *error)
{
	struct wire_tensor wire;
	int r;

	r = tfl_params_parse(&tables[role], map, NULL, &wire, error);
	if (r < 0)
		return r;
	if (!wire.tensor.name.text && wire.tensor.index < 0)
		return tfl_error_set(error, -EINVAL, "'name' or 'index' must say which tensor it is");
	if (role != TFL_TENSOR_OUTPUT && wire.tensor.name.text && wire.tensor.index >= 0)
		return tfl_error_set(error, -EINVAL, "'name' and 'index' are both there: give one of them");
	if (role == TFL_TENSOR_CHOICE) {
		wire.tensor.shape.rank = -1;
	} else {
		r = parse_data(wire.data, &wire.tensor, error);
		if (r == 0)
			r = check_size(&wire.tensor, error);
		if (r < 0)
			return r;
	}
	*ret_tensor = wire.tensor;
	return 0;
}

void tfl_wire_tensor_write(struct tfl_writer *writer, const struct tfl_wire_tensor *tensor)
{
	bool has_data = tensor->shape.rank >= 0;

	tfl_writer_map(writer, tfl_params_count(&written_table, tensor) + has_data);
	tfl_params_write(&written_table, tensor, writer);
	if (!has_data)
		return;
	tfl_writer_text(writer, "data");
	if (tensor->in_region) {
		tfl_writer_map(writer, tfl_params_count(&region_table, &tensor->region));
		tfl_params_write(&region_table, &tensor->region, writer);
	} else {
		tfl_writer_binary_ref(writer, tensor->data.data, tensor->data.size);
	}
}

int tfl_tensor_list_parse(const struct tfl_wire_array *array, enum tfl_tensor_role role, const char *what, struct tfl_tensor_list *ret_list,
			  struct tfl_error *error)
{
	struct tfl_reader reader = tfl_reader_of(array->elements);
	struct tfl_tensor_list list = {.count = array->count};
	struct tfl_wire_tensor *tensors = list.few;
	struct tfl_slice element;
	int r = 0;

	if (array->count > TFL_INFER_TENSORS_MAX)
		return tfl_error_set(error, -EINVAL, "'%s' must have at most %d tensors, not %" PRIu32, what, TFL_INFER_TENSORS_MAX,
				     array->count);
	if (array->count > TFL_TENSORS_INLINE) {
		tensors = list.many = calloc(array->count, sizeof(*list.many));
		if (!list.many)
			return tfl_error_set(error, -ENOMEM, "no memory for %" PRIu32 " tensors of a message", array->count);
	}
	for (uint32_t i = 0; i < array->count && r == 0; i++) {
		r = tfl_reader_skip(&reader, what, &element, error);
		if (r == 0)
			r = tfl_wire_tensor_parse(element, role, &tensors[i], error);
		if (r < 0)
			tfl_error_prefix(error, r, "%s[%" PRIu32 "]", what, i);
	}
	if (r < 0) {
		tfl_tensor_list_finish(&list);
		return r;
	}
	*ret_list = list;
	return 0;
}

void tfl_tensor_list_finish(struct tfl_tensor_list *list)
{
	if (!list)
		return;
	tfl_freep(&list->many);
	list->many = NULL;
	list->count = 0;
}
