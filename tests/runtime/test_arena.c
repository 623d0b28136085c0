/* SPDX-License-Identifier: MIT */
/* The memory plan: what lives at the same time never touches, what has died is used again, limits hold. */
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "tests/builder/random.h"
#include "tests/runtime/suites.h"

#define ITEMS_MAX 200

static size_t aligned(size_t size)
{
	return tfl_align_up(size ? size : 1, TFL_ARENA_ALIGNMENT);
}

static int by_first(const void *left, const void *right)
{
	const struct tfl_arena_item *a = left, *b = right;

	return (a->first > b->first) - (a->first < b->first);
}

static uint32_t draw(struct tfl_random *random, struct tfl_arena_item *items)
{
	uint32_t count = tfl_random_below(random, ITEMS_MAX), steps = 1 + tfl_random_below(random, 60);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t first = tfl_random_below(random, steps), length = tfl_random_below(random, tfl_random_below(random, 4) ? 4 : steps);

		items[i] = (struct tfl_arena_item){tfl_random_below(random, 5000), first, first + length, SIZE_MAX};
		if (tfl_random_below(random, 30) == 0)
			items[i].last = UINT32_MAX;
		if (tfl_random_below(random, 30) == 0)
			items[i].size = 0;
	}
	qsort(items, count, sizeof(*items), by_first);
	return count;
}

static bool meet(const struct tfl_arena_item *a, const struct tfl_arena_item *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* The most bytes that live in one step: no plan can do with less. */
static size_t busiest_step(const struct tfl_arena_item *items, uint32_t count)
{
	size_t most = 0;

	for (uint32_t i = 0; i < count; i++) {
		size_t living = 0;

		for (uint32_t k = 0; k < count; k++)
			if (items[k].first <= items[i].first && items[k].last >= items[i].first)
				living += aligned(items[k].size);
		most = living > most ? living : most;
	}
	return most;
}

START_TEST(living_items_never_touch)
{
	struct tfl_arena_item items[ITEMS_MAX];
	struct tfl_random random = {5};
	size_t sums = 0, sizes = 0;

	for (int round = 0; round < 300; round++) {
		uint32_t count = draw(&random, items);
		size_t size = 0, sum = 0, end = 0;

		ck_assert_int_eq(tfl_arena_plan(items, count, SIZE_MAX, &size), 0);
		for (uint32_t i = 0; i < count; i++) {
			sum += aligned(items[i].size);
			end = items[i].offset + aligned(items[i].size) > end ? items[i].offset + aligned(items[i].size) : end;
			if (items[i].offset % TFL_ARENA_ALIGNMENT)
				ck_abort_msg("offset %zu is not aligned", items[i].offset);
			for (uint32_t k = 0; k < i; k++)
				if (meet(&items[i], &items[k]) && items[i].offset < items[k].offset + aligned(items[k].size) &&
				    items[k].offset < items[i].offset + aligned(items[i].size))
					ck_abort_msg("round %d: item %u (steps %u to %u, bytes %zu and %zu more) touches item %u (steps %u to %u, bytes %zu "
						     "and %zu more)",
						     round, i, items[i].first, items[i].last, items[i].offset, items[i].size, k, items[k].first,
						     items[k].last, items[k].offset, items[k].size);
		}
		ck_assert_uint_eq(size, end);
		ck_assert_uint_le(size, sum);
		ck_assert_uint_ge(size, busiest_step(items, count));
		sums += sum;
		sizes += size;
	}
	/* First fit is far from the sum on such lifetimes; a plan that uses nothing again would be at it. */
	ck_assert_msg(sizes * 2 < sums, "%zu bytes planned for %zu in all", sizes, sums);
}
END_TEST

START_TEST(dead_memory_is_used_again)
{
	/* A chain: each is written from the one before, so two are enough for all. */
	struct tfl_arena_item items[100];
	size_t size;

	for (uint32_t i = 0; i < TFL_ARRAY_SIZE(items); i++)
		items[i] = (struct tfl_arena_item){1000, i, i + 1, 0};
	ck_assert_int_eq(tfl_arena_plan(items, TFL_ARRAY_SIZE(items), SIZE_MAX, &size), 0);
	ck_assert_uint_eq(size, 2 * 1024);
}
END_TEST

/* Two neighbours that died make one gap for a third that needs both. */
START_TEST(neighbouring_gaps_are_merged)
{
	static const uint32_t orders[][2] = {{1, 2}, {2, 1}};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(orders); i++) {
		struct tfl_arena_item items[] = {
			{1024, 0, orders[i][0], 0}, {1024, 0, orders[i][1], 0}, {64, 0, UINT32_MAX, 0}, {2048, 3, 3, 0}};
		size_t size;

		ck_assert_int_eq(tfl_arena_plan(items, TFL_ARRAY_SIZE(items), SIZE_MAX, &size), 0);
		ck_assert_uint_eq(items[3].offset, 0);
		ck_assert_uint_eq(size, 2048 + 64);
	}
}
END_TEST

START_TEST(limits_hold)
{
	struct tfl_arena_item items[] = {{1000, 0, 1, 0}, {1000, 0, 1, 0}};
	struct tfl_arena_item huge[] = {{SIZE_MAX, 0, 1, 0}}, pair[] = {{SIZE_MAX / 2, 0, 1, 0}, {SIZE_MAX / 2, 0, 1, 0}};
	size_t size = 7;

	ck_assert_int_eq(tfl_arena_plan(items, 2, 2048, &size), 0);
	ck_assert_uint_eq(size, 2048);
	size = 7;
	ck_assert_int_eq(tfl_arena_plan(items, 2, 2047, &size), -EFBIG);
	ck_assert_int_eq(tfl_arena_plan(huge, 1, 1 << 20, &size), -EFBIG);
	ck_assert_int_eq(tfl_arena_plan(pair, 2, SIZE_MAX / 2 + 1, &size), -EFBIG);
	ck_assert_uint_eq(size, 7);
	ck_assert_int_eq(tfl_arena_plan(items, 0, 0, &size), 0);
	ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(limit_follows_the_file)
{
	ck_assert_uint_eq(tfl_arena_limit(0), TFL_ARENA_FLOOR);
	ck_assert_uint_eq(tfl_arena_limit(1000), TFL_ARENA_FLOOR);
	ck_assert_uint_eq(tfl_arena_limit(TFL_ARENA_FLOOR), (size_t)TFL_ARENA_FLOOR * TFL_ARENA_FACTOR_MAX);
	ck_assert_uint_eq(tfl_arena_limit(SIZE_MAX), SIZE_MAX);
}
END_TEST

Suite *arena_suite(void)
{
	Suite *suite = suite_create("arena");
	TCase *tests = tcase_create("arena");

	tcase_add_test(tests, living_items_never_touch);
	tcase_add_test(tests, dead_memory_is_used_again);
	tcase_add_test(tests, neighbouring_gaps_are_merged);
	tcase_add_test(tests, limits_hold);
	tcase_add_test(tests, limit_follows_the_file);
	suite_add_tcase(suite, tests);
	return suite;
}
