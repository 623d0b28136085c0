/* SPDX-License-Identifier: MIT */
/*
 * Trials: a model that is made to fail in each of the ways that a trial is for is swapped in, and the version before serves the very next request, the reason
 * is among the changes and at a subscriber, a restart finds all as it was, and the policy does not bring it back. A sound one passes; a stop in
 * order goes on with the trial, a crash rejects it where it was to blame, and a power cut interrupts it.
 *
 * All versions have the same input and output, so that the requests do not change with them: softmax(scale x + shift), perhaps after a detour that takes
 * its time.
 */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "proto/response.h"
#include "tests/builder/builder.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define CLASSES 16
#define SEEN_BEFORE 700
#define WIDE 65536 /* elements of the detour */
#define WAIT_NS UINT64_C(120000000000)

static struct daemon tfld;
static struct tfl_writer writer;
static struct reply answer;
static int fd;

/* ---- Models ---- */

struct recipe {
	float scale, shift; /* of all logits; of the first one */
	unsigned turns;     /* of WIDE elements each: some tens of microseconds */
	bool nan;
	bool other;         /* another input: float32 [1, 96, 96, 3] */
};

static int vector(struct tfl_builder *builder, const char *name, const float *values)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = name, .dims = TFL_INTS(1, CLASSES), .data = values,
								    .data_size = values ? CLASSES * sizeof(float) : 0});
}

static int ints(struct tfl_builder *builder, const char *name, const int32_t *values, int32_t count)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = name, .dtype = TFL_INT32, .dims = TFL_INTS(count), .data = values,
								    .data_size = (size_t)count * sizeof(*values)});
}

static int binary(struct tfl_builder *builder, uint32_t code, int a, int b)
{
	int y = vector(builder, "t", NULL);

	tfl_build_operator(builder, &(struct tfl_build_operator){.code = code, .inputs = TFL_INTS(a, b), .outputs = TFL_INTS(y)});
	return y;
}

/* x, turned round many times over, and none of it in the end: each turn is a step, between which a request's time can run out. */
static int detour(struct tfl_builder *builder, int x, unsigned turns)
{
	static const int32_t times[] = {1, WIDE / CLASSES}, begin[] = {0, 0}, size[] = {1, CLASSES}, last[] = {1};
	static const float zeros[CLASSES];
	int wide, narrow = vector(builder, "narrow", NULL), axis = ints(builder, "axis", last, 1);

	wide = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "wide", .dims = TFL_INTS(1, WIDE)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_TILE, .inputs = TFL_INTS(x, ints(builder, "times", times, 2)),
								 .outputs = TFL_INTS(wide)});
	for (unsigned i = 0; i < turns; i++) {
		int next = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "turned", .dims = TFL_INTS(1, WIDE)});

		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_REVERSE_V2, .inputs = TFL_INTS(wide, axis),
									 .outputs = TFL_INTS(next)});
		wide = next;
	}
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SLICE,
								 .inputs = TFL_INTS(wide, ints(builder, "begin", begin, 2), ints(builder, "size", size, 2)),
								 .outputs = TFL_INTS(narrow)});
	return binary(builder, TFL_BUILTIN_MUL, narrow, vector(builder, "zeros", zeros));
}

static struct model_file make(const struct recipe *recipe)
{
	struct tfl_builder *builder = tfl_build_create();
	float scales[CLASSES], shifts[CLASSES] = {recipe->shift};
	int x = vector(builder, "x", NULL), logits, y = vector(builder, "y", NULL);
	struct model_file file;

	for (unsigned i = 0; i < CLASSES; i++)
		scales[i] = recipe->scale;
	logits = binary(builder, TFL_BUILTIN_MUL, x, vector(builder, "scale", scales));
	logits = binary(builder, TFL_BUILTIN_ADD, logits, vector(builder, "shift", shifts));
	if (recipe->turns)
		logits = binary(builder, TFL_BUILTIN_ADD, logits, detour(builder, x, recipe->turns));
	if (recipe->nan)
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SQRT, .inputs = TFL_INTS(logits), .outputs = TFL_INTS(y)});
	else
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SOFTMAX, .inputs = TFL_INTS(logits),
									 .outputs = TFL_INTS(y), .options = tfl_options_softmax(1)});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	return file;
}

