/* SPDX-License-Identifier: MIT */
/*
 * Maps of numbers in all widths, a buffer as a converter wrote it, and buffers that lie. Every buffer ends at a page without access.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "runtime/flexbuffer.h"
#include "tests/builder/flexwriter.h"
#include "tests/builder/random.h"
#include "tests/runtime/guarded.h"
#include "tests/runtime/suites.h"

#define SIZE_MAX_TEST 1024

static const struct tfl_flexw_entry entries[] = {
	{"none", TFL_FLEXW_NULL, 0, 0},          {"count", TFL_FLEXW_INT, 100, 0},           {"minus", TFL_FLEXW_INT, -100, 0},
	{"great", TFL_FLEXW_UINT, 200, 0},       {"yes", TFL_FLEXW_BOOL, 1, 0},              {"no", TFL_FLEXW_BOOL, 0, 0},
	{"far", TFL_FLEXW_INDIRECT_INT, -7, 0},  {"away", TFL_FLEXW_INDIRECT_UINT, 250, 0},
};

static const struct tfl_flexw_entry reals[] = {
	{"half", TFL_FLEXW_REAL, 0, 0.5},
	{"minus", TFL_FLEXW_REAL, 0, -1234.75},
	{"far", TFL_FLEXW_INDIRECT_REAL, 0, 2.25},
	{"count", TFL_FLEXW_INT, 100, 0},
};

static struct guarded memory;

static void setup(void)
{
	guarded_init(&memory, SIZE_MAX_TEST);
}

static void teardown(void)
{
	guarded_finish(&memory);
}

static int open_bytes(const uint8_t *data, size_t size, struct tfl_flex_map *ret_map)
{
	return tfl_flex_map_open(guarded_fill(&memory, data, size), size, ret_map);
}

static struct tfl_flex_map write_map(const struct tfl_flexw_entry *list, unsigned count, unsigned width, unsigned key_width)
{
	uint8_t data[SIZE_MAX_TEST];
	struct tfl_flex_map map;
	size_t size = tfl_flexw_map(list, count, width, key_width, data, sizeof(data));

	ck_assert_uint_ne(size, 0);
	ck_assert_int_eq(open_bytes(data, size, &map), 0);
	return map;
}

static int64_t integer(const struct tfl_flex_map *map, const char *name)
{
	int64_t value;

	ck_assert_msg(tfl_flex_int(map, name, &value) == 0, "%s", name);
	return value;
}

static double real(const struct tfl_flex_map *map, const char *name)
{
	double value;

	ck_assert_msg(tfl_flex_real(map, name, &value) == 0, "%s", name);
	return value;
}

START_TEST(integers_of_every_width)
{
	unsigned width = 1u << _i % 4, key_width = 1u << _i / 4;
	struct tfl_flex_map map = write_map(entries, TFL_ARRAY_SIZE(entries), width, key_width);
	int64_t value = 5;
	bool truth;

	ck_assert_int_eq(integer(&map, "count"), 100);
	ck_assert_int_eq(integer(&map, "minus"), -100);
	ck_assert_int_eq(integer(&map, "great"), 200);
	ck_assert_int_eq(integer(&map, "far"), -7);
	ck_assert_int_eq(integer(&map, "away"), 250);
	ck_assert_int_eq(integer(&map, "yes"), 1);
	ck_assert(real(&map, "minus") == -100 && real(&map, "great") == 200);
	ck_assert(tfl_flex_bool(&map, "yes", &truth) == 0 && truth);
	ck_assert(tfl_flex_bool(&map, "no", &truth) == 0 && !truth);
	ck_assert(tfl_flex_bool(&map, "minus", &truth) == 0 && truth);
	ck_assert_int_eq(tfl_flex_int(&map, "none", &value), 1);
	ck_assert_int_eq(tfl_flex_int(&map, "coun", &value), 1);
	ck_assert_int_eq(tfl_flex_int(&map, "count ", &value), 1);
	ck_assert_int_eq(tfl_flex_int(&map, "", &value), 1);
	ck_assert_int_eq(value, 5);
}
END_TEST

START_TEST(real_numbers_of_every_width)
{
	struct tfl_flex_map map = write_map(reals, TFL_ARRAY_SIZE(reals), _i ? 8 : 4, 2);
	bool truth;

	ck_assert(real(&map, "half") == 0.5);
	ck_assert(real(&map, "minus") == -1234.75);
	ck_assert(real(&map, "far") == 2.25);
	ck_assert(real(&map, "count") == 100);
	ck_assert_int_eq(integer(&map, "minus"), -1234);
	ck_assert(tfl_flex_bool(&map, "half", &truth) == 0 && truth);
}
END_TEST

START_TEST(numbers_that_do_not_fit_are_refused)
{
	static const struct tfl_flexw_entry list[] = {
		{"infinite", TFL_FLEXW_REAL, 0, INFINITY},   {"nan", TFL_FLEXW_REAL, 0, NAN},      {"great", TFL_FLEXW_REAL, 0, 0x1p63},
		{"unsigned", TFL_FLEXW_UINT, INT64_MIN, 0},  {"least", TFL_FLEXW_INT, INT64_MIN, 0},
	};
	struct tfl_flex_map map = write_map(list, TFL_ARRAY_SIZE(list), 8, 1);
	int64_t value;

	ck_assert_int_eq(tfl_flex_int(&map, "infinite", &value), -EINVAL);
	ck_assert_int_eq(tfl_flex_int(&map, "nan", &value), -EINVAL);
	ck_assert_int_eq(tfl_flex_int(&map, "great", &value), -EINVAL);
	ck_assert_int_eq(tfl_flex_int(&map, "unsigned", &value), -EINVAL);
	ck_assert(real(&map, "unsigned") == 0x1p63);
	ck_assert_int_eq(integer(&map, "least"), INT64_MIN);
}
END_TEST

/* {"a": 1, "b": 2.5f}, byte by byte from the description of the format. */
START_TEST(bytes_by_hand)
{
	static const uint8_t bytes[] = {
		'a', 0, 'b', 0,             /* names */
		2, 5, 4,                    /* keys: how many; back to 0 and 2 */
		0,                          /* (padding) */
		3, 0, 0, 0, 1, 0, 0, 0,     /* back to the keys at 5, which have 1 byte */
		2, 0, 0, 0,                 /* how many values */
		1, 0, 0, 0, 0, 0, 0x20, 64, /* 1, 2.5f */
		1 << 2 | 2, 3 << 2 | 2,     /* an integer, a real number, of 4 bytes */
		10, 9 << 2 | 2, 1,          /* back to the map at 20; a map of width 4; in 1 byte */
	};
	struct tfl_flex_map map;

	ck_assert_int_eq(open_bytes(bytes, sizeof(bytes), &map), 0);
	ck_assert_int_eq(integer(&map, "a"), 1);
	ck_assert(real(&map, "b") == 2.5);
}
END_TEST

