/* SPDX-License-Identifier: MIT */
/* Submitted requests: what the header promises about callbacks, cancelling and deadlines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/common.h"
#include "tests/client/loop.h"
#include "tests/client/suites.h"
#include "tests/support/descriptors.h"

/* Takes as many requests as there are tickets, and answers them from the last to the first. */
static void serve_backwards(struct fake *served, unsigned connection)
{
	struct tfl_frame frames[TICKETS];
	struct tfl_message request;
	unsigned count = 0;

	while (count < TICKETS && fake_receive(served, &request)) {
		frames[count++] = served->frame;
		served->frame = (struct tfl_frame){0};
	}
	while (count-- > 0) {
		ck_assert_int_eq(tfl_message_parse((struct tfl_slice){frames[count].data, frames[count].size}, &request, NULL), 0);
		fake_write_echo(served, &request);
		fake_send(served);
		tfl_frame_finish(&frames[count]);
	}
	fake_serve_echo(served, connection);
}

START_TEST(answers_in_any_order)
{
	scene_start(serve_backwards, 0, 0, TICKETS);
	for (unsigned i = 0; i < TICKETS; i++)
		ticket_submit(&tickets[i]);
	ck_assert_uint_eq(tfl_client_pending(scene.client), TICKETS);
	loop_run(scene.client);
	for (unsigned i = 0; i < TICKETS; i++) {
		ticket_expect(&tickets[i], 0);
		ck_assert_uint_gt(tfl_infer_round_trip_ns(tickets[i].infer), 0);
		if (i > 0)
			ck_assert_uint_lt(tickets[i].order, tickets[i - 1].order);
	}
	ck_assert(!loop_readable(scene.client, 0));
	scene_stop(TICKETS);
}
END_TEST

static void submit_again(struct ticket *ticket)
{
	if (ticket->calls < 1000)
		ticket_submit(ticket);
}

START_TEST(callbacks_submit_again)
{
	scene_start(fake_serve_echo, 0, 0, 4);
	for (unsigned i = 0; i < 4; i++) {
		tickets[i].then = submit_again;
		ticket_submit(&tickets[i]);
	}
	loop_run(scene.client);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(tickets[i].calls, 1000);
	ck_assert_uint_eq(scene.fake.requests, 4000);
	scene_stop(4);
}
END_TEST

START_TEST(cancel)
{
	scene_start(fake_serve_silence, 0, 0, 3);
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[0].infer), -ENOENT);
	for (unsigned i = 0; i < 3; i++)
		ticket_submit(&tickets[i]);
	ck_assert(!loop_readable(scene.client, 20));
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[1].infer), 0);
	ck_assert_uint_eq(tickets[1].calls, 0); /* not from within cancel */
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[1].infer), -ENOENT);
	ck_assert(loop_readable(scene.client, PATIENCE_MS));
	ck_assert_int_eq(tfl_client_dispatch(scene.client), 1);
	ticket_expect(&tickets[1], -ECANCELED);
	ck_assert_int_eq(tfl_infer_status(tickets[1].infer), TFL_CANCELLED);
	scene_wait_cancels(1);
	ck_assert_uint_eq(scene.fake.last_cancel, 2);
	ck_assert_uint_eq(tfl_client_pending(scene.client), 2);
	ck_assert(!loop_readable(scene.client, 20));
	scene_stop(3);
}
END_TEST

/* The answer is under way already when the request is cancelled, and belongs to nobody. */
START_TEST(an_answer_after_cancel_is_dropped)
{
	scene_start(fake_serve_echo, 0, 0, 2);
	ticket_submit(&tickets[0]);
	while (scene.fake.requests == 0)
		usleep(500);
	usleep(20000);
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[0].infer), 0);
	ticket_submit(&tickets[1]);
	loop_run(scene.client);
	ticket_expect(&tickets[0], -ECANCELED);
	ticket_expect(&tickets[1], 0);
	scene_stop(2);
}
END_TEST

START_TEST(destroying_a_submitted_request)
{
	scene_start(fake_serve_silence, 0, 0, 3);
	for (unsigned i = 0; i < 3; i++)
		ticket_submit(&tickets[i]);
	ticket_finish(&tickets[0]); /* on its way */
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[1].infer), 0);
	ticket_finish(&tickets[1]); /* ended, its callback to come */
	ck_assert_uint_eq(tfl_client_pending(scene.client), 1);
	tfl_client_dispatch(scene.client);
	ck_assert_uint_eq(tickets[0].calls + tickets[1].calls, 0);
	scene_wait_cancels(2);
	tfl_client_destroy(scene.client);
	ticket_expect(&tickets[2], -ECANCELED);
	ticket_finish(&tickets[2]); /* after its client */
	fake_stop(&scene.fake);
}
END_TEST

