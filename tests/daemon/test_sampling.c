/* SPDX-License-Identifier: MIT */
/* Which requests become samples: how many, of which version, how often, and when it is enough. */
#include "base/limits.h"
#include "daemon/sampling.h"
#include "tests/daemon/suites.h"

#define S UINT64_C(1000000000)
#define ROOM (UINT64_C(1) << 30)

static struct tfl_sampling sampling;

static void begin(struct tfl_sampling_plan plan, uint64_t room)
{
	plan.every = plan.every ? plan.every : 1;
	tfl_sampling_begin(&sampling, &plan, room);
}

/* A request that is answered, and written at once. */
static bool serve(uint64_t version, uint64_t now_ns, size_t bytes)
{
	if (!tfl_sampling_pick(&sampling, version, now_ns) || !tfl_sampling_take(&sampling, bytes))
		return false;
	tfl_sampling_written(&sampling, 1, bytes, 1, bytes, 0, false);
	return true;
}

START_TEST(as_many_as_are_wanted)
{
	unsigned kept = 0;

	begin((struct tfl_sampling_plan){.count = 3}, ROOM);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert(tfl_sampling_complete(&sampling) == (kept == 3));
		kept += serve(1, i, 100);
	}
	ck_assert_uint_eq(kept, 3);
	ck_assert_uint_eq(sampling.kept, 3);
	ck_assert_uint_eq(sampling.bytes, 300);
	ck_assert_uint_eq(sampling.dropped, 0);
}
END_TEST

START_TEST(those_of_one_version)
{
	begin((struct tfl_sampling_plan){.version = 2, .count = 100, .every = 2}, ROOM);
	for (unsigned i = 0; i < 20; i++)
		serve(1 + i % 2, i, 1);
	ck_assert_uint_eq(sampling.kept, 5); /* every second one of its own ten */
}
END_TEST

START_TEST(one_of_so_many)
{
	begin((struct tfl_sampling_plan){.count = 100, .every = 7}, ROOM);
	for (unsigned i = 0; i < 70; i++)
		ck_assert(serve(1, 0, 1) == (i % 7 == 0));
}
END_TEST

START_TEST(one_in_a_time)
{
	begin((struct tfl_sampling_plan){.count = 100, .interval_ns = 10 * S}, ROOM);
	ck_assert(serve(1, 5 * S, 1));
	ck_assert(!serve(1, 5 * S, 1));
	ck_assert(!serve(1, 15 * S - 1, 1));
	ck_assert(serve(1, 15 * S, 1));
	ck_assert(serve(1, 1000 * S, 1));
	ck_assert(!serve(1, 1009 * S, 1));
	ck_assert(serve(1, 1010 * S, 1));
}
END_TEST

/* Requests that run at the same time: more are picked than are wanted, because some fail. */
START_TEST(what_arrives_late_is_too_much)
{
	unsigned picked = 0, taken = 0;

	begin((struct tfl_sampling_plan){.count = 4}, ROOM);
	for (unsigned i = 0; i < 10; i++)
		picked += tfl_sampling_pick(&sampling, 1, i);
	ck_assert_uint_eq(picked, 10);
	for (unsigned i = 0; i < picked; i++)
		taken += tfl_sampling_take(&sampling, 1);
	ck_assert_uint_eq(taken, 4);
	ck_assert(!tfl_sampling_complete(&sampling)); /* not written yet */
	ck_assert(!tfl_sampling_pick(&sampling, 1, 99));
	tfl_sampling_written(&sampling, 4, 4, 3, 3, 1, false);
	ck_assert(sampling.dropped == 0 && sampling.large == 1);
	ck_assert(!tfl_sampling_complete(&sampling));
	ck_assert(serve(1, 100, 1)); /* another one in the place of what was not written */
	ck_assert(tfl_sampling_complete(&sampling));
}
END_TEST

START_TEST(what_waits_is_bounded_in_number)
{
	begin((struct tfl_sampling_plan){.count = 1000}, ROOM);
	for (unsigned i = 0; i < TFL_RECORD_WAITING_MAX; i++)
		ck_assert(tfl_sampling_take(&sampling, 1));
	ck_assert(!tfl_sampling_take(&sampling, 1));
	ck_assert_uint_eq(sampling.dropped, 1);
	tfl_sampling_written(&sampling, 10, 10, 10, 10, 0, false);
	ck_assert_uint_eq(sampling.large, 0);
	ck_assert(tfl_sampling_take(&sampling, 1));
	ck_assert(!sampling.full);
}
END_TEST

START_TEST(and_in_bytes)
{
	begin((struct tfl_sampling_plan){.count = 1000}, ROOM);
	ck_assert(tfl_sampling_take(&sampling, 2 * TFL_RECORD_WAITING_BYTES_MAX)); /* alone it may */
	ck_assert(!tfl_sampling_take(&sampling, 1));
	tfl_sampling_written(&sampling, 1, 2 * TFL_RECORD_WAITING_BYTES_MAX, 1, 5, 0, false);
	ck_assert_uint_eq(sampling.bytes, 5);
	ck_assert(tfl_sampling_take(&sampling, TFL_RECORD_WAITING_BYTES_MAX - 1));
	ck_assert(tfl_sampling_take(&sampling, 1));
	ck_assert(!tfl_sampling_take(&sampling, 1));
}
END_TEST

START_TEST(room_ends_it)
{
	begin((struct tfl_sampling_plan){.count = 1000}, 250);
	ck_assert(serve(1, 0, 100));
	ck_assert(serve(1, 0, 100));
	ck_assert(!tfl_sampling_complete(&sampling));
	ck_assert(!serve(1, 0, 100));
	ck_assert(sampling.full);
	ck_assert(tfl_sampling_complete(&sampling));
	ck_assert(!tfl_sampling_pick(&sampling, 1, 0)); /* nor a small one behind it: it would not be what comes */
	ck_assert_uint_eq(sampling.bytes, 200);
}
END_TEST

START_TEST(so_does_a_file_that_there_is_no_room_for)
{
	begin((struct tfl_sampling_plan){.count = 1000}, 250);
	ck_assert(tfl_sampling_take(&sampling, 50));
	ck_assert(tfl_sampling_take(&sampling, 50));
	tfl_sampling_written(&sampling, 2, 100, 1, 200, 0, true);
	ck_assert(tfl_sampling_complete(&sampling));
	ck_assert_uint_eq(sampling.bytes, 200);
	ck_assert_uint_eq(sampling.dropped, 0);
}
END_TEST

Suite *sampling_suite(void)
{
	Suite *suite = suite_create("sampling");
	TCase *test = tcase_create("sampling");

	tcase_add_test(test, as_many_as_are_wanted);
	tcase_add_test(test, those_of_one_version);
	tcase_add_test(test, one_of_so_many);
	tcase_add_test(test, one_in_a_time);
	tcase_add_test(test, what_arrives_late_is_too_much);
	tcase_add_test(test, what_waits_is_bounded_in_number);
	tcase_add_test(test, and_in_bytes);
	tcase_add_test(test, room_ends_it);
	tcase_add_test(test, so_does_a_file_that_there_is_no_room_for);
	suite_add_tcase(suite, test);
	return suite;
}
