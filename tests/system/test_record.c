/* SPDX-License-Identifier: MIT */
/*
 * Real requests kept as samples: while others are served, as many as are asked for and no more, readable to nobody else, gone when they
 * are erased; and what they are for: a version that fails on one of them never serves.
 */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "proto/reader.h"
#include "proto/sample.h"
#include "tests/builder/builder.h"
#include "tests/builder/hostile.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define PATIENCE_NS UINT64_C(60000000000)
#define TINY_SEED 7 /* of add_tiny() */
#define SAMPLE "recorded-000001.tflsample"

static struct daemon tfld;
static int fd, admin;

/* A recording to be asked for; what is 0 is not given. */
struct plan {
	const char *model;
	uint64_t version, count, every, interval_ms;
	bool outputs;
};

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	add_slow(&tfld, 2);
	add_scores(&tfld);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	admin = daemon_connect(&tfld);
}

static void teardown(void)
{
	close(fd);
	close(admin);
	daemon_stop(&tfld);
}

static void write_uint(struct tfl_writer *writer, const char *key, uint64_t value)
{
	if (!value)
		return;
	tfl_writer_text(writer, key);
	tfl_writer_uint64(writer, value);
}

static void send_plan(const struct plan *plan)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin(&writer, 7, "record.start");
	tfl_writer_map(&writer, 1 + (plan->version > 0) + (plan->count > 0) + (plan->every > 0) + (plan->interval_ms > 0) + plan->outputs);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, plan->model);
	write_uint(&writer, "version", plan->version);
	write_uint(&writer, "count", plan->count);
	write_uint(&writer, "every", plan->every);
	write_uint(&writer, "interval_ms", plan->interval_ms);
	if (plan->outputs) {
		tfl_writer_text(&writer, "outputs");
		tfl_writer_bool(&writer, true);
	}
	wire_send_frame(admin, &writer);
	tfl_writer_finish(&writer);
}

static void receive(struct reply *ret_reply)
{
	ck_assert(wire_receive(admin, ret_reply));
	ck_assert_msg(!ret_reply->message.failed, "%.*s", TFL_STRING_ARGS(ret_reply->message.failure.message));
}

static void start(const struct plan *plan)
{
	struct reply reply;

	send_plan(plan);
	receive(&reply);
	ck_assert(wire_bool(reply.message.result, "recording"));
	reply_finish(&reply);
}

static void expect_refusal(const struct plan *plan, enum tfl_status status, const char *part)
{
	send_plan(plan);
	wire_expect_failure(admin, 7, status, part);
}

static void ask(const char *method, const char *model, struct reply *ret_reply)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 8, method, model, 0, false);
	wire_send_frame(admin, &writer);
	tfl_writer_finish(&writer);
	receive(ret_reply);
}

/* Waits until the recording of a model is over: how many it kept. */
static uint64_t wait_for_end(const char *model)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	struct reply reply;
	uint64_t kept;
	bool over;

	do {
		ask("record.get", model, &reply);
		over = !wire_bool(reply.message.result, "recording");
		kept = wire_uint(reply.message.result, "kept");
		reply_finish(&reply);
		ck_assert_msg(over || now_ns() < until, "the recording does not end; %u are kept", (unsigned)kept);
		if (!over)
			usleep(5000);
	} while (!over);
	return kept;
}

/* Files in a model's folder of samples; each has the mode that it must have, and at least @p bytes. */
static unsigned count_files(const char *model, off_t bytes)
{
	struct dirent **names;
	unsigned samples = 0;
	char folder[200], path[512];
	struct stat st;
	int count;

	snprintf(folder, sizeof(folder), "%s/%s/samples", tfld.models, model);
	count = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (tfl_sample_named(names[i]->d_name) && stat(path, &st) == 0) {
			samples++;
			ck_assert_uint_eq(st.st_mode & 07777, 0600);
			ck_assert_int_ge(st.st_size, bytes);
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return samples;
}

static void serve(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		send_tiny(fd, i, 0);
		expect_tiny(fd, i);
	}
}

