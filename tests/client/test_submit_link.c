/* SPDX-License-Identifier: MIT */
/* Submitted requests and what happens to the connection below them: lost ones, slow ones, half-sent frames, forks, memory that fails. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/client/common.h"
#include "tests/client/loop.h"
#include "tests/client/suites.h"
#include "tests/support/allocation.h"
#include "tests/support/descriptors.h"

static void serve_one(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	if (fake_receive(served, &request)) {
		fake_write_echo(served, &request);
		fake_send(served);
	}
}

/* Each connection answers once and closes. An idle client whose daemon has gone is not readable for ever. */
START_TEST(reconnects_between_requests)
{
	int fd;

	scene_start(serve_one, 0, 0, 5);
	fd = tfl_client_fd(scene.client);
	for (unsigned i = 0; i < 5; i++) {
		ticket_submit(&tickets[i]);
		loop_run(scene.client);
		ticket_expect(&tickets[i], 0);
		if (i % 2 == 0) { /* told before the next one, or not */
			ck_assert(loop_readable(scene.client, PATIENCE_MS));
			ck_assert_int_eq(tfl_client_dispatch(scene.client), 0);
			ck_assert(!loop_readable(scene.client, 20));
		} else {
			fake_wait_served(&scene.fake, i + 1);
		}
		ck_assert_int_eq(tfl_client_fd(scene.client), fd);
	}
	ck_assert_uint_eq(scene.fake.requests, 5);
	scene_stop(5);
}
END_TEST

static void move_away(bool away)
{
	char name[128];

	snprintf(name, sizeof(name), "%s.away", scene.fake.path);
	ck_assert_int_eq(away ? rename(scene.fake.path, name) : rename(name, scene.fake.path), 0);
}

static void *bring_back(void *data)
{
	usleep(150000);
	move_away(false);
	return NULL;
}

/* The descriptor alone brings the attempts. */
START_TEST(waits_for_a_daemon_that_restarts)
{
	pthread_t thread;
	int64_t begin;

	scene_start(serve_one, 0, 0, 2);
	ticket_submit(&tickets[0]);
	loop_run(scene.client);
	fake_wait_served(&scene.fake, 1);
	tfl_client_dispatch(scene.client); /* which sees that the connection is gone */
	move_away(true);
	begin = tfl_clock_now();
	ck_assert_int_eq(pthread_create(&thread, NULL, bring_back, NULL), 0);
	ticket_submit(&tickets[1]);
	loop_run(scene.client);
	ck_assert_int_ge(tfl_clock_now() - begin, 150 * MS);
	ck_assert_int_le(tfl_clock_now() - begin, PATIENCE_NS);
	ticket_expect(&tickets[1], 0);
	pthread_join(thread, NULL);
	scene_stop(2);
}
END_TEST

START_TEST(gives_up_on_a_daemon_that_stays_away)
{
	int64_t begin;

	scene_start(serve_one, 0, 200, 4);
	ticket_submit(&tickets[0]);
	loop_run(scene.client);
	fake_wait_served(&scene.fake, 1);
	move_away(true);
	tfl_infer_set_timeout(tickets[3].infer, 30);
	begin = tfl_clock_now();
	for (unsigned i = 1; i < 4; i++)
		ticket_submit(&tickets[i]);
	loop_run(scene.client);
	ck_assert_int_ge(tfl_clock_now() - begin, 60 * MS);
	ck_assert_int_le(tfl_clock_now() - begin, PATIENCE_NS);
	for (unsigned i = 1; i < 4; i++) {
		ticket_expect(&tickets[i], -EAGAIN);
		ck_assert_int_eq(tfl_infer_status(tickets[i].infer), TFL_UNAVAILABLE);
	}
	ck_assert_uint_le(tickets[3].turn, tickets[1].turn);
	ck_assert(!loop_readable(scene.client, 20));
	move_away(false);
	scene_stop(4);
}
END_TEST

