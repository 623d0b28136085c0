/* SPDX-License-Identifier: MIT */
/*
 * Verdicts of trials: a model that is made to fail in each of the ways that a trial is for is swapped in, and the version before serves the very next
 * request, the reason is among the changes and at a subscriber, a restart finds all as it was, and the policy does not bring it back. A sound
 * one passes.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/trial_scene.h"
#include "tests/system/wire.h"

/* The notification about a change of this kind, on a connection of its own. */
static void expect_told(int subscriber, const char *kind)
{
	struct reply reply;
	bool found = false;

	for (unsigned i = 0; i < 20 && !found; i++) {
		ck_assert(wire_receive(subscriber, &reply));
		found = tfl_string_equal(wire_string(reply.message.params, "kind"), kind);
		reply_finish(&reply);
	}
	ck_assert(found);
}

static int subscribe(void)
{
	int subscriber = daemon_connect(&trial.tfld);
	struct reply reply;

	wire_begin(&trial.writer, 3, "subscribe");
	tfl_writer_map(&trial.writer, 0);
	wire_send_frame(subscriber, &trial.writer);
	ck_assert(wire_receive(subscriber, &reply));
	reply_finish(&reply);
	return subscriber;
}

static const struct {
	const char *name, *reason;
	struct recipe recipe;
	const char *configuration;
	uint64_t timeout_us;
	unsigned within; /* requests; 0: it takes time, not a number of them */
} failures[] = {
	{"errors", "errors: 5 of 5 requests failed", {.scale = 1, .turns = 3000}, TRIAL_CONFIGURATION TRIAL_NO_DRIFT TRIAL_NO_LATENCY, 20000, 5},
	{"latency", "latency: p99 ", {.scale = 1, .turns = 40}, TRIAL_CONFIGURATION TRIAL_NO_DRIFT, 0, 0},
	{"confidence", "confidence: mean ", {.scale = 0.2f}, TRIAL_CONFIGURATION TRIAL_NO_DRIFT TRIAL_NO_LATENCY, 0, 0},
	{"drift", "drift: PSI ", {.scale = 0, .shift = 3.1f}, TRIAL_CONFIGURATION TRIAL_NO_LATENCY, 0, 0},
	{"NaN", "NaN: in outputs of 3 of 3 requests", {.scale = 0, .shift = -1, .nan = true}, TRIAL_CONFIGURATION TRIAL_NO_DRIFT TRIAL_NO_LATENCY, 0, 3},
};

START_TEST(the_version_before_serves_the_very_next_request)
{
	uint64_t until, requests = 0, version = 2;
	int subscriber;

	trial_swap_in(&failures[_i].recipe, failures[_i].configuration);
	subscriber = subscribe();
	until = now_ns() + TRIAL_WAIT_NS;
	while ((version != 1 || requests <= failures[_i].within) && now_ns() < until) {
		version = trial_ask(requests < failures[_i].within ? failures[_i].timeout_us : 0);
		requests++;
	}
	ck_assert_msg(version == 1, "%s: still on trial after %llu requests", failures[_i].name, (unsigned long long)requests);
	printf("# %s: rejected after %llu requests\n", failures[_i].name, (unsigned long long)requests - 1);
	fflush(stdout);
	if (failures[_i].within)
		ck_assert_uint_eq(requests, failures[_i].within + 1);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_eq(trial_ask(0), 1);
	expect_told(subscriber, "rejected");
	close(subscriber);
	trial_expect_rejected(failures[_i].reason);
	/* A start finds it so, and the policy, which wants all versions, lets it lie; as does one that wants the greatest, and auto_swap. */
	trial_again(_i % 2 ? TRIAL_CONFIGURATION : TRIAL_CONFIGURATION "versions = latest 1\nauto_swap = yes\n");
	ck_assert_uint_eq(trial_ask(0), 1);
	trial_expect_rejected(failures[_i].reason);
	trial_expect_state(2, "END", "rejected ");
}
END_TEST

/* Seconds since a version was last used. */
static uint64_t idle_seconds(uint64_t version)
{
	trial_call("model.describe", version);
	return wire_uint(trial.answer.message.result, "idle_s");
}