static const struct recipe sound = {.scale = 1};

/* ---- Asking ---- */

/* One request, and which version answered; 0: it failed. Half of what is seen is clear, half is not. */
static uint64_t ask(uint64_t timeout_us)
{
	static unsigned asked;
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .timeout_us = timeout_us, .dtype = TFL_DTYPE_COUNT};
	float input[CLASSES] = {asked++ % 2 ? 6 : 1.5f};
	struct tfl_wire_tensor tensor = tiny_tensor(input);
	struct tfl_infer_response response;
	struct reply reply;
	uint64_t version = 0;

	send_infer(fd, 7, &head, &tensor, 1, NULL, 0);
	ck_assert(wire_receive(fd, &reply));
	if (!reply.message.failed) {
		ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, NULL), 0);
		version = response.served.version;
		tfl_infer_response_finish(&response);
	}
	reply_finish(&reply);
	return version;
}

/* A request about the model, whose answer is kept. */
static void call(const char *method, uint64_t version)
{
	reply_finish(&answer);
	wire_begin_model(&writer, 1, method, "m", version, false);
	wire_send_frame(fd, &writer);
	ck_assert(wire_receive(fd, &answer));
	ck_assert_msg(!answer.message.failed, "%s: %.*s", method, TFL_STRING_ARGS(answer.message.failure.message));
}

static void load(const struct recipe *recipe)
{
	struct model_file model = recipe->other ? model_slow(1) : make(recipe);
	int file = memfd_create("model", MFD_CLOEXEC);
	struct reply reply;

	ck_assert_int_eq(write(file, model.data, model.size), (ssize_t)model.size);
	wire_begin_model(&writer, 1, "model.load", "m", 0, false);
	wire_send_frame_passing(fd, &writer, &file, 1);
	ck_assert(wire_receive(fd, &reply));
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
	model_file_finish(&model);
	close(file);
}

static bool has(struct tfl_string text, const char *part)
{
	return memmem(text.text, text.length, part, strlen(part)) != NULL;
}

/* Whether there is a change of this kind about a version, with this in its reason. */
static bool changed(const char *kind, uint64_t version, const char *reason)
{
	char path[64];
	uint32_t count;

	call("changes", version);
	count = wire_count(answer.message.result, "changes");
	for (uint32_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "changes.%u.kind", i);
		if (!tfl_string_equal(wire_string(answer.message.result, path), kind))
			continue;
		snprintf(path, sizeof(path), "changes.%u.reason", i);
		if (has(wire_string(answer.message.result, path), reason))
			return true;
	}
	return false;
}

static bool trial_is(const char *state)
{
	call("trial.get", 0);
	return tfl_string_equal(wire_string(answer.message.result, "state"), state);
}

/* The state of a version, and the reason for it. */
static void expect_state(uint64_t version, const char *state, const char *reason)
{
	do {
		usleep(1000);
		call("model.describe", version);
	} while (tfl_string_equal(wire_string(answer.message.result, "state"), "UNLOADING"));
	ck_assert(tfl_string_equal(wire_string(answer.message.result, "state"), state));
	ck_assert(has(wire_string(answer.message.result, "reason"), reason));
}

#define CONFIGURATION "[models]\nproof = no\ntrial_requests = 100000000\ntrial_time = 2s\n"
#define NO_DRIFT "trial_drift = 10000%\n" /* another limit is to be the first */