/*
 * The daemon answers for each, and keeps each so-and-so-many-th, so it never waits for the disk; what is dropped is made up for by those
 * that follow.
 */
static void serve_until_end(const char *model)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	struct reply reply;
	bool over = false;

	while (!over) {
		serve(50);
		ask("record.get", model, &reply);
		over = !wire_bool(reply.message.result, "recording");
		reply_finish(&reply);
		ck_assert(over || now_ns() < until);
	}
}

static struct tfl_sample read_sample(struct reply *reply)
{
	struct tfl_writer writer;
	struct tfl_error error;
	struct tfl_sample sample;
	struct tfl_reader reader;
	struct tfl_slice data;

	tfl_writer_init(&writer);
	wire_begin(&writer, 9, "record.read");
	tfl_writer_map(&writer, 2);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "tiny");
	tfl_writer_text(&writer, "sample");
	tfl_writer_text(&writer, SAMPLE);
	wire_send_frame(admin, &writer);
	tfl_writer_finish(&writer);
	receive(reply);
	reader = tfl_reader_of(wire_find(reply->message.result, "data"));
	ck_assert_int_eq(tfl_reader_binary(&reader, "data", &data, &error), 0);
	ck_assert_msg(tfl_sample_parse(data, &sample, &error) == 0, "%s", error.text);
	return sample;
}

START_TEST(as_many_as_are_asked_for)
{
	const struct plan plan = {.model = "tiny", .count = 20};
	struct reply reply;

	start(&plan);
	serve_until_end("tiny");
	ck_assert_uint_eq(wait_for_end("tiny"), 20);
	serve(50);
	ask("record.get", "tiny", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "folder.samples"), 20);
	ck_assert_uint_eq(wire_uint(reply.message.result, "folder.recorded"), 20);
	ck_assert_uint_eq(wire_uint(reply.message.result, "folder.mode"), 0700);
	ck_assert_uint_eq(wire_uint(reply.message.result, "folder.uid"), geteuid());
	ck_assert_uint_ge(wire_uint(reply.message.result, "folder.bytes"), 20 * TINY_ELEMENTS * sizeof(float));
	ck_assert_uint_eq(wire_count(reply.message.result, "list"), 20);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "inputs.0.dtype"), "float32"));
	ck_assert_uint_eq(wire_count(reply.message.result, "inputs.0.shape"), 2);
	reply_finish(&reply);
	ck_assert_uint_eq(count_files("tiny", TINY_ELEMENTS * sizeof(float)), 20);
	ck_assert(daemon_logged(&tfld, "model 'tiny' is being recorded (uid "));
	ck_assert(daemon_logged(&tfld, "model 'tiny' is not recorded any more: 20 kept"));
}
END_TEST

/* Several connections at a time, on all workers, and two models: every sample is whole, and every answer right. */
START_TEST(while_others_are_served)
{
	const struct plan plans[] = {{.model = "tiny", .count = 100, .outputs = true}, {.model = "scores", .count = 3}};
	const uint64_t until = now_ns() + PATIENCE_NS;
	int fds[8];
	struct reply reply;
	bool over = false;

	for (unsigned i = 0; i < 2; i++)
		start(&plans[i]);
	for (unsigned i = 0; i < 8; i++)
		fds[i] = daemon_connect(&tfld);
	while (!over) {
		for (unsigned round = 0; round < 20; round++) {
			for (unsigned i = 0; i < 8; i++)
				send_tiny(fds[i], round, 0);
			for (unsigned i = 0; i < 8; i++)
				expect_tiny(fds[i], round);
		}
		ask_scores(fd, 1, 1);
		ask("record.get", "tiny", &reply);
		over = !wire_bool(reply.message.result, "recording");
		reply_finish(&reply);
		ck_assert(over || now_ns() < until);
	}
	for (unsigned i = 0; i < 3; i++)
		ask_scores(fd, 1, 1);
	ck_assert_uint_eq(wait_for_end("tiny"), 100);
	ck_assert_uint_eq(wait_for_end("scores"), 3);
	ck_assert_uint_eq(count_files("tiny", 2 * TINY_ELEMENTS * sizeof(float)), 100);
	ck_assert_uint_eq(count_files("scores", SCORES_ROWS * SCORES_CLASSES * sizeof(float)), 3);
	for (unsigned i = 0; i < 8; i++)
		close(fds[i]);
}
END_TEST

