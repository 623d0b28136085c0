/* SPDX-License-Identifier: MIT */
/*
 * Streams of frames, cut in every way, come out as the frames they were made of; memory stays in proportion to what arrived, is charged
 * before it is taken and given back to the last byte.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "tests/builder/random.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"
#include "tests/support/allocation.h"

#define QUOTA (256u << 20)

static struct wire_account account;
static struct tfl_assembler assembler;

static void setup(void)
{
	struct tfl_charge charge = wire_charge(&account);

	account = (struct wire_account){.quota = QUOTA};
	tfl_assembler_init(&assembler, TFL_FRAME_MAX, &charge);
}

static void teardown(void)
{
	tfl_assembler_finish(&assembler);
	ck_assert_uint_eq(account.used, 0);
	ck_assert(!account.overdrawn);
}

static void put_length(uint8_t *at, size_t length)
{
	at[0] = (uint8_t)(length >> 24);
	at[1] = (uint8_t)(length >> 16);
	at[2] = (uint8_t)(length >> 8);
	at[3] = (uint8_t)length;
}

/* The byte at @p offset of frame @p number: a frame in the wrong place, or of the wrong bytes, is seen. */
static uint8_t pattern(unsigned number, size_t offset)
{
	return (uint8_t)(number * 31 + offset + (offset >> 8) * 7);
}

/* @p count frames of the given sizes, one behind the other. */
static struct tfl_slice make_stream(const size_t *sizes, unsigned count)
{
	size_t total = 0;
	uint8_t *stream, *at;

	for (unsigned i = 0; i < count; i++)
		total += 4 + sizes[i];
	at = stream = malloc(total);
	ck_assert_ptr_nonnull(stream);
	for (unsigned i = 0; i < count; i++) {
		put_length(at, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++)
			at[4 + k] = pattern(i, k);
		at += 4 + sizes[i];
	}
	return (struct tfl_slice){stream, total};
}

static void check_frame(struct tfl_frame *frame, unsigned number, size_t size)
{
	ck_assert_uint_eq(frame->size, size);
	for (size_t k = 0; k < size; k++) {
		if (frame->data[k] != pattern(number, k))
			ck_abort_msg("frame %u differs at byte %zu of %zu", number, k, size);
	}
	tfl_frame_finish(frame);
}

/*
 * Offers @p size bytes as a socket would: as many as there is room for, and not more than @p piece at once. Returns how many went. (Here
 * and in take() asserts are spared: each one is a system call, and there is one for every byte.)
 */
static size_t offer(const uint8_t *data, size_t size, size_t piece)
{
	struct tfl_error error = {0};
	uint8_t *space;
	size_t room;

	if (tfl_assembler_space(&assembler, &space, &room, &error) < 0 || room == 0)
		ck_abort_msg("no space: %s", error.text);
	room = room < piece ? room : piece;
	room = room < size ? room : size;
	memcpy(space, data, room);
	tfl_assembler_fill(&assembler, room);
	return room;
}

/* Takes what is whole. Returns the number of the next frame. */
static unsigned take(unsigned number, const size_t *sizes)
{
	struct tfl_error error = {0};
	struct tfl_frame frame;
	int r;

	while ((r = tfl_assembler_next(&assembler, &frame, &error)) > 0) {
		check_frame(&frame, number, sizes[number]);
		number++;
	}
	if (r < 0)
		ck_abort_msg("no frame: %s", error.text);
	return number;
}

static void run_stream(const size_t *sizes, unsigned count, size_t piece, struct tfl_random *random)
{
	struct tfl_slice stream = make_stream(sizes, count);
	unsigned number = 0;

	for (size_t sent = 0; sent < stream.size;) {
		size_t most = random ? 1 + tfl_random_below(random, (uint32_t)piece) : piece;

		sent += offer(stream.data + sent, stream.size - sent, most);
		number = take(number, sizes);
	}
	ck_assert_uint_eq(number, count);
	ck_assert_uint_eq(tfl_assembler_pending(&assembler), 0);
	wire_free(stream);
}

