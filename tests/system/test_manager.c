/* SPDX-License-Identifier: MIT */
/*
 * The daemon under a service manager: sockets that are handed over, what it tells of itself, and signs of life for a watchdog.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/endless.h"
#include "tests/system/manager.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static struct manager manager;

static void setup(void)
{
	daemon_prepare(&tfld);
	manager_prepare(&manager, &tfld);
}

static void hand_over(void)
{
	manager_listen(&manager, tfld.socket);
	manager_listen(&manager, tfld.admin_socket);
}

static void ask_to_unload(int fd)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 7, "model.unload", "nobody", 0, false);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
}

/* Whoever connects before it runs, or between two runs, waits and is answered. */
START_TEST(no_connection_is_refused)
{
	int fd;

	add_tiny(&tfld);
	hand_over();
	for (unsigned i = 0; i < 3; i++) {
		fd = daemon_connect(&tfld);
		daemon_launch(&tfld, NULL);
		wire_expect_alive(fd);
		close(fd);
		daemon_wait_ready(&tfld);
		fd = daemon_connect(&tfld);
		send_tiny(fd, 1, 0);
		expect_tiny(fd, 1);
		close(fd);
		ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
		ck_assert_int_eq(daemon_wait(&tfld), 0);
		ck_assert_msg(access(tfld.socket, F_OK) == 0, "a socket that is not the daemon's was removed");
	}
	ck_assert(daemon_logged(&tfld, tfld.admin_socket));
	daemon_finish(&tfld);
	manager_finish(&manager);
}
END_TEST

START_TEST(rights_go_with_the_names)
{
	int fd;

	hand_over();
	manager.names = "admin:infer"; /* the other way round than their paths say */
	daemon_launch(&tfld, NULL);
	fd = daemon_connect(&tfld);
	ask_to_unload(fd);
	wire_expect_failure(fd, 7, TFL_NOT_FOUND, "nobody");
	close(fd);
	fd = daemon_connect_to(tfld.admin_socket);
	ask_to_unload(fd);
	wire_expect_failure(fd, 7, TFL_PERMISSION_DENIED, "needs the right 'admin'");
	close(fd);
	daemon_stop(&tfld);
	manager_finish(&manager);
}
END_TEST

static const struct {
	const char *names, *sentence;
} wrong_names[] = {
	{"infer:tfld.socket", "a socket called 'tfld.socket', expected 'infer' or 'admin'; its unit should say FileDescriptorName="},
	{"infer:infer", "two sockets called 'infer', expected one"},
};

START_TEST(a_socket_that_nobody_would_serve_is_an_error)
{
	hand_over();
	manager.names = wrong_names[_i].names;
	ck_assert_int_eq(daemon_start_failing(&tfld, NULL), 1);
	ck_assert(daemon_logged(&tfld, wrong_names[_i].sentence));
	daemon_finish(&tfld);
	manager_finish(&manager);
}
END_TEST

START_TEST(what_does_not_listen_is_an_error)
{
	manager.sockets[0] = dup(manager.told);
	manager.count = 1;
	manager.names = "infer";
	ck_assert_int_eq(daemon_start_failing(&tfld, NULL), 1);
	ck_assert(daemon_logged(&tfld, "'infer' is no listening Unix stream socket"));
	daemon_finish(&tfld);
	manager_finish(&manager);
}
END_TEST

START_TEST(its_status_says_what_is_served)
{
	int fd;
	struct tfl_writer writer;

	add_tiny(&tfld);
	daemon_start(&tfld, NULL);
	ck_assert(manager_hears(&manager, "READY=1\nSTATUS=serving 0 versions of 1 model, loading 1"));
	ck_assert(manager_hears(&manager, "STATUS=serving 1 version of 1 model"));
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 7, "model.unload", "tiny", 0, false);
	wire_send_frame(fd, &writer);
	ck_assert(manager_hears(&manager, "STATUS=serving 0 versions of 1 model"));
	tfl_writer_finish(&writer);
	close(fd);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert(manager_hears(&manager, "STOPPING=1"));
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	daemon_finish(&tfld);
	manager_finish(&manager);
}
END_TEST

/* Messages "WATCHDOG=1" within a time. */
static unsigned signs_of_life(unsigned milliseconds)
{
	uint64_t until = now_ns() + milliseconds * UINT64_C(1000000);
	unsigned count = 0;

	while (now_ns() < until)
		count += strcmp(manager_hear(&manager, 20), "WATCHDOG=1") == 0;
	return count;
}

START_TEST(signs_of_life_come_at_half_the_interval)
{
	unsigned count;

	manager.watchdog_us = 1000000;
	daemon_start(&tfld, NULL);
	ck_assert(manager_hears(&manager, "READY=1"));
	count = signs_of_life(3000);
	ck_assert_msg(count >= 3 && count <= 8, "%u in 3 s, at an interval of 1 s", count);
	daemon_stop(&tfld);
	manager_finish(&manager);
}
END_TEST

