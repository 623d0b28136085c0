/* SPDX-License-Identifier: MIT */
/* The client library's tests. An argument, or CK_RUN_SUITE, runs the suite of that name alone. */
#include <stdlib.h>

#include "tests/client/suites.h"

static Suite *(*const suites[])(void) = {
	changes_suite,
	connect_suite,
	hostile_suite,
	infer_suite,
	submit_hostile_suite,
	submit_link_suite,
	submit_suite,
	threads_suite,
	value_suite,
};

int main(int argc, char **argv)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_run(runner, argc > 1 ? argv[1] : NULL, NULL, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
