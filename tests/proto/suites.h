/* SPDX-License-Identifier: MIT */
/* The suites of tests/proto, one a file; main.c runs them all. */
#ifndef TESTS_PROTO_SUITES_H
#define TESTS_PROTO_SUITES_H

#include <check.h>

Suite *frame_suite(void);
Suite *message_suite(void);
Suite *name_suite(void);
Suite *params_suite(void);
Suite *reader_suite(void);
Suite *request_suite(void);
Suite *response_suite(void);
Suite *tensor_suite(void);
Suite *unpacker_suite(void);
Suite *writer_suite(void);

#endif
