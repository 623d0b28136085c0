/* SPDX-License-Identifier: MIT */
/* Connecting, losing the connection, and waiting: what the header promises about time, signals and repetition. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/client.h"
#include "tests/client/common.h"
#include "tests/client/suites.h"

START_TEST(nobody_there)
{
	struct tfl_call_error error = {0};
	struct tfl_client *client = NULL;

	ck_assert_int_eq(tfl_client_connect("/tmp/no-such-folder/sock", NULL, &client, &error), -EAGAIN);
	ck_assert_int_eq(error.status, TFL_UNAVAILABLE);
	ck_assert_msg(strstr(error.message, "/tmp/no-such-folder/sock") && strstr(error.message, "tfld"), "%s", error.message);
	ck_assert_ptr_null(client);
	ck_assert_int_eq(tfl_client_connect("/dev/null", NULL, &client, NULL), -EINVAL);
}
END_TEST

START_TEST(path_too_long)
{
	struct tfl_call_error error = {0};
	struct tfl_client *client = NULL;
	char path[200];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(tfl_client_connect(path, NULL, &client, &error), -EINVAL);
	ck_assert_msg(strstr(error.message, "107") && strstr(error.message, "199"), "%s", error.message);
}
END_TEST

START_TEST(path_from_environment)
{
	struct tfl_client *client = NULL;
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	setenv("TFL_SOCKET", fake.path, 1);
	ck_assert_int_eq(tfl_client_connect(NULL, NULL, &client, NULL), 0);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

START_TEST(options_of_other_releases)
{
	struct {
		struct tfl_client_options known;
		int newer;
	} large = {.known = {.size = sizeof(large), .timeout_ms = 50}};
	struct tfl_client_options small = {.size = offsetof(struct tfl_client_options, reconnect_ms), .timeout_ms = 70, .reconnect_ms = -1};
	struct tfl_call_error error = {0};
	struct tfl_client *client = NULL;
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	ck_assert_int_eq(tfl_client_connect(fake.path, &small, &client, &error), 0);
	ck_assert_int_eq(client->timeout_ms, 70);
	ck_assert_int_gt(client->reconnect_ms, 0); /* beyond the caller's size: not looked at */
	tfl_client_destroy(client);
	ck_assert_int_eq(tfl_client_connect(fake.path, &large.known, &client, &error), 0);
	ck_assert_int_eq(client->timeout_ms, 50);
	tfl_client_destroy(client);
	large.newer = 1;
	ck_assert_int_eq(tfl_client_connect(fake.path, &large.known, &client, &error), -EINVAL);
	large.known.size = 0;
	ck_assert_int_eq(tfl_client_connect(fake.path, &large.known, &client, &error), -EINVAL);
	ck_assert_msg(strstr(error.message, "sizeof"), "%s", error.message);
	fake_stop(&fake);
}
END_TEST

