/* SPDX-License-Identifier: MIT */
/* Many requests in flight, against the real daemon: right answers to right requests, whatever the order; cancelled ones cost nothing. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"
#include "client/tflclient.h"
#include "tests/client/system_suites.h"
#include "tests/system/endless.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"

#define CLIENTS 4
#define REQUESTS 1000
#define ROUNDS 5
#define SEED 7 /* of add_tiny() */

struct flight {
	struct tfl_client *client;
	struct tfl_infer *infer;
	float input[TINY_ELEMENTS];
	unsigned calls, right;
	int result;
	unsigned rounds; /* how often it is to be submitted */
};

static struct daemon tfld;
static struct tfl_client *clients[CLIENTS];
static struct flight flights[REQUESTS];
static unsigned number_of_last, overtakings; /* callbacks of requests that were submitted before one that ended before */

static struct tfl_client *connect_client(void)
{
	struct tfl_call_error error = {0};
	struct tfl_client *client = NULL;

	ck_assert_msg(tfl_client_connect(tfld.socket, NULL, &client, &error) == 0, "%s", error.message);
	tfl_client_set_timeout(client, 60000);
	return client;
}

static void start(void (*add)(const struct daemon *daemon), const char *configuration, unsigned client_count)
{
	daemon_prepare(&tfld);
	add(&tfld);
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	for (unsigned i = 0; i < client_count; i++) {
		clients[i] = connect_client();
		ck_assert_int_eq(tfl_client_health(clients[i], NULL, NULL), 0); /* it has been accepted */
	}
}

static void stop(unsigned client_count)
{
	for (unsigned i = 0; i < client_count; i++)
		tfl_client_destroy(clients[i]);
	daemon_stop(&tfld);
}

static void init_flight(unsigned i, const char *model, const int32_t *dims, unsigned rank, const void *data, size_t bytes)
{
	struct flight *flight = &flights[i];

	*flight = (struct flight){.client = clients[i % CLIENTS] ? clients[i % CLIENTS] : clients[0], .rounds = 1};
	ck_assert_int_eq(tfl_infer_create(model, &flight->infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input(flight->infer, 0, TFL_FLOAT32, dims, rank, data ? data : flight->input, bytes), 0);
}

static bool is_right(const struct flight *flight)
{
	const struct tfl_output *output = tfl_infer_output(flight->infer, 0);
	float expected[TINY_ELEMENTS];

	model_tiny_expected(SEED, flight->input, expected);
	for (unsigned i = 0; i < TINY_ELEMENTS; i++) {
		float off = output && output->bytes == sizeof(expected) ? ((const float *)output->data)[i] - expected[i] : 1;

		if (!(off > -1e-4f && off < 1e-4f))
			return false;
	}
	return true;
}

static void on_end(struct tfl_infer *infer, int result, void *userdata);

static void submit(struct flight *flight)
{
	int r = tfl_client_submit(flight->client, flight->infer, on_end, flight);

	ck_assert_msg(r == 0, "%d: %s", r, tfl_infer_error_message(flight->infer));
}

static void on_end(struct tfl_infer *infer, int result, void *userdata)
{
	struct flight *flight = userdata;
	unsigned number = (unsigned)(flight - flights);

	flight->calls++;
	flight->result = result;
	flight->right += result == 0 && is_right(flight);
	overtakings += number < number_of_last;
	number_of_last = number;
	if (flight->calls < flight->rounds)
		submit(flight);
}

static unsigned pending(void)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		sum += clients[i] ? tfl_client_pending(clients[i]) : 0;
	return sum;
}

/* The loop of a program: one poll() over all connections. */
static void run_loop(unsigned client_count)
{
	struct pollfd pollers[CLIENTS];

	for (unsigned i = 0; i < client_count; i++)
		pollers[i] = (struct pollfd){.fd = tfl_client_fd(clients[i]), .events = POLLIN};
	while (pending() > 0) {
		ck_assert_int_gt(poll(pollers, client_count, 20000), 0);
		for (unsigned i = 0; i < client_count; i++) {
			if (pollers[i].revents)
				tfl_client_dispatch(clients[i]);
		}
	}
}

/* Every request has numbers of its own, so an answer given to another request cannot be right. */
static void make_flights(unsigned count)
{
	static const int32_t dims[2] = {1, TINY_ELEMENTS};

	for (unsigned i = 0; i < count; i++) {
		init_flight(i, "tiny", dims, 2, NULL, sizeof(flights[i].input));
		for (unsigned k = 0; k < TINY_ELEMENTS; k++)
			flights[i].input[k] = tiny_input[k] + (float)(i + 1) * 0.001f * (float)(k % 3 + 1);
	}
}

