/* SPDX-License-Identifier: MIT */
/*
 * A channel over one end of a socketpair: what goes through at once, what is queued, charged, bounded and cut off, and what is told to
 * the loop; jobs that come and go on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/account.h"
#include "daemon/channel.h"
#include "daemon/job.h"
#include "daemon/outbox.h"
#include "tests/daemon/suites.h"

#define LIMIT (1u << 20)

static struct tfl_accounts *accounts;
static struct tfl_account *account; /* a reference of the test's own */
static struct tfl_outbox *outbox;
static struct tfl_channel *channel;
static struct tfl_error error;
static int peer;
static unsigned wakes;

static void wake(void *data)
{
	wakes++;
}

static void setup(void)
{
	static const uint64_t limits[TFL_QUOTA_COUNT] = {10, 3, 2 * LIMIT};
	int fds[2];

	ck_assert_int_eq(tfl_accounts_create(limits, &accounts), 0);
	ck_assert_int_eq(tfl_accounts_get(accounts, 1, &account), 0);
	ck_assert_int_eq(tfl_accounts_get(accounts, 1, &account), 0);
	ck_assert_int_eq(tfl_outbox_create(wake, NULL, &outbox), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	ck_assert_int_eq(tfl_channel_create(fds[0], account, outbox, LIMIT, NULL, &channel), 0);
	peer = fds[1];
}

static void teardown(void)
{
	tfl_outbox_destroy(outbox);
	tfl_channel_unref(channel);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_BYTES), 0);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_REQUESTS), 0);
	tfl_account_unref(account);
	tfl_accounts_destroy(accounts);
	close(peer);
}

static int send_bytes(const void *data, size_t size)
{
	struct iovec iov = {(void *)data, size};

	return tfl_channel_send(channel, &iov, 1);
}

/* Byte number @p i of an endless stream in which no two places look alike. */
static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + i / 251 + i / 65521);
}

/* Sends bytes @p from to @p from + @p size of the pattern. */
static int send_pattern(size_t from, size_t size)
{
	unsigned char *data = malloc(size);
	int r;

	for (size_t i = 0; i < size; i++)
		data[i] = pattern(from + i);
	r = send_bytes(data, size);
	free(data);
	return r;
}

/* Reads what is there and checks it against the pattern from @p from on; the position after it. */
static size_t receive_pattern(size_t from)
{
	unsigned char data[16384];
	ssize_t size;

	while ((size = read(peer, data, sizeof(data))) > 0) {
		ssize_t same = 0;

		while (same < size && data[same] == pattern(from + (size_t)same))
			same++;
		ck_assert_int_eq(same, size);
		from += (size_t)size;
	}
	return from;
}

static struct tfl_channel_state flush(void)
{
	struct tfl_channel_state state;

	tfl_channel_flush(channel, &state);
	return state;
}

/* Whether the channel stands in the outbox; takes it out. */
static bool told(void)
{
	struct tfl_channel *taken = tfl_outbox_take(outbox);

	ck_assert(!taken || taken == channel);
	tfl_channel_unref(taken);
	return taken != NULL;
}

START_TEST(a_small_frame_goes_straight_through)
{
	char first[] = "abc", last[] = "defg", data[16];
	struct iovec iov[3] = {{first, 3}, {data, 0}, {last, 4}};

	ck_assert_int_eq(tfl_channel_send(channel, iov, 3), 0);
	ck_assert_int_eq(read(peer, data, sizeof(data)), 7);
	ck_assert_mem_eq(data, "abcdefg", 7);
	ck_assert_uint_eq(flush().queued, 0);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_BYTES), 0);
	ck_assert(!told());
	ck_assert_uint_eq(wakes, 0);
}
END_TEST

START_TEST(what_the_socket_does_not_take_comes_later_in_order)
{
	size_t sent = 0, received = 0;
	struct tfl_channel_state state;

	/* Frames of odd sizes until well past what a socket buffers. */
	for (size_t size = 1; sent < 700000; size = size * 3 % 50021 + 1) {
		ck_assert_int_eq(send_pattern(sent, size), 0);
		sent += size;
	}
	state = flush();
	ck_assert_uint_gt(state.queued, 0);
	ck_assert_uint_ge(tfl_account_used(account, TFL_QUOTA_BYTES), state.queued);
	ck_assert(told());
	ck_assert(!told());
	ck_assert_uint_eq(wakes, 1);
	while (received < sent) {
		size_t before = received;

		received = receive_pattern(received);
		ck_assert_uint_gt(received, before);
		state = flush();
	}
	ck_assert_uint_eq(received, sent);
	ck_assert_uint_eq(state.queued, 0);
	ck_assert_int_eq(state.fault, 0);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_BYTES), 0);
	/* And at once again, now that the queue is empty. */
	ck_assert_int_eq(send_pattern(sent, 10), 0);
	ck_assert_uint_eq(receive_pattern(sent), sent + 10);
}
END_TEST

