/* SPDX-License-Identifier: MIT */
/* Signatures, and inputs of a free size, as a program that links the library has them, and as tflctl does: against the real daemon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/tflclient.h"
#include "tests/builder/builder.h"
#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"

#define COLUMNS 2

static struct daemon tfld;
static struct tfl_client *client;
static struct tfl_infer *infer;
static struct tfl_call_error error;

/* One operator from "NAME_in" to "NAME_out", [any, 2], and the signature "NAME" that calls them "in" and "out". */
static void add_graph(struct tfl_builder *builder, const char *name, uint32_t subgraph, uint32_t code, const char *custom)
{
	const struct tfl_build_binding in = {"in", 0}, out = {"out", 1};
	char text[32];

	if (subgraph > 0)
		tfl_build_subgraph(builder, name);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s_%s", name, i ? "out" : "in");
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = text, .dims = TFL_INTS(1, COLUMNS), .signature = TFL_INTS(-1, COLUMNS)});
	}
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = code, .custom_name = custom, .inputs = TFL_INTS(0), .outputs = TFL_INTS(1)});
	tfl_build_io(builder, TFL_INTS(0), TFL_INTS(1));
	tfl_build_signature(builder, &(struct tfl_build_signature){.key = name, .subgraph = subgraph, .inputs = &in, .outputs = &out,
								   .input_count = 1, .output_count = 1});
}

static void add_model(const char *name, struct tfl_builder *builder)
{
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(tfl_build_finish(builder, &data, &size), 0);
	tfl_build_destroy(builder);
	daemon_add_model(&tfld, name, 1, data, size);
	free(data);
}

enum { SUM_X, SUM_Y, SUM_OLD, SUM_HANDLE };

/* Tensors and operators that the graphs of the model below begin with: its variable, set to 0 by graph 2 before anything reads it. */
static void begin_sum(struct tfl_builder *builder, uint32_t subgraph)
{
	static const char *const names[] = {[SUM_X] = "x", [SUM_Y] = "y", [SUM_OLD] = "old"};
	struct tfl_build_options handle = tfl_options_empty(TFL_OPTIONS_VAR_HANDLE);
	static const float zero;

	if (subgraph > 0)
		tfl_build_subgraph(builder, "more");
	for (unsigned i = 0; i < 3; i++)
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = names[i], .dims = TFL_INTS(1), .data = subgraph == 2 ? &zero : NULL,
								     .data_size = subgraph == 2 ? sizeof(zero) : 0});
	tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "handle", .dtype = TFL_RESOURCE});
	tfl_options_add_field(&handle, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_STRING, .data = "state"});
	if (subgraph < 2)
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_CALL_ONCE,
									 .options = tfl_options_ints(TFL_OPTIONS_CALL_ONCE, TFL_INTS(2))});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_VAR_HANDLE, .outputs = TFL_INTS(SUM_HANDLE), .options = handle});
}

static void add_operator(struct tfl_builder *builder, uint32_t code, struct tfl_ints inputs, struct tfl_ints outputs)
{
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = outputs});
}

/* "add" adds its input, which it calls "more", to the variable, and gives the "sum"; "look" gives it. */
static struct tfl_builder *build_sum(void)
{
	const struct tfl_build_binding more = {"more", SUM_X}, sum = {"sum", SUM_Y};
	struct tfl_builder *builder = tfl_build_create();

	begin_sum(builder, 0);
	add_operator(builder, TFL_BUILTIN_READ_VARIABLE, TFL_INTS(SUM_HANDLE), TFL_INTS(SUM_OLD));
	add_operator(builder, TFL_BUILTIN_ADD, TFL_INTS(SUM_X, SUM_OLD), TFL_INTS(SUM_Y));
	add_operator(builder, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(SUM_HANDLE, SUM_Y), (struct tfl_ints){0});
	tfl_build_io(builder, TFL_INTS(SUM_X), TFL_INTS(SUM_Y));
	begin_sum(builder, 1);
	add_operator(builder, TFL_BUILTIN_READ_VARIABLE, TFL_INTS(SUM_HANDLE), TFL_INTS(SUM_Y));
	tfl_build_io(builder, (struct tfl_ints){0}, TFL_INTS(SUM_Y));
	begin_sum(builder, 2);
	add_operator(builder, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(SUM_HANDLE, SUM_OLD), (struct tfl_ints){0});
	tfl_build_signature(builder, &(struct tfl_build_signature){.key = "add", .inputs = &more, .outputs = &sum, .input_count = 1,
								   .output_count = 1});
	tfl_build_signature(builder, &(struct tfl_build_signature){.key = "look", .subgraph = 1, .outputs = &sum, .output_count = 1});
	return builder;
}

static void setup(void)
{
	struct tfl_builder *builder = tfl_build_create();

	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
	add_graph(builder, "negate", 0, TFL_BUILTIN_NEG, NULL);
	add_graph(builder, "square", 1, TFL_BUILTIN_SQUARE, NULL);
	add_graph(builder, "odd", 2, TFL_BUILTIN_CUSTOM, "Oddity");
	add_model("three", builder);
	add_model("sum", build_sum());
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	ck_assert_int_eq(tfl_client_connect(NULL, NULL, &client, &error), 0);
	ck_assert_int_eq(tfl_infer_create("three", &infer, &error), 0);
}

