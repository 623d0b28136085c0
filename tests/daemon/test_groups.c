/* SPDX-License-Identifier: MIT */
/* Names and numbers of groups: what is one, which are looked up, and who is in them. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "daemon/groups.h"
#include "daemon/peer.h"
#include "tests/daemon/suites.h"

static const struct {
	const char *text;
	bool valid;
} texts[] = {
	{"", true},
	{"  ", true},
	{"cameras", true},
	{"cameras 1002\tdoor-team _x a.b machine$", true},
	{"0 4294967294", true},
	{"4294967295", false}, /* nobody's: (gid_t)-1 */
	{"99999999999999999999999", false},
	{"-1", false},
	{"12x", false},
	{"a,b", false},
	{"a/b", false},
	{"caf\xc3\xa9", false},
	{"a23456789012345678901234567890123", false},
	{"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", true},
	{"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", false},
};

START_TEST(what_names_groups)
{
	ck_assert_msg(tfl_groups_valid(texts[_i].text) == texts[_i].valid, "'%s'", texts[_i].text);
}
END_TEST

START_TEST(what_is_looked_up)
{
	const struct group *root = getgrgid(0);
	struct tfl_groups groups;
	struct tfl_error error;
	char text[64];

	ck_assert_ptr_nonnull(root);
	snprintf(text, sizeof(text), " 77 %s ", root->gr_name);
	ck_assert_int_eq(tfl_groups_resolve(text, &groups, &error), 0);
	ck_assert_uint_eq(groups.count, 2);
	ck_assert_uint_eq(groups.list[0], 77);
	ck_assert_uint_eq(groups.list[1], 0);
	ck_assert_str_eq(groups.text, text);
	ck_assert_int_eq(tfl_groups_resolve("77 no-such-group-here", &groups, &error), -EINVAL);
	ck_assert_str_eq(error.text, "there is no group 'no-such-group-here' on this device; groupadd makes it");
	ck_assert_uint_eq(groups.count, 2);
	ck_assert_int_eq(tfl_groups_resolve("", &groups, &error), 0);
	ck_assert_uint_eq(groups.count, 0);
}
END_TEST

START_TEST(who_is_in_them)
{
	gid_t supplementary[] = {5, 6};
	const struct tfl_peer peer = {.uid = 1000, .gid = 4, .groups = supplementary, .group_count = 2};
	struct tfl_groups groups = {.count = 0};

	ck_assert(tfl_groups_admit(&groups, &peer));
	groups = (struct tfl_groups){.count = 1, .list = {7}};
	ck_assert(!tfl_groups_admit(&groups, &peer));
	groups = (struct tfl_groups){.count = 2, .list = {7, 4}};
	ck_assert(tfl_groups_admit(&groups, &peer));
	groups = (struct tfl_groups){.count = 1, .list = {6}};
	ck_assert(tfl_groups_admit(&groups, &peer));
	/* A number of a user is none of a group. */
	groups = (struct tfl_groups){.count = 1, .list = {1000}};
	ck_assert(!tfl_groups_admit(&groups, &peer));
}
END_TEST

Suite *groups_suite(void)
{
	Suite *suite = suite_create("groups");
	TCase *tcase = tcase_create("groups");

	tcase_add_loop_test(tcase, what_names_groups, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(tcase, what_is_looked_up);
	tcase_add_test(tcase, who_is_in_them);
	suite_add_tcase(suite, tcase);
	return suite;
}
