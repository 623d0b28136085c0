/* SPDX-License-Identifier: MIT */
/* The suites of tests/system, one a file; main.c runs them all. */
#ifndef TESTS_SYSTEM_SUITES_H
#define TESTS_SYSTEM_SUITES_H

#include <check.h>

Suite *smoke_suite(void);
Suite *access_suite(void);
Suite *audit_suite(void);
Suite *changes_suite(void);
Suite *compare_suite(void);
Suite *conf_suite(void);
Suite *start_suite(void);
Suite *faults_suite(void);
Suite *frames_suite(void);
Suite *histogram_suite(void);
Suite *infer_suite(void);
Suite *limits_suite(void);
Suite *loop_suite(void);
Suite *manager_suite(void);
Suite *memory_suite(void);
Suite *metrics_suite(void);
Suite *models_suite(void);
Suite *proof_suite(void);
Suite *record_suite(void);
Suite *record_use_suite(void);
Suite *reload_suite(void);
Suite *repository_suite(void);
Suite *rights_suite(void);
Suite *session_suite(void);
Suite *signature_suite(void);
Suite *shadow_suite(void);
Suite *shares_suite(void);
Suite *trial_suite(void);
Suite *trial_restart_suite(void);
Suite *leaks_suite(void);

#endif
