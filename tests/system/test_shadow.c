/* SPDX-License-Identifier: MIT */
/*
 * A version that gets copies of requests and never answers: what it would have answered is compared, what it cannot keep up with is left
 * out, and it comes and goes without anybody noticing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static int fd, admin;

/* Version 1 of it once more, under another number. */
static void add_again(const char *model, unsigned version)
{
	char path[200];
	struct stat st;
	void *data;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/1/model.tflite", tfld.models, model);
	ck_assert_int_eq(stat(path, &st), 0);
	data = malloc((size_t)st.st_size);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(data, 1, (size_t)st.st_size, file), (size_t)st.st_size);
	fclose(file);
	daemon_add_model(&tfld, model, version, data, (size_t)st.st_size);
	free(data);
}

static void add_model(const char *model, unsigned version, struct model_file file)
{
	daemon_add_model(&tfld, model, version, file.data, file.size);
	model_file_finish(&file);
}

static void teardown(void)
{
	close(fd);
	close(admin);
	daemon_stop(&tfld);
}

static void call(const char *method, const char *model, uint64_t version, bool erase, struct reply *ret_reply)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 5, method, model, version, erase);
	wire_send_frame(admin, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(admin, ret_reply));
	ck_assert_msg(!ret_reply->message.failed, "%.*s", TFL_STRING_ARGS(ret_reply->message.failure.message));
}

static void do_call(const char *method, const char *model, uint64_t version)
{
	struct reply reply;

	call(method, model, version, false, &reply);
	reply_finish(&reply);
}

/* Of "tiny" version 2 is the same, 3 has other weights, 4 is quantised, and 5 takes pictures. */
static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	add_again("tiny", 2);
	add_model("tiny", 3, model_tiny(false, 99));
	add_model("tiny", 4, model_tiny(true, 7));
	add_model("tiny", 5, model_slow(1));
	add_scores(&tfld);
	add_again("scores", 2);
	add_slow(&tfld, 4);
	add_again("slow", 2);
	daemon_start(&tfld, "[models]\nversions = all\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	admin = daemon_connect(&tfld);
	do_call("model.swap", "tiny", 1);
	do_call("model.swap", "scores", 1);
	do_call("model.swap", "slow", 1);
}

static void serve(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		send_tiny(fd, i, 0);
		expect_tiny(fd, i);
	}
}

/* A shadow, by what stats says of it. */
struct seen {
	bool is, running;
	uint64_t requests, dropped, uncompared, compared, rows, agreed, invalid, other_results;
	double largest;
	uint64_t served; /* requests that it answered itself */
};

static double number_at(struct tfl_slice value, const char *path)
{
	struct tfl_slice found = wire_find(value, path);
	uint64_t bits = 0;
	double number;

	ck_assert(found.data && found.size == 9 && found.data[0] == 0xcb);
	for (unsigned i = 1; i < 9; i++)
		bits = bits << 8 | found.data[i];
	memcpy(&number, &bits, sizeof(number));
	return number;
}

static void read_pair(struct tfl_slice shadow, unsigned pair, uint64_t version, struct seen *seen)
{
	char path[64];

	snprintf(path, sizeof(path), "agreement.%u.version", pair);
	if (wire_uint(shadow, path) != version)
		return;
#define AT(key) (snprintf(path, sizeof(path), "agreement.%u." key, pair), path)
	seen->compared = wire_uint(shadow, AT("compared"));
	seen->rows = wire_uint(shadow, AT("rows"));
	seen->agreed = wire_uint(shadow, AT("agreed"));
	seen->invalid = wire_uint(shadow, AT("invalid"));
	seen->largest = number_at(shadow, AT("largest_difference"));
#undef AT
}

/* What is known of version @p version as a shadow, and how it agrees with version @p with. */
static struct seen look(const char *model, uint64_t version, uint64_t with)
{
	struct seen seen = {.is = false};
	struct reply reply;
	char path[64];

