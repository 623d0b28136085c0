/* SPDX-License-Identifier: MIT */
/*
 * One binary for the runtime's modules. An argument, or CK_RUN_SUITE, runs the suite of that name alone.
 */
#include <stdlib.h>

#include "base/util.h"
#include "tests/runtime/suites.h"

static Suite *(*const suites[])(void) = {
	allocation_suite,
	arena_suite,
	confidence_suite,
	control_suite,
	detection_suite,
	elementwise_suite,
	entry_suite,
	fixed_suite,
	flatbuffer_suite,
	flexbuffer_suite,
	fold_suite,
	fourier_suite,
	greed_suite,
	hostile_suite,
	interpreter_suite,
	interrupt_suite,
	kernels_suite,
	metadata_suite,
	late_suite,
	metadata_parts_suite,
	model_suite,
	move_suite,
	mutation_suite,
	partition_suite,
	pool_suite,
	program_suite,
	quant_suite,
	recurrent_suite,
	resize_state_suite,
	resize_suite,
	shape_suite,
	sparse_suite,
	state_suite,
	survey_suite,
	tell_suite,
	weights_suite,
	zoo_suite,
};

int main(int argc, char **argv)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(suites); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_run(runner, argc > 1 ? argv[1] : NULL, NULL, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
