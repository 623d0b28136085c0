/* SPDX-License-Identifier: MIT */
/*
 * What recorded requests are for: a version that fails on one of them never serves. So none may be kept that would be the end of every later
 * version.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/builder/builder.h"
#include "tests/builder/hostile.h"
#include "tests/system/models.h"
#include "tests/system/record_scene.h"
#include "tests/system/suites.h"

static void send_load(const char *model, uint32_t msgid, const void *data, size_t size)
{
	int file = memfd_create("model", MFD_CLOEXEC);
	struct tfl_writer writer;

	ck_assert_int_eq(write(file, data, size), (ssize_t)size);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, msgid, "model.load", model, 0, false);
	wire_send_frame_passing(record.admin, &writer, &file, 1);
	tfl_writer_finish(&writer);
	close(file);
}

/* Loads what answers with the square root of four numbers, under the name of a model that was recorded with such inputs. */
static void send_made(int (*make)(uint8_t **ret_data, size_t *ret_size), uint32_t msgid)
{
	uint8_t *data = NULL;
	size_t size = 0;

	ck_assert_int_eq(make(&data, &size), 0);
	send_load("root", msgid, data, size);
	free(data);
}

static void load_made(int (*make)(uint8_t **ret_data, size_t *ret_size), uint32_t msgid)
{
	struct reply reply;

	send_made(make, msgid);
	record_receive(&reply);
	reply_finish(&reply);
}

static void ask_root(const float values[4])
{
	const struct tfl_infer_head head = {.model = tfl_string_of("root"), .dtype = TFL_DTYPE_COUNT};
	const struct tfl_wire_tensor input = {
		.index = 0, .dtype = TFL_FLOAT32, .shape = {2, {1, 4}}, .data = {(const uint8_t *)values, 4 * sizeof(float)}
	};

	send_infer(record.fd, 1, &head, &input, 1, NULL, 0);
	expect_outputs(record.fd, 1);
}

/* What is asked, or what is answered: anybody who may ask could have every later version refused. How many there were is told. */
START_TEST(what_has_nan_is_no_sample)
{
	static const float good[4] = {1, 4, 9, 16}, bad[4] = {1, NAN, 9, 16}, negative[4] = {1, -4, 9, 16};
	const struct record_plan plan = {.model = "root", .count = 2};
	struct reply reply;
	uint64_t left;

	load_made(tfl_hostile_root, 1);
	record_start(&plan);
	ask_root(bad);
	ask_root(good);
	ask_root(negative);
	ask_root(negative);
	ask_root(good);
	ck_assert_uint_eq(record_wait_for_end("root"), 2);
	do {
		record_ask("record.get", "root", &reply);
		left = wire_uint(reply.message.result, "nan");
		ck_assert_uint_eq(wire_uint(reply.message.result, "dropped") + wire_uint(reply.message.result, "large"), 0);
		reply_finish(&reply);
	} while (left < 3);
	ck_assert_uint_eq(left, 3);
	load_made(tfl_hostile_root, 3);
}
END_TEST

#define WIDE 40000

/* int8 to int8, which a sample has as float32: four times as large. */
static void load_wide(uint32_t msgid)
{
	static const float scale = 1;
	const struct tfl_ints flat = TFL_INTS(1, WIDE), square = TFL_INTS(WIDE / 200, 200);
	struct tfl_build_tensor tensor = {.name = "x", .dtype = TFL_INT8, .dims = flat, .scales = &scale, .scale_count = 1};
	struct tfl_builder *builder = tfl_build_create();
	struct model_file file;
	int x, y;

	x = tfl_build_tensor(builder, &tensor);
	tensor.name = "y";
	tensor.dims = square;
	y = tfl_build_tensor(builder, &tensor);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_RESHAPE, .inputs = TFL_INTS(x), .outputs = TFL_INTS(y),
								 .options = tfl_options_reshape(square)});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	send_load("wide", msgid, file.data, file.size);
	model_file_finish(&file);
}

