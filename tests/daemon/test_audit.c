/* SPDX-License-Identifier: MIT */
/* How many refusals are told, by a clock that the test turns; what reaches stderr is read back through a file that takes its place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/audit.h"
#include "daemon/log.h"
#include "tests/daemon/suites.h"

#define SECOND UINT64_C(1000000000)

static struct tfl_audit *audit;
static struct tfl_error why;
static int file;

static void setup(void)
{
	file = memfd_create("stderr", MFD_CLOEXEC);
	ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	tfl_log_init(LOG_INFO);
	ck_assert_int_eq(tfl_audit_create(&audit), 0);
	why.code = -EPERM;
	strcpy(why.text, "no");
}

static void teardown(void)
{
	tfl_audit_destroy(audit);
	tfl_audit_destroy(NULL);
}

/* What was written since the last time. */
static const char *written(void)
{
	static char text[65536];
	ssize_t length = pread(file, text, sizeof(text) - 1, 0);

	ck_assert_int_ge(length, 0);
	text[length] = '\0';
	ck_assert_int_eq(ftruncate(file, 0), 0);
	lseek(file, 0, SEEK_SET);
	return text;
}

static unsigned lines(void)
{
	unsigned count = 0;

	for (const char *at = written(); *at; at++)
		count += *at == '\n';
	return count;
}

static void refuse(uid_t uid, unsigned times, uint64_t now)
{
	const struct tfl_audited audited = {.method = "model.load", .uid = uid, .pid = 77, .model = "digits"};

	while (times-- > 0)
		tfl_audit_refuse(audit, &audited, &why, now);
}

START_TEST(what_is_told)
{
	struct tfl_audited audited = {.method = "model.swap", .uid = 5, .pid = 77, .model = "digits", .version = 2};

	tfl_audit_tell(&audited, NULL);
	ck_assert_str_eq(written(), "tfld: info: audit: uid 5, pid 77: model.swap for version 2 of 'digits': done\n");
	tfl_audit_tell(&audited, &why);
	ck_assert_str_eq(written(), "tfld: notice: audit: uid 5, pid 77: model.swap for version 2 of 'digits': failed, PERMISSION_DENIED: no\n");
	strcpy(audited.label, "canary");
	audited.version = 0;
	tfl_audit_tell(&audited, NULL);
	ck_assert_str_eq(written(), "tfld: info: audit: uid 5, pid 77: model.swap for label 'canary' of 'digits': done\n");
	audited.model[0] = '\0';
	why.text[0] = '\0';
	tfl_audit_tell(&audited, &why);
	ck_assert_str_eq(written(), "tfld: notice: audit: uid 5, pid 77: model.swap: failed, PERMISSION_DENIED\n");
	audited.method = NULL;
	tfl_audit_tell(&audited, NULL);
	ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(ten_at_once_and_one_in_six_seconds)
{
	uint64_t now = 100 * SECOND;

	refuse(5, 10, now);
	ck_assert_uint_eq(lines(), 10);
	refuse(5, 1000, now + SECOND);
	ck_assert_uint_eq(lines(), 0);
	refuse(5, 2, now + 6 * SECOND);
	ck_assert_str_eq(written(), "tfld: warning: audit: uid 5: 1000 more calls were refused, and not told one by one\n"
				    "tfld: warning: audit: uid 5, pid 77: model.load for 'digits': refused, PERMISSION_DENIED: no\n");
	tfl_audit_settle(audit);
	ck_assert_str_eq(written(), "tfld: warning: audit: uid 5: 1 more call was refused, and not told one by one\n");
	tfl_audit_settle(audit);
	ck_assert_str_eq(written(), "");
	refuse(5, 20, now + 11 * SECOND);
	ck_assert_uint_eq(lines(), 0);
	/* After a long time as at first. */
	refuse(5, 20, now + 10000 * SECOND);
	ck_assert_uint_eq(lines(), 11);
}
END_TEST

START_TEST(one_user_does_not_hide_another)
{
	refuse(5, 1000, SECOND);
	ck_assert_uint_eq(lines(), 10);
	refuse(6, 1, SECOND);
	ck_assert_uint_eq(lines(), 1);
}
END_TEST

/* More users than there are buckets for: what is given up is told, and the one that was refused just now keeps its own. */
START_TEST(many_users)
{
	refuse(1, 12, SECOND);
	ck_assert_uint_eq(lines(), 10);
	for (uid_t uid = 100; uid < 115; uid++)
		refuse(uid, 1, 2 * SECOND);
	ck_assert_uint_eq(lines(), 15);
	refuse(200, 1, 3 * SECOND);
	ck_assert_ptr_nonnull(strstr(written(), "uid 1: 2 more calls"));
	refuse(200, 10, 3 * SECOND);
	ck_assert_uint_eq(lines(), 9);
}
END_TEST

Suite *audit_suite(void)
{
	Suite *suite = suite_create("audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_is_told);
	tcase_add_test(tcase, ten_at_once_and_one_in_six_seconds);
	tcase_add_test(tcase, one_user_does_not_hide_another);
	tcase_add_test(tcase, many_users);
	suite_add_tcase(suite, tcase);
	return suite;
}