START_TEST(a_peer_that_stops_reading_is_cut_off_at_the_bound)
{
	size_t sent = 0;
	int r;

	do {
		r = send_pattern(sent, 30000);
		sent += 30000;
	} while (r == 0 && sent < 4 * LIMIT);
	ck_assert_int_eq(r, -EDQUOT);
	/* The socket's own buffer comes on top of the bound. */
	ck_assert_uint_ge(sent, LIMIT);
	ck_assert_uint_lt(sent, 2 * LIMIT);
	ck_assert(told());
	ck_assert_int_eq(flush().fault, -EDQUOT);
	ck_assert_uint_eq(flush().queued, 0);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_BYTES), 0);
	ck_assert_int_eq(send_bytes("x", 1), -EDQUOT);
}
END_TEST

/* A client that reads gets a reply of any size behind one that it has not read yet. */
START_TEST(the_bound_is_for_what_lay_unread_before)
{
	size_t sent = LIMIT + 300000, received = 0;

	ck_assert_int_eq(send_pattern(0, 300000), 0);
	ck_assert_int_eq(send_pattern(300000, LIMIT), 0);
	ck_assert_uint_gt(flush().queued, LIMIT);
	while (received < sent) {
		received = receive_pattern(received);
		ck_assert_int_eq(flush().fault, 0);
	}
	ck_assert_int_eq(send_pattern(sent, LIMIT + 300000), 0);
	ck_assert_uint_ge(flush().queued, LIMIT);
	ck_assert_int_eq(send_bytes("x", 1), -EDQUOT);
}
END_TEST

START_TEST(queued_bytes_count_against_the_user)
{
	size_t sent = 0;
	int r;

	/* The user has spent all but 100 KB elsewhere. */
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 2 * LIMIT - 100000, &error), 0);
	do {
		r = send_pattern(sent, 30000);
		sent += 30000;
	} while (r == 0 && sent < 4 * LIMIT);
	ck_assert_int_eq(r, -EDQUOT);
	ck_assert_uint_lt(sent, LIMIT);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_BYTES), 2 * LIMIT - 100000);
	tfl_account_release(account, TFL_QUOTA_BYTES, 2 * LIMIT - 100000);
}
END_TEST

START_TEST(a_peer_that_is_gone_is_a_fault_and_no_signal)
{
	close(peer);
	peer = -1;
	ck_assert_int_eq(send_bytes("x", 1), -EPIPE);
	ck_assert(told());
	ck_assert_int_eq(flush().fault, -EPIPE);
	ck_assert_int_eq(send_bytes("x", 1), -EPIPE);
}
END_TEST

START_TEST(a_closed_channel_sends_nothing_and_cancels_what_is_in_flight)
{
	struct tfl_job *first, *second;
	char data;

	ck_assert_int_eq(tfl_job_begin(channel, &first, &error), 0);
	ck_assert_int_eq(tfl_job_begin(channel, &second, &error), 0);
	ck_assert(!atomic_load(&first->cancelled));
	tfl_job_end(first);
	ck_assert(tfl_channel_close(channel));
	ck_assert(atomic_load(second->control.cancelled));
	ck_assert_int_eq(send_bytes("x", 1), -EPIPE);
	ck_assert_int_eq(read(peer, &data, 1), 0);
	ck_assert_int_eq(tfl_job_begin(channel, &first, &error), -EPIPE);
	tfl_job_end(second);
	ck_assert(!tfl_channel_close(channel));
}
END_TEST

START_TEST(a_request_is_cancelled_by_its_number)
{
	struct tfl_job *jobs[3];

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(tfl_job_begin(channel, &jobs[i], &error), 0);
		jobs[i]->msgid = i == 0 ? 7 : 8;
	}
	ck_assert(!tfl_job_cancel(channel, 9));
	ck_assert(tfl_job_cancel(channel, 8)); /* a client that gave the number twice meant both */
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(atomic_load(jobs[i]->control.cancelled), i > 0);
	for (unsigned i = 0; i < 3; i++)
		tfl_job_end(jobs[i]);
	ck_assert(!tfl_job_cancel(channel, 8));
}
END_TEST

