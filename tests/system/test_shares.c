/* SPDX-License-Identifier: MIT */
/*
 * One user tries to have more than is allowed, all the time; another one is served meanwhile as if nobody did. A row for each limit of a
 * user; users are children, which takes root.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define GREEDY 65534
#define REQUESTS 400
#define BOUND_NS UINT64_C(250000000) /* of the p99 beside it, on a machine that has other things to do */

static struct daemon tfld;
static int link_fd; /* of the greedy user: it says when it was refused, and ends when the other end is closed */

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	add_slow(&tfld, 8);
}

/* ---- The greedy user ---- */

static bool goes_on(void)
{
	struct pollfd poller = {.fd = link_fd, .events = POLLIN};

	return poll(&poller, 1, 0) == 0;
}

static void say_so(void)
{
	ck_assert_int_eq(write(link_fd, "k", 1), 1);
}

/* As many as are allowed, and then one more, again and again. */
static void connect_too_often(void)
{
	int kept[4];

	for (unsigned i = 0; i < 4; i++) {
		kept[i] = daemon_connect(&tfld);
		wire_expect_alive(kept[i]);
	}
	for (unsigned round = 0; round == 0 || goes_on(); round++) {
		int fd = daemon_connect(&tfld);

		wire_expect_broken(fd, TFL_RESOURCE_EXHAUSTED, "uid 65534 may have 4 connections at once ([users] connections)");
		close(fd);
		if (round == 0)
			say_so();
	}
	for (unsigned i = 0; i < 4; i++)
		wire_expect_alive(kept[i]);
}

/* Whether the next reply is the refusal. */
static bool is_refused(int fd, const char *sentence)
{
	struct reply reply;
	bool refused;

	ck_assert(wire_receive(fd, &reply));
	refused = reply.message.failed && memmem(reply.data, reply.size, sentence, strlen(sentence));
	ck_assert(refused || !reply.message.failed);
	reply_finish(&reply);
	return refused;
}

/* Twelve, of which four may be in flight. */
static void request_too_much(void)
{
	int fd = daemon_connect(&tfld);

	for (unsigned round = 0; round == 0 || goes_on(); round++) {
		unsigned refused = 0;

		for (uint32_t i = 0; i < 12; i++)
			send_slow(fd, i, 0, 0);
		for (unsigned i = 0; i < 12; i++)
			refused += is_refused(fd, "uid 65534 may have 4 requests in flight at once ([users] requests)");
		ck_assert_uint_ge(refused, 1);
		if (round == 0)
			say_so();
	}
}

/* Frames that never come to their end, over as many connections as hold more than is allowed. */
static void send_too_much(void)
{
	static const uint8_t zeros[200000];
	static const uint8_t header[4] = {0, 0x10, 0, 0}; /* of 1 MiB */

	for (unsigned round = 0; round == 0 || goes_on(); round++) {
		int fds[4];

		for (unsigned i = 0; i < 4; i++) {
			fds[i] = daemon_connect(&tfld);
			wire_send(fds[i], header, sizeof(header));
			wire_send(fds[i], zeros, sizeof(zeros));
		}
		if (round == 0)
			say_so();
		/* The last one at least has found no room. */
		wire_expect_broken(fds[3], TFL_RESOURCE_EXHAUSTED, "uid 65534 may hold 524288 bytes of requests and unread replies ([users] bytes)");
		for (unsigned i = 0; i < 4; i++)
			close(fds[i]);
	}
}

/* As many as are allowed, each with an interpreter, and more and more of them. */
static void open_too_many(void)
{
	int fd = daemon_connect(&tfld);

	for (unsigned round = 0; round == 0 || goes_on(); round++) {
		for (unsigned i = 0; i < 5; i++) {
			struct tfl_writer writer;
			bool refused;

			tfl_writer_init(&writer);
			wire_begin_model(&writer, 1, "session.open", "slow", 0, false);
			wire_send_frame(fd, &writer);
			tfl_writer_finish(&writer);
			refused = is_refused(fd, "uid 65534 may have 4 sessions at once ([users] sessions)");
			ck_assert(refused == (round > 0 || i == 4));
		}
		if (round == 0)
			say_so();
	}
}

static const struct {
	const char *name, *configuration;
	void (*attack)(void);
} limits[] = {
	{"connections", "connections = 4\n", connect_too_often},
	{"requests", "requests = 4\n", request_too_much},
	{"bytes", "bytes = 512K\n", send_too_much},
	{"sessions", "sessions = 4\n", open_too_many},
};

/* ---- The other one ---- */

static int by_size(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

static uint64_t p99_ns(int fd)
{
	uint64_t times[REQUESTS];

	for (uint32_t i = 0; i < REQUESTS; i++) {
		uint64_t began = now_ns();

		send_tiny(fd, i, 0);
		expect_tiny(fd, i);
		times[i] = now_ns() - began;
	}
	qsort(times, REQUESTS, sizeof(times[0]), by_size);
	return times[REQUESTS * 99 / 100];
}

START_TEST(another_user_does_not_notice)
{
	uint64_t alone, beside;
	char configuration[128], byte;
	int pair[2], status, fd;
	pid_t pid;

	/* A model takes one of two workers, so that what is measured is the limit and not the processor. */
	snprintf(configuration, sizeof(configuration), "[sockets]\nmode = 0666\n[requests]\nworkers = 2\n[models]\ninstances = 1\n[users]\n%s",
		 limits[_i].configuration);
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	if (daemon_may_change_users()) {
		fd = daemon_connect(&tfld);
		alone = p99_ns(fd);
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		pid = fork();
		if (pid == 0) {
			close(pair[0]);
			link_fd = pair[1];
			daemon_as(GREEDY, GREEDY, NULL, 0, limits[_i].attack);
			_exit(0);
		}
		close(pair[1]);
		ck_assert_msg(read(pair[0], &byte, 1) == 1, "the greedy user was not refused");
		beside = p99_ns(fd);
		close(pair[0]);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the greedy user ended with %#x", status);
		printf("# %s: p99 of another user %.2f ms alone, %.2f ms beside\n", limits[_i].name, (double)alone / 1e6, (double)beside / 1e6);
		ck_assert_uint_lt(beside, alone > BOUND_NS / 20 ? 20 * alone : BOUND_NS);
		close(fd);
	}
	daemon_stop(&tfld);
}
END_TEST

/* Whoever asks is told what holds; every limit of a user has one, whatever the configuration says. */
START_TEST(each_has_a_bound_by_default)
{
	static const char *const keys[] = {"limits.user_connections", "limits.user_requests", "limits.user_bytes",
					   "limits.user_sessions"};
	struct reply reply;
	int fd;

	daemon_start(&tfld, NULL);
	fd = daemon_connect(&tfld);
	wire_call(fd, "server.info", &reply);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		ck_assert_uint_gt(wire_uint(reply.message.result, keys[i]), 0);
		ck_assert_uint_le(wire_uint(reply.message.result, keys[i]), 256u << 20);
	}
	reply_finish(&reply);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

Suite *shares_suite(void)
{
	Suite *suite = suite_create("shares");
	TCase *tcase = tcase_create("one user beside another");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, another_user_does_not_notice, 0, sizeof(limits) / sizeof(limits[0]));
	tcase_add_test(tcase, each_has_a_bound_by_default);
	suite_add_tcase(suite, tcase);
	return suite;
}
