/* SPDX-License-Identifier: MIT */
/*
 * Real requests kept as samples: while others are served, as many as are asked for and no more, readable to nobody else, gone when they
 * are erased.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "proto/reader.h"
#include "proto/sample.h"
#include "tests/system/models.h"
#include "tests/system/record_scene.h"
#include "tests/system/suites.h"

#define TINY_SEED 7 /* of add_tiny() */

static void expect_refusal(const struct record_plan *plan, enum tfl_status status, const char *part)
{
	record_send_plan(plan);
	wire_expect_failure(record.admin, 7, status, part);
}

/* Files in a model's folder of samples; each has the mode that it must have, and at least @p bytes. */
static unsigned count_files(const char *model, off_t bytes)
{
	struct dirent **names;
	unsigned samples = 0;
	char folder[200], path[512];
	struct stat st;
	int count;

	snprintf(folder, sizeof(folder), "%s/%s/samples", record.tfld.models, model);
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
		record_serve(50);
		record_ask("record.get", model, &reply);
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
	tfl_writer_text(&writer, RECORD_SAMPLE);
	wire_send_frame(record.admin, &writer);
	tfl_writer_finish(&writer);
	record_receive(reply);
	reader = tfl_reader_of(wire_find(reply->message.result, "data"));
	ck_assert_int_eq(tfl_reader_binary(&reader, "data", &data, &error), 0);
	ck_assert_msg(tfl_sample_parse(data, &sample, &error) == 0, "%s", error.text);
	return sample;
}

START_TEST(as_many_as_are_asked_for)
{
	const struct record_plan plan = {.model = "tiny", .count = 20};
	struct reply reply;

	record_start(&plan);
	serve_until_end("tiny");
	ck_assert_uint_eq(record_wait_for_end("tiny"), 20);
	record_serve(50);
	record_ask("record.get", "tiny", &reply);
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
	ck_assert(daemon_logged(&record.tfld, "model 'tiny' is being recorded (uid "));
	ck_assert(daemon_logged(&record.tfld, "model 'tiny' is not recorded any more: 20 kept"));
}
END_TEST

/* Several connections at a time, on all workers, and two models: every sample is whole, and every answer right. */
START_TEST(while_others_are_served)
{
	const struct record_plan plans[] = {{.model = "tiny", .count = 100, .outputs = true}, {.model = "scores", .count = 3}};
	const uint64_t until = now_ns() + PATIENCE_NS;
	int fds[8];
	struct reply reply;
	bool over = false;

	for (unsigned i = 0; i < 2; i++)
		record_start(&plans[i]);
	for (unsigned i = 0; i < 8; i++)
		fds[i] = daemon_connect(&record.tfld);
	while (!over) {
		for (unsigned round = 0; round < 20; round++) {
			for (unsigned i = 0; i < 8; i++)
				send_tiny(fds[i], round, 0);
			for (unsigned i = 0; i < 8; i++)
				expect_tiny(fds[i], round);
		}
		ask_scores(record.fd, 1, 1);
		record_ask("record.get", "tiny", &reply);
		over = !wire_bool(reply.message.result, "recording");
		reply_finish(&reply);
		ck_assert(over || now_ns() < until);
	}
	for (unsigned i = 0; i < 3; i++)
		ask_scores(record.fd, 1, 1);
	ck_assert_uint_eq(record_wait_for_end("tiny"), 100);
	ck_assert_uint_eq(record_wait_for_end("scores"), 3);
	ck_assert_uint_eq(count_files("tiny", 2 * TINY_ELEMENTS * sizeof(float)), 100);
	ck_assert_uint_eq(count_files("scores", SCORES_ROWS * SCORES_CLASSES * sizeof(float)), 3);
	for (unsigned i = 0; i < 8; i++)
		close(fds[i]);
}
END_TEST

START_TEST(a_sample_is_the_request_and_perhaps_its_answer)
{
	float expected[TINY_ELEMENTS], got[TINY_ELEMENTS];
	struct record_plan plan = {.model = "tiny", .count = 1, .outputs = true};
	struct tfl_sample sample;
	struct reply reply;

	model_tiny_expected(TINY_SEED, tiny_input, expected);
	record_start(&plan);
	record_serve(1);
	ck_assert_uint_eq(record_wait_for_end("tiny"), 1);
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
	record_ask("record.erase", "tiny", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "erased"), 1);
	reply_finish(&reply);
	plan.outputs = false;
	record_start(&plan);
	record_serve(1);
	ck_assert_uint_eq(record_wait_for_end("tiny"), 1);
	sample = read_sample(&reply);
	ck_assert_uint_eq(sample.request.outputs.count, 0);
	tfl_sample_finish(&sample);
	reply_finish(&reply);
}
END_TEST