static void begin_with(const struct recipe *recipe, const char *configuration)
{
	struct model_file model = make(recipe);

	daemon_prepare(&tfld);
	daemon_add_model(&tfld, "m", 1, model.data, model.size);
	model_file_finish(&model);
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void begin(const char *configuration)
{
	begin_with(&sound, configuration);
}

static void setup(void)
{
	tfl_writer_init(&writer);
	answer = (struct reply){0};
}

static void teardown(void)
{
	reply_finish(&answer);
	tfl_writer_finish(&writer);
	if (tfld.pid)
		close(fd);
	if (tfld.pid)
		daemon_stop(&tfld);
}

static void again(const char *configuration)
{
	close(fd);
	daemon_restart(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

/* The first version serves for a while, and then this one on trial. */
static void swap_in(const struct recipe *recipe, const char *configuration)
{
	begin(configuration);
	load(recipe);
	for (unsigned i = 0; i < SEEN_BEFORE; i++)
		ck_assert_uint_eq(ask(0), 1);
	call("model.swap", 2);
	ck_assert(wire_bool(answer.message.result, "trial"));
	ck_assert(trial_is("running"));
}

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
	int subscriber = daemon_connect(&tfld);
	struct reply reply;

	wire_begin(&writer, 3, "subscribe");
	tfl_writer_map(&writer, 0);
	wire_send_frame(subscriber, &writer);
	ck_assert(wire_receive(subscriber, &reply));
	reply_finish(&reply);
	return subscriber;
}

static void expect_rejected(const char *reason)
{
	ck_assert(trial_is("none"));
	ck_assert_uint_eq(wire_uint(answer.message.result, "active"), 1);
	ck_assert_uint_eq(wire_uint(answer.message.result, "rejected.0.version"), 2);
	ck_assert_msg(has(wire_string(answer.message.result, "rejected.0.reason"), reason), "%.*s",
		      TFL_STRING_ARGS(wire_string(answer.message.result, "rejected.0.reason")));
	ck_assert(changed("rejected", 2, reason));
}

static const struct {
	const char *name, *reason;
	struct recipe recipe;
	uint64_t timeout_us;
	unsigned within; /* requests; 0: it takes time, not a number of them */
} failures[] = {
	{"errors", "errors: 5 of 5 requests failed", {.scale = 1, .turns = 3000}, 50000, 5},
	{"latency", "latency: p99 ", {.scale = 1, .turns = 40}, 0, 0},
	{"confidence", "confidence: mean ", {.scale = 0.2f}, 0, 0},
	{"drift", "drift: PSI ", {.scale = 0, .shift = 3.1f}, 0, 0},
	{"NaN", "NaN: in outputs of 3 of 3 requests", {.scale = 0, .shift = -1, .nan = true}, 0, 3},
};

START_TEST(the_version_before_serves_the_very_next_request)
{
	uint64_t until, requests = 0, version = 2;
	int subscriber;

	swap_in(&failures[_i].recipe, _i == 3 ? CONFIGURATION : CONFIGURATION NO_DRIFT);
	subscriber = subscribe();
	until = now_ns() + WAIT_NS;
	while (version != 1 && now_ns() < until) {
		version = ask(failures[_i].timeout_us);
		requests++;
	}
	ck_assert_msg(version == 1, "%s: still on trial after %llu requests", failures[_i].name, (unsigned long long)requests);
	printf("# %s: rejected after %llu requests\n", failures[_i].name, (unsigned long long)requests - 1);
	fflush(stdout);
	if (failures[_i].within)
		ck_assert_uint_eq(requests, failures[_i].within + 1);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_eq(ask(0), 1);
	expect_told(subscriber, "rejected");
	close(subscriber);
	expect_rejected(failures[_i].reason);
	/* A start finds it so, and the policy, which wants all versions, lets it lie; as does one that wants the greatest, and auto_swap. */
	again(_i % 2 ? CONFIGURATION : CONFIGURATION "versions = latest 1\nauto_swap = yes\n");
	ck_assert_uint_eq(ask(0), 1);
	expect_rejected(failures[_i].reason);
	expect_state(2, "END", "rejected ");
}
END_TEST

static const struct {
	const char *reason;
	struct recipe recipe, before;
	const char *configuration;
	bool halved;    /* each seventh request is given half the time that it takes at best */
	unsigned limit; /* which of them */
} worse[] = {
	{"latency: p99 ", {.scale = 1, .turns = 40}, {.scale = 1}, CONFIGURATION, false, 1},
	{"errors: ", {.scale = 1, .turns = 800}, {.scale = 1, .turns = 20}, CONFIGURATION "trial_latency = 100000%\n", true, 0},
	{"confidence: mean ", {.scale = 0.5f}, {.scale = 1}, CONFIGURATION NO_DRIFT, false, 2},
};

static uint64_t half_a_request_us(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 5; i++) {
		uint64_t started = now_ns(), taken;

		ck_assert_uint_eq(ask(0), 2);
		taken = now_ns() - started;
		least = taken < least ? taken : least;
	}
	return least / 2000;
}

/* All of them are far within the absolute limits. What the version before did is known though it did that before the daemon started. */
START_TEST(a_restart_before_the_swap_changes_nothing)
{
	uint64_t until, timeout_us, requests = 0, version = 2;
	char path[64];

	begin_with(&worse[_i].before, worse[_i].configuration);
	load(&worse[_i].recipe);
	for (unsigned i = 0; i < SEEN_BEFORE; i++)
		ck_assert_uint_eq(ask(0), 1);
	again(worse[_i].configuration);
	call("model.swap", 2);
	ck_assert(trial_is("running"));
	ck_assert_uint_eq(wire_uint(answer.message.result, "reference.requests"), SEEN_BEFORE);
	snprintf(path, sizeof(path), "limits.%u.absolute", worse[_i].limit);
	ck_assert(!wire_bool(answer.message.result, path));
	timeout_us = worse[_i].halved ? half_a_request_us() : 0;
	until = now_ns() + WAIT_NS;
	while (version != 1 && now_ns() < until)
		version = ask(requests++ % 7 == 0 ? timeout_us : 0);
	ck_assert_msg(version == 1, "%s: still on trial after %llu requests", worse[_i].reason, (unsigned long long)requests);
	expect_rejected(worse[_i].reason);
}
END_TEST

/* Seconds since a version was last used. */
static uint64_t idle_seconds(uint64_t version)
{
	call("model.describe", version);
	return wire_uint(answer.message.result, "idle_s");
}

#define IDLE_S 3

/* Who answers for another one is in use: it would be the first to make room, or to be found idle, when the trial is over. */
START_TEST(the_version_that_answers_is_in_use)
{
	static const struct recipe other = {.other = true};

	swap_in(&other, CONFIGURATION);
	while (idle_seconds(1) < IDLE_S)
		usleep(50000);
	ck_assert_uint_eq(ask(0), 1);
	ck_assert_uint_lt(idle_seconds(1), IDLE_S);
	ck_assert(trial_is("running"));
}
END_TEST

/* Nobody is turned away because the new version wants something else: the version before answers, and a handful of that is enough. */
START_TEST(what_only_the_version_before_takes_it_answers)
{
	static const struct recipe other = {.other = true};

	swap_in(&other, CONFIGURATION);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(ask(0), 1);
		ck_assert_msg(i == 4 || trial_is("running"), "rejected after %u", i + 1);
	}
	ck_assert_uint_eq(ask(0), 1);
	expect_rejected("errors: 5 of 5 requests failed");
	ck_assert(daemon_logged(&tfld, "version 2 of 'm', on trial, does not take a request that version 1 takes: input 0 'x'"));
}
END_TEST


