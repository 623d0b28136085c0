/* SPDX-License-Identifier: MIT */
/*
 * The accessors over one hand-made buffer, whose bytes the tests bend one at a time. It ends at a page without access.
 *
 *	 0  root offset: 20        4  "TEST"
 *	 8  vtable: 10 bytes, inline part 16, fields at 4, 8, 12
 *	20  table: back to the vtable (12); 24 a scalar; 28 an offset (to 36); 32 a scalar of one byte
 *	36  vector or string: count 3, then "abc", NUL, and eight bytes more
 */
#include <string.h>

#include "base/util.h"
#include "runtime/flatbuffer.h"
#include "tests/runtime/guarded.h"
#include "tests/runtime/suites.h"

enum {
	VTABLE = 8,
	TABLE = 20,
	OFFSET = 28,
	VECTOR = 36,
	SIZE = 52,
};

static struct guarded memory;
static struct tfl_fb_buffer buffer;

static void put16(size_t at, uint16_t value)
{
	memcpy(memory.data + at, &value, sizeof(value));
}

static void put32(size_t at, uint32_t value)
{
	memcpy(memory.data + at, &value, sizeof(value));
}

static void setup(void)
{
	guarded_init(&memory, SIZE);
	buffer = (struct tfl_fb_buffer){memory.data, SIZE};
	put32(0, TABLE);
	memcpy(memory.data + 4, "TEST", 4);
	put16(VTABLE, 10);
	put16(VTABLE + 2, 16);
	put16(VTABLE + 4, 4);
	put16(VTABLE + 6, 8);
	put16(VTABLE + 8, 12);
	put32(TABLE, TABLE - VTABLE);
	put32(24, 0xfffffffe);
	put32(OFFSET, VECTOR - OFFSET);
	memory.data[32] = 0x85;
	put32(VECTOR, 3);
	memcpy(memory.data + VECTOR + 4, "abc\0efghijkl", 12);
}

static void teardown(void)
{
	guarded_finish(&memory);
}

static struct tfl_fb_table root(void)
{
	struct tfl_fb_table table;

	ck_assert_int_eq(tfl_fb_root(&buffer, "TEST", &table), 0);
	return table;
}

static void assert_no_root(void)
{
	struct tfl_fb_table table;

	ck_assert_int_eq(tfl_fb_root(&buffer, "TEST", &table), -EINVAL);
}

START_TEST(root_needs_eight_bytes)
{
	struct guarded small;
	struct tfl_fb_table table;

	for (size_t size = 0; size <= 8; size++) {
		guarded_init(&small, size);
		buffer = (struct tfl_fb_buffer){guarded_fill(&small, memory.data, size), size};
		ck_assert_int_eq(tfl_fb_root(&buffer, NULL, &table), -EINVAL);
		guarded_finish(&small);
	}
}
END_TEST

START_TEST(root_checks_identifier)
{
	struct tfl_fb_table table;

	ck_assert_int_eq(tfl_fb_root(&buffer, "TESU", &table), -EINVAL);
	ck_assert_int_eq(tfl_fb_root(&buffer, NULL, &table), 0);
	ck_assert_int_eq(tfl_fb_root(&buffer, "TEST", &table), 0);
}
END_TEST

START_TEST(root_offset_must_lead_to_a_table)
{
	static const uint32_t offsets[] = {0, 1, 18, 22, SIZE - 3, SIZE - 2, SIZE, SIZE + 4, 0x7fffffff, 0xfffffffc, 0xffffffff};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(offsets); i++) {
		put32(0, offsets[i]);
		assert_no_root();
	}
}
END_TEST

START_TEST(vtable_must_be_inside)
{
	static const int32_t backs[] = {
		0,               /* the table is its own vtable: a circle */
		TABLE + 2,       /* before the buffer */
		INT32_MIN,       /* far behind it */
		INT32_MAX,       /* far before it */
		TABLE - SIZE,    /* at its end */
		TABLE - SIZE + 2,/* with room for half a header */
		TABLE - VTABLE - 1, /* odd */
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(backs); i++) {
		put32(TABLE, (uint32_t)backs[i]);
		assert_no_root();
	}
}
END_TEST

START_TEST(vtable_sizes_are_checked)
{
	static const uint16_t sizes[] = {0, 2, 3, 9, SIZE - VTABLE + 2, 0xffff};
	static const uint16_t inlines[] = {0, 3, SIZE - TABLE + 1, 0xffff};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(sizes); i++) {
		put16(VTABLE, sizes[i]);
		assert_no_root();
	}
	put16(VTABLE, SIZE - VTABLE); /* to the very end: odd to have, but inside */
	root();
	for (size_t i = 0; i < TFL_ARRAY_SIZE(inlines); i++) {
		put16(VTABLE + 2, inlines[i]);
		assert_no_root();
	}
	put16(VTABLE + 2, SIZE - TABLE);
	root();
}
END_TEST

