/* SPDX-License-Identifier: MIT */
/*
 * A model that can be called for several things: classify (a batch of any size), add to a sum and recall it, choose (as many as there are), and train,
 * which this runtime cannot do. What a request names, what it sends, and what then comes of it: answers, sessions, statistics, shadows, swaps.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/reader.h"
#include "proto/response.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/signature_model.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define CLASSES SIGNATURES_CLASSES
#define WHOLE 2 /* the version that serves */
#define SMALL 1 /* one that can only classify */
#define ROWS_MAX 64

static struct daemon tfld;
static int fd;

static void add_version(unsigned number, enum signature_model kind)
{
	struct model_file file = model_signatures(kind);

	daemon_add_model(&tfld, "m", number, file.data, file.size);
	model_file_finish(&file);
}

static void start(enum signature_model small, const char *configuration)
{
	daemon_prepare(&tfld);
	add_version(WHOLE, SIGNATURES_ALL);
	add_version(SMALL, small);
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void setup(void)
{
	start(SIGNATURES_CLASSIFY, "[requests]\nworkers = 2\n");
}

static void setup_small_memory(void)
{
	start(SIGNATURES_CLASSIFY, "[requests]\nworkers = 2\n[models]\nmemory_limit = 6M\n");
}

static void setup_narrow(void)
{
	start(SIGNATURES_NARROW, "[requests]\nworkers = 2\n[models]\nmemory_limit = 6M\ntrial_requests = 100000000\n");
}

static void teardown(void)
{
	close(fd);
	daemon_stop(&tfld);
}

/* @p session: 0 for none; then it goes to @p version (0: the active one). No input where @p input is NULL. */
static void send_call(uint32_t msgid, const char *signature, uint64_t session, uint64_t version, const struct tfl_wire_tensor *input)
{
	struct tfl_infer_head head = {.signature = tfl_string_of(signature), .session = session, .version = version, .dtype = TFL_DTYPE_COUNT};

	if (!session)
		head.model = tfl_string_of("m");
	send_infer(fd, msgid, &head, input, input != NULL, NULL, 0);
}

/* The only output of the reply, by this name, copied; how many elements of this size it has, by its shape and by its bytes. */
static unsigned expect_output(uint32_t msgid, uint64_t version, const char *name, size_t size, void *ret_data, size_t room)
{
	struct tfl_infer_response response;
	const struct tfl_wire_tensor *output;
	struct reply reply;
	size_t elements = 1;

	ck_assert(wire_receive(fd, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, NULL), 0);
	ck_assert_uint_eq(response.served.version, version);
	ck_assert_uint_eq(response.outputs.count, 1);
	output = tfl_tensor_list_at(&response.outputs, 0);
	ck_assert_msg(tfl_string_equal(output->name, name), "%.*s", TFL_STRING_ARGS(output->name));
	for (int i = 0; i < output->shape.rank; i++)
		elements *= (size_t)output->shape.dims[i];
	ck_assert_uint_eq(output->data.size, elements * size);
	ck_assert_uint_le(output->data.size, room);
	if (elements > 0)
		memcpy(ret_data, output->data.data, output->data.size);
	tfl_infer_response_finish(&response);
	reply_finish(&reply);
	return (unsigned)elements;
}

static struct tfl_wire_tensor named(const char *name, enum tfl_dtype dtype, struct tfl_wire_shape shape, const void *data, size_t size)
{
	return (struct tfl_wire_tensor){.name = tfl_string_of(name), .index = -1, .dtype = dtype, .shape = shape, .data = {data, size}};
}

static void fill(float *x, unsigned rows, unsigned seed)
{
	for (unsigned i = 0; i < rows * CLASSES; i++)
		x[i] = (float)((i * 7 + seed * 3) % 11) / 4;
}

static void check_row(const float *x, const float *y)
{
	double sum = 0;

	for (unsigned i = 0; i < CLASSES; i++)
		sum += exp((double)x[i]);
	for (unsigned i = 0; i < CLASSES; i++)
		ck_assert_float_eq_tol(y[i], (float)(exp((double)x[i]) / sum), 1e-5f);
}

/* Classifies a batch, as version @p version answers it. */
static void classify(const char *signature, unsigned rows, unsigned seed, uint64_t version)
{
	float x[ROWS_MAX * CLASSES], y[ROWS_MAX * CLASSES];
	struct tfl_wire_tensor input = named(signature ? "features" : "t", TFL_FLOAT32, (struct tfl_wire_shape){2, {(int32_t)rows, CLASSES}}, x,
					     rows * CLASSES * sizeof(float));

	fill(x, rows, seed);
	send_call(seed, signature, 0, 0, &input);
	ck_assert_uint_eq(expect_output(seed, version, signature ? "scores" : "t", sizeof(float), y, sizeof(y)), rows * CLASSES);
	for (unsigned i = 0; i < rows; i++)
		check_row(x + i * CLASSES, y + i * CLASSES);
}

static float call_sum(const char *signature, uint64_t session, const float *number)
{
	struct tfl_wire_tensor input = named("number", TFL_FLOAT32, (struct tfl_wire_shape){1, {1}}, number, sizeof(*number));
	float total;

	send_call(4, signature, session, 0, number ? &input : NULL);
	ck_assert_uint_eq(expect_output(4, WHOLE, "total", sizeof(total), &total, sizeof(total)), 1);
	return total;
}

static void call(const char *method, uint64_t version, struct reply *ret_reply)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 5, method, "m", version, false);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, ret_reply));
	ck_assert_msg(!ret_reply->message.failed, "%.*s", TFL_STRING_ARGS(ret_reply->message.failure.message));
}

