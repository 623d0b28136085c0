/* SPDX-License-Identifier: MIT */
/*
 * Every encoding of every kind, read right; every way to be cut off, too long, too deep or of another kind, refused in words. Hostile bytes
 * are short: what they announce is never there.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "base/util.h"
#include "proto/reader.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"

static const struct {
	struct tfl_slice bytes;
	bool negative;
	uint64_t value;
} integers[] = {
	{BYTES("\x00"), false, 0},
	{BYTES("\x7f"), false, 127},
	{BYTES("\xff"), true, (uint64_t)-1},
	{BYTES("\xe0"), true, (uint64_t)-32},
	{BYTES("\xcc\xff"), false, 255},
	{BYTES("\xcc\x05"), false, 5},
	{BYTES("\xcd\x12\x34"), false, 0x1234},
	{BYTES("\xce\x12\x34\x56\x78"), false, 0x12345678},
	{BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), false, INT64_MAX},
	{BYTES("\xd0\x80"), true, (uint64_t)-128},
	{BYTES("\xd0\x05"), false, 5},
	{BYTES("\xd1\xff\xfe"), true, (uint64_t)-2},
	{BYTES("\xd2\x80\x00\x00\x00"), true, (uint64_t)INT32_MIN},
	{BYTES("\xd2\x7f\xff\xff\xff"), false, INT32_MAX},
	{BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), true, (uint64_t)INT64_MIN},
	{BYTES("\xd3\x00\x00\x00\x00\x00\x00\x00\x07"), false, 7},
};

START_TEST(reads_integers)
{
	struct tfl_reader reader = tfl_reader_of(integers[_i].bytes);
	struct tfl_error error = {0};
	uint64_t value = 99;
	int64_t whole;
	double real;

	ck_assert_int_eq(tfl_reader_peek(&reader), TFL_KIND_INTEGER);
	if (integers[_i].negative) {
		ck_assert_int_eq(tfl_reader_uint64(&reader, "it", &value, &error), -EINVAL);
		ck_assert_uint_eq(value, 99);
		ck_assert_ptr_eq(reader.at, integers[_i].bytes.data);
	} else {
		ck_assert_int_eq(tfl_reader_uint64(&reader, "it", &value, &error), 0);
		ck_assert_uint_eq(value, integers[_i].value);
		ck_assert_ptr_eq(reader.at, reader.end);
	}
	reader = tfl_reader_of(integers[_i].bytes);
	ck_assert_int_eq(tfl_reader_int64(&reader, "it", &whole, &error), 0);
	ck_assert_int_eq(whole, (int64_t)integers[_i].value);
	reader = tfl_reader_of(integers[_i].bytes);
	ck_assert_int_eq(tfl_reader_double(&reader, "it", &real, &error), 0);
	ck_assert_double_eq(real, (double)(int64_t)integers[_i].value);
	ck_assert_ptr_eq(reader.at, reader.end);
}
END_TEST

START_TEST(reads_greatest_integer)
{
	struct tfl_slice bytes = BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
	struct tfl_reader reader = tfl_reader_of(bytes);
	struct tfl_error error = {0};
	uint64_t value;
	int64_t whole = 7;
	double real;

	ck_assert_refused(tfl_reader_int64(&reader, "'n'", &whole, &error), error, -EINVAL,
			  "'n' must be at most 9223372036854775807, not 18446744073709551615");
	ck_assert_int_eq(whole, 7);
	ck_assert_int_eq(tfl_reader_uint64(&reader, "'n'", &value, &error), 0);
	ck_assert_uint_eq(value, UINT64_MAX);
	reader = tfl_reader_of(bytes);
	ck_assert_int_eq(tfl_reader_double(&reader, "'n'", &real, &error), 0);
	ck_assert_double_eq(real, 0x1p64);
}
END_TEST

START_TEST(reads_floats)
{
	static const struct {
		struct tfl_slice bytes;
		double value;
	} floats[] = {
		{BYTES("\xca\x3f\xc0\x00\x00"), 1.5},
		{BYTES("\xca\xff\x7f\xff\xff"), -0x1.fffffep127},
		{BYTES("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"), 1.5},
		{BYTES("\xcb\x00\x00\x00\x00\x00\x00\x00\x01"), 0x1p-1074},
	};
	struct tfl_error error = {0};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(floats); i++) {
		struct tfl_reader reader = tfl_reader_of(floats[i].bytes);
		uint64_t whole;
		double value;

		ck_assert_refused(tfl_reader_uint64(&reader, "'n'", &whole, &error), error, -EINVAL, "'n' must be an integer, not a float");
		ck_assert_int_eq(tfl_reader_double(&reader, "'n'", &value, &error), 0);
		ck_assert(value == floats[i].value);
		ck_assert_ptr_eq(reader.at, reader.end);
	}
}
END_TEST

START_TEST(reads_simple_values)
{
	struct tfl_reader reader = tfl_reader_of(BYTES("\xc0\xc2\xc3"));
	struct tfl_error error = {0};
	bool value = true;

	ck_assert(tfl_reader_nil(&reader));
	ck_assert(!tfl_reader_nil(&reader));
	ck_assert_int_eq(tfl_reader_bool(&reader, "it", &value, &error), 0);
	ck_assert(!value);
	ck_assert_int_eq(tfl_reader_bool(&reader, "it", &value, &error), 0);
	ck_assert(value);
	ck_assert_int_eq(tfl_reader_peek(&reader), TFL_KIND_END);
	ck_assert(!tfl_reader_nil(&reader));
	ck_assert_refused(tfl_reader_bool(&reader, "it", &value, &error), error, -EBADMSG,
			  "it must be a boolean, not the end of the data");
}
END_TEST

START_TEST(reads_text_and_binary)
{
	static const struct {
		struct tfl_slice bytes;
		bool text;
		size_t head;
	} bodies[] = {
		{BYTES("\xa3" "abc"), true, 1},
		{BYTES("\xd9\x03" "abc"), true, 2},
		{BYTES("\xda\x00\x03" "abc"), true, 3},
		{BYTES("\xdb\x00\x00\x00\x03" "abc"), true, 5},
		{BYTES("\xc4\x03" "abc"), false, 2},
		{BYTES("\xc5\x00\x03" "abc"), false, 3},
		{BYTES("\xc6\x00\x00\x00\x03" "abc"), false, 5},
		{BYTES("\xa0"), true, 1},
		{BYTES("\xc4\x00"), false, 2},
	};
	struct tfl_error error = {0};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(bodies); i++) {
		struct tfl_reader reader = tfl_reader_of(bodies[i].bytes);
		const uint8_t *body = bodies[i].bytes.data + bodies[i].head;
		size_t size = bodies[i].bytes.size - bodies[i].head;
		struct tfl_string string = {0};
		struct tfl_slice bytes = {0};

		if (bodies[i].text) {
			ck_assert_refused(tfl_reader_binary(&reader, "'data'", &bytes, &error), error, -EINVAL,
					  "'data' must be binary data, not a string");
			ck_assert_int_eq(tfl_reader_string(&reader, "'name'", 3, &string, &error), 0);
			ck_assert_ptr_eq(string.text, body);
			ck_assert_uint_eq(string.length, size);
		} else {
			ck_assert_refused(tfl_reader_string(&reader, "'name'", 3, &string, &error), error, -EINVAL,
					  "'name' must be a string, not binary data");
			ck_assert_int_eq(tfl_reader_binary(&reader, "'data'", &bytes, &error), 0);
			ck_assert_ptr_eq(bytes.data, body);
			ck_assert_uint_eq(bytes.size, size);
		}
		ck_assert_ptr_eq(reader.at, reader.end);
	}
}
END_TEST

START_TEST(refuses_bad_text)
{
	struct tfl_error error = {0};
	struct tfl_string string = {0};
	struct tfl_reader reader = tfl_reader_of(BYTES("\xa4" "abcd"));

	ck_assert_refused(tfl_reader_string(&reader, "'key'", 3, &string, &error), error, -EINVAL,
			  "'key' must have at most 3 bytes, not 4");
	reader = tfl_reader_of(BYTES("\xa2\xc3("));
	ck_assert_refused(tfl_reader_string(&reader, "'key'", 3, &string, &error), error, -EINVAL, "'key' must be UTF-8 without NUL bytes");
	reader = tfl_reader_of(BYTES("\xa3" "a\0b"));
	ck_assert_refused(tfl_reader_string(&reader, "'key'", 3, &string, &error), error, -EINVAL, "'key' must be UTF-8 without NUL bytes");
	reader = tfl_reader_of(BYTES("\xdb\xff\xff\xff\xff" "abc"));
	ck_assert_refused(tfl_reader_string(&reader, "'key'", 3, &string, &error), error, -EBADMSG,
			  "'key' is cut off: it needs 4294967295 bytes, and 3 are left");
	ck_assert_ptr_null(string.text);
}
END_TEST

START_TEST(reads_counts)
{
	static const struct {
		struct tfl_slice bytes;
		enum tfl_kind kind;
		uint32_t count;
	} heads[] = {
		{BYTES("\x90"), TFL_KIND_ARRAY, 0}, {BYTES("\x93\xc0\xc0\xc0"), TFL_KIND_ARRAY, 3},
		{BYTES("\xdc\x00\x02\xc0\xc0"), TFL_KIND_ARRAY, 2}, {BYTES("\xdd\x00\x00\x00\x01\xc0"), TFL_KIND_ARRAY, 1},
		{BYTES("\x80"), TFL_KIND_MAP, 0}, {BYTES("\x81\xa0\xc0"), TFL_KIND_MAP, 1},
		{BYTES("\xde\x00\x01\xa0\xc0"), TFL_KIND_MAP, 1}, {BYTES("\xdf\x00\x00\x00\x01\xa0\xc0"), TFL_KIND_MAP, 1},
	};
	struct tfl_error error = {0};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(heads); i++) {
		bool map = heads[i].kind == TFL_KIND_MAP;
		struct tfl_reader reader = tfl_reader_of(heads[i].bytes);
		uint32_t count = 99;

		ck_assert_int_eq(tfl_reader_peek(&reader), heads[i].kind);
		ck_assert_int_eq((map ? tfl_reader_array : tfl_reader_map)(&reader, "it", 3, &count, &error), -EINVAL);
		ck_assert_int_eq((map ? tfl_reader_map : tfl_reader_array)(&reader, "it", 3, &count, &error), 0);
		ck_assert_uint_eq(count, heads[i].count);
		ck_assert_uint_eq((size_t)(reader.end - reader.at), map ? 2 * count : count);
	}
}
END_TEST

START_TEST(refuses_counts)
{
	struct tfl_error error = {0};
	struct tfl_reader reader = tfl_reader_of(BYTES("\xdd\xff\xff\xff\xff"));
	uint32_t count = 99;

	ck_assert_refused(tfl_reader_array(&reader, "'inputs'", UINT32_MAX, &count, &error), error, -EBADMSG,
			  "'inputs' is cut off: it needs 4294967295 bytes, and 0 are left");
	reader = tfl_reader_of(BYTES("\xdf\xff\xff\xff\xff\xa0\xc0"));
	ck_assert_refused(tfl_reader_map(&reader, "'params'", UINT32_MAX, &count, &error), error, -EBADMSG,
			  "'params' is cut off: it needs 8589934590 bytes, and 2 are left");
	reader = tfl_reader_of(BYTES("\x82\xa0\xc0\xa0"));
	ck_assert_int_eq(tfl_reader_map(&reader, "'params'", UINT32_MAX, &count, &error), -EBADMSG);
	reader = tfl_reader_of(BYTES("\x93\xc0\xc0\xc0"));
	ck_assert_refused(tfl_reader_array(&reader, "'shape'", 2, &count, &error), error, -EINVAL,
			  "'shape' must have at most 2 entries, not 3");
	ck_assert_uint_eq(count, 99);
}
END_TEST

START_TEST(skips_whole_values)
{
	struct tfl_slice bytes = BYTES("\x82\xa1k\x92\x01\xc4\x02xy\xa1m\x81\xa1n\xcb\0\0\0\0\0\0\0\0" "\x2a");
	struct tfl_reader reader = tfl_reader_of(bytes);
	struct tfl_error error = {0};
	struct tfl_slice value;
	uint64_t behind;

	ck_assert_int_eq(tfl_reader_skip(&reader, "it", &value, &error), 0);
	ck_assert_ptr_eq(value.data, bytes.data);
	ck_assert_uint_eq(value.size, bytes.size - 1);
	ck_assert_int_eq(tfl_reader_uint64(&reader, "it", &behind, &error), 0);
	ck_assert_uint_eq(behind, 42);
}
END_TEST

static const struct {
	struct tfl_slice bytes;
	const char *text;
} unsound[] = {
	{BYTES(""), "message, byte 0: it ends in the middle of a value"},
	{BYTES("\xc1"), "message, byte 0: 0xc1 begins no value"},
	{BYTES("\x92\x01\xd4\x01\x02"), "message, byte 2: extension types are not used in this protocol"},
	{BYTES("\x91\xc7\x00\x01"), "message, byte 1: extension types are not used in this protocol"},
	{BYTES("\x01\x02\x03"), "message: 2 bytes follow it in the same frame"},
	{BYTES("\xdd\xff\xff\xff\xff"), "message, byte 0: an array of 4294967295 entries does not fit into the 0 bytes that are left"},
	{BYTES("\xdf\xff\xff\xff\xff"), "message, byte 0: a map of 4294967295 entries does not fit into the 0 bytes that are left"},
	{BYTES("\x92\x91\xc0"), "message, byte 3: it ends in the middle of a value"},
	{BYTES("\xa2" "a"), "message, byte 0: text or binary data is longer than what is left"},
	{BYTES("\xc6\xff\xff\xff\xff"), "message, byte 0: text or binary data is longer than what is left"},
	{BYTES("\xcf\x00\x00"), "message, byte 0: it ends in the middle of a value"},
	{BYTES("\x81\x01\x02"), "message, byte 1: a key of a map must be a string"},
	{BYTES("\x91\x82\xa1" "a\x01\xc0\x02"), "message, byte 5: a key of a map must be a string"},
	{BYTES("\x91\x91\x91\x91\x91\x91\x91\x91\x90"), "message, byte 8: maps and arrays are nested more than 8 deep"},
};

START_TEST(refuses_unsound_messages)
{
	struct tfl_slice bytes = wire_copy(unsound[_i].bytes);
	struct tfl_error error = {0};

	ck_assert_refused(tfl_reader_validate(bytes, &error), error, -EBADMSG, unsound[_i].text);
	ck_assert_int_eq(tfl_reader_validate(bytes, NULL), -EBADMSG);
	wire_free(bytes);
}
END_TEST

START_TEST(every_prefix_is_refused)
{
	struct tfl_slice whole = BYTES("\x94\x00\x07\xa5infer\x84\xa5model\xa1m\xa3key\xd9\x01k\xa6inputs\x91\x83\xa5" "index\x00\xa5shape"
				       "\xdc\x00\x02\x01\xcc\x02\xa4" "data\xc4\x02xy\xa4" "wide\xcb\x3f\xf0\0\0\0\0\0\0");

	ck_assert_int_eq(tfl_reader_validate(whole, NULL), 0);
	for (size_t size = 0; size < whole.size; size++) {
		struct tfl_slice prefix = wire_copy((struct tfl_slice){whole.data, size});

		ck_assert_int_eq(tfl_reader_validate(prefix, NULL), -EBADMSG);
		wire_free(prefix);
	}
}
END_TEST

START_TEST(depth_at_the_limit)
{
	struct tfl_error error = {0};

	ck_assert_int_eq(tfl_reader_validate(BYTES("\x91\x91\x91\x91\x91\x91\x91\x90"), &error), 0);
	ck_assert_int_eq(tfl_reader_validate(BYTES("\x91\x91\x91\x91\x91\x91\x91\x92\xc0\xc0"), &error), 0);
}
END_TEST

/* A map of so many entries "": nil. */
static struct tfl_slice make_map(uint16_t entries)
{
	uint8_t *bytes = malloc(3 + 2u * entries);

