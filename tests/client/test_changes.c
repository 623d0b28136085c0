/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions, against a daemon that tells what a test wants, when it wants: where a subscription begins and ends, what callbacks may do,
 * and what a program costs itself that does not dispatch.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/request.h"
#include "tests/client/common.h"
#include "tests/client/loop.h"
#include "tests/client/suites.h"

#define QUEUE_MAX 1024 /* changes that wait for dispatch */

/* What the daemon does: of each number so many changes, counted on from 1. */
static struct {
	unsigned before, after;     /* the answer to "subscribe" */
	unsigned beside;            /* before the answer to "health" */
	size_t bytes;               /* of a change's text */
	bool short_lived;           /* the first connection ends after its first call */
	unsigned last;
} plan;

static struct {
	atomic_uint count, last;
	bool lost;
	void (*then)(unsigned number);
} heard;

static bool tell(struct fake *fake, unsigned count)
{
	char *text = calloc(1, plan.bytes + 1);
	bool sent = true;

	memset(text, 'x', plan.bytes);
	for (unsigned i = 0; i < count && sent; i++) {
		tfl_writer_begin(&fake->writer);
		tfl_message_notification(&fake->writer, TFL_NOTIFY_CHANGED);
		tfl_writer_map(&fake->writer, 2);
		tfl_writer_text(&fake->writer, "number");
		tfl_writer_uint64(&fake->writer, ++plan.last);
		tfl_writer_text(&fake->writer, "text");
		tfl_writer_text(&fake->writer, text);
		sent = fake_send(fake);
	}
	free(text);
	return sent;
}

static bool answer(struct fake *fake, uint32_t msgid)
{
	tfl_writer_begin(&fake->writer);
	tfl_message_reply(&fake->writer, msgid);
	tfl_writer_map(&fake->writer, 0);
	return fake_send(fake);
}

static void serve(struct fake *fake, unsigned connection)
{
	struct tfl_message request;
	bool going = true;

	while (going && fake_receive(fake, &request)) {
		bool subscribes = tfl_string_equal(request.method, TFL_METHOD_SUBSCRIBE);
		uint32_t msgid = request.msgid;

		going = tell(fake, subscribes ? plan.before : plan.beside) && answer(fake, msgid) && tell(fake, subscribes ? plan.after : 0);
		going &= !plan.short_lived || connection > 0;
	}
}

static void on_change(const struct tfl_value *change, void *userdata)
{
	unsigned number = (unsigned)tfl_value_uint(tfl_value_get(change, "number"), 0);

	ck_assert_ptr_eq(userdata, &heard);
	if (!change) {
		heard.lost = true;
		return;
	}
	heard.count++;
	heard.last = number;
	if (heard.then)
		heard.then(number);
}

static void on_none(const struct tfl_value *change, void *userdata)
{
	ck_abort_msg("a callback that was replaced");
}

static void setup(void)
{
	memset(&plan, 0, sizeof(plan));
	memset(&heard, 0, sizeof(heard));
	plan.bytes = 10;
	scene_start(serve, 5000, 2000, 0);
}

static void teardown(void)
{
	scene_stop(0);
}

static void subscribe(void)
{
	struct tfl_call_error error = {0};

	ck_assert_msg(tfl_client_subscribe(scene.client, NULL, on_change, &heard, &error) == 0, "%s", error.message);
}

/* A call that takes what came before its answer. */
static void call(void)
{
	struct tfl_call_error error = {0};

	ck_assert_msg(tfl_client_health(scene.client, NULL, &error) == 0, "%s", error.message);
}

/* Dispatches until @p count changes were heard in all, and the loss of the connection where it has been lost; and then what there is no more. */
static void listen_for(unsigned count, bool lost)
{
	while (heard.count < count || heard.lost != lost) {
		ck_assert_msg(loop_readable(scene.client, PATIENCE_MS), "%u changes of %u", heard.count, count);
		ck_assert_int_ge(tfl_client_dispatch(scene.client), 0);
	}
	while (loop_readable(scene.client, 50))
		ck_assert_int_ge(tfl_client_dispatch(scene.client), 0);
	ck_assert_uint_eq(heard.count, count);
	ck_assert_int_eq(heard.lost, lost);
}

START_TEST(what_came_before_is_of_the_one_before)
{
	plan.before = 2;
	plan.after = 3;
	subscribe();
	listen_for(3, false);
	ck_assert_uint_eq(heard.last, 5);
}
END_TEST

