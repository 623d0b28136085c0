/* SPDX-License-Identifier: MIT */
/* One binary for the modules of stats/. */
#include <stdlib.h>

#include "tests/stats/suites.h"

int main(void)
{
	SRunner *runner = srunner_create(latency_suite());
	int failed;

	srunner_add_suite(runner, compare_suite());
	srunner_add_suite(runner, confidence_suite());
	srunner_add_suite(runner, drift_suite());
	srunner_add_suite(runner, guard_suite());
	srunner_add_suite(runner, top_suite());
	srunner_add_suite(runner, windows_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