	ck_assert_ptr_nonnull(bytes);
	bytes[0] = 0xde;
	bytes[1] = (uint8_t)(entries >> 8);
	bytes[2] = (uint8_t)entries;
	for (unsigned i = 0; i < entries; i++) {
		bytes[3 + 2 * i] = 0xa0;
		bytes[4 + 2 * i] = 0xc0;
	}
	return (struct tfl_slice){bytes, 3 + 2u * entries};
}

START_TEST(map_at_the_limit)
{
	struct tfl_slice fits = make_map(TFL_MAP_MAX), exceeds = make_map(TFL_MAP_MAX + 1);
	struct tfl_error error = {0};

	ck_assert_int_eq(tfl_reader_validate(fits, &error), 0);
	ck_assert_refused(tfl_reader_validate(exceeds, &error), error, -EBADMSG, "message, byte 0: a map has at most 64 entries, not 65");
	wire_free(fits);
	wire_free(exceeds);
}
END_TEST

START_TEST(values_at_the_limit)
{
	uint32_t count = TFL_FRAME_VALUES_MAX - 1;
	uint8_t *bytes = malloc(5 + count + 1);
	struct tfl_error error = {0};

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 0xc0, 5 + count + 1);
	memcpy(bytes, "\xdd\x00\x0f\xff\xff", 5);
	ck_assert_int_eq(tfl_reader_validate((struct tfl_slice){bytes, 5 + count}, &error), 0);
	memcpy(bytes, "\xdd\x00\x10\x00\x00", 5);
	ck_assert_refused(tfl_reader_validate((struct tfl_slice){bytes, 5 + count + 1}, &error), error, -EBADMSG,
			  "message, byte 1048580: there are too many values in one frame");
	free(bytes);
}
END_TEST

