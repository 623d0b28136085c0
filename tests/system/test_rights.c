/* SPDX-License-Identifier: MIT */
/*
 * Who may do what on which socket. The tests with another user need root, which becomes that user in a child; without root they say so
 * and pass over.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define NOBODY 65534

static struct daemon tfld;
static struct tfl_writer writer;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	daemon_stop(&tfld);
}

static void start(const char *configuration)
{
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
}

static void send_unload(int fd, const char *model)
{
	wire_begin(&writer, 7, "model.unload");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, model);
	wire_send_frame(fd, &writer);
}

static void expect_may_infer_and_read(int fd)
{
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	wire_expect_alive(fd);
}

static void expect_may_not_administer(int fd)
{
	send_unload(fd, "tiny");
	wire_expect_failure(fd, 7, TFL_PERMISSION_DENIED, "model.unload needs the right 'admin'");
	wire_expect_alive(fd);
}

/* "Not found" comes from the handler, so the call was let through. */
static void expect_may_administer(int fd)
{
	send_unload(fd, "nobody");
	wire_expect_failure(fd, 7, TFL_NOT_FOUND, "nobody");
}

START_TEST(one_socket_serves_its_owner_everything)
{
	int fd;

	start(NULL);
	fd = daemon_connect(&tfld);
	expect_may_infer_and_read(fd);
	expect_may_administer(fd);
	close(fd);
}
END_TEST

START_TEST(a_second_socket_takes_administration_from_the_first)
{
	int fd, admin;

	tfld.split = true;
	start(NULL);
	fd = daemon_connect(&tfld);
	admin = daemon_connect_to(tfld.admin_socket);
	expect_may_infer_and_read(fd);
	expect_may_not_administer(fd);
	expect_may_infer_and_read(admin);
	expect_may_administer(admin);
	close(fd);
	close(admin);
}
END_TEST

/* Where no method takes a descriptor, none is received: it could be anything, and even closing it can take long. */
START_TEST(without_the_right_descriptors_are_not_even_received)
{
	int fd, file = memfd_create("model", MFD_CLOEXEC);
	unsigned before;

	tfld.split = true;
	start(NULL);
	fd = daemon_connect(&tfld);
	wire_expect_alive(fd);
	before = daemon_steady_descriptors(&tfld);
	wire_begin(&writer, 7, "model.load");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "tiny");
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 7, TFL_PERMISSION_DENIED, "model.load needs the right 'admin'");
	wire_send_frame_passing(fd, &writer, &file, 1);
	wire_expect_broken(fd, TFL_PERMISSION_DENIED, "this connection may not pass descriptors");
	close(file);
	close(fd);
	ck_assert_uint_eq(daemon_settled_descriptors(&tfld, before - 1), before - 1);
}
END_TEST

START_TEST(server_info_says_what_the_caller_may_do)
{
	struct reply reply;
	int fd;

	tfld.split = true;
	start(NULL);
	fd = daemon_connect(&tfld);
	wire_call(fd, "server.info", &reply);
	ck_assert(wire_bool(reply.message.result, "methods.0.allowed"));
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "methods.3.method"), "model.load"));
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "methods.3.right"), "admin"));
	ck_assert(!wire_bool(reply.message.result, "methods.3.allowed"));
	reply_finish(&reply);
	close(fd);
}
END_TEST

static void as_nobody(void (*body)(void))
{
	daemon_as(NOBODY, NOBODY, NULL, 0, body);
}

static void use_first_socket(void)
{
	int fd = daemon_connect(&tfld);

	expect_may_infer_and_read(fd);
	expect_may_not_administer(fd);
	close(fd);
}

START_TEST(others_may_infer_where_the_mode_lets_them_in)
{
	start("[sockets]\nmode = 0666\n");
	as_nobody(use_first_socket);
}
END_TEST

static void fail_to_connect(void)
{
	struct daemon copy = tfld;

	/* Connecting must fail; the harness would end the test, so look at the permission alone. */
	if (access(copy.socket, W_OK) == 0)
		_exit(4);
}

START_TEST(others_stay_out_where_it_does_not)
{
	start("[sockets]\nmode = 0600\n");
	as_nobody(fail_to_connect);
}
END_TEST

static void use_admin_socket(void)
{
	int fd = daemon_connect_to(tfld.admin_socket);

	expect_may_administer(fd);
	close(fd);
}

START_TEST(whom_the_admin_socket_lets_in_may_administer)
{
	tfld.split = true;
	start("[sockets]\nadmin_mode = 0666\n");
	as_nobody(use_admin_socket);
}
END_TEST

static void use_up_connections(void)
{
	int fds[3];

	for (unsigned i = 0; i < 3; i++)
		fds[i] = daemon_connect(&tfld);
	wire_expect_broken(fds[2], TFL_RESOURCE_EXHAUSTED, "uid 65534 may have 2 connections");
	wire_expect_alive(fds[0]);
}

START_TEST(one_users_limits_are_not_anothers)
{
	int fds[2];

	start("[sockets]\nmode = 0666\n[users]\nconnections = 2\n");
	fds[0] = daemon_connect(&tfld);
	daemon_wait_connections(fds[0], 1);
	fds[1] = daemon_connect(&tfld);
	wire_expect_alive(fds[1]);
	as_nobody(use_up_connections);
	expect_may_infer_and_read(fds[0]);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

Suite *rights_suite(void)
{
	Suite *suite = suite_create("rights");
	TCase *tcase = tcase_create("sockets and users");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, one_socket_serves_its_owner_everything);
	tcase_add_test(tcase, a_second_socket_takes_administration_from_the_first);
	tcase_add_test(tcase, without_the_right_descriptors_are_not_even_received);
	tcase_add_test(tcase, server_info_says_what_the_caller_may_do);
	tcase_add_test(tcase, others_may_infer_where_the_mode_lets_them_in);
	tcase_add_test(tcase, others_stay_out_where_it_does_not);
	tcase_add_test(tcase, whom_the_admin_socket_lets_in_may_administer);
	tcase_add_test(tcase, one_users_limits_are_not_anothers);
	suite_add_tcase(suite, tcase);
	return suite;
}