/* ---- Tests ---- */

START_TEST(what_there_is_to_call)
{
	static const char *const keys[] = {"classify", "add", "recall", "choose", "train"};
	struct reply reply;
	struct tfl_slice result;
	char path[64];

	call("model.describe", WHOLE, &reply);
	result = reply.message.result;
	ck_assert_uint_eq(wire_count(result, "signatures"), 5);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "signatures.%u.signature", i);
		ck_assert(tfl_string_equal(wire_string(result, path), keys[i]));
		snprintf(path, sizeof(path), "signatures.%u.reason", i);
		ck_assert_int_eq(wire_find(result, path).data != NULL, i == 4);
	}
	ck_assert_uint_eq(wire_count(result, "inputs.0.shape_signature"), 2);
	ck_assert(tfl_string_equal(wire_string(result, "inputs.0.signature_name"), "features"));
	ck_assert_ptr_null(wire_find(result, "outputs.0.dynamic").data);
	ck_assert_uint_eq(wire_count(result, "signatures.2.inputs"), 0);
	ck_assert(tfl_string_equal(wire_string(result, "signatures.3.outputs.0.signature_name"), "places"));
	ck_assert(wire_bool(result, "signatures.3.outputs.0.dynamic"));
	ck_assert_ptr_nonnull(memmem(wire_string(result, "signatures.4.reason").text, wire_string(result, "signatures.4.reason").length, "Gradient", 8));
	reply_finish(&reply);
}
END_TEST

START_TEST(batches_of_any_size)
{
	for (unsigned turn = 0; turn < 3; turn++)
		for (unsigned rows = 1; rows <= 9; rows++)
			classify(rows % 2 ? "classify" : NULL, rows, 100 + rows, WHOLE);
	classify(NULL, ROWS_MAX, 1, WHOLE);
	classify(NULL, 1, 2, WHOLE);
}
END_TEST

