/* SPDX-License-Identifier: MIT */
/* The suites of tflctl's test program. */
#ifndef TESTS_CLIENT_CTL_SUITES_H
#define TESTS_CLIENT_CTL_SUITES_H

#include <check.h>

Suite *bench_suite(void);
Suite *compare_suite(void);
Suite *detections_suite(void);
Suite *inspect_suite(void);
Suite *labels_suite(void);
Suite *lines_suite(void);
Suite *merge_suite(void);
Suite *npy_suite(void);
Suite *page_suite(void);
Suite *picture_suite(void);
Suite *print_suite(void);
Suite *signature_suite(void);
Suite *top_suite(void);
Suite *command_suite(void);
Suite *hist_suite(void);
Suite *usage_suite(void);

#endif
