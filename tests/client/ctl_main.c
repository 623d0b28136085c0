/* SPDX-License-Identifier: MIT */
/* tflctl's tests. An argument, or CK_RUN_SUITE, runs the suite of that name alone. $TFLCTL is the binary. */
#include <stdlib.h>

#include "tests/client/ctl_suites.h"

static Suite *(*const suites[])(void) = {
	bench_suite, command_suite, compare_suite, detections_suite, hist_suite, inspect_suite, labels_suite, lines_suite, merge_suite, npy_suite, page_suite,
	picture_suite, print_suite, signature_suite, top_suite, usage_suite,
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