#define IDLE_S 3

/* Who answers for another one is in use: it would be the first to make room, or to be found idle, when the trial is over. */
START_TEST(the_version_that_answers_is_in_use)
{
	static const struct recipe other = {.other = true};

	trial_swap_in(&other, TRIAL_CONFIGURATION TRIAL_NO_LATENCY);
	while (idle_seconds(1) < IDLE_S)
		usleep(50000);
	ck_assert_uint_eq(trial_ask(0), 1);
	ck_assert_uint_lt(idle_seconds(1), IDLE_S);
	ck_assert(trial_is("running"));
}
END_TEST

/* Nobody is turned away because the new version wants something else: the version before answers, and a handful of that is enough. */
START_TEST(what_only_the_version_before_takes_it_answers)
{
	static const struct recipe other = {.other = true};

	trial_swap_in(&other, TRIAL_CONFIGURATION TRIAL_NO_LATENCY);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(trial_ask(0), 1);
		ck_assert_msg(i == 4 || trial_is("running"), "rejected after %u", i + 1);
	}
	ck_assert_uint_eq(trial_ask(0), 1);
	trial_expect_rejected("errors: 5 of 5 requests failed");
	ck_assert(daemon_logged(&trial.tfld, "version 2 of 'm', on trial, fails a request that version 1 can answer: input 0 'x'"));
}
END_TEST

/* Who wants it nevertheless loads it and swaps to it, and the mark is gone. */
START_TEST(an_operator_may_have_it_nevertheless)
{
	trial_swap_in(&failures[4].recipe, TRIAL_CONFIGURATION);
	for (unsigned i = 0; i < 4; i++)
		trial_ask(0);
	trial_expect_rejected("NaN");
	trial_expect_state(2, "END", "rejected ");
	trial_call("model.reload", 2);
	ck_assert_uint_eq(trial_ask(0), 1);
	trial_call("model.swap", 2);
	ck_assert(trial_changed("active", 2, "that it was rejected does not count any more"));
	trial_call("trial.get", 0);
	ck_assert_uint_eq(wire_count(trial.answer.message.result, "rejected"), 0);
	ck_assert(trial_is("running"));
}
END_TEST

/* A trial that is shorter than anything takes to be judged says so when it is over. */
START_TEST(what_could_not_be_judged_is_told)
{
	trial_swap_in(&trial_sound, "[models]\nproof = no\ntrial_requests = 30\ntrial_time = 0\n" TRIAL_NO_LATENCY);
	for (uint64_t until = now_ns() + TRIAL_WAIT_NS; trial_is("running") && now_ns() < until;)
		ck_assert_uint_eq(trial_ask(0), 2);
	ck_assert(trial_changed("passed", 2, "all within their limits that could be judged; too little was seen of: latency, confidence, drift"));
}
END_TEST

START_TEST(a_sound_version_passes)
{
	uint64_t until;

	trial_swap_in(&trial_sound, "[models]\nproof = no\ntrial_requests = 300\ntrial_time = 2s\n" TRIAL_NO_LATENCY);
	until = now_ns() + TRIAL_WAIT_NS;
	for (bool runs = true; runs && now_ns() < until; runs = trial_is("running"))
		for (unsigned i = 0; i < 50; i++)
			ck_assert_uint_eq(trial_ask(0), 2);
	ck_assert(trial_is("none"));
	ck_assert(trial_changed("trial", 2, "against version 1, for 300 requests and 2 s"));
	ck_assert(trial_changed("passed", 2, "all within their limits"));
	trial_again(NULL);
	ck_assert_uint_eq(trial_ask(0), 2);
	ck_assert(trial_is("none"));
}
END_TEST

