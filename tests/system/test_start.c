/* SPDX-License-Identifier: MIT */
/*
 * Starting and stopping: sockets in every state, folders that are missing, signals, and what an operator reads when it does not work.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/builder/builder.h"
#include "tests/system/endless.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;

static void setup(void)
{
	daemon_prepare(&tfld);
}

START_TEST(starts_answers_and_stops)
{
	int fd;

	daemon_start(&tfld, NULL);
	fd = daemon_connect(&tfld);
	wire_expect_alive(fd);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(the_socket_has_the_configured_permissions)
{
	struct stat st;

	tfld.split = true;
	daemon_start(&tfld, "[sockets]\nmode = 0606\nadmin_mode = 0600\n");
	ck_assert_int_eq(stat(tfld.socket, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0606);
	ck_assert_int_eq(stat(tfld.admin_socket, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	daemon_stop(&tfld);
	ck_assert(access(tfld.admin_socket, F_OK) < 0);
}
END_TEST

START_TEST(a_path_in_use_is_refused_and_left_alone)
{
	struct daemon second;
	int fd;

	daemon_start(&tfld, NULL);
	daemon_prepare(&second);
	strcpy(second.socket, tfld.socket);
	ck_assert_int_eq(daemon_start_failing(&second, NULL), 1);
	ck_assert(daemon_logged(&second, "is served by another process; stop that one, or choose another path"));
	daemon_finish(&second);
	fd = daemon_connect(&tfld);
	wire_expect_alive(fd);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(the_socket_of_a_killed_daemon_is_replaced)
{
	int fd;

	daemon_start(&tfld, NULL);
	ck_assert_int_eq(kill(tfld.pid, SIGKILL), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 128 + SIGKILL);
	ck_assert_int_eq(access(tfld.socket, F_OK), 0);
	daemon_start(&tfld, NULL);
	ck_assert(daemon_logged(&tfld, "removed the stale socket"));
	fd = daemon_connect(&tfld);
	wire_expect_alive(fd);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

/* As soon as there is a socket, a stop is one in order. */
START_TEST(a_stop_right_after_the_start_is_in_order)
{
	for (unsigned i = 0; i < 20; i++) {
		daemon_start(&tfld, NULL);
		ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
		ck_assert_int_eq(daemon_wait(&tfld), 0);
	}
	daemon_finish(&tfld);
}
END_TEST

