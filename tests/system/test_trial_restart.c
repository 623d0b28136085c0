/* SPDX-License-Identifier: MIT */
/*
 * Trials over restarts: what the version before did is known though the daemon has restarted since; a stop in order goes on with the trial, a crash
 * rejects it where it was to blame, and a power cut interrupts it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/trial_scene.h"
#include "tests/system/wire.h"

static const struct {
	const char *reason;
	struct recipe recipe, before;
	const char *configuration;
	bool halved;    /* each sixth request is given half the time that it takes at best */
	unsigned limit; /* which of them */
} worse[] = {
	{"latency: p99 ", {.scale = 1, .turns = 40}, {.scale = 1}, TRIAL_CONFIGURATION, false, 1},
	{"errors: ", {.scale = 1, .turns = 400}, {.scale = 1, .turns = 10}, TRIAL_CONFIGURATION TRIAL_NO_LATENCY, true, 0},
	{"confidence: mean ", {.scale = 0.5f}, {.scale = 1}, TRIAL_CONFIGURATION TRIAL_NO_DRIFT TRIAL_NO_LATENCY, false, 2},
};

/* Asks, within half of the least time that it has taken so far, where that is wanted. A machine that has others to serve is faster at times. */
static uint64_t ask_timed(bool halved, uint64_t *least_ns)
{
	uint64_t started = now_ns(), taken, version;

	version = trial_ask(halved ? *least_ns / 2000 : 0);
	taken = now_ns() - started;
	if (!halved && taken < *least_ns)
		*least_ns = taken;
	return version;
}

/* All of them are far within the absolute limits. What the version before did is known though it did that before the daemon started. */
START_TEST(a_restart_before_the_swap_changes_nothing)
{
	uint64_t until, least_ns = UINT64_MAX, requests = 0, version = 2;
	char path[64];

	trial_begin_with(&worse[_i].before, worse[_i].configuration);
	trial_load(&worse[_i].recipe);
	for (unsigned i = 0; i < TRIAL_SEEN_BEFORE; i++)
		ck_assert_uint_eq(trial_ask(0), 1);
	trial_again(worse[_i].configuration);
	trial_call("model.swap", 2);
	ck_assert(trial_is("running"));
	ck_assert_uint_eq(wire_uint(trial.answer.message.result, "reference.requests"), TRIAL_SEEN_BEFORE);
	snprintf(path, sizeof(path), "limits.%u.absolute", worse[_i].limit);
	ck_assert(!wire_bool(trial.answer.message.result, path));
	until = now_ns() + TRIAL_WAIT_NS;
	for (; version != 1 && now_ns() < until; requests++)
		version = ask_timed(worse[_i].halved && requests % 6 == 5, &least_ns);
	ck_assert_msg(version == 1, "%s: still on trial after %llu requests", worse[_i].reason, (unsigned long long)requests);
	trial_expect_rejected(worse[_i].reason);
}
END_TEST

START_TEST(a_stop_in_order_goes_on_with_it)
{
	uint64_t requests;

	trial_swap_in(&trial_sound, TRIAL_CONFIGURATION TRIAL_NO_LATENCY);
	for (unsigned i = 0; i < 123; i++)
		ck_assert_uint_eq(trial_ask(0), 2);
	trial_again(TRIAL_CONFIGURATION TRIAL_NO_LATENCY);
	ck_assert_uint_eq(trial_ask(0), 2);
	daemon_wait_busy(&trial.tfld, 0); /* a worker counts what it has answered */
	ck_assert(trial_is("running"));
	requests = wire_uint(trial.answer.message.result, "requests");
	ck_assert_msg(requests == 124, "%llu requests", (unsigned long long)requests);
	trial_again(TRIAL_CONFIGURATION TRIAL_NO_LATENCY "versions = latest 1\n"); /* the version before is needed, whatever the policy says */
	ck_assert(trial_is("running"));
	trial_call("model.rollback", 0);
	ck_assert_uint_eq(trial_ask(0), 1);
	ck_assert(trial_is("none"));
	ck_assert(trial_changed("interrupted", 2, "version 1 serves"));
}
END_TEST

/* Until a worker has noted that it runs a candidate. */
static void wait_running(void)
{
	uint64_t places[66 * 8], until = now_ns() + TRIAL_WAIT_NS, found = 0;
	char path[160];
	int file;

	snprintf(path, sizeof(path), "%s/.running", trial.tfld.models);
	while (!found && now_ns() < until) {
		file = open(path, O_RDONLY | O_CLOEXEC);
		ck_assert_int_eq(read(file, places, sizeof(places)), (ssize_t)sizeof(places));
		close(file);
		for (unsigned i = 8; i < sizeof(places) / sizeof(places[0]); i++)
			found |= places[i];
	}
	ck_assert(found);
}

static void crash(void)
{
	ck_assert_int_eq(kill(trial.tfld.pid, SIGKILL), 0);
	ck_assert_int_eq(daemon_wait(&trial.tfld), 128 + SIGKILL);
	close(trial.fd); /* not before: that would cancel what runs */
	daemon_start(&trial.tfld, TRIAL_CONFIGURATION);
	daemon_wait_ready(&trial.tfld);
	trial.fd = daemon_connect(&trial.tfld);
}

START_TEST(a_crash_with_a_request_on_it_rejects_it)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	float input[TRIAL_CLASSES] = {1};
	struct tfl_wire_tensor tensor = tiny_tensor(input);

	trial_swap_in(&(struct recipe){.scale = 1, .turns = 2000}, TRIAL_CONFIGURATION);
	for (unsigned i = 0; i < 200; i++) /* so that one runs when it is killed, however late that is after one was seen */
		send_infer(trial.fd, 7, &head, &tensor, 1, NULL, 0);
	wait_running();
	crash();
	ck_assert_uint_eq(trial_ask(0), 1);
	trial_expect_rejected("the daemon died while it ran a request");
	trial_expect_state(2, "END", "rejected ");
	trial_again(TRIAL_CONFIGURATION);
	ck_assert_uint_eq(trial_ask(0), 1);
	trial_expect_rejected("the daemon died while it ran a request");
}
END_TEST

/* Nothing ran on it: the power, or something else. */
START_TEST(a_crash_elsewhere_interrupts_it)
{
	trial_swap_in(&trial_sound, TRIAL_CONFIGURATION TRIAL_NO_LATENCY);
	ck_assert_uint_eq(trial_ask(0), 2);
	crash();
	ck_assert_uint_eq(trial_ask(0), 1);
	ck_assert(trial_is("none"));
	ck_assert_uint_eq(wire_count(trial.answer.message.result, "rejected"), 0);
	ck_assert(trial_changed("interrupted", 2, "a power cut, or a crash elsewhere"));
	trial_expect_state(2, "AVAILABLE", "");
	trial_again(TRIAL_CONFIGURATION);
	ck_assert_uint_eq(trial_ask(0), 1);
}
END_TEST

Suite *trial_restart_suite(void)
{
	Suite *suite = suite_create("trial_restart");
	TCase *tcase = tcase_create("trial_restart");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, trial_setup, trial_teardown);
	tcase_add_loop_test(tcase, a_restart_before_the_swap_changes_nothing, 0, sizeof(worse) / sizeof(worse[0]));
	tcase_add_test(tcase, a_stop_in_order_goes_on_with_it);
	tcase_add_test(tcase, a_crash_with_a_request_on_it_rejects_it);
	tcase_add_test(tcase, a_crash_elsewhere_interrupts_it);
	suite_add_tcase(suite, tcase);
	return suite;
}