static void teardown(void)
{
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	daemon_stop(&tfld);
}

/* Sends 1, 2, 3 … in so many rows, and finds each number as @p function makes it. */
static void expect(int32_t rows, float (*function)(float number))
{
	static float numbers[1024];
	const int32_t dims[2] = {rows, COLUMNS};
	const struct tfl_output *output;

	for (int32_t i = 0; i < rows * COLUMNS; i++)
		numbers[i] = (float)i + 1;
	ck_assert_int_eq(tfl_infer_set_input_by_name(infer, "in", TFL_FLOAT32, dims, 2, numbers, (size_t)rows * COLUMNS * sizeof(float)), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	output = tfl_infer_output(infer, 0);
	ck_assert_uint_eq(output->rank, 2);
	ck_assert_int_eq(output->dims[0], rows);
	ck_assert_int_eq(output->dims[1], COLUMNS);
	ck_assert_uint_eq(output->bytes, (size_t)rows * COLUMNS * sizeof(float));
	for (int32_t i = 0; i < rows * COLUMNS; i++)
		ck_assert_float_eq(((const float *)output->data)[i], function(numbers[i]));
}

static float negative(float number)
{
	return -number;
}

static float square(float number)
{
	return number * number;
}

START_TEST(one_request_after_the_other)
{
	static const int32_t rows[] = {1, 5, 500, 2, 5, 1};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(tfl_infer_set_signature(infer, "square"), 0);
		expect(rows[i], square);
		ck_assert_ptr_nonnull(tfl_infer_output_by_name(infer, "out"));
		ck_assert_int_eq(tfl_infer_set_signature(infer, "negate"), 0);
		expect(rows[i], negative);
		ck_assert_ptr_nonnull(tfl_infer_output_by_name(infer, "out"));
		ck_assert_int_eq(tfl_infer_set_signature(infer, NULL), 0);
		expect(rows[i], negative);
		ck_assert_str_eq(tfl_infer_output(infer, 0)->name, "negate_out");
	}
}
END_TEST

/* By its own names, by those of the tensors, and by number. */
START_TEST(tensors_by_any_name)
{
	static const int32_t dims[2] = {1, COLUMNS};
	static const float numbers[COLUMNS] = {3, 4};

	ck_assert_int_eq(tfl_infer_set_signature(infer, "square"), 0);
	ck_assert_int_eq(tfl_infer_set_input_by_name(infer, "square_in", TFL_FLOAT32, dims, 2, numbers, sizeof(numbers)), 0);
	ck_assert_int_eq(tfl_infer_add_output_by_name(infer, "square_out"), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	ck_assert_float_eq(*(const float *)tfl_infer_output(infer, 0)->data, 9);
	tfl_infer_clear_inputs(infer);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, numbers, sizeof(numbers)), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	tfl_infer_clear_inputs(infer);
	ck_assert_int_eq(tfl_infer_set_input_by_name(infer, "negate_in", TFL_FLOAT32, dims, 2, numbers, sizeof(numbers)), 0);
	ck_assert_int_eq(tfl_client_infer(client, infer), -ENOENT);
}
END_TEST

static void refused(int code, enum tfl_status status, const char *words)
{
	ck_assert_int_eq(tfl_client_infer(client, infer), code);
	ck_assert_int_eq(tfl_infer_status(infer), status);
	ck_assert_msg(strstr(tfl_infer_error_message(infer), words), "%s", tfl_infer_error_message(infer));
}

START_TEST(what_is_refused)
{
	static const int32_t dims[3] = {0, COLUMNS, 1};
	static const float numbers[COLUMNS] = {3, 4};

	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, numbers, 0), 0);
	refused(-EINVAL, TFL_INVALID_ARGUMENT, "[-1, 2]");
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims + 1, 2, numbers, sizeof(numbers)), 0);
	refused(-EINVAL, TFL_INVALID_ARGUMENT, "[-1, 2]");
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims + 1, 1, numbers, sizeof(numbers)), 0);
	refused(-EINVAL, TFL_INVALID_ARGUMENT, "[-1, 2]");
	ck_assert_int_eq(tfl_infer_set_signature(infer, "cube"), 0);
	refused(-ENOENT, TFL_NOT_FOUND, "'negate', 'square', 'odd'");
	ck_assert_int_eq(tfl_infer_set_signature(infer, "odd"), 0);
	refused(-EOPNOTSUPP, TFL_UNSUPPORTED_MODEL, "Oddity");
	ck_assert_int_eq(tfl_infer_set_signature(infer, NULL), 0);
	tfl_infer_clear_inputs(infer);
	expect(1, negative); /* and nobody is worse for it */
}
END_TEST

