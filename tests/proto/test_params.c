/* SPDX-License-Identifier: MIT */
/* A table with a row of every kind, read from maps that are right, sparse, odd and wrong, and written back. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/tfl-types.h"
#include "base/util.h"
#include "proto/params.h"
#include "proto/reader.h"
#include "tests/proto/notation.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"

struct sample {
	struct tfl_string text, name;
	uint32_t small;
	uint64_t big;
	int32_t index;
	bool flag;
	enum tfl_dtype dtype;
	struct tfl_wire_shape shape;
	struct tfl_wire_array array;
	struct tfl_slice value;
	int unnamed;
};

#define ROW(member, kind, required, min, max, noun) {#member, kind, required, offsetof(struct sample, member), min, max, noun}

static const struct tfl_param rows[] = {
	ROW(text, TFL_PARAM_STRING, false, 2, 4, NULL),
	ROW(name, TFL_PARAM_NAME, true, 0, 0, NULL),
	ROW(small, TFL_PARAM_UINT32, false, 1, 255, NULL),
	ROW(big, TFL_PARAM_UINT64, false, 1, UINT64_MAX, NULL),
	ROW(index, TFL_PARAM_INDEX, false, 0, 63, NULL),
	ROW(flag, TFL_PARAM_BOOL, false, 0, 0, NULL),
	ROW(dtype, TFL_PARAM_DTYPE, false, 0, 0, NULL),
	ROW(shape, TFL_PARAM_SHAPE, false, 0, 0, NULL),
	ROW(array, TFL_PARAM_ARRAY, false, 1, 3, "apples"),
	ROW(value, TFL_PARAM_VALUE, false, 0, 0, NULL),
};
static const struct tfl_param_table table = TFL_PARAM_TABLE(rows, struct sample);

START_TEST(reads_everything)
{
	struct tfl_slice map = notation_encode("{value: {a: [1]}, array: [1, 'x'], shape: [2, 0, 2147483647], dtype: 'int8', flag: true, "
					       "index: 63, big: 18446744073709551615, small: 255, name: 'n', text: 'abcd'}");
	struct tfl_error error = {0};
	struct sample sample = {.unnamed = 5};

	ck_assert_msg(tfl_params_parse(&table, map, "params", &sample, &error) == 0, "%s", error.text);
	ck_assert_string(sample.text, "abcd");
	ck_assert_string(sample.name, "n");
	ck_assert_uint_eq(sample.small, 255);
	ck_assert_uint_eq(sample.big, UINT64_MAX);
	ck_assert_int_eq(sample.index, 63);
	ck_assert(sample.flag);
	ck_assert_int_eq(sample.dtype, TFL_INT8);
	ck_assert_int_eq(sample.shape.rank, 3);
	ck_assert_int_eq(sample.shape.dims[0], 2);
	ck_assert_int_eq(sample.shape.dims[1], 0);
	ck_assert_int_eq(sample.shape.dims[2], INT32_MAX);
	ck_assert_uint_eq(sample.array.count, 2);
	ck_assert_uint_eq(sample.array.elements.size, 3);
	ck_assert_mem_eq(sample.array.elements.data, "\x01\xa1x", 3);
	ck_assert_uint_eq(sample.value.size, 9);
	ck_assert_int_eq(sample.unnamed, 0);
	wire_free(map);
}
END_TEST

static void check_absent(const struct sample *sample)
{
	ck_assert_string(sample->name, "n");
	ck_assert_ptr_null(sample->text.text);
	ck_assert_uint_eq(sample->small, 0);
	ck_assert_uint_eq(sample->big, 0);
	ck_assert_int_eq(sample->index, -1);
	ck_assert(!sample->flag);
	ck_assert_int_eq(sample->dtype, TFL_DTYPE_COUNT);
	ck_assert_int_eq(sample->shape.rank, -1);
	ck_assert_uint_eq(sample->array.count, 0);
	ck_assert_ptr_null(sample->value.data);
}

START_TEST(reads_little)
{
	static const char *const texts[] = {
		"{name: 'n'}",
		"{later: [{x: 1}], name: 'n', '': nil, '\xc3\xbc': <3>}",
		"{text: nil, small: nil, big: nil, index: nil, flag: nil, dtype: nil, shape: nil, array: nil, value: nil, name: 'n'}",
		"{name: 'n', other: 1, other: 2}",
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(texts); i++) {
		struct tfl_slice map = notation_encode(texts[i]);
		struct tfl_error error = {0};
		struct sample sample;

		memset(&sample, 0x55, sizeof(sample));
		ck_assert_msg(tfl_params_parse(&table, map, "params", &sample, &error) == 0, "%s", error.text);
		check_absent(&sample);
		wire_free(map);
	}
}
END_TEST

static const struct {
	const char *map;
	const char *text;
} wrong[] = {
	{"[]", "params must be a map, not an array"},
	{"{}", "params: 'name' is missing: it must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"},
	{"{name: nil}", "params: 'name' is missing: it must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"},
	{"{name: 'n', small: 1, name: 'n'}", "params: 'name' is there twice: give it once"},
	{"{name: nil, name: 'n'}", "params: 'name' is there twice: give it once"},
	{"{name: 5}", "params: 'name' must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit, not an integer"},
	{"{name: ''}", "params: 'name' must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit, not one of 0 bytes"},
	{"{name: '../x'}", "params: 'name' must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit, not '../x'"},
	{"{name: '\x1b[1m'}",
	 "params: 'name' must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit, not one of 4 bytes"},
	{"{name: '\xff'}", "params: 'name' must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit, "
			   "not one that is not UTF-8 without NUL bytes"},
	{"{text: 'a'}", "params: 'text' must be a string of 2 to 4 bytes, not one of 1"},
	{"{text: 'abcde'}", "params: 'text' must be a string of 2 to 4 bytes, not one of 5"},
	{"{text: <3>}", "params: 'text' must be a string of 2 to 4 bytes, not binary data"},
	{"{text: '\xc3('}", "params: 'text' must be a string of 2 to 4 bytes, not one that is not UTF-8 without NUL bytes"},
	{"{small: 0}", "params: 'small' must be an integer from 1 to 255, not 0"},
	{"{small: 256}", "params: 'small' must be an integer from 1 to 255, not 256"},
	{"{small: 4294967297}", "params: 'small' must be an integer from 1 to 255, not 4294967297"},
	{"{small: -1}", "params: 'small' must be an integer from 1 to 255, not -1"},
	{"{small: 1.0}", "params: 'small' must be an integer from 1 to 255, not a float"},
	{"{big: 'x'}", "params: 'big' must be an integer from 1 to 18446744073709551615, not a string"},
	{"{index: 64}", "params: 'index' must be an integer from 0 to 63, not 64"},
	{"{index: -1}", "params: 'index' must be an integer from 0 to 63, not -1"},
	{"{flag: 1}", "params: 'flag' must be true or false, not an integer"},
	{"{dtype: 'floot'}", "params: 'dtype' must be the name of an element type such as 'float32' or 'int8', not 'floot'"},
	{"{dtype: {}}", "params: 'dtype' must be the name of an element type such as 'float32' or 'int8', not a map"},
	{"{shape: 3}", "params: 'shape' must be an array of at most 8 dimensions from 0 to 2147483647, not an integer"},
	{"{shape: [1*9]}", "params: 'shape' must be an array of at most 8 dimensions from 0 to 2147483647, not one of 9"},
	{"{shape: [1, -1]}", "params: 'shape' must be an array of at most 8 dimensions from 0 to 2147483647, not one with -1 in it"},
	{"{shape: [2147483648]}",
	 "params: 'shape' must be an array of at most 8 dimensions from 0 to 2147483647, not one with 2147483648 in it"},
	{"{shape: [1, [2]]}", "params: 'shape' must be an array of at most 8 dimensions from 0 to 2147483647, not one with an array in it"},
	{"{array: 'x'}", "params: 'array' must be an array of 1 to 3 apples, not a string"},
	{"{array: []}", "params: 'array' must be an array of 1 to 3 apples, not one of 0"},
	{"{array: [nil*4]}", "params: 'array' must be an array of 1 to 3 apples, not one of 4"},
	{"{'\xff': 1}", "params: a key must be UTF-8 without NUL bytes"},
};

START_TEST(refuses)
{
	struct tfl_slice map = notation_encode(wrong[_i].map);
	struct tfl_error error = {0};
	struct sample sample, before;

	memset(&sample, 0x55, sizeof(sample));
	before = sample;
	ck_assert_refused(tfl_params_parse(&table, map, "params", &sample, &error), error, -EINVAL, wrong[_i].text);
	ck_assert_int_eq(tfl_params_parse(&table, map, "params", &sample, NULL), -EINVAL);
	ck_assert_mem_eq(&sample, &before, sizeof(sample));
	ck_assert_int_eq(tfl_params_parse(&table, map, NULL, &sample, &error), -EINVAL);
	ck_assert_ptr_null(strstr(error.text, "params"));
	wire_free(map);
}
END_TEST

/* A caller that did not validate gets an error, and nothing is read that is not there. */
START_TEST(survives_unsound_maps)
{
	struct tfl_slice map = notation_encode("{value: {a: [1]}, array: [1, 'x'], shape: [2, 0], dtype: 'int8', flag: true, big: 123456, "
					       "name: 'n', text: 'abcd'}");
	struct sample sample;

	for (size_t size = 0; size < map.size; size++) {
		struct tfl_slice prefix = wire_copy((struct tfl_slice){map.data, size});
		struct tfl_error error = {0};

		ck_assert_int_lt(tfl_params_parse(&table, prefix, "params", &sample, &error), 0);
		ck_assert_uint_gt(strlen(error.text), 0);
		wire_free(prefix);
	}
	wire_free(map);
}
END_TEST

