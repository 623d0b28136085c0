/* SPDX-License-Identifier: MIT */
/*
 * What reaches stderr, read back through a pipe that takes its place; the journal branch is told apart by what does not come out.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/message_ids.h"
#include "daemon/log.h"
#include "tests/daemon/journal.h"
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

START_TEST(fields_are_for_the_journal_and_words_for_everybody)
{
	const struct tfl_log_field fields[] = {{"TFL_MODEL", TFL_LOG_TEXT, .text = "digits"}, {"TFL_VERSION", TFL_LOG_UINT, .uint = 2}};

	tfl_log_init(LOG_INFO);
	tfl_log_fields(LOG_INFO, TFL_MESSAGE_PERIOD, fields, 2, "%s did %d things", "digits@2", 7);
	tfl_log_fields(LOG_DEBUG, TFL_MESSAGE_PERIOD, fields, 2, "not this");
	ck_assert_str_eq(written(), "tfld: info: digits@2 did 7 things\n");
}
END_TEST

START_TEST(an_entry_of_the_journal_has_every_field)
{
	static char longest[TFL_LOG_FIELD_TEXT_MAX + 9], entry[65536];
	struct tfl_log_field fields[TFL_LOG_FIELDS_MAX] = {
		{"TFL_MODEL", TFL_LOG_TEXT, .text = "digits"}, {"TFL_VERSION", TFL_LOG_UINT, .uint = UINT64_MAX},
		{"TFL_CONFIDENCE_MEAN", TFL_LOG_REAL, .real = 0.25},
	};
	int fd = journal_fake();
	ssize_t size;

	if (fd < 0)
		return;
	memset(longest, 'x', sizeof(longest) - 1);
	for (unsigned i = 3; i < TFL_LOG_FIELDS_MAX; i++)
		fields[i] = (struct tfl_log_field){"TFL_LONG", TFL_LOG_TEXT, .text = longest};
	tfl_log_init(LOG_INFO);
	tfl_log_fields(LOG_INFO, TFL_MESSAGE_PERIOD, fields, TFL_LOG_FIELDS_MAX, "%s did\n%d things", "digits@2", 7);
	size = recv(fd, entry, sizeof(entry), MSG_DONTWAIT);
	ck_assert_int_gt(size, 0);
	ck_assert(journal_has(entry, (size_t)size, "PRIORITY=6\n"));
	ck_assert(journal_has(entry, (size_t)size, "MESSAGE_ID=" TFL_MESSAGE_PERIOD "\n"));
	ck_assert(journal_has(entry, (size_t)size, "MESSAGE=digits@2 did?7 things\n"));
	ck_assert(journal_has(entry, (size_t)size, "TFL_MODEL=digits\n"));
	ck_assert(journal_has(entry, (size_t)size, "TFL_VERSION=18446744073709551615\n"));
	ck_assert(journal_has(entry, (size_t)size, "TFL_CONFIDENCE_MEAN=0.250000\n"));
	longest[TFL_LOG_FIELD_TEXT_MAX] = '\n';
	longest[TFL_LOG_FIELD_TEXT_MAX + 1] = '\0';
	ck_assert(journal_has(entry, (size_t)size, longest));
	ck_assert_int_eq(recv(fd, entry, sizeof(entry), MSG_DONTWAIT), -1);
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
	tcase_add_test(tcase, fields_are_for_the_journal_and_words_for_everybody);
	tcase_add_test(tcase, an_entry_of_the_journal_has_every_field);
	suite_add_tcase(suite, tcase);
	return suite;
}