START_TEST(a_sample_is_the_request_and_perhaps_its_answer)
{
	float expected[TINY_ELEMENTS], got[TINY_ELEMENTS];
	struct plan plan = {.model = "tiny", .count = 1, .outputs = true};
	struct tfl_sample sample;
	struct reply reply;

	model_tiny_expected(TINY_SEED, tiny_input, expected);
	start(&plan);
	serve(1);
	ck_assert_uint_eq(wait_for_end("tiny"), 1);
	sample = read_sample(&reply);
	ck_assert_uint_eq(sample.version, 1);
	ck_assert_uint_gt(sample.time, 1600000000);
	ck_assert_uint_eq(sample.request.inputs.count, 1);
	ck_assert_mem_eq(tfl_tensor_list_at(&sample.request.inputs, 0)->data.data, tiny_input, sizeof(tiny_input));
	ck_assert_uint_eq(sample.request.outputs.count, 1);
	ck_assert_uint_eq(tfl_tensor_list_at(&sample.request.outputs, 0)->data.size, sizeof(expected));
	memcpy(got, tfl_tensor_list_at(&sample.request.outputs, 0)->data.data, sizeof(got));
	for (unsigned i = 0; i < TINY_ELEMENTS; i++)
		ck_assert_float_eq_tol(got[i], expected[i], 1e-5f);
	tfl_sample_finish(&sample);
	reply_finish(&reply);
	ask("record.erase", "tiny", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "erased"), 1);
	reply_finish(&reply);
	plan.outputs = false;
	start(&plan);
	serve(1);
	ck_assert_uint_eq(wait_for_end("tiny"), 1);
	sample = read_sample(&reply);
	ck_assert_uint_eq(sample.request.outputs.count, 0);
	tfl_sample_finish(&sample);
	reply_finish(&reply);
}
END_TEST

START_TEST(another_recording_adds_up_to_the_limits)
{
	const struct plan plan = {.model = "tiny", .count = 200};
	struct reply reply;

	start(&plan);
	expect_refusal(&plan, TFL_ALREADY_EXISTS, "being recorded already");
	serve_until_end("tiny");
	send_plan(&plan);
	receive(&reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "count"), 56);
	reply_finish(&reply);
	serve_until_end("tiny");
	ck_assert_uint_eq(count_files("tiny", 1), 256);
	expect_refusal(&plan, TFL_RESOURCE_EXHAUSTED, "there are 256 samples of 'tiny'");
	/* The proof takes as many. */
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	close(fd);
	fd = daemon_connect(&tfld);
	close(admin);
	admin = daemon_connect(&tfld);
	ck_assert_uint_eq(count_files("tiny", 1), 256);
	ask("record.erase", "tiny", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "erased"), 256);
	reply_finish(&reply);
	ck_assert_uint_eq(count_files("tiny", 1), 0);
	ck_assert(daemon_logged(&tfld, "model 'tiny' has lost what was recorded (uid "));
	start(&plan);
}
END_TEST

START_TEST(one_of_so_many_and_one_in_a_time)
{
	struct plan plan = {.model = "tiny", .count = 3, .every = 10};

	start(&plan);
	serve(20);
	usleep(200000);
	ck_assert_uint_le(count_files("tiny", 1), 2);
	serve(1);
	ck_assert_uint_eq(wait_for_end("tiny"), 3);
	plan = (struct plan){.model = "tiny", .count = 2, .interval_ms = 3600000};
	start(&plan);
	serve(100);
	usleep(200000);
	ck_assert_uint_eq(count_files("tiny", 1), 4);
	plan.every = 2;
	expect_refusal(&plan, TFL_INVALID_ARGUMENT, "give one of them");
}
END_TEST