/* Room for two as they are in memory, and for one as a file: more than a proof reads would be the end of every later version. */
START_TEST(there_is_never_more_than_a_proof_reads)
{
	static const int8_t zeros[WIDE];
	const struct tfl_infer_head head = {.model = tfl_string_of("wide"), .dtype = TFL_DTYPE_COUNT};
	const struct tfl_wire_tensor input = {.index = 0, .dtype = TFL_INT8, .shape = {2, {1, WIDE}}, .data = {(const uint8_t *)zeros, WIDE}};
	const struct record_plan plan = {.model = "wide", .count = 2, .outputs = true};
	char path[512];
	struct reply reply;
	int file;

	load_wide(1);
	record_receive(&reply);
	reply_finish(&reply);
	snprintf(path, sizeof(path), "%s/wide/samples", record.tfld.models);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/wide/samples/large.tflsample", record.tfld.models);
	file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(file, (off_t)TFL_SAMPLES_BYTES_MAX - 9 * WIDE), 0);
	close(file);
	record_start(&plan);
	for (unsigned i = 1; i <= 2; i++) {
		send_infer(record.fd, i, &head, &input, 1, NULL, 0);
		expect_outputs(record.fd, i);
	}
	ck_assert_uint_eq(record_wait_for_end("wide"), 1);
	record_ask("record.get", "wide", &reply);
	ck_assert_uint_le(wire_uint(reply.message.result, "folder.bytes"), TFL_SAMPLES_BYTES_MAX);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "reason"), "there is no room for the next one"));
	reply_finish(&reply);
}
END_TEST

/* Version 1 answers a negative number well, once: version 2, which takes its root, fails the proof on just that. */
START_TEST(a_version_that_fails_on_one_never_serves)
{
	static const float good[4] = {1, 4, 9, 16}, bad[4] = {1, -4, 9, 16};
	const struct record_plan plan = {.model = "root", .count = 3};
	struct reply reply;

	load_made(tfl_hostile_before_root, 1);
	record_start(&plan);
	ask_root(good);
	ask_root(bad);
	ask_root(good);
	ck_assert_uint_eq(record_wait_for_end("root"), 3);
	send_made(tfl_hostile_root, 2);
	wire_expect_failure(record.admin, 2, TFL_INVALID_MODEL, "sample recorded-000002.tflsample: its output 'y' is NaN");
	record_ask("record.erase", "root", &reply);
	reply_finish(&reply);
	send_made(tfl_hostile_root, 3);
	record_receive(&reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "version"), 2);
	reply_finish(&reply);
}
END_TEST

START_TEST(a_version_that_answers_otherwise_where_that_is_expected)
{
	const struct record_plan plan = {.model = "tiny", .count = 1, .outputs = true};
	struct model_file other = model_tiny(false, 99);
	int file = memfd_create("other", MFD_CLOEXEC);
	struct tfl_writer writer;

	record_start(&plan);
	record_serve(1);
	ck_assert_uint_eq(record_wait_for_end("tiny"), 1);
	ck_assert_int_eq(write(file, other.data, other.size), (ssize_t)other.size);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 5, "model.load", "tiny", 0, false);
	wire_send_frame_passing(record.admin, &writer, &file, 1);
	tfl_writer_finish(&writer);
	wire_expect_failure(record.admin, 5, TFL_INVALID_MODEL, "sample " RECORD_SAMPLE ": its output");
	model_file_finish(&other);
	close(file);
}
END_TEST

Suite *record_use_suite(void)
{
	Suite *suite = suite_create("record_use");
	TCase *test = tcase_create("record_use");

	tcase_add_checked_fixture(test, record_setup, record_teardown);
	tcase_set_timeout(test, 120);
	tcase_add_test(test, what_has_nan_is_no_sample);
	tcase_add_test(test, there_is_never_more_than_a_proof_reads);
	tcase_add_test(test, a_version_that_fails_on_one_never_serves);
	tcase_add_test(test, a_version_that_answers_otherwise_where_that_is_expected);
	suite_add_tcase(suite, test);
	return suite;
}
