/* SPDX-License-Identifier: MIT */
/*
 * The folder of JSON lines: every line that was taken is there once, in order, however often the file was changed or the daemon started;
 * and whatever happens to the folder costs lines, which are counted, and nothing else.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/line_log.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/suites.h"

#define TIME 1800000000 /* 2027-01-15T08:00:00Z */
#define SCHEMA "tfld.test/1"

static struct tfl_line_log *line_log;
static struct tfl_error error;

static void begin(const char *folder, uint64_t file_bytes, uint64_t files)
{
	struct tfl_line_log_options options = {folder, file_bytes, files, "camera"};

	ck_assert_int_eq(tfl_line_log_create(&options, &line_log), 0);
}

static void end(void)
{
	tfl_line_log_destroy(line_log);
	line_log = NULL;
}

static void teardown(void)
{
	end();
	folder_remove();
}

/* A line of about @p size bytes with this number. */
static int add(int64_t time, int number, size_t size)
{
	char text[65536];

	memset(text, 'x', size);
	text[size] = '\0';
	error.text[0] = '\0';
	return tfl_line_log_add(line_log, SCHEMA, time, json_pack("{s:i, s:s}", "number", number, "text", text), &error);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_line_file(const struct dirent *entry)
{
	return strncmp(entry->d_name, "tfld", 4) == 0;
}

/* Complete files in the order of their names, then the one that is written. */
static unsigned list(const char *folder, char names[][64], unsigned max)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_line_file, by_name);
	unsigned used = 0;

	ck_assert_int_ge(count, 0);
	ck_assert_uint_le((unsigned)count, max);
	for (int i = 0; i < count; i++) {
		if (strcmp(entries[i]->d_name, TFL_LINE_LOG_FILE) != 0)
			snprintf(names[used++], 64, "%.60s", entries[i]->d_name);
		free(entries[i]);
	}
	if (used < (unsigned)count)
		snprintf(names[used++], 64, "%s", TFL_LINE_LOG_FILE);
	free(entries);
	return used;
}

/* All lines of all files, each of which has to be sound, in order and complete. The numbers are first, first + 1 and so on. */
static unsigned check_lines(const char *folder, uint64_t file_bytes, int *ret_first)
{
	char names[80][64], path[8192];
	unsigned lines = 0, files = list(folder, names, 80);

	for (unsigned i = 0; i < files; i++) {
		const char *text;
		json_error_t fault;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		text = file_read(path);
		ck_assert_uint_le(strlen(text), file_bytes);
		ck_assert_uint_gt(strlen(text), 0);
		for (const char *newline; (newline = strchr(text, '\n')); text = newline + 1, lines++) {
			json_t *line = json_loadb(text, (size_t)(newline - text), 0, &fault);

			ck_assert_msg(line != NULL, "%s: %s", names[i], fault.text);
			if (lines == 0)
				*ret_first = (int)json_integer_value(json_object_get(line, "number"));
			ck_assert_int_eq(json_integer_value(json_object_get(line, "number")), *ret_first + (int)lines);
			json_decref(line);
		}
		ck_assert_msg(*text == '\0', "%s ends in the middle of a line", names[i]);
	}
	return lines;
}

