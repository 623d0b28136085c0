/* SPDX-License-Identifier: MIT */
/* One client and several threads, over one connection: everybody gets the answer to what they asked, in their own time. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/common.h"
#include "tests/client/loop.h"
#include "tests/client/suites.h"

#define THREADS 8
#define ROUNDS 200

/* A thread's job, and what came of it. libcheck's assertions are for the main thread. */
struct worker {
	pthread_t thread;
	unsigned index;
	int timeout_ms;
	unsigned right, wrong; /* answers */
	int failures[ROUNDS];
	unsigned failed;
};

static struct worker workers[THREADS];

static void ask(struct worker *worker, struct tfl_infer *infer, float *value, unsigned round)
{
	const struct tfl_output *output;
	int r;

	*value = (float)(worker->index * 1000 + round);
	r = tfl_client_infer(scene.client, infer);
	output = tfl_infer_output(infer, 0);
	if (r < 0)
		worker->failures[worker->failed++] = r;
	else if (output && output->bytes == sizeof(*value) && *(const float *)output->data == *value)
		worker->right++;
	else
		worker->wrong++;
}

static void *work(void *data)
{
	static const int32_t dims[1] = {1};
	struct worker *worker = data;
	struct tfl_infer *infer = NULL;
	float value = 0;

	if (tfl_infer_create("digits", &infer, NULL) < 0 ||
	    tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 1, &value, sizeof(value)) < 0)
		return NULL;
	tfl_infer_set_timeout(infer, worker->timeout_ms);
	for (unsigned round = 0; round < ROUNDS; round++)
		ask(worker, infer, &value, round);
	tfl_infer_destroy(infer);
	return NULL;
}

static void start_workers(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		workers[i] = (struct worker){.index = i + 1};
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
}

static void join_workers(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
}

/* Holds up to THREADS requests back and answers them from the last to the first, as long as they come within a moment. */
static void serve_shuffled(struct fake *served, unsigned connection)
{
	struct tfl_frame frames[THREADS];
	struct tfl_message request;
	unsigned count = 0;

	while (fake_receive(served, &request)) {
		frames[count++] = served->frame;
		served->frame = (struct tfl_frame){0};
		if (count < THREADS && tfl_assembler_pending(&served->assembler) > 0)
			continue;
		while (count > 0) {
			count--;
			tfl_message_parse((struct tfl_slice){frames[count].data, frames[count].size}, &request, NULL);
			fake_write_echo(served, &request);
			fake_send(served);
			tfl_frame_finish(&frames[count]);
		}
	}
}

START_TEST(threads_share_a_connection)
{
	scene_start(serve_shuffled, 0, 0, 0);
	start_workers(THREADS);
	join_workers(THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_uint_eq(workers[i].wrong + workers[i].failed, 0);
		ck_assert_uint_eq(workers[i].right, ROUNDS);
	}
	ck_assert_uint_eq(scene.fake.requests, THREADS * ROUNDS);
	ck_assert_uint_eq(scene.fake.served, 0);
	scene_stop(0);
}
END_TEST

static void submit_again(struct ticket *ticket)
{
	if (ticket->calls < ROUNDS)
		ticket_submit(ticket);
}

START_TEST(threads_and_an_event_loop)
{
	scene_start(serve_shuffled, 0, 0, 4);
	for (unsigned i = 0; i < 4; i++) {
		tickets[i].then = submit_again;
		ticket_submit(&tickets[i]);
	}
	start_workers(4);
	loop_run(scene.client);
	join_workers(4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(workers[i].right, ROUNDS);
		ck_assert_uint_eq(tickets[i].calls, ROUNDS);
		ck_assert_int_eq(tickets[i].result, 0);
	}
	scene_stop(4);
}
END_TEST

/* Submitting in one thread, dispatching in another. */
static atomic_bool submitted_all;

static void *dispatch_until_done(void *data)
{
	while (!submitted_all || tfl_client_pending(scene.client) > 0) {
		usleep(100);
		tfl_client_dispatch(scene.client);
	}
	return NULL;
}

START_TEST(submitting_and_dispatching_in_different_threads)
{
	static struct ticket many[ROUNDS];
	pthread_t thread;

	scene_start(serve_shuffled, 0, 0, 0);
	submitted_all = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, dispatch_until_done, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		ticket_init(&many[i], scene.client, (float)i + 1);
		ticket_submit(&many[i]);
	}
	submitted_all = true;
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < ROUNDS; i++) {
		ticket_expect(&many[i], 0);
		ticket_finish(&many[i]);
	}
	scene_stop(0);
}
END_TEST

struct waiter {
	pthread_t thread;
	struct tfl_infer *infer;
	int timeout_ms;
	int result;
	int64_t took;
};

static void *wait_once(void *data)
{
	struct waiter *waiter = data;
	int64_t begin = tfl_clock_now();

	tfl_infer_set_timeout(waiter->infer, waiter->timeout_ms);
	waiter->result = tfl_client_infer(scene.client, waiter->infer);
	waiter->took = tfl_clock_now() - begin;
	return NULL;
}

static void start_waiter(struct waiter *waiter, int timeout_ms)
{
	*waiter = (struct waiter){.infer = small_infer(), .timeout_ms = timeout_ms};
	ck_assert_int_eq(pthread_create(&waiter->thread, NULL, wait_once, waiter), 0);
}

static void join_waiter(struct waiter *waiter, int result)
{
	pthread_join(waiter->thread, NULL);
	ck_assert_msg(waiter->result == result, "%d %s", waiter->result, tfl_infer_error_message(waiter->infer));
	tfl_infer_destroy(waiter->infer);
}

