/* SPDX-License-Identifier: MIT */
/*
 * A daemon with one model, "m", of which a version is swapped in and is on trial. All versions have the same input and output, so that the requests do
 * not change with them: softmax(scale x + shift), perhaps after a detour that takes its time. Failures fail the test.
 */
#ifndef TESTS_SYSTEM_TRIAL_SCENE_H
#define TESTS_SYSTEM_TRIAL_SCENE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/writer.h"
#include "tests/system/harness.h"
#include "tests/system/wire.h"

#define TRIAL_CLASSES 16
#define TRIAL_SEEN_BEFORE 700
#define TRIAL_WAIT_NS UINT64_C(120000000000)

#define TRIAL_CONFIGURATION "[models]\nproof = no\ntrial_requests = 100000000\ntrial_time = 2s\n"
#define TRIAL_NO_DRIFT "trial_drift = 10000%\n" /* another limit is to be the first … */
#define TRIAL_NO_LATENCY "trial_latency = 100000%\n" /* … or none, however busy the machine is */

struct trial_scene {
	struct daemon tfld;
	struct tfl_writer writer;
	struct reply answer; /* to the last call */
	int fd;
};

extern struct trial_scene trial;

struct recipe {
	float scale, shift; /* of all logits; of the first one */
	unsigned turns;     /* of some tens of microseconds each */
	bool nan;
	bool other;         /* another input: float32 [1, 96, 96, 3] */
};

extern const struct recipe trial_sound;

/** Fixtures of a case; a daemon that was begun is stopped. */
void trial_setup(void);
void trial_teardown(void);

/** Starts with a version 1 that is made so, or is sound; and stops in order, and starts anew. */
void trial_begin_with(const struct recipe *recipe, const char *configuration);
void trial_begin(const char *configuration);
void trial_again(const char *configuration);

/** Loads the next version. */
void trial_load(const struct recipe *recipe);

/** A sound version 1 serves for a while, and then this one on trial. */
void trial_swap_in(const struct recipe *recipe, const char *configuration);

/** One request, and which version answered; 0: it failed. Half of what is seen is clear, half is not. */
uint64_t trial_ask(uint64_t timeout_us);

/** A request about the model, whose answer is kept. */
void trial_call(const char *method, uint64_t version);

/** Whether the trial's state is this; trial.answer has the rest. */
bool trial_is(const char *state);

/** Whether there is a change of this kind about a version, with this in its reason. */
bool trial_changed(const char *kind, uint64_t version, const char *reason);

/** The state of a version, once it is not UNLOADING, and what the reason for it has. */
void trial_expect_state(uint64_t version, const char *state, const char *reason);

/** Version 2 was rejected, with this in the reason, and version 1 serves. */
void trial_expect_rejected(const char *reason);

#endif
