/* SPDX-License-Identifier: MIT */
/*
 * tflctl inspect, as it is typed: files that run, files that do not, files that are none. No daemon is anywhere near.
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/schema.h"
#include "tests/builder/builder.h"
#include "tests/builder/mobilenet.h"
#include "tests/client/ctl_suites.h"
#include "tests/client/run.h"
#include "tests/runtime/metadata_sample.h"

#define WIDTH 100

static char folder[64], path[96];

static void setup(void)
{
	strcpy(folder, "/tmp/tflctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/model.tflite", folder);
	setenv("TFL_SOCKET", "/tmp/there-is-no-daemon.sock", 1);
}

static void teardown(void)
{
	unlink(path);
	rmdir(folder);
}

static void save(const void *data, size_t size)
{
	FILE *file = fopen(path, "w");

	ck_assert_uint_eq(fwrite(data, 1, size, file), size);
	fclose(file);
}

static void save_builder(struct tfl_builder *b)
{
	uint8_t *data = NULL;
	size_t size;

	ck_assert_int_eq(tfl_build_finish(b, &data, &size), 0);
	tfl_build_destroy(b);
	save(data, size);
	free(data);
}

static void save_tiny(bool int8)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_net net = {0};

	ck_assert_int_eq(tfl_net_tiny(&net, 1), 0);
	ck_assert_int_eq(tfl_net_emit(&net, int8, b), 0);
	tfl_net_finish(&net);
	save_builder(b);
}

/* A chain of @count operators: RELU as a rule, each tenth of another kind, and one custom operator where @broken. */
static void save_chain(int count, bool broken)
{
	static const uint32_t others[] = {TFL_BUILTIN_LOGISTIC, TFL_BUILTIN_RELU6, TFL_BUILTIN_SOFTMAX, TFL_BUILTIN_LOG_SOFTMAX};
	struct tfl_builder *b = tfl_build_create();
	int x = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(1, 8)}), first = x;

	for (int i = 0; i < count; i++) {
		bool custom = broken && i == count / 2;
		int y = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "a_long_name_of_a_tensor/as/converters/like/to/make/them",
								       .dims = TFL_INTS(1, 8)});

		tfl_build_operator(b, &(struct tfl_build_operator){
			.code = custom ? TFL_BUILTIN_CUSTOM : i % 10 == 9 ? others[i / 10 % 4] : TFL_BUILTIN_RELU,
			.custom_name = custom ? "Sharpen\033[2J" : NULL,
			.inputs = TFL_INTS(x), .outputs = TFL_INTS(y),
			.options = i % 10 == 9 && i / 10 % 4 == 2 ? tfl_options_softmax(1) : (struct tfl_build_options){0}});
		x = y;
	}
	tfl_build_io(b, TFL_INTS(first), TFL_INTS(x));
	save_builder(b);
}

static unsigned count_lines(void)
{
	unsigned lines = 0, column = 0;

	for (const char *c = result.out; *c; c++) {
		column = *c == '\n' ? 0 : column + (((unsigned char)*c & 0xc0) != 0x80);
		lines += *c == '\n';
		ck_assert_msg(column <= WIDTH, "%.*s", WIDTH, c - WIDTH + 1);
	}
	return lines;
}

static void expect_lines(const char *const *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(strstr(result.out, lines[i]), "\"%s\" is not in\n%.3000s", lines[i], result.out);
}