START_TEST(a_line_has_what_every_line_has)
{
	struct stat st;
	json_t *line;

	begin("lines", 4096, 3);
	ck_assert(!file_exists("lines"));
	ck_assert_int_eq(add(TIME, 7, 10), 0);
	line = json_loads(file_read("lines/" TFL_LINE_LOG_FILE), 0, NULL);
	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(json_string_value(json_object_get(line, "schema")), SCHEMA);
	ck_assert_str_eq(json_string_value(json_object_get(line, "time")), "2027-01-15T08:00:00Z");
	ck_assert_str_eq(json_string_value(json_object_get(line, "device")), "camera");
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(line, "run"))), 16);
	ck_assert_int_eq(json_integer_value(json_object_get(line, "seq")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(line, "number")), 7);
	ck_assert_str_eq(json_string_value(json_object_get(line, "text")), "xxxxxxxxxx");
	json_decref(line);
	ck_assert_int_eq(stat("lines/" TFL_LINE_LOG_FILE, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777 & ~0640u, 0);
	ck_assert_int_eq(stat("lines", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777 & ~0750u, 0);
}
END_TEST

START_TEST(files_are_bounded_and_nothing_else_is_lost)
{
	char names[80][64];
	int first;

	begin("lines", 1000, 4);
	file_write_text("other.txt", "x");
	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(add(TIME + i / 50, i, (size_t)(i * 37 % 400)), 0);
		if (i == 20)
			file_write_text("lines/tfld-7-other.jsonl", "");
		ck_assert_uint_le(list("lines", names, 80), i < 20 ? 4 : 5);
	}
	ck_assert_int_eq(unlink("lines/tfld-7-other.jsonl"), 0);
	ck_assert_uint_gt(check_lines("lines", 1000, &first), 6);
	ck_assert_int_eq(first + (int)check_lines("lines", 1000, &first), 300);
	ck_assert_uint_eq(tfl_line_log_lost(line_log), 0);
}
END_TEST

START_TEST(names_go_on_after_a_restart_and_when_the_clock_is_set_back)
{
	char names[80][64];
	int first;

	for (int i = 0; i < 40; i++) {
		begin("lines", 600, 70);
		ck_assert_int_eq(add(TIME - 86400 * i, 2 * i, 300), 0);
		ck_assert_int_eq(add(TIME - 86400 * i, 2 * i + 1, 300), 0);
		end();
	}
	ck_assert_uint_eq(check_lines("lines", 600, &first), 70);
	ck_assert_uint_eq(list("lines", names, 80), 70);
	ck_assert_int_eq(first, 10);
}
END_TEST

START_TEST(a_time_that_cannot_be_is_no_obstacle)
{
	int first;

	begin("lines", 600, 5);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(add(i % 2 ? INT64_MAX : -1, i, 400), 0);
	ck_assert_uint_eq(check_lines("lines", 600, &first), 5);
}
END_TEST

START_TEST(half_a_line_spoils_no_other)
{
	const char *text;

	begin("lines", 4096, 3);
	ck_assert_int_eq(mkdir("lines", 0700), 0);
	file_write_text("lines/" TFL_LINE_LOG_FILE, "{\"number\":0}\n{\"numb");
	ck_assert_int_eq(add(TIME, 1, 10), 0);
	ck_assert_int_eq(add(TIME, 2, 10), 0);
	text = strchr(file_read("lines/" TFL_LINE_LOG_FILE), '\n') + 1;
	ck_assert_int_eq(strncmp(text, "{\"numb\n{\"schema\":", 17), 0);
	text = strchr(strchr(text, '\n') + 1, '\n') + 1;
	ck_assert_int_eq(strncmp(text, "{\"schema\":", 10), 0);
	ck_assert_ptr_eq(strchr(text, '\n') + 1, text + strlen(text));
}
END_TEST

START_TEST(a_line_that_is_longer_than_a_file_has_one_to_itself)
{
	char names[80][64];
	int first;

	begin("lines", 1000, 5);
	ck_assert_int_eq(add(TIME, 0, 10), 0);
	ck_assert_int_eq(add(TIME, 1, 5000), 0);
	ck_assert_int_eq(add(TIME, 2, 10), 0);
	ck_assert_uint_eq(check_lines("lines", 6000, &first), 3);
	ck_assert_uint_eq(list("lines", names, 80), 3);
}
END_TEST