START_TEST(nobody_is_told_who_does_not_ask)
{
	daemon_start(&tfld, NULL);
	ck_assert(manager_hears(&manager, "READY=1"));
	ck_assert_uint_eq(signs_of_life(500), 0);
	daemon_stop(&tfld);
	manager_finish(&manager);
}
END_TEST

/* A long run, where a tenth of a second is allowed: the loop lives, and yet nothing is told until the worker is free. */
START_TEST(a_worker_that_hangs_gives_no_sign_of_life)
{
	int fd;

	endless_add(&tfld, NULL);
	manager.watchdog_us = 200000;
	daemon_start(&tfld, "[requests]\nhang_timeout = 100ms\n");
	daemon_wait_ready(&tfld);
	ck_assert(manager_hears(&manager, "WATCHDOG=1"));
	fd = daemon_connect(&tfld);
	endless_send(fd, 1);
	ck_assert(daemon_logged(&tfld, " s, and is taken to hang (0 s are allowed"));
	while (manager_hear(&manager, 0)[0])
		; /* what was told before */
	ck_assert_uint_eq(signs_of_life(500), 0);
	wire_expect_alive(daemon_connect(&tfld));
	endless_end(fd, 1);
	ck_assert(manager_hears(&manager, "WATCHDOG=1"));
	close(fd);
	daemon_stop(&tfld);
	manager_finish(&manager);
}
END_TEST

/* Idle workers are stopped as by a debugger, and then there is work. The loop lives, and does not know that nobody comes. */
START_TEST(workers_that_take_nothing_give_no_sign_of_life)
{
	char command[300], line[64] = "";
	FILE *freeze;
	int fd;

	add_tiny(&tfld);
	manager.watchdog_us = 200000;
	daemon_start(&tfld, "[requests]\nhang_timeout = 200ms\ninline = 0\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	snprintf(command, sizeof(command), "exec \"$FREEZE\" %d tfl-worker 6", (int)tfld.pid);
	freeze = popen(command, "re");
	if (!freeze || !fgets(line, sizeof(line), freeze)) {
		printf("# skipped: threads of another process cannot be stopped here\n");
	} else {
		ck_assert_msg(strncmp(line, "stopped ", 8) == 0 && strncmp(line, "stopped 0", 9) != 0, "%s", line);
		send_tiny(fd, 1, 0);
		ck_assert(daemon_logged(&tfld, "requests wait, and no worker took one, for "));
		while (manager_hear(&manager, 0)[0])
			; /* what was told before */
		ck_assert_uint_eq(signs_of_life(500), 0);
		wire_expect_alive(daemon_connect(&tfld));
		expect_tiny(fd, 1); /* they go on after six seconds */
		ck_assert(manager_hears(&manager, "WATCHDOG=1"));
	}
	if (freeze)
		pclose(freeze);
	close(fd);
	daemon_stop(&tfld);
	manager_finish(&manager);
}
END_TEST

/* Nothing to do but to tell that it lives: no other wake-up. */
START_TEST(an_idle_daemon_sleeps)
{
	char path[64], line[256];
	unsigned long before = 0, after = 0;

	manager.watchdog_us = 2000000;
	daemon_start(&tfld, NULL);
	ck_assert_uint_ge(signs_of_life(2500), 1);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)tfld.pid);
	for (unsigned i = 0; i < 2; i++) {
		FILE *file = fopen(path, "re");

		while (file && fgets(line, sizeof(line), file))
			sscanf(line, "voluntary_ctxt_switches: %lu", i ? &after : &before);
		fclose(file);
		if (i == 0)
			ck_assert_uint_ge(signs_of_life(5000), 3);
	}
	ck_assert_msg(after - before <= 8, "%lu wake-ups in 5 s, where 5 are due", after - before);
	daemon_stop(&tfld);
	manager_finish(&manager);
}
END_TEST

Suite *manager_suite(void)
{
	Suite *suite = suite_create("manager");
	TCase *cases = tcase_create("manager");

	tcase_add_checked_fixture(cases, setup, NULL);
	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, no_connection_is_refused);
	tcase_add_test(cases, rights_go_with_the_names);
	tcase_add_loop_test(cases, a_socket_that_nobody_would_serve_is_an_error, 0, sizeof(wrong_names) / sizeof(wrong_names[0]));
	tcase_add_test(cases, what_does_not_listen_is_an_error);
	tcase_add_test(cases, its_status_says_what_is_served);
	tcase_add_test(cases, signs_of_life_come_at_half_the_interval);
	tcase_add_test(cases, nobody_is_told_who_does_not_ask);
	tcase_add_test(cases, a_worker_that_hangs_gives_no_sign_of_life);
	tcase_add_test(cases, workers_that_take_nothing_give_no_sign_of_life);
	tcase_add_test(cases, an_idle_daemon_sleeps);
	suite_add_tcase(suite, cases);
	return suite;
}