START_TEST(other_roots_are_no_maps)
{
	static const struct {
		uint8_t bytes[4];
		size_t size;
	} rows[] = {
		{{0}, 0},
		{{4, 1}, 2},
		{{5, 1 << 2, 1}, 3},       /* the integer 5 */
		{{0, 9 << 2, 1}, 3},       /* a map at the root itself */
		{{1, 9 << 2, 1}, 3},       /* before the buffer */
		{{0, 1, 9 << 2, 3}, 4},    /* a width of 3 */
		{{0, 1, 9 << 2, 4}, 4},    /* wider than what is there */
		{{0, 1, 9 << 2, 0}, 4},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		struct tfl_flex_map map;

		ck_assert_msg(open_bytes(rows[i].bytes, rows[i].size, &map) == -EINVAL, "row %zu", i);
	}
}
END_TEST

/* Keys of 8 bytes would end far behind a buffer in which 20 entries of 1 byte fit. */
START_TEST(keys_end_inside)
{
	uint8_t bytes[47] = {0, 1, 8, 20};
	struct tfl_flex_map map;

	bytes[44] = 40; /* back to the values at 4 */
	bytes[45] = 9 << 2;
	bytes[46] = 1;
	ck_assert_int_eq(open_bytes(bytes, sizeof(bytes), &map), -EINVAL);
	bytes[2] = 1;
	ck_assert_int_eq(open_bytes(bytes, sizeof(bytes), &map), 0);
}
END_TEST

/* {"a": 7}, whose key lies before the buffer; then whose value, an offset, does. */
START_TEST(offsets_before_the_buffer_are_refused)
{
	uint8_t bytes[] = {'a', 0, 1, 3, 1, 1, 1, 7, 6 << 2, 2, 9 << 2, 1};
	struct tfl_flex_map map;
	int64_t value = 0;

	ck_assert_int_eq(open_bytes(bytes, sizeof(bytes), &map), 0);
	ck_assert_int_eq(tfl_flex_int(&map, "a", &value), 0);
	ck_assert_int_eq(value, 'a');
	bytes[7] = 8;
	ck_assert_int_eq(open_bytes(bytes, sizeof(bytes), &map), 0);
	ck_assert_int_eq(tfl_flex_int(&map, "a", &value), -EINVAL);
	bytes[7] = 7;
	bytes[3] = 4;
	ck_assert_int_eq(open_bytes(bytes, sizeof(bytes), &map), 0);
	ck_assert_int_eq(tfl_flex_int(&map, "a", &value), -EINVAL);
}
END_TEST

