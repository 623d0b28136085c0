/* SPDX-License-Identifier: MIT */
/* Request objects: what arrives at the daemon, what comes back, and reuse. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "proto/request.h"
#include "proto/response.h"
#include "tests/client/common.h"
#include "tests/client/suites.h"
#include "tests/support/allocation.h"
#include "tests/support/descriptors.h"

START_TEST(round_trip)
{
	static const int32_t dims[2] = {1, 4};
	static const uint8_t bytes[3] = {1, 2, 3};
	static const int32_t three[1] = {3};
	const struct tfl_output *output;
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_infer_set_input_by_name(infer, "sound", TFL_UINT8, three, 1, bytes, sizeof(bytes)), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	ck_assert_uint_eq(tfl_infer_output_count(infer), 2);
	ck_assert_uint_eq(tfl_infer_version(infer), 7);
	ck_assert_uint_eq(tfl_infer_wait_ns(infer), 1000);
	ck_assert_uint_eq(tfl_infer_compute_ns(infer), 2000);
	ck_assert_uint_gt(tfl_infer_round_trip_ns(infer), 1000);
	output = tfl_infer_output(infer, 0);
	ck_assert_str_eq(output->name, "first");
	ck_assert_int_eq(output->dtype, TFL_FLOAT32);
	ck_assert_uint_eq(output->rank, 2);
	ck_assert_mem_eq(output->dims, dims, sizeof(dims));
	ck_assert_uint_eq(output->bytes, 16);
	ck_assert_uint_eq((uintptr_t)output->data % 64, 0);
	ck_assert_float_eq(((const float *)output->data)[3], 4);
	output = tfl_infer_output_by_name(infer, "sound");
	ck_assert_ptr_eq(output, tfl_infer_output(infer, 1));
	ck_assert_int_eq(output->dtype, TFL_UINT8);
	ck_assert_uint_eq((uintptr_t)output->data % 64, 0);
	ck_assert_mem_eq(output->data, bytes, 3);
	ck_assert_ptr_null(tfl_infer_output(infer, 2));
	ck_assert_ptr_null(tfl_infer_output_by_name(infer, "picture"));
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

/* Larger than any buffer on the way, up and down. */
START_TEST(large_tensors)
{
	static const int32_t dims[2] = {3 << 10, 1 << 10};
	size_t count = 3 << 20;
	float *data = malloc(count * sizeof(*data));
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	for (size_t i = 0; i < count; i++)
		data[i] = (float)(i * 7 % 1000003);
	fake_start(&fake, fake_serve_echo, NULL);
	client = connect_to(&fake, 20000, 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, data, count * sizeof(*data)), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	ck_assert_uint_eq(tfl_infer_output(infer, 0)->bytes, count * sizeof(*data));
	ck_assert_int_eq(memcmp(tfl_infer_output(infer, 0)->data, data, count * sizeof(*data)), 0);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
	free(data);
}
END_TEST

START_TEST(larger_than_a_frame)
{
	static const int32_t dims[1] = {(64 << 20) + 1};
	uint8_t *data = calloc(1, (64 << 20) + 1);
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_UINT8, dims, 1, data, (64 << 20) + 1), 0);
	ck_assert_int_eq(tfl_client_infer(client, infer), -EINVAL);
	ck_assert_int_eq(tfl_infer_status(infer), TFL_INVALID_ARGUMENT);
	ck_assert_uint_eq(fake.requests, 0);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
	free(data);
}
END_TEST

