/* SPDX-License-Identifier: MIT */
/* Version policies: what is one, and what each wants of a handful of versions. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "daemon/policy.h"
#include "tests/daemon/suites.h"

static const struct {
	const char *text, *wanted; /* of versions 1, 2, 3, 5, 8 */
} policies[] = {
	{ "all", "12358" },
	{ "latest", "8" },
	{ "latest 1", "8" },
	{ "latest   3", "358" },
	{ "latest 64", "12358" },
	{ "specific 5", "5" },
	{ "specific 8 1  5 ", "158" },
	{ "specific 1 1 9", "1" },
	{ "specific 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "12358" },
};

START_TEST(what_is_wanted)
{
	static const uint64_t numbers[] = { 1, 2, 3, 5, 8 };
	struct tfl_policy policy;
	char wanted[8] = "";

	ck_assert_int_eq(tfl_policy_parse(policies[_i].text, &policy), 0);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(numbers); i++)
		if (tfl_policy_wants(&policy, numbers[i], (unsigned)TFL_ARRAY_SIZE(numbers) - 1 - i))
			sprintf(wanted + strlen(wanted), "%u", (unsigned)numbers[i]);
	ck_assert_str_eq(wanted, policies[_i].wanted);
}
END_TEST

static const char *const wrong[] = {
	"", " ", "ALL", "all 1", "latest 0", "latest 65", "latest -1", "latest2", "latest x", "latest 2 3", "specific", "specific ", "specific x",
	"specific 0", "specific 1,2", "specific 1 -2", "2", "specific 18446744073709551616",
	"specific 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
};

START_TEST(what_is_no_policy)
{
	struct tfl_policy policy = { .latest = 77 };

	ck_assert_int_eq(tfl_policy_parse(wrong[_i], &policy), -EINVAL);
	ck_assert_uint_eq(policy.latest, 77);
}
END_TEST

Suite *policy_suite(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("policy");

	tcase_add_loop_test(tcase, what_is_wanted, 0, TFL_ARRAY_SIZE(policies));
	tcase_add_loop_test(tcase, what_is_no_policy, 0, TFL_ARRAY_SIZE(wrong));
	suite_add_tcase(suite, tcase);
	return suite;
}