/* Sizes around every border: of the stage, of the first own memory, of its growth. */
static const size_t border_sizes[] = {
	1, 64, 3, TFL_RECEIVE_BUFFER - 5, TFL_RECEIVE_BUFFER - 4, 2, TFL_RECEIVE_BUFFER - 3, TFL_RECEIVE_BUFFER, 64,
	TFL_FRAME_STEP - 1, TFL_FRAME_STEP, TFL_FRAME_STEP + 1, 1, 4 * TFL_FRAME_STEP, 4 * TFL_FRAME_STEP + 1, 16 * TFL_FRAME_STEP + 5, 64,
};

START_TEST(stream_at_once)
{
	run_stream(border_sizes, TFL_ARRAY_SIZE(border_sizes), SIZE_MAX, NULL);
}
END_TEST

START_TEST(stream_byte_by_byte)
{
	run_stream(border_sizes, 10, 1, NULL);
}
END_TEST

START_TEST(stream_in_pieces)
{
	static const size_t pieces[] = {2, 3, 5, 4095, 4096, 16383, 16384, 65536};

	run_stream(border_sizes, TFL_ARRAY_SIZE(border_sizes), pieces[_i], NULL);
}
END_TEST

START_TEST(stream_at_random)
{
	struct tfl_random random = {(uint64_t)_i};
	size_t sizes[40];

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(sizes); i++)
		sizes[i] = 1 + tfl_random_below(&random, 1u << (1 + tfl_random_below(&random, 17)));
	run_stream(sizes, TFL_ARRAY_SIZE(sizes), (size_t)1 << tfl_random_below(&random, 18), &random);
}
END_TEST

START_TEST(small_frames_come_many_at_a_time)
{
	size_t sizes[200];
	struct tfl_slice stream;

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(sizes); i++)
		sizes[i] = 64;
	stream = make_stream(sizes, TFL_ARRAY_SIZE(sizes));
	ck_assert_uint_eq(offer(stream.data, stream.size, SIZE_MAX), stream.size);
	ck_assert_uint_eq(take(0, sizes), TFL_ARRAY_SIZE(sizes));
	wire_free(stream);
}
END_TEST

static int one_small_frame(void *data)
{
	static const uint8_t bytes[] = {0, 0, 0, 2, 'a', 'b'};
	struct tfl_frame frame;
	uint8_t *space;
	size_t room;
	int r;

	r = tfl_assembler_space(&assembler, &space, &room, NULL);
	if (r < 0)
		return r;
	memcpy(space, bytes, sizeof(bytes));
	tfl_assembler_fill(&assembler, sizeof(bytes));
	r = tfl_assembler_next(&assembler, &frame, NULL);
	if (r == 1)
		tfl_frame_finish(&frame);
	return r == 1 ? 0 : r;
}

START_TEST(small_frame_costs_one_allocation)
{
	one_small_frame(NULL);
	/* The frame that could not be taken stays, so no run is lost; what the last run counts is the steady state. */
	ck_assert_uint_eq(allocation_fail_each(one_small_frame, NULL), 1);
}
END_TEST

START_TEST(large_frame_is_received_in_place)
{
	size_t size = 1u << 20;
	struct tfl_slice stream = make_stream(&size, 1);
	struct tfl_error error = {0};
	struct tfl_frame frame;
	uint8_t *space = NULL;
	size_t sent = 0, room;

	while (sent < stream.size) {
		ck_assert_int_eq(tfl_assembler_space(&assembler, &space, &room, &error), 0);
		room = room < stream.size - sent ? room : stream.size - sent;
		memcpy(space, stream.data + sent, room);
		tfl_assembler_fill(&assembler, room);
		sent += room;
	}
	ck_assert_int_eq(tfl_assembler_next(&assembler, &frame, &error), 1);
	ck_assert_ptr_eq(space + room, frame.data + frame.size);
	check_frame(&frame, 0, size);
	wire_free(stream);
}
END_TEST