START_TEST(what_failed_is_no_sample)
{
	const struct plan plan = {.model = "slow", .count = 2};
	struct reply reply;

	start(&plan);
	for (unsigned i = 0; i < 3; i++) {
		send_slow(fd, i, 1, 0); /* one microsecond: its time is over before it is done */
		wire_expect_failure(fd, i, TFL_DEADLINE_EXCEEDED, "");
	}
	send_slow(fd, 9, 0, 0);
	expect_outputs(fd, 9);
	ask("record.stop", "slow", &reply);
	ck_assert(!wire_bool(reply.message.result, "recording"));
	ck_assert_uint_le(wire_uint(reply.message.result, "folder.samples"), 1);
	reply_finish(&reply);
	ck_assert(daemon_logged(&tfld, "model 'slow' is not recorded any more:"));
	ck_assert(daemon_file_has(tfld.log, "stopped by uid"));
}
END_TEST

START_TEST(it_ends_with_the_daemon_and_with_its_model)
{
	struct plan plan = {.model = "tiny", .count = 100};
	struct tfl_writer writer;
	struct reply reply;

	start(&plan);
	serve(3);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	ck_assert(daemon_file_has(tfld.log, "tfld stops"));
	close(fd);
	fd = daemon_connect(&tfld);
	close(admin);
	admin = daemon_connect(&tfld);
	ask("record.get", "tiny", &reply);
	ck_assert(!wire_bool(reply.message.result, "recording"));
	reply_finish(&reply);
	serve(1);
	plan.version = 1;
	start(&plan);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 8, "model.unload", "tiny", 1, true);
	wire_send_frame(admin, &writer);
	tfl_writer_finish(&writer);
	receive(&reply);
	reply_finish(&reply);
	ck_assert(daemon_logged(&tfld, "its version is gone"));
	ck_assert_uint_eq(count_files("tiny", 0), 0);
	expect_refusal(&plan, TFL_NOT_FOUND, "tiny");
}
END_TEST

START_TEST(params_are_checked)
{
	struct plan plan = {.model = "tiny"};

	expect_refusal(&plan, TFL_INVALID_ARGUMENT, "'count' is missing");
	plan.count = 257;
	expect_refusal(&plan, TFL_INVALID_ARGUMENT, "from 1 to 256");
	plan.count = 1;
	plan.version = 9;
	expect_refusal(&plan, TFL_NOT_FOUND, "no version 9");
	plan.model = "none";
	expect_refusal(&plan, TFL_NOT_FOUND, "none");
}
END_TEST

/* ---- What they are for ---- */

static void send_load(const char *model, uint32_t msgid, const void *data, size_t size)
{
	int file = memfd_create("model", MFD_CLOEXEC);
	struct tfl_writer writer;

	ck_assert_int_eq(write(file, data, size), (ssize_t)size);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, msgid, "model.load", model, 0, false);
	wire_send_frame_passing(admin, &writer, &file, 1);
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
	receive(&reply);
	reply_finish(&reply);
}

static void ask_root(const float values[4])
{
	const struct tfl_infer_head head = {.model = tfl_string_of("root"), .dtype = TFL_DTYPE_COUNT};
	const struct tfl_wire_tensor input = {
		.index = 0, .dtype = TFL_FLOAT32, .shape = {2, {1, 4}}, .data = {(const uint8_t *)values, 4 * sizeof(float)}
	};

	send_infer(fd, 1, &head, &input, 1, NULL, 0);
	expect_outputs(fd, 1);
}

