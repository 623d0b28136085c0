/* SPDX-License-Identifier: MIT */
/*
 * model.load and model.unload over the socket: what is served before and after, files that are no good, and descriptors that come where
 * none belongs, too many of them, or not at all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/builder/builder.h"
#include "tests/system/endless.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static struct tfl_writer writer;
static unsigned descriptors;
static int fd;

static void setup(void)
{
	daemon_prepare(&tfld);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	wire_expect_alive(fd);
	tfl_writer_init(&writer);
	descriptors = daemon_steady_descriptors(&tfld);
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	close(fd);
	daemon_stop(&tfld);
}

/* A file without a name that holds @p size bytes. */
static int file_of(const void *data, size_t size)
{
	int file = memfd_create("model", MFD_CLOEXEC);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(write(file, data, size), (ssize_t)size);
	return file;
}

static int tiny_file(uint64_t seed)
{
	struct model_file model = model_tiny(false, seed);
	int file = file_of(model.data, model.size);

	model_file_finish(&model);
	return file;
}

/* Sends model.load with @p file, which is closed. */
static void load(uint32_t msgid, const char *model, uint64_t version, int file)
{
	wire_begin_model(&writer, msgid, "model.load", model, version, false);
	wire_send_frame_passing(fd, &writer, &file, 1);
	close(file);
}

/* The version that the reply to a load names. */
static uint64_t loaded(uint32_t msgid)
{
	struct reply reply;
	uint64_t version;

	ck_assert(wire_receive(fd, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "state"), "AVAILABLE"));
	ck_assert_uint_eq(wire_string(reply.message.result, "sha256").length, 64);
	version = wire_uint(reply.message.result, "version");
	reply_finish(&reply);
	return version;
}

static void expect_ok(uint32_t msgid)
{
	struct reply reply;

	ck_assert(wire_receive(fd, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
}

/* Nothing of what was passed stays open in the daemon but what it maps of its own store. */
static void expect_no_descriptors_left(void)
{
	wire_expect_alive(fd);
	ck_assert_uint_eq(daemon_settled_descriptors(&tfld, descriptors), descriptors);
}

START_TEST(load_serve_unload)
{
	load(1, "tiny", 0, tiny_file(7));
	ck_assert_uint_eq(loaded(1), 1);
	send_tiny(fd, 2, 0);
	expect_tiny(fd, 2);
	load(3, "tiny", 0, tiny_file(8));
	ck_assert_uint_eq(loaded(3), 2);
	load(4, "tiny", 7, tiny_file(9));
	ck_assert_uint_eq(loaded(4), 7);
	wire_begin_model(&writer, 5, "model.unload", "tiny", 2, false);
	wire_send_frame(fd, &writer);
	expect_ok(5);
	wire_begin_model(&writer, 6, "model.unload", "tiny", 0, true);
	wire_send_frame(fd, &writer);
	expect_ok(6);
	send_tiny(fd, 7, 0);
	wire_expect_failure(fd, 7, TFL_NOT_FOUND, "tiny");
	expect_no_descriptors_left();
}
END_TEST

START_TEST(an_unloaded_version_says_so)
{
	load(1, "tiny", 0, tiny_file(7));
	loaded(1);
	wire_begin_model(&writer, 2, "model.unload", "tiny", 0, false);
	wire_send_frame(fd, &writer);
	expect_ok(2);
	send_tiny(fd, 3, 0);
	wire_expect_failure(fd, 3, TFL_UNAVAILABLE, "unloaded");
	wire_begin_model(&writer, 4, "model.unload", "tiny", 0, false);
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 4, TFL_NOT_FOUND, "no version of model 'tiny' is loaded");
	wire_begin_model(&writer, 5, "model.unload", "tiny", 9, false);
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 5, TFL_NOT_FOUND, "has no version 9");
	wire_begin_model(&writer, 6, "model.unload", "nobody", 0, false);
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 6, TFL_NOT_FOUND, "there is no model 'nobody'");
}
END_TEST

static void wait_unloading(int other)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	bool unloading = false;

	while (!unloading) {
		struct tfl_writer question;
		struct reply reply;

		ck_assert_uint_lt(now_ns(), until);
		tfl_writer_init(&question);
		wire_begin_model(&question, 5, "model.describe", "endless", 1, false);
		wire_send_frame(other, &question);
		tfl_writer_finish(&question);
		ck_assert(wire_receive(other, &reply));
		unloading = tfl_string_equal(wire_string(reply.message.result, "state"), "UNLOADING");
		reply_finish(&reply);
	}
}