/* The connection is lost before the subscription is made, and not after. */
START_TEST(a_new_connection_is_no_loss)
{
	plan.short_lived = true;
	plan.after = 1;
	call();
	fake_wait_served(&scene.fake, 1);
	subscribe();
	listen_for(1, false);
}
END_TEST

START_TEST(a_lost_connection_is_told_once)
{
	plan.short_lived = true;
	plan.after = 2;
	subscribe();
	listen_for(2, true);
	heard.lost = false;
	call();
	listen_for(2, false);
	subscribe();
	listen_for(4, false);
}
END_TEST

static void call_once(unsigned number)
{
	if (number == 1)
		call();
}

/* What a callback's own call brings along is told by the next dispatch, which the descriptor asks for. */
START_TEST(a_callback_calls)
{
	plan.after = plan.beside = 1;
	heard.then = call_once;
	subscribe();
	for (unsigned i = 0; heard.count == 0 && i < 100; i++) {
		ck_assert(loop_readable(scene.client, 5000));
		ck_assert_int_ge(tfl_client_dispatch(scene.client), 0);
	}
	ck_assert_uint_eq(heard.count, 1);
	ck_assert(loop_readable(scene.client, 5000));
	ck_assert_int_eq(tfl_client_dispatch(scene.client), 1);
	ck_assert_uint_eq(heard.count, 2);
	ck_assert(!loop_readable(scene.client, 50));
}
END_TEST

static void subscribe_once(unsigned number)
{
	if (number == 1)
		subscribe();
}

START_TEST(a_callback_subscribes_again)
{
	plan.after = 3;
	heard.then = subscribe_once;
	subscribe();
	call(); /* all three wait */
	listen_for(4, false); /* the first, and those of the second subscription */
	ck_assert_uint_eq(heard.last, 6);
}
END_TEST

static void destroy(unsigned number)
{
	tfl_client_destroy(scene.client);
	scene.client = NULL;
}

START_TEST(a_callback_destroys_the_client)
{
	struct tfl_client *client = scene.client;

	plan.after = 3;
	heard.then = destroy;
	subscribe();
	call();
	while (scene.client)
		ck_assert_int_ge(tfl_client_dispatch(client), 0);
	ck_assert_uint_eq(heard.count, 1);
	ck_assert(!heard.lost);
}
END_TEST

START_TEST(a_subscription_that_fails_ends_the_one_before)
{
	struct tfl_call_error error;

	plan.beside = 1;
	subscribe();
	ck_assert_int_lt(tfl_client_subscribe(scene.client, "n@2", on_none, NULL, &error), 0);
	call();
	listen_for(0, false);
}
END_TEST

/* Many small ones, and few large ones: so many wait, and then the subscription is over; what waits at the end is freed with the client. */
START_TEST(what_waits_is_bounded)
{
	const unsigned counts[] = {QUEUE_MAX + 100, 6}, kept[] = {QUEUE_MAX, 3};

	plan.after = counts[_i];
	plan.bytes = _i ? 1 << 20 : 10;
	subscribe();
	call();
	listen_for(kept[_i], true);
	subscribe();
	call();
}
END_TEST

static void *dispatch_all(void *data)
{
	while (heard.count < 1000)
		if (loop_readable(scene.client, 10))
			tfl_client_dispatch(scene.client);
	return NULL;
}

START_TEST(several_threads_dispatch)
{
	pthread_t threads[4];

	plan.after = 1000;
	heard.then = NULL;
	subscribe();
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, dispatch_all, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(heard.count, 1000);
	ck_assert(!heard.lost);
}
END_TEST

Suite *changes_suite(void)
{
	Suite *suite = suite_create("changes");
	TCase *tcase = tcase_create("changes");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_came_before_is_of_the_one_before);
	tcase_add_test(tcase, a_new_connection_is_no_loss);
	tcase_add_test(tcase, a_lost_connection_is_told_once);
	tcase_add_test(tcase, a_callback_calls);
	tcase_add_test(tcase, a_callback_subscribes_again);
	tcase_add_test(tcase, a_callback_destroys_the_client);
	tcase_add_test(tcase, a_subscription_that_fails_ends_the_one_before);
	tcase_add_loop_test(tcase, what_waits_is_bounded, 0, 2);
	tcase_add_test(tcase, several_threads_dispatch);
	suite_add_tcase(suite, tcase);
	return suite;
}
