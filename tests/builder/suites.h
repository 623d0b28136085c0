/* SPDX-License-Identifier: MIT */
/* The suites of tests/builder, one a file; main.c runs them all. */
#ifndef TESTS_BUILDER_SUITES_H
#define TESTS_BUILDER_SUITES_H

#include <check.h>

Suite *builder_suite(void);
Suite *net_suite(void);

#endif