/* Everything that can be set, as the daemon reads it. */
static void serve_checks(struct fake *fake, unsigned connection)
{
	struct tfl_infer_request parsed;
	struct tfl_message request;

	while (fake_receive(fake, &request)) {
		ck_assert_int_eq(tfl_infer_request_parse(request.params, &parsed, NULL), 0);
		ck_assert(tfl_string_equal(parsed.head.model, "digits"));
		ck_assert_uint_eq(parsed.head.version, 12);
		ck_assert(tfl_string_equal(parsed.head.key, "käse"));
		ck_assert(tfl_string_equal(parsed.head.signature, "décode"));
		ck_assert_uint_eq(parsed.head.priority, 3);
		ck_assert_int_eq(parsed.head.dtype, TFL_FLOAT32);
		ck_assert_uint_le(parsed.head.timeout_us, 900000);
		ck_assert_uint_ge(parsed.head.timeout_us, 890000);
		ck_assert_uint_eq(parsed.inputs.count, 2);
		ck_assert_int_eq(tfl_tensor_list_at(&parsed.inputs, 0)->index, 0);
		ck_assert_int_eq(tfl_tensor_list_at(&parsed.inputs, 0)->dtype, TFL_INT16);
		ck_assert_int_eq(tfl_tensor_list_at(&parsed.inputs, 0)->shape.rank, 0);
		ck_assert(tfl_string_equal(tfl_tensor_list_at(&parsed.inputs, 1)->name, "empty"));
		ck_assert_uint_eq(tfl_tensor_list_at(&parsed.inputs, 1)->data.size, 0);
		ck_assert_uint_eq(parsed.outputs.count, 2);
		ck_assert_int_eq(tfl_tensor_list_at(&parsed.outputs, 0)->index, 4);
		ck_assert(tfl_string_equal(tfl_tensor_list_at(&parsed.outputs, 1)->name, "scores"));
		tfl_infer_request_finish(&parsed);
		fake_write_echo(fake, &request);
		fake_send(fake);
	}
}

START_TEST(everything_that_can_be_set)
{
	static const int32_t none[1] = {0};
	static const int16_t scalar = -5;
	struct tfl_client *client;
	struct tfl_infer *infer;
	struct fake fake;

	fake_start(&fake, serve_checks, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_infer_create("digits@12", &infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 7, TFL_INT16, NULL, 0, &scalar, 2), 0);
	tfl_infer_clear_inputs(infer);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_INT16, NULL, 0, &scalar, 2), 0);
	ck_assert_int_eq(tfl_infer_set_input_by_name(infer, "empty", TFL_FLOAT32, none, 1, NULL, 0), 0);
	tfl_infer_set_float_outputs(infer, true);
	for (unsigned i = 0; i < 2; i++) { /* twice is once */
		ck_assert_int_eq(tfl_infer_add_output(infer, 4), 0);
		ck_assert_int_eq(tfl_infer_add_output_by_name(infer, "scores"), 0);
		ck_assert_int_eq(tfl_infer_set_key(infer, i ? "käse" : "brot"), 0);
		ck_assert_int_eq(tfl_infer_set_signature(infer, i ? "décode" : "encode"), 0);
	}
	ck_assert_int_eq(tfl_infer_set_priority(infer, 3), 0);
	tfl_infer_set_timeout(infer, 900);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	ck_assert_int_eq(*(const int16_t *)tfl_infer_output(infer, 0)->data, -5);
	ck_assert_uint_eq(tfl_infer_output(infer, 1)->bytes, 0);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

/* The signatures that are named, in turn, and whether within session 7. */
static void serve_signatures(struct fake *fake, unsigned connection)
{
	char(*names)[16] = fake->data;
	struct tfl_infer_request parsed;
	struct tfl_message request;

	while (fake_receive(fake, &request)) {
		ck_assert_int_eq(tfl_infer_request_parse(request.params, &parsed, NULL), 0);
		snprintf(*names++, sizeof(*names), "%.*s%s", TFL_STRING_ARGS(parsed.head.signature), parsed.head.session == 7 ? " in 7" : "");
		tfl_infer_request_finish(&parsed);
		fake_write_echo(fake, &request);
		fake_send(fake);
	}
}

START_TEST(signature_is_named_when_set)
{
	static const struct {
		const char *name;
		uint64_t session;
		const char *told;
	} rows[] = {{NULL, 0, ""}, {"encode", 0, "encode"}, {"decode", 7, "decode in 7"}, {NULL, 7, " in 7"}, {NULL, 0, ""}};
	char told[sizeof(rows) / sizeof(rows[0])][16] = {""};
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_signatures, told);
	client = connect_to(&fake, 0, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(tfl_infer_set_signature(infer, rows[i].name), 0);
		tfl_infer_set_session(infer, rows[i].session);
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
		ck_assert_str_eq(told[i], rows[i].told);
	}
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

