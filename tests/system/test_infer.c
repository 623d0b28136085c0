/* SPDX-License-Identifier: MIT */
/*
 * Inferences through the socket: right answers, conversions, every wrong argument, deadlines; and the methods that tell about models.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "proto/reader.h"
#include "proto/response.h"
#include "tests/system/endless.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define SLOW_LAYERS 2

static struct daemon tfld;
static struct tfl_writer writer;
static struct tfl_infer_head head;
static struct tfl_wire_tensor input, output;
static int fd;

static void setup(void)
{
	struct model_file int8 = model_tiny(true, 7);

	daemon_prepare(&tfld);
	add_tiny(&tfld);
	daemon_add_model(&tfld, "tiny-int8", 3, int8.data, int8.size);
	model_file_finish(&int8);
	daemon_start(&tfld, "[requests]\nworkers = 1\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	tfl_writer_init(&writer);
	head = (struct tfl_infer_head){.model = tfl_string_of("tiny"), .dtype = TFL_DTYPE_COUNT};
	input = tiny_tensor(tiny_input);
	output = (struct tfl_wire_tensor){.dtype = TFL_DTYPE_COUNT, .shape.rank = -1};
}

/* One worker, what keeps it busy, and a model that is too slow for the receiving thread. */
static void setup_slow(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	add_slow(&tfld, SLOW_LAYERS);
	endless_add(&tfld, NULL);
	daemon_start(&tfld, "[requests]\nworkers = 1\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	send_tiny(fd, 99, 0);
	expect_tiny(fd, 99);
	tfl_writer_finish(&writer);
	close(fd);
	daemon_stop(&tfld);
}

static void send_request(uint32_t outputs)
{
	send_infer(fd, 1, &head, &input, 1, outputs ? &output : NULL, outputs);
}

START_TEST(a_right_answer)
{
	send_request(0);
	expect_tiny(fd, 1);
	head.version = 1;
	send_request(0);
	expect_tiny(fd, 1);
	head.priority = 1;
	head.timeout_us = 10000000;
	head.key = tfl_string_of("anybody");
	send_request(1);
	expect_tiny(fd, 1);
}
END_TEST

/* The int8 model of the same weights, asked in float32 both ways, comes close to the float model. */
START_TEST(float32_in_and_out_of_a_quantised_model)
{
	const struct tfl_wire_tensor *got;
	struct tfl_infer_response response;
	float expected[TINY_ELEMENTS], values[TINY_ELEMENTS];
	struct tfl_error error;
	struct reply reply;

	head.model = tfl_string_of("tiny-int8");
	head.dtype = TFL_FLOAT32;
	send_request(0);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(!reply.message.failed);
	ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, &error), 0);
	ck_assert(tfl_string_equal(response.served.model, "tiny-int8"));
	ck_assert_uint_eq(response.served.version, 3);
	got = tfl_tensor_list_at(&response.outputs, 0);
	ck_assert_int_eq(got->dtype, TFL_FLOAT32);
	ck_assert_uint_eq(got->data.size, sizeof(values));
	memcpy(values, got->data.data, sizeof(values));
	model_tiny_expected(7, tiny_input, expected);
	for (unsigned i = 0; i < TINY_ELEMENTS; i++)
		ck_assert_float_lt(fabsf(values[i] - expected[i]), 0.02f);
	tfl_infer_response_finish(&response);
	reply_finish(&reply);
}
END_TEST

START_TEST(a_quantised_output_as_it_is)
{
	struct tfl_infer_response response;
	struct tfl_error error;
	struct reply reply;

	head.model = tfl_string_of("tiny-int8");
	send_request(0);
	ck_assert(wire_receive(fd, &reply));
	ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, &error), 0);
	ck_assert_int_eq(tfl_tensor_list_at(&response.outputs, 0)->dtype, TFL_INT8);
	ck_assert_uint_eq(tfl_tensor_list_at(&response.outputs, 0)->data.size, TINY_ELEMENTS);
	tfl_infer_response_finish(&response);
	reply_finish(&reply);
}
END_TEST