static void destroy_all(struct ticket *ticket)
{
	for (unsigned i = 0; i < TICKETS; i++)
		ticket_finish(&tickets[i]);
}

START_TEST(a_callback_destroys_all_requests)
{
	scene_start(serve_backwards, 0, 0, TICKETS);
	for (unsigned i = 0; i < TICKETS; i++) {
		tickets[i].then = destroy_all;
		ticket_submit(&tickets[i]);
	}
	while (tfl_client_pending(scene.client) > 0 && loop_readable(scene.client, 5000))
		tfl_client_dispatch(scene.client);
	ck_assert_uint_eq(tickets[TICKETS - 1].calls, 1);
	for (unsigned i = 0; i < TICKETS - 1; i++)
		ck_assert_uint_eq(tickets[i].calls, 0);
	scene_stop(0);
}
END_TEST

static void destroy_client(struct ticket *ticket)
{
	struct tfl_client *mine = scene.client;

	if (ticket->result == 0) {
		scene.client = NULL;
		tfl_client_destroy(mine);
	} else { /* within the one above */
		ck_assert_int_eq(ticket->result, -ECANCELED);
		ck_assert_int_eq(tfl_client_submit(ticket->client, ticket->infer, ticket->data, NULL), -ECANCELED);
		ck_assert_int_eq(tfl_infer_status(ticket->infer), TFL_CANCELLED);
		ck_assert_int_eq(tfl_client_infer(ticket->client, ticket->infer), -ECANCELED);
		ck_assert_int_eq(tfl_client_health(ticket->client, NULL, NULL), -ECANCELED);
	}
}

static void serve_first(struct fake *served, unsigned connection)
{
	struct tfl_message request;

	for (unsigned i = 0; fake_receive(served, &request); i++) {
		if (i > 0)
			continue;
		fake_write_echo(served, &request);
		fake_send(served);
	}
}

START_TEST(a_callback_destroys_the_client)
{
	unsigned descriptors = descriptors_open();
	int count;

	scene_start(serve_first, 0, 0, TICKETS);
	for (unsigned i = 0; i < TICKETS; i++) {
		tickets[i].then = destroy_client;
		tickets[i].data = (void *)no_callback;
		ticket_submit(&tickets[i]);
	}
	ck_assert(loop_readable(scene.client, 5000));
	count = tfl_client_dispatch(scene.client);
	ck_assert_int_ge(count, 1);
	ck_assert_ptr_null(scene.client);
	for (unsigned i = 0; i < TICKETS; i++)
		ck_assert_uint_eq(tickets[i].calls, 1);
	scene_stop(TICKETS);
	ck_assert_uint_eq(descriptors_open(), descriptors);
}
END_TEST

static void submit_and_cancel(struct ticket *ticket)
{
	ticket_submit(ticket);
	ck_assert_int_eq(tfl_client_cancel(ticket->client, ticket->infer), 0);
}

/* A callback that always leaves an ended request behind: each dispatch still ends, and the descriptor says that there is more. */
START_TEST(a_dispatch_ends)
{
	scene_start(fake_serve_silence, 0, 0, 1);
	tickets[0].then = submit_and_cancel;
	submit_and_cancel(&tickets[0]);
	for (unsigned i = 1; i <= 10; i++) {
		ck_assert(loop_readable(scene.client, PATIENCE_MS));
		ck_assert_int_eq(tfl_client_dispatch(scene.client), 1);
		ck_assert_uint_eq(tickets[0].calls, i);
	}
	tickets[0].then = NULL;
	scene_stop(1);
}
END_TEST

/* From within a callback: a call that waits, with replies for others in between, and a dispatch in the dispatch. */
static void wait_inside(struct ticket *ticket)
{
	struct tfl_infer *infer = small_infer();

	ck_assert_msg(tfl_client_infer(scene.client, infer) == 0, "%s", tfl_infer_error_message(infer));
	tfl_infer_destroy(infer);
	tfl_client_dispatch(scene.client);
}

START_TEST(a_callback_waits_and_dispatches)
{
	scene_start(fake_serve_echo, 0, 0, 20);
	for (unsigned i = 0; i < 20; i++) {
		tickets[i].then = wait_inside;
		ticket_submit(&tickets[i]);
	}
	loop_run(scene.client);
	for (unsigned i = 0; i < 20; i++)
		ticket_expect(&tickets[i], 0);
	scene_stop(20);
}
END_TEST

