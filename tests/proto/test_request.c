/* SPDX-License-Identifier: MIT */
/* infer and the model methods, from the client's structs through a frame to the daemon's; wrong params refused in words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "proto/request.h"
#include "tests/proto/notation.h"
#include "tests/proto/suites.h"
#include "tests/proto/wire.h"
#include "tests/support/allocation.h"

static uint8_t picture[4 * 28 * 28];

static struct tfl_wire_tensor input_of(int32_t index)
{
	return (struct tfl_wire_tensor){
		.index = index,
		.dtype = TFL_FLOAT32,
		.shape = {4, {1, 28, 28, 1}},
		.data = {picture, sizeof(picture)},
	};
}

static struct tfl_wire_tensor choice_of(const char *name)
{
	return (struct tfl_wire_tensor){.name = tfl_string_of(name), .index = -1, .dtype = TFL_FLOAT32, .shape = {.rank = -1}};
}

START_TEST(infer_with_everything)
{
	struct tfl_infer_head head = {
		.model = tfl_string_of("digits"),
		.version = 12,
		.key = tfl_string_of("camera-3"),
		.signature = tfl_string_of("serving_default"),
		.timeout_us = 5000000,
		.priority = 1,
		.dtype = TFL_FLOAT32,
	};
	struct tfl_wire_tensor input = input_of(0), choices[2] = {choice_of("a"), choice_of("b")};
	struct tfl_writer writer = {0};
	struct tfl_error error = {0};
	struct tfl_infer_request request;
	struct tfl_message message;
	struct tfl_slice body;

	memset(picture, 0x3e, sizeof(picture));
	tfl_infer_request_write(&writer, 9, &head, &input, 1, choices, 2);
	body = wire_body(&writer);
	message = wire_message(body);
	ck_assert_uint_eq(message.msgid, 9);
	ck_assert_string(message.method, TFL_METHOD_INFER);
	ck_assert_msg(tfl_infer_request_parse(message.params, &request, &error) == 0, "%s", error.text);
	ck_assert_string(request.head.model, "digits");
	ck_assert_uint_eq(request.head.version, 12);
	ck_assert_ptr_null(request.head.label.text);
	ck_assert_string(request.head.key, "camera-3");
	ck_assert_string(request.head.signature, "serving_default");
	ck_assert_uint_eq(request.head.timeout_us, 5000000);
	ck_assert_uint_eq(request.head.priority, 1);
	ck_assert_int_eq(request.head.dtype, TFL_FLOAT32);
	ck_assert_uint_eq(request.inputs.count, 1);
	ck_assert_uint_eq(tfl_tensor_list_at(&request.inputs, 0)->data.size, sizeof(picture));
	ck_assert_mem_eq(tfl_tensor_list_at(&request.inputs, 0)->data.data, picture, sizeof(picture));
	ck_assert_uint_eq(request.outputs.count, 2);
	ck_assert_string(tfl_tensor_list_at(&request.outputs, 1)->name, "b");
	tfl_infer_request_finish(&request);
	tfl_infer_request_finish(&request);
	tfl_infer_request_finish(NULL);
	wire_free(body);
	tfl_writer_finish(&writer);
}
END_TEST

START_TEST(infer_with_little)
{
	struct tfl_slice map = notation_encode("{model: 'm', label: 'stable', inputs: [{index: 0, dtype: 'bool', shape: [3], data: <3>}]}");
	struct tfl_error error = {0};
	struct tfl_infer_request request;

	ck_assert_msg(tfl_infer_request_parse(map, &request, &error) == 0, "%s", error.text);
	ck_assert_string(request.head.label, "stable");
	ck_assert_uint_eq(request.head.version, 0);
	ck_assert_ptr_null(request.head.key.text);
	ck_assert_ptr_null(request.head.signature.text);
	ck_assert_uint_eq(request.head.timeout_us, 0);
	ck_assert_uint_eq(request.head.priority, 0);
	ck_assert_int_eq(request.head.dtype, TFL_DTYPE_COUNT);
	ck_assert_uint_eq(request.outputs.count, 0);
	tfl_infer_request_finish(&request);
	wire_free(map);
}
END_TEST

/* The requests of one session may name different signatures; a name is the file's own, so anything that is UTF-8. */
START_TEST(signature_in_a_session)
{
	struct tfl_infer_head head = {.session = 7, .signature = tfl_string_of("décode/step 2"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_writer writer = {0};
	struct tfl_error error = {0};
	struct tfl_infer_request request;
	struct tfl_slice body;

	tfl_infer_request_write(&writer, 1, &head, NULL, 0, NULL, 0);
	body = wire_body(&writer);
	ck_assert_msg(tfl_infer_request_parse(wire_message(body).params, &request, &error) == 0, "%s", error.text);
	ck_assert_uint_eq(request.head.session, 7);
	ck_assert_string(request.head.signature, "décode/step 2");
	ck_assert_ptr_null(request.head.model.text);
	tfl_infer_request_finish(&request);
	wire_free(body);
	tfl_writer_finish(&writer);
}
END_TEST

START_TEST(longest_signature)
{
	char name[TFL_SIGNATURE_NAME_MAX + 2] = "";
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_writer writer = {0};
	struct tfl_error error = {0};
	struct tfl_infer_request request;
	int r;

	memset(name, 'a', sizeof(name) - 1);
	for (size_t length = TFL_SIGNATURE_NAME_MAX; length < sizeof(name); length++) {
		struct tfl_slice body;

		head.signature = (struct tfl_string){name, length};
		tfl_infer_request_write(&writer, 1, &head, NULL, 0, NULL, 0);
		body = wire_body(&writer);
		r = tfl_infer_request_parse(wire_message(body).params, &request, &error);
		if (length > TFL_SIGNATURE_NAME_MAX) {
			ck_assert_refused(r, error, -EINVAL, "params: 'signature' must be a string of 1 to 255 bytes, not one of 256");
		} else {
			ck_assert_msg(r == 0, "%s", error.text);
			ck_assert_uint_eq(request.head.signature.length, length);
			tfl_infer_request_finish(&request);
		}
		wire_free(body);
	}
	tfl_writer_finish(&writer);
}
END_TEST

/* A request and its reply steady: nothing is allocated past the frame. */
START_TEST(steady_infer_allocates_nothing)
{
	struct tfl_infer_head head = {.model = tfl_string_of("digits"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor inputs[TFL_TENSORS_INLINE];
	struct tfl_writer writer = {0};
	struct tfl_infer_request request;
	struct tfl_slice body;
	bool failed;

	for (int i = 0; i < TFL_TENSORS_INLINE; i++)
		inputs[i] = input_of(i);
	tfl_infer_request_write(&writer, 1, &head, inputs, TFL_TENSORS_INLINE, NULL, 0);
	body = wire_body(&writer);
	allocation_fail_at(1);
	tfl_infer_request_write(&writer, 1, &head, inputs, TFL_TENSORS_INLINE, NULL, 0);
	failed = tfl_writer_check(&writer, NULL) < 0;
	if (!failed) {
		struct tfl_message message;

		failed = tfl_message_parse(body, &message, NULL) < 0 || tfl_infer_request_parse(message.params, &request, NULL) < 0;
	}
	failed = failed || allocation_failed();
	allocation_fail_at(0);
	ck_assert(!failed);
	tfl_infer_request_finish(&request);
	wire_free(body);
	tfl_writer_finish(&writer);
}
END_TEST

#define INPUT "{index: 0, dtype: 'int8', shape: [1], data: <1>}"

static const struct {
	const char *params;
	const char *text;
} wrong[] = {
	{"{model: 'm', inputs: 'x'}", "params: 'inputs' must be an array of 0 to 64 tensors, not a string"},
	{"{model: 'm', inputs: [" INPUT "*65]}", "params: 'inputs' must be an array of 0 to 64 tensors, not one of 65"},
	{"{model: 'm'}", "params: 'inputs' is missing: it must be an array of 0 to 64 tensors"},
	{"{inputs: [" INPUT "]}",
	 "params: 'model' is missing: it must be the name of a model, unless there is a 'session'"},
	{"{session: 0, inputs: [" INPUT "]}", "params: 'session' must be an integer from 1 to 9007199254740991, not 0"},
	{"{session: 7, label: 'x', inputs: [" INPUT "]}",
	 "params: a session has its model, version and priority: 'session' stands without 'model', 'version', 'label', 'key' and 'priority'"},
	{"{model: 'm', version: 0, inputs: [" INPUT "]}", "params: 'version' must be an integer from 1 to 9223372036854775807, not 0"},
	{"{model: 'm', version: 1, label: 'x', inputs: [" INPUT "]}", "params: 'version' and 'label' are both there: give one of them"},
	{"{model: 'm', key: '', inputs: [" INPUT "]}", "params: 'key' must be a string of 1 to 256 bytes, not one of 0"},
	{"{model: 'm', signature: '', inputs: [" INPUT "]}", "params: 'signature' must be a string of 1 to 255 bytes, not one of 0"},
	{"{model: 'm', signature: 0, inputs: [" INPUT "]}", "params: 'signature' must be a string of 1 to 255 bytes, not an integer"},
	{"{model: 'm', timeout_us: 0, inputs: [" INPUT "]}", "params: 'timeout_us' must be an integer from 1 to 86400000000, not 0"},
	{"{model: 'm', priority: 256, inputs: [" INPUT "]}", "params: 'priority' must be an integer from 1 to 255, not 256"},
	{"{model: 'm', dtype: 'int8', inputs: [" INPUT "]}",
	 "params: 'dtype' must be 'float32' (all outputs dequantised), not 'int8'; without it outputs come as the model has them"},
	{"{model: 'm', inputs: [" INPUT ", 5]}", "params: inputs[1]: the value must be a map, not an integer"},
	{"{model: 'm', inputs: [" INPUT ", {index: 1, dtype: 'int8', shape: [2], data: <1>}]}",
	 "params: inputs[1]: 'shape' [2] of int8 takes 2 bytes, but 'data' has 1"},
	{"{model: 'm', inputs: [" INPUT "*5, {index: 4096}]}", "params: inputs[5]: 'index' must be an integer from 0 to 4095, not 4096"},
	{"{model: 'm', inputs: [" INPUT "], outputs: [{}]}", "params: outputs[0]: 'name' or 'index' must say which tensor it is"},
	{"{model: 'm', inputs: [" INPUT "*6], outputs: [{index: 0}*6, nil]}", "params: outputs[6]: the value must be a map, not nil"},
	{"{model: 'm', inputs: [" INPUT "], outputs: {}}", "params: 'outputs' must be an array of 0 to 64 tensors, not a map"},
};

START_TEST(refuses_infer)
{
	struct tfl_slice map = notation_encode(wrong[_i].params);
	struct tfl_infer_request request = {.head = {.version = 99}};
	struct tfl_error error = {0};
	long before = allocation_live();

	ck_assert_refused(tfl_infer_request_parse(map, &request, &error), error, -EINVAL, wrong[_i].text);
	ck_assert_int_eq(tfl_infer_request_parse(map, &request, NULL), -EINVAL);
	ck_assert_uint_eq(request.head.version, 99);
	ck_assert_int_eq(allocation_live(), before);
	wire_free(map);
}
END_TEST

static int parse_long_infer(void *data)
{
	const struct tfl_slice *map = data;
	struct tfl_infer_request request;
	int r;

	r = tfl_infer_request_parse(*map, &request, NULL);
	if (r == 0)
		tfl_infer_request_finish(&request);
	return r;
}

START_TEST(every_allocation_fails)
{
	struct tfl_slice map = notation_encode("{model: 'm', inputs: [" INPUT "*64], outputs: [{index: 0}*64]}");
	struct tfl_infer_request request;
	struct tfl_error error = {0};
	int r;

	ck_assert_uint_eq(allocation_fail_each(parse_long_infer, &map), 2);
	allocation_fail_at(1);
	r = tfl_infer_request_parse(map, &request, &error);
	allocation_fail_at(0);
	ck_assert_refused(r, error, -ENOMEM, "params: no memory for 64 tensors of a message");
	wire_free(map);
}
END_TEST

START_TEST(model_params)
{
	static const struct {
		const struct tfl_param_table *table;
		const char *method;
		struct tfl_model_params params;
	} calls[] = {
		{&tfl_model_load_params, TFL_METHOD_MODEL_LOAD, {{"digits", 6}, 3, false}},
		{&tfl_model_load_params, TFL_METHOD_MODEL_LOAD, {{"digits", 6}, 0, false}},
		{&tfl_model_unload_params, TFL_METHOD_MODEL_UNLOAD, {{"m", 1}, 1, true}},
		{&tfl_model_describe_params, TFL_METHOD_MODEL_DESCRIBE, {{"m", 1}, TFL_VERSION_MAX, false}},
		{&tfl_model_describe_params, TFL_METHOD_MODEL_DESCRIBE, {{"m", 1}, 0, false, .label = {"canary", 6}}},
		{&tfl_label_set_params, TFL_METHOD_LABEL_SET, {{"m", 1}, 2, false, .label = {"canary", 6}}},
		{&tfl_label_set_params, TFL_METHOD_LABEL_SET, {{"m", 1}, 0, false, .label = {"canary", 6}}},
		{&tfl_session_open_params, TFL_METHOD_SESSION_OPEN, {{"m", 1}, 2, false, .key = {"k", 1}}},
		{&tfl_session_params, TFL_METHOD_SESSION_RESET, {{NULL, 0}, 0, false, .session = TFL_SESSION_ID_MAX}},
		{&tfl_stats_params, TFL_METHOD_STATS, {{"m", 1}, 0, false}},
		{&tfl_stats_params, TFL_METHOD_STATS, {{NULL, 0}, 0, false, .buckets = true}},
	};
	struct tfl_writer writer = {0};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(calls); i++) {
		struct tfl_model_params params;
		struct tfl_error error = {0};
		struct tfl_message message;
		struct tfl_slice body;

		tfl_model_params_write(&writer, (uint32_t)i, calls[i].method, calls[i].table, &calls[i].params);
		body = wire_body(&writer);
		message = wire_message(body);
		ck_assert_uint_eq(message.msgid, i);
		ck_assert_string(message.method, calls[i].method);
		ck_assert_msg(tfl_model_params_parse(calls[i].table, message.params, &params, &error) == 0, "%s", error.text);
		if (calls[i].params.model.text)
			ck_assert_string(params.model, calls[i].params.model.text);
		else
			ck_assert_ptr_null(params.model.text);
		ck_assert_uint_eq(params.version, calls[i].params.version);
		ck_assert_int_eq(params.delete_files, calls[i].params.delete_files);
		ck_assert_uint_eq(params.label.length, calls[i].params.label.length);
		wire_free(body);
	}
	tfl_writer_finish(&writer);
}
END_TEST

START_TEST(no_params)
{
	struct tfl_writer writer = {0};
	struct tfl_message message;
	struct tfl_slice body;

	tfl_model_params_write(&writer, 4, TFL_METHOD_HEALTH, NULL, NULL);
	body = wire_body(&writer);
	message = wire_message(body);
	ck_assert_string(message.method, TFL_METHOD_HEALTH);
	ck_assert_uint_eq(message.params.size, 1);
	wire_free(body);
	tfl_writer_finish(&writer);
}
END_TEST

START_TEST(cancel)
{
	struct tfl_writer writer = {0};
	struct tfl_message message;
	struct tfl_error error = {0};
	struct tfl_slice body, map;
	uint32_t msgid = 0;

	tfl_cancel_write(&writer, UINT32_MAX);
	body = wire_body(&writer);
	message = wire_message(body);
	ck_assert_int_eq(message.kind, TFL_MESSAGE_NOTIFICATION);
	ck_assert_string(message.method, TFL_NOTIFY_CANCEL);
	ck_assert_int_eq(tfl_cancel_parse(message.params, &msgid, &error), 0);
	ck_assert_uint_eq(msgid, UINT32_MAX);
	wire_free(body);
	tfl_writer_finish(&writer);
	map = notation_encode("{}");
	ck_assert_refused(tfl_cancel_parse(map, &msgid, &error), error, -EINVAL, "params: 'msgid' is missing: it must be an integer from 0 to 4294967295");
	wire_free(map);
}
END_TEST

START_TEST(refuses_model_params)
{
	struct tfl_slice map = notation_encode("{model: 'm', version: 2, delete: 'yes'}");
	struct tfl_model_params params = {.version = 99};
	struct tfl_error error = {0};

	ck_assert_refused(tfl_model_params_parse(&tfl_model_unload_params, map, &params, &error), error, -EINVAL,
			  "params: 'delete' must be true or false, not a string");
	ck_assert_uint_eq(params.version, 99);
	ck_assert_int_eq(tfl_model_params_parse(&tfl_stats_params, map, &params, &error), 0);
	wire_free(map);
}
END_TEST

Suite *request_suite(void)
{
	Suite *suite = suite_create("request");
	TCase *tcase = tcase_create("requests");

	tcase_add_test(tcase, infer_with_everything);
	tcase_add_test(tcase, infer_with_little);
	tcase_add_test(tcase, signature_in_a_session);
	tcase_add_test(tcase, longest_signature);
	tcase_add_test(tcase, steady_infer_allocates_nothing);
	tcase_add_loop_test(tcase, refuses_infer, 0, TFL_ARRAY_SIZE(wrong));
	tcase_add_test(tcase, every_allocation_fails);
	tcase_add_test(tcase, model_params);
	tcase_add_test(tcase, no_params);
	tcase_add_test(tcase, cancel);
	tcase_add_test(tcase, refuses_model_params);
	suite_add_tcase(suite, tcase);
	return suite;
}
