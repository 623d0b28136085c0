/* SPDX-License-Identifier: MIT */
/*
 * Replacing the metrics file: whoever reads sees a whole one, what lies in the way is neither followed nor kept, and what fails leaves
 * what was there.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/metrics_file.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/suites.h"

#define FILE_NAME "tfld.prom"
#define ROUNDS 400
#define LONGEST 20000

static struct tfl_error error;

static int replace(const char *text)
{
	return tfl_metrics_file_replace(FILE_NAME, text, strlen(text), &error);
}

START_TEST(everybody_may_read_it)
{
	struct stat st;

	umask(077);
	ck_assert_int_eq(replace("one\n"), 0);
	ck_assert_int_eq(replace("two\n"), 0);
	ck_assert_str_eq(file_read(FILE_NAME), "two\n");
	ck_assert_int_eq(stat(FILE_NAME, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	ck_assert(!file_exists(FILE_NAME ".tmp"));
}
END_TEST

START_TEST(what_lies_in_the_way_is_not_followed)
{
	file_write_text("victim", "precious");
	file_write_text(FILE_NAME ".tmp", "of a process that died");
	ck_assert_int_eq(replace("one\n"), 0);
	ck_assert_int_eq(symlink("victim", FILE_NAME ".tmp"), 0);
	ck_assert_int_eq(replace("two\n"), 0);
	ck_assert_int_eq(mkfifo(FILE_NAME ".tmp", 0600), 0);
	ck_assert_int_eq(replace("three\n"), 0);
	ck_assert_int_eq(unlink(FILE_NAME), 0);
	ck_assert_int_eq(symlink("victim", FILE_NAME), 0);
	ck_assert_int_eq(replace("four\n"), 0);
	ck_assert_str_eq(file_read(FILE_NAME), "four\n");
	ck_assert_str_eq(file_read("victim"), "precious");
}
END_TEST

static void expect_failure(int code, const char *text)
{
	ck_assert_int_eq(replace("new\n"), code);
	ck_assert_msg(strcmp(error.text, text) == 0, "%s", error.text);
	ck_assert_int_eq(error.code, code);
}

START_TEST(what_fails_says_why)
{
	ck_assert_int_eq(tfl_metrics_file_replace("no/such/" FILE_NAME, "new\n", 4, &error), -ENOENT);
	ck_assert_str_eq(error.text, "the metrics file no/such/" FILE_NAME " is not written: No such file or directory");
	ck_assert_int_eq(mkdir(FILE_NAME, 0755), 0);
	expect_failure(-EISDIR, "the metrics file " FILE_NAME " is not written: Is a directory");
	ck_assert(!file_exists(FILE_NAME ".tmp"));
	ck_assert_int_eq(rmdir(FILE_NAME), 0);
	ck_assert_int_eq(mkdir(FILE_NAME ".tmp", 0755), 0);
	ck_assert_int_lt(replace("new\n"), 0);
	ck_assert_int_eq(rmdir(FILE_NAME ".tmp"), 0);
	ck_assert_int_eq(replace("new\n"), 0);
}
END_TEST

/* As a full disk would: some bytes go, the rest does not. */
START_TEST(what_does_not_fit_leaves_what_was_there)
{
	struct rlimit limit;
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(replace("old\n"), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 1000;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(replace(text), -EFBIG);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_str_eq(file_read(FILE_NAME), "old\n");
	ck_assert(!file_exists(FILE_NAME ".tmp"));
	ck_assert_int_eq(replace(text), 0);
	ck_assert_str_eq(file_read(FILE_NAME), text);
}
END_TEST

/* Files of one letter each, as long as that says. */
static void *replace_often(void *data)
{
	static char text[LONGEST + 1];

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t length = 1 + i % 26 * (LONGEST / 26);

		memset(text, 'a' + (int)(i % 26), length);
		text[length] = '\0';
		if (replace(text) < 0)
			return NULL;
	}
	return data;
}

START_TEST(readers_find_whole_files)
{
	static char seen[LONGEST + 2];
	unsigned reads = 0, whole = 0;
	pthread_t writer;
	void *done;

	ck_assert_int_eq(replace("a"), 0);
	ck_assert_int_eq(pthread_create(&writer, NULL, replace_often, &reads), 0);
	do {
		FILE *file = fopen(FILE_NAME, "r");
		size_t length;

		ck_assert_ptr_nonnull(file);
		length = fread(seen, 1, sizeof(seen) - 1, file);
		fclose(file);
		seen[length] = '\0';
		whole += length == 1 + (size_t)(seen[0] - 'a') * (LONGEST / 26) && strspn(seen, (char[]){seen[0], '\0'}) == length;
		reads++;
	} while (pthread_tryjoin_np(writer, &done) != 0);
	ck_assert_ptr_nonnull(done);
	ck_assert_uint_eq(whole, reads);
	ck_assert_uint_gt(reads, 1);
}
END_TEST

Suite *metrics_file_suite(void)
{
	Suite *suite = suite_create("metrics_file");
	TCase *tcase = tcase_create("metrics_file");

	tcase_add_checked_fixture(tcase, folder_make, folder_remove);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, everybody_may_read_it);
	tcase_add_test(tcase, what_lies_in_the_way_is_not_followed);
	tcase_add_test(tcase, what_fails_says_why);
	tcase_add_test(tcase, what_does_not_fit_leaves_what_was_there);
	tcase_add_test(tcase, readers_find_whole_files);
	suite_add_tcase(suite, tcase);
	return suite;
}