#define EXPECT_LINES(...) \
	expect_lines((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

START_TEST(a_model_that_runs)
{
	save_tiny(_i == 1);
	TFLCTL("inspect", path);
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	ck_assert_str_eq(result.err, "");
	ck_assert_int_eq(strncmp(result.out, "model.tflite  ", 14), 0);
	EXPECT_LINES(_i == 1 ? " KiB, int8, 4 operators\n" : " KiB, float32, 4 operators\n", "\nruns       yes, in ", "\nmemory     ",
		     " (measured)\n", "\nwork       512 multiply-adds an inference\n", "\nsignatures serving_default: ",
		     "\n  COUNT     WORK  OPERATOR         VERSION  RUNS IN", "\n      2  100.0 %  FULLY_CONNECTED", "\ninputs\n  0  ",
		     "\noutputs\n  0  ", "scores of classes");
	ck_assert_ptr_null(strstr(result.out, "not supported"));
	count_lines();
}
END_TEST

START_TEST(a_model_that_does_not)
{
	save_chain(5, true);
	TFLCTL("inspect", path);
	ck_assert_int_eq(result.status, 1);
	ck_assert_str_eq(result.err, "");
	EXPECT_LINES("\nruns       no: 1 of its operators is not supported (below)\n", "(estimated", "\n      4  ", "RELU",
		     "\nnot supported\n      1  custom Sharpen?[2J version 1 (float32 → float32)\n         A custom operator is code of ");
	ck_assert_ptr_null(strchr(result.out, '\033'));
	count_lines();
}
END_TEST

START_TEST(six_hundred_operators)
{
	save_chain(600, _i == 1);
	TFLCTL("inspect", path);
	ck_assert_int_eq(result.status, _i);
	ck_assert_uint_lt(count_lines(), 60);
	TFLCTL("inspect", path, "--operators");
	ck_assert_int_eq(result.status, _i);
	ck_assert_uint_gt(count_lines(), 600);
	EXPECT_LINES("\n    0  RELU         XNNPACK   ", "float32 [1, 8] → float32 [1, 8]\n");
	TFLCTL("inspect", path, "--tensors");
	ck_assert_uint_gt(count_lines(), 601);
	EXPECT_LINES("\n    0  x                       float32  [1, 8]  32 B  input\n", "\n    1  a_long_nam…o/make/them  float32  [1, 8]  32 B\n");
}
END_TEST

/* The same operator in two places: one line for each fate. */
START_TEST(one_kind_with_two_fates)
{
	static const float values[2] = {1, -1};
	struct tfl_builder *b = tfl_build_create();
	int x = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(2)}), y, z;

	y = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "y", .dims = TFL_INTS(2), .data = values, .data_size = sizeof(values)});
	for (int i = 0; i < 3; i++) {
		z = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "z", .dims = TFL_INTS(2)});
		tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_RELU, .inputs = TFL_INTS(i == 0 ? y : x),
								   .outputs = TFL_INTS(z)});
		x = i == 0 ? x : z;
	}
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(x));
	save_builder(b);
	TFLCTL("inspect", path);
	EXPECT_LINES("\n      2    RELU            1  XNNPACK  float32 → float32\n", "\n      1    RELU            1  at load  float32 → float32\n");
}
END_TEST

/* Two graphs that run, with a free dimension, and one that has the operator of save_chain(): the model runs, that signature does not. */
START_TEST(signatures_that_run_and_do_not)
{
	static const char *const keys[] = {"plain", "sharp", "other"};
	const struct tfl_build_binding in = {"left", 0}, out = {"right", 1};
	struct tfl_builder *b = tfl_build_create();
	json_t *json, *signature;

	for (uint32_t i = 0; i < 3; i++) {
		if (i > 0)
			tfl_build_subgraph(b, "second");
		for (unsigned k = 0; k < 2; k++)
			tfl_build_tensor(b, &(struct tfl_build_tensor){.name = k ? "y" : "x", .dims = TFL_INTS(1, 8), .signature = TFL_INTS(-1, 8)});
		tfl_build_operator(b, &(struct tfl_build_operator){.code = i == 1 ? TFL_BUILTIN_CUSTOM : TFL_BUILTIN_RELU, .custom_name = i == 1 ? "Sharpen" : NULL,
								   .inputs = TFL_INTS(0), .outputs = TFL_INTS(1)});
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
		tfl_build_signature(b, &(struct tfl_build_signature){.key = keys[i], .subgraph = i, .inputs = &in, .outputs = &out,
								     .input_count = 1, .output_count = 1});
	}
	save_builder(b);
	TFLCTL("inspect", path);
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	EXPECT_LINES("\nruns       yes, ", "\nsignatures plain: left → right\n           sharp: cannot be run: operator 0 ", "Sharpen",
		     "\n  0  x  float32  [1, 8]  32 B  as left\n     [-1, 8]: -1 is any size\n",
		     "\n  0  y  float32  [1, 8]  32 B  as right\n     [-1, 8]: -1 follows the inputs\n",
		     "\n           other: left → right (subgraph 2)\n", "\ninputs of other\n  0  x  float32  [1, 8]  32 B  as left\n");
	ck_assert_ptr_null(strstr(result.out, " of plain"));
	ck_assert_ptr_null(strstr(result.out, " of sharp"));
	count_lines();
	TFLCTL("inspect", path, "--json");
	json = json_of_output();
	signature = json_array_get(json_object_get(json, "signatures"), 1);
	ck_assert(json_is_true(json_object_get(json_array_get(json_object_get(json, "signatures"), 0), "runs")));
	ck_assert(json_is_null(json_object_get(json_array_get(json_object_get(json, "signatures"), 0), "reason")));
	ck_assert(json_is_false(json_object_get(signature, "runs")));
	ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(signature, "reason")), "Sharpen"));
	json_decref(json);
}
END_TEST

