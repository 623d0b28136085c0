/* SPDX-License-Identifier: MIT */
/* The suites of the client library's test program. */
#ifndef TESTS_CLIENT_SUITES_H
#define TESTS_CLIENT_SUITES_H

#include <check.h>

Suite *changes_suite(void);
Suite *connect_suite(void);
Suite *hostile_suite(void);
Suite *infer_suite(void);
Suite *submit_hostile_suite(void);
Suite *submit_link_suite(void);
Suite *submit_suite(void);
Suite *threads_suite(void);
Suite *value_suite(void);

#endif