	call("stats", model, 0, false, &reply);
	for (uint32_t i = 0; i < wire_count(reply.message.result, "versions"); i++) {
		struct tfl_slice shadow;

		snprintf(path, sizeof(path), "versions.%u.version", i);
		if (wire_uint(reply.message.result, path) != version)
			continue;
		snprintf(path, sizeof(path), "versions.%u.requests", i);
		seen.served = wire_uint(reply.message.result, path);
		snprintf(path, sizeof(path), "versions.%u.shadow", i);
		shadow = wire_find(reply.message.result, path);
		seen.is = wire_count(reply.message.result, path) > 0;
		seen.running = seen.is && wire_bool(shadow, "running");
		if (!seen.running)
			continue;
		seen.requests = wire_uint(shadow, "requests");
		seen.dropped = wire_uint(shadow, "dropped");
		seen.uncompared = wire_uint(shadow, "uncompared");
		if (wire_find(shadow, "results.INVALID_ARGUMENT").data)
			seen.other_results = wire_uint(shadow, "results.INVALID_ARGUMENT");
		for (uint32_t k = 0; k < wire_count(shadow, "agreement"); k++)
			read_pair(shadow, k, with, &seen);
	}
	reply_finish(&reply);
	return seen;
}

/* Asks "tiny" until its shadow has been compared so often. */
static struct seen serve_until(uint64_t version, uint64_t compared)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	struct seen seen;

	do {
		serve(5);
		usleep(2000);
		seen = look("tiny", version, 1);
		ck_assert_msg(now_ns() < until, "only %u of %u are compared", (unsigned)seen.compared, (unsigned)compared);
	} while (seen.compared < compared);
	return seen;
}

START_TEST(the_same_model_agrees_with_itself)
{
	struct seen seen;

	seen = look("tiny", 2, 1);
	ck_assert(!seen.is);
	wire_set_shadow(admin, "tiny", 2);
	seen = serve_until(2, 50);
	ck_assert_double_eq(seen.largest, 0);
	ck_assert_uint_eq(seen.invalid, 0);
	ck_assert_uint_eq(seen.uncompared, 0);
	ck_assert_uint_ge(seen.requests, seen.compared);
	ck_assert_uint_eq(seen.other_results, 0);
	ck_assert_uint_eq(seen.served, 0); /* it never answered, and says so */
}
END_TEST

START_TEST(classes_agree_too)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	static const char metric[] = "\ntfl_shadow_rows_agreed_total{model=\"scores\",version=\"2\"} ";
	struct tfl_string text;
	struct reply reply;
	struct seen seen;

	wire_set_shadow(admin, "scores", 2);
	do {
		for (unsigned i = 0; i < 5; i++)
			ask_scores(fd, i, 3);
		usleep(2000);
		seen = look("scores", 2, 1);
		ck_assert(now_ns() < until);
	} while (seen.compared < 20);
	ck_assert_uint_ge(seen.rows, SCORES_ROWS * 20);
	ck_assert_uint_eq(seen.agreed, seen.rows);
	wire_call(admin, "metrics", &reply);
	text = wire_string(reply.message.result, "text");
	ck_assert(memmem(text.text, text.length, metric, sizeof(metric) - 1));
	reply_finish(&reply);
}
END_TEST

START_TEST(another_one_differs_and_a_quantised_one_little)
{
	struct seen other, quantised;

	wire_set_shadow(admin, "tiny", 3);
	other = serve_until(3, 10);
	wire_set_shadow(admin, "tiny", 4);
	ck_assert(!look("tiny", 3, 1).is);
	quantised = serve_until(4, 10);
	ck_assert_double_gt(other.largest, 0.02);
	ck_assert_double_gt(quantised.largest, 0);
	ck_assert_double_lt(quantised.largest, other.largest / 2);
}
END_TEST

START_TEST(its_errors_are_counted_and_nobodys)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	struct seen seen;

	wire_set_shadow(admin, "tiny", 5);
	do {
		serve(5);
		usleep(2000);
		seen = look("tiny", 5, 1);
		ck_assert(now_ns() < until);
	} while (seen.other_results < 10);
	ck_assert_uint_eq(seen.compared, 0);
	ck_assert_uint_eq(seen.served, 0);
	ck_assert_uint_eq(look("tiny", 1, 0).other_results, 0);
}
END_TEST

