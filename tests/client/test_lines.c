/* SPDX-License-Identifier: MIT */
/* Lines that somebody else wrote: however they arrive, and however long they are. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lines.h"
#include "tests/client/ctl_suites.h"

struct text {
	int fd;
	const char *bytes;
	size_t size, step;
};

static void *write_text(void *data)
{
	struct text *text = data;

	for (size_t at = 0; at < text->size; at += text->step) {
		size_t rest = text->size - at;

		ck_assert_int_gt(write(text->fd, text->bytes + at, rest < text->step ? rest : text->step), 0);
	}
	close(text->fd);
	return NULL;
}

/* What comes out of a pipe that gets the text piece by piece: the length of each line; -1 for one that is too long. */
static unsigned read_lines(const char *bytes, size_t size, size_t step, long lengths[static 16])
{
	struct ctl_lines lines;
	struct text text = {.bytes = bytes, .size = size, .step = step};
	unsigned count = 0;
	pthread_t writer;
	size_t length;
	char *line;
	int fds[2], r;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	text.fd = fds[1];
	ck_assert_int_eq(pthread_create(&writer, NULL, write_text, &text), 0);
	ck_assert_int_eq(ctl_lines_init(&lines, fds[0]), 0);
	while ((r = ctl_lines_next(&lines, &line, &length)) != 0) {
		ck_assert_uint_lt(count, 16);
		lengths[count++] = r == -EFBIG ? -1 : (long)length;
		ck_assert_uint_eq(lines.number, count);
		ck_assert(r == -EFBIG || (r == 1 && line[length] == '\0'));
	}
	ctl_lines_finish(&lines);
	pthread_join(writer, NULL);
	close(fds[0]);
	return count;
}

START_TEST(lines_come_as_they_are)
{
	static const char text[] = "one\n\nthree\0x\nhalf";
	static const long expected[] = {3, 0, 7, 4};
	long lengths[16];

	ck_assert_uint_eq(read_lines(text, sizeof(text) - 1, (size_t)_i + 1, lengths), 4);
	ck_assert_mem_eq(lengths, expected, sizeof(expected));
	ck_assert_uint_eq(read_lines("\n", 1, 1, lengths), 1);
	ck_assert_int_eq(lengths[0], 0);
}
END_TEST

START_TEST(long_lines_are_skipped)
{
	static const long sizes[] = {CTL_LINE_MAX - 1, CTL_LINE_MAX, CTL_LINE_MAX + 1, 3, 3 * CTL_LINE_MAX + 7, 5};
	char *text = malloc(8 * CTL_LINE_MAX);
	size_t used = 0;
	long lengths[16];

	for (unsigned i = 0; i < 6; i++) {
		memset(text + used, 'x', (size_t)sizes[i]);
		used += (size_t)sizes[i];
		text[used++] = '\n';
	}
	ck_assert_uint_eq(read_lines(text, used - (size_t)_i, 50000, lengths), 6);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(lengths[i], sizes[i] <= CTL_LINE_MAX ? sizes[i] : -1);
	memset(text, 'x', 8 * CTL_LINE_MAX);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(read_lines(text, CTL_LINE_MAX + i, 50000, lengths), 1);
		ck_assert_int_eq(lengths[0], i == 0 ? (long)CTL_LINE_MAX : -1);
	}
	free(text);
}
END_TEST

Suite *lines_suite(void)
{
	Suite *suite = suite_create("lines");
	TCase *tcase = tcase_create("lines");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lines_come_as_they_are, 0, 20);
	tcase_add_loop_test(tcase, long_lines_are_skipped, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}