/* What runs on a version goes on to its end, and so does what waits for it; the version is freed after that. */
START_TEST(unloading_under_load_drops_nothing)
{
	struct model_file endless = model_loop();
	int other;

	close(fd);
	daemon_restart(&tfld, "[requests]\nworkers = 1\n");
	fd = daemon_connect(&tfld);
	wire_expect_alive(fd);
	descriptors = daemon_steady_descriptors(&tfld);
	other = daemon_connect(&tfld);
	endless_configure(&tfld, NULL);
	load(1, "endless", 0, file_of(endless.data, endless.size));
	model_file_finish(&endless);
	loaded(1);
	endless_hold(&tfld, other, 0);
	for (uint32_t i = 1; i <= 3; i++)
		endless_send_brief(other, i);
	wire_expect_alive(other); /* and has read all of that */
	wire_begin_model(&writer, 2, "model.unload", "endless", 0, true);
	wire_send_frame(fd, &writer);
	wait_unloading(other);
	endless_send_brief(other, 4);
	wire_expect_failure(other, 4, TFL_UNAVAILABLE, "");
	endless_end(other, 0);
	for (uint32_t i = 1; i <= 3; i++)
		expect_outputs(other, i);
	expect_ok(2);
	close(other);
	expect_no_descriptors_left();
}
END_TEST

START_TEST(the_same_version_twice)
{
	load(1, "tiny", 1, tiny_file(7));
	loaded(1);
	load(2, "tiny", 1, tiny_file(8));
	wire_expect_failure(fd, 2, TFL_ALREADY_EXISTS, "1");
	expect_no_descriptors_left();
}
END_TEST

START_TEST(a_file_that_is_no_model)
{
	load(1, "tiny", 0, file_of("not a model at all, just some text", 34));
	wire_expect_failure(fd, 1, TFL_INVALID_MODEL, "");
	load(2, "tiny", 0, file_of("", 0));
	wire_expect_failure(fd, 2, TFL_INVALID_ARGUMENT, "is empty");
	send_tiny(fd, 3, 0);
	wire_expect_failure(fd, 3, TFL_NOT_FOUND, "tiny");
	expect_no_descriptors_left();
}
END_TEST

START_TEST(a_truncated_model)
{
	struct model_file model = model_tiny(false, 7);

	load(1, "tiny", 0, file_of(model.data, model.size / 2));
	wire_expect_failure(fd, 1, TFL_INVALID_MODEL, "");
	model_file_finish(&model);
	load(2, "tiny", 0, tiny_file(7));
	ck_assert_uint_eq(loaded(2), 1);
	expect_no_descriptors_left();
}
END_TEST

START_TEST(a_model_with_an_operator_that_is_not_there)
{
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_ints dims = TFL_INTS(1, 16);
	uint8_t *data;
	size_t size;
	int x, y;

	x = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "x", .dims = dims});
	y = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "y", .dims = dims});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUSTOM, .custom_name = "Frobnicate",
								 .inputs = TFL_INTS(x), .outputs = TFL_INTS(y)});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(tfl_build_finish(builder, &data, &size), 0);
	tfl_build_destroy(builder);
	load(1, "tiny", 0, file_of(data, size));
	free(data);
	wire_expect_failure(fd, 1, TFL_UNSUPPORTED_MODEL, "Frobnicate");
	expect_no_descriptors_left();
}
END_TEST

START_TEST(a_descriptor_that_is_no_file)
{
	int ends[2];

	load(1, "tiny", 0, open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "");
	load(2, "tiny", 0, open("/dev/zero", O_RDONLY | O_CLOEXEC));
	wire_expect_failure(fd, 2, TFL_INVALID_ARGUMENT, "");
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	load(3, "tiny", 0, ends[0]);
	wire_expect_failure(fd, 3, TFL_INVALID_ARGUMENT, "");
	close(ends[1]);
	expect_no_descriptors_left();
}
END_TEST

/* Whoever passes his own end of the connection would never seem to leave. */
START_TEST(the_connection_itself_as_a_descriptor)
{
	int other = daemon_connect(&tfld);

	wire_send_passing(other, "\0\0\0\x40\x94\0", 6, &other, 1);
	wire_expect_broken(other, TFL_PROTOCOL_ERROR, "only files are taken");
	close(other);
	expect_no_descriptors_left();
}
END_TEST

START_TEST(a_wrong_name)
{
	load(1, "../etc", 0, tiny_file(7));
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "model");
	expect_no_descriptors_left();
}
END_TEST

START_TEST(no_descriptor_at_all)
{
	wire_begin_model(&writer, 1, "model.load", "tiny", 0, false);
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 1, TFL_INVALID_ARGUMENT, "passed with the request (SCM_RIGHTS)");
	wire_expect_alive(fd);
}
END_TEST

START_TEST(a_descriptor_that_no_request_takes)
{
	int file = tiny_file(7);

	wire_begin_model(&writer, 1, "model.describe", "tiny", 0, false);
	wire_send_frame_passing(fd, &writer, &file, 1);
	close(file);
	wire_expect_failure(fd, 1, TFL_NOT_FOUND, "tiny");
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "1 passed descriptor(s) came with no request that takes one");
	close(fd);
	fd = daemon_connect(&tfld);
	expect_no_descriptors_left();
}
END_TEST