/* More kinds than a screen has lines. */
START_TEST(many_kinds)
{
	struct tfl_builder *b = tfl_build_create();
	int x = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(2)});
	char name[16];
	json_t *json;

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "Kind%02d", i);
		tfl_build_operator(b, &(struct tfl_build_operator){
			.code = TFL_BUILTIN_CUSTOM, .custom_name = name, .inputs = TFL_INTS(x),
			.outputs = TFL_INTS(tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "y", .dims = TFL_INTS(2)}))});
	}
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(1));
	save_builder(b);
	TFLCTL("inspect", path);
	ck_assert_int_eq(result.status, 1);
	EXPECT_LINES("\n  … and 18 kinds more; --operators lists all\n", "\n  … and 30 kinds more; --json has all\n");
	ck_assert_uint_lt(count_lines(), 80);
	TFLCTL("inspect", path, "--json");
	json = json_of_output();
	ck_assert_uint_eq(json_array_size(json_object_get(json, "operators")), 50);
	json_decref(json);
}
END_TEST

START_TEST(as_json)
{
	json_t *json, *group;

	save_chain(20, _i == 1);
	TFLCTL("inspect", "--json", path);
	ck_assert_int_eq(result.status, _i);
	json = json_of_output();
	ck_assert_int_eq(json_is_true(json_object_get(json, "runs")), _i == 0);
	ck_assert_int_eq(json_is_null(json_object_get(json, "reason")), _i == 0);
	ck_assert_str_eq(json_string_value(json_object_get(json, "file")), path);
	ck_assert_str_eq(json_string_value(json_object_get(json, "quantization")), "float32");
	ck_assert_int_eq(json_is_true(json_object_get(json_object_get(json, "memory"), "measured")), _i == 0);
	ck_assert_ptr_null(json_object_get(json, "tensors"));
	ck_assert_ptr_null(json_object_get(json, "operator_list"));
	ck_assert_uint_eq(json_array_size(json_object_get(json, "inputs")), 1);
	group = json_array_get(json_object_get(json, "operators"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(group, "operator")), "RELU");
	ck_assert_int_eq(json_integer_value(json_object_get(group, "count")), _i == 0 ? 18 : 17);
	ck_assert_str_eq(json_string_value(json_object_get(group, "types")), "float32 → float32");
	for (size_t i = 0; i < json_array_size(json_object_get(json, "operators")); i++) {
		group = json_array_get(json_object_get(json, "operators"), i);
		if (json_is_true(json_object_get(group, "custom")))
			ck_assert_str_eq(json_string_value(json_object_get(group, "cause")), "custom_operator");
	}
	json_decref(json);
	TFLCTL("inspect", "--json", path, "--operators", "--tensors");
	json = json_of_output();
	ck_assert_uint_eq(json_array_size(json_object_get(json, "tensors")), 21);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "operator_list")), 20);
	group = json_array_get(json_object_get(json, "operator_list"), 3);
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(group, "inputs"), 0)), 3);
	json_decref(json);
}
END_TEST

