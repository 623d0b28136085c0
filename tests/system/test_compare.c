/* SPDX-License-Identifier: MIT */
/* The method compare: what two versions did, told apart, in the same moment; and what is no pair of versions. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static struct tfl_writer writer;
static uint32_t msgid;
static int fd;

static void setup(void)
{
	struct model_file model = model_tiny(false, 7);

	daemon_prepare(&tfld);
	for (unsigned i = 1; i <= 3; i++)
		daemon_add_model(&tfld, "tiny", i, model.data, model.size);
	model_file_finish(&model);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	tfl_writer_init(&writer);
	fd = daemon_connect(&tfld);
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	close(fd);
	daemon_stop(&tfld);
}

/* @p count requests to a version, and one that fails: its input is none of the model's. */
static void use(uint64_t version, unsigned count, bool fail)
{
	const struct tfl_infer_head head = {.model = tfl_string_of("tiny"), .version = version, .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = tiny_tensor(tiny_input);

	for (unsigned i = 0; i < count; i++) {
		send_infer(fd, ++msgid, &head, &input, 1, NULL, 0);
		expect_outputs(fd, msgid);
	}
	if (!fail)
		return;
	send_infer(fd, ++msgid, &head, &input, 0, NULL, 0);
	wire_expect_failure(fd, msgid, TFL_INVALID_ARGUMENT, "");
}

static void compare(uint64_t version, uint64_t against)
{
	wire_begin(&writer, ++msgid, "compare");
	tfl_writer_map(&writer, 1 + (version > 0) + (against > 0));
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "tiny");
	if (version) {
		tfl_writer_text(&writer, "version");
		tfl_writer_uint64(&writer, version);
	}
	if (against) {
		tfl_writer_text(&writer, "against");
		tfl_writer_uint64(&writer, against);
	}
	wire_send_frame(fd, &writer);
}

static uint64_t number(struct tfl_slice result, unsigned side, const char *what)
{
	char path[96];

	snprintf(path, sizeof(path), "versions.%u.%s", side, what);
	return wire_uint(result, path);
}

/* What the pairs of some counters add up to. */
static uint64_t sum(struct tfl_slice result, unsigned side, const char *what)
{
	char path[96];
	uint64_t total = 0;
	uint32_t count;

	snprintf(path, sizeof(path), "versions.%u.%s", side, what);
	count = wire_count(result, path);
	for (uint32_t i = 1; i < count; i += 2) {
		snprintf(path, sizeof(path), "versions.%u.%s.%u", side, what, i);
		total += wire_uint(result, path);
	}
	return total;
}

START_TEST(two_versions_are_told_apart)
{
	static const struct {
		unsigned version, ok, failed;
	} sides[] = {{3, 7, 1}, {1, 4, 0}};
	struct tfl_slice result;
	struct reply reply;

	use(1, 4, false);
	use(2, 9, true);
	use(3, 7, true);
	/* Counted after the reply has gone. */
	daemon_wait_busy(&tfld, 0);
	compare(3, 1);
	ck_assert(wire_receive(fd, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	result = reply.message.result;
	ck_assert(tfl_string_equal(wire_string(result, "model"), "tiny"));
	ck_assert_uint_eq(wire_count(result, "versions"), 2);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(number(result, i, "version"), sides[i].version);
		ck_assert_uint_eq(number(result, i, "requests"), sides[i].ok + sides[i].failed);
		ck_assert_uint_eq(number(result, i, "results.OK"), sides[i].ok);
		ck_assert_uint_eq(sum(result, i, "latency.total.buckets"), sides[i].ok);
		ck_assert_uint_gt(number(result, i, "latency.total.sum_ns"), 0);
		ck_assert_uint_eq(number(result, i, "heads.0.output"), 0);
		ck_assert_uint_eq(sum(result, i, "heads.0.histogram.bins"), sides[i].ok);
		ck_assert_uint_eq(sum(result, i, "heads.0.histogram.fine"), sides[i].ok);
		ck_assert(tfl_string_equal(wire_string(result, i ? "versions.1.heads.0.drift" : "versions.0.heads.0.drift"), "unknown"));
		ck_assert_uint_gt(number(result, i, "memory.packed"), 0);
		ck_assert_uint_gt(number(result, i, "since"), 1000000000);
	}
	ck_assert_uint_eq(number(result, 0, "results.INVALID_ARGUMENT"), 1);
	ck_assert(wire_bool(result, "versions.0.active"));
	ck_assert(!wire_bool(result, "versions.1.active"));
	reply_finish(&reply);
}
END_TEST

static void succeed(const char *method, uint64_t version)
{
	struct reply reply;

	wire_begin_model(&writer, ++msgid, method, "tiny", version, false);
	wire_send_frame(fd, &writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
}

/* It answers nobody, and has its place beside the one that does. */
START_TEST(a_shadow_has_its_copies)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	uint64_t copies = 0;
	struct reply reply;

	wire_set_shadow(fd, "tiny", 2);
	while (copies < 5) {
		ck_assert_uint_lt(now_ns(), until);
		use(0, 2, false);
		compare(3, 2);
		ck_assert(wire_receive(fd, &reply));
		ck_assert(!reply.message.failed);
		ck_assert_uint_eq(wire_count(reply.message.result, "versions.0.shadow"), 0);
		ck_assert_uint_eq(number(reply.message.result, 1, "requests"), 0);
		if (wire_find(reply.message.result, "versions.1.shadow.requests").data)
			copies = number(reply.message.result, 1, "shadow.requests");
		if (copies > 0)
			ck_assert_uint_le(sum(reply.message.result, 1, "shadow.compute.buckets"), copies);
		if (copies >= 5) {
			ck_assert_uint_eq(number(reply.message.result, 1, "shadow.agreement.0.version"), 3);
			ck_assert_uint_eq(number(reply.message.result, 1, "shadow.agreement.0.agreed"),
					  number(reply.message.result, 1, "shadow.agreement.0.rows"));
		}
		reply_finish(&reply);
	}
}
END_TEST

START_TEST(what_is_no_pair)
{
	compare(1, 1);
	wire_expect_failure(fd, msgid, TFL_INVALID_ARGUMENT,
			    "'version' and 'against' are the same; a version is compared with another one");
	compare(1, 9);
	wire_expect_failure(fd, msgid, TFL_NOT_FOUND, "model 'tiny' has no version 9; versions here: 1");
	compare(9, 1);
	wire_expect_failure(fd, msgid, TFL_NOT_FOUND, "has no version 9");
	compare(0, 1);
	wire_expect_failure(fd, msgid, TFL_INVALID_ARGUMENT, "version");
	compare(1, 0);
	wire_expect_failure(fd, msgid, TFL_INVALID_ARGUMENT, "against");
	succeed("model.unload", 2);
	compare(1, 2);
	wire_expect_failure(fd, msgid, TFL_UNAVAILABLE, "version 2 of 'tiny' is END: unloaded ");
}
END_TEST

Suite *compare_suite(void)
{
	Suite *suite = suite_create("compare");
	TCase *tcase = tcase_create("compare");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, two_versions_are_told_apart);
	tcase_add_test(tcase, a_shadow_has_its_copies);
	tcase_add_test(tcase, what_is_no_pair);
	suite_add_tcase(suite, tcase);
	return suite;
}