/* Both workers, each with shapes of its own. */
START_TEST(many_batches_at_once)
{
	float x[ROWS_MAX * CLASSES], y[ROWS_MAX * CLASSES];
	bool answered[200] = {false};

	fill(x, ROWS_MAX, 0);
	for (unsigned i = 0; i < 200; i++) {
		unsigned rows = 1 + i % 7;
		struct tfl_wire_tensor input = named("t", TFL_FLOAT32, (struct tfl_wire_shape){2, {(int32_t)rows, CLASSES}}, x, rows * CLASSES * sizeof(float));

		send_call(i, NULL, 0, 0, &input);
	}
	for (unsigned i = 0; i < 200; i++) {
		struct tfl_infer_response response;
		const struct tfl_wire_tensor *output;
		struct reply reply;
		uint32_t id;

		ck_assert(wire_receive(fd, &reply));
		ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
		id = reply.message.msgid;
		ck_assert(id < 200 && !answered[id]);
		answered[id] = true;
		ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, NULL), 0);
		output = tfl_tensor_list_at(&response.outputs, 0);
		ck_assert_int_eq(output->shape.dims[0], (int32_t)(1 + id % 7));
		ck_assert_uint_eq(output->data.size, (1 + id % 7) * CLASSES * sizeof(float));
		memcpy(y, output->data.data, output->data.size);
		for (unsigned row = 0; row < 1 + id % 7; row++)
			check_row(x + row * CLASSES, y + row * CLASSES);
		tfl_infer_response_finish(&response);
		reply_finish(&reply);
	}
}
END_TEST

START_TEST(as_many_as_there_are)
{
	for (unsigned count = 0; count <= 6; count++) {
		bool mask[6] = {false};
		struct tfl_wire_tensor input = named("mask", TFL_BOOL, (struct tfl_wire_shape){1, {6}}, mask, sizeof(mask));
		int64_t places[6];

		for (unsigned i = 0; i < count; i++)
			mask[5 - i] = true;
		send_call(3, "choose", 0, 0, &input);
		ck_assert_uint_eq(expect_output(3, WHOLE, "places", sizeof(int64_t), places, sizeof(places)), count);
		for (unsigned i = 0; i < count; i++)
			ck_assert_int_eq(places[i], 6 - count + i);
	}
}
END_TEST

START_TEST(signatures_of_a_session_share_its_state)
{
	struct reply reply;
	uint64_t session;
	float number = 3;

	ck_assert_float_eq(call_sum("add", 0, &number), 3);
	ck_assert_float_eq(call_sum("recall", 0, NULL), 0);
	call("session.open", WHOLE, &reply);
	session = wire_uint(reply.message.result, "session");
	reply_finish(&reply);
	ck_assert_float_eq(call_sum("recall", session, NULL), 0);
	ck_assert_float_eq(call_sum("add", session, &number), 3);
	ck_assert_float_eq(call_sum("add", session, &number), 6);
	ck_assert_float_eq(call_sum("recall", session, NULL), 6);
	ck_assert_float_eq(call_sum("recall", 0, NULL), 0);
}
END_TEST

START_TEST(what_cannot_be_called)
{
	static const float x[2 * CLASSES];
	struct tfl_wire_tensor input = named("number", TFL_FLOAT32, (struct tfl_wire_shape){1, {1}}, x, sizeof(float));

	send_call(1, "decode", 0, 0, &input);
	wire_expect_failure(fd, 1, TFL_NOT_FOUND, "the model has no signature 'decode'; it has 'classify', 'add', 'recall', 'choose', 'train'");
	send_call(2, "train", 0, 0, &input);
	wire_expect_failure(fd, 2, TFL_UNSUPPORTED_MODEL, "signature 'train' cannot be run: ");
	send_call(3, "add", 0, SMALL, &input);
	wire_expect_failure(fd, 3, TFL_NOT_FOUND, "the model has no signature 'add'; it has 'classify'");
	input = named("features", TFL_FLOAT32, (struct tfl_wire_shape){2, {2, CLASSES}}, x, sizeof(x));
	send_call(4, "add", 0, 0, &input);
	wire_expect_failure(fd, 4, TFL_NOT_FOUND, "there is no input 'features'");
	input = named("features", TFL_FLOAT32, (struct tfl_wire_shape){2, {CLASSES, 2}}, x, sizeof(x));
	send_call(5, "classify", 0, 0, &input);
	wire_expect_failure(fd, 5, TFL_INVALID_ARGUMENT, "has shape [4, 2] and must have [-1, 4]");
	classify("classify", 2, 6, WHOLE);
}
END_TEST