START_TEST(one_descriptor_too_many)
{
	int files[2] = {tiny_file(7), tiny_file(8)};

	wire_begin_model(&writer, 1, "model.load", "tiny", 0, false);
	wire_send_frame_passing(fd, &writer, files, 2);
	close(files[0]);
	close(files[1]);
	/* The reply to the load and the complaint about the other one come in any order. */
	for (unsigned seen = 0; seen != 3;) {
		struct reply reply;

		ck_assert(wire_receive(fd, &reply));
		seen |= reply.message.kind == TFL_MESSAGE_NOTIFICATION ? 2 : 1;
		reply_finish(&reply);
	}
	wire_expect_end(fd);
	close(fd);
	fd = daemon_connect(&tfld);
	expect_no_descriptors_left();
}
END_TEST

START_TEST(a_flood_of_descriptors)
{
	int files[40];

	for (unsigned i = 0; i < 40; i++)
		files[i] = tiny_file(7);
	wire_begin_model(&writer, 1, "model.load", "tiny", 0, false);
	wire_send_frame_passing(fd, &writer, files, 40);
	for (unsigned i = 0; i < 40; i++)
		close(files[i]);
	wire_expect_broken(fd, TFL_PROTOCOL_ERROR, "at most 4 passed descriptors may wait");
	close(fd);
	fd = daemon_connect(&tfld);
	expect_no_descriptors_left();
}
END_TEST

/* The descriptor comes with the first bytes of a frame whose rest does not come. */
START_TEST(a_descriptor_of_a_frame_that_never_ends)
{
	for (unsigned i = 0; i < 3; i++) {
		int other = daemon_connect(&tfld), file = tiny_file(7);

		wire_send_passing(other, "\0\0\0\x40\x94\0", 6, &file, 1);
		close(file);
		ck_assert_uint_gt(daemon_settled_descriptors(&tfld, descriptors + 2), descriptors);
		close(other);
	}
	expect_no_descriptors_left();
}
END_TEST

START_TEST(pipelined_loads_get_their_own_descriptors)
{
	for (uint32_t i = 1; i <= 3; i++)
		load(i, "tiny", i, tiny_file(6 + i));
	for (uint32_t i = 1; i <= 3; i++)
		ck_assert_uint_eq(loaded(i), i);
	send_tiny(fd, 4, 0);
	expect_tiny(fd, 4);
	expect_no_descriptors_left();
}
END_TEST

START_TEST(a_client_that_does_not_wait_for_its_load)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	struct reply reply;

	load(1, "tiny", 0, tiny_file(7));
	close(fd);
	fd = daemon_connect(&tfld);
	for (bool there = false; !there;) {
		ck_assert_uint_lt(now_ns(), until);
		usleep(5000);
		wire_call(fd, "model.list", &reply);
		there = wire_count(reply.message.result, "models") == 1 && wire_uint(reply.message.result, "models.0.active") == 1;
		reply_finish(&reply);
	}
	expect_no_descriptors_left();
}
END_TEST

START_TEST(a_half_closed_connection_hears_of_its_load)
{
	load(1, "tiny", 0, tiny_file(7));
	shutdown(fd, SHUT_WR);
	ck_assert_uint_eq(loaded(1), 1);
	wire_expect_end(fd);
}
END_TEST

Suite *models_suite(void)
{
	Suite *suite = suite_create("models");
	TCase *tcase = tcase_create("load and unload");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, load_serve_unload);
	tcase_add_test(tcase, an_unloaded_version_says_so);
	tcase_add_test(tcase, unloading_under_load_drops_nothing);
	tcase_add_test(tcase, the_same_version_twice);
	tcase_add_test(tcase, a_file_that_is_no_model);
	tcase_add_test(tcase, a_truncated_model);
	tcase_add_test(tcase, a_model_with_an_operator_that_is_not_there);
	tcase_add_test(tcase, a_descriptor_that_is_no_file);
	tcase_add_test(tcase, the_connection_itself_as_a_descriptor);
	tcase_add_test(tcase, a_wrong_name);
	tcase_add_test(tcase, no_descriptor_at_all);
	tcase_add_test(tcase, a_descriptor_that_no_request_takes);
	tcase_add_test(tcase, one_descriptor_too_many);
	tcase_add_test(tcase, a_flood_of_descriptors);
	tcase_add_test(tcase, a_descriptor_of_a_frame_that_never_ends);
	tcase_add_test(tcase, pipelined_loads_get_their_own_descriptors);
	tcase_add_test(tcase, a_client_that_does_not_wait_for_its_load);
	tcase_add_test(tcase, a_half_closed_connection_hears_of_its_load);
	suite_add_tcase(suite, tcase);
	return suite;
}