/* Inputs of a free size: each result has its own shape, whatever the one before had. */
START_TEST(shapes_follow_each_call)
{
	static const int32_t sizes[] = {3, 1000, 1, 17};
	static float data[2 * 1000];
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	client = connect_to(&fake, 0, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const int32_t dims[3] = {sizes[i], 1, 2};
		size_t bytes = (size_t)sizes[i] * 2 * sizeof(float);
		const struct tfl_output *output;

		data[2 * sizes[i] - 1] = (float)i + 1;
		ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 3, data, bytes), 0);
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
		output = tfl_infer_output(infer, 0);
		ck_assert_uint_eq(output->rank, 3);
		ck_assert_int_eq(output->dims[0], sizes[i]);
		ck_assert_uint_eq(output->bytes, bytes);
		ck_assert_mem_eq(output->data, data, output->bytes);
	}
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

/* The timeouts that the daemon is told, in turn. */
static void serve_timeouts(struct fake *fake, unsigned connection)
{
	uint64_t *told = fake->data;
	struct tfl_infer_request parsed;
	struct tfl_message request;

	while (fake_receive(fake, &request)) {
		ck_assert_int_eq(tfl_infer_request_parse(request.params, &parsed, NULL), 0);
		*told++ = parsed.head.timeout_us;
		tfl_infer_request_finish(&parsed);
		fake_write_echo(fake, &request);
		fake_send(fake);
	}
}

/* The daemon's own limit holds unless the caller has one. */
START_TEST(timeout_is_told_when_set)
{
	static const struct {
		int client, request;
		uint64_t least, most;
	} rows[] = {{0, 0, 0, 0},  {0, 700, 600000, 700000}, {800, 0, 700000, 800000}, {800, 5000, 4900000, 5000000},
		    {-1, 0, 0, 0}, {800, -1, 0, 0},          {0, 0, 0, 0}};
	uint64_t told[sizeof(rows) / sizeof(rows[0])];
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	struct fake fake;

	fake_start(&fake, serve_timeouts, told);
	client = connect_to(&fake, 0, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tfl_client_set_timeout(client, rows[i].client);
		tfl_infer_set_timeout(infer, rows[i].request);
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
		ck_assert_uint_ge(told[i], rows[i].least);
		ck_assert_uint_le(told[i], rows[i].most);
	}
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

static void serve_nothing(struct fake *fake, unsigned connection)
{
	struct tfl_infer_served served = {.model = tfl_string_of("constant"), .version = 1};
	struct tfl_message request;

	while (fake_receive(fake, &request)) {
		tfl_infer_response_begin(&fake->writer, request.msgid, &served, 0);
		fake_send(fake);
	}
}

START_TEST(without_inputs)
{
	struct tfl_client *client;
	struct tfl_infer *infer;
	struct fake fake;

	fake_start(&fake, serve_nothing, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_infer_create("constant", &infer, NULL), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	ck_assert_uint_eq(fake.requests, 1);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

START_TEST(setters_refuse)
{
	static const int32_t dims[9] = {1, 2, 3, 1, 1, 1, 1, 1, 1}, negative[1] = {-1}, large[2] = {1 << 20, 1 << 20};
	static const float data[6] = {0};
	struct tfl_infer *infer = small_infer();
	char key[TFL_KEY_MAX + 2], name[TFL_SIGNATURE_NAME_MAX + 2];

	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 9, data, sizeof(data)), -EINVAL);
	ck_assert_msg(strstr(tfl_infer_error_message(infer), "8") && strstr(tfl_infer_error_message(infer), "9"), "%s",
		      tfl_infer_error_message(infer));
	ck_assert_int_eq(tfl_infer_status(infer), TFL_INVALID_ARGUMENT);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 3, data, sizeof(data) - 1), -EINVAL);
	ck_assert_str_eq(tfl_infer_error_message(infer), "an input of shape [1, 2, 3] and type float32 has 24 bytes, not 23");
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 3, NULL, sizeof(data)), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, NULL, 3, data, sizeof(data)), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, negative, 1, data, 4), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, large, 2, data, 4), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_STRING, dims, 1, data, 4), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, (enum tfl_dtype)77, dims, 1, data, 4), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_input(infer, UINT32_MAX, TFL_FLOAT32, dims, 1, data, 4), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_input(infer, TFL_INFER_TENSORS_MAX, TFL_FLOAT32, dims, 1, data, 4), -EINVAL);
	ck_assert_msg(strstr(tfl_infer_error_message(infer), "0 to 63, not 64"), "%s", tfl_infer_error_message(infer));
	ck_assert_int_eq(tfl_infer_add_output(infer, TFL_INFER_TENSORS_MAX), -EINVAL);
	for (unsigned i = 0; i < TFL_INFER_TENSORS_MAX; i++)
		ck_assert_int_eq(tfl_infer_set_input(infer, i, TFL_FLOAT32, dims, 1, data, 4), 0);
	ck_assert_int_eq(tfl_infer_set_input_by_name(infer, "one more", TFL_FLOAT32, dims, 1, data, 4), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_key(infer, ""), -EINVAL);
	ck_assert_int_eq(tfl_infer_set_priority(infer, 256), -EINVAL);
	memset(key, 'k', sizeof(key));
	key[TFL_KEY_MAX + 1] = '\0';
	ck_assert_int_eq(tfl_infer_set_key(infer, key), -EINVAL);
	key[TFL_KEY_MAX] = '\0';
	ck_assert_int_eq(tfl_infer_set_key(infer, key), 0);
	ck_assert_int_eq(tfl_infer_set_key(infer, NULL), 0);
	memset(name, 's', sizeof(name));
	name[TFL_SIGNATURE_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(tfl_infer_set_signature(infer, name), -EINVAL);
	ck_assert_str_eq(tfl_infer_error_message(infer), "the name of a signature has 1 to 255 bytes, not 256");
	ck_assert_int_eq(tfl_infer_set_signature(infer, ""), -EINVAL);
	name[TFL_SIGNATURE_NAME_MAX] = '\0';
	ck_assert_int_eq(tfl_infer_set_signature(infer, name), 0);
	ck_assert_int_eq(tfl_infer_set_signature(infer, NULL), 0);
	tfl_infer_destroy(infer);
}
END_TEST