START_TEST(wrong_models)
{
	head.model = tfl_string_of("nobody");
	send_request(0);
	wire_expect_failure(fd, 1, TFL_NOT_FOUND, "tiny");
	head.model = tfl_string_of("tiny");
	head.version = 2;
	send_request(0);
	wire_expect_failure(fd, 1, TFL_NOT_FOUND, "2");
	head.version = 0;
	head.label = tfl_string_of("canary");
	send_request(0);
	wire_expect_failure(fd, 1, TFL_NOT_FOUND, "no version with the label 'canary'");
}
END_TEST

START_TEST(a_wrong_shape)
{
	input.shape = (struct tfl_wire_shape){2, {2, 8}};
	send_request(0);
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "has shape [2, 8] and must have [1, 16]: 16 elements of float32, 64 bytes");
}
END_TEST

START_TEST(a_wrong_dtype)
{
	input.dtype = TFL_INT32;
	send_request(0);
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "has dtype int32 and must have float32");
}
END_TEST

START_TEST(a_wrong_byte_count)
{
	input.data.size = 60;
	send_request(0);
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "64");
}
END_TEST

START_TEST(a_wrong_name)
{
	input.index = -1;
	input.name = tfl_string_of("picture");
	send_request(0);
	wire_expect_failure(fd, 1, TFL_NOT_FOUND, "there is no input 'picture'; the model has 0 '");
	input = tiny_tensor(tiny_input);
	output.index = 5;
	send_request(1);
	wire_expect_failure(fd, 1, TFL_NOT_FOUND, "there is no output 5; the model has 0 '");
}
END_TEST

START_TEST(inputs_that_are_missing_or_too_many)
{
	struct tfl_wire_tensor twice[2] = {input, input};

	send_infer(fd, 1, &head, twice, 2, NULL, 0);
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "comes twice");
	wire_begin(&writer, 2, "infer");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "tiny");
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 2, TFL_INVALID_ARGUMENT, "inputs");
}
END_TEST

START_TEST(a_float_output_of_what_is_not_quantised)
{
	output.dtype = TFL_INT8;
	send_request(1);
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "is float32 and cannot be given as int8");
}
END_TEST

/* Small models run on the loop thread as a rule; here all are handed to the workers. */
START_TEST(without_the_inline_rule)
{
	int others[8];

	close(fd);
	daemon_restart(&tfld, "[requests]\ninline = 0\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	for (unsigned i = 0; i < 8; i++)
		others[i] = daemon_connect(&tfld);
	for (uint32_t round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 8; i++)
			send_tiny(others[i], round, 0);
		for (unsigned i = 0; i < 8; i++)
			expect_tiny(others[i], round);
	}
	for (unsigned i = 0; i < 8; i++)
		close(others[i]);
}
END_TEST

START_TEST(a_deadline_that_passes_in_the_queue)
{
	endless_hold(&tfld, fd, 1);
	send_slow(fd, 2, 1000, 0);
	/* It is answered while the first one still runs. */
	wire_expect_failure(fd, 2, TFL_DEADLINE_EXCEEDED, "time of 1000 us ran out");
	endless_end(fd, 1);
}
END_TEST

START_TEST(a_deadline_that_is_kept)
{
	send_slow(fd, 1, 20000000, 0);
	expect_outputs(fd, 1);
}
END_TEST

START_TEST(a_higher_priority_goes_first)
{
	static const uint32_t order[] = {4, 2, 3};

	endless_hold(&tfld, fd, 1);
	send_slow(fd, 2, 0, 0);
	send_slow(fd, 3, 0, 0);
	send_slow(fd, 4, 0, 1);
	endless_end(fd, 1);
	for (unsigned i = 0; i < 3; i++)
		expect_outputs(fd, order[i]);
}
END_TEST

START_TEST(a_request_cancelled_in_the_queue)
{
	endless_hold(&tfld, fd, 1);
	for (uint32_t msgid = 2; msgid <= 4; msgid++)
		send_slow(fd, msgid, 0, 0);
	wire_cancel(fd, 3);
	wire_cancel(fd, 3);
	wire_cancel(fd, 99);
	/* It is answered while the first one still runs, and leaves the others where they were. */
	wire_expect_failure(fd, 3, TFL_CANCELLED, "cancelled before it ran");
	endless_end(fd, 1);
	expect_outputs(fd, 2);
	expect_outputs(fd, 4);
	wire_cancel(fd, 4);
	wire_expect_alive(fd);
}
END_TEST