START_TEST(metadata)
{
	size_t size;
	uint8_t *data = sample_metadata(&(struct metadata_wrong){.text = _i == 0 ? NULL : "\377"}, &size);
	json_t *json;

	save(data, size);
	free(data);
	TFLCTL("inspect", path);
	ck_assert_int_eq(result.status, 1); /* the operator is a made-up one */
	if (_i == 0)
		EXPECT_LINES("\nabout      Eyes and ears: Finds things and hears them.\n", "version v2, by Somebody, licence: MIT\n");
	else
		EXPECT_LINES("\nmetadata   broken: name: is no text in UTF-8\n");
	EXPECT_LINES("picture: picture, colour, 640 x 480 unless the caller says otherwise; mean 1 2 3, std 4 4 4;\n"
		     "     values from -1 to 255 254; dimensions: batch, height, width, colour\n",
		     "bounding boxes: top, left, bottom, right, in pixels\n", "2 labels: cat; dog; in languages: en de\n");
	count_lines();
	TFLCTL("inspect", path, "--json");
	json = json_of_output();
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(json, "metadata"), "author")), "Somebody");
	json_decref(json);
}
END_TEST

START_TEST(files_that_are_no_models)
{
	char expected[256];

	TFLCTL("inspect", path);
	ck_assert_int_eq(result.status, 1);
	snprintf(expected, sizeof(expected), "tflctl: %s: No such file or directory\n", path);
	ck_assert_str_eq(result.err, expected);
	TFLCTL("inspect", folder);
	ck_assert_int_eq(result.status, 1);
	snprintf(expected, sizeof(expected), "tflctl: %s is a folder, expected a regular file\n", folder);
	ck_assert_str_eq(result.err, expected);
	save("", 0);
	TFLCTL("inspect", path);
	ck_assert_int_eq(result.status, 1);
	ck_assert_msg(strstr(result.err, "model.tflite: is no model: 0 bytes"), "%s", result.err);
	save("#!/bin/sh\necho no model\n", 24);
	TFLCTL("inspect", path);
	ck_assert_msg(strstr(result.err, "model.tflite: is no .tflite file: "), "%s", result.err);
	ck_assert_str_eq(result.out, "");
	TFLCTL("inspect", path, "--json");
	ck_assert_int_eq(result.status, 1);
	json_decref(json_of_output());
	TFLCTL("inspect");
	ck_assert_int_eq(result.status, 2);
	ck_assert_msg(strstr(result.err, "inspect needs FILE"), "%s", result.err);
}
END_TEST

START_TEST(damaged_files)
{
	uint8_t *data;
	size_t size;
	FILE *file;

	save_tiny(false);
	file = fopen(path, "r");
	data = malloc(1 << 20);
	size = fread(data, 1, 1 << 20, file);
	fclose(file);
	for (size_t cut = 1; cut < 8; cut++) {
		save(data, size * cut / 8);
		TFLCTL("inspect", path);
		ck_assert_int_eq(result.status, 1);
		ck_assert_uint_gt(strlen(result.err), strlen(path) + 20);
	}
	free(data);
}
END_TEST

/* Standard input is a file too, and named as what it is. */
START_TEST(standard_input)
{
	int saved = dup(STDIN_FILENO), fd;

	save_tiny(false);
	fd = open(path, O_RDONLY);
	dup2(fd, STDIN_FILENO);
	TFLCTL("inspect", "-");
	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_int_eq(strncmp(result.out, "standard input  ", 16), 0);
	TFLCTL("inspect", "-"); /* at its end */
	ck_assert_int_eq(result.status, 1);
	ck_assert_str_eq(result.err, "tflctl: standard input: is no model: 0 bytes, but a .tflite file has at least 8\n");
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fd);
}
END_TEST

Suite *inspect_suite(void)
{
	Suite *suite = suite_create("inspect");
	TCase *tcase = tcase_create("inspect");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_model_that_runs, 0, 2);
	tcase_add_test(tcase, a_model_that_does_not);
	tcase_add_loop_test(tcase, six_hundred_operators, 0, 2);
	tcase_add_test(tcase, one_kind_with_two_fates);
	tcase_add_test(tcase, signatures_that_run_and_do_not);
	tcase_add_test(tcase, many_kinds);
	tcase_add_loop_test(tcase, as_json, 0, 2);
	tcase_add_loop_test(tcase, metadata, 0, 2);
	tcase_add_test(tcase, files_that_are_no_models);
	tcase_add_test(tcase, damaged_files);
	tcase_add_test(tcase, standard_input);
	suite_add_tcase(suite, tcase);
	return suite;
}