/* Each request tries for as long as it may, not as long as the first of them. */
START_TEST(everybody_tries_for_their_own_time)
{
	int64_t begin, later = 0;

	scene_start(serve_one, 0, 2000, 3);
	ticket_submit(&tickets[0]);
	loop_run(scene.client);
	fake_wait_served(&scene.fake, 1);
	move_away(true);
	begin = tfl_clock_now();
	ticket_submit(&tickets[1]);
	while (tickets[1].calls == 0) {
		(void)loop_readable(scene.client, 50);
		if (later == 0 && tfl_clock_now() - begin >= 1000 * MS) { /* pauses are shorter than that */
			later = tfl_clock_now();
			ticket_submit(&tickets[2]);
		}
		tfl_client_dispatch(scene.client);
	}
	ck_assert_uint_eq(tickets[2].calls, 0);
	loop_run(scene.client);
	ck_assert_int_ge(tfl_clock_now() - later, 1000 * MS); /* at least half: the last pause reaches past its end */
	for (unsigned i = 1; i < 3; i++)
		ticket_expect(&tickets[i], -EAGAIN);
	move_away(false);
	scene_stop(3);
}
END_TEST

START_TEST(does_not_reconnect_when_told_so)
{
	scene_start(serve_one, 0, -1, 2);
	ticket_submit(&tickets[0]);
	loop_run(scene.client);
	fake_wait_served(&scene.fake, 1);
	ticket_submit(&tickets[1]);
	loop_run(scene.client);
	ticket_expect(&tickets[1], -ECONNRESET);
	scene_stop(2);
}
END_TEST

static void serve_deaf(struct fake *served, unsigned connection)
{
	if (connection == 0)
		usleep(300000);
	else
		fake_serve_echo(served, connection);
}

static void large_input(struct ticket *ticket, uint8_t *bytes, int32_t size)
{
	ck_assert_int_eq(tfl_infer_set_input(ticket->infer, 0, TFL_UINT8, &size, 1, bytes, (size_t)size), 0);
}

static void set_result(struct tfl_infer *infer, int result, void *userdata)
{
	int *kept = userdata;

	*kept = result;
}

static struct tfl_client *connect_with_queue(size_t queue_bytes)
{
	struct tfl_client_options options = {.size = sizeof(options), .queue_bytes = queue_bytes};
	struct tfl_client *made = NULL;

	ck_assert_int_eq(tfl_client_connect(scene.fake.path, &options, &made, NULL), 0);
	return made;
}

static atomic_bool reads;

static void serve_late_reader(struct fake *served, unsigned connection)
{
	while (!reads)
		usleep(500);
	fake_serve_echo(served, connection);
}

/* A daemon that takes nothing for a while: what waits is bounded, the descriptor is quiet, and when it reads, all goes on. */
START_TEST(back_pressure)
{
	static uint8_t bytes[4 << 20];
	unsigned submitted;
	int r = 0;

	fake_start(&scene.fake, serve_late_reader, NULL);
	scene.client = connect_with_queue(3 << 20);
	tickets_make(10);
	for (unsigned i = 0; i < 10; i++)
		large_input(&tickets[i], bytes, i == 0 ? sizeof(bytes) : 1 << 20); /* one may be larger than the bound */
	ticket_submit(&tickets[0]);
	ck_assert_int_eq(tfl_client_submit(scene.client, tickets[1].infer, no_callback, NULL), -ENOBUFS);
	ck_assert_int_eq(tfl_infer_status(tickets[1].infer), TFL_RESOURCE_EXHAUSTED);
	ck_assert_uint_eq(tfl_client_pending(scene.client), 1);
	ck_assert(!loop_readable(scene.client, 50));
	reads = true;
	loop_run(scene.client);
	for (submitted = 1; r == 0; submitted++) {
		ck_assert_uint_lt(submitted, 10);
		r = tfl_client_submit(scene.client, tickets[submitted].infer, set_result, &tickets[submitted].result);
	}
	ck_assert_int_eq(r, -ENOBUFS);
	ck_assert_uint_ge(submitted, 4);
	loop_run(scene.client);
	for (unsigned i = 1; i < submitted - 1; i++)
		ck_assert_uint_eq(tfl_infer_output(tickets[i].infer, 0)->bytes, 1 << 20);
	scene_stop(10);
}
END_TEST