/* Who wants it nevertheless loads it and swaps to it, and the mark is gone. */
START_TEST(an_operator_may_have_it_nevertheless)
{
	swap_in(&failures[4].recipe, CONFIGURATION);
	for (unsigned i = 0; i < 4; i++)
		ask(0);
	expect_rejected("NaN");
	expect_state(2, "END", "rejected ");
	call("model.reload", 2);
	ck_assert_uint_eq(ask(0), 1);
	call("model.swap", 2);
	ck_assert(changed("active", 2, "that it was rejected does not count any more"));
	call("trial.get", 0);
	ck_assert_uint_eq(wire_count(answer.message.result, "rejected"), 0);
	ck_assert(trial_is("running"));
}
END_TEST

/* A trial that is shorter than anything takes to be judged says so when it is over. */
START_TEST(what_could_not_be_judged_is_told)
{
	swap_in(&sound, "[models]\nproof = no\ntrial_requests = 30\ntrial_time = 0\n");
	for (uint64_t until = now_ns() + WAIT_NS; trial_is("running") && now_ns() < until;)
		ck_assert_uint_eq(ask(0), 2);
	ck_assert(changed("passed", 2, "all within their limits that could be judged; too little was seen of: latency, confidence, drift"));
}
END_TEST

START_TEST(a_sound_version_passes)
{
	uint64_t until;

	swap_in(&sound, "[models]\nproof = no\ntrial_requests = 300\ntrial_time = 2s\n");
	until = now_ns() + WAIT_NS;
	for (bool runs = true; runs && now_ns() < until; runs = trial_is("running"))
		for (unsigned i = 0; i < 50; i++)
			ck_assert_uint_eq(ask(0), 2);
	ck_assert(trial_is("none"));
	ck_assert(changed("trial", 2, "against version 1, for 300 requests and 2 s"));
	ck_assert(changed("passed", 2, "all within their limits"));
	again(NULL);
	ck_assert_uint_eq(ask(0), 2);
	ck_assert(trial_is("none"));
}
END_TEST