/* Verdicts of the version that serves. */
static uint64_t verdicts(void)
{
	struct reply reply;
	uint64_t count = 0;
	char path[64];

	call("histogram", WHOLE, &reply);
	for (unsigned i = 1; i < wire_count(reply.message.result, "heads.0.histogram.bins"); i += 2) {
		snprintf(path, sizeof(path), "heads.0.histogram.bins.%u", i);
		count += wire_uint(reply.message.result, path);
	}
	reply_finish(&reply);
	return count;
}

/* A worker records after it has answered. */
static void expect_verdicts(uint64_t count)
{
	const uint64_t until = now_ns() + PATIENCE_NS;

	while (verdicts() < count && now_ns() < until)
		usleep(2000);
	ck_assert_uint_eq(verdicts(), count);
}

START_TEST(each_of_a_batch_is_recorded)
{
	float number = 1;

	classify(NULL, 1, 1, WHOLE);
	expect_verdicts(1);
	(void)call_sum("add", 0, &number);
	classify("classify", 5, 2, WHOLE);
	expect_verdicts(6);
}
END_TEST

START_TEST(a_shadow_gets_batches_too)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	uint64_t compared = 0, rows = 0;

	wire_set_shadow(fd, "m", SMALL);
	while (compared < 20) {
		struct reply reply;
		char path[64];

		classify(NULL, 3, 1, WHOLE);
		usleep(2000);
		call("stats", 0, &reply);
		for (unsigned i = 0; i < wire_count(reply.message.result, "versions"); i++) {
			snprintf(path, sizeof(path), "versions.%u.shadow.agreement.0.compared", i);
			if (!wire_find(reply.message.result, path).data)
				continue;
			compared = wire_uint(reply.message.result, path);
			snprintf(path, sizeof(path), "versions.%u.shadow.agreement.0.rows", i);
			rows = wire_uint(reply.message.result, path);
			snprintf(path, sizeof(path), "versions.%u.shadow.uncompared", i);
			ck_assert_uint_eq(wire_uint(reply.message.result, path), 0);
		}
		reply_finish(&reply);
		ck_assert_uint_lt(now_ns(), until);
	}
	ck_assert_uint_eq(rows, 3 * compared);
}
END_TEST

/* What is new is on trial, and has no such signature: the version before answers. */
START_TEST(a_signature_that_the_next_version_lacks)
{
	float number = 2;
	struct reply reply;

	for (unsigned i = 0; i < 30; i++)
		classify(NULL, 1, i, WHOLE);
	call("model.swap", SMALL, &reply);
	reply_finish(&reply);
	classify("classify", 2, 1, SMALL);
	ck_assert_float_eq(call_sum("add", 0, &number), 2);
	classify("classify", 2, 2, SMALL);
}
END_TEST

static uint64_t memory_used(void)
{
	struct reply reply;
	uint64_t used;

	wire_call(fd, "health", &reply);
	used = wire_uint(reply.message.result, "memory.used");
	reply_finish(&reply);
	return used;
}

/* A batch of zeros. */
static void send_zeros(uint32_t msgid, int32_t rows, uint64_t session)
{
	size_t size = (size_t)rows * CLASSES * sizeof(float);
	float *x = calloc(1, size);
	struct tfl_wire_tensor input = named("features", TFL_FLOAT32, (struct tfl_wire_shape){2, {rows, CLASSES}}, x, size);

	send_call(msgid, "classify", session, 0, &input);
	free(x);
}

static void expect_zeros(uint32_t msgid)
{
	struct reply reply;

	ck_assert(wire_receive(fd, &reply));
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
}

