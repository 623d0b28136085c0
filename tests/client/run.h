/* SPDX-License-Identifier: MIT */
/* Runs the tflctl that $TFLCTL names and keeps what it said. */
#ifndef TESTS_CLIENT_RUN_H
#define TESTS_CLIENT_RUN_H

#include <jansson.h>

#define OUTPUT_MAX 65536

struct result {
	int status;
	char out[OUTPUT_MAX];
	char err[OUTPUT_MAX];
};

/* Of the last run. */
extern struct result result;

/** @p args: without the program's name, NULL at the end. Fails the test when tflctl dies of a signal. */
void run_tflctl(const char *const args[]);

#define TFLCTL(...) run_tflctl((const char *const[]){__VA_ARGS__, NULL})

/** The last run's stdout, which must be one JSON text, with nothing on stderr. The caller's. */
json_t *json_of_output(void);

#endif