START_TEST(descriptor_is_close_on_exec)
{
	struct tfl_client *client;
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_ne(fcntl(client->connection.fd, F_GETFD) & FD_CLOEXEC, 0);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

static void serve_one(struct fake *fake, unsigned connection)
{
	struct tfl_message request;

	if (fake_receive(fake, &request)) {
		fake_write_echo(fake, &request);
		fake_send(fake);
	}
}

/* Each connection answers once and closes, as a daemon does that restarts between calls: the caller sees none of it. SIGPIPE would kill. */
START_TEST(reconnects_between_calls)
{
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_one, NULL);
	client = connect_to(&fake, 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
		ck_assert_int_eq(tfl_infer_status(infer), TFL_OK);
		ck_assert_str_eq(tfl_infer_error_message(infer), "");
		fake_wait_served(&fake, i + 1);
	}
	ck_assert_uint_eq(fake.requests, 5);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

static void serve_read_and_close(struct fake *fake, unsigned connection)
{
	struct tfl_message request;

	if (connection == 0)
		fake_receive(fake, &request);
	else
		fake_serve_echo(fake, connection);
}

START_TEST(never_repeats_a_request_under_way)
{
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_read_and_close, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_client_infer(client, infer), -ECONNRESET);
	ck_assert_int_eq(tfl_infer_status(infer), TFL_DISCONNECTED);
	ck_assert_uint_eq(tfl_infer_output_count(infer), 0);
	ck_assert_uint_eq(fake.requests, 1);
	ck_assert_int_eq(tfl_client_infer(client, infer), 0);
	ck_assert_uint_eq(fake.requests, 2);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

START_TEST(does_not_reconnect_when_told_so)
{
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_one, NULL);
	client = connect_to(&fake, 0, -1);
	ck_assert_int_eq(tfl_client_infer(client, infer), 0);
	fake_wait_served(&fake, 1);
	ck_assert_int_eq(tfl_client_infer(client, infer), -ECONNRESET);
	ck_assert_int_eq(tfl_client_infer(client, infer), -ECONNRESET);
	ck_assert_int_eq(tfl_infer_status(infer), TFL_DISCONNECTED);
	ck_assert_uint_eq(fake.requests, 1);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

static void *bring_back(void *data)
{
	struct fake *fake = data;
	char away[128];

	snprintf(away, sizeof(away), "%s.away", fake->path);
	usleep(150000);
	ck_assert_int_eq(rename(away, fake->path), 0);
	return NULL;
}

START_TEST(waits_for_a_daemon_that_restarts)
{
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	char away[128];
	struct fake fake;
	pthread_t thread;
	int64_t begin;

	fake_start(&fake, serve_one, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_client_infer(client, infer), 0);
	fake_wait_served(&fake, 1);
	snprintf(away, sizeof(away), "%s.away", fake.path);
	ck_assert_int_eq(rename(fake.path, away), 0);
	begin = tfl_clock_now();
	ck_assert_int_eq(pthread_create(&thread, NULL, bring_back, &fake), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	ck_assert_int_ge(tfl_clock_now() - begin, 140 * MS);
	pthread_join(thread, NULL);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

START_TEST(gives_up_on_a_daemon_that_stays_away)
{
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;
	int64_t begin, took;

	fake_start(&fake, serve_one, NULL);
	client = connect_to(&fake, 0, 200);
	ck_assert_int_eq(tfl_client_infer(client, infer), 0);
	fake_stop(&fake);
	begin = tfl_clock_now();
	ck_assert_int_eq(tfl_client_infer(client, infer), -EAGAIN);
	took = tfl_clock_now() - begin;
	ck_assert_int_ge(took, 60 * MS);
	ck_assert_int_le(took, PATIENCE_NS);
	ck_assert_int_eq(tfl_infer_status(infer), TFL_UNAVAILABLE);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
}
END_TEST

START_TEST(timeout_of_the_client)
{
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;
	int64_t begin;

	fake_start(&fake, fake_serve_silence, NULL);
	client = connect_to(&fake, 100, 0);
	begin = tfl_clock_now();
	ck_assert_int_eq(tfl_client_infer(client, infer), -ETIMEDOUT);
	ck_assert_int_ge(tfl_clock_now() - begin, 100 * MS);
	ck_assert_int_eq(tfl_infer_status(infer), TFL_DEADLINE_EXCEEDED);
	ck_assert_uint_ge(tfl_infer_round_trip_ns(infer), 100 * MS);
	ck_assert_int_eq(tfl_client_health(client, NULL, NULL), -ETIMEDOUT);
	/* A request's own comes first. */
	tfl_client_set_timeout(client, 10 * PATIENCE_MS);
	tfl_infer_set_timeout(infer, 20);
	begin = tfl_clock_now();
	ck_assert_int_eq(tfl_client_infer(client, infer), -ETIMEDOUT);
	ck_assert_int_ge(tfl_clock_now() - begin, 20 * MS);
	ck_assert_int_le(tfl_clock_now() - begin, PATIENCE_NS);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

/* The first request is answered when the second has come: after its timeout, and before the second's answer. */
static void serve_late(struct fake *fake, unsigned connection)
{
	struct tfl_message request;
	struct tfl_frame first;

	if (!fake_receive(fake, &request))
		return;
	first = fake->frame;
	fake->frame = (struct tfl_frame){0};
	if (fake_receive(fake, &request)) {
		struct tfl_message late;

		ck_assert_int_eq(tfl_message_parse((struct tfl_slice){first.data, first.size}, &late, NULL), 0);
		fake_write_echo(fake, &late);
		fake_send(fake);
		fake_write_echo(fake, &request);
		fake_send(fake);
		fake_serve_echo(fake, connection);
	}
	tfl_frame_finish(&first);
}

START_TEST(late_answer_is_dropped)
{
	static const float late[1] = {-1}, wanted[1] = {5};
	static const int32_t dims[1] = {1};
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_late, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 1, late, sizeof(late)), 0);
	tfl_infer_set_timeout(infer, 50);
	ck_assert_int_eq(tfl_client_infer(client, infer), -ETIMEDOUT);
	tfl_infer_set_timeout(infer, 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 1, wanted, sizeof(wanted)), 0);
	ck_assert_int_eq(tfl_client_infer(client, infer), 0);
	ck_assert_float_eq(*(const float *)tfl_infer_output(infer, 0)->data, 5);
	ck_assert_uint_eq(fake.requests, 2); /* over the same connection */
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

static void serve_slow(struct fake *fake, unsigned connection)
{
	struct tfl_message request;
	sigset_t all;

	sigfillset(&all); /* the signals are for the client's thread */
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (fake_receive(fake, &request)) {
		usleep(150000);
		fake_write_echo(fake, &request);
		fake_send(fake);
	}
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
	alarms++;
}

START_TEST(signals_do_not_cut_a_wait_short)
{
	struct itimerval timer = {{0, 2000}, {0, 2000}}, off = {0};
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;
	int r;

	fake_start(&fake, serve_slow, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_client_infer(client, infer), 0); /* the fake's thread has blocked its signals by now */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	r = tfl_client_infer(client, infer);
	tfl_infer_set_timeout(infer, 60);
	ck_assert_int_eq(r, 0);
	r = tfl_client_infer(client, infer);
	setitimer(ITIMER_REAL, &off, NULL);
	ck_assert_int_eq(r, -ETIMEDOUT);
	ck_assert_uint_ge(tfl_infer_round_trip_ns(infer), 60 * MS);
	ck_assert_int_gt(alarms, 10);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

static void serve_deaf(struct fake *fake, unsigned connection)
{
	if (connection == 0)
		fake_wait_end(fake);
	else
		fake_serve_echo(fake, connection);
}

/* The socket's buffer is smaller than the request. The stream is then in the middle of a frame, so the client has to give it up. */
START_TEST(timeout_while_sending)
{
	static uint8_t data[4 << 20];
	static const int32_t dims[1] = {4 << 20};
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_deaf, NULL);
	client = connect_to(&fake, 100, 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_UINT8, dims, 1, data, sizeof(data)), 0);
	ck_assert_int_eq(tfl_client_infer(client, infer), -ETIMEDOUT);
	ck_assert_int_eq(client->connection.fd, -1);
	tfl_infer_set_timeout(infer, 5000);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

START_TEST(null_is_allowed_where_it_is_said)
{
	tfl_client_destroy(NULL);
	tfl_infer_destroy(NULL);
	tfl_value_destroy(NULL);
}
END_TEST

Suite *connect_suite(void)
{
	Suite *suite = suite_create("connect");
	TCase *tcase = tcase_create("connect");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, nobody_there);
	tcase_add_test(tcase, path_too_long);
	tcase_add_test(tcase, path_from_environment);
	tcase_add_test(tcase, options_of_other_releases);
	tcase_add_test(tcase, descriptor_is_close_on_exec);
	tcase_add_test(tcase, reconnects_between_calls);
	tcase_add_test(tcase, never_repeats_a_request_under_way);
	tcase_add_test(tcase, does_not_reconnect_when_told_so);
	tcase_add_test(tcase, waits_for_a_daemon_that_restarts);
	tcase_add_test(tcase, gives_up_on_a_daemon_that_stays_away);
	tcase_add_test(tcase, timeout_of_the_client);
	tcase_add_test(tcase, late_answer_is_dropped);
	tcase_add_test(tcase, signals_do_not_cut_a_wait_short);
	tcase_add_test(tcase, timeout_while_sending);
	tcase_add_test(tcase, null_is_allowed_where_it_is_said);
	suite_add_tcase(suite, tcase);
	return suite;
}
