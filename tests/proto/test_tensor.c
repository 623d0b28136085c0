/* SPDX-License-Identifier: MIT */
/* Tensors in their three roles; above all, that shape, type and data agree behind the parser. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "proto/tensor.h"
#include "tests/proto/notation.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"
#include "tests/support/allocation.h"

START_TEST(input_by_name)
{
	struct tfl_slice map = notation_encode("{data: <12>, shape: [1, 3], dtype: 'float32', name: 'serving_default_x:0'}");
	struct tfl_error error = {0};
	struct tfl_wire_tensor tensor;

	ck_assert_msg(tfl_wire_tensor_parse(map, TFL_TENSOR_INPUT, &tensor, &error) == 0, "%s", error.text);
	ck_assert_string(tensor.name, "serving_default_x:0");
	ck_assert_int_eq(tensor.index, -1);
	ck_assert_int_eq(tensor.dtype, TFL_FLOAT32);
	ck_assert_int_eq(tensor.shape.rank, 2);
	ck_assert(!tensor.in_region);
	ck_assert_uint_eq(tensor.data.size, 12);
	ck_assert_uint_eq(tensor.data.data[11], 11);
	wire_free(map);
}
END_TEST

START_TEST(input_by_index)
{
	struct tfl_slice map = notation_encode("{index: 2, dtype: 'int64', shape: [], data: <8>, since: 'later'}");
	struct tfl_error error = {0};
	struct tfl_wire_tensor tensor;

	ck_assert_msg(tfl_wire_tensor_parse(map, TFL_TENSOR_INPUT, &tensor, &error) == 0, "%s", error.text);
	ck_assert_ptr_null(tensor.name.text);
	ck_assert_int_eq(tensor.index, 2);
	ck_assert_int_eq(tensor.shape.rank, 0);
	ck_assert_uint_eq(tensor.data.size, 8);
	wire_free(map);
}
END_TEST

START_TEST(input_in_region)
{
	struct tfl_slice map = notation_encode("{index: 0, dtype: 'uint8', shape: [2, 5], data: {region: 7, offset: 4096, byte_size: 10}}");
	struct tfl_error error = {0};
	struct tfl_wire_tensor tensor;

	ck_assert_msg(tfl_wire_tensor_parse(map, TFL_TENSOR_INPUT, &tensor, &error) == 0, "%s", error.text);
	ck_assert(tensor.in_region);
	ck_assert_ptr_null(tensor.data.data);
	ck_assert_uint_eq(tensor.region.region, 7);
	ck_assert_uint_eq(tensor.region.offset, 4096);
	ck_assert_uint_eq(tensor.region.byte_size, 10);
	wire_free(map);
}
END_TEST

START_TEST(choice)
{
	struct tfl_slice plain = notation_encode("{name: 'out'}");
	struct tfl_slice typed = notation_encode("{index: 1, dtype: 'float32', shape: 'ignored'}");
	struct tfl_wire_tensor tensor;

	ck_assert_int_eq(tfl_wire_tensor_parse(plain, TFL_TENSOR_CHOICE, &tensor, NULL), 0);
	ck_assert_string(tensor.name, "out");
	ck_assert_int_eq(tensor.dtype, TFL_DTYPE_COUNT);
	ck_assert_int_eq(tfl_wire_tensor_parse(typed, TFL_TENSOR_CHOICE, &tensor, NULL), 0);
	ck_assert_int_eq(tensor.index, 1);
	ck_assert_int_eq(tensor.dtype, TFL_FLOAT32);
	ck_assert_int_eq(tensor.shape.rank, -1);
	wire_free(plain);
	wire_free(typed);
}
END_TEST

static const struct {
	enum tfl_tensor_role role;
	const char *map;
	const char *text;
} wrong[] = {
	{TFL_TENSOR_INPUT, "'x'", "the value must be a map, not a string"},
	{TFL_TENSOR_INPUT, "{dtype: 'int8', shape: [], data: <1>}", "'name' or 'index' must say which tensor it is"},
	{TFL_TENSOR_CHOICE, "{}", "'name' or 'index' must say which tensor it is"},
	{TFL_TENSOR_INPUT, "{name: 'x', index: 0, dtype: 'int8', shape: [], data: <1>}",
	 "'name' and 'index' are both there: give one of them"},
	{TFL_TENSOR_CHOICE, "{name: 'x', index: 0}", "'name' and 'index' are both there: give one of them"},
	{TFL_TENSOR_OUTPUT, "{name: 'x', dtype: 'int8', shape: [], data: <1>}", "'index' is missing: it must be an integer from 0 to 4095"},
	{TFL_TENSOR_OUTPUT, "{index: 0, dtype: 'int8', shape: [], data: <1>}", "'name' is missing: it must be a string of 0 to 4096 bytes"},
	{TFL_TENSOR_INPUT, "{index: 0, shape: [], data: <1>}",
	 "'dtype' is missing: it must be the name of an element type such as 'float32' or 'int8'"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int8', data: <1>}",
	 "'shape' is missing: it must be an array of at most 8 dimensions from 0 to 2147483647"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int8', shape: []}",
	 "'data' is missing: it must be binary data, or a map {region, offset, byte_size}"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int8', shape: [], data: 'x'}",
	 "'data' must be binary data, or a map {region, offset, byte_size}, not a string"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int8', shape: [], data: [1]}",
	 "'data' must be binary data, or a map {region, offset, byte_size}, not an array"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'float32', shape: [1, 28, 28, 1], data: <3135>}",
	 "'shape' [1, 28, 28, 1] of float32 takes 3136 bytes, but 'data' has 3135"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int8', shape: [], data: <0>}", "'shape' [] of int8 takes 1 bytes, but 'data' has 0"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int8', shape: [0, 5], data: <1>}", "'shape' [0, 5] of int8 takes 0 bytes, but 'data' has 1"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'float64', shape: [2147483647, 2147483647], data: <8>}",
	 "'shape' [2147483647, 2147483647] of float64 is more than a tensor may have: 1073741824 bytes"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'float32', shape: [268435457], data: <8>}",
	 "'shape' [268435457] of float32 is more than a tensor may have: 1073741824 bytes"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'string', shape: [1], data: <8>}",
	 "'dtype' string cannot be sent: its elements have no fixed number of bytes"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int4', shape: [1], data: <1>}",
	 "'dtype' int4 cannot be sent: its elements have no fixed number of bytes"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int8', shape: [4], data: {region: 1, offset: 0}}",
	 "'data': 'byte_size' is missing: it must be an integer from 0 to 1073741824"},
	{TFL_TENSOR_INPUT, "{index: 0, dtype: 'int8', shape: [4], data: {region: 1, offset: 0, byte_size: 5}}",
	 "'shape' [4] of int8 takes 4 bytes, but 'data' has 5"},
};

START_TEST(refuses)
{
	struct tfl_slice map = notation_encode(wrong[_i].map);
	struct tfl_wire_tensor tensor = {.index = 9};
	struct tfl_error error = {0};

	ck_assert_refused(tfl_wire_tensor_parse(map, wrong[_i].role, &tensor, &error), error, -EINVAL, wrong[_i].text);
	ck_assert_int_eq(tensor.index, 9);
	wire_free(map);
}
END_TEST

static void check_written(const struct tfl_wire_tensor *tensor, enum tfl_tensor_role role)
{
	struct tfl_error error = {0};
	struct tfl_writer writer = {0};
	struct tfl_wire_tensor back;
	struct tfl_slice map;

	tfl_writer_begin(&writer);
	tfl_wire_tensor_write(&writer, tensor);
	map = wire_body(&writer);
	ck_assert_msg(tfl_wire_tensor_parse(map, role, &back, &error) == 0, "%s", error.text);
	ck_assert_int_eq(back.index, tensor->index);
	ck_assert_int_eq(back.dtype, tensor->dtype);
	ck_assert_uint_eq(back.name.length, tensor->name.length);
	ck_assert_mem_eq(&back.shape, &tensor->shape, sizeof(back.shape));
	ck_assert_int_eq(back.in_region, tensor->in_region);
	ck_assert_mem_eq(&back.region, &tensor->region, sizeof(back.region));
	ck_assert_uint_eq(back.data.size, tensor->data.size);
	if (back.data.size > 0)
		ck_assert_mem_eq(back.data.data, tensor->data.data, back.data.size);
	wire_free(map);
	tfl_writer_finish(&writer);
}

START_TEST(writes_back)
{
	static uint8_t bytes[4 * 3000];
	struct tfl_wire_tensor tensor = {
		.name = tfl_string_of("x"),
		.index = -1,
		.dtype = TFL_FLOAT32,
		.shape = {2, {3, 1000}},
		.data = {bytes, sizeof(bytes)},
	};

	memset(bytes, 0xa5, sizeof(bytes));
	check_written(&tensor, TFL_TENSOR_INPUT);
	tensor.index = 3;
	check_written(&tensor, TFL_TENSOR_OUTPUT);
	tensor.name = tfl_string_of("");
	tensor.dtype = TFL_INT8;
	tensor.shape = (struct tfl_wire_shape){0};
	tensor.data.size = 1;
	check_written(&tensor, TFL_TENSOR_OUTPUT);
	tensor.shape = (struct tfl_wire_shape){1, {0}};
	tensor.data = (struct tfl_slice){NULL, 0};
	check_written(&tensor, TFL_TENSOR_OUTPUT);
	tensor.shape.dims[0] = 100;
	tensor.in_region = true;
	tensor.region = (struct tfl_wire_region){1, 64, 100};
	check_written(&tensor, TFL_TENSOR_OUTPUT);
	check_written(&(struct tfl_wire_tensor){.index = 5, .dtype = TFL_DTYPE_COUNT, .shape = {.rank = -1}}, TFL_TENSOR_CHOICE);
}
END_TEST

START_TEST(counts_bytes)
{
	size_t bytes = 77;

	ck_assert_int_eq(tfl_wire_shape_bytes(&(struct tfl_wire_shape){-1}, TFL_INT8, &bytes), -EINVAL);
	ck_assert_int_eq(tfl_wire_shape_bytes(&(struct tfl_wire_shape){9}, TFL_INT8, &bytes), -EINVAL);
	ck_assert_int_eq(tfl_wire_shape_bytes(&(struct tfl_wire_shape){1, {-1}}, TFL_INT8, &bytes), -EINVAL);
	ck_assert_int_eq(tfl_wire_shape_bytes(&(struct tfl_wire_shape){0}, TFL_STRING, &bytes), -EINVAL);
	ck_assert_int_eq(tfl_wire_shape_bytes(&(struct tfl_wire_shape){0}, TFL_DTYPE_COUNT, &bytes), -EINVAL);
	ck_assert_int_eq(tfl_wire_shape_bytes(&(struct tfl_wire_shape){1, {INT32_MAX}}, TFL_FLOAT64, &bytes), -EOVERFLOW);
	ck_assert_uint_eq(bytes, 77);
	ck_assert_int_eq(tfl_wire_shape_bytes(&(struct tfl_wire_shape){1, {1 << 28}}, TFL_FLOAT32, &bytes), 0);
	ck_assert_uint_eq(bytes, TFL_TENSOR_BYTES_MAX);
}
END_TEST

/* A list of choices by index: 0, 1, 2, … */
static struct tfl_slice make_list(unsigned count, struct tfl_wire_array *ret_array)
{
	struct tfl_writer writer = {0};
	struct tfl_slice body;