START_TEST(a_folder_that_vanishes_comes_back)
{
	int first;

	begin("above/lines", 1000, 3);
	ck_assert_int_eq(add(TIME, 0, 10), -ENOENT);
	ck_assert_str_eq(error.text, "the log folder above/lines cannot be written to: No such file or directory; lines lost so far: 1");
	ck_assert_int_eq(mkdir("above", 0700), 0);
	ck_assert_int_eq(add(TIME, 1, 10), 0);
	ck_assert_int_eq(unlink("above/lines/" TFL_LINE_LOG_FILE), 0);
	ck_assert_int_eq(rmdir("above/lines"), 0);
	ck_assert_int_eq(add(TIME, 2, 10), 0);
	ck_assert_int_eq(rename("above", "elsewhere"), 0);
	ck_assert_int_eq(add(TIME, 3, 10), -ENOENT);
	ck_assert_int_eq(rename("elsewhere", "above"), 0);
	ck_assert_int_eq(add(TIME, 3, 10), 0);
	ck_assert_uint_eq(check_lines("above/lines", 1000, &first), 2);
	ck_assert_int_eq(first, 2);
	ck_assert_uint_eq(tfl_line_log_lost(line_log), 2);
	ck_assert_ptr_nonnull(strstr(file_read("above/lines/" TFL_LINE_LOG_FILE), "\"seq\":5"));
}
END_TEST

START_TEST(what_is_no_file_is_not_written_to)
{
	begin("lines", 1000, 3);
	file_write_text("target", "");
	ck_assert_int_eq(mkdir("lines", 0700), 0);
	ck_assert_int_eq(mkfifo("lines/" TFL_LINE_LOG_FILE, 0600), 0);
	ck_assert_int_eq(add(TIME, 0, 10), -EINVAL);
	ck_assert_int_eq(unlink("lines/" TFL_LINE_LOG_FILE), 0);
	ck_assert_int_eq(symlink("../target", "lines/" TFL_LINE_LOG_FILE), 0);
	ck_assert_int_eq(add(TIME, 0, 10), -ELOOP);
	ck_assert_str_eq(file_read("target"), "");
	ck_assert_int_eq(unlink("lines/" TFL_LINE_LOG_FILE), 0);
	ck_assert_int_eq(rmdir("lines"), 0);
	file_write_text("lines", "");
	ck_assert_int_eq(add(TIME, 0, 10), -ENOTDIR);
}
END_TEST

START_TEST(names_that_somebody_made_up)
{
	int first;

	begin("lines", 600, 3);
	ck_assert_int_eq(add(TIME, 0, 400), 0);
	file_write_text("lines/tfld-99999999999999999999-20270115T080000Z.jsonl", "");
	ck_assert_int_eq(mkdir("lines/tfld-00000001-20270115T080000Z.jsonl", 0700), 0);
	ck_assert_int_eq(add(TIME, 1, 400), 0);
	ck_assert_int_eq(rmdir("lines/tfld-00000001-20270115T080000Z.jsonl"), 0);
	file_write_text("lines/tfld-9999999999-20270115T080000Z.jsonl", "");
	ck_assert_int_eq(add(TIME, 2, 400), -EOVERFLOW);
	ck_assert_int_eq(unlink("lines/tfld-9999999999-20270115T080000Z.jsonl"), 0);
	ck_assert_int_eq(add(TIME, 2, 400), 0);
	ck_assert_int_eq(unlink("lines/tfld-99999999999999999999-20270115T080000Z.jsonl"), 0);
	ck_assert_uint_eq(check_lines("lines", 600, &first), 3);
}
END_TEST

/* Many files that have to go: a bounded number at a time, the oldest first. */
START_TEST(fewer_files_than_before)
{
	char names[80][64];
	int first;

	begin("lines", 600, 80);
	for (int i = 0; i < 78; i++)
		ck_assert_int_eq(add(TIME, i, 400), 0);
	end();
	begin("lines", 600, 2);
	ck_assert_int_eq(add(TIME, 78, 400), 0);
	ck_assert_uint_eq(check_lines("lines", 600, &first), 15);
	ck_assert_int_eq(first, 64);
	ck_assert_int_eq(add(TIME, 79, 400), 0);
	ck_assert_uint_eq(list("lines", names, 80), 2);
	ck_assert_uint_eq(check_lines("lines", 600, &first), 2);
	ck_assert_int_eq(first, 78);
}
END_TEST

