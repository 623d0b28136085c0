/* SPDX-License-Identifier: MIT */
/*
 * What comes out is byte for byte what was written, however it is cut; a fault anywhere is told at the end; frames that the reader would
 * refuse cannot be written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "proto/reader.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"
#include "tests/support/allocation.h"

static struct tfl_writer writer;
static uint8_t large[300000];

static void setup(void)
{
	tfl_writer_init(&writer);
	tfl_writer_begin(&writer);
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (uint8_t)(i + (i >> 8));
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	tfl_writer_finish(&writer);
	tfl_writer_finish(NULL);
}

static void check_frame(struct tfl_slice wanted)
{
	struct tfl_slice body = wire_body(&writer);
	struct iovec *iov;
	uint8_t length[4];
	unsigned count;

	ck_assert_uint_eq(body.size, wanted.size);
	ck_assert_mem_eq(body.data, wanted.data, wanted.size);
	tfl_writer_iovec(&writer, 0, &iov, &count);
	memcpy(length, iov[0].iov_base, 4);
	ck_assert_uint_eq((size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3], wanted.size);
	wire_free(body);
}

START_TEST(writes_every_kind)
{
	tfl_writer_array(&writer, 9);
	tfl_writer_nil(&writer);
	tfl_writer_bool(&writer, true);
	tfl_writer_bool(&writer, false);
	tfl_writer_uint64(&writer, 300);
	tfl_writer_int64(&writer, -3);
	tfl_writer_double(&writer, 1.5);
	tfl_writer_text(&writer, "abc");
	tfl_writer_binary(&writer, "xy", 2);
	tfl_writer_map(&writer, 2);
	tfl_writer_text(&writer, "k");
	tfl_writer_array(&writer, 0);
	tfl_writer_text(&writer, "n");
	tfl_writer_string(&writer, (struct tfl_string){NULL, 0});
	check_frame(BYTES("\x99\xc0\xc3\xc2\xcd\x01\x2c\xfd\xcb\x3f\xf8\0\0\0\0\0\0\xa3" "abc\xc4\x02xy\x82\xa1k\x90\xa1n\xc0"));
}
END_TEST

/* [large, "text", large in part, small], the large ones by reference */
static void write_references(struct tfl_writer *to)
{
	tfl_writer_array(to, 4);
	tfl_writer_binary_ref(to, large, sizeof(large));
	tfl_writer_text(to, "text");
	tfl_writer_binary_ref(to, large + 5, TFL_WRITER_REF_MIN);
	tfl_writer_binary_ref(to, large + 7, TFL_WRITER_REF_MIN - 1);
}

/* The same by copy. */
static void write_copies(struct tfl_writer *to)
{
	tfl_writer_array(to, 4);
	tfl_writer_binary(to, large, sizeof(large));
	tfl_writer_text(to, "text");
	tfl_writer_binary(to, large + 5, TFL_WRITER_REF_MIN);
	tfl_writer_binary(to, large + 7, TFL_WRITER_REF_MIN - 1);
}

START_TEST(references_are_spliced_in)
{
	struct tfl_slice body;
	struct iovec *iov;
	unsigned count;

	write_copies(&writer);
	body = wire_body(&writer);
	tfl_writer_begin(&writer);
	write_references(&writer);
	check_frame(body);
	tfl_writer_iovec(&writer, 0, &iov, &count);
	ck_assert_uint_eq(count, 5);
	ck_assert_ptr_eq(iov[1].iov_base, large);
	ck_assert_uint_eq(iov[1].iov_len, sizeof(large));
	ck_assert_ptr_eq(iov[3].iov_base, large + 5);
	wire_free(body);
}
END_TEST

START_TEST(continues_anywhere)
{
	size_t size;
	uint8_t *whole, *part;

	write_references(&writer);
	size = tfl_writer_size(&writer);
	whole = malloc(size);
	part = malloc(size);
	ck_assert(whole && part);
	tfl_writer_copy(&writer, 0, whole);
	for (size_t sent = 0; sent <= size; sent += sent < 40 || sent > size - 2200 ? 1 : 1009) {
		struct iovec *iov;
		size_t total = 0;
		unsigned count;

		tfl_writer_iovec(&writer, sent, &iov, &count);
		for (unsigned i = 0; i < count; i++) {
			ck_assert_uint_gt(iov[i].iov_len, 0);
			memcpy(part + total, iov[i].iov_base, iov[i].iov_len);
			total += iov[i].iov_len;
		}
		ck_assert_uint_eq(total, size - sent);
		ck_assert_int_eq(memcmp(part, whole + sent, total), 0);
		ck_assert(total > 0 || count == 0);
	}
	free(whole);
	free(part);
}
END_TEST

