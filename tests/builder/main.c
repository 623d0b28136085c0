/* SPDX-License-Identifier: MIT */
/*
 * One binary for the builder's tests. CK_RUN_SUITE runs the suite of that name alone.
 */
#include <stdlib.h>

#include "tests/builder/suites.h"

int main(void)
{
	SRunner *runner = srunner_create(builder_suite());
	int failed;

	srunner_add_suite(runner, net_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