START_TEST(memory_follows_what_arrived)
{
	size_t size = TFL_FRAME_MAX, arrived = 0;
	uint8_t length[4], zeroes[1000] = {0};

	put_length(length, size);
	offer(length, 4, 4);
	ck_assert_uint_eq(take(0, NULL), 0);
	while (arrived < 3u << 20) {
		size_t bound = 4 * arrived > TFL_FRAME_STEP ? 4 * arrived : TFL_FRAME_STEP;

		arrived += offer(zeroes, sizeof(zeroes), sizeof(zeroes));
		ck_assert_uint_eq(take(0, NULL), 0);
		ck_assert_uint_le(account.used, TFL_RECEIVE_BUFFER + bound);
		ck_assert_uint_ge(account.used, arrived);
	}
	ck_assert_uint_eq(tfl_assembler_pending(&assembler), 4 + arrived);
}
END_TEST

START_TEST(longest_frame)
{
	size_t size = TFL_FRAME_MAX;

	run_stream(&size, 1, SIZE_MAX, NULL);
	ck_assert_uint_le(account.most, TFL_FRAME_MAX + TFL_RECEIVE_BUFFER);
}
END_TEST

START_TEST(too_long)
{
	static const uint8_t bytes[] = {0x04, 0x00, 0x00, 0x01, 0xc0};
	struct tfl_error error = {0};
	struct tfl_frame frame;
	uint8_t *space;
	size_t room;

	offer(bytes, sizeof(bytes), SIZE_MAX);
	for (int i = 0; i < 2; i++) {
		ck_assert_refused(tfl_assembler_next(&assembler, &frame, &error), error, -EMSGSIZE,
				  "a frame of 67108865 bytes is announced: the limit is 67108864");
		ck_assert_refused(tfl_assembler_space(&assembler, &space, &room, &error), error, -EMSGSIZE,
				  "a frame of 67108865 bytes is announced: the limit is 67108864");
	}
	ck_assert_uint_eq(account.used, TFL_RECEIVE_BUFFER);
}
END_TEST

START_TEST(empty)
{
	static const uint8_t bytes[] = {0, 0, 0, 0};
	struct tfl_error error = {0};
	struct tfl_frame frame;

	offer(bytes, sizeof(bytes), SIZE_MAX);
	ck_assert_refused(tfl_assembler_next(&assembler, &frame, &error), error, -EMSGSIZE,
			  "a frame of 0 bytes is announced: a frame has 1 to 67108864 bytes");
}
END_TEST

START_TEST(own_limit)
{
	static const uint8_t fits[] = {0, 0, 0, 3, 1, 2, 3}, exceeds[] = {0, 0, 0, 4};
	struct tfl_error error = {0};
	struct tfl_frame frame;

	tfl_assembler_init(&assembler, 3, NULL);
	offer(fits, sizeof(fits), SIZE_MAX);
	ck_assert_int_eq(tfl_assembler_next(&assembler, &frame, &error), 1);
	tfl_frame_finish(&frame);
	offer(exceeds, sizeof(exceeds), SIZE_MAX);
	ck_assert_refused(tfl_assembler_next(&assembler, &frame, &error), error, -EMSGSIZE,
			  "a frame of 4 bytes is announced: the limit is 3");
}
END_TEST