START_TEST(knows_utf8)
{
	static const struct tfl_slice valid[] = {
		BYTES(""), BYTES("a"), BYTES("\x7f"), BYTES("\xc2\x80"), BYTES("\xdf\xbf"), BYTES("\xe0\xa0\x80"), BYTES("\xed\x9f\xbf"),
		BYTES("\xee\x80\x80"), BYTES("\xef\xbf\xbf"), BYTES("\xf0\x90\x80\x80"), BYTES("\xf4\x8f\xbf\xbf"), BYTES("gr\xc3\xbcn"),
	};
	static const struct tfl_slice invalid[] = {
		BYTES("\0"), BYTES("\x80"), BYTES("\xbf"), BYTES("\xc0\x80"), BYTES("\xc1\xbf"), BYTES("\xc2"), BYTES("\xc2\x7f"),
		BYTES("\xe0\x9f\xbf"), BYTES("\xe1\x80"), BYTES("\xe1\x80\xc0"), BYTES("\xed\xa0\x80"), BYTES("\xf0\x8f\xbf\xbf"),
		BYTES("\xf1\x80\x80"), BYTES("\xf4\x90\x80\x80"), BYTES("\xf5\x80\x80\x80"), BYTES("\xff"), BYTES("a\xc3"),
	};
	static const char odd[] = {'\0', '\x80', '\xff', '\xc3'};
	char text[] = "abcdefgh\x01\x01\x7f\x7fijklmnopqrst";

	for (size_t length = 0; length <= 24; length++)
		ck_assert(tfl_utf8_valid(text, length));
	for (size_t i = 0; i < 24; i++) {
		for (size_t k = 0; k < TFL_ARRAY_SIZE(odd); k++) {
			char kept = text[i];

			text[i] = odd[k];
			ck_assert(!tfl_utf8_valid(text, 24));
			ck_assert(tfl_utf8_valid(text, i));
			text[i] = kept;
		}
	}
	for (size_t i = 0; i < TFL_ARRAY_SIZE(valid); i++)
		ck_assert_msg(tfl_utf8_valid((const char *)valid[i].data, valid[i].size), "valid %zu", i);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(invalid); i++)
		ck_assert_msg(!tfl_utf8_valid((const char *)invalid[i].data, invalid[i].size), "invalid %zu", i);
}
END_TEST

Suite *reader_suite(void)
{
	Suite *suite = suite_create("reader");
	TCase *values = tcase_create("values"), *messages = tcase_create("messages");

	tcase_add_loop_test(values, reads_integers, 0, TFL_ARRAY_SIZE(integers));
	tcase_add_test(values, reads_greatest_integer);
	tcase_add_test(values, reads_floats);
	tcase_add_test(values, reads_simple_values);
	tcase_add_test(values, reads_text_and_binary);
	tcase_add_test(values, refuses_bad_text);
	tcase_add_test(values, reads_counts);
	tcase_add_test(values, refuses_counts);
	tcase_add_test(values, skips_whole_values);
	tcase_add_test(values, knows_utf8);
	suite_add_tcase(suite, values);
	tcase_add_loop_test(messages, refuses_unsound_messages, 0, TFL_ARRAY_SIZE(unsound));
	tcase_add_test(messages, every_prefix_is_refused);
	tcase_add_test(messages, depth_at_the_limit);
	tcase_add_test(messages, map_at_the_limit);
	tcase_add_test(messages, values_at_the_limit);
	suite_add_tcase(suite, messages);
	return suite;
}
