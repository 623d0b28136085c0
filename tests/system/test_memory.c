/* SPDX-License-Identifier: MIT */
/*
 * What versions take, as describe says and as the kernel does, and what becomes of a load that would pass memory_limit. Limits are made
 * from what a version takes here: it depends on the processor.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define MIB ((double)(1u << 20))

static struct daemon tfld;
static struct tfl_writer writer;
static struct model_file model;
static uint32_t msgid;
static int fd;

static void start(const char *configuration)
{
	if (tfld.pid) {
		close(fd);
		daemon_restart(&tfld, configuration);
	} else {
		daemon_start(&tfld, configuration);
	}
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void setup(void)
{
	daemon_prepare(&tfld);
	tfl_writer_init(&writer);
	start("[requests]\nworkers = 2\n");
}

static void teardown(void)
{
	model_file_finish(&model);
	tfl_writer_finish(&writer);
	close(fd);
	daemon_stop(&tfld);
}

static void ask(const char *method, const char *name, uint64_t version)
{
	wire_begin_model(&writer, ++msgid, method, name, version, false);
	wire_send_frame(fd, &writer);
}

/* The answer to what was asked last, which is none that failed. */
static void receive(struct reply *ret_reply)
{
	ck_assert(wire_receive(fd, ret_reply));
	ck_assert_uint_eq(ret_reply->message.msgid, msgid);
	ck_assert_msg(!ret_reply->message.failed, "%.*s", TFL_STRING_ARGS(ret_reply->message.failure.message));
}

static void succeed(const char *method, const char *name, uint64_t version)
{
	struct reply reply;

	ask(method, name, version);
	receive(&reply);
	reply_finish(&reply);
}

static void begin_load(const char *name)
{
	int file = memfd_create("model", MFD_CLOEXEC);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(write(file, model.data, model.size), (ssize_t)model.size);
	wire_begin_model(&writer, ++msgid, "model.load", name, 0, false);
	wire_send_frame_passing(fd, &writer, &file, 1);
	close(file);
}

static void load(const char *name)
{
	struct reply reply;

	begin_load(name);
	receive(&reply);
	reply_finish(&reply);
}

static uint64_t used_of(const char *method)
{
	struct reply reply;
	uint64_t bytes;

	wire_call(fd, method, &reply);
	bytes = wire_uint(reply.message.result, "memory.used");
	reply_finish(&reply);
	return bytes;
}

static uint64_t used(void)
{
	return used_of("health");
}

static uint64_t described(const char *name, uint64_t version)
{
	struct reply reply;
	uint64_t bytes;

	ask("model.describe", name, version);
	receive(&reply);
	bytes = wire_uint(reply.message.result, "memory.file") + wire_uint(reply.message.result, "memory.packed") +
		wire_uint(reply.message.result, "memory.interpreters") + wire_uint(reply.message.result, "memory.statistics");
	reply_finish(&reply);
	return bytes;
}

/* The state of a version, with its reason, as describe has it. */
static const char *state_of(const char *name, uint64_t version)
{
	static char text[640];
	struct reply reply;

	ask("model.describe", name, version);
	receive(&reply);
	snprintf(text, sizeof(text), "%.*s: %.*s", TFL_STRING_ARGS(wire_string(reply.message.result, "state")),
		 TFL_STRING_ARGS(wire_string(reply.message.result, "reason")));
	reply_finish(&reply);
	return text;
}

