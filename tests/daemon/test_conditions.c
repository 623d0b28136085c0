/* SPDX-License-Identifier: MIT */
/*
 * What is wrong: told once when it begins and once when it is over, one of a kind about the same thing, and bounded.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/conditions.h"
#include "tests/daemon/suites.h"

static struct tfl_conditions *conditions;
static unsigned raised, cleared;
static struct tfl_condition last;

static void told(void *data, const struct tfl_condition *condition, bool is_raised)
{
	ck_assert_ptr_eq(data, &conditions);
	last = *condition;
	raised += is_raised;
	cleared += !is_raised;
}

static void setup(void)
{
	raised = cleared = 0;
	ck_assert_int_eq(tfl_conditions_create(told, &conditions, &conditions), 0);
}

static void teardown(void)
{
	tfl_conditions_destroy(conditions);
	tfl_conditions_destroy(NULL);
}

static unsigned count(void)
{
	unsigned count;

	tfl_conditions_list(conditions, &count);
	return count;
}

START_TEST(is_told_once)
{
	const struct tfl_condition *list;
	unsigned entries;

	for (unsigned i = 0; i < 3; i++)
		tfl_conditions_raise(conditions, TFL_CONDITION_STATISTICS, "digits", 2, i ? "still full" : "full");
	ck_assert_uint_eq(raised, 1);
	ck_assert_str_eq(last.text, "full");
	list = tfl_conditions_list(conditions, &entries);
	ck_assert_uint_eq(entries, 1);
	ck_assert_str_eq(list[0].text, "still full");
	ck_assert_str_eq(list[0].model, "digits");
	ck_assert_uint_eq(list[0].version, 2);
	ck_assert_int_gt(list[0].since, 1700000000);
	for (unsigned i = 0; i < 3; i++)
		tfl_conditions_clear(conditions, TFL_CONDITION_STATISTICS, "digits", 2);
	ck_assert_uint_eq(cleared, 1);
	ck_assert_str_eq(last.text, "still full");
	ck_assert_uint_eq(count(), 0);
}
END_TEST

START_TEST(each_thing_has_its_own)
{
	tfl_conditions_raise(conditions, TFL_CONDITION_STATISTICS, "a", 1, "x");
	tfl_conditions_raise(conditions, TFL_CONDITION_STATISTICS, "a", 2, "x");
	tfl_conditions_raise(conditions, TFL_CONDITION_STATISTICS, "b", 1, "x");
	tfl_conditions_raise(conditions, TFL_CONDITION_STATE, "a", 0, "x");
	tfl_conditions_raise(conditions, TFL_CONDITION_CLOCK, NULL, 0, "x");
	ck_assert_uint_eq(raised, 5);
	tfl_conditions_clear(conditions, TFL_CONDITION_METRICS, NULL, 0);
	tfl_conditions_clear(conditions, TFL_CONDITION_STATISTICS, "b", 2);
	ck_assert_uint_eq(cleared, 0);
	tfl_conditions_clear_version(conditions, "a", 2);
	ck_assert_uint_eq(cleared, 1);
	ck_assert_uint_eq(last.version, 2);
	tfl_conditions_clear(conditions, TFL_CONDITION_CLOCK, NULL, 0);
	ck_assert_uint_eq(count(), 3);
	ck_assert_int_eq(tfl_conditions_list(conditions, &(unsigned){0})[0].kind, TFL_CONDITION_STATISTICS);
	ck_assert_int_eq(tfl_conditions_list(conditions, &(unsigned){0})[2].kind, TFL_CONDITION_STATE);
}
END_TEST

START_TEST(are_bounded)
{
	for (unsigned i = 1; i <= TFL_CONDITIONS_MAX + 10; i++)
		tfl_conditions_raise(conditions, TFL_CONDITION_STATISTICS, "a", i, "x");
	ck_assert_uint_eq(raised, TFL_CONDITIONS_MAX);
	ck_assert_uint_eq(count(), TFL_CONDITIONS_MAX);
	tfl_conditions_clear(conditions, TFL_CONDITION_STATISTICS, "a", TFL_CONDITIONS_MAX + 1);
	ck_assert_uint_eq(cleared, 0);
	tfl_conditions_clear(conditions, TFL_CONDITION_STATISTICS, "a", 1);
	tfl_conditions_raise(conditions, TFL_CONDITION_STATISTICS, "a", TFL_CONDITIONS_MAX + 1, "x");
	ck_assert_uint_eq(raised, TFL_CONDITIONS_MAX + 1);
	ck_assert_uint_eq(count(), TFL_CONDITIONS_MAX);
}
END_TEST

START_TEST(have_names)
{
	for (unsigned i = 0; i < TFL_CONDITION_KINDS; i++) {
		ck_assert_ptr_nonnull(tfl_condition_to_string((enum tfl_condition_kind)i));
		ck_assert_ptr_nonnull(tfl_condition_over((enum tfl_condition_kind)i));
	}
}
END_TEST

START_TEST(nobody_wants_to_know)
{
	unsigned entries = 1;

	tfl_conditions_raise(NULL, TFL_CONDITION_CLOCK, NULL, 0, "x");
	tfl_conditions_clear(NULL, TFL_CONDITION_CLOCK, NULL, 0);
	tfl_conditions_clear_version(NULL, "a", 1);
	tfl_conditions_list(NULL, &entries);
	ck_assert_uint_eq(entries, 0);
}
END_TEST

Suite *conditions_suite(void)
{
	Suite *suite = suite_create("conditions");
	TCase *tcase = tcase_create("conditions");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, is_told_once);
	tcase_add_test(tcase, each_thing_has_its_own);
	tcase_add_test(tcase, are_bounded);
	tcase_add_test(tcase, have_names);
	tcase_add_test(tcase, nobody_wants_to_know);
	suite_add_tcase(suite, tcase);
	return suite;
}