START_TEST(another_recording_adds_up_to_the_limits)
{
	const struct record_plan plan = {.model = "tiny", .count = 200};
	struct reply reply;

	record_start(&plan);
	expect_refusal(&plan, TFL_ALREADY_EXISTS, "being recorded already");
	serve_until_end("tiny");
	record_send_plan(&plan);
	record_receive(&reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "count"), 56);
	reply_finish(&reply);
	serve_until_end("tiny");
	ck_assert_uint_eq(count_files("tiny", 1), 256);
	expect_refusal(&plan, TFL_RESOURCE_EXHAUSTED, "there are 256 samples of 'tiny'");
	/* The proof takes as many. */
	daemon_restart(&record.tfld, NULL);
	daemon_wait_ready(&record.tfld);
	close(record.fd);
	record.fd = daemon_connect(&record.tfld);
	close(record.admin);
	record.admin = daemon_connect(&record.tfld);
	ck_assert_uint_eq(count_files("tiny", 1), 256);
	record_ask("record.erase", "tiny", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "erased"), 256);
	reply_finish(&reply);
	ck_assert_uint_eq(count_files("tiny", 1), 0);
	ck_assert(daemon_logged(&record.tfld, "model 'tiny' has lost what was recorded (uid "));
	record_start(&plan);
}
END_TEST

START_TEST(one_of_so_many_and_one_in_a_time)
{
	struct record_plan plan = {.model = "tiny", .count = 3, .every = 10};
	uint64_t until;

	record_start(&plan);
	record_serve(20);
	usleep(200000);
	ck_assert_uint_le(count_files("tiny", 1), 2);
	record_serve(1);
	ck_assert_uint_eq(record_wait_for_end("tiny"), 3);
	plan = (struct record_plan){.model = "tiny", .count = 2, .interval_ms = 3600000};
	record_start(&plan);
	record_serve(100);
	until = now_ns() + PATIENCE_NS;
	while (count_files("tiny", 1) < 4 && now_ns() < until)
		usleep(5000);
	usleep(200000); /* another one would come */
	ck_assert_uint_eq(count_files("tiny", 1), 4);
	plan.every = 2;
	expect_refusal(&plan, TFL_INVALID_ARGUMENT, "give one of them");
}
END_TEST

START_TEST(what_failed_is_no_sample)
{
	const struct record_plan plan = {.model = "slow", .count = 2};
	struct reply reply;

	record_start(&plan);
	for (unsigned i = 0; i < 3; i++) {
		send_slow(record.fd, i, 1, 0); /* one microsecond: its time is over before it is done */
		wire_expect_failure(record.fd, i, TFL_DEADLINE_EXCEEDED, "");
	}
	send_slow(record.fd, 9, 0, 0);
	expect_outputs(record.fd, 9);
	record_ask("record.stop", "slow", &reply);
	ck_assert(!wire_bool(reply.message.result, "recording"));
	ck_assert_uint_le(wire_uint(reply.message.result, "folder.samples"), 1);
	reply_finish(&reply);
	ck_assert(daemon_logged(&record.tfld, "model 'slow' is not recorded any more:"));
	ck_assert(daemon_file_has(record.tfld.log, "stopped by uid"));
}
END_TEST

START_TEST(it_ends_with_the_daemon_and_with_its_model)
{
	struct record_plan plan = {.model = "tiny", .count = 100};
	struct tfl_writer writer;
	struct reply reply;

	record_start(&plan);
	record_serve(3);
	daemon_restart(&record.tfld, NULL);
	daemon_wait_ready(&record.tfld);
	ck_assert(daemon_file_has(record.tfld.log, "tfld stops"));
	close(record.fd);
	record.fd = daemon_connect(&record.tfld);
	close(record.admin);
	record.admin = daemon_connect(&record.tfld);
	record_ask("record.get", "tiny", &reply);
	ck_assert(!wire_bool(reply.message.result, "recording"));
	reply_finish(&reply);
	record_serve(1);
	plan.version = 1;
	record_start(&plan);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 8, "model.unload", "tiny", 1, true);
	wire_send_frame(record.admin, &writer);
	tfl_writer_finish(&writer);
	record_receive(&reply);
	reply_finish(&reply);
	ck_assert(daemon_logged(&record.tfld, "its version is gone"));
	ck_assert_uint_eq(count_files("tiny", 0), 0);
	expect_refusal(&plan, TFL_NOT_FOUND, "tiny");
}
END_TEST

START_TEST(params_are_checked)
{
	struct record_plan plan = {.model = "tiny"};

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

Suite *record_suite(void)
{
	Suite *suite = suite_create("record");
	TCase *test = tcase_create("record");

	tcase_add_checked_fixture(test, record_setup, record_teardown);
	tcase_set_timeout(test, 120);
	tcase_add_test(test, as_many_as_are_asked_for);
	tcase_add_test(test, while_others_are_served);
	tcase_add_test(test, a_sample_is_the_request_and_perhaps_its_answer);
	tcase_add_test(test, another_recording_adds_up_to_the_limits);
	tcase_add_test(test, one_of_so_many_and_one_in_a_time);
	tcase_add_test(test, what_failed_is_no_sample);
	tcase_add_test(test, it_ends_with_the_daemon_and_with_its_model);
	tcase_add_test(test, params_are_checked);
	suite_add_tcase(suite, test);
	return suite;
}