static void check_written(struct sample *sample, uint32_t keys)
{
	struct tfl_writer writer = {0};
	struct tfl_slice map;
	struct sample back;

	ck_assert_uint_eq(tfl_params_count(&table, sample), keys);
	tfl_writer_begin(&writer);
	tfl_writer_map(&writer, keys);
	tfl_params_write(&table, sample, &writer);
	map = wire_body(&writer);
	ck_assert_int_eq(tfl_params_parse(&table, map, "params", &back, NULL), 0);
	ck_assert_uint_eq(back.name.length, sample->name.length);
	ck_assert_uint_eq(back.text.length, sample->text.length);
	ck_assert_int_eq(back.text.text != NULL, sample->text.text != NULL);
	ck_assert_uint_eq(back.small, sample->small);
	ck_assert_uint_eq(back.big, sample->big);
	ck_assert_int_eq(back.index, sample->index);
	ck_assert_int_eq(back.flag, sample->flag);
	ck_assert_int_eq(back.dtype, sample->dtype);
	ck_assert_mem_eq(&back.shape, &sample->shape, sizeof(back.shape));
	wire_free(map);
	tfl_writer_finish(&writer);
}

START_TEST(writes_back)
{
	struct sample sample = {
		.name = tfl_string_of("digits"),
		.index = -1,
		.dtype = TFL_DTYPE_COUNT,
		.shape = {.rank = -1},
	};

	check_written(&sample, 1);
	sample.index = 0;
	sample.dtype = TFL_FLOAT32;
	sample.shape = (struct tfl_wire_shape){0};
	check_written(&sample, 4);
	sample.text = tfl_string_of("ab");
	sample.small = 1;
	sample.big = UINT64_MAX;
	sample.flag = true;
	sample.shape = (struct tfl_wire_shape){8, {1, 2, 3, 4, 5, 6, 7, INT32_MAX}};
	check_written(&sample, 8);
}
END_TEST

Suite *params_suite(void)
{
	Suite *suite = suite_create("params");
	TCase *tcase = tcase_create("params");

	tcase_add_test(tcase, reads_everything);
	tcase_add_test(tcase, reads_little);
	tcase_add_loop_test(tcase, refuses, 0, TFL_ARRAY_SIZE(wrong));
	tcase_add_test(tcase, survives_unsound_maps);
	tcase_add_test(tcase, writes_back);
	suite_add_tcase(suite, tcase);
	return suite;
}