/* A file system of 32 KiB at "lines", in a mount namespace that dies with this process. False where that is not allowed. */
static bool mount_small(void)
{
	ck_assert_int_eq(mkdir("lines", 0700), 0);
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("lines", "lines", "tmpfs", 0, "size=32k") == 0)
		return true;
	printf("# skipped: only root has a file system of its own\n");
	return false;
}

START_TEST(a_full_disk_leaves_no_half_line)
{
	int first, written = 0, result;

	begin("lines", 1 << 20, 3);
	if (!mount_small())
		return;
	while ((result = add(TIME, written, 3000)) == 0)
		ck_assert_int_lt(++written, 64);
	ck_assert_int_eq(result, -ENOSPC);
	ck_assert_int_ge(written, 5);
	ck_assert_int_eq(add(TIME, written, 3000), -ENOSPC);
	ck_assert_int_eq((int)check_lines("lines", 1 << 20, &first), written);
	ck_assert_uint_eq(tfl_line_log_lost(line_log), 2);
	ck_assert_int_eq(mount(NULL, "lines", NULL, MS_REMOUNT, "size=60k"), 0);
	ck_assert_int_eq(add(TIME, written, 3000), 0);
	ck_assert_int_eq((int)check_lines("lines", 1 << 20, &first), written + 1);
	ck_assert_int_eq(umount("lines"), 0);
}
END_TEST

START_TEST(a_read_only_file_system_is_tried_again)
{
	int first;

	begin("lines", 1000, 3);
	if (!mount_small())
		return;
	ck_assert_int_eq(add(TIME, 0, 600), 0);
	ck_assert_int_eq(mount(NULL, "lines", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	ck_assert_int_eq(add(TIME, 1, 600), -EROFS);
	ck_assert_int_eq(mount(NULL, "lines", NULL, MS_REMOUNT, NULL), 0);
	ck_assert_int_eq(add(TIME, 1, 600), 0);
	ck_assert_uint_eq(check_lines("lines", 1000, &first), 2);
	ck_assert_int_eq(umount("lines"), 0);
}
END_TEST

START_TEST(a_device_without_a_name_has_that_of_its_host)
{
	struct tfl_line_log_options options = {"lines", 1000, 2, ""};
	char host[256], expected[300];

	ck_assert_int_eq(tfl_line_log_create(&options, &line_log), 0);
	ck_assert_int_eq(add(TIME, 0, 10), 0);
	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	snprintf(expected, sizeof(expected), "\"device\":\"%s\"", host);
	ck_assert_ptr_nonnull(strstr(file_read("lines/" TFL_LINE_LOG_FILE), expected));
}
END_TEST

Suite *line_log_suite(void)
{
	Suite *suite = suite_create("line_log");
	TCase *tcase = tcase_create("line_log");

	tcase_add_checked_fixture(tcase, folder_make, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_line_has_what_every_line_has);
	tcase_add_test(tcase, files_are_bounded_and_nothing_else_is_lost);
	tcase_add_test(tcase, names_go_on_after_a_restart_and_when_the_clock_is_set_back);
	tcase_add_test(tcase, a_time_that_cannot_be_is_no_obstacle);
	tcase_add_test(tcase, half_a_line_spoils_no_other);
	tcase_add_test(tcase, a_line_that_is_longer_than_a_file_has_one_to_itself);
	tcase_add_test(tcase, a_folder_that_vanishes_comes_back);
	tcase_add_test(tcase, what_is_no_file_is_not_written_to);
	tcase_add_test(tcase, names_that_somebody_made_up);
	tcase_add_test(tcase, fewer_files_than_before);
	tcase_add_test(tcase, a_full_disk_leaves_no_half_line);
	tcase_add_test(tcase, a_read_only_file_system_is_tried_again);
	tcase_add_test(tcase, a_device_without_a_name_has_that_of_its_host);
	suite_add_tcase(suite, tcase);
	return suite;
}
