/* SPDX-License-Identifier: MIT */
/* Management calls: what they send, and the trees that come back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/value.h"
#include "proto/reader.h"
#include "proto/request.h"
#include "tests/client/common.h"
#include "tests/client/suites.h"
#include "tests/support/allocation.h"

static void write_tree(struct tfl_writer *writer)
{
	tfl_writer_map(writer, 10);
	tfl_writer_text(writer, "nil");
	tfl_writer_nil(writer);
	tfl_writer_text(writer, "yes");
	tfl_writer_bool(writer, true);
	tfl_writer_text(writer, "minus");
	tfl_writer_int64(writer, INT64_MIN);
	tfl_writer_text(writer, "large");
	tfl_writer_uint64(writer, UINT64_MAX);
	tfl_writer_text(writer, "pi");
	tfl_writer_double(writer, 3.25);
	tfl_writer_text(writer, "text");
	tfl_writer_text(writer, "grün");
	tfl_writer_text(writer, "");
	tfl_writer_text(writer, "");
	tfl_writer_text(writer, "bytes");
	tfl_writer_binary(writer, "a\0b", 3);
	tfl_writer_text(writer, "list");
	tfl_writer_array(writer, 3);
	tfl_writer_uint64(writer, 1);
	tfl_writer_array(writer, 0);
	tfl_writer_map(writer, 1);
	tfl_writer_text(writer, "deep");
	tfl_writer_uint64(writer, 300);
	tfl_writer_text(writer, "after");
	tfl_writer_uint64(writer, 2);
}

static void serve_tree(struct fake *fake, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(fake, &request)) {
		ck_assert(tfl_string_equal(request.method, TFL_METHOD_SERVER_INFO));
		tfl_message_reply(&fake->writer, request.msgid);
		write_tree(&fake->writer);
		fake_send(fake);
	}
}

START_TEST(tree)
{
	struct tfl_value *root = NULL;
	const struct tfl_value *list;
	struct tfl_client *client;
	struct fake fake;

	fake_start(&fake, serve_tree, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_int_eq(tfl_client_server_info(client, &root, NULL), 0);
	ck_assert_int_eq(tfl_client_server_info(client, NULL, NULL), 0);
	tfl_client_destroy(client);
	fake_stop(&fake);
	ck_assert_int_eq(tfl_value_kind_of(root), TFL_VALUE_MAP);
	ck_assert_uint_eq(tfl_value_size(root), 10);
	ck_assert_str_eq(tfl_value_key_at(root, 0), "nil");
	ck_assert_str_eq(tfl_value_key_at(root, 9), "after");
	ck_assert_ptr_null(tfl_value_key_at(root, 10));
	ck_assert_ptr_null(tfl_value_at(root, 10));
	ck_assert_int_eq(tfl_value_kind_of(tfl_value_get(root, "nil")), TFL_VALUE_NIL);
	ck_assert(tfl_value_bool(tfl_value_get(root, "yes"), false));
	ck_assert_int_eq(tfl_value_int(tfl_value_get(root, "minus"), 0), INT64_MIN);
	ck_assert_uint_eq(tfl_value_uint(tfl_value_get(root, "minus"), 9), 9);
	ck_assert_int_eq(tfl_value_kind_of(tfl_value_get(root, "large")), TFL_VALUE_UINT);
	ck_assert_uint_eq(tfl_value_uint(tfl_value_get(root, "large"), 0), UINT64_MAX);
	ck_assert_int_eq(tfl_value_int(tfl_value_get(root, "large"), -1), -1);
	ck_assert_double_eq(tfl_value_double(tfl_value_get(root, "pi"), 0), 3.25);
	ck_assert_double_eq(tfl_value_double(tfl_value_get(root, "after"), 0), 2);
	ck_assert_str_eq(tfl_value_string(tfl_value_get(root, "text"), NULL), "grün");
	ck_assert_str_eq(tfl_value_string(tfl_value_get(root, ""), NULL), "");
	ck_assert_uint_eq(tfl_value_size(tfl_value_get(root, "bytes")), 3);
	ck_assert_mem_eq(tfl_value_binary(tfl_value_get(root, "bytes")), "a\0b", 3);
	list = tfl_value_get(root, "list");
	ck_assert_uint_eq(tfl_value_size(list), 3);
	ck_assert_int_eq(tfl_value_int(tfl_value_at(list, 0), 0), 1);
	ck_assert_int_eq(tfl_value_kind_of(tfl_value_at(list, 1)), TFL_VALUE_ARRAY);
	ck_assert_uint_eq(tfl_value_uint(tfl_value_get(tfl_value_at(list, 2), "deep"), 0), 300);
	/* What is not there, or is of another kind, reads as the fallback. */
	ck_assert_str_eq(tfl_value_string(tfl_value_get(tfl_value_at(list, 9), "x"), "none"), "none");
	ck_assert_str_eq(tfl_value_string(list, "none"), "none");
	ck_assert_ptr_null(tfl_value_binary(list));
	ck_assert_ptr_null(tfl_value_get(list, "deep"));
	ck_assert_ptr_null(tfl_value_key_at(list, 0));
	ck_assert_uint_eq(tfl_value_size(NULL), 0);
	tfl_value_destroy(root);
}
END_TEST

