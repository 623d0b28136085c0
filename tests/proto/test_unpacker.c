/* SPDX-License-Identifier: MIT */
/*
 * Reader and writer against msgpack-c: random messages of its packer, whole and damaged, must be sound to both or to none, and hold the
 * same values. Where the reader is stricter on purpose (no extension types, keys are strings, limits), it must refuse what msgpack-c takes.
 */
#include <errno.h>
#include <string.h>

#include <msgpack.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "proto/reader.h"
#include "tests/builder/random.h"
#include "tests/proto/peer.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"

#define MESSAGES 300

static void pack_scalar(msgpack_packer *packer, struct tfl_random *random)
{
	uint64_t bits = tfl_random_next(random) >> tfl_random_below(random, 64);
	double wide;
	float narrow;

	switch (tfl_random_below(random, 6)) {
	case 0:
		msgpack_pack_nil(packer);
		break;
	case 1:
		tfl_random_below(random, 2) ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
		break;
	case 2:
		msgpack_pack_uint64(packer, bits);
		break;
	case 3:
		msgpack_pack_int64(packer, -(int64_t)(bits >> 1));
		break;
	case 4:
		narrow = tfl_random_normal(random);
		msgpack_pack_float(packer, narrow);
		break;
	default:
		wide = (double)tfl_random_normal(random) * 1e200;
		msgpack_pack_double(packer, wide);
	}
}

/* Text or binary data of 0 to 70,000 bytes, mostly few; text is sometimes not UTF-8. */
static void pack_body(msgpack_packer *packer, struct tfl_random *random, bool text)
{
	static char bytes[70000];
	size_t size = tfl_random_below(random, 1u << tfl_random_below(random, 10));

	if (tfl_random_below(random, 200) == 0)
		size = tfl_random_below(random, sizeof(bytes));
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(tfl_random_below(random, 300) ? 'a' + tfl_random_below(random, 26) : tfl_random_below(random, 256));
	if (text)
		msgpack_pack_str_with_body(packer, bytes, size);
	else
		msgpack_pack_bin_with_body(packer, bytes, size);
}

static void pack_value(msgpack_packer *packer, struct tfl_random *random, unsigned depth)
{
	uint32_t kind = tfl_random_below(random, 100), count = tfl_random_below(random, 1u << tfl_random_below(random, 6));

	if (kind < 40 || depth > TFL_FRAME_DEPTH_MAX + 1) {
		pack_scalar(packer, random);
	} else if (kind < 70) {
		pack_body(packer, random, kind < 55);
	} else if (kind < 85) {
		msgpack_pack_array(packer, count);
		for (uint32_t i = 0; i < count; i++)
			pack_value(packer, random, depth + 1);
	} else if (kind < 99) {
		msgpack_pack_map(packer, count);
		for (uint32_t i = 0; i < count; i++) {
			if (tfl_random_below(random, 200))
				pack_body(packer, random, true);
			else
				pack_scalar(packer, random);
			pack_value(packer, random, depth + 1);
		}
	} else {
		msgpack_pack_ext_with_body(packer, "xyz", 3, 7);
	}
}

static void compare_scalar(struct tfl_reader *reader, const msgpack_object *object)
{
	uint64_t positive;
	int64_t negative;
	double real;
	bool boolean;

	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		ck_assert(tfl_reader_nil(reader));
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		ck_assert_int_eq(tfl_reader_bool(reader, "it", &boolean, NULL), 0);
		ck_assert_int_eq(boolean, object->via.boolean);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		ck_assert_int_eq(tfl_reader_uint64(reader, "it", &positive, NULL), 0);
		ck_assert_uint_eq(positive, object->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		ck_assert_int_eq(tfl_reader_int64(reader, "it", &negative, NULL), 0);
		ck_assert_int_eq(negative, object->via.i64);
		break;
	default:
		ck_assert(object->type == MSGPACK_OBJECT_FLOAT32 || object->type == MSGPACK_OBJECT_FLOAT64);
		ck_assert_int_eq(tfl_reader_double(reader, "it", &real, NULL), 0);
		ck_assert_mem_eq(&real, &object->via.f64, sizeof(real));
	}
}

