/* SPDX-License-Identifier: MIT */
/*
 * The real binary over real sockets. An argument, or CK_RUN_SUITE, runs the suite of that name alone.
 */
#include <stdlib.h>

#include "tests/system/suites.h"

static Suite *(*const suites[])(void) = {
	smoke_suite,
	access_suite,
	audit_suite,
	start_suite,
	frames_suite,
	infer_suite,
	histogram_suite,
	memory_suite,
	metrics_suite,
	limits_suite,
	loop_suite,
	manager_suite,
	models_suite,
	changes_suite,
	compare_suite,
	conf_suite,
	faults_suite,
	proof_suite,
	record_suite,
	record_use_suite,
	reload_suite,
	repository_suite,
	rights_suite,
	session_suite,
	signature_suite,
	shadow_suite,
	shares_suite,
	trial_suite,
	trial_restart_suite,
	leaks_suite,
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