/* What the daemon gets from each call. */
struct expected {
	const char *method;
	const struct tfl_param_table *table;
	const char *model;
	uint64_t version;
	bool erase;
};

static const struct expected expected[] = {
	{TFL_METHOD_MODEL_LOAD, &tfl_model_load_params, "digits", 3, false},
	{TFL_METHOD_MODEL_UNLOAD, &tfl_model_unload_params, "digits", 0, true},
	{TFL_METHOD_MODEL_UNLOAD, &tfl_model_unload_params, "digits", 2, false},
	{TFL_METHOD_MODEL_DESCRIBE, &tfl_model_describe_params, "a-b.c_d", 0, false},
	{TFL_METHOD_STATS, &tfl_stats_params, NULL, 0, false},
	{TFL_METHOD_STATS, &tfl_stats_params, "digits", 0, false},
	{TFL_METHOD_MODEL_LIST, NULL, NULL, 0, false},
	{TFL_METHOD_HEALTH, NULL, NULL, 0, false},
};

static void serve_expected(struct fake *fake, unsigned connection)
{
	struct tfl_model_params params;
	struct tfl_message request;
	char content[16] = "";

	for (unsigned i = 0; fake_receive(fake, &request); i++) {
		ck_assert_msg(tfl_string_equal(request.method, expected[i].method), "%.*s", TFL_STRING_ARGS(request.method));
		if (expected[i].table) {
			ck_assert_int_eq(tfl_model_params_parse(expected[i].table, request.params, &params, NULL), 0);
			ck_assert(expected[i].model ? tfl_string_equal(params.model, expected[i].model) : !params.model.text);
			ck_assert_uint_eq(params.version, expected[i].version);
			ck_assert_int_eq(params.delete_files, expected[i].erase);
		}
		if (i == 0) {
			ck_assert_int_ge(fake->passed_fd, 0);
			ck_assert_int_eq(pread(fake->passed_fd, content, sizeof(content) - 1, 0), 5);
			ck_assert_str_eq(content, "model");
		}
		tfl_message_reply(&fake->writer, request.msgid);
		tfl_writer_map(&fake->writer, 0);
		fake_send(fake);
	}
}