/* The first is cut off in the middle; the others, of which nothing was out, go over the next connection. */
START_TEST(what_was_not_sent_moves_to_the_next_connection)
{
	static uint8_t bytes[4 << 20];

	scene_start(serve_deaf, 0, 0, 6);
	large_input(&tickets[0], bytes, sizeof(bytes));
	for (unsigned i = 0; i < 6; i++)
		ticket_submit(&tickets[i]);
	ck_assert_uint_eq(tfl_client_pending(scene.client), 6);
	loop_run(scene.client);
	ticket_expect(&tickets[0], -ECONNRESET);
	for (unsigned i = 1; i < 6; i++)
		ticket_expect(&tickets[i], 0);
	ck_assert_uint_eq(scene.fake.requests, 5);
	scene_stop(6);
}
END_TEST

/* Reads one request, then nothing for a while, then answers all. */
static void serve_pause(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	if (!fake_receive(served, &request))
		return;
	fake_write_echo(served, &request);
	usleep(200000);
	fake_send(served);
	fake_serve_echo(served, connection);
}

/* What is said about a cancelled request waits for the end of the frame that is half out. */
START_TEST(a_cancel_is_told_between_frames)
{
	static uint8_t bytes[4 << 20];

	scene_start(serve_pause, 0, 0, 4);
	for (unsigned i = 0; i < 2; i++)
		ticket_submit(&tickets[i]);
	large_input(&tickets[2], bytes, sizeof(bytes));
	ticket_submit(&tickets[2]);
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[1].infer), 0);
	ticket_submit(&tickets[3]);
	loop_run(scene.client);
	ticket_expect(&tickets[1], -ECANCELED);
	ck_assert_int_eq(tickets[2].result, 0);
	ck_assert_uint_eq(tfl_infer_output(tickets[2].infer, 0)->bytes, sizeof(bytes));
	ticket_expect(&tickets[3], 0);
	ck_assert_uint_eq(scene.fake.cancels, 1);
	ck_assert_uint_eq(scene.fake.served, 0);
	scene_stop(4);
}
END_TEST

/* Half a frame is out when its owner gives it up and frees its memory: the stream stays whole for the request that is under way. */
START_TEST(half_a_frame_is_given_up)
{
	uint8_t *bytes = malloc(4 << 20);

	scene_start(serve_pause, 0, 0, 4);
	memset(bytes, 1, 4 << 20);
	ticket_submit(&tickets[0]);
	while (scene.fake.requests == 0)
		usleep(500);
	ticket_submit(&tickets[1]);
	large_input(&tickets[2], bytes, 4 << 20);
	ticket_submit(&tickets[2]);
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[1].infer), 0); /* to be told behind the frame that is half out */
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[2].infer), 0);
	free(bytes);
	ticket_submit(&tickets[3]);
	loop_run(scene.client);
	for (unsigned i = 0; i < 4; i++)
		ticket_expect(&tickets[i], i == 0 || i == 3 ? 0 : -ECANCELED);
	scene_wait_cancels(2);
	ck_assert_uint_eq(scene.fake.last_cancel, 3);
	ck_assert_uint_eq(scene.fake.served, 0); /* all over one connection */
	scene_stop(4);
}
END_TEST

/* The same with nobody else under way: a new connection is cheaper than four useless megabytes. */
START_TEST(half_a_frame_alone_costs_the_connection)
{
	static uint8_t bytes[4 << 20];

	scene_start(serve_deaf, 0, 0, 3);
	large_input(&tickets[0], bytes, sizeof(bytes));
	ticket_submit(&tickets[0]);
	ticket_submit(&tickets[1]);
	tfl_infer_set_timeout(tickets[2].infer, 5000);
	ticket_submit(&tickets[2]);
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[0].infer), 0);
	loop_run(scene.client);
	ticket_expect(&tickets[0], -ECANCELED);
	ticket_expect(&tickets[1], 0);
	ticket_expect(&tickets[2], 0);
	ck_assert_uint_eq(scene.fake.requests, 2);
	ck_assert_uint_eq(scene.fake.cancels, 0);
	scene_stop(3);
}
END_TEST

/* The first connection answers once and closes; the second takes its time. */
static void serve_one_then_slowly(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	if (connection == 0) {
		serve_one(served, connection);
		return;
	}
	while (fake_receive(served, &request)) {
		usleep(200000);
		fake_write_echo(served, &request);
		fake_send(served);
	}
}

static int64_t processor_time(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000 * MS + used.tv_nsec;
}