/* From the second one on: the first brings along what all share. */
START_TEST(what_describe_says_is_what_it_takes)
{
	size_t before, with, after;
	double took, went, said;

	model = model_mobilenet(1);
	load("m");
	for (unsigned i = 2; i <= 5; i++) {
		before = daemon_memory(&tfld);
		load("m");
		with = daemon_memory(&tfld);
		said = (double)described("m", i) / MIB;
		succeed("model.unload", "m", i);
		after = daemon_memory(&tfld);
		took = ((double)with - (double)before) / MIB;
		went = ((double)with - (double)after) / MIB;
		printf("# describe says %.1f MiB, resident came %.1f, and went %.1f\n", said, took, went);
		if (!daemon_memory_counts())
			continue;
		/* The counters are address space of which little was touched. */
		ck_assert_double_gt(took, 0.9 * said);
		ck_assert_double_lt(took, 1.05 * said);
		ck_assert_double_gt(went, 0.95 * took);
	}
	ck_assert_uint_eq(used(), described("m", 1));
	ck_assert_uint_eq(used_of("stats"), described("m", 1));
}
END_TEST

/* Two of three. What is refused leaves nothing in memory; what makes room gives back what the other one takes. */
START_TEST(two_of_three_fit)
{
	char configuration[160];
	size_t full, peak, after;
	uint64_t one;

	model = model_mobilenet(1);
	load("m");
	one = used();
	ck_assert_uint_eq(one, described("m", 1));
	snprintf(configuration, sizeof(configuration), "[requests]\nworkers = 2\n[models]\nmemory_limit = %" PRIu64 "\n", one * 5 / 2);
	start(configuration);
	load("m");
	full = daemon_memory(&tfld);
	peak = daemon_memory_peak(&tfld);
	begin_load("m");
	wire_expect_failure(fd, msgid, TFL_RESOURCE_EXHAUSTED, "are missing; unload m@2 (");
	after = daemon_memory(&tfld);
	printf("# resident with two: %.1f MiB, at most %.1f; after a third was refused: %.1f, at most %.1f\n", (double)full / MIB,
	       (double)peak / MIB, (double)after / MIB, (double)daemon_memory_peak(&tfld) / MIB);
	/* Its proof knew: it was not built. */
	ck_assert(!daemon_memory_counts() || daemon_memory_peak(&tfld) < peak + (3u << 20));
	ck_assert(!daemon_memory_counts() || after < full + (3u << 20));
	ck_assert_uint_lt(used(), one * 5 / 2);
	ck_assert_str_eq(state_of("m", 2), "AVAILABLE: ");
	strcat(configuration, "unload_idle = yes\n");
	start(configuration);
	full = daemon_memory(&tfld);
	load("m");
	after = daemon_memory(&tfld);
	printf("# resident with two: %.1f MiB; after a third has made room: %.1f\n", (double)full / MIB, (double)after / MIB);
	ck_assert(!daemon_memory_counts() || after < full + (5u << 20));
	ck_assert_msg(strstr(state_of("m", 2), "END: it was idle for ") == state_of("m", 2), "%s", state_of("m", 2));
	ck_assert_str_eq(state_of("m", 3), "AVAILABLE: ");
}
END_TEST

static void use(uint64_t version)
{
	const struct tfl_infer_head head = {.model = tfl_string_of("tiny"), .version = version, .dtype = TFL_DTYPE_COUNT};
	const struct tfl_wire_tensor input = tiny_tensor(tiny_input);

	send_infer(fd, ++msgid, &head, &input, 1, NULL, 0);
	expect_outputs(fd, msgid);
}

static uint64_t idle_s(uint64_t version)
{
	struct reply reply;
	uint64_t seconds;

	ask("model.describe", "tiny", version);
	receive(&reply);
	seconds = wire_uint(reply.message.result, "idle_s");
	reply_finish(&reply);
	return seconds;
}