START_TEST(calls)
{
	struct tfl_call_error error = {0};
	struct tfl_value *value = NULL;
	struct tfl_client *client;
	struct fake fake;
	int fd = memfd_create("model", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, "model", 5), 5);
	fake_start(&fake, serve_expected, NULL);
	client = connect_to(&fake, 0, 0);
	ck_assert_msg(tfl_client_load(client, "digits@3", fd, &value, &error) == 0, "%s", error.message);
	ck_assert_int_eq(tfl_value_kind_of(value), TFL_VALUE_MAP);
	tfl_value_destroy(value);
	ck_assert_int_eq(tfl_client_unload(client, "digits", true, NULL, &error), 0);
	ck_assert_int_eq(tfl_client_unload(client, "digits@2", false, NULL, &error), 0);
	ck_assert_int_eq(tfl_client_describe(client, "a-b.c_d", NULL, &error), 0);
	ck_assert_int_eq(tfl_client_stats(client, NULL, NULL, &error), 0);
	ck_assert_int_eq(tfl_client_stats(client, "digits", NULL, &error), 0);
	ck_assert_int_eq(tfl_client_list(client, NULL, &error), 0);
	ck_assert_int_eq(tfl_client_health(client, NULL, &error), 0);
	ck_assert_uint_eq(fake.requests, sizeof(expected) / sizeof(expected[0]));
	/* Refused before anything is sent. */
	ck_assert_int_eq(tfl_client_load(client, "digits", -1, NULL, &error), -EINVAL);
	ck_assert_int_eq(tfl_client_load(client, NULL, fd, NULL, &error), -EINVAL);
	ck_assert_int_eq(tfl_client_unload(client, NULL, false, NULL, &error), -EINVAL);
	ck_assert_int_eq(tfl_client_describe(client, "no/name", NULL, &error), -EINVAL);
	ck_assert_int_eq(tfl_client_stats(client, "digits@1", NULL, &error), -EINVAL);
	ck_assert_int_eq(tfl_client_load(client, "digits", 999, NULL, &error), -EINVAL);
	ck_assert_msg(strstr(error.message, "999"), "%s", error.message);
	ck_assert_uint_eq(fake.requests, sizeof(expected) / sizeof(expected[0]));
	tfl_client_destroy(client);
	fake_stop(&fake);
	close(fd);
}
END_TEST

/* Touches everything in a tree. */
static size_t walk(const struct tfl_value *value)
{
	size_t sum = 1 + tfl_value_size(value) + strlen(tfl_value_string(value, "")) + (tfl_value_double(value, 0) > 0);
	const unsigned char *bytes = tfl_value_binary(value);

	for (size_t i = 0; bytes && i < tfl_value_size(value); i++)
		sum += bytes[i];
	if (tfl_value_kind_of(value) < TFL_VALUE_ARRAY)
		return sum;
	for (size_t i = 0; i < tfl_value_size(value); i++) {
		const char *key = tfl_value_key_at(value, i);

		sum += walk(tfl_value_at(value, i)) + (key ? strlen(key) : 0);
	}
	return sum;
}

/* Random bytes that the validator lets through must decode, and stay within their block (memory checkers look). */
START_TEST(random_bytes)
{
	unsigned seed = 1, decoded = 0;
	struct tfl_call_error error;
	uint8_t bytes[24];

	for (unsigned i = 0; i < 300000; i++) {
		struct tfl_slice slice = {bytes, 1 + (unsigned)rand_r(&seed) % sizeof(bytes)};
		struct tfl_value *root = NULL;

		for (size_t k = 0; k < slice.size; k++)
			bytes[k] = (uint8_t)((unsigned)rand_r(&seed) >> 8);
		if (i % 2)
			bytes[0] = (uint8_t)(0x80 | (bytes[0] & 0x1f)); /* a map or an array */
		if (tfl_reader_validate(slice, NULL) < 0)
			continue;
		if (tfl_value_decode(slice, &root, &error) < 0) { /* only this is not the validator's to see */
			ck_assert_msg(strstr(error.message, "UTF-8"), "%s", error.message);
			continue;
		}
		ck_assert_uint_gt(walk(root), 0);
		tfl_value_destroy(root);
		decoded++;
	}
	ck_assert_uint_gt(decoded, 1000);
}
END_TEST

static int ask(void *data)
{
	struct tfl_client *client = NULL;
	struct tfl_value *value = NULL;
	struct fake *fake = data;
	unsigned served = fake->served;
	int r;

	r = tfl_client_connect(fake->path, NULL, &client, NULL);
	served += r == 0;
	if (r == 0)
		r = tfl_client_server_info(client, &value, NULL);
	tfl_value_destroy(value);
	tfl_client_destroy(client);
	fake_wait_served(fake, served);
	return r;
}

START_TEST(allocations_fail)
{
	struct fake fake;

	fake_start(&fake, serve_tree, NULL);
	ck_assert_int_eq(ask(&fake), 0);
	ck_assert_uint_gt(allocation_fail_each(ask, &fake), 3);
	fake_stop(&fake);
}
END_TEST

Suite *value_suite(void)
{
	Suite *suite = suite_create("value");
	TCase *tcase = tcase_create("value");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, tree);
	tcase_add_test(tcase, calls);
	tcase_add_test(tcase, random_bytes);
	tcase_add_test(tcase, allocations_fail);
	suite_add_tcase(suite, tcase);
	return suite;
}