START_TEST(what_is_no_socket_is_never_removed)
{
	struct stat st;
	int fd = open(tfld.socket, O_CREAT | O_WRONLY, 0600);

	close(fd);
	ck_assert_int_eq(daemon_start_failing(&tfld, NULL), 1);
	ck_assert(daemon_logged(&tfld, "exists and is no socket; it is left alone"));
	ck_assert_int_eq(lstat(tfld.socket, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	daemon_finish(&tfld);
}
END_TEST

START_TEST(another_socket_in_its_place_is_not_removed_at_the_end)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	daemon_start(&tfld, NULL);
	ck_assert_int_eq(unlink(tfld.socket), 0);
	memcpy(address.sun_path, tfld.socket, strlen(tfld.socket));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	ck_assert_int_eq(access(tfld.socket, F_OK), 0);
	close(fd);
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_path_that_is_too_long)
{
	snprintf(tfld.socket, sizeof(tfld.socket), "/tmp/%0103d", 0);
	ck_assert_int_eq(daemon_start_failing(&tfld, NULL), 2);
	ck_assert(daemon_logged(&tfld, "107"));
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_missing_folder_for_the_socket)
{
	snprintf(tfld.socket, sizeof(tfld.socket), "%s/run/tfld.sock", tfld.folder);
	ck_assert_int_eq(daemon_start_failing(&tfld, NULL), 1);
	ck_assert(daemon_logged(&tfld, "its folder does not exist; create the folder first"));
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_missing_folder_for_the_models)
{
	snprintf(tfld.models, sizeof(tfld.models), "%s/no/such/folder", tfld.folder);
	ck_assert_int_eq(daemon_start_failing(&tfld, NULL), 1);
	ck_assert(daemon_logged(&tfld, "no/such"));
	ck_assert_msg(access(tfld.socket, F_OK) < 0, "it listened before it knew its models");
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_wrong_configuration_is_status_2)
{
	ck_assert_int_eq(daemon_start_failing(&tfld, "[requests]\nqueue = many\n"), 2);
	ck_assert(daemon_logged(&tfld, "queue"));
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_stop_finishes_what_is_in_flight)
{
	int fd;

	add_slow(&tfld, 2);
	endless_add(&tfld, NULL);
	daemon_start(&tfld, "[requests]\nworkers = 1\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	endless_hold(&tfld, fd, 1);
	for (uint32_t i = 2; i <= 4; i++)
		send_slow(fd, i, 0, 0);
	wire_expect_alive(fd); /* and has read all of that */
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert(daemon_logged(&tfld, "stopping on signal 15"));
	endless_end(fd, 1);
	for (uint32_t i = 2; i <= 4; i++)
		expect_outputs(fd, i);
	wire_expect_end(fd);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	close(fd);
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_stopping_daemon_takes_no_new_work)
{
	int fd, other;

	add_slow(&tfld, 1);
	endless_add(&tfld, NULL);
	daemon_start(&tfld, "[requests]\nworkers = 1\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	other = daemon_connect(&tfld);
	wire_expect_alive(other);
	endless_hold(&tfld, fd, 1);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert(daemon_logged(&tfld, "stopping on signal 15"));
	send_slow(other, 2, 0, 0);
	wire_expect_failure(other, 2, TFL_UNAVAILABLE, "the daemon is stopping");
	ck_assert(access(tfld.socket, F_OK) < 0);
	endless_end(fd, 1);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	close(fd);
	close(other);
	daemon_finish(&tfld);
}
END_TEST

/* Its reply fits into no socket: as long as nobody reads, the daemon has something left to do. */
static int leave_unread(const char *configuration)
{
	int fd;

	add_large(&tfld);
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	send_large(fd, 1);
	wire_wait_input(fd);
	return fd;
}

START_TEST(a_stop_does_not_wait_for_ever)
{
	int fd = leave_unread("[requests]\nstop_timeout = 300ms\n");
	uint64_t began = now_ns();

	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	ck_assert_uint_ge(now_ns() - began, 300000000);
	ck_assert(daemon_file_has(tfld.log, "given up after 300 ms: "));
	close(fd);
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_second_signal_ends_it_at_once)
{
	int fd = leave_unread("[requests]\nstop_timeout = 60s\n");

	ck_assert_int_eq(kill(tfld.pid, SIGINT), 0);
	ck_assert(daemon_logged(&tfld, "stopping on signal 2"));
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 128 + SIGTERM);
	close(fd);
	daemon_finish(&tfld);
}
END_TEST

/* model.load of the slow model, from a file without a name. */
static void send_load(int fd, uint32_t msgid, unsigned layers)
{
	struct model_file model = model_slow(layers);
	int file = memfd_create("model", MFD_CLOEXEC);
	struct tfl_writer writer;

	ck_assert_int_eq(write(file, model.data, model.size), (ssize_t)model.size);
	model_file_finish(&model);
	tfl_writer_init(&writer);
	wire_begin(&writer, msgid, "model.load");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "slow");
	wire_send_frame_passing(fd, &writer, &file, 1);
	tfl_writer_finish(&writer);
	close(file);
}

/* Until it has used this much processor time since its start. */
static void wait_for_work(uint64_t cpu_ns)
{
	uint64_t until = now_ns() + PATIENCE_NS;
	struct timespec used = {0};
	clockid_t clock;

	ck_assert_int_eq(clock_getcpuclockid(tfld.pid, &clock), 0);
	while ((uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec < cpu_ns) {
		ck_assert_uint_lt(now_ns(), until);
		usleep(2000);
		ck_assert_int_eq(clock_gettime(clock, &used), 0);
	}
}

/* The proof's two runs of all these layers take far longer than the daemon waits. */
START_TEST(a_stop_gives_up_loads_and_says_so)
{
	uint64_t began;
	int fd;

	daemon_start(&tfld, "[requests]\nstop_timeout = 300ms\n");
	fd = daemon_connect(&tfld);
	send_load(fd, 1, 90);
	send_load(fd, 2, 90);
	daemon_wait_proof(&tfld);
	began = now_ns();
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	wire_expect_failure(fd, 1, TFL_UNAVAILABLE, "the daemon is stopping; load it again when it is back");
	wire_expect_failure(fd, 2, TFL_UNAVAILABLE, "the daemon is stopping");
	wire_expect_end(fd);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	ck_assert_uint_ge(now_ns() - began, 300000000);
	close(fd);
	daemon_finish(&tfld);
}
END_TEST

/* What serves goes on serving while one more version comes. */
START_TEST(a_load_does_not_make_it_less_ready)
{
	struct reply reply;
	int fd;

	add_tiny(&tfld);
	daemon_start(&tfld, "[requests]\nstop_timeout = 0\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	send_load(fd, 1, 90);
	wire_call(fd, "health", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "versions.loading"), 1);
	ck_assert(wire_bool(reply.message.result, "ready"));
	reply_finish(&reply);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

/* It waits for the children that prove files, whatever it was started with. */
START_TEST(children_count_though_its_parent_ignores_its_own)
{
	struct reply reply;
	int fd;

	signal(SIGCHLD, SIG_IGN);
	daemon_start(&tfld, NULL);
	signal(SIGCHLD, SIG_DFL);
	fd = daemon_connect(&tfld);
	send_load(fd, 1, 2);
	ck_assert(wire_receive(fd, &reply));
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(a_load_that_ends_within_the_time_to_stop_succeeds)
{
	struct reply reply;
	int fd;

	daemon_start(&tfld, "[requests]\nstop_timeout = 60s\n"); /* loads are idle by priority, and others may have something to do */
	fd = daemon_connect(&tfld);
	send_load(fd, 1, 8);
	daemon_wait_proof(&tfld);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert(wire_receive(fd, &reply));
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	close(fd);
	daemon_finish(&tfld);
}
END_TEST

/* Operators over constants, which are computed when the graph is built: a step of most of a second that cannot be ended half-way. */
static void add_long(void)
{
	enum { ROWS = 512, WIDTH = 1024, OPERATORS = 12 };
	const size_t size = (size_t)WIDTH * WIDTH * sizeof(float), begin_size = (size_t)ROWS * WIDTH * sizeof(float);
	const struct tfl_build_tensor row = {.name = "row", .dims = TFL_INTS(ROWS, WIDTH)};
	struct tfl_builder *builder = tfl_build_create();
	void *zeros = calloc(1, size);
	int weights = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "w", .dims = TFL_INTS(WIDTH, WIDTH), .data = zeros, .data_size = size});
	int from = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "c", .dims = row.dims, .data = zeros, .data_size = begin_size}), to;
	int x = tfl_build_tensor(builder, &row), y;
	struct model_file file;

	for (int i = 0; i < OPERATORS; i++, from = to) {
		to = tfl_build_tensor(builder, &row);
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_FULLY_CONNECTED, .inputs = TFL_INTS(from, weights, -1),
									 .outputs = TFL_INTS(to), .options = tfl_options_fully_connected(0, false)});
	}
	y = tfl_build_tensor(builder, &row);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD, .inputs = TFL_INTS(x, from), .outputs = TFL_INTS(y),
								 .options = tfl_options_add(0)});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	free(zeros);
	daemon_add_model(&tfld, "long", 1, file.data, file.size);
	model_file_finish(&file);
}

