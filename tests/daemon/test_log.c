/* SPDX-License-Identifier: MIT */
/*
 * What reaches stderr, read back through a pipe that takes its place; the journal branch is told apart by what does not come out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "tests/daemon/suites.h"

static int reader;

static void setup(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
	unsetenv("JOURNAL_STREAM");
}

static const char *written(void)
{
	static char text[8192];
	ssize_t length;

	close(STDERR_FILENO);
	length = read(reader, text, sizeof(text) - 1);
	ck_assert_int_ge(length, 0);
	text[length] = '\0';
	return text;
}

START_TEST(levels_above_the_chosen_one_are_dropped)
{
	tfl_log_init(LOG_WARNING);
	tfl_log_error("disk %d", 1);
	tfl_log_warning("warm");
	tfl_log_info("not this");
	tfl_log_debug("nor this");
	ck_assert_str_eq(written(), "tfld: error: disk 1\ntfld: warning: warm\n");
}
END_TEST

START_TEST(a_quoted_name_cannot_forge_a_line)
{
	tfl_log_init(LOG_INFO);
	tfl_log_info("model '%s'", "a\ntfld: error: forged\x1b[2J\x7f");
	ck_assert_str_eq(written(), "tfld: info: model 'a?tfld: error: forged?[2J?'\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_stays_one_line)
{
	static char text[5000];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	tfl_log_init(LOG_INFO);
	tfl_log_info("%s", text);
	line = written();
	ck_assert_int_gt(strlen(line), 2000);
	ck_assert_int_lt(strlen(line), 2100);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
}
END_TEST

START_TEST(errno_is_kept)
{
	tfl_log_init(LOG_INFO);
	close(STDERR_FILENO);
	errno = ENOTDIR;
	tfl_log_error("stderr is gone");
	ck_assert_int_eq(errno, ENOTDIR);
}
END_TEST

START_TEST(the_journal_is_used_only_when_stderr_is_connected_to_it)
{
	char stream[64];
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + _i);
	setenv("JOURNAL_STREAM", stream, 1);
	tfl_log_init(LOG_INFO);
	tfl_log_info("where");
	if (_i)
		ck_assert_str_eq(written(), "tfld: info: where\n");
	else
		ck_assert_ptr_null(strstr(written(), "tfld: info"));
}
END_TEST

Suite *log_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("stderr");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, levels_above_the_chosen_one_are_dropped);
	tcase_add_test(tcase, a_quoted_name_cannot_forge_a_line);
	tcase_add_test(tcase, a_long_line_is_cut_and_stays_one_line);
	tcase_add_test(tcase, errno_is_kept);
	tcase_add_loop_test(tcase, the_journal_is_used_only_when_stderr_is_connected_to_it, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}
