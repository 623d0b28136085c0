/* SPDX-License-Identifier: MIT */
#include "tests/client/loop.h"

#include <check.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "client/clock.h"
#include "tests/client/common.h"

#define ASLEEP_MAX_MS 100 /* "never blocks": locks are held for less, and fakes let others wait for longer */

static atomic_uint callbacks;
static unsigned turns;

struct scene scene;
struct ticket tickets[TICKETS];

void ticket_init(struct ticket *ticket, struct tfl_client *client, float number)
{
	static const int32_t dims[1] = {1};

	*ticket = (struct ticket){.client = client, .number = number};
	ck_assert_int_eq(tfl_infer_create("digits", &ticket->infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input(ticket->infer, 0, TFL_FLOAT32, dims, 1, &ticket->number, sizeof(ticket->number)), 0);
}

static void on_end(struct tfl_infer *infer, int result, void *userdata)
{
	struct ticket *ticket = userdata;

	ck_assert_ptr_eq(infer, ticket->infer);
	ticket->calls++;
	ticket->result = result;
	ticket->order = atomic_fetch_add(&callbacks, 1) + 1;
	ticket->turn = turns;
	if (result < 0)
		ck_assert_uint_eq(tfl_infer_output_count(infer), 0);
	if (ticket->then)
		ticket->then(ticket);
}

void ticket_submit(struct ticket *ticket)
{
	int r = tfl_client_submit(ticket->client, ticket->infer, on_end, ticket);

	ck_assert_msg(r == 0, "%d: %s", r, tfl_infer_error_message(ticket->infer));
}

void ticket_expect(const struct ticket *ticket, int result)
{
	const struct tfl_infer *infer = ticket->infer;

	ck_assert_msg(ticket->calls == 1, "%u callbacks of request %g", ticket->calls, (double)ticket->number);
	ck_assert_msg(ticket->result == result, "request %g: %d %s, not %d", (double)ticket->number, ticket->result,
		      tfl_infer_error_message(infer), result);
	ck_assert_int_eq(tfl_infer_status(infer) == TFL_OK, result == 0);
	if (result < 0) {
		ck_assert_str_ne(tfl_infer_error_message(infer), "");
		return;
	}
	ck_assert_str_eq(tfl_infer_error_message(infer), "");
	ck_assert_uint_eq(tfl_infer_output_count(infer), 1);
	ck_assert_float_eq(*(const float *)tfl_infer_output(infer, 0)->data, ticket->number);
}

void ticket_finish(struct ticket *ticket)
{
	tfl_infer_destroy(ticket->infer);
	ticket->infer = NULL;
}

bool loop_readable(struct tfl_client *client, int timeout_ms)
{
	struct pollfd poller = {.fd = tfl_client_fd(client), .events = POLLIN};
	int r;

	ck_assert_int_ge(poller.fd, 0);
	r = poll(&poller, 1, timeout_ms);
	ck_assert_int_ge(r, 0);
	ck_assert_int_eq(poller.revents & ~POLLIN, 0);
	return r > 0;
}

/* How long this thread has had a processor, or has waited for one that others had; 0 where the kernel does not say. */
static int64_t awake_ns(void)
{
	long long had = 0, waited = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "re");

	if (file && fscanf(file, "%lld %lld", &had, &waited) != 2)
		had = waited = 0;
	if (file)
		fclose(file);
	return had + waited;
}

int loop_dispatch(struct tfl_client *client)
{
	int64_t begin = tfl_clock_now(), awake = awake_ns(), passed;
	int r;

	turns++;
	r = tfl_client_dispatch(client);
	passed = tfl_clock_now() - begin;
	if (passed > ASLEEP_MAX_MS * MS) {
		int64_t asleep = passed - (awake_ns() - awake);

		ck_assert_msg(asleep <= ASLEEP_MAX_MS * MS, "a dispatch has slept for %lld ms", (long long)asleep / MS);
	}
	return r;
}

void loop_run(struct tfl_client *client)
{
	while (tfl_client_pending(client) > 0) {
		ck_assert_msg(loop_readable(client, PATIENCE_MS), "%u requests are pending, and nothing happens", tfl_client_pending(client));
		ck_assert_int_ge(loop_dispatch(client), 0);
	}
}

void tickets_make(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ticket_init(&tickets[i], scene.client, (float)(i + 1));
}

void scene_start(void (*serve)(struct fake *served, unsigned connection), int timeout_ms, int reconnect_ms, unsigned count)
{
	fake_start(&scene.fake, serve, NULL);
	scene.client = connect_to(&scene.fake, timeout_ms, reconnect_ms);
	tickets_make(count);
}

void scene_stop(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ticket_finish(&tickets[i]);
	tfl_client_destroy(scene.client);
	fake_stop(&scene.fake);
}

void scene_wait_cancels(unsigned count)
{
	for (unsigned i = 0; scene.fake.cancels < count && i < PATIENCE_MS; i++)
		usleep(1000);
	ck_assert_uint_eq(scene.fake.cancels, count);
}

void no_callback(struct tfl_infer *infer, int result, void *userdata)
{
	ck_abort_msg("a callback of a request that was refused");
}
