/* SPDX-License-Identifier: MIT */
/* Names and versions at the borders of their rules. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "proto/name.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"

#define SIXTY_FOUR "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

START_TEST(names)
{
	static const char *const valid[] = {"a", "Z", "0", "digits", "mobilenet_v2-1.0.224", "a..b", "9-", SIXTY_FOUR};
	static const char *const invalid[] = {"", ".", "..", ".a", "-a", "_a", "a/b", "a b", "a@1", "a\n", "gr\xc3\xbcn", SIXTY_FOUR "x"};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(valid); i++)
		ck_assert_msg(tfl_model_name_valid(valid[i], strlen(valid[i])), "'%s'", valid[i]);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(invalid); i++)
		ck_assert_msg(!tfl_model_name_valid(invalid[i], strlen(invalid[i])), "'%s'", invalid[i]);
	ck_assert(!tfl_model_name_valid("a\0b", 3));
}
END_TEST

START_TEST(labels)
{
	static const char *const valid[] = {"stable", "canary", "1a", "2026-08", "1.0", "a", SIXTY_FOUR};
	static const char *const invalid[] = {"", "1", "0", "20260801", "-a", ".a", "a b", "a@b", "gr\xc3\xbcn", SIXTY_FOUR "x"};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(valid); i++)
		ck_assert_msg(tfl_label_valid(valid[i], strlen(valid[i])), "'%s'", valid[i]);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(invalid); i++)
		ck_assert_msg(!tfl_label_valid(invalid[i], strlen(invalid[i])), "'%s'", invalid[i]);
	ck_assert(!tfl_label_valid("1\0a", 3));
}
END_TEST

START_TEST(versions)
{
	static const char *const invalid[] = {
		"", "0", "01", "-1", "+1", " 1", "1 ", "1a", "0x1", "9223372036854775808", "18446744073709551617",
		"99999999999999999999999",
	};
	uint64_t version = 7;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(invalid); i++)
		ck_assert_msg(tfl_version_parse(invalid[i], strlen(invalid[i]), &version) == -EINVAL, "'%s'", invalid[i]);
	ck_assert_uint_eq(version, 7);
	ck_assert_int_eq(tfl_version_parse("1", 1, &version), 0);
	ck_assert_uint_eq(version, 1);
	ck_assert_int_eq(tfl_version_parse("20260817", 8, &version), 0);
	ck_assert_uint_eq(version, 20260817);
	ck_assert_int_eq(tfl_version_parse("9223372036854775807", 19, &version), 0);
	ck_assert_uint_eq(version, TFL_VERSION_MAX);
}
END_TEST

START_TEST(references)
{
	struct tfl_error error = {0};
	struct tfl_model_ref ref;

	ck_assert_int_eq(tfl_model_ref_parse("digits", &ref, &error), 0);
	ck_assert_str_eq(ref.name, "digits");
	ck_assert_uint_eq(ref.version, 0);
	ck_assert_int_eq(tfl_model_ref_parse(SIXTY_FOUR "@12", &ref, &error), 0);
	ck_assert_str_eq(ref.name, SIXTY_FOUR);
	ck_assert_uint_eq(ref.version, 12);
	ck_assert_str_eq(ref.label, "");
	ck_assert_int_eq(tfl_model_ref_parse("digits@canary", &ref, &error), 0);
	ck_assert_str_eq(ref.name, "digits");
	ck_assert_uint_eq(ref.version, 0);
	ck_assert_str_eq(ref.label, "canary");
	ck_assert_refused(tfl_model_ref_parse("@12", &ref, &error), error, -EINVAL,
			  "'@12' names no model: write NAME or NAME@VERSION, with a name of " TFL_MODEL_NAME_RULE);
	ck_assert_refused(tfl_model_ref_parse("digits@", &ref, &error), error, -EINVAL,
			  "'digits@' names no version: behind '@' stands a decimal number from 1 to 9223372036854775807, or a label");
	ck_assert_refused(tfl_model_ref_parse("digits@9223372036854775808", &ref, &error), error, -EINVAL,
			  "'digits@9223372036854775808' names no version: behind '@' stands a decimal number from 1 to "
			  "9223372036854775807, or a label");
	ck_assert_refused(tfl_model_ref_parse("digits@-new", &ref, &error), error, -EINVAL,
			  "'digits@-new' names no version: behind '@' stands a decimal number from 1 to 9223372036854775807, or a label");
	ck_assert_refused(tfl_model_ref_parse("digits@" SIXTY_FOUR "x", &ref, &error), error, -EINVAL,
			  "'digits@" SIXTY_FOUR "x' names no version: behind '@' stands a decimal number from 1 to 9223372036854775807, "
			  "or a label");
	ck_assert_str_eq(ref.label, "canary");
}
END_TEST

Suite *name_suite(void)
{
	Suite *suite = suite_create("name");
	TCase *tcase = tcase_create("names");

	tcase_add_test(tcase, names);
	tcase_add_test(tcase, labels);
	tcase_add_test(tcase, versions);
	tcase_add_test(tcase, references);
	suite_add_tcase(suite, tcase);
	return suite;
}