/* Ten requests with NaN in, or with an infinity, of which a softmax makes it: what comes out is theirs. */
START_TEST(a_clients_nan_is_its_own)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	float input[TRIAL_CLASSES] = {_i ? INFINITY : NAN};
	struct tfl_wire_tensor tensor = tiny_tensor(input);

	trial_swap_in(&trial_sound, TRIAL_CONFIGURATION TRIAL_NO_LATENCY);
	for (unsigned i = 0; i < 10; i++) {
		send_infer(trial.fd, 7, &head, &tensor, 1, NULL, 0);
		expect_outputs(trial.fd, 7);
	}
	ck_assert_uint_eq(trial_ask(0), 2);
	ck_assert(trial_is("running"));
	ck_assert_uint_eq(wire_uint(trial.answer.message.result, "nan"), 0);
	ck_assert_uint_ge(wire_uint(trial.answer.message.result, "requests"), 10);
}
END_TEST

/* Numbers that no version can do anything with: the version before is asked, and what it makes of them shows whose they are. */
START_TEST(what_no_version_can_do_is_no_failure)
{
	const struct recipe root = {.scale = 1, .nan = true};
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	float input[TRIAL_CLASSES] = {-1};
	struct tfl_wire_tensor tensor = tiny_tensor(input);

	trial_begin_with(&root, TRIAL_CONFIGURATION TRIAL_NO_LATENCY);
	trial_load(&root);
	ck_assert_uint_eq(trial_ask(0), 1);
	trial_call("model.swap", 2);
	for (unsigned i = 0; i < 10; i++) {
		send_infer(trial.fd, 7, &head, &tensor, 1, NULL, 0);
		expect_outputs(trial.fd, 7);
		ck_assert_uint_eq(trial_ask(0), 2);
	}
	ck_assert(trial_is("running"));
	ck_assert_uint_eq(wire_uint(trial.answer.message.result, "nan"), 0);
	ck_assert_uint_ge(wire_uint(trial.answer.message.result, "requests"), 20);
}
END_TEST

/* So many requests of which a run takes longer than they are given, whichever version has it: whoever sends such ones would reject any. */
START_TEST(time_that_nobody_could_keep_is_no_failure)
{
	const struct recipe slow = {.scale = 1, .turns = 3000}; /* never done in two milliseconds */

	trial_begin_with(&slow, TRIAL_CONFIGURATION TRIAL_NO_LATENCY);
	trial_load(&slow);
	ck_assert_uint_eq(trial_ask(0), 1);
	trial_call("model.swap", 2);
	ck_assert(trial_is("running"));
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_eq(trial_ask(2000), 0);
	ck_assert_uint_eq(trial_ask(0), 2);
	ck_assert(trial_is("running"));
}
END_TEST

START_TEST(auto_swap_begins_one_and_what_it_needs_ends_it)
{
	trial_begin(TRIAL_CONFIGURATION TRIAL_NO_LATENCY "auto_swap = yes\n");
	for (unsigned i = 0; i < TRIAL_SEEN_BEFORE; i++)
		ck_assert_uint_eq(trial_ask(0), 1);
	trial_load(&trial_sound);
	ck_assert_uint_eq(trial_ask(0), 2);
	ck_assert(trial_is("running"));
	trial_call("model.unload", 1);
	ck_assert(trial_is("none"));
	ck_assert(trial_changed("interrupted", 2, "version 1 is not available any more"));
	ck_assert_uint_eq(trial_ask(0), 2);
}
END_TEST

Suite *trial_suite(void)
{
	Suite *suite = suite_create("trial");
	TCase *tcase = tcase_create("trial");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, trial_setup, trial_teardown);
	tcase_add_loop_test(tcase, the_version_before_serves_the_very_next_request, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tcase, what_only_the_version_before_takes_it_answers);
	tcase_add_test(tcase, the_version_that_answers_is_in_use);
	tcase_add_test(tcase, an_operator_may_have_it_nevertheless);
	tcase_add_test(tcase, what_could_not_be_judged_is_told);
	tcase_add_test(tcase, a_sound_version_passes);
	tcase_add_loop_test(tcase, a_clients_nan_is_its_own, 0, 2);
	tcase_add_test(tcase, what_no_version_can_do_is_no_failure);
	tcase_add_test(tcase, time_that_nobody_could_keep_is_no_failure);
	tcase_add_test(tcase, auto_swap_begins_one_and_what_it_needs_ends_it);
	suite_add_tcase(suite, tcase);
	return suite;
}