/* Everything that can be asked of a buffer; nothing may be read outside, and what is answered is one of three codes. */
static void read_everything(const uint8_t *data, size_t size, unsigned *opened)
{
	static const char *const names[] = {"none", "count", "minus", "great", "yes", "no", "far", "away", "half", ""};
	struct tfl_flex_map map;
	int64_t value;
	double number;
	bool truth;
	int r = open_bytes(data, size, &map);

	ck_assert(r == 0 || r == -EINVAL);
	*opened += r == 0;
	for (size_t i = 0; r == 0 && i < TFL_ARRAY_SIZE(names); i++) {
		int a = tfl_flex_int(&map, names[i], &value), b = tfl_flex_real(&map, names[i], &number);
		int c = tfl_flex_bool(&map, names[i], &truth);

		if ((a != 0 && a != 1 && a != -EINVAL) || (b != 0 && b != 1 && b != -EINVAL) || b != c || (b != 0 && a != b))
			ck_abort_msg("%s: %d, %d, %d", names[i], a, b, c);
	}
}

START_TEST(damaged_buffers_are_read_inside)
{
	struct tfl_random random = {(uint64_t)_i};
	unsigned width = 1u << _i % 4, opened = 0;
	uint8_t sound[SIZE_MAX_TEST], data[SIZE_MAX_TEST];
	bool floats = width >= 4 && _i / 4 % 2;
	size_t size = tfl_flexw_map(floats ? reals : entries, floats ? TFL_ARRAY_SIZE(reals) : TFL_ARRAY_SIZE(entries), width,
				    1u << _i / 8 % 4, sound, sizeof(sound));

	for (int round = 0; round < 20000; round++) {
		size_t length = tfl_random_below(&random, 5) ? size : tfl_random_below(&random, (uint32_t)size + 1);
		/* The root stands at the end: half of the time it stays. */
		size_t where = tfl_random_below(&random, 2) && length > 3 ? length - 3 : length;

		memcpy(data, sound + size - length, length);
		for (uint32_t n = 1 + tfl_random_below(&random, 4); n > 0 && where > 0; n--)
			data[tfl_random_below(&random, (uint32_t)where)] = (uint8_t)tfl_random_next(&random);
		read_everything(data, length, &opened);
	}
	ck_assert_msg(opened > 1000 && opened < 20000, "%u of 20000 damaged buffers were opened: do they reach anything?", opened);
}
END_TEST

START_TEST(random_buffers_are_read_inside)
{
	struct tfl_random random = {7};
	unsigned opened = 0;
	uint8_t data[64];

	for (int round = 0; round < 200000; round++) {
		size_t size = tfl_random_below(&random, sizeof(data) + 1);

		for (size_t i = 0; i < size; i++)
			data[i] = (uint8_t)(tfl_random_below(&random, 2) ? tfl_random_below(&random, 16) : tfl_random_next(&random));
		if (size > 2) {
			data[size - 1] = (uint8_t)(1u << tfl_random_below(&random, 4));
			data[size - 2] = (uint8_t)(9u << 2 | tfl_random_below(&random, 4));
		}
		read_everything(data, size, &opened);
	}
	ck_assert_uint_gt(opened, 20);
}
END_TEST

Suite *flexbuffer_suite(void)
{
	Suite *suite = suite_create("flexbuffer");
	TCase *tests = tcase_create("maps");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, integers_of_every_width, 0, 16);
	tcase_add_loop_test(tests, real_numbers_of_every_width, 0, 2);
	tcase_add_test(tests, numbers_that_do_not_fit_are_refused);
	tcase_add_test(tests, bytes_by_hand);
	tcase_add_test(tests, other_roots_are_no_maps);
	tcase_add_test(tests, keys_end_inside);
	tcase_add_test(tests, offsets_before_the_buffer_are_refused);
	tcase_add_loop_test(tests, damaged_buffers_are_read_inside, 0, 32);
	tcase_add_test(tests, random_buffers_are_read_inside);
	suite_add_tcase(suite, tests);
	return suite;
}