START_TEST(scalars_of_every_width)
{
	struct tfl_fb_table table = root();
	const float number = -2.5f;

	ck_assert_int_eq(tfl_fb_i32(&table, 0, 7), -2);
	ck_assert_uint_eq(tfl_fb_u32(&table, 0, 7), 0xfffffffe);
	ck_assert_int_eq(tfl_fb_i8(&table, 2, 7), -123);
	ck_assert_uint_eq(tfl_fb_u8(&table, 2, 7), 0x85);
	ck_assert(tfl_fb_bool(&table, 2, false));
	ck_assert_uint_eq(tfl_fb_u64(&table, 1, 7), (uint64_t)0x85 << 32 | (VECTOR - OFFSET));
	ck_assert_int_eq(tfl_fb_i64(&table, 0, 7), (int64_t)(VECTOR - OFFSET) << 32 | 0xfffffffe);
	memcpy(memory.data + 24, &number, sizeof(number));
	ck_assert(tfl_fb_f32(&table, 0, 7) == number);
}
END_TEST

START_TEST(absent_scalars_read_as_default)
{
	struct tfl_fb_table table = root(), empty = {0};

	ck_assert_int_eq(tfl_fb_i32(&table, 3, 7), 7);          /* past the vtable: an older writer */
	ck_assert_int_eq(tfl_fb_i32(&table, 0xffffffff, 7), 7); /* slot arithmetic must not wrap */
	ck_assert_int_eq(tfl_fb_i32(&empty, 0, 7), 7);
	put16(VTABLE + 4, 0);
	ck_assert_int_eq(tfl_fb_i32(&table, 0, 7), 7);
	ck_assert(!tfl_fb_has(&table, 0));
	ck_assert(tfl_fb_has(&table, 1));
	ck_assert(tfl_fb_bool(&empty, 0, true));
	ck_assert(tfl_fb_f32(&empty, 0, 1.5f) == 1.5f);
}
END_TEST

START_TEST(scalars_past_the_inline_part_are_absent)
{
	static const uint16_t offsets[] = {1, 3, 13, 16, 32, 0xffff};
	struct tfl_fb_table table = root();

	for (size_t i = 0; i < TFL_ARRAY_SIZE(offsets); i++) {
		put16(VTABLE + 4, offsets[i]);
		ck_assert_int_eq(tfl_fb_i32(&table, 0, 7), 7);
	}
	put16(VTABLE + 4, 12);
	ck_assert_int_ne(tfl_fb_i32(&table, 0, 7), 7); /* the last four bytes */
	ck_assert_int_eq(tfl_fb_i64(&table, 0, 7), 7);
}
END_TEST

START_TEST(strings)
{
	struct tfl_fb_table table = root();
	const char *string = NULL;
	uint32_t length = 9;

	ck_assert_int_eq(tfl_fb_string(&table, 1, &string, &length), 0);
	ck_assert_str_eq(string, "abc");
	ck_assert_uint_eq(length, 3);
	ck_assert_int_eq(tfl_fb_string(&table, 5, &string, &length), 1);
	ck_assert_str_eq(string, "");
	ck_assert_uint_eq(length, 0);
	put32(VECTOR, 11);
	memory.data[SIZE - 1] = '\0';
	ck_assert_int_eq(tfl_fb_string(&table, 1, &string, &length), 0); /* its NUL is the last byte */
}
END_TEST

START_TEST(strings_that_lie)
{
	static const uint32_t lengths[] = {2, 4, 11, 12, 13, 0x7fffffff, 0xfffffffb, 0xffffffff};
	struct tfl_fb_table table = root();
	const char *string = "untouched";
	uint32_t length = 9;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(lengths); i++) {
		put32(VECTOR, lengths[i]);
		ck_assert_int_eq(tfl_fb_string(&table, 1, &string, &length), -EINVAL);
	}
	ck_assert_str_eq(string, "untouched");
	ck_assert_uint_eq(length, 9);
}
END_TEST

START_TEST(vectors_end_with_the_buffer)
{
	static const unsigned widths[] = {1, 2, 4, 8};
	struct tfl_fb_table table = root();
	struct tfl_fb_vector vector;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(widths); i++) {
		put32(VECTOR, 12 / widths[i]);
		ck_assert_int_eq(tfl_fb_vector_unaligned(&table, 1, widths[i], &vector), 0);
		ck_assert_ptr_eq(vector.data, memory.data + VECTOR + 4);
		ck_assert_uint_eq(vector.count, 12 / widths[i]);
		put32(VECTOR, 12 / widths[i] + 1);
		ck_assert_int_eq(tfl_fb_vector_unaligned(&table, 1, widths[i], &vector), -EINVAL);
		put32(VECTOR, 0xffffffff);
		ck_assert_int_eq(tfl_fb_vector_unaligned(&table, 1, widths[i], &vector), -EINVAL);
		put32(VECTOR, (uint32_t)((1ull << 32) / widths[i] + 1)); /* in 32 bits these would be one element's bytes */
		ck_assert_int_eq(tfl_fb_vector_unaligned(&table, 1, widths[i], &vector), widths[i] == 1 ? 0 : -EINVAL);
	}
	put32(OFFSET, SIZE - 4 - OFFSET);
	put32(SIZE - 4, 0);
	ck_assert_int_eq(tfl_fb_vector(&table, 1, 1, &vector), 0); /* empty, at the very end */
	ck_assert_uint_eq(vector.count, 0);
	ck_assert_int_eq(tfl_fb_vector(&table, 7, 8, &vector), 1);
	ck_assert_ptr_null(vector.data);
	ck_assert_uint_eq(vector.count, 0);
}
END_TEST

