/* SPDX-License-Identifier: MIT */
/* Label files in both shapes, and files that are none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "client/labels.h"
#include "tests/client/ctl_suites.h"

static int read_text(const char *text, size_t size, struct tfl_labels *ret_labels, struct tfl_error *error)
{
	char path[] = "/tmp/tfl-labels-XXXXXX";
	int fd = mkstemp(path), r;

	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
	r = tfl_labels_read(path, ret_labels, error);
	if (r < 0)
		ck_assert_msg(strstr(error->text, path), "%s", error->text);
	unlink(path);
	return r;
}

START_TEST(lines)
{
	static const char text[] = "background\r\n100 metres\n\nkäse, Gouda";
	struct tfl_labels labels;

	ck_assert_int_eq(read_text(text, sizeof(text) - 1, &labels, NULL), 0);
	ck_assert_uint_eq(labels.count, 4);
	ck_assert_str_eq(labels.names[0], "background");
	ck_assert_str_eq(labels.names[1], "100 metres");
	ck_assert_str_eq(labels.names[2], "");
	ck_assert_str_eq(labels.names[3], "käse, Gouda");
	tfl_labels_finish(&labels);
	tfl_labels_finish(&labels);
}
END_TEST

START_TEST(numbered)
{
	static const char text[] = "0  person\n2\tcar\n17 traffic light\n";
	struct tfl_labels labels;

	ck_assert_int_eq(read_text(text, sizeof(text) - 1, &labels, NULL), 0);
	ck_assert_uint_eq(labels.count, 18);
	ck_assert_str_eq(labels.names[0], "person");
	ck_assert_ptr_null(labels.names[1]);
	ck_assert_str_eq(labels.names[2], "car");
	ck_assert_str_eq(labels.names[17], "traffic light");
	tfl_labels_finish(&labels);
}
END_TEST

START_TEST(none)
{
	struct tfl_error error = {0};
	struct tfl_labels labels;
	char *large = malloc(5 << 20);

	ck_assert_int_eq(read_text("", 0, &labels, &error), -EINVAL);
	ck_assert_int_eq(read_text("a\0b", 3, &labels, &error), -EINVAL);
	ck_assert_int_eq(read_text("\xff\xfe", 2, &labels, &error), -EINVAL);
	memset(large, '\n', 5 << 20);
	ck_assert_int_eq(read_text(large, 5 << 20, &labels, &error), -EFBIG);
	ck_assert_int_eq(read_text(large, 70000, &labels, &error), 0); /* more lines than labels there can be: the first ones */
	ck_assert_uint_eq(labels.count, 65536);
	tfl_labels_finish(&labels);
	ck_assert_int_eq(read_text("99999999999999999999 x\n", 23, &labels, &error), 0);
	ck_assert_uint_eq(labels.count, 1);
	tfl_labels_finish(&labels);
	free(large);
}
END_TEST

Suite *labels_suite(void)
{
	Suite *suite = suite_create("labels");
	TCase *tcase = tcase_create("labels");

	tcase_add_test(tcase, lines);
	tcase_add_test(tcase, numbered);
	tcase_add_test(tcase, none);
	suite_add_tcase(suite, tcase);
	return suite;
}