START_TEST(a_cancel_of_another_connection)
{
	int other = daemon_connect(&tfld);

	endless_hold(&tfld, fd, 1);
	send_slow(other, 1, 0, 0);
	endless_end(fd, 1);
	expect_outputs(other, 1);
	close(other);
}
END_TEST

START_TEST(notifications_that_say_nothing)
{
	for (unsigned i = 0; i < 3; i++) {
		tfl_writer_begin(&writer);
		tfl_message_notification(&writer, i == 0 ? "weather" : TFL_NOTIFY_CANCEL);
		tfl_writer_map(&writer, i < 2 ? 0 : 1);
		if (i == 2) {
			tfl_writer_text(&writer, "msgid");
			tfl_writer_int64(&writer, -1);
		}
		wire_send_frame(fd, &writer);
	}
	wire_expect_alive(fd);
}
END_TEST

START_TEST(describe_tells_what_a_caller_needs)
{
	struct tfl_slice result;
	struct reply reply;

	wire_begin(&writer, 4, "model.describe");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "tiny-int8");
	wire_send_frame(fd, &writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(!reply.message.failed);
	result = reply.message.result;
	ck_assert(tfl_string_equal(wire_string(result, "model"), "tiny-int8"));
	ck_assert_uint_eq(wire_uint(result, "version"), 3);
	ck_assert(tfl_string_equal(wire_string(result, "state"), "AVAILABLE"));
	ck_assert(wire_bool(result, "active"));
	ck_assert_uint_eq(wire_string(result, "sha256").length, 64);
	ck_assert_uint_eq(wire_count(result, "versions"), 1);
	ck_assert(tfl_string_equal(wire_string(result, "inputs.0.dtype"), "int8"));
	ck_assert_uint_eq(wire_count(result, "inputs.0.shape"), 2);
	ck_assert_uint_eq(wire_uint(result, "inputs.0.shape.1"), TINY_ELEMENTS);
	ck_assert_uint_eq(wire_uint(result, "inputs.0.bytes"), TINY_ELEMENTS);
	ck_assert_ptr_nonnull(wire_find(result, "inputs.0.quantization.scale").data);
	ck_assert_uint_gt(wire_uint(result, "run_ns"), 0);
	ck_assert_uint_gt(wire_uint(result, "load_ns"), 0);
	ck_assert_uint_gt(wire_uint(result, "memory.file"), 0);
	ck_assert_uint_eq(wire_uint(result, "label_count"), 0);
	reply_finish(&reply);

	wire_begin(&writer, 5, "model.describe");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "nobody");
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 5, TFL_NOT_FOUND, "there is no model 'nobody'");
}
END_TEST

START_TEST(list_health_and_info)
{
	struct reply reply;

	wire_call(fd, "model.list", &reply);
	ck_assert_uint_eq(wire_count(reply.message.result, "models"), 2);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "models.0.model"), "tiny"));
	ck_assert_uint_eq(wire_uint(reply.message.result, "models.1.active"), 3);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "models.0.versions.0.state"), "AVAILABLE"));
	reply_finish(&reply);

	wire_call(fd, "health", &reply);
	ck_assert(wire_bool(reply.message.result, "ready"));
	ck_assert_uint_eq(wire_uint(reply.message.result, "versions.available"), 2);
	ck_assert_uint_eq(wire_count(reply.message.result, "ended"), 0);
	reply_finish(&reply);

	wire_call(fd, "server.info", &reply);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "name"), "tfld"));
	ck_assert_uint_eq(wire_uint(reply.message.result, "protocol"), 1);
	ck_assert_uint_gt(wire_count(reply.message.result, "features"), 0);
	ck_assert_uint_eq(wire_uint(reply.message.result, "limits.frame_bytes"), 64u << 20);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "methods.0.method"), "infer"));
	reply_finish(&reply);
}
END_TEST