/* msgpack-c gives what is empty no address. */
static void compare_bytes(const void *ours, size_t size, const void *theirs, size_t their_size)
{
	ck_assert_uint_eq(size, their_size);
	if (size > 0)
		ck_assert_mem_eq(ours, theirs, size);
}

static void compare_body(struct tfl_reader *reader, const msgpack_object *object)
{
	struct tfl_string string;
	struct tfl_slice bytes;

	if (object->type == MSGPACK_OBJECT_BIN) {
		ck_assert_int_eq(tfl_reader_binary(reader, "it", &bytes, NULL), 0);
		compare_bytes(bytes.data, bytes.size, object->via.bin.ptr, object->via.bin.size);
	} else if (!tfl_utf8_valid(object->via.str.ptr, object->via.str.size)) {
		ck_assert_int_lt(tfl_reader_string(reader, "it", SIZE_MAX, &string, NULL), 0);
		ck_assert_int_eq(tfl_reader_skip(reader, "it", &bytes, NULL), 0);
	} else {
		ck_assert_int_eq(tfl_reader_string(reader, "it", SIZE_MAX, &string, NULL), 0);
		compare_bytes(string.text, string.length, object->via.str.ptr, object->via.str.size);
	}
}

static void compare(struct tfl_reader *reader, const msgpack_object *object)
{
	uint32_t count;

	switch (object->type) {
	case MSGPACK_OBJECT_ARRAY:
		ck_assert_int_eq(tfl_reader_array(reader, "it", UINT32_MAX, &count, NULL), 0);
		ck_assert_uint_eq(count, object->via.array.size);
		for (uint32_t i = 0; i < count; i++)
			compare(reader, &object->via.array.ptr[i]);
		break;
	case MSGPACK_OBJECT_MAP:
		ck_assert_int_eq(tfl_reader_map(reader, "it", UINT32_MAX, &count, NULL), 0);
		ck_assert_uint_eq(count, object->via.map.size);
		for (uint32_t i = 0; i < count; i++) {
			compare_body(reader, &object->via.map.ptr[i].key);
			compare(reader, &object->via.map.ptr[i].val);
		}
		break;
	case MSGPACK_OBJECT_STR:
	case MSGPACK_OBJECT_BIN:
		compare_body(reader, object);
		break;
	default:
		compare_scalar(reader, object);
	}
}

/* Both on the same bytes; returns whether they are a message. */
static bool check_both(struct tfl_slice bytes)
{
	struct tfl_reader reader = tfl_reader_of(bytes);
	struct tfl_error error = {0};
	msgpack_unpacked unpacked;
	bool theirs, ours;

	msgpack_unpacked_init(&unpacked);
	ours = tfl_reader_validate(bytes, &error) == 0;
	theirs = peer_accepts(bytes, &unpacked);
	ck_assert_msg(ours == theirs, "reader: %s, msgpack-c: %s", ours ? "sound" : error.text, theirs ? "sound" : "not");
	if (ours) {
		compare(&reader, &unpacked.data);
		ck_assert_ptr_eq(reader.at, reader.end);
	}
	msgpack_unpacked_destroy(&unpacked);
	return ours;
}

static struct tfl_slice random_message(struct tfl_random *random)
{
	struct tfl_slice message;
	msgpack_sbuffer buffer;
	msgpack_packer packer;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	pack_value(&packer, random, 0);
	message = wire_copy((struct tfl_slice){(const uint8_t *)buffer.data, buffer.size});
	msgpack_sbuffer_destroy(&buffer);
	return message;
}

START_TEST(agrees_on_whole_messages)
{
	struct tfl_random random = {(uint64_t)_i};
	unsigned sound = 0;

	for (int i = 0; i < MESSAGES; i++) {
		struct tfl_slice message = random_message(&random);

		sound += check_both(message);
		wire_free(message);
	}
	ck_assert_uint_gt(sound, MESSAGES / 2);
	ck_assert_uint_lt(sound, MESSAGES);
}
END_TEST

