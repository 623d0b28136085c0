/* SPDX-License-Identifier: MIT */
/*
 * One binary for the daemon's modules. An argument, or CK_RUN_SUITE, runs the suite of that name alone.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/daemon/suites.h"

static Suite *(*const suites[])(void) = {
	log_suite,
	conditions_suite,
	config_suite,
	config_take_suite,
	recent_suite,
	reconcile_suite,
	room_suite,
	loader_room_suite,
	recorder_suite,
	store_suite,
	policy_suite,
	store_read_suite,
	swap_suite,
	version_labels_suite,
	wakeup_suite,
	route_suite,
	loader_routes_suite,
	trial_suite,
	account_suite,
	audit_suite,
	groups_suite,
	agreement_suite,
	binding_suite,
	changes_suite,
	channel_suite,
	descriptors_suite,
	samples_suite,
	sampling_suite,
	store_samples_suite,
	scheduler_suite,
	registry_suite,
	exposition_suite,
	heads_suite,
	history_suite,
	metrics_suite,
	metrics_file_suite,
	line_log_suite,
	loader_suite,
	loader_condition_suite,
	loader_conf_suite,
	loader_lines_suite,
	loader_proof_suite,
	loader_restart_suite,
	loader_watch_suite,
	model_conf_suite,
	observe_suite,
	peer_suite,
	period_suite,
	prove_suite,
	reply_suite,
	telling_suite,
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