/* A child that outlives the connection holds its socket: the parent must not be woken by that for ever, in a loop or in a call. */
START_TEST(a_forked_child_holds_the_lost_socket)
{
	struct tfl_infer *infer = small_infer();
	int64_t used;
	int status;
	pid_t pid;

	scene_start(serve_one_then_slowly, 0, 0, 2);
	ticket_submit(&tickets[0]);
	loop_run(scene.client);
	pid = fork();
	if (pid == 0) {
		usleep(600000);
		_exit(0);
	}
	ck_assert(loop_readable(scene.client, PATIENCE_MS)); /* the fake has closed */
	tfl_client_dispatch(scene.client);
	ck_assert(!loop_readable(scene.client, 20));
	ticket_submit(&tickets[1]);
	loop_run(scene.client);
	ticket_expect(&tickets[1], 0);
	used = processor_time();
	ck_assert_int_eq(tfl_client_infer(scene.client, infer), 0);
	ck_assert_int_lt(processor_time() - used, 50 * MS);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	tfl_infer_destroy(infer);
	scene_stop(2);
}
END_TEST

/* A whole life with submitted requests, for memory that fails. */
static int live(void *data)
{
	static const float value = 5;
	static const int32_t dims[1] = {1};
	struct tfl_client *mine = NULL;
	struct tfl_infer *infers[40] = {NULL};
	int results[40] = {0}, r;
	unsigned served = scene.fake.served;

	r = tfl_client_connect(scene.fake.path, NULL, &mine, NULL);
	served += r == 0;
	if (r == 0 && tfl_client_fd(mine) < 0)
		r = -EIO;
	for (unsigned i = 0; i < 40 && r == 0; i++) {
		r = tfl_infer_create("digits", &infers[i], NULL);
		if (r == 0)
			r = tfl_infer_set_input(infers[i], 0, TFL_FLOAT32, dims, 1, &value, sizeof(value));
		if (r == 0)
			r = tfl_client_submit(mine, infers[i], set_result, &results[i]);
	}
	while (r == 0 && tfl_client_pending(mine) > 0) {
		struct tfl_infer *last = infers[39];

		tfl_client_cancel(mine, last);
		tfl_client_dispatch(mine);
	}
	for (unsigned i = 0; i < 40; i++) {
		if (r == 0 && results[i] != -ECANCELED)
			r = results[i];
		tfl_infer_destroy(infers[i]);
	}
	tfl_client_destroy(mine);
	fake_wait_served(&scene.fake, served);
	return r;
}

static int live_to_enomem(void *data)
{
	int r = live(data);

	/* One lost allocation may stay without consequence for anybody (a cancel that is not told, a table that does not grow). */
	if (r == 0 && allocation_failed())
		return -ENOMEM;
	/* Or it may cost the connection, and with it requests that others had on it. */
	return r == -ECONNRESET ? -ENOMEM : r;
}

START_TEST(allocations_fail)
{
	unsigned descriptors;

	fake_start(&scene.fake, fake_serve_echo, NULL);
	ck_assert_int_eq(live(NULL), 0);
	descriptors = descriptors_open();
	ck_assert_uint_gt(allocation_fail_each(live_to_enomem, NULL), 40);
	ck_assert_uint_eq(descriptors_open(), descriptors);
	fake_stop(&scene.fake);
}
END_TEST

Suite *submit_link_suite(void)
{
	Suite *suite = suite_create("submit-link");
	TCase *tcase = tcase_create("submit-link");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, reconnects_between_requests);
	tcase_add_test(tcase, waits_for_a_daemon_that_restarts);
	tcase_add_test(tcase, gives_up_on_a_daemon_that_stays_away);
	tcase_add_test(tcase, everybody_tries_for_their_own_time);
	tcase_add_test(tcase, does_not_reconnect_when_told_so);
	tcase_add_test(tcase, back_pressure);
	tcase_add_test(tcase, what_was_not_sent_moves_to_the_next_connection);
	tcase_add_test(tcase, a_cancel_is_told_between_frames);
	tcase_add_test(tcase, half_a_frame_is_given_up);
	tcase_add_test(tcase, half_a_frame_alone_costs_the_connection);
	tcase_add_test(tcase, a_forked_child_holds_the_lost_socket);
	tcase_add_test(tcase, allocations_fail);
	suite_add_tcase(suite, tcase);
	return suite;
}