START_TEST(references_run_out)
{
	struct tfl_slice body;
	struct tfl_reader reader;
	struct iovec *iov;
	unsigned count;
	uint32_t entries;

	tfl_writer_array(&writer, TFL_WRITER_REFS_MAX + 3);
	for (unsigned i = 0; i < TFL_WRITER_REFS_MAX + 3; i++)
		tfl_writer_binary_ref(&writer, large + i, TFL_WRITER_REF_MIN);
	tfl_writer_iovec(&writer, 0, &iov, &count);
	ck_assert_uint_eq(count, 2 * TFL_WRITER_REFS_MAX + 1);
	body = wire_body(&writer);
	reader = tfl_reader_of(body);
	ck_assert_int_eq(tfl_reader_array(&reader, "it", 1000, &entries, NULL), 0);
	for (unsigned i = 0; i < entries; i++) {
		struct tfl_slice bytes;

		ck_assert_int_eq(tfl_reader_binary(&reader, "it", &bytes, NULL), 0);
		ck_assert_uint_eq(bytes.size, TFL_WRITER_REF_MIN);
		ck_assert_mem_eq(bytes.data, large + i, bytes.size);
	}
	wire_free(body);
}
END_TEST

START_TEST(memory_is_kept)
{
	uint8_t *buffer;

	write_copies(&writer);
	tfl_writer_begin(&writer);
	ck_assert_uint_le(writer.capacity, TFL_WRITER_KEEP_MAX);
	write_references(&writer);
	buffer = writer.buffer;
	for (int i = 0; i < 3; i++) {
		allocation_fail_at(1);
		tfl_writer_begin(&writer);
		write_references(&writer);
		allocation_fail_at(0);
		ck_assert_int_eq(tfl_writer_check(&writer, NULL), 0);
		ck_assert_ptr_eq(writer.buffer, buffer);
	}
}
END_TEST

static int whole_life(void *data)
{
	struct tfl_writer fresh = {0};
	int r;

	tfl_writer_begin(&fresh);
	write_copies(&fresh);
	r = tfl_writer_check(&fresh, NULL);
	tfl_writer_finish(&fresh);
	return r;
}

START_TEST(every_allocation_fails)
{
	ck_assert_uint_ge(allocation_fail_each(whole_life, NULL), 2);
}
END_TEST

START_TEST(recovers_from_a_fault)
{
	struct tfl_error error = {0};

	tfl_writer_text(&writer, "\xff");
	tfl_writer_text(&writer, "more");
	ck_assert_refused(tfl_writer_check(&writer, &error), error, -EILSEQ,
			  "a frame could not be written: a string is not UTF-8 without NUL bytes");
	tfl_writer_begin(&writer);
	tfl_writer_uint64(&writer, 5);
	check_frame(BYTES("\x05"));
}
END_TEST

START_TEST(too_long)
{
	struct tfl_error error = {0};
	size_t size = TFL_FRAME_MAX;
	uint8_t *bytes = calloc(1, size + 1);

	ck_assert_ptr_nonnull(bytes);
	tfl_writer_binary_ref(&writer, bytes, size - 5);
	ck_assert_int_eq(tfl_writer_check(&writer, &error), 0);
	ck_assert_uint_eq(tfl_writer_size(&writer), (size_t)TFL_FRAME_MAX + 4);

	for (int copy = 0; copy < 2; copy++) {
		for (size_t extra = 4; extra-- > 0;) {
			tfl_writer_begin(&writer);
			(copy ? tfl_writer_binary : tfl_writer_binary_ref)(&writer, bytes, size - 4 + extra);
			ck_assert_refused(tfl_writer_check(&writer, &error), error, -EMSGSIZE,
					  "a frame could not be written: it would be too long: the limits are 67108864 bytes and "
					  "1048576 values");
		}
	}
	tfl_writer_begin(&writer);
	tfl_writer_binary_ref(&writer, bytes, size + 1);
	ck_assert_int_eq(tfl_writer_check(&writer, &error), -EMSGSIZE);
	tfl_writer_begin(&writer);
	tfl_writer_binary_ref(&writer, bytes, SIZE_MAX);
	ck_assert_int_eq(tfl_writer_check(&writer, &error), -EMSGSIZE);
	tfl_writer_begin(&writer);
	tfl_writer_array(&writer, 2);
	tfl_writer_binary_ref(&writer, bytes, size - 10);
	tfl_writer_text(&writer, "ab");
	ck_assert_int_eq(tfl_writer_check(&writer, &error), 0);
	tfl_writer_begin(&writer);
	tfl_writer_array(&writer, 2);
	tfl_writer_binary_ref(&writer, bytes, size - 10);
	tfl_writer_text(&writer, "abcdef");
	ck_assert_int_eq(tfl_writer_check(&writer, &error), -EMSGSIZE);
	free(bytes);
}
END_TEST