static float ask_sum(const char *signature, const float *more)
{
	static const int32_t one[1] = {1};

	tfl_infer_clear_inputs(infer);
	if (more)
		ck_assert_int_eq(tfl_infer_set_input_by_name(infer, "more", TFL_FLOAT32, one, 1, more, sizeof(*more)), 0);
	ck_assert_int_eq(tfl_infer_set_signature(infer, signature), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	ck_assert_ptr_nonnull(tfl_infer_output_by_name(infer, "sum"));
	return *(const float *)tfl_infer_output(infer, 0)->data;
}

/* What one leaves, the other finds; and the next session begins anew. */
START_TEST(a_session_has_one_state)
{
	static const float numbers[2] = {3, 4};
	uint64_t session;

	for (unsigned i = 0; i < 2; i++) {
		ck_assert_msg(tfl_client_open_session(client, "sum", NULL, &session, &error) == 0, "%s", error.message);
		tfl_infer_set_session(infer, session);
		ck_assert_float_eq(ask_sum("add", &numbers[0]), 3);
		ck_assert_float_eq(ask_sum("look", NULL), 3);
		ck_assert_float_eq(ask_sum("add", &numbers[1]), 7);
		ck_assert_float_eq(ask_sum("look", NULL), 7);
		ck_assert_int_eq(tfl_client_reset_session(client, session, &error), 0);
		ck_assert_float_eq(ask_sum("look", NULL), 0);
		ck_assert_float_eq(ask_sum("add", &numbers[1]), 4);
		ck_assert_int_eq(tfl_client_close_session(client, session, &error), 0);
	}
}
END_TEST

START_TEST(signatures_in_a_session)
{
	uint64_t session;

	ck_assert_int_eq(tfl_client_open_session(client, "three", NULL, &session, &error), 0);
	tfl_infer_set_session(infer, session);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(tfl_infer_set_signature(infer, "square"), 0);
		expect(1 + (int32_t)i, square);
		ck_assert_int_eq(tfl_infer_set_signature(infer, NULL), 0);
		expect(3, negative);
	}
	ck_assert_int_eq(tfl_client_close_session(client, session, &error), 0);
}
END_TEST

static void expect_text(const char *words)
{
	ck_assert_msg(result.status == 0 && strstr(result.out, words), "%s%s", result.out, result.err);
}

START_TEST(by_tflctl)
{
	static const float numbers[3 * COLUMNS] = {1, 2, 3, 4, 5, 6};
	char path[128], out[128], named[160];
	json_t *json;
	FILE *file;

	snprintf(path, sizeof(path), "%s/in", tfld.folder);
	snprintf(out, sizeof(out), "%s/out.npy", tfld.folder);
	snprintf(named, sizeof(named), "in=%s", path);
	file = fopen(path, "w");
	ck_assert_uint_eq(fwrite(numbers, sizeof(float), 3 * COLUMNS, file), 3 * COLUMNS);
	fclose(file);
	TFLCTL("infer", "three", "--signature", "square", "--in", named, "--out", out);
	expect_text("out  float32 [3, 2]  (three@1, ");
	expect_text("\n  values 1 4 9 16 25 36\n");
	TFLCTL("infer", "three", "--in", out); /* the array that was written has its shape with it */
	expect_text("\n  values -1 -4 -9 -16 -25 -36\n");
	TFLCTL("infer", "three", "--signature", "odd", "--in", path);
	ck_assert_msg(result.status == 1 && strstr(result.err, "tflctl: signature 'odd' of three cannot be run: ") && strstr(result.err, "Oddity"),
		      "%s", result.err);
	TFLCTL("describe", "three");
	expect_text("\nsignatures negate: in → out (and without a name)\n           square: in → out\n           odd: cannot be run: ");
	expect_text("\n  0  negate_in  float32  [1, 2]  8 B  as in\n     [-1, 2]: -1 is any size\n");
	expect_text("\noutputs of square\n  0  square_out  float32  [1, 2]  8 B  as out\n     [-1, 2]: -1 follows the inputs\n");
	TFLCTL("bench", "three", "--signature", "square", "--in", path, "--duration", "100ms", "--json");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	json = json_of_output();
	ck_assert_str_eq(json_string_value(json_object_get(json, "signature")), "square");
	json_decref(json);
	TFLCTL("bench", "three", "--signature", "square", "--duration", "100ms");
	expect_text("three@1, signature square, inputs: random, closed loop, 1 connection;");
	TFLCTL("--complete", "infer", "three", "--signature", "");
	expect_text("negate\nsquare\n");
}
END_TEST

Suite *signature_system_suite(void)
{
	Suite *suite = suite_create("signature");
	TCase *tcase = tcase_create("signature");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, one_request_after_the_other);
	tcase_add_test(tcase, tensors_by_any_name);
	tcase_add_test(tcase, what_is_refused);
	tcase_add_test(tcase, signatures_in_a_session);
	tcase_add_test(tcase, a_session_has_one_state);
	tcase_add_test(tcase, by_tflctl);
	suite_add_tcase(suite, tcase);
	return suite;
}