START_TEST(the_socket_stays_open_as_long_as_a_job_refers_to_it)
{
	struct tfl_job *job;
	int fd = channel->fd;

	ck_assert_int_eq(tfl_job_begin(channel, &job, &error), 0);
	tfl_channel_close(channel);
	tfl_channel_unref(channel);
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
	tfl_channel_ref(job->channel);
	tfl_job_end(job);
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(requests_in_flight_are_charged_and_job_memory_is_used_again)
{
	struct tfl_job *jobs[3], *more, *again;

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(tfl_job_begin(channel, &jobs[i], &error), 0);
	ck_assert_int_eq(tfl_job_begin(channel, &more, &error), -EDQUOT);
	ck_assert_ptr_nonnull(strstr(error.text, "3 requests in flight"));
	jobs[1]->msgid = 77;
	jobs[1]->control.deadline_ns = 5;
	atomic_store(&jobs[1]->cancelled, true);
	tfl_job_end(jobs[1]);
	ck_assert_int_eq(tfl_job_begin(channel, &again, &error), 0);
	ck_assert_ptr_eq(again, jobs[1]);
	ck_assert(!atomic_load(&again->cancelled));
	ck_assert_uint_eq(again->control.deadline_ns, 0);
	ck_assert_ptr_null(again->version);
	ck_assert_ptr_null(again->frame.data);
	tfl_job_end(again);
	tfl_job_end(jobs[0]);
	tfl_job_end(jobs[2]);
	tfl_job_end(NULL);
}
END_TEST

/* A worker has something to do still when the reply has gone, and its user none in flight. */
START_TEST(what_is_answered_is_not_in_flight)
{
	struct tfl_job *jobs[4];

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(tfl_job_begin(channel, &jobs[i], &error), 0);
	tfl_job_answered(jobs[0]);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_REQUESTS), 2);
	ck_assert_int_eq(tfl_job_begin(channel, &jobs[3], &error), 0);
	tfl_job_end(jobs[0]);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_REQUESTS), 3);
	ck_assert_int_eq(tfl_job_begin(channel, &jobs[0], &error), -EDQUOT);
	for (unsigned i = 1; i < 4; i++)
		tfl_job_end(jobs[i]);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_REQUESTS), 0);
	ck_assert_int_eq(tfl_job_begin(channel, &jobs[0], &error), 0);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_REQUESTS), 1);
	tfl_job_end(jobs[0]);
}
END_TEST

START_TEST(the_last_reply_of_a_draining_channel_is_told)
{
	struct tfl_job *job;

	ck_assert_int_eq(tfl_job_begin(channel, &job, &error), 0);
	tfl_channel_hold(channel);
	tfl_channel_drain(channel);
	ck_assert_uint_eq(flush().pending, 2);
	tfl_job_end(job);
	ck_assert(!told());
	tfl_channel_release(channel);
	ck_assert(told());
	ck_assert_uint_eq(flush().pending, 0);
	/* Without draining nobody wants to know. */
	channel->draining = false;
	tfl_channel_hold(channel);
	tfl_channel_release(channel);
	ck_assert(!told());
}
END_TEST

#define FRAMES 1000 /* of three threads: less than the queue's bound */

/* Frames of 1 to 600 bytes that are all the same byte, the sender's. */
static void *send_frames(void *data) /* NULL when all went out */
{
	char frame[602];

	for (unsigned i = 0; i < FRAMES; i++) {
		size_t size = 1 + i * 31 % 600;

		memset(frame, *(const char *)data, sizeof(frame));
		frame[0] = (char)(size >> 8);
		frame[1] = (char)size;
		if (send_bytes(frame, size + 2) < 0)
			return data;
	}
	return NULL;
}

static void read_fully(unsigned char *data, size_t size)
{
	while (size > 0) {
		ssize_t part = read(peer, data, size);

		ck_assert(part > 0 || (part < 0 && errno == EAGAIN));
		if (part < 0) {
			flush();
			usleep(100);
			continue;
		}
		data += part;
		size -= (size_t)part;
	}
}

START_TEST(frames_of_several_threads_do_not_mix)
{
	static const char names[3] = {'a', 'b', 'c'};
	unsigned char frame[602];
	pthread_t threads[3];
	unsigned seen[256] = {0};
	void *result;

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, send_frames, (void *)&names[i]), 0);
	for (unsigned i = 0; i < 3 * FRAMES; i++) {
		size_t size;

		read_fully(frame, 2);
		size = (size_t)frame[0] << 8 | frame[1];
		ck_assert_uint_le(size, 600);
		read_fully(frame + 2, size);
		ck_assert_mem_eq(frame + 2, frame + 3, size - 1);
		seen[frame[2]]++;
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_null(result);
		ck_assert_uint_eq(seen[(unsigned char)names[i]], FRAMES);
	}
}
END_TEST

Suite *channel_suite(void)
{
	Suite *suite = suite_create("channel");
	TCase *tcase = tcase_create("socketpair");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_small_frame_goes_straight_through);
	tcase_add_test(tcase, what_the_socket_does_not_take_comes_later_in_order);
	tcase_add_test(tcase, a_peer_that_stops_reading_is_cut_off_at_the_bound);
	tcase_add_test(tcase, the_bound_is_for_what_lay_unread_before);
	tcase_add_test(tcase, queued_bytes_count_against_the_user);
	tcase_add_test(tcase, a_peer_that_is_gone_is_a_fault_and_no_signal);
	tcase_add_test(tcase, a_closed_channel_sends_nothing_and_cancels_what_is_in_flight);
	tcase_add_test(tcase, a_request_is_cancelled_by_its_number);
	tcase_add_test(tcase, the_socket_stays_open_as_long_as_a_job_refers_to_it);
	tcase_add_test(tcase, requests_in_flight_are_charged_and_job_memory_is_used_again);
	tcase_add_test(tcase, what_is_answered_is_not_in_flight);
	tcase_add_test(tcase, the_last_reply_of_a_draining_channel_is_told);
	tcase_add_test(tcase, frames_of_several_threads_do_not_mix);
	suite_add_tcase(suite, tcase);
	return suite;
}