static void write_nothing(void)
{
}

static void write_too_few(void)
{
	tfl_writer_array(&writer, 2);
	tfl_writer_nil(&writer);
}

static void write_half_a_pair(void)
{
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "key");
}

static void write_two_roots(void)
{
	tfl_writer_array(&writer, 0);
	tfl_writer_nil(&writer);
}

static void write_number_as_key(void)
{
	tfl_writer_map(&writer, 1);
	tfl_writer_uint64(&writer, 1);
	tfl_writer_nil(&writer);
}

static void write_map_as_key(void)
{
	tfl_writer_map(&writer, 1);
	tfl_writer_map(&writer, 0);
	tfl_writer_nil(&writer);
}

static void write_too_deep(void)
{
	for (int i = 0; i <= TFL_FRAME_DEPTH_MAX; i++)
		tfl_writer_array(&writer, 1);
	tfl_writer_nil(&writer);
}

static void write_too_wide(void)
{
	tfl_writer_map(&writer, TFL_MAP_MAX + 1);
}

static const struct {
	void (*write)(void);
	const char *text;
} mistakes[] = {
	{write_nothing, "a frame could not be written: values are missing, 0 maps or arrays are not full"},
	{write_too_few, "a frame could not be written: values are missing, 1 maps or arrays are not full"},
	{write_half_a_pair, "a frame could not be written: values are missing, 1 maps or arrays are not full"},
	{write_two_roots, "a frame could not be written: a second value stands behind the message"},
	{write_number_as_key, "a frame could not be written: a key of a map is no string"},
	{write_map_as_key, "a frame could not be written: a key of a map is no string"},
	{write_too_deep, "a frame could not be written: maps and arrays are nested too deep"},
	{write_too_wide, "a frame could not be written: a map or array has too many entries"},
};

START_TEST(finds_mistakes)
{
	struct tfl_error error = {0};

	mistakes[_i].write();
	ck_assert_refused(tfl_writer_check(&writer, &error), error, -EPROTO, mistakes[_i].text);
}
END_TEST

START_TEST(too_many_values)
{
	tfl_writer_array(&writer, TFL_FRAME_VALUES_MAX - 1);
	for (uint32_t i = 0; i < TFL_FRAME_VALUES_MAX - 1; i++)
		tfl_writer_nil(&writer);
	ck_assert_int_eq(tfl_writer_check(&writer, NULL), 0);
	tfl_writer_begin(&writer);
	tfl_writer_array(&writer, TFL_FRAME_VALUES_MAX);
	for (uint32_t i = 0; i < TFL_FRAME_VALUES_MAX; i++)
		tfl_writer_nil(&writer);
	ck_assert_int_eq(tfl_writer_check(&writer, NULL), -EMSGSIZE);
}
END_TEST

Suite *writer_suite(void)
{
	Suite *suite = suite_create("writer");
	TCase *frames = tcase_create("frames"), *faults = tcase_create("faults");

	tcase_add_checked_fixture(frames, setup, teardown);
	tcase_add_test(frames, writes_every_kind);
	tcase_add_test(frames, references_are_spliced_in);
	tcase_add_test(frames, continues_anywhere);
	tcase_add_test(frames, references_run_out);
	tcase_add_test(frames, memory_is_kept);
	suite_add_tcase(suite, frames);
	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_add_test(faults, every_allocation_fails);
	tcase_add_test(faults, recovers_from_a_fault);
	tcase_add_test(faults, too_long);
	tcase_add_loop_test(faults, finds_mistakes, 0, TFL_ARRAY_SIZE(mistakes));
	tcase_add_test(faults, too_many_values);
	suite_add_tcase(suite, faults);
	return suite;
}