/* Ten requests with NaN in, or with an infinity, of which a softmax makes it: what comes out is theirs. */
START_TEST(a_clients_nan_is_its_own)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	float input[CLASSES] = {_i ? INFINITY : NAN};
	struct tfl_wire_tensor tensor = tiny_tensor(input);

	swap_in(&sound, CONFIGURATION);
	for (unsigned i = 0; i < 10; i++) {
		send_infer(fd, 7, &head, &tensor, 1, NULL, 0);
		expect_outputs(fd, 7);
	}
	ck_assert_uint_eq(ask(0), 2);
	ck_assert(trial_is("running"));
	ck_assert_uint_eq(wire_uint(answer.message.result, "nan"), 0);
	ck_assert_uint_ge(wire_uint(answer.message.result, "requests"), 10);
}
END_TEST

/* So many requests of which a run takes longer than they are given, whichever version has it: whoever sends such ones would reject any. */
START_TEST(time_that_nobody_could_keep_is_no_failure)
{
	const struct recipe slow = {.scale = 1, .turns = 3000}; /* never done in two milliseconds */

	begin_with(&slow, CONFIGURATION);
	load(&slow);
	ck_assert_uint_eq(ask(0), 1);
	call("model.swap", 2);
	ck_assert(trial_is("running"));
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_eq(ask(2000), 0);
	ck_assert_uint_eq(ask(0), 2);
	ck_assert(trial_is("running"));
}
END_TEST

START_TEST(a_stop_in_order_goes_on_with_it)
{
	uint64_t requests;

	swap_in(&sound, CONFIGURATION);
	for (unsigned i = 0; i < 123; i++)
		ck_assert_uint_eq(ask(0), 2);
	again(CONFIGURATION);
	ck_assert_uint_eq(ask(0), 2);
	ck_assert(trial_is("running"));
	requests = wire_uint(answer.message.result, "requests");
	ck_assert_msg(requests == 124, "%llu requests", (unsigned long long)requests);
	again(CONFIGURATION "versions = latest 1\n"); /* the version before is needed, whatever the policy says */
	ck_assert(trial_is("running"));
	call("model.rollback", 0);
	ck_assert_uint_eq(ask(0), 1);
	ck_assert(trial_is("none"));
	ck_assert(changed("interrupted", 2, "version 1 serves"));
}
END_TEST