/* Whoever leads when its time is over hands over; followers keep their own time. */
START_TEST(everybody_has_a_deadline)
{
	static const int timeouts[] = {300, 40, 80, 120, 160, 200};
	struct waiter waiters[6];

	scene_start(fake_serve_silence, 0, 0, 0);
	for (unsigned i = 0; i < 6; i++)
		start_waiter(&waiters[i], timeouts[i]);
	for (unsigned i = 0; i < 6; i++) {
		join_waiter(&waiters[i], -ETIMEDOUT);
		ck_assert_int_ge(waiters[i].took, (int64_t)timeouts[i] * MS);
		ck_assert_int_le(waiters[i].took, timeouts[i] * MS + PATIENCE_NS);
	}
	scene_stop(0);
}
END_TEST

/* A wait is ended from outside, the leader's and a follower's. */
START_TEST(another_thread_cancels)
{
	struct waiter waiters[3];

	scene_start(fake_serve_silence, 10000, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		start_waiter(&waiters[i], 0);
		while (scene.fake.requests <= i)
			usleep(500);
	}
	usleep(20000);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(tfl_client_cancel(scene.client, waiters[i].infer), 0);
		join_waiter(&waiters[i], -ECANCELED);
		ck_assert_int_le(waiters[i].took, PATIENCE_NS);
	}
	scene_stop(0);
}
END_TEST

static atomic_uint released; /* rounds whose answer may go out */

/* Takes two requests a round, and answers the second when it is told to. */
static void serve_second(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	for (unsigned round = 1; fake_receive(served, &request) && fake_receive(served, &request); round++) {
		fake_write_echo(served, &request);
		while (released < round)
			;
		fake_send(served);
	}
}

/* The leader's own call ends while it wakes for a reply to somebody else: whoever leads next finds that reply. */
START_TEST(a_leader_leaves_what_came_to_the_next)
{
	struct waiter waiters[2];
	volatile unsigned spin;

	scene_start(serve_second, 0, 0, 0);
	for (unsigned round = 1; round <= 300; round++) {
		for (unsigned i = 0; i < 2; i++) {
			start_waiter(&waiters[i], 2000);
			while (scene.fake.requests < 2 * round - 1 + i)
				usleep(50);
		}
		usleep(200);
		released = round;
		for (spin = 0; spin < round * 37 % 6000; spin++)
			;
		tfl_client_cancel(scene.client, waiters[0].infer);
		join_waiter(&waiters[0], -ECANCELED);
		join_waiter(&waiters[1], 0);
		ck_assert_int_le(waiters[1].took, 1500 * MS); /* by its deadline it would find it anyway */
	}
	scene_stop(0);
}
END_TEST

/* Closes after some requests, with others unanswered; then serves well for some, and so on. */
static void serve_unsteadily(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	for (unsigned i = 0; i < 37 + connection && fake_receive(served, &request); i++) {
		if (i % 16 == 15)
			continue;
		fake_write_echo(served, &request);
		if (!fake_send(served))
			return;
	}
}

START_TEST(the_daemon_closes_again_and_again)
{
	scene_start(serve_unsteadily, 1000, 0, 0);
	start_workers(THREADS);
	join_workers(THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_uint_eq(workers[i].wrong, 0);
		ck_assert_uint_eq(workers[i].right + workers[i].failed, ROUNDS);
		ck_assert_uint_gt(workers[i].right, ROUNDS / 4);
		for (unsigned k = 0; k < workers[i].failed; k++)
			ck_assert_msg(workers[i].failures[k] == -ECONNRESET || workers[i].failures[k] == -ETIMEDOUT, "%d",
				      workers[i].failures[k]);
	}
	ck_assert_uint_gt(scene.fake.served, 5);
	scene_stop(0);
}
END_TEST

/* Large requests of many threads, which the socket takes bit by bit: nobody waits for ever, no bytes mix. */
static void *send_large(void *data)
{
	static const int32_t dims[1] = {1 << 20};
	struct worker *worker = data;
	uint8_t *bytes = malloc(1 << 20);
	struct tfl_infer *infer = NULL;

	memset(bytes, (int)worker->index, 1 << 20);
	if (tfl_infer_create("digits", &infer, NULL) < 0 || tfl_infer_set_input(infer, 0, TFL_UINT8, dims, 1, bytes, 1 << 20) < 0)
		return NULL;
	for (unsigned round = 0; round < 10; round++) {
		if (tfl_client_infer(scene.client, infer) == 0 && memcmp(tfl_infer_output(infer, 0)->data, bytes, 1 << 20) == 0)
			worker->right++;
	}
	tfl_infer_destroy(infer);
	free(bytes);
	return NULL;
}

START_TEST(large_requests_of_many_threads)
{
	scene_start(fake_serve_echo, 20000, 0, 0);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.index = i + 1};
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, send_large, &workers[i]), 0);
	}
	join_workers(THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_uint_eq(workers[i].right, 10);
	scene_stop(0);
}
END_TEST

Suite *threads_suite(void)
{
	Suite *suite = suite_create("threads");
	TCase *tcase = tcase_create("threads");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, threads_share_a_connection);
	tcase_add_test(tcase, threads_and_an_event_loop);
	tcase_add_test(tcase, submitting_and_dispatching_in_different_threads);
	tcase_add_test(tcase, everybody_has_a_deadline);
	tcase_add_test(tcase, another_thread_cancels);
	tcase_add_test(tcase, a_leader_leaves_what_came_to_the_next);
	tcase_add_test(tcase, the_daemon_closes_again_and_again);
	tcase_add_test(tcase, large_requests_of_many_threads);
	suite_add_tcase(suite, tcase);
	return suite;
}