START_TEST(quota)
{
	size_t sizes[] = {100, 40000};
	struct tfl_slice stream = make_stream(sizes, 2);
	struct tfl_error error = {0};
	struct tfl_frame frame;
	uint8_t *space;
	size_t room, sent;

	account.quota = 1000;
	ck_assert_refused(tfl_assembler_space(&assembler, &space, &room, &error), error, -EDQUOT,
			  "receiving needs 16384 bytes, more than this user's quota has left: let requests in flight finish");
	ck_assert_uint_eq(account.used, 0);

	account.quota = TFL_RECEIVE_BUFFER + 99;
	sent = offer(stream.data, stream.size, SIZE_MAX);
	for (int i = 0; i < 2; i++)
		ck_assert_refused(tfl_assembler_next(&assembler, &frame, &error), error, -EDQUOT,
				  "receiving needs 100 bytes, more than this user's quota has left: let requests in flight finish");
	account.quota++;
	ck_assert_int_eq(tfl_assembler_next(&assembler, &frame, &error), 1);
	check_frame(&frame, 0, sizes[0]);

	ck_assert_int_eq(tfl_assembler_next(&assembler, &frame, &error), 0);
	ck_assert_refused(tfl_assembler_space(&assembler, &space, &room, &error), error, -EDQUOT,
			  "receiving needs 40000 bytes, more than this user's quota has left: let requests in flight finish");
	account.quota = TFL_RECEIVE_BUFFER + 40000;
	while (sent < stream.size)
		sent += offer(stream.data + sent, stream.size - sent, SIZE_MAX);
	ck_assert_int_eq(tfl_assembler_next(&assembler, &frame, &error), 1);
	check_frame(&frame, 1, sizes[1]);
	wire_free(stream);
}
END_TEST

START_TEST(untaken_frames_leave_no_room)
{
	static uint8_t stage[TFL_RECEIVE_BUFFER];
	struct tfl_error error = {0};
	struct tfl_frame frame;
	uint8_t *space;
	size_t room;

	for (size_t at = 0; at < sizeof(stage); at += 64)
		put_length(stage + at, 60);
	ck_assert_uint_eq(offer(stage, sizeof(stage), SIZE_MAX), sizeof(stage));
	ck_assert_refused(tfl_assembler_space(&assembler, &space, &room, &error), error, -ENOBUFS,
			  "whole frames wait to be taken before more can be received");
	ck_assert_int_eq(tfl_assembler_next(&assembler, &frame, &error), 1);
	tfl_frame_finish(&frame);
	ck_assert_int_eq(tfl_assembler_space(&assembler, &space, &room, &error), 0);
	ck_assert_uint_eq(room, 64);
}
END_TEST

START_TEST(untaken_large_frame_leaves_no_room)
{
	size_t size = 20000, sent = 0;
	struct tfl_slice stream = make_stream(&size, 1);
	struct tfl_error error = {0};
	uint8_t *space;
	size_t room;

	while (sent < stream.size)
		sent += offer(stream.data + sent, stream.size - sent, SIZE_MAX);
	ck_assert_refused(tfl_assembler_space(&assembler, &space, &room, &error), error, -ENOBUFS,
			  "a whole frame waits to be taken before more can be received");
	ck_assert_uint_eq(take(0, &size), 1);
	wire_free(stream);
}
END_TEST

static void *finish_elsewhere(void *data)
{
	tfl_frame_finish(data);
	return NULL;
}