START_TEST(names_of_models)
{
	static const char *const wrong[] = {"", "@1", "digits@", "digits@0", "digits@.x", "digits@1@2", "-digits", "a/b", "digits@-1"};
	struct tfl_call_error error;
	struct tfl_infer *infer = NULL;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error.message[0] = '\0';
		ck_assert_msg(tfl_infer_create(wrong[i], &infer, &error) == -EINVAL, "%s", wrong[i]);
		ck_assert_int_eq(error.status, TFL_INVALID_ARGUMENT);
		ck_assert_str_ne(error.message, "");
		ck_assert_ptr_null(infer);
	}
	ck_assert_int_eq(tfl_infer_create(NULL, &infer, NULL), -EINVAL);
}
END_TEST

START_TEST(wrong_text_is_not_sent)
{
	static const int32_t dims[1] = {1};
	struct tfl_client *client;
	struct tfl_infer *infer;
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_infer_create("digits", &infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input_by_name(infer, "\xff\xfe", TFL_UINT8, dims, 1, "x", 1), 0);
	ck_assert_int_eq(tfl_client_infer(client, infer), -EINVAL);
	ck_assert_msg(strstr(tfl_infer_error_message(infer), "UTF-8"), "%s", tfl_infer_error_message(infer));
	ck_assert_uint_eq(fake.requests, 0);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

/* The content of a borrowed input may change between calls; memory does not grow. */
START_TEST(reuse)
{
	static const int32_t dims[1] = {5000};
	static uint32_t data[5000];
	struct tfl_client *client;
	struct tfl_infer *infer = small_infer();
	const void *place = NULL;
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_UINT32, dims, 1, data, sizeof(data)), 0);
	for (uint32_t i = 0; i < 300; i++) {
		data[0] = data[4999] = i;
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
		ck_assert_uint_eq(((const uint32_t *)tfl_infer_output(infer, 0)->data)[0], i);
		ck_assert_uint_eq(((const uint32_t *)tfl_infer_output(infer, 0)->data)[4999], i);
		if (i == 0)
			place = tfl_infer_output(infer, 0)->data;
		ck_assert_ptr_eq(tfl_infer_output(infer, 0)->data, place);
	}
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_stop(&fake);
}
END_TEST

