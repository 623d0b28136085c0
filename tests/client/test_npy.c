/* SPDX-License-Identifier: MIT */
/* .npy files: what numpy writes, what it may write, and what nobody should. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "client/npy.h"
#include "tests/client/ctl_suites.h"

/* A file with @p header as its dictionary and @p bytes bytes 0, 1, 2 … behind it, in memory that ends where the file ends. */
static uint8_t *make(int version, const char *header, size_t bytes, size_t *ret_size)
{
	size_t length = strlen(header), start = version == 1 ? 10 : 12;
	uint8_t *file = malloc(start + length + bytes);

	memcpy(file, "\x93NUMPY", 6);
	file[6] = (uint8_t)version;
	file[7] = 0;
	file[8] = (uint8_t)(length & 0xff);
	file[9] = (uint8_t)(length >> 8);
	if (version > 1)
		file[10] = file[11] = 0;
	memcpy(file + start, header, length);
	for (size_t i = 0; i < bytes; i++)
		file[start + length + i] = (uint8_t)i;
	*ret_size = start + length + bytes;
	return file;
}

struct sound {
	int version;
	const char *header;
	enum tfl_dtype dtype;
	uint32_t rank;
	int32_t dims[3];
	size_t bytes;
};

static const struct sound sounds[] = {
	{1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n", TFL_FLOAT32, 2, {2, 3}, 24},
	{2, "{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }\n", TFL_UINT8, 1, {5}, 5},
	{3, "{'descr': '|i1', 'fortran_order': False, 'shape': (), }\n", TFL_INT8, 0, {0}, 1},
	{1, "{\"shape\":(1,0,7),\"fortran_order\":False,\"descr\":\"<i8\"}", TFL_INT64, 3, {1, 0, 7}, 0},
	{1, "{'descr': '<f8', 'fortran_order': True, 'shape': (1, 4, 1), }\n", TFL_FLOAT64, 3, {1, 4, 1}, 32}, /* one row has one order */
	{1, "{'descr': '|b1', 'fortran_order': False, 'shape': (2), }", TFL_BOOL, 1, {2}, 2},
	{1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", TFL_FLOAT16, 1, {2}, 4},
	{1, "{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }", TFL_UINT16, 1, {2}, 4},
};

START_TEST(sound_files)
{
	const struct sound *sound = &sounds[_i];
	struct tfl_error error = {0};
	struct tfl_npy array;
	size_t size;
	uint8_t *file = make(sound->version, sound->header, sound->bytes, &size);

	ck_assert(tfl_npy_is(file, size));
	ck_assert_msg(tfl_npy_parse(file, size, &array, &error) == 0, "%s: %s", sound->header, error.text);
	ck_assert_int_eq(array.dtype, sound->dtype);
	ck_assert_uint_eq(array.rank, sound->rank);
	ck_assert_mem_eq(array.dims, sound->dims, sound->rank * sizeof(int32_t));
	ck_assert_uint_eq(array.bytes, sound->bytes);
	ck_assert_ptr_eq(array.data + array.bytes, file + size);
	free(file);
}
END_TEST

struct broken {
	const char *header;
	size_t bytes;
	const char *words;
};

static const struct broken brokens[] = {
	{"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4, "big-endian"},
	{"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", 16, "Fortran"},
	{"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, "structured"},
	{"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }", 8, "<M8[ns]"},
	{"{'descr': '|S5', 'fortran_order': False, 'shape': (1,), }", 5, "|S5"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7, "8 bytes"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9, "there are 9"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8, "whole numbers"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }", 8, "whole numbers"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536), }", 8, "too large"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4, "8 dimensions"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': 5, }", 20, "no tuple"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (5", 20, "does not end"},
	{"{'descr': '<f4', 'fortran_order': False, }", 4, "lacks"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", 4, "does not end"},
	{"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", 4, "fortran_order"},
	{"{'descr': '<f4", 4, "structured"},
	{"{", 4, "no dictionary"},
	{"", 0, "cut short"},
	{"[]", 0, "no dictionary"},
	{"{'colour': 'red', }", 0, "colour"},
};

START_TEST(broken_files)
{
	const struct broken *broken = &brokens[_i];
	struct tfl_error error = {0};
	struct tfl_npy array;
	size_t size;
	uint8_t *file = make(1, broken->header, broken->bytes, &size);

	ck_assert_int_eq(tfl_npy_parse(file, size, &array, &error), -EINVAL);
	ck_assert_msg(strstr(error.text, broken->words), "%s: %s", broken->header, error.text);
	free(file);
}
END_TEST

START_TEST(other_files)
{
	struct tfl_error error = {0};
	struct tfl_npy array;

	ck_assert(!tfl_npy_is("", 0));
	ck_assert_int_eq(tfl_npy_parse("PK\3\4 and so on", 13, &array, &error), -EINVAL);
	ck_assert_int_eq(tfl_npy_parse("\x93NUMPY\4\0aaaaaaaaaa", 18, &array, &error), -EINVAL);
	ck_assert_msg(strstr(error.text, "version 4"), "%s", error.text);
	ck_assert_int_eq(tfl_npy_parse("\x93NUMPY\2\0\xff\xff\xff\xff", 12, &array, &error), -EINVAL);
	ck_assert_msg(strstr(error.text, "4294967295"), "%s", error.text);
}
END_TEST

START_TEST(every_prefix_fails)
{
	size_t size;
	uint8_t *file = make(1, sounds[0].header, sounds[0].bytes, &size);
	struct tfl_npy array;

	for (size_t length = 0; length < size; length++) {
		uint8_t *prefix = malloc(length ? length : 1); /* checkers see a read past its end */

		memcpy(prefix, file, length);
		ck_assert_int_eq(tfl_npy_parse(prefix, length, &array, NULL), -EINVAL);
		free(prefix);
	}
	free(file);
}
END_TEST

START_TEST(random_damage)
{
	unsigned seed = 1;
	struct tfl_npy array;
	size_t size;

	for (unsigned i = 0; i < 20000; i++) {
		uint8_t *file = make(1 + i % 3, sounds[i % 8].header, sounds[i % 8].bytes, &size);

		for (unsigned k = 0; k < 1 + i % 3; k++)
			file[(unsigned)rand_r(&seed) % size] = (uint8_t)((unsigned)rand_r(&seed) >> 8);
		if (tfl_npy_parse(file, size, &array, NULL) == 0)
			ck_assert_ptr_eq(array.data + array.bytes, file + size);
		free(file);
	}
}
END_TEST

START_TEST(written_and_read)
{
	static const int16_t values[6] = {1, -2, 3, -4, 5, -6};
	const struct tfl_npy written = {.dtype = TFL_INT16, .rank = 3, .dims = {1, 2, 3}, .data = (const uint8_t *)values, .bytes = 12};
	struct tfl_npy scalar = {.dtype = TFL_UINT8, .rank = 0, .data = (const uint8_t *)values, .bytes = 1}, array;
	char *file;
	size_t size;
	FILE *stream = open_memstream(&file, &size);

	ck_assert_int_eq(tfl_npy_write(stream, &written), 0);
	fclose(stream);
	ck_assert_int_eq((size - 12) % 64, 0);
	ck_assert_int_eq(tfl_npy_parse(file, size, &array, NULL), 0);
	ck_assert_int_eq(array.dtype, TFL_INT16);
	ck_assert_uint_eq(array.rank, 3);
	ck_assert_mem_eq(array.dims, written.dims, 12);
	ck_assert_mem_eq(array.data, values, 12);
	free(file);

	stream = open_memstream(&file, &size);
	ck_assert_int_eq(tfl_npy_write(stream, &scalar), 0);
	scalar.dtype = TFL_BFLOAT16;
	ck_assert_int_eq(tfl_npy_write(stream, &scalar), -EINVAL);
	fclose(stream);
	ck_assert_int_eq(tfl_npy_parse(file, size, &array, NULL), 0);
	ck_assert_uint_eq(array.rank, 0);
	free(file);
}
END_TEST

Suite *npy_suite(void)
{
	Suite *suite = suite_create("npy");
	TCase *tcase = tcase_create("npy");

	tcase_add_loop_test(tcase, sound_files, 0, sizeof(sounds) / sizeof(sounds[0]));
	tcase_add_loop_test(tcase, broken_files, 0, sizeof(brokens) / sizeof(brokens[0]));
	tcase_add_test(tcase, other_files);
	tcase_add_test(tcase, every_prefix_fails);
	tcase_add_test(tcase, random_damage);
	tcase_add_test(tcase, written_and_read);
	suite_add_tcase(suite, tcase);
	return suite;
}