	tfl_writer_begin(&writer);
	tfl_writer_array(&writer, count);
	for (unsigned i = 0; i < count; i++) {
		int32_t index = (int32_t)(i % TFL_INFER_TENSORS_MAX);

		tfl_wire_tensor_write(&writer, &(struct tfl_wire_tensor){.index = index, .dtype = TFL_DTYPE_COUNT, .shape = {.rank = -1}});
	}
	body = wire_body(&writer);
	tfl_writer_finish(&writer);
	*ret_array = (struct tfl_wire_array){{body.data + (count < 16 ? 1 : 3), body.size - (count < 16 ? 1 : 3)}, count};
	return body;
}

START_TEST(lists)
{
	static const unsigned counts[] = {0, 1, TFL_TENSORS_INLINE, TFL_TENSORS_INLINE + 1, TFL_INFER_TENSORS_MAX};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(counts); i++) {
		struct tfl_tensor_list list, moved;
		struct tfl_wire_array array;
		struct tfl_slice body = make_list(counts[i], &array);

		allocation_fail_at(counts[i] <= TFL_TENSORS_INLINE);
		ck_assert_int_eq(tfl_tensor_list_parse(&array, TFL_TENSOR_CHOICE, "outputs", &list, NULL), 0);
		moved = list;
		memset(&list, 0x55, sizeof(list));
		ck_assert_uint_eq(moved.count, counts[i]);
		for (unsigned k = 0; k < counts[i]; k++)
			ck_assert_int_eq(tfl_tensor_list_at(&moved, k)->index, (int32_t)k);
		tfl_tensor_list_finish(&moved);
		tfl_tensor_list_finish(&moved);
		ck_assert_uint_eq(moved.count, 0);
		wire_free(body);
	}
	tfl_tensor_list_finish(NULL);
}
END_TEST

START_TEST(list_too_long)
{
	struct tfl_tensor_list list = {.count = 3};
	struct tfl_error error = {0};
	struct tfl_wire_array array;
	struct tfl_slice body = make_list(TFL_INFER_TENSORS_MAX + 1, &array);

	ck_assert_refused(tfl_tensor_list_parse(&array, TFL_TENSOR_CHOICE, "outputs", &list, &error), error, -EINVAL,
			  "'outputs' must have at most 64 tensors, not 65");
	ck_assert_uint_eq(list.count, 3);
	wire_free(body);
}
END_TEST

Suite *tensor_suite(void)
{
	Suite *suite = suite_create("tensor");
	TCase *tcase = tcase_create("tensors");

	tcase_add_test(tcase, input_by_name);
	tcase_add_test(tcase, input_by_index);
	tcase_add_test(tcase, input_in_region);
	tcase_add_test(tcase, choice);
	tcase_add_loop_test(tcase, refuses, 0, TFL_ARRAY_SIZE(wrong));
	tcase_add_test(tcase, writes_back);
	tcase_add_test(tcase, counts_bytes);
	tcase_add_test(tcase, lists);
	tcase_add_test(tcase, list_too_long);
	suite_add_tcase(suite, tcase);
	return suite;
}
