/* SPDX-License-Identifier: MIT */
/*
 * Descriptors, memory and processor time of the daemon, counted from outside before and after clients that behave as badly as they can.
 * One round first, uncounted: allocators and lazily made things settle.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static int fd;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	add_slow(&tfld, 3);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void teardown(void)
{
	send_tiny(fd, 99, 0);
	expect_tiny(fd, 99);
	close(fd);
	daemon_stop(&tfld);
}

/* A client that is killed in the middle of requests, of a frame, and of a load. */
static void be_killed(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		int mine = daemon_connect(&tfld), file = memfd_create("cut off", MFD_CLOEXEC);

		for (uint32_t i = 0; i < 6; i++)
			send_slow(mine, i, 0, 0);
		for (uint32_t i = 6; i < 12; i++)
			send_tiny(mine, i, 0);
		wire_send_passing(mine, "\0\0\1\0\x94", 5, &file, 1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void leave_early(void)
{
	int mine = daemon_connect(&tfld);

	send_slow(mine, 1, 0, 0);
	send_slow(mine, 2, 0, 0);
	close(mine);
}

static void break_the_protocol(void)
{
	int mine = daemon_connect(&tfld);

	send_tiny(mine, 1, 0);
	wire_send(mine, "\xff\xff\xff\xff", 4);
	close(mine);
}

static void connect_and_leave(void)
{
	for (unsigned i = 0; i < 20; i++)
		close(daemon_connect(&tfld));
}

static void pass_strays(void)
{
	int mine = daemon_connect(&tfld), file = memfd_create("stray", MFD_CLOEXEC), files[3] = {file, file, file};

	wire_send_passing(mine, "\0\0\1\0\x94", 5, files, 3);
	wire_send_passing(mine, "\0", 1, files, 3);
	wire_expect_broken(mine, TFL_PROTOCOL_ERROR, "descriptors");
	close(mine);
	mine = daemon_connect(&tfld);
	wire_send_passing(mine, "\0\0\1\0\x94", 5, &mine, 1);
	close(mine);
	close(file);
}

static void send_half_a_large_frame(void)
{
	static const char zeros[300000];
	int mine = daemon_connect(&tfld);

	wire_send(mine, "\0\x20\0\0", 4);
	wire_send(mine, zeros, sizeof(zeros));
	close(mine);
}

static void ask_wrongly(void)
{
	struct tfl_infer_head head = {.model = tfl_string_of("tiny"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = tiny_tensor(tiny_input);
	int mine = daemon_connect(&tfld);

	input.dtype = TFL_INT32;
	for (uint32_t i = 0; i < 20; i++) {
		send_infer(mine, i, &head, &input, 1, NULL, 0);
		wire_expect_failure(mine, i, TFL_INVALID_ARGUMENT, "");
	}
	close(mine);
}

static void load_rubbish(void)
{
	int mine = daemon_connect(&tfld), file = memfd_create("rubbish", MFD_CLOEXEC);
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	ck_assert_int_eq(write(file, "rubbish, all of it", 18), 18);
	wire_begin(&writer, 1, "model.load");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "rubbish");
	wire_send_frame_passing(mine, &writer, &file, 1);
	wire_expect_failure(mine, 1, TFL_INVALID_MODEL, "");
	tfl_writer_finish(&writer);
	close(file);
	close(mine);
}

/*
 * What may be left after so many rounds is what the allocator keeps of the busiest moment: several frames of 110 KB for the first two. If
 * each round lost but one such frame, more would be missing.
 */
static const struct {
	void (*act)(void);
	unsigned rounds;
	size_t noise;
} clients[] = {
	{be_killed, 40, 16u << 20},
	{leave_early, 100, 16u << 20},
	{break_the_protocol, 40, 1u << 20},
	{connect_and_leave, 40, 1u << 20},
	{pass_strays, 40, 1u << 20},
	{send_half_a_large_frame, 40, 1u << 20},
	{ask_wrongly, 40, 1u << 20},
	{load_rubbish, 40, 1u << 20},
};

/* Waits until nothing runs or waits and only this connection is open. */
static void settle(void)
{
	bool quiet = false;

	while (!quiet) {
		struct reply reply;

		usleep(5000);
		wire_call(fd, "stats", &reply);
		quiet = wire_uint(reply.message.result, "workers.busy") == 0 && wire_uint(reply.message.result, "queue.waiting") == 0 &&
			wire_uint(reply.message.result, "connections.open") == 1;
		reply_finish(&reply);
	}
}

START_TEST(nothing_is_left_of_a_bad_client)
{
	unsigned descriptors;
	size_t memory;

	for (unsigned i = 0; i < 10; i++)
		clients[_i].act();
	settle();
	descriptors = daemon_steady_descriptors(&tfld);
	memory = daemon_memory(&tfld);
	for (unsigned i = 0; i < clients[_i].rounds; i++)
		clients[_i].act();
	settle();
	ck_assert_uint_eq(daemon_settled_descriptors(&tfld, descriptors), descriptors);
	ck_assert_msg(!daemon_memory_counts() || daemon_memory(&tfld) < memory + clients[_i].noise, "%zu bytes before, %zu after", memory,
		      daemon_memory(&tfld));
}
END_TEST

/* The load of killed clients is not computed to its end. */
START_TEST(requests_of_the_dead_are_dropped)
{
	struct reply reply;

	for (unsigned i = 0; i < 10; i++)
		be_killed();
	settle();
	wire_call(fd, "stats", &reply);
	ck_assert_uint_gt(wire_uint(reply.message.result, "versions.0.results.CANCELLED"), 20);
	reply_finish(&reply);
}
END_TEST

Suite *leaks_suite(void)
{
	Suite *suite = suite_create("leaks");
	TCase *tcase = tcase_create("counted from outside");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, nothing_is_left_of_a_bad_client, 0, sizeof(clients) / sizeof(clients[0]));
	tcase_add_test(tcase, requests_of_the_dead_are_dropped);
	suite_add_tcase(suite, tcase);
	return suite;
}
