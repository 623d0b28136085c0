/* SPDX-License-Identifier: MIT */
/* Which versions make room, and what a load is told for which there is none: numbers and names, without a version anywhere. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/room.h"
#include "tests/daemon/suites.h"

#define MIB (UINT64_C(1) << 20)

static char chosen_text[256];

/* "1 2", in their order */
static const char *choose(struct tfl_room_item *items, unsigned count, uint64_t missing)
{
	unsigned chosen = tfl_room_choose(items, count, missing), used = 0;

	chosen_text[0] = '\0';
	for (unsigned i = 0; i < chosen; i++)
		used += (unsigned)snprintf(chosen_text + used, sizeof(chosen_text) - used, "%s%llu", i ? " " : "",
					   (unsigned long long)items[i].number);
	return chosen_text;
}

START_TEST(the_one_that_was_used_longest_ago_goes_first)
{
	struct tfl_room_item items[] = {{"m", 1, NULL, 10, 300}, {"m", 2, NULL, 10, 100}, {"m", 3, NULL, 10, 200}};

	ck_assert_str_eq(choose(items, 3, 1), "2");
	ck_assert_str_eq(choose(items, 3, 10), "2");
	ck_assert_str_eq(choose(items, 3, 11), "2 3");
	ck_assert_str_eq(choose(items, 3, 30), "2 3 1");
}
END_TEST

START_TEST(nothing_goes_in_vain)
{
	struct tfl_room_item items[] = {{"m", 1, NULL, 10, 300}, {"m", 2, NULL, 10, 100}};

	ck_assert_str_eq(choose(items, 2, 21), "");
	ck_assert_str_eq(choose(items, 2, UINT64_MAX), "");
	ck_assert_str_eq(choose(items, 2, 0), "");
	ck_assert_str_eq(choose(NULL, 0, 1), "");
}
END_TEST

/* The second is enough by itself; and of two that are, the one that was used later stays. */
START_TEST(no_more_go_than_is_needed)
{
	struct tfl_room_item items[] = {{"m", 1, NULL, 10, 100}, {"m", 2, NULL, 100, 200}, {"m", 3, NULL, 100, 300}};
	struct tfl_room_item four[] = {{"m", 1, NULL, 30, 100}, {"m", 2, NULL, 30, 200}, {"m", 3, NULL, 30, 300}, {"m", 4, NULL, 60, 400}};

	ck_assert_str_eq(choose(items, 3, 100), "2");
	ck_assert_str_eq(choose(items, 3, 105), "1 2");
	ck_assert_str_eq(choose(items, 3, 111), "2 3");
	ck_assert_str_eq(choose(four, 4, 120), "1 2 4");
}
END_TEST

START_TEST(the_way_back_goes_last)
{
	struct tfl_room_item items[] = {{"m", 1, NULL, 10, 100, true}, {"m", 2, NULL, 10, 200}, {"n", 1, NULL, 10, 300, true}};

	ck_assert_str_eq(choose(items, 3, 10), "2");
	ck_assert_str_eq(choose(items, 3, 20), "2 1");
	ck_assert_str_eq(choose(items, 3, 30), "2 1 1");
	ck_assert_str_eq(items[2].model, "n");
}
END_TEST

/* Those that were loaded at a start and never used: the order is the same each time. */
START_TEST(equals_go_by_name_and_number)
{
	struct tfl_room_item items[] = {{"n", 1, NULL, 10, 5}, {"m", 12, NULL, 10, 5}, {"m", 2, NULL, 10, 5}};

	ck_assert_str_eq(choose(items, 3, 30), "2 12 1");
}
END_TEST

/* Against all subsets: enough is freed, nothing of it is superfluous, and nothing was passed over that all of them could have spared. */
START_TEST(any_choice_holds_what_it_promises)
{
	srand((unsigned)_i + 1);
	for (unsigned round = 0; round < 500; round++) {
		unsigned count = (unsigned)rand() % 9, chosen;
		struct tfl_room_item items[8];
		uint64_t missing = (uint64_t)rand() % 120 + 1, all = 0, sum = 0;

		count = count > 8 ? 8 : count;
		for (unsigned i = 0; i < count; i++) {
			items[i] = (struct tfl_room_item){"m", i, NULL, (uint64_t)rand() % 40 + 1, (uint64_t)rand() % 5, rand() % 4 == 0};
			all += items[i].bytes;
		}
		chosen = tfl_room_choose(items, count, missing);
		for (unsigned i = 0; i < chosen; i++)
			sum += items[i].bytes;
		ck_assert(chosen > 0 ? sum >= missing : all < missing);
		for (unsigned i = 0; i < chosen; i++)
			ck_assert_uint_lt(sum - items[i].bytes, missing);
	}
}
END_TEST

