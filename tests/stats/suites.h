/* SPDX-License-Identifier: MIT */
/* The suites of this test program. */
#ifndef TESTS_STATS_SUITES_H
#define TESTS_STATS_SUITES_H

#include <check.h>

Suite *compare_suite(void);
Suite *confidence_suite(void);
Suite *drift_suite(void);
Suite *guard_suite(void);
Suite *latency_suite(void);
Suite *top_suite(void);
Suite *windows_suite(void);

#endif