/* What a request makes an interpreter take is the operator's memory. */
START_TEST(batches_count_against_the_limit)
{
	const uint64_t before = memory_used(), until = now_ns() + PATIENCE_NS;
	uint64_t session, held;
	struct reply reply;

	send_zeros(1, 200000, 0);
	wire_expect_failure(fd, 1, TFL_RESOURCE_EXHAUSTED, "that memory_limit allows are in use");
	ck_assert_uint_eq(memory_used(), before);
	call("session.open", WHOLE, &reply);
	session = wire_uint(reply.message.result, "session");
	reply_finish(&reply);
	held = memory_used();
	ck_assert_uint_gt(held, before);
	send_zeros(2, 20000, session);
	expect_zeros(2);
	ck_assert_uint_gt(memory_used(), held + 2 * 20000 * CLASSES * sizeof(float));
	send_zeros(3, 200000, session);
	wire_expect_failure(fd, 3, TFL_RESOURCE_EXHAUSTED, "that memory_limit allows are in use");
	close(fd);
	fd = daemon_connect(&tfld);
	while (memory_used() != before && now_ns() < until)
		usleep(5000);
	ck_assert_uint_eq(memory_used(), before);
}
END_TEST

static bool on_trial(void)
{
	struct reply reply;
	bool runs;

	call("trial.get", 0, &reply);
	runs = tfl_string_equal(wire_string(reply.message.result, "state"), "running");
	reply_finish(&reply);
	return runs;
}

/* The version before answers what the one on trial cannot be made for, and that counts; what neither can is its client's matter. */
START_TEST(batches_that_the_next_version_cannot_take)
{
	struct reply reply;

	for (unsigned i = 0; i < 30; i++)
		classify(NULL, 1, i, WHOLE);
	call("model.swap", SMALL, &reply);
	reply_finish(&reply);
	classify(NULL, 1, 1, SMALL);
	for (uint32_t i = 0; i < 10; i++) {
		send_zeros(i, 200000, 0);
		wire_expect_failure(fd, i, TFL_RESOURCE_EXHAUSTED, "that memory_limit allows are in use");
	}
	for (unsigned i = 0; i < 4; i++)
		classify(i % 2 ? "classify" : NULL, 2 + i, i, WHOLE);
	ck_assert(on_trial());
	classify(NULL, 1, 1, SMALL);
	for (unsigned i = 0; i < 40; i++)
		classify(NULL, 2, i, WHOLE);
	ck_assert(!on_trial());
	classify(NULL, 1, 1, WHOLE);
	ck_assert(daemon_logged(&tfld, "version 1 of 'm', on trial, fails a request that version 2 can answer: with inputs of these shapes: "));
}
END_TEST

Suite *signature_suite(void)
{
	Suite *suite = suite_create("signature");
	TCase *tcase = tcase_create("signature"), *limited = tcase_create("limited"), *narrow = tcase_create("narrow");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_there_is_to_call);
	tcase_add_test(tcase, batches_of_any_size);
	tcase_add_test(tcase, many_batches_at_once);
	tcase_add_test(tcase, as_many_as_there_are);
	tcase_add_test(tcase, signatures_of_a_session_share_its_state);
	tcase_add_test(tcase, what_cannot_be_called);
	tcase_add_test(tcase, each_of_a_batch_is_recorded);
	tcase_add_test(tcase, a_shadow_gets_batches_too);
	tcase_add_test(tcase, a_signature_that_the_next_version_lacks);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(limited, 120);
	tcase_add_checked_fixture(limited, setup_small_memory, teardown);
	tcase_add_test(limited, batches_count_against_the_limit);
	suite_add_tcase(suite, limited);
	tcase_set_timeout(narrow, 120);
	tcase_add_checked_fixture(narrow, setup_narrow, teardown);
	tcase_add_test(narrow, batches_that_the_next_version_cannot_take);
	suite_add_tcase(suite, narrow);
	return suite;
}