START_TEST(one_request_with_two_clients)
{
	struct tfl_client *clients[2];
	struct tfl_infer *infer = small_infer();
	struct fake fakes[2];

	for (unsigned i = 0; i < 2; i++) {
		fake_start(&fakes[i], fake_serve_echo, NULL);
		clients[i] = connect_to(&fakes[i], 0, 0);
	}
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(tfl_client_infer(clients[i % 2], infer), 0);
	tfl_client_destroy(clients[0]);
	tfl_client_destroy(clients[1]);
	ck_assert_float_eq(*(const float *)tfl_infer_output(infer, 0)->data, 1); /* outlives the clients */
	tfl_infer_destroy(infer);
	ck_assert_uint_eq(fakes[0].requests, 5);
	ck_assert_uint_eq(fakes[1].requests, 5);
	fake_stop(&fakes[0]);
	fake_stop(&fakes[1]);
}
END_TEST

/* Everything a program does with the library, once. */
static int live(void *data)
{
	static const uint8_t bytes[3000];
	static const int32_t dims[1] = {3000};
	struct tfl_client *client = NULL;
	struct tfl_infer *infer = NULL;
	struct fake *fake = data;
	unsigned served = fake->served;
	int r;

	r = tfl_client_connect(fake->path, NULL, &client, NULL);
	served += r == 0;
	if (r == 0)
		r = tfl_infer_create("digits", &infer, NULL);
	for (unsigned i = 0; i < 6 && r == 0; i++)
		r = tfl_infer_set_input(infer, i, TFL_UINT8, dims, 1, bytes, sizeof(bytes));
	if (r == 0)
		r = tfl_infer_set_input_by_name(infer, "sound", TFL_UINT8, dims, 1, bytes, sizeof(bytes));
	if (r == 0)
		r = tfl_infer_add_output_by_name(infer, "scores");
	if (r == 0)
		r = tfl_infer_set_key(infer, "key");
	if (r == 0)
		r = tfl_client_infer(client, infer);
	if (r == 0)
		r = tfl_client_infer(client, infer);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	fake_wait_served(fake, served);
	return r;
}

START_TEST(allocations_fail)
{
	unsigned descriptors;
	struct fake fake;

	fake_start(&fake, fake_serve_echo, NULL);
	ck_assert_int_eq(live(&fake), 0); /* the fake keeps some memory from here on */
	descriptors = descriptors_open();
	ck_assert_uint_gt(allocation_fail_each(live, &fake), 10);
	ck_assert_uint_eq(descriptors_open(), descriptors);
	fake_stop(&fake);
}
END_TEST

Suite *infer_suite(void)
{
	Suite *suite = suite_create("infer");
	TCase *tcase = tcase_create("infer");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, round_trip);
	tcase_add_test(tcase, large_tensors);
	tcase_add_test(tcase, larger_than_a_frame);
	tcase_add_test(tcase, everything_that_can_be_set);
	tcase_add_test(tcase, signature_is_named_when_set);
	tcase_add_test(tcase, shapes_follow_each_call);
	tcase_add_test(tcase, timeout_is_told_when_set);
	tcase_add_test(tcase, without_inputs);
	tcase_add_test(tcase, setters_refuse);
	tcase_add_test(tcase, names_of_models);
	tcase_add_test(tcase, wrong_text_is_not_sent);
	tcase_add_test(tcase, reuse);
	tcase_add_test(tcase, one_request_with_two_clients);
	tcase_add_test(tcase, allocations_fail);
	suite_add_tcase(suite, tcase);
	return suite;
}
