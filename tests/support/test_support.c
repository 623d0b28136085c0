/* SPDX-License-Identifier: MIT */
/*
 * A harness that cannot fail proves nothing: bodies with each of the faults that it is there to find must end their test.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/support/allocation.h"
#include "tests/support/descriptors.h"

/* The compiler may not know that a block is never used; and what stays in kept is not for a leak detector to report. */
static void *volatile sink, *volatile kept;

static int sound(void *data)
{
	_tfl_free_ void *block = malloc(10);
	_tfl_free_ char *copy = NULL;
	void *grown;

	if (!block)
		return -ENOMEM;
	grown = realloc(block, 1000);
	if (!grown)
		return -ENOMEM;
	block = grown;
	copy = strdup("text");
	return copy && strcmp(copy, "text") == 0 ? 0 : -ENOMEM;
}

static int leaks_on_failure(void *data)
{
	void *first = malloc(10), *second;

	kept = first;
	if (!first)
		return -ENOMEM;
	second = malloc(20);
	sink = second;
	if (!second)
		return -ENOMEM;
	free(first);
	free(second);
	return 0;
}

static int swallows(void *data)
{
	_tfl_free_ void *block = malloc(10);

	sink = block;
	return 0;
}

static int wrong_code(void *data)
{
	_tfl_free_ void *block = malloc(10);

	sink = block;
	return block ? 0 : -EINVAL;
}

static int always_fails(void *data)
{
	return -EIO;
}

static int (*const faulty[])(void *data) = {leaks_on_failure, swallows, wrong_code, always_fails};

START_TEST(sound_body_passes)
{
	ck_assert_uint_eq(allocation_fail_each(sound, NULL), 3);
	ck_assert(!allocation_failed());
}
END_TEST

START_TEST(faulty_bodies_fail)
{
	allocation_fail_each(faulty[_i], NULL);
}
END_TEST

START_TEST(descriptors_are_counted)
{
	unsigned before = descriptors_open();
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(descriptors_open(), before + 1);
	tfl_close(fd);
	ck_assert_uint_eq(descriptors_open(), before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("support");
	TCase *tcase = tcase_create("support");
	SRunner *runner;
	int failures;

	tcase_add_test(tcase, sound_body_passes);
	tcase_add_loop_exit_test(tcase, faulty_bodies_fail, EXIT_FAILURE, 0, TFL_ARRAY_SIZE(faulty));
	tcase_add_test(tcase, descriptors_are_counted);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
