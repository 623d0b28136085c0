/* SPDX-License-Identifier: MIT */
/* A model whose loop goes round as often as a request says: within its budget it answers, past it that request fails, and nothing else does. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/response.h"
#include "tests/support/sample.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static int fd;

static void start(const char *configuration)
{
	struct model_file file = model_loop();

	daemon_prepare(&tfld);
	daemon_add_model(&tfld, "loop", 1, file.data, file.size);
	model_file_finish(&file);
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void stop(void)
{
	close(fd);
	daemon_stop(&tfld);
}

static void send_times(uint32_t msgid, float times, uint64_t timeout_us)
{
	struct tfl_infer_head head = {.model = tfl_string_of("loop"), .timeout_us = timeout_us, .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = {.dtype = TFL_FLOAT32, .shape = {2, {1, 1}}, .data = {(const uint8_t *)&times, sizeof(times)}};
	struct tfl_wire_tensor output = {.index = 0, .dtype = TFL_DTYPE_COUNT, .shape.rank = -1};

	send_infer(fd, msgid, &head, &input, 1, &output, 1);
}

static void expect_times(uint32_t msgid, float times)
{
	struct tfl_infer_response response;
	struct reply reply;
	float count;

	ck_assert(wire_receive(fd, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, NULL), 0);
	ck_assert_uint_eq(tfl_tensor_list_at(&response.outputs, 0)->data.size, sizeof(count));
	memcpy(&count, tfl_tensor_list_at(&response.outputs, 0)->data.data, sizeof(count));
	ck_assert_float_eq(count, times);
	tfl_infer_response_finish(&response);
	reply_finish(&reply);
}

struct budget {
	const char *configuration;
	float times, too_many;
	const char *words;
};

static const struct budget budgets[] = {
	{"[models]\nloop_iterations = 100\n", 100, 101, "after 100 iterations"},
	{"[models]\nloop_time = 1s\nloop_iterations = 1000000000000\n", 5, INFINITY, "after 1000 ms"},
};

/* A proof is idle by priority: its time is that of the processor, of which it may get little. */
static const struct budget budgets_of_proofs[] = {
	{"[models]\nloop_iterations = 100\n", 100, 101, "after 100 iterations"},
	{"[models]\nloop_time = 20ms\nloop_iterations = 1000000000000\n", 5, INFINITY, "after 20 ms"},
};

START_TEST(a_loop_past_its_budget_fails_alone)
{
	start(budgets[_i].configuration);
	for (uint32_t msgid = 1; msgid < 5; msgid += 2) {
		send_times(msgid, budgets[_i].times, 0);
		expect_times(msgid, budgets[_i].times);
		send_times(msgid + 1, budgets[_i].too_many, 0);
		wire_expect_failure(fd, msgid + 1, TFL_BUDGET_EXCEEDED, budgets[_i].words);
	}
	wire_expect_alive(fd);
	stop();
}
END_TEST

/* The state of a version whose proof finds a sample that goes round so often, and the reason for it. */
static void expect_proven(const char *configuration, float times, const char *state, const char *reason)
{
	struct model_file file = model_loop();
	struct tfl_writer writer;
	struct tfl_string why;
	struct reply reply;
	char path[160];

	daemon_prepare(&tfld);
	daemon_add_model(&tfld, "loop", 1, file.data, file.size);
	model_file_finish(&file);
	snprintf(path, sizeof(path), "%s/loop/samples", tfld.models);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/loop/samples/0001.tflsample", tfld.models);
	sample_write_number(path, times);
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 1, "model.describe", "loop", 1, false);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "state"), state));
	why = wire_string(reply.message.result, "reason");
	ck_assert_msg(memmem(why.text, why.length, reason, strlen(reason)) != NULL, "%.*s", TFL_STRING_ARGS(why));
	reply_finish(&reply);
	stop();
}

START_TEST(a_proof_has_the_budget_of_its_model)
{
	const struct budget *budget = &budgets_of_proofs[_i];

	expect_proven(budget->configuration, budget->times, "AVAILABLE", "");
	expect_proven(budget->configuration, budget->too_many, "END", budget->words);
}
END_TEST

START_TEST(a_loop_ends_at_the_deadline_of_its_request)
{
	start("[models]\nloop_time = 10min\nloop_iterations = 1000000000000\n");
	send_times(1, INFINITY, 100000);
	wire_expect_failure(fd, 1, TFL_DEADLINE_EXCEEDED, "");
	send_times(2, 3, 0);
	expect_times(2, 3);
	stop();
}
END_TEST

static void call(const char *method, uint64_t version, struct reply *ret_reply)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 1, method, "loop", version, false);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, ret_reply));
	ck_assert_msg(!ret_reply->message.failed, "%.*s", TFL_STRING_ARGS(ret_reply->message.failure.message));
}

/* How often it goes round is the request's matter: neither version could do it, and so it says nothing of that which is on trial. */
START_TEST(a_loop_past_every_budget_fails_no_trial)
{
	struct model_file file = model_loop();
	struct reply reply;

	daemon_prepare(&tfld);
	daemon_add_model(&tfld, "loop", 1, file.data, file.size);
	daemon_add_model(&tfld, "loop", 2, file.data, file.size);
	model_file_finish(&file);
	daemon_start(&tfld, "[models]\nloop_iterations = 100\ntrial_latency = 100000%\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	send_times(1, 3, 0);
	expect_times(1, 3);
	call("model.swap", 1, &reply);
	reply_finish(&reply);
	for (uint32_t msgid = 1; msgid <= 20; msgid++) {
		send_times(msgid, 101, 0);
		wire_expect_failure(fd, msgid, TFL_BUDGET_EXCEEDED, "after 100 iterations");
	}
	send_times(1, 3, 0);
	expect_times(1, 3);
	call("trial.get", 0, &reply);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "state"), "running"));
	ck_assert_uint_eq(wire_uint(reply.message.result, "errors"), 0);
	reply_finish(&reply);
	stop();
}
END_TEST

Suite *loop_suite(void)
{
	Suite *suite = suite_create("loop");
	TCase *tcase = tcase_create("loop");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_loop_past_its_budget_fails_alone, 0, 2);
	tcase_add_loop_test(tcase, a_proof_has_the_budget_of_its_model, 0, 2);
	tcase_add_test(tcase, a_loop_past_every_budget_fails_no_trial);
	tcase_add_test(tcase, a_loop_ends_at_the_deadline_of_its_request);
	suite_add_tcase(suite, tcase);
	return suite;
}