/* What is asked, or what is answered: anybody who may ask could have every later version refused. How many there were is told. */
START_TEST(what_has_nan_is_no_sample)
{
	static const float good[4] = {1, 4, 9, 16}, bad[4] = {1, NAN, 9, 16}, negative[4] = {1, -4, 9, 16};
	const struct plan plan = {.model = "root", .count = 2};
	struct reply reply;
	uint64_t left;

	load_made(tfl_hostile_root, 1);
	start(&plan);
	ask_root(bad);
	ask_root(good);
	ask_root(negative);
	ask_root(negative);
	ask_root(good);
	ck_assert_uint_eq(wait_for_end("root"), 2);
	do {
		ask("record.get", "root", &reply);
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
	const struct plan plan = {.model = "wide", .count = 2, .outputs = true};
	char path[512];
	struct reply reply;
	int file;

	load_wide(1);
	receive(&reply);
	reply_finish(&reply);
	snprintf(path, sizeof(path), "%s/wide/samples", tfld.models);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/wide/samples/large.tflsample", tfld.models);
	file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(file, (off_t)TFL_SAMPLES_BYTES_MAX - 9 * WIDE), 0);
	close(file);
	start(&plan);
	for (unsigned i = 1; i <= 2; i++) {
		send_infer(fd, i, &head, &input, 1, NULL, 0);
		expect_outputs(fd, i);
	}
	ck_assert_uint_eq(wait_for_end("wide"), 1);
	ask("record.get", "wide", &reply);
	ck_assert_uint_le(wire_uint(reply.message.result, "folder.bytes"), TFL_SAMPLES_BYTES_MAX);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "reason"), "there is no room for the next one"));
	reply_finish(&reply);
}
END_TEST

/* Version 1 answers a negative number well, once: version 2, which takes its root, fails the proof on just that. */
START_TEST(a_version_that_fails_on_one_never_serves)
{
	static const float good[4] = {1, 4, 9, 16}, bad[4] = {1, -4, 9, 16};
	const struct plan plan = {.model = "root", .count = 3};
	struct reply reply;

	load_made(tfl_hostile_before_root, 1);
	start(&plan);
	ask_root(good);
	ask_root(bad);
	ask_root(good);
	ck_assert_uint_eq(wait_for_end("root"), 3);
	send_made(tfl_hostile_root, 2);
	wire_expect_failure(admin, 2, TFL_INVALID_MODEL, "sample recorded-000002.tflsample: its output 'y' is NaN");
	ask("record.erase", "root", &reply);
	reply_finish(&reply);
	send_made(tfl_hostile_root, 3);
	receive(&reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "version"), 2);
	reply_finish(&reply);
}
END_TEST

START_TEST(a_version_that_answers_otherwise_where_that_is_expected)
{
	const struct plan plan = {.model = "tiny", .count = 1, .outputs = true};
	struct model_file other = model_tiny(false, 99);
	int file = memfd_create("other", MFD_CLOEXEC);
	struct tfl_writer writer;

	start(&plan);
	serve(1);
	ck_assert_uint_eq(wait_for_end("tiny"), 1);
	ck_assert_int_eq(write(file, other.data, other.size), (ssize_t)other.size);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 5, "model.load", "tiny", 0, false);
	wire_send_frame_passing(admin, &writer, &file, 1);
	tfl_writer_finish(&writer);
	wire_expect_failure(admin, 5, TFL_INVALID_MODEL, "sample " SAMPLE ": its output");
	model_file_finish(&other);
	close(file);
}
END_TEST

Suite *record_suite(void)
{
	Suite *suite = suite_create("record");
	TCase *test = tcase_create("record");

	tcase_add_checked_fixture(test, setup, teardown);
	tcase_set_timeout(test, 120);
	tcase_add_test(test, as_many_as_are_asked_for);
	tcase_add_test(test, while_others_are_served);
	tcase_add_test(test, a_sample_is_the_request_and_perhaps_its_answer);
	tcase_add_test(test, another_recording_adds_up_to_the_limits);
	tcase_add_test(test, one_of_so_many_and_one_in_a_time);
	tcase_add_test(test, what_failed_is_no_sample);
	tcase_add_test(test, it_ends_with_the_daemon_and_with_its_model);
	tcase_add_test(test, params_are_checked);
	tcase_add_test(test, what_has_nan_is_no_sample);
	tcase_add_test(test, there_is_never_more_than_a_proof_reads);
	tcase_add_test(test, a_version_that_fails_on_one_never_serves);
	tcase_add_test(test, a_version_that_answers_otherwise_where_that_is_expected);
	suite_add_tcase(suite, test);
	return suite;
}