/* Until a worker has noted that it runs a candidate. */
static void wait_running(void)
{
	uint64_t places[66 * 8], until = now_ns() + WAIT_NS, found = 0;
	char path[160];
	int file;

	snprintf(path, sizeof(path), "%s/.running", tfld.models);
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
	close(fd);
	ck_assert_int_eq(kill(tfld.pid, SIGKILL), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 128 + SIGKILL);
	daemon_start(&tfld, CONFIGURATION);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

START_TEST(a_crash_with_a_request_on_it_rejects_it)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	float input[CLASSES] = {1};
	struct tfl_wire_tensor tensor = tiny_tensor(input);

	swap_in(&(struct recipe){.scale = 1, .turns = 2000}, CONFIGURATION);
	for (unsigned i = 0; i < 200; i++) /* so that one runs when it is killed, however late that is after one was seen */
		send_infer(fd, 7, &head, &tensor, 1, NULL, 0);
	wait_running();
	crash();
	ck_assert_uint_eq(ask(0), 1);
	expect_rejected("the daemon died while it ran a request");
	expect_state(2, "END", "rejected ");
	again(CONFIGURATION);
	ck_assert_uint_eq(ask(0), 1);
	expect_rejected("the daemon died while it ran a request");
}
END_TEST

/* Nothing ran on it: the power, or something else. */
START_TEST(a_crash_elsewhere_interrupts_it)
{
	swap_in(&sound, CONFIGURATION);
	ck_assert_uint_eq(ask(0), 2);
	crash();
	ck_assert_uint_eq(ask(0), 1);
	ck_assert(trial_is("none"));
	ck_assert_uint_eq(wire_count(answer.message.result, "rejected"), 0);
	ck_assert(changed("interrupted", 2, "a power cut, or a crash elsewhere"));
	expect_state(2, "AVAILABLE", "");
	again(CONFIGURATION);
	ck_assert_uint_eq(ask(0), 1);
}
END_TEST

START_TEST(auto_swap_begins_one_and_what_it_needs_ends_it)
{
	begin(CONFIGURATION "auto_swap = yes\n");
	for (unsigned i = 0; i < SEEN_BEFORE; i++)
		ck_assert_uint_eq(ask(0), 1);
	load(&sound);
	ck_assert_uint_eq(ask(0), 2);
	ck_assert(trial_is("running"));
	call("model.unload", 1);
	ck_assert(trial_is("none"));
	ck_assert(changed("interrupted", 2, "version 1 is not available any more"));
	ck_assert_uint_eq(ask(0), 2);
}
END_TEST

Suite *trial_suite(void)
{
	Suite *suite = suite_create("trial");
	TCase *tcase = tcase_create("trial");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, the_version_before_serves_the_very_next_request, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_loop_test(tcase, a_restart_before_the_swap_changes_nothing, 0, sizeof(worse) / sizeof(worse[0]));
	tcase_add_test(tcase, what_only_the_version_before_takes_it_answers);
	tcase_add_test(tcase, the_version_that_answers_is_in_use);
	tcase_add_test(tcase, an_operator_may_have_it_nevertheless);
	tcase_add_test(tcase, what_could_not_be_judged_is_told);
	tcase_add_test(tcase, a_sound_version_passes);
	tcase_add_loop_test(tcase, a_clients_nan_is_its_own, 0, 2);
	tcase_add_test(tcase, time_that_nobody_could_keep_is_no_failure);
	tcase_add_test(tcase, a_stop_in_order_goes_on_with_it);
	tcase_add_test(tcase, a_crash_with_a_request_on_it_rejects_it);
	tcase_add_test(tcase, a_crash_elsewhere_interrupts_it);
	tcase_add_test(tcase, auto_swap_begins_one_and_what_it_needs_ends_it);
	suite_add_tcase(suite, tcase);
	return suite;
}
