/* SPDX-License-Identifier: MIT */
/*
 * Clients that want more than their share: what they are told at each limit, and that a bystander does not notice.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/endless.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
}

static void start(const char *configuration)
{
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
}

START_TEST(connections_of_a_user)
{
	int fds[4];

	start("[users]\nconnections = 3\n");
	fds[0] = daemon_connect(&tfld);
	daemon_wait_connections(fds[0], 1);
	for (unsigned i = 1; i < 4; i++)
		fds[i] = daemon_connect(&tfld);
	wire_expect_broken(fds[3], TFL_RESOURCE_EXHAUSTED, "may have 3 connections at once ([users] connections)");
	for (unsigned i = 0; i < 3; i++)
		wire_expect_alive(fds[i]);
	close(fds[3]);
	close(fds[2]);
	daemon_wait_connections(fds[0], 2);
	fds[2] = daemon_connect(&tfld);
	wire_expect_alive(fds[2]);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(connections_in_all)
{
	int first, second, third;

	start("[sockets]\nconnections = 2\n");
	first = daemon_connect(&tfld);
	daemon_wait_connections(first, 1);
	second = daemon_connect(&tfld);
	third = daemon_connect(&tfld);
	wire_expect_broken(third, TFL_RESOURCE_EXHAUSTED, "2 connections are open, which is the limit ([sockets] connections)");
	wire_expect_alive(second);
	close(first);
	close(second);
	close(third);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(requests_of_a_user)
{
	int fd;

	add_slow(&tfld, 1);
	endless_add(&tfld, NULL);
	start("[requests]\nworkers = 1\n[users]\nrequests = 2\n");
	fd = daemon_connect(&tfld);
	endless_hold(&tfld, fd, 1);
	send_slow(fd, 2, 0, 0);
	send_slow(fd, 3, 0, 0);
	wire_expect_failure(fd, 3, TFL_RESOURCE_EXHAUSTED, "may have 2 requests in flight at once ([users] requests)");
	endless_end(fd, 1);
	expect_outputs(fd, 2);
	send_tiny(fd, 4, 0);
	expect_tiny(fd, 4);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

/* Who waits for each answer before he asks again is never told that he asks for too much, whatever a worker does after it has answered. */
START_TEST(one_after_the_other_is_never_too_many)
{
	int fd;

	start("[requests]\ninline = 0\n[users]\nrequests = 1\n");
	fd = daemon_connect(&tfld);
	for (uint32_t i = 0; i < 2000; i++) {
		send_tiny(fd, i, 0);
		expect_tiny(fd, i);
	}
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(the_queue)
{
	int fd;

	add_slow(&tfld, 1);
	endless_add(&tfld, NULL);
	start("[requests]\nworkers = 1\nqueue = 2\n");
	fd = daemon_connect(&tfld);
	endless_hold(&tfld, fd, 1);
	for (uint32_t i = 2; i <= 4; i++)
		send_slow(fd, i, 0, 0);
	wire_expect_failure(fd, 4, TFL_RESOURCE_EXHAUSTED, "2 requests wait already, which is the queue's limit ([requests] queue)");
	endless_end(fd, 1);
	expect_outputs(fd, 2);
	expect_outputs(fd, 3);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

static void serve(int fd, unsigned requests)
{
	for (uint32_t i = 0; i < requests; i++) {
		send_tiny(fd, i, 0);
		expect_tiny(fd, i);
	}
}

START_TEST(a_client_that_stops_reading)
{
	int greedy, bystander;
	size_t before;

	add_large(&tfld);
	start("[sockets]\noutput_queue = 16M\n");
	bystander = daemon_connect(&tfld);
	greedy = daemon_connect(&tfld);
	before = daemon_memory(&tfld);
	/* Three replies of 12 MB: when the third comes, more than the limit lies unread. */
	for (uint32_t i = 1; i <= 3; i++) {
		send_large(greedy, i);
		serve(bystander, 50);
	}
	ck_assert(daemon_logged(&tfld, "leaves too many replies unread; its connection is closed"));
	serve(bystander, 50);
	/* What had been sent before comes, then the stream ends; the bytes that were queued are given back. */
	for (char data[65536]; recv(greedy, data, sizeof(data), 0) > 0;)
		;
	daemon_wait_connections(bystander, 1);
	ck_assert(!daemon_memory_counts() || daemon_memory(&tfld) < before + (48u << 20));
	close(greedy);
	close(bystander);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(a_client_that_reads_slowly_gets_everything)
{
	int fd;

	add_large(&tfld);
	start("[sockets]\noutput_queue = 32M\n");
	fd = daemon_connect(&tfld);
	send_large(fd, 1);
	send_large(fd, 2);
	usleep(300000);
	for (unsigned i = 0; i < 2; i++) {
		struct reply reply;

		ck_assert(wire_receive(fd, &reply));
		ck_assert(!reply.message.failed);
		ck_assert_uint_gt(reply.size, 12u << 20);
		reply_finish(&reply);
	}
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

/* Sends the length of a frame and @p size bytes of it. */
static void send_part(int fd, uint32_t announced, size_t size)
{
	static const uint8_t zeros[1 << 20];
	uint8_t header[4] = {(uint8_t)(announced >> 24), (uint8_t)(announced >> 16), (uint8_t)(announced >> 8), (uint8_t)announced};

	wire_send(fd, header, sizeof(header));
	wire_send(fd, zeros, size);
}

START_TEST(a_frame_that_the_users_quota_cannot_hold)
{
	int fd;

	start("[users]\nbytes = 256K\n");
	fd = daemon_connect(&tfld);
	/* So much that the daemon stops reading; less than what sockets buffer beyond that. */
	send_part(fd, 1u << 20, 200000);
	wire_expect_broken(fd, TFL_RESOURCE_EXHAUSTED, "([users] bytes), and no room for this frame came free in 5 s");
	close(fd);
	fd = daemon_connect(&tfld);
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(a_client_that_leaves_while_it_waits_for_quota)
{
	uint64_t began;
	int fd, other;

	start("[users]\nbytes = 256K\n");
	other = daemon_connect(&tfld);
	for (unsigned half_first = 0; half_first < 2; half_first++) {
		fd = daemon_connect(&tfld);
		send_part(fd, 1u << 20, 200000);
		usleep(100000);
		if (half_first)
			shutdown(fd, SHUT_WR);
		usleep(100000);
		began = now_ns();
		close(fd);
		daemon_wait_connections(other, 1);
		/* Not only after the 5 s in which no room came free; of one that is half closed no more is seen before. */
		ck_assert(half_first || now_ns() - began < UINT64_C(4000000000));
	}
	close(other);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(a_user_over_quota_waits_for_his_own_requests)
{
	enum { COUNT = 12 };
	int fds[COUNT];

	/* Frames of 110 KB, of which only a few fit at a time. */
	add_slow(&tfld, 2);
	start("[requests]\nworkers = 1\n[users]\nbytes = 600K\n");
	for (unsigned i = 0; i < COUNT; i++) {
		fds[i] = daemon_connect(&tfld);
		send_slow(fds[i], i, 0, 0);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		expect_outputs(fds[i], i);
		close(fds[i]);
	}
	daemon_stop(&tfld);
}
END_TEST

/* For longer than the time without progress after which it would lose its connection. */
START_TEST(a_client_over_quota_that_gets_on_is_not_cut_off)
{
	struct pollfd poller = {.events = POLLIN};
	uint32_t sent = 0, received = 0;
	uint64_t until;
	int fd;

	add_slow(&tfld, 4);
	start("[requests]\nworkers = 1\n[users]\nbytes = 600K\n");
	poller.fd = fd = daemon_connect(&tfld);
	until = now_ns() + 7000000000u;
	while (now_ns() < until) {
		/* This waits most of the time; the replies that came meanwhile are taken, since they count against the same quota. */
		send_slow(fd, sent++, 0, 0);
		while (poll(&poller, 1, 0) > 0)
			expect_outputs(fd, received++);
	}
	while (received < sent)
		expect_outputs(fd, received++);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

/* Sent everything, reads nothing: its replies do not wait for ever. */
START_TEST(a_half_closed_client_that_never_reads)
{
	int fd, bystander;

	add_large(&tfld);
	start(NULL);
	bystander = daemon_connect(&tfld);
	fd = daemon_connect(&tfld);
	send_large(fd, 1);
	shutdown(fd, SHUT_WR);
	daemon_wait_connections(bystander, 1);
	ck_assert(daemon_logged(&tfld, "has read none of its replies for 10 s; its connection is closed"));
	close(fd);
	close(bystander);
	daemon_stop(&tfld);
}
END_TEST

/* Its slot is free at once, not only when its reply is ready. */
START_TEST(a_half_closed_client_that_dies)
{
	int fd, bystander;

	add_slow(&tfld, 1);
	endless_add(&tfld, NULL);
	start("[requests]\nworkers = 1\n");
	bystander = daemon_connect(&tfld);
	endless_hold(&tfld, bystander, 1);
	fd = daemon_connect(&tfld);
	send_slow(fd, 1, 0, 0);
	shutdown(fd, SHUT_WR);
	usleep(100000);
	close(fd);
	fd = daemon_connect(&tfld);
	daemon_wait_connections(fd, 2);
	/* What was asked for before it is still being computed. */
	daemon_wait_busy(&tfld, 1);
	endless_end(bystander, 1);
	close(fd);
	close(bystander);
	daemon_stop(&tfld);
}
END_TEST

/* The soft limit, so that anybody may lift it again. The one before. */
static rlim_t limit_descriptors(rlim_t limit)
{
	struct rlimit now, before;

	ck_assert_int_eq(prlimit(tfld.pid, RLIMIT_NOFILE, NULL, &before), 0);
	now = (struct rlimit){limit, before.rlim_max};
	ck_assert_int_eq(prlimit(tfld.pid, RLIMIT_NOFILE, &now, NULL), 0);
	return before.rlim_cur;
}

START_TEST(out_of_descriptors)
{
	rlim_t before;
	uint64_t cpu;
	int fds[8];

	start(NULL);
	fds[0] = daemon_connect(&tfld);
	wire_expect_alive(fds[0]);
	before = limit_descriptors(daemon_descriptors(&tfld) + 2);
	for (unsigned i = 1; i < 8; i++)
		fds[i] = daemon_connect(&tfld);
	ck_assert(daemon_logged(&tfld, "cannot accept connections"));
	/* It neither spins nor forgets those it serves. */
	cpu = daemon_cpu_ns(&tfld);
	usleep(500000);
	ck_assert_uint_lt(daemon_cpu_ns(&tfld) - cpu, 50000000);
	wire_expect_alive(fds[0]);
	/* With room again, everybody who waited is served. */
	limit_descriptors(before);
	for (unsigned i = 0; i < 8; i++) {
		wire_expect_alive(fds[i]);
		close(fds[i]);
	}
	daemon_stop(&tfld);
}
END_TEST

START_TEST(a_chatty_client_does_not_starve_others)
{
	enum { COUNT = 2000 };
	int chatty, bystander;

	start(NULL);
	chatty = daemon_connect(&tfld);
	bystander = daemon_connect(&tfld);
	ck_assert_uint_lt(wire_send_crowd(tfld.pid, chatty, "server.info", COUNT, bystander), COUNT);
	serve(bystander, 20);
	close(chatty);
	close(bystander);
	daemon_stop(&tfld);
}
END_TEST

Suite *limits_suite(void)
{
	Suite *suite = suite_create("limits");
	TCase *tcase = tcase_create("greedy clients");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, connections_of_a_user);
	tcase_add_test(tcase, connections_in_all);
	tcase_add_test(tcase, requests_of_a_user);
	tcase_add_test(tcase, one_after_the_other_is_never_too_many);
	tcase_add_test(tcase, the_queue);
	tcase_add_test(tcase, a_client_that_stops_reading);
	tcase_add_test(tcase, a_client_that_reads_slowly_gets_everything);
	tcase_add_test(tcase, a_frame_that_the_users_quota_cannot_hold);
	tcase_add_test(tcase, a_client_that_leaves_while_it_waits_for_quota);
	tcase_add_test(tcase, a_user_over_quota_waits_for_his_own_requests);
	tcase_add_test(tcase, a_client_over_quota_that_gets_on_is_not_cut_off);
	tcase_add_test(tcase, a_half_closed_client_that_never_reads);
	tcase_add_test(tcase, a_half_closed_client_that_dies);
	tcase_add_test(tcase, out_of_descriptors);
	tcase_add_test(tcase, a_chatty_client_does_not_starve_others);
	suite_add_tcase(suite, tcase);
	return suite;
}