/* Requests as fast as both workers can: what is idle gets next to nothing, and the list is bounded. */
START_TEST(under_load_it_is_left_out)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	struct seen seen = {.dropped = 0};
	unsigned sent = 0;

	wire_set_shadow(admin, "slow", 2);
	do {
		for (unsigned i = 0; i < 40; i++)
			send_slow(fd, sent + i, 0, 0);
		for (unsigned i = 0; i < 40; i++) {
			struct reply reply;

			ck_assert(wire_receive(fd, &reply));
			ck_assert(!reply.message.failed);
			ck_assert_uint_eq(wire_uint(reply.message.result, "version"), 1);
			reply_finish(&reply);
		}
		sent += 40;
		seen = look("slow", 2, 1);
		ck_assert(now_ns() < until);
	} while (seen.dropped == 0);
	ck_assert_uint_le(seen.requests + seen.dropped, sent);
}
END_TEST

START_TEST(it_comes_and_goes)
{
	const uint64_t until = now_ns() + PATIENCE_NS;

	wire_set_shadow(admin, "tiny", 2);
	serve_until(2, 5);
	/* Taken out of service with copies on their way: its memory is free when this is answered. */
	serve(20);
	do_call("model.unload", "tiny", 2);
	serve(5);
	ck_assert(!look("tiny", 2, 1).running);
	do_call("model.reload", "tiny", 2);
	serve_until(2, 5); /* anew, and by itself */
	/* Nothing is copied to who answers. */
	do_call("model.swap", "tiny", 2);
	while (look("tiny", 2, 2).compared > 0)
		ck_assert(now_ns() < until);
	serve(20);
	ck_assert_uint_eq(look("tiny", 2, 2).compared, 0);
	do_call("model.rollback", "tiny", 0);
	wire_set_shadow(admin, "tiny", 0);
	serve(5);
	ck_assert(!look("tiny", 2, 1).is);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_it)
{
	uint64_t begin;

	wire_set_shadow(admin, "slow", 2);
	for (unsigned i = 0; i < 10; i++) {
		send_slow(fd, i, 0, 0);
		expect_outputs(fd, i);
	}
	close(fd);
	close(admin);
	begin = now_ns();
	daemon_restart(&tfld, "[models]\nversions = all\n");
	ck_assert_uint_lt(now_ns() - begin, PATIENCE_NS / 2);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	admin = daemon_connect(&tfld);
	ck_assert(look("slow", 2, 1).is); /* as the route says, which is remembered; what was counted is not */
	ck_assert_uint_eq(look("slow", 2, 1).compared, 0);
}
END_TEST

START_TEST(descriptors_and_memory_stay)
{
	unsigned descriptors;
	size_t memory;

	wire_set_shadow(admin, "tiny", 2);
	serve_until(2, 200);
	wire_set_shadow(admin, "tiny", 0);
	descriptors = daemon_steady_descriptors(&tfld);
	memory = daemon_memory(&tfld);
	for (unsigned i = 0; i < 20; i++) {
		wire_set_shadow(admin, "tiny", 2 + i % 3);
		serve_until(2 + i % 3, 5);
		serve(50);
		wire_set_shadow(admin, "tiny", 0);
	}
	ck_assert_uint_eq(daemon_settled_descriptors(&tfld, descriptors), descriptors);
	if (daemon_memory_counts())
		ck_assert_uint_lt(daemon_memory(&tfld), memory + (1u << 20));
}
END_TEST

Suite *shadow_suite(void)
{
	Suite *suite = suite_create("shadow");
	TCase *test = tcase_create("shadow");

	tcase_add_checked_fixture(test, setup, teardown);
	tcase_set_timeout(test, 120);
	tcase_add_test(test, the_same_model_agrees_with_itself);
	tcase_add_test(test, classes_agree_too);
	tcase_add_test(test, another_one_differs_and_a_quantised_one_little);
	tcase_add_test(test, its_errors_are_counted_and_nobodys);
	tcase_add_test(test, under_load_it_is_left_out);
	tcase_add_test(test, it_comes_and_goes);
	tcase_add_test(test, a_stop_does_not_wait_for_it);
	tcase_add_test(test, descriptors_and_memory_stay);
	suite_add_tcase(suite, test);
	return suite;
}