static const struct refusal {
	struct tfl_room_need need;
	unsigned idle;
	const char *sentence;
} refusals[] = {
	{{"digits", 3, 30 * MIB, 50 * MIB, 64 * MIB}, 0,
	 "version 3 of 'digits' needs 30.0 MiB of memory, but 50.0 MiB of the 64.0 MiB that memory_limit allows are in use, so 16.0 MiB "
	 "are missing; no other version is idle: raise memory_limit, or unload one that is not needed"},
	{{"digits", 3, 30 * MIB, 50 * MIB, 64 * MIB}, 2,
	 "version 3 of 'digits' needs 30.0 MiB of memory, but 50.0 MiB of the 64.0 MiB that memory_limit allows are in use, so 16.0 MiB "
	 "are missing; unload digits@1 (10.0 MiB), ssd@2 (20.0 MiB), now idle, or set unload_idle = yes"},
	{{"digits", 3, 30 * MIB, 50 * MIB, 64 * MIB, .allowed = true}, 1,
	 "version 3 of 'digits' needs 30.0 MiB of memory, but 50.0 MiB of the 64.0 MiB that memory_limit allows are in use, so 16.0 MiB "
	 "are missing; idle are only digits@1 (10.0 MiB): raise memory_limit, or unload more that is not needed"},
	{{"digits", 3, 30 * MIB, 50 * MIB, 64 * MIB, .allowed = true, .unasked = true}, 2,
	 "version 3 of 'digits' needs 30.0 MiB of memory, but 50.0 MiB of the 64.0 MiB that memory_limit allows are in use, so 16.0 MiB "
	 "are missing; by itself it takes nobody's place, but tflctl load would unload digits@1 (10.0 MiB), ssd@2 (20.0 MiB)"},
};

START_TEST(a_refusal_says_what_would_be_right)
{
	const struct tfl_room_item idle[] = {{"digits", 1, NULL, 10 * MIB}, {"ssd", 2, NULL, 20 * MIB}};
	const struct refusal *refusal = &refusals[_i];
	struct tfl_error error;

	ck_assert_int_eq(tfl_room_refuse(&refusal->need, idle, refusal->idle, &error), -ENOBUFS);
	ck_assert_str_eq(error.text, refusal->sentence);
}
END_TEST

/* The longest names, and very many: what to do stands at the end all the same. */
START_TEST(a_refusal_fits_its_text)
{
	static const char name[] = "a123456789012345678901234567890123456789012345678901234567890123";
	const struct tfl_room_need need = {name, TFL_VERSION_MAX, INT64_MAX, INT64_MAX / 2, INT64_MAX / 2};
	struct tfl_room_item idle[300];
	struct tfl_error error;

	for (unsigned i = 0; i < 300; i++)
		idle[i] = (struct tfl_room_item){name, TFL_VERSION_MAX, NULL, INT64_MAX / 1000};
	ck_assert_int_eq(tfl_room_refuse(&need, idle, 300, &error), -ENOBUFS);
	ck_assert_msg(strstr(error.text, " and 299 more: raise memory_limit, or unload more that is not needed"), "%s", error.text);
}
END_TEST

START_TEST(what_is_missing)
{
	ck_assert_uint_eq(tfl_room_missing(&(struct tfl_room_need){.bytes = 10, .used = 90, .limit = 100}), 0);
	ck_assert_uint_eq(tfl_room_missing(&(struct tfl_room_need){.bytes = 11, .used = 90, .limit = 100}), 1);
	ck_assert_uint_eq(tfl_room_missing(&(struct tfl_room_need){.bytes = 11, .used = 190, .limit = 100}), 11);
	ck_assert_uint_eq(tfl_room_missing(&(struct tfl_room_need){.bytes = INT64_MAX, .used = 0, .limit = 1}), INT64_MAX - 1);
}
END_TEST

Suite *room_suite(void)
{
	Suite *suite = suite_create("room");
	TCase *choice = tcase_create("choice"), *words = tcase_create("words");

	tcase_add_test(choice, the_one_that_was_used_longest_ago_goes_first);
	tcase_add_test(choice, nothing_goes_in_vain);
	tcase_add_test(choice, no_more_go_than_is_needed);
	tcase_add_test(choice, the_way_back_goes_last);
	tcase_add_test(choice, equals_go_by_name_and_number);
	tcase_add_loop_test(choice, any_choice_holds_what_it_promises, 0, 20);
	suite_add_tcase(suite, choice);
	tcase_add_loop_test(words, a_refusal_says_what_would_be_right, 0, TFL_ARRAY_SIZE(refusals));
	tcase_add_test(words, a_refusal_fits_its_text);
	tcase_add_test(words, what_is_missing);
	suite_add_tcase(suite, words);
	return suite;
}
