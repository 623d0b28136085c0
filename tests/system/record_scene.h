/* SPDX-License-Identifier: MIT */
/* A daemon with a few models, whose requests are recorded by its administrator. Failures fail the test. */
#ifndef TESTS_SYSTEM_RECORD_SCENE_H
#define TESTS_SYSTEM_RECORD_SCENE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/system/harness.h"
#include "tests/system/wire.h"

#define RECORD_SAMPLE "recorded-000001.tflsample" /* the first one of a model */

struct record_scene {
	struct daemon tfld;
	int fd, admin;
};

extern struct record_scene record;

/** Fixtures of a case: "tiny", "slow" and "scores" are served. */
void record_setup(void);
void record_teardown(void);

/* A recording to be asked for; what is 0 is not given. */
struct record_plan {
	const char *model;
	uint64_t version, count, every, interval_ms;
	bool outputs;
};

/** Asks for it; and gets it. */
void record_send_plan(const struct record_plan *plan);
void record_start(const struct record_plan *plan);

/** The answer on the administrator's connection; a refusal fails the test. */
void record_receive(struct reply *ret_reply);

/** Asks there about a model. */
void record_ask(const char *method, const char *model, struct reply *ret_reply);

/** Waits until the recording of a model is over: how many it kept. */
uint64_t record_wait_for_end(const char *model);

/** So many requests to "tiny". */
void record_serve(unsigned count);

#endif