/* Results that come while the thread waits for another call are kept, and the descriptor tells. */
START_TEST(waiting_calls_keep_results)
{
	struct tfl_infer *infer = small_infer();

	scene_start(fake_serve_echo, 0, 0, 5);
	ck_assert_int_ge(tfl_client_fd(scene.client), 0);
	for (unsigned i = 0; i < 5; i++)
		ticket_submit(&tickets[i]);
	ck_assert_int_eq(tfl_client_infer(scene.client, infer), 0);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(tickets[i].calls, 0);
	ck_assert(loop_readable(scene.client, PATIENCE_MS));
	ck_assert_int_eq(tfl_client_dispatch(scene.client), 5);
	for (unsigned i = 0; i < 5; i++)
		ticket_expect(&tickets[i], 0);
	ck_assert(!loop_readable(scene.client, 0));
	tfl_infer_destroy(infer);
	scene_stop(5);
}
END_TEST

START_TEST(refusals)
{
	scene_start(fake_serve_silence, 0, 0, 1);
	ck_assert_int_eq(tfl_client_submit(scene.client, tickets[0].infer, NULL, NULL), -EINVAL);
	ticket_submit(&tickets[0]);
	ck_assert_int_eq(tfl_client_submit(scene.client, tickets[0].infer, no_callback, NULL), -EINVAL);
	ck_assert_int_eq(tfl_client_infer(scene.client, tickets[0].infer), -EINVAL);
	ck_assert_uint_eq(tfl_client_pending(scene.client), 1);
	ck_assert_int_eq(tfl_client_cancel(scene.client, tickets[0].infer), 0);
	loop_run(scene.client);
	ticket_expect(&tickets[0], -ECANCELED);
	scene_stop(1);
}
END_TEST

/* The descriptor alone brings the deadlines: nothing comes from the daemon. */
START_TEST(deadlines)
{
	static const int timeouts[] = {120, 30, 0, 60, -1};
	int64_t begin;

	scene_start(fake_serve_silence, 90, 0, 5);
	begin = tfl_clock_now();
	for (unsigned i = 0; i < 5; i++) {
		tfl_infer_set_timeout(tickets[i].infer, timeouts[i]);
		ticket_submit(&tickets[i]);
	}
	while (tfl_client_pending(scene.client) > 1) {
		ck_assert(loop_readable(scene.client, PATIENCE_MS));
		loop_dispatch(scene.client);
	}
	ck_assert_int_ge(tfl_clock_now() - begin, 120 * MS);
	ck_assert_int_le(tfl_clock_now() - begin, PATIENCE_NS);
	for (unsigned i = 0; i < 4; i++) {
		int wanted = timeouts[i] ? timeouts[i] : 90;

		ticket_expect(&tickets[i], -ETIMEDOUT);
		ck_assert_uint_ge(tfl_infer_round_trip_ns(tickets[i].infer), (uint64_t)wanted * MS);
		ck_assert_msg(strstr(tfl_infer_error_message(tickets[i].infer), "did not answer within"), "%s",
			      tfl_infer_error_message(tickets[i].infer));
	}
	ck_assert(tickets[1].turn <= tickets[3].turn && tickets[3].turn <= tickets[2].turn && tickets[2].turn <= tickets[0].turn);
	ck_assert(!loop_readable(scene.client, 50)); /* and is quiet where nothing is due */
	scene_wait_cancels(4);
	scene_stop(5);
	ck_assert_uint_eq(tickets[4].calls, 0); /* destroyed, not called back */
}
END_TEST

Suite *submit_suite(void)
{
	Suite *suite = suite_create("submit");
	TCase *tcase = tcase_create("submit");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, answers_in_any_order);
	tcase_add_test(tcase, callbacks_submit_again);
	tcase_add_test(tcase, cancel);
	tcase_add_test(tcase, an_answer_after_cancel_is_dropped);
	tcase_add_test(tcase, destroying_a_submitted_request);
	tcase_add_test(tcase, a_callback_destroys_all_requests);
	tcase_add_test(tcase, a_callback_destroys_the_client);
	tcase_add_test(tcase, a_dispatch_ends);
	tcase_add_test(tcase, a_callback_waits_and_dispatches);
	tcase_add_test(tcase, waiting_calls_keep_results);
	tcase_add_test(tcase, refusals);
	tcase_add_test(tcase, deadlines);
	suite_add_tcase(suite, tcase);
	return suite;
}
