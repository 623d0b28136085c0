/* SPDX-License-Identifier: MIT */
/* The suites of tests/runtime, one a file; main.c runs them all. */
#ifndef TESTS_RUNTIME_SUITES_H
#define TESTS_RUNTIME_SUITES_H

#include <check.h>

Suite *allocation_suite(void);
Suite *arena_suite(void);
Suite *confidence_suite(void);
Suite *control_suite(void);
Suite *detection_suite(void);
Suite *elementwise_suite(void);
Suite *entry_suite(void);
Suite *fixed_suite(void);
Suite *flatbuffer_suite(void);
Suite *flexbuffer_suite(void);
Suite *fold_suite(void);
Suite *fourier_suite(void);
Suite *greed_suite(void);
Suite *hostile_suite(void);
Suite *interpreter_suite(void);
Suite *interrupt_suite(void);
Suite *kernels_suite(void);
Suite *late_suite(void);
Suite *metadata_parts_suite(void);
Suite *metadata_suite(void);
Suite *model_suite(void);
Suite *move_suite(void);
Suite *mutation_suite(void);
Suite *partition_suite(void);
Suite *pool_suite(void);
Suite *program_suite(void);
Suite *quant_suite(void);
Suite *recurrent_suite(void);
Suite *resize_state_suite(void);
Suite *resize_suite(void);
Suite *shape_suite(void);
Suite *sparse_suite(void);
Suite *state_suite(void);
Suite *survey_suite(void);
Suite *tell_suite(void);
Suite *weights_suite(void);
Suite *zoo_suite(void);

#endif