/* A request is what counts as use; the others were loaded later. */
START_TEST(the_one_that_was_asked_last_stays)
{
	const struct tfl_infer_head head = {.model = tfl_string_of("tiny"), .version = 3, .dtype = TFL_DTYPE_COUNT};
	const struct tfl_wire_tensor input = tiny_tensor(tiny_input);
	char configuration[160];
	struct reply reply;
	uint64_t limit, recent;

	model = model_tiny(false, 7);
	load("tiny");
	limit = used() * 7 / 2;
	snprintf(configuration, sizeof(configuration), "[requests]\nworkers = 2\n[models]\nmemory_limit = %" PRIu64 "\nunload_idle = yes\n",
		 limit);
	start(configuration);
	load("tiny");
	load("tiny");
	usleep(1100000);
	use(2);
	recent = idle_s(2);
	ck_assert_uint_ge(idle_s(3), recent + 1);
	load("tiny");
	ck_assert_msg(strstr(state_of("tiny", 3), " s and made room for version 4 of 'tiny' (unload_idle = yes)") != NULL, "%s",
		      state_of("tiny", 3));
	ck_assert_str_eq(state_of("tiny", 2), "AVAILABLE: ");
	send_infer(fd, ++msgid, &head, &input, 1, NULL, 0);
	wire_expect_failure(fd, msgid, TFL_UNAVAILABLE, "it was idle for ");
	wire_call(fd, "health", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "memory.limit"), limit);
	ck_assert(wire_bool(reply.message.result, "memory.unload_idle"));
	ck_assert_uint_le(wire_uint(reply.message.result, "memory.used"), limit);
	reply_finish(&reply);
	/* Nobody decided that it stay out: the next start takes the greatest that fit. */
	start(configuration);
	ck_assert_str_eq(state_of("tiny", 3), "AVAILABLE: ");
	ck_assert_msg(strstr(state_of("tiny", 2), "END: version 2 of 'tiny' needs ") == state_of("tiny", 2), "%s", state_of("tiny", 2));
	succeed("model.reload", "tiny", 2);
	ck_assert_str_eq(state_of("tiny", 2), "AVAILABLE: ");
	ck_assert_uint_le(used(), limit);
}
END_TEST

/* What stats says of version 2 as a shadow: "" while nothing is known, "runs", or why it does not. */
static const char *shadow(void)
{
	static char text[200];
	struct tfl_slice state;
	struct reply reply;

	use(1); /* a request is what makes it */
	wire_call(fd, "stats", &reply);
	state = wire_find(reply.message.result, "versions.1.shadow");
	ck_assert(state.data != NULL);
	text[0] = '\0';
	if (wire_find(state, "running").data && wire_bool(state, "running"))
		strcpy(text, "runs");
	else if (wire_find(state, "reason").data)
		snprintf(text, sizeof(text), "%.*s", TFL_STRING_ARGS(wire_string(state, "reason")));
	reply_finish(&reply);
	return text;
}

/* An interpreter that its pool does not have. */
START_TEST(a_shadow_counts_too)
{
	uint64_t until = now_ns() + PATIENCE_NS, before;
	char configuration[160];

	model = model_tiny(false, 7);
	load("tiny");
	load("tiny");
	before = used();
	wire_set_shadow(fd, "tiny", 2);
	while (strcmp(shadow(), "runs") != 0)
		ck_assert_uint_lt(now_ns(), until);
	ck_assert_uint_gt(used(), before + 1000);
	wire_set_shadow(fd, "tiny", 0);
	while (used() != before)
		ck_assert_uint_lt(now_ns(), until);
	snprintf(configuration, sizeof(configuration), "[requests]\nworkers = 2\n[models]\nmemory_limit = %" PRIu64 "\n", before + 500);
	start(configuration);
	wire_set_shadow(fd, "tiny", 2);
	while (!strstr(shadow(), "that memory_limit allows are in use"))
		ck_assert_uint_lt(now_ns(), until);
	ck_assert_uint_le(used(), before + 500);
}
END_TEST

Suite *memory_suite(void)
{
	Suite *suite = suite_create("memory");
	TCase *tcase = tcase_create("memory");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, what_describe_says_is_what_it_takes);
	tcase_add_test(tcase, two_of_three_fit);
	tcase_add_test(tcase, the_one_that_was_asked_last_stays);
	tcase_add_test(tcase, a_shadow_counts_too);
	suite_add_tcase(suite, tcase);
	return suite;
}