START_TEST(agrees_on_damaged_messages)
{
	struct tfl_random random = {1000 + (uint64_t)_i};
	unsigned sound = 0, damaged = 0;

	while (damaged < MESSAGES) {
		struct tfl_slice message = random_message(&random), cut;
		uint8_t *bytes = (uint8_t *)(uintptr_t)message.data;

		for (uint32_t k = tfl_random_below(&random, 4); k > 0; k--)
			bytes[tfl_random_below(&random, (uint32_t)message.size)] = (uint8_t)tfl_random_next(&random);
		cut = wire_copy((struct tfl_slice){bytes, message.size - tfl_random_below(&random, 2) * tfl_random_below(&random,
						   (uint32_t)message.size)});
		wire_free(message);
		if (peer_is_safe(cut)) {
			damaged++;
			sound += check_both(cut);
		}
		wire_free(cut);
	}
	ck_assert_uint_gt(sound, 0);
	ck_assert_uint_lt(sound, MESSAGES);
}
END_TEST

/* Writes what a message holds with the writer. */
static void rewrite(struct tfl_writer *writer, const msgpack_object *object)
{
	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		tfl_writer_nil(writer);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		tfl_writer_bool(writer, object->via.boolean);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		tfl_writer_uint64(writer, object->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		tfl_writer_int64(writer, object->via.i64);
		break;
	case MSGPACK_OBJECT_STR:
		/* msgpack-c gives an empty string no address. */
		tfl_writer_string(writer, (struct tfl_string){object->via.str.size ? object->via.str.ptr : "", object->via.str.size});
		break;
	case MSGPACK_OBJECT_BIN:
		tfl_writer_binary_ref(writer, object->via.bin.ptr, object->via.bin.size);
		break;
	case MSGPACK_OBJECT_ARRAY:
		tfl_writer_array(writer, object->via.array.size);
		for (uint32_t i = 0; i < object->via.array.size; i++)
			rewrite(writer, &object->via.array.ptr[i]);
		break;
	case MSGPACK_OBJECT_MAP:
		tfl_writer_map(writer, object->via.map.size);
		for (uint32_t i = 0; i < object->via.map.size; i++) {
			rewrite(writer, &object->via.map.ptr[i].key);
			rewrite(writer, &object->via.map.ptr[i].val);
		}
		break;
	default:
		tfl_writer_double(writer, object->via.f64);
	}
}

START_TEST(writes_what_msgpack_reads)
{
	struct tfl_random random = {2000 + (uint64_t)_i};
	struct tfl_writer writer = {0};
	unsigned written = 0;

	for (int i = 0; i < MESSAGES; i++) {
		struct tfl_slice message = random_message(&random), body;
		msgpack_unpacked unpacked;
		struct tfl_reader reader;
		size_t offset = 0;

		msgpack_unpacked_init(&unpacked);
		ck_assert_int_eq(msgpack_unpack_next(&unpacked, (const char *)message.data, message.size, &offset), MSGPACK_UNPACK_SUCCESS);
		tfl_writer_begin(&writer);
		rewrite(&writer, &unpacked.data);
		if (tfl_reader_validate(message, NULL) < 0) {
			/* msgpack-c's extension type is written as a float here; everything else that is not allowed must be a fault. */
			ck_assert(tfl_writer_check(&writer, NULL) < 0 || memchr(message.data, 0xc7, message.size));
		} else if (tfl_writer_check(&writer, NULL) == 0) {
			body = wire_body(&writer);
			reader = tfl_reader_of(body);
			ck_assert_int_eq(tfl_reader_validate(body, NULL), 0);
			compare(&reader, &unpacked.data);
			ck_assert_ptr_eq(reader.at, reader.end);
			wire_free(body);
			written++;
		} else {
			ck_assert_int_eq(tfl_writer_check(&writer, NULL), -EILSEQ);
		}
		msgpack_unpacked_destroy(&unpacked);
		wire_free(message);
	}
	ck_assert_uint_gt(written, MESSAGES / 3);
	tfl_writer_finish(&writer);
}
END_TEST

Suite *unpacker_suite(void)
{
	Suite *suite = suite_create("unpacker");
	TCase *tcase = tcase_create("msgpack-c");

	tcase_add_loop_test(tcase, agrees_on_whole_messages, 0, 20);
	tcase_add_loop_test(tcase, agrees_on_damaged_messages, 0, 20);
	tcase_add_loop_test(tcase, writes_what_msgpack_reads, 0, 20);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return suite;
}