/* Nobody waits for what is loaded at the start, so it is taken down at once, which takes as long as the step under way. */
START_TEST(a_second_signal_ends_it_while_it_is_taken_down)
{
	add_long();
	daemon_start(&tfld, "[models]\ninstances = 1\n");
	wait_for_work(150000000);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert(daemon_logged(&tfld, "stopped"));
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 128 + SIGTERM);
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_hangup_does_not_end_it)
{
	int fd;

	daemon_start(&tfld, NULL);
	ck_assert_int_eq(kill(tfld.pid, SIGHUP), 0);
	fd = daemon_connect(&tfld);
	wire_expect_alive(fd);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

Suite *start_suite(void)
{
	Suite *suite = suite_create("start");
	TCase *tcase = tcase_create("start and stop");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, starts_answers_and_stops);
	tcase_add_test(tcase, the_socket_has_the_configured_permissions);
	tcase_add_test(tcase, a_path_in_use_is_refused_and_left_alone);
	tcase_add_test(tcase, the_socket_of_a_killed_daemon_is_replaced);
	tcase_add_test(tcase, a_stop_right_after_the_start_is_in_order);
	tcase_add_test(tcase, what_is_no_socket_is_never_removed);
	tcase_add_test(tcase, another_socket_in_its_place_is_not_removed_at_the_end);
	tcase_add_test(tcase, a_path_that_is_too_long);
	tcase_add_test(tcase, a_missing_folder_for_the_socket);
	tcase_add_test(tcase, a_missing_folder_for_the_models);
	tcase_add_test(tcase, a_wrong_configuration_is_status_2);
	tcase_add_test(tcase, a_stop_finishes_what_is_in_flight);
	tcase_add_test(tcase, a_stopping_daemon_takes_no_new_work);
	tcase_add_test(tcase, a_stop_does_not_wait_for_ever);
	tcase_add_test(tcase, a_second_signal_ends_it_at_once);
	tcase_add_test(tcase, a_stop_gives_up_loads_and_says_so);
	tcase_add_test(tcase, a_load_does_not_make_it_less_ready);
	tcase_add_test(tcase, children_count_though_its_parent_ignores_its_own);
	tcase_add_test(tcase, a_load_that_ends_within_the_time_to_stop_succeeds);
	tcase_add_test(tcase, a_second_signal_ends_it_while_it_is_taken_down);
	tcase_add_test(tcase, a_hangup_does_not_end_it);
	suite_add_tcase(suite, tcase);
	return suite;
}