START_TEST(vectors_are_aligned_or_refused)
{
	_tfl_free_ uint8_t *aligned = malloc(SIZE);
	struct tfl_fb_vector vector;
	struct tfl_fb_table table;

	ck_assert_ptr_nonnull(aligned);
	put32(VECTOR, 1);
	memcpy(aligned, memory.data, SIZE);
	buffer.data = aligned;
	table = root();
	ck_assert_int_eq(tfl_fb_vector(&table, 1, 8, &vector), 0); /* elements at 40 */
	aligned[OFFSET] += 4;
	memcpy(aligned + VECTOR + 4, aligned + VECTOR, 4);
	ck_assert_int_eq(tfl_fb_vector(&table, 1, 4, &vector), 0); /* at 44 */
	ck_assert_int_eq(tfl_fb_vector(&table, 1, 8, &vector), -EINVAL);
	ck_assert_int_eq(tfl_fb_vector_unaligned(&table, 1, 8, &vector), 0);
}
END_TEST

START_TEST(offsets_that_lie)
{
	static const uint32_t offsets[] = {0, SIZE - OFFSET - 3, SIZE - OFFSET, 0x7fffffff, 0x80000000, 0xffffffe4, 0xffffffff};
	struct tfl_fb_table table = root(), child;
	struct tfl_fb_vector vector;
	const char *string;
	uint32_t length;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(offsets); i++) {
		put32(OFFSET, offsets[i]);
		ck_assert_int_eq(tfl_fb_table(&table, 1, &child), -EINVAL);
		ck_assert_int_eq(tfl_fb_string(&table, 1, &string, &length), -EINVAL);
		ck_assert_int_eq(tfl_fb_vector_unaligned(&table, 1, 1, &vector), -EINVAL);
	}
	ck_assert_int_eq(tfl_fb_table(&table, 9, &child), 1);
	ck_assert_int_eq(tfl_fb_i32(&child, 0, 7), 7);
	ck_assert_int_eq(tfl_fb_table(&child, 0, &child), 1); /* of an absent table everything is absent */
}
END_TEST

START_TEST(elements_that_lie)
{
	struct tfl_fb_table table = root(), child;
	struct tfl_fb_vector vector;
	const char *string;
	uint32_t length;

	put32(VECTOR, 2);
	put32(VECTOR + 4, 8); /* an empty string at 48, whose NUL would be at 52 */
	put32(VECTOR + 12, 0);
	ck_assert_int_eq(tfl_fb_vector_unaligned(&table, 1, 4, &vector), 0);
	ck_assert_int_eq(tfl_fb_vector_string(&vector, 0, &string, &length), -EINVAL);
	ck_assert_int_eq(tfl_fb_vector_string(&vector, 2, &string, &length), -EINVAL);
	ck_assert_int_eq(tfl_fb_vector_table(&vector, 2, &child), -EINVAL);
	ck_assert_int_eq(tfl_fb_vector_table(&vector, 0xffffffff, &child), -EINVAL);
	put32(VECTOR + 8, 4);
	ck_assert_int_eq(tfl_fb_vector_table(&vector, 1, &child), -EINVAL); /* its own vtable */
	put32(VECTOR + 4, 0);
	ck_assert_int_eq(tfl_fb_vector_string(&vector, 0, &string, &length), -EINVAL);
	put32(VECTOR + 4, 4);
	put32(VECTOR + 8, 3);
	memory.data[SIZE - 1] = '\0';
	ck_assert_int_eq(tfl_fb_vector_string(&vector, 0, &string, &length), 0); /* three bytes at 48 and no more */
	ck_assert_uint_eq(length, 3);
}
END_TEST

Suite *flatbuffer_suite(void)
{
	Suite *suite = suite_create("flatbuffer");
	TCase *accessors = tcase_create("accessors");

	tcase_add_checked_fixture(accessors, setup, teardown);
	tcase_add_test(accessors, root_needs_eight_bytes);
	tcase_add_test(accessors, root_checks_identifier);
	tcase_add_test(accessors, root_offset_must_lead_to_a_table);
	tcase_add_test(accessors, vtable_must_be_inside);
	tcase_add_test(accessors, vtable_sizes_are_checked);
	tcase_add_test(accessors, scalars_of_every_width);
	tcase_add_test(accessors, absent_scalars_read_as_default);
	tcase_add_test(accessors, scalars_past_the_inline_part_are_absent);
	tcase_add_test(accessors, strings);
	tcase_add_test(accessors, strings_that_lie);
	tcase_add_test(accessors, vectors_end_with_the_buffer);
	tcase_add_test(accessors, vectors_are_aligned_or_refused);
	tcase_add_test(accessors, offsets_that_lie);
	tcase_add_test(accessors, elements_that_lie);
	suite_add_tcase(suite, accessors);
	return suite;
}