START_TEST(a_thousand_in_flight_over_four_connections)
{
	unsigned descriptors;

	start(add_tiny, "[requests]\ninline = 0\n", CLIENTS);
	descriptors = daemon_steady_descriptors(&tfld);
	make_flights(REQUESTS);
	for (unsigned i = 0; i < REQUESTS; i++) {
		ck_assert_int_eq(tfl_infer_set_priority(flights[i].infer, 1 + i * 7919 % 255), 0);
		flights[i].rounds = ROUNDS;
		submit(&flights[i]);
	}
	ck_assert_uint_eq(pending(), REQUESTS);
	run_loop(CLIENTS);
	for (unsigned i = 0; i < REQUESTS; i++) {
		ck_assert_msg(flights[i].calls == ROUNDS && flights[i].right == ROUNDS, "request %u: %u callbacks, %u right, the last %d %s", i,
			      flights[i].calls, flights[i].right, flights[i].result, tfl_infer_error_message(flights[i].infer));
		tfl_infer_destroy(flights[i].infer);
	}
	ck_assert_uint_gt(overtakings, 10);
	ck_assert_uint_eq(daemon_settled_descriptors(&tfld, descriptors), descriptors);
	stop(CLIENTS);
}
END_TEST

static uint64_t results_of(const char *model, const char *status)
{
	struct tfl_value *value = NULL;
	uint64_t count;

	ck_assert_int_eq(tfl_client_stats(clients[0], model, &value, NULL), 0);
	count = tfl_value_uint(tfl_value_get(tfl_value_get(tfl_value_at(tfl_value_get(value, "versions"), 0), "results"), status), 0);
	tfl_value_destroy(value);
	return count;
}

static void add_two(const struct daemon *daemon)
{
	add_slow(daemon, 1);
	endless_add(daemon, NULL);
}

/* What is cancelled while it waits is never computed; the first one keeps the worker until then. */
START_TEST(the_daemon_drops_what_is_cancelled)
{
	static const float for_ever = INFINITY;
	static float data[96 * 96 * 3];
	static const int32_t dims[4] = {1, 96, 96, 3};

	start(add_two, "[requests]\nworkers = 1\n", 1);
	for (unsigned i = 0; i < 40; i++) {
		if (i == 0)
			init_flight(i, "endless", (const int32_t[]){1, 1}, 2, &for_ever, sizeof(for_ever));
		else
			init_flight(i, "slow", dims, 4, data, sizeof(data));
		submit(&flights[i]);
	}
	ck_assert_int_eq(tfl_client_health(clients[0], NULL, NULL), 0); /* which it answers when it has read all before */
	for (unsigned i = 2; i < 40; i++)
		ck_assert_int_eq(tfl_client_cancel(clients[0], flights[i].infer), 0);
	ck_assert_int_eq(tfl_client_cancel(clients[0], flights[0].infer), 0);
	run_loop(1);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_uint_eq(flights[i].calls, 1);
		ck_assert_int_eq(flights[i].result, i == 1 ? 0 : -ECANCELED);
		tfl_infer_destroy(flights[i].infer);
	}
	for (unsigned i = 0; i < 500 && results_of("slow", "CANCELLED") + results_of("slow", "OK") < 39; i++)
		usleep(20000);
	ck_assert_uint_eq(results_of("slow", "CANCELLED"), 38);
	ck_assert_uint_eq(results_of("slow", "OK"), 1);
	stop(1);
}
END_TEST

/* The daemon is restarted under a loop that keeps requests in flight; the descriptor stays what it was. */
START_TEST(a_restart_under_way)
{
	int fd;

	start(add_tiny, NULL, 1);
	fd = tfl_client_fd(clients[0]);
	make_flights(100);
	for (unsigned restart = 0; restart < 3; restart++) {
		for (unsigned i = 0; i < 100; i++) {
			flights[i].calls = flights[i].right = 0;
			submit(&flights[i]);
		}
		kill(tfld.pid, restart == 1 ? SIGKILL : SIGTERM);
		daemon_wait(&tfld);
		daemon_start(&tfld, NULL);
		daemon_wait_ready(&tfld);
		run_loop(1);
		for (unsigned i = 0; i < 100; i++) {
			ck_assert_uint_eq(flights[i].calls, 1);
			ck_assert_msg(flights[i].right || flights[i].result == -ECONNRESET || flights[i].result == -EAGAIN, "%d %s",
				      flights[i].result, tfl_infer_error_message(flights[i].infer));
		}
		ck_assert_int_eq(tfl_client_health(clients[0], NULL, NULL), 0);
		ck_assert_int_eq(tfl_client_fd(clients[0]), fd);
	}
	for (unsigned i = 0; i < 100; i++)
		tfl_infer_destroy(flights[i].infer);
	stop(1);
}
END_TEST

Suite *flight_suite(void)
{
	Suite *suite = suite_create("flight");
	TCase *tcase = tcase_create("flight");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_thousand_in_flight_over_four_connections);
	tcase_add_test(tcase, the_daemon_drops_what_is_cancelled);
	tcase_add_test(tcase, a_restart_under_way);
	suite_add_tcase(suite, tcase);
	return suite;
}