START_TEST(stats_count_what_happened)
{
	uint64_t in_buckets = 0;
	struct reply reply;
	char path[64];

	for (uint32_t i = 0; i < 10; i++) {
		send_tiny(fd, i, 0);
		expect_tiny(fd, i);
	}
	input.dtype = TFL_INT32;
	send_request(0);
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "");

	daemon_wait_busy(&tfld, 0); /* a worker counts what it has answered */
	daemon_wait_connections(fd, 1);
	wire_begin(&writer, 3, "stats");
	tfl_writer_map(&writer, 2);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "tiny");
	tfl_writer_text(&writer, "buckets");
	tfl_writer_bool(&writer, true);
	wire_send_frame(fd, &writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(!reply.message.failed);
	ck_assert_uint_eq(wire_count(reply.message.result, "versions"), 1);
	for (uint32_t i = 1; i < wire_count(reply.message.result, "versions.0.latency.total.buckets"); i += 2) {
		snprintf(path, sizeof(path), "versions.0.latency.total.buckets.%u", i);
		in_buckets += wire_uint(reply.message.result, path);
	}
	ck_assert_uint_eq(in_buckets, 10);
	ck_assert_uint_ge(wire_uint(reply.message.result, "versions.0.latency.total.sum_ns"),
			  10 * wire_uint(reply.message.result, "versions.0.latency.total.min_ns"));
	ck_assert_uint_eq(wire_uint(reply.message.result, "versions.0.queue.waiting"), 0);
	ck_assert_uint_eq(wire_uint(reply.message.result, "versions.0.queue.running"), 0);
	ck_assert_uint_eq(wire_uint(reply.message.result, "versions.0.requests"), 11);
	ck_assert_uint_eq(wire_uint(reply.message.result, "versions.0.results.OK"), 10);
	ck_assert_uint_eq(wire_uint(reply.message.result, "versions.0.results.INVALID_ARGUMENT"), 1);
	ck_assert_uint_gt(wire_uint(reply.message.result, "versions.0.latency.total.p50_ns"), 0);
	ck_assert_uint_ge(wire_uint(reply.message.result, "versions.0.latency.total.p99_ns"),
			  wire_uint(reply.message.result, "versions.0.latency.total.p50_ns"));
	ck_assert_uint_ge(wire_uint(reply.message.result, "requests"), 12);
	ck_assert_uint_eq(wire_uint(reply.message.result, "workers.count"), 1);
	ck_assert_uint_eq(wire_uint(reply.message.result, "connections.open"), 1);
	ck_assert_uint_gt(wire_uint(reply.message.result, "rss_bytes"), 1000000);
	reply_finish(&reply);
}
END_TEST

Suite *infer_suite(void)
{
	Suite *suite = suite_create("infer");
	TCase *tcase = tcase_create("requests");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_right_answer);
	tcase_add_test(tcase, float32_in_and_out_of_a_quantised_model);
	tcase_add_test(tcase, a_quantised_output_as_it_is);
	tcase_add_test(tcase, wrong_models);
	tcase_add_test(tcase, a_wrong_shape);
	tcase_add_test(tcase, a_wrong_dtype);
	tcase_add_test(tcase, a_wrong_byte_count);
	tcase_add_test(tcase, a_wrong_name);
	tcase_add_test(tcase, inputs_that_are_missing_or_too_many);
	tcase_add_test(tcase, a_float_output_of_what_is_not_quantised);
	tcase_add_test(tcase, describe_tells_what_a_caller_needs);
	tcase_add_test(tcase, list_health_and_info);
	tcase_add_test(tcase, stats_count_what_happened);
	tcase_add_test(tcase, without_the_inline_rule);
	tcase_add_test(tcase, notifications_that_say_nothing);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("one busy worker");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup_slow, teardown);
	tcase_add_test(tcase, a_deadline_that_passes_in_the_queue);
	tcase_add_test(tcase, a_deadline_that_is_kept);
	tcase_add_test(tcase, a_higher_priority_goes_first);
	tcase_add_test(tcase, a_request_cancelled_in_the_queue);
	tcase_add_test(tcase, a_cancel_of_another_connection);
	suite_add_tcase(suite, tcase);
	return suite;
}
