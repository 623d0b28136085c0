/* SPDX-License-Identifier: MIT */
/* Results of infer, from the daemon's structs through a frame to the client's; to the client wrong ones are faults of the protocol. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "proto/response.h"
#include "tests/proto/notation.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"
#include "tests/support/allocation.h"

static uint8_t scores[1001 * 4];

/* A reply with @p outputs outputs of 1,001 scores. */
static struct tfl_slice make_reply(uint32_t outputs)
{
	struct tfl_infer_served served = {tfl_string_of("digits"), 3, 0, 1234567};
	struct tfl_writer writer = {0};
	struct tfl_slice body;

	for (size_t i = 0; i < sizeof(scores); i++)
		scores[i] = (uint8_t)(i * 3);
	tfl_infer_response_begin(&writer, 21, &served, outputs);
	for (uint32_t i = 0; i < outputs; i++) {
		struct tfl_wire_tensor tensor = {
			.name = tfl_string_of("scores"),
			.index = (int32_t)i,
			.dtype = TFL_FLOAT32,
			.shape = {2, {1, 1001}},
			.data = {scores, sizeof(scores)},
		};

		tfl_wire_tensor_write(&writer, &tensor);
	}
	body = wire_body(&writer);
	tfl_writer_finish(&writer);
	return body;
}

START_TEST(round_trip)
{
	static const uint32_t counts[] = {0, 1, 4, 5, 64};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(counts); i++) {
		struct tfl_slice body = make_reply(counts[i]);
		struct tfl_message message = wire_message(body);
		struct tfl_infer_response response;
		struct tfl_error error = {0};

		ck_assert_uint_eq(message.msgid, 21);
		ck_assert(!message.failed);
		ck_assert_msg(tfl_infer_response_parse(message.result, &response, &error) == 0, "%s", error.text);
		ck_assert_string(response.served.model, "digits");
		ck_assert_uint_eq(response.served.version, 3);
		ck_assert_uint_eq(response.served.wait_ns, 0);
		ck_assert_uint_eq(response.served.compute_ns, 1234567);
		ck_assert_uint_eq(response.outputs.count, counts[i]);
		for (uint32_t k = 0; k < counts[i]; k++) {
			const struct tfl_wire_tensor *tensor = tfl_tensor_list_at(&response.outputs, k);

			ck_assert_string(tensor->name, "scores");
			ck_assert_int_eq(tensor->index, (int32_t)k);
			ck_assert_uint_eq(tensor->data.size, sizeof(scores));
			ck_assert_mem_eq(tensor->data.data, scores, sizeof(scores));
		}
		tfl_infer_response_finish(&response);
		tfl_infer_response_finish(&response);
		wire_free(body);
	}
	tfl_infer_response_finish(NULL);
}
END_TEST

static const struct {
	const char *result;
	const char *text;
} wrong[] = {
	{"nil", "result must be a map, not nil"},
	{"{}", "result: 'model' is missing: it must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"},
	{"{model: 'm', version: 1, wait_ns: 0, compute_ns: -1, outputs: []}",
	 "result: 'compute_ns' must be an integer from 0 to 18446744073709551615, not -1"},
	{"{model: 'm', version: 1, wait_ns: 0, compute_ns: 1, outputs: [{index: 0, name: 'x', dtype: 'int8', shape: [2], data: <3>}]}",
	 "result: outputs[0]: 'shape' [2] of int8 takes 2 bytes, but 'data' has 3"},
	{"{model: 'm', version: 1, wait_ns: 0, compute_ns: 1, outputs: [{index: 0, name: 'x', dtype: 'int8', shape: [2], data: <2>}*65]}",
	 "result: 'outputs' must be an array of 0 to 64 tensors, not one of 65"},
};

START_TEST(refuses)
{
	struct tfl_slice map = notation_encode(wrong[_i].result);
	struct tfl_infer_response response = {.served = {.version = 99}};
	struct tfl_error error = {0};

	ck_assert_refused(tfl_infer_response_parse(map, &response, &error), error, -EBADMSG, wrong[_i].text);
	ck_assert_int_eq(tfl_infer_response_parse(map, &response, NULL), -EBADMSG);
	ck_assert_uint_eq(response.served.version, 99);
	wire_free(map);
}
END_TEST

static int parse_reply(void *data)
{
	const struct tfl_slice *body = data;
	struct tfl_infer_response response;
	struct tfl_message message;
	int r;

	r = tfl_message_parse(*body, &message, NULL);
	if (r < 0)
		return r;
	r = tfl_infer_response_parse(message.result, &response, NULL);
	if (r == 0)
		tfl_infer_response_finish(&response);
	return r;
}

START_TEST(every_allocation_fails)
{
	struct tfl_slice few = make_reply(TFL_TENSORS_INLINE), many = make_reply(TFL_TENSORS_INLINE + 1);

	ck_assert_uint_eq(allocation_fail_each(parse_reply, &few), 0);
	ck_assert_uint_eq(allocation_fail_each(parse_reply, &many), 1);
	wire_free(few);
	wire_free(many);
}
END_TEST

Suite *response_suite(void)
{
	Suite *suite = suite_create("response");
	TCase *tcase = tcase_create("responses");

	tcase_add_test(tcase, round_trip);
	tcase_add_loop_test(tcase, refuses, 0, TFL_ARRAY_SIZE(wrong));
	tcase_add_test(tcase, every_allocation_fails);
	suite_add_tcase(suite, tcase);
	return suite;
}
