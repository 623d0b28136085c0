/* SPDX-License-Identifier: MIT */
/* The suites of the client's test program that needs a running daemon. $TFLD is the daemon's binary. */
#ifndef TESTS_CLIENT_SYSTEM_SUITES_H
#define TESTS_CLIENT_SYSTEM_SUITES_H

#include <check.h>

Suite *bench_system_suite(void);
Suite *flight_suite(void);
Suite *routing_suite(void);
Suite *record_suite(void);
Suite *session_suite(void);
Suite *signature_system_suite(void);
Suite *subscribe_suite(void);
Suite *swapping_suite(void);
Suite *top_system_suite(void);
Suite *validate_suite(void);

#endif