START_TEST(frames_outlive_the_assembler)
{
	size_t sizes[] = {50, 50000};
	struct tfl_slice stream = make_stream(sizes, 2);
	struct tfl_frame frames[2];
	pthread_t thread;
	size_t sent = 0;
	unsigned taken = 0;

	/* No hook of the account runs on two threads at once here, so it needs no lock. */
	while (sent < stream.size) {
		sent += offer(stream.data + sent, stream.size - sent, SIZE_MAX);
		while (taken < 2 && tfl_assembler_next(&assembler, &frames[taken], NULL) == 1)
			taken++;
	}
	ck_assert_uint_eq(taken, 2);
	tfl_assembler_finish(&assembler);
	tfl_assembler_finish(&assembler);
	ck_assert_uint_eq(account.used, 50050);
	ck_assert_int_eq(pthread_create(&thread, NULL, finish_elsewhere, &frames[0]), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(account.used, 50000);
	check_frame(&frames[1], 1, sizes[1]);
	tfl_frame_finish(&frames[1]);
	tfl_frame_finish(NULL);
	ck_assert_uint_eq(account.used, 0);
	wire_free(stream);
}
END_TEST

/* A small and a large frame through a fresh assembler. */
static int whole_life(void *data)
{
	const struct tfl_slice *stream = data;
	struct tfl_charge charge = wire_charge(&account);
	struct tfl_assembler fresh;
	struct tfl_frame frame;
	size_t sent = 0, room;
	uint8_t *space;
	int r = 0;

	tfl_assembler_init(&fresh, TFL_FRAME_MAX, &charge);
	while (r >= 0 && sent < stream->size) {
		r = tfl_assembler_space(&fresh, &space, &room, NULL);
		if (r < 0)
			break;
		room = room < stream->size - sent ? room : stream->size - sent;
		memcpy(space, stream->data + sent, room);
		tfl_assembler_fill(&fresh, room);
		sent += room;
		while ((r = tfl_assembler_next(&fresh, &frame, NULL)) > 0)
			tfl_frame_finish(&frame);
	}
	tfl_assembler_finish(&fresh);
	return r;
}

START_TEST(a_disowned_frame_is_nobodys)
{
	size_t sizes[] = {50};
	struct tfl_slice stream = make_stream(sizes, 1);
	struct tfl_frame frame;

	ck_assert_uint_eq(offer(stream.data, stream.size, SIZE_MAX), stream.size);
	ck_assert_int_eq(tfl_assembler_next(&assembler, &frame, NULL), 1);
	tfl_assembler_finish(&assembler);
	ck_assert_uint_eq(account.used, 50);
	tfl_frame_disown(&frame);
	ck_assert_uint_eq(account.used, 0);
	ck_assert_uint_eq(frame.charged, 50);
	check_frame(&frame, 0, 50);
	tfl_frame_disown(&frame);
	tfl_frame_finish(&frame);
	ck_assert_uint_eq(account.used, 0);
	wire_free(stream);
}
END_TEST

START_TEST(every_allocation_fails)
{
	static const size_t sizes[] = {64, 20000, 64, 500000};
	struct tfl_slice stream = make_stream(sizes, TFL_ARRAY_SIZE(sizes));

	/* The stage, two copies, one own memory, one that grows twice. */
	ck_assert_uint_eq(allocation_fail_each(whole_life, &stream), 1 + 2 + 1 + 3);
	ck_assert_uint_eq(account.used, 0);
	wire_free(stream);
}
END_TEST

Suite *frame_suite(void)
{
	Suite *suite = suite_create("frame");
	TCase *streams = tcase_create("streams"), *limits = tcase_create("limits");

	tcase_add_checked_fixture(streams, setup, teardown);
	tcase_add_test(streams, stream_at_once);
	tcase_add_test(streams, stream_byte_by_byte);
	tcase_add_loop_test(streams, stream_in_pieces, 0, 8);
	tcase_add_loop_test(streams, stream_at_random, 0, 40);
	tcase_add_test(streams, small_frames_come_many_at_a_time);
	tcase_add_test(streams, small_frame_costs_one_allocation);
	tcase_add_test(streams, large_frame_is_received_in_place);
	tcase_add_test(streams, longest_frame);
	tcase_add_test(streams, frames_outlive_the_assembler);
	tcase_add_test(streams, a_disowned_frame_is_nobodys);
	tcase_set_timeout(streams, 60);
	suite_add_tcase(suite, streams);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_test(limits, memory_follows_what_arrived);
	tcase_add_test(limits, too_long);
	tcase_add_test(limits, empty);
	tcase_add_test(limits, own_limit);
	tcase_add_test(limits, quota);
	tcase_add_test(limits, untaken_frames_leave_no_room);
	tcase_add_test(limits, untaken_large_frame_leaves_no_room);
	tcase_add_test(limits, every_allocation_fails);
	suite_add_tcase(suite, limits);
	return suite;
}
