/* SPDX-License-Identifier: MIT */
/*
 * tflctl validate: the digits models against each other and against themselves, a model that answers NaN, limits, samples of every kind,
 * and what cannot be compared.
 */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/npy.h"
#include "tests/builder/builder.h"
#include "tests/builder/flexwriter.h"
#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"

static struct daemon tfld;
static char float_model[256], int8_model[256], pictures[256];

static void setup(void)
{
	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
	snprintf(float_model, sizeof(float_model), "%s/digits-float32.tflite", getenv("DIGITS"));
	snprintf(int8_model, sizeof(int8_model), "%s/digits-int8.tflite", getenv("DIGITS"));
	snprintf(pictures, sizeof(pictures), "%s/pictures", getenv("DIGITS"));
}

static void teardown(void)
{
	daemon_finish(&tfld);
}

static const char *in_folder(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", tfld.folder, name);
	return path;
}

/* Square roots of four numbers, from -1 to 1: half of them are none. With @p abs, of their magnitudes. */
static const char *make_roots(const char *name, bool abs)
{
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_ints dims = {(const int32_t[]){1, 4}, 2};
	const char *path = in_folder(name);
	uint8_t *data;
	size_t size;

	for (unsigned i = 0; i < 3; i++)
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = (const char *[]){"in", "between", "out"}[i], .dims = dims});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = abs ? TFL_BUILTIN_ABS : TFL_BUILTIN_NEG, .inputs = TFL_INTS(0),
								 .outputs = TFL_INTS(1)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SQRT, .inputs = TFL_INTS(1), .outputs = TFL_INTS(2)});
	tfl_build_io(builder, TFL_INTS(0), TFL_INTS(2));
	ck_assert_int_eq(tfl_build_finish(builder, &data, &size), 0);
	ck_assert_int_eq(tfl_build_save(path, data, size), 0);
	tfl_build_destroy(builder);
	free(data);
	return path;
}

/* Boxes [1, 3, 4], their classes [1, 3], scores [1, 3] and count [1]. */
static const char *make_detector(const char *name)
{
	static const struct tfl_flexw_entry entries[] = {
		{"max_detections", TFL_FLEXW_INT, 3, 0},         {"max_classes_per_detection", TFL_FLEXW_INT, 1, 0},
		{"num_classes", TFL_FLEXW_INT, 2, 0},            {"nms_score_threshold", TFL_FLEXW_REAL, 0, 0.1},
		{"nms_iou_threshold", TFL_FLEXW_REAL, 0, 0.5},   {"y_scale", TFL_FLEXW_REAL, 0, 10},
		{"x_scale", TFL_FLEXW_REAL, 0, 10},              {"h_scale", TFL_FLEXW_REAL, 0, 5},
		{"w_scale", TFL_FLEXW_REAL, 0, 5},
	};
	static const float encodings[5 * 4], anchors[5 * 4] = {1, 1, 1, 1, 3, 1, 1, 1, 5, 1, 1, 1, 7, 1, 1, 1, 9, 1, 1, 1};
	struct tfl_builder *builder = tfl_build_create();
	const char *path = in_folder(name);
	uint8_t options[512], *data;
	size_t size;

	tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "e", .dims = TFL_INTS(1, 5, 4), .data = encodings, .data_size = sizeof(encodings)});
	tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "s", .dims = TFL_INTS(1, 5, 2)});
	tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "a", .dims = TFL_INTS(5, 4), .data = anchors, .data_size = sizeof(anchors)});
	for (int i = 0; i < 4; i++)
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "out", .dims = TFL_INTS(1)});
	size = tfl_flexw_map(entries, sizeof(entries) / sizeof(entries[0]), 8, 2, options, sizeof(options));
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUSTOM,
								 .custom_name = "TFLite_Detection_PostProcess",
								 .inputs = TFL_INTS(0, 1, 2),
								 .outputs = TFL_INTS(3, 4, 5, 6),
								 .custom_options = options,
								 .custom_options_size = size});
	tfl_build_io(builder, TFL_INTS(1), TFL_INTS(3, 4, 5, 6));
	ck_assert_int_eq(tfl_build_finish(builder, &data, &size), 0);
	ck_assert_int_eq(tfl_build_save(path, data, size), 0);
	tfl_build_destroy(builder);
	free(data);
	return path;
}

static json_t *report(void)
{
	json_t *json = json_loads(result.out, 0, NULL);

	ck_assert_msg(json, "%s%s", result.out, result.err);
	return json;
}

static double number(json_t *json, const char *key)
{
	return json_number_value(json_object_get(json_array_get(json_object_get(json, "outputs"), 0), key));
}

START_TEST(a_quantised_model_beside_its_origin)
{
	json_t *json;

	TFLCTL("validate", int8_model, "--against", float_model, "--samples", pictures, "--json");
	json = report();
	ck_assert(json_is_true(json_object_get(json, "valid")) && json_is_false(json_object_get(json, "made_up")));
	ck_assert_double_eq(json_number_value(json_object_get(json, "samples")), 11);
	ck_assert_double_eq(number(json, "rows"), 11);
	ck_assert_double_ge(number(json, "agreed"), 10);
	ck_assert_double_lt(number(json, "largest_difference"), 0.1);
	ck_assert_double_gt(number(json, "largest_difference"), 0);
	json_decref(json);
	ck_assert_int_eq(result.status, 0);
	TFLCTL("validate", int8_model, "--against", float_model, "--samples", pictures, "--max-difference", "1e-6");
	ck_assert_msg(result.status == 1 && strstr(result.out, "they differ too much") && strstr(result.out, "\nnot valid\n"), "%s", result.out);
}
END_TEST

START_TEST(a_model_beside_itself)
{
	json_t *json;

	TFLCTL("validate", int8_model, "--against", int8_model, "--count", "50", "--min-agreement", "100", "--max-difference", "0", "--json");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	json = report();
	ck_assert_double_eq(number(json, "agreed"), 50);
	ck_assert_double_eq(number(json, "largest_difference"), 0);
	json_decref(json);
	TFLCTL("validate", int8_model, "--against", int8_model);
	ck_assert_msg(strstr(result.out, "on 100 pictures of noise\n") && strstr(result.out, "\nvalid\n"), "%s", result.out);
}
END_TEST

START_TEST(a_model_that_answers_nan)
{
	const char *good = make_roots("good.tflite", true), *bad = make_roots("bad.tflite", false);

	TFLCTL("validate", bad, "--against", good);
	ck_assert_msg(result.status == 1 && strstr(result.out, "none here (NaN or infinite)"), "%s%s", result.out, result.err);
	TFLCTL("validate", good, "--against", good);
	ck_assert_msg(result.status == 0 && strstr(result.out, "on 100 random inputs\n"), "%s%s", result.out, result.err);
	TFLCTL("validate", good, "--against", int8_model);
	ck_assert_msg(result.status == 1 && strstr(result.err, "inputs of other shapes"), "%s%s", result.out, result.err);
	TFLCTL("validate", good, "--against", good, "--samples", pictures);
	ck_assert_msg(result.status == 1 && strstr(result.err, "is a picture, and the model takes none"), "%s%s", result.out, result.err);
}
END_TEST

/* The greatest of a box's corners is no class. */
START_TEST(a_detector_has_no_rows_of_scores)
{
	const char *detector = make_detector("detector.tflite");
	json_t *json, *output;
	size_t i;

	TFLCTL("validate", detector, "--against", detector, "--count", "1", "--min-agreement", "100", "--json");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	json = report();
	ck_assert_uint_eq(json_array_size(json_object_get(json, "outputs")), 4);
	json_array_foreach(json_object_get(json, "outputs"), i, output)
		ck_assert_int_eq(json_integer_value(json_object_get(output, "rows")), 0);
	/* One sample, and still a time. */
	ck_assert_int_gt(json_integer_value(json_object_get(json_object_get(json_object_get(json, "new"), "compute"), "p50_ns")), 0);
	json_decref(json);
}
END_TEST

static void save_array(const char *name, enum tfl_dtype dtype, const int32_t *dims, uint32_t rank, const void *data, size_t bytes)
{
	struct tfl_npy array = {.dtype = dtype, .rank = rank, .data = data, .bytes = bytes};
	FILE *file = fopen(in_folder(name), "wb");

	memcpy(array.dims, dims, rank * sizeof(dims[0]));
	ck_assert_int_eq(tfl_npy_write(file, &array), 0);
	fclose(file);
}

START_TEST(samples_of_every_kind)
{
	static const float numbers[4] = {1, 4, 9, -16};
	static uint8_t pixels[28 * 28];
	const char *roots = make_roots("roots.tflite", true);
	json_t *json;

	save_array("numbers.npy", TFL_FLOAT32, (int32_t[]){1, 4}, 2, numbers, sizeof(numbers));
	TFLCTL("validate", roots, "--against", roots, "--samples", in_folder("numbers.npy"), "--json");
	json = report();
	ck_assert_double_eq(json_number_value(json_object_get(json, "samples")), 1);
	json_decref(json);
	for (unsigned i = 0; i < sizeof(pixels); i++)
		pixels[i] = (uint8_t)(i * 7);
	mkdir(in_folder("samples"), 0755);
	save_array("samples/a.npy", TFL_UINT8, (int32_t[]){28, 28}, 2, pixels, sizeof(pixels));
	TFLCTL("validate", int8_model, "--against", float_model, "--samples", in_folder("samples"), "--samples", pictures);
	ck_assert_msg(result.status == 0 && strstr(result.out, "on 12 samples\n"), "%s%s", result.out, result.err);
	save_array("samples/b.npy", TFL_UINT8, (int32_t[]){28, 27}, 2, pixels, 28 * 27);
	TFLCTL("validate", int8_model, "--against", float_model, "--samples", in_folder("samples"));
	ck_assert_msg(result.status == 1 && strstr(result.err, "b.npy is no sample: 784 numbers are needed"), "%s%s", result.out, result.err);
	mkdir(in_folder("empty"), 0755);
	TFLCTL("validate", int8_model, "--against", float_model, "--samples", in_folder("empty"));
	ck_assert_msg(result.status == 1 && strstr(result.err, "has no pictures"), "%s%s", result.out, result.err);
}
END_TEST

/* [any, 2] to the same, by @p code; with @p found, those of the numbers for which @p code holds, in one row. */
static const char *make_rows(const char *name, uint32_t code, bool found)
{
	static const float zeros[2] = {0};
	struct tfl_builder *builder = tfl_build_create();
	const char *path = in_folder(name);
	uint8_t *data;
	size_t size;

	for (unsigned i = 0; i < 2; i++)
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = i ? "out" : "in", .dims = TFL_INTS(1, 2), .signature = TFL_INTS(-1, 2)});
	if (found) {
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "zeros", .dims = TFL_INTS(2), .data = zeros, .data_size = sizeof(zeros)});
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "which", .dtype = TFL_BOOL, .dims = TFL_INTS(1, 2), .signature = TFL_INTS(-1, 2)});
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "where", .dtype = TFL_INT64, .dims = TFL_INTS(1, 2), .signature = TFL_INTS(-1, 2)});
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "found", .dims = TFL_INTS(1), .signature = TFL_INTS(-1)});
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = code, .inputs = TFL_INTS(0, 2), .outputs = TFL_INTS(3)});
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_WHERE, .inputs = TFL_INTS(3), .outputs = TFL_INTS(4)});
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_GATHER_ND, .inputs = TFL_INTS(0, 4), .outputs = TFL_INTS(5)});
	} else {
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = code, .inputs = TFL_INTS(0), .outputs = TFL_INTS(1)});
	}
	tfl_build_io(builder, TFL_INTS(0), found ? (struct tfl_ints)TFL_INTS(5) : (struct tfl_ints)TFL_INTS(1));
	ck_assert_int_eq(tfl_build_finish(builder, &data, &size), 0);
	ck_assert_int_eq(tfl_build_save(path, data, size), 0);
	tfl_build_destroy(builder);
	free(data);
	return path;
}

static void save_rows(const char *name, int32_t rows)
{
	static const float numbers[2 * 9] = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16, 17, -18};

	save_array(name, TFL_FLOAT32, (int32_t[]){rows, 2}, 2, numbers, (size_t)rows * 2 * sizeof(float));
}

/* Each sample has a size of its own, also where the next one is smaller. */
START_TEST(samples_of_every_size)
{
	char one[128], other[128];
	json_t *json;

	strcpy(one, make_rows("one.tflite", TFL_BUILTIN_NEG, false));
	strcpy(other, make_rows("other.tflite", TFL_BUILTIN_ABS, false));
	mkdir(in_folder("rows"), 0755);
	save_rows("rows/a.npy", 3);
	save_rows("rows/b.npy", 9);
	save_rows("rows/c.npy", 1);
	TFLCTL("validate", one, "--against", one, "--samples", in_folder("rows"), "--max-difference", "0", "--json");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	json = report();
	ck_assert_double_eq(number(json, "rows"), 3 + 9 + 1);
	ck_assert_double_eq(number(json, "reshaped"), 0);
	json_decref(json);
	TFLCTL("validate", one, "--against", other, "--samples", in_folder("rows"), "--json");
	json = report();
	ck_assert_double_eq(number(json, "largest_difference"), 2 * 17); /* in the last row of the largest one */
	json_decref(json);
	save_array("rows/d.npy", TFL_FLOAT32, (int32_t[]){2, 3}, 2, (const float[6]){0}, 6 * sizeof(float));
	TFLCTL("validate", one, "--against", one, "--samples", in_folder("rows"));
	ck_assert_msg(result.status == 1 && strstr(result.err, "d.npy is no sample: input 'in' cannot have its shape, [2, 3], or its type"),
		      "%s%s", result.out, result.err);
}
END_TEST

START_TEST(answers_of_every_size)
{
	const char *above = make_rows("above.tflite", TFL_BUILTIN_GREATER, true), *below = make_rows("below.tflite", TFL_BUILTIN_LESS, true);
	const char *path = in_folder("rows.npy");
	json_t *json;

	save_array("rows.npy", TFL_FLOAT32, (int32_t[]){2, 2}, 2, (const float[]){1, -2, 3, 4}, 4 * sizeof(float));
	TFLCTL("validate", above, "--against", above, "--samples", path);
	ck_assert_msg(result.status == 0 && strstr(result.out, "\nvalid\n"), "%s%s", result.out, result.err);
	TFLCTL("validate", above, "--against", below, "--samples", path);
	ck_assert_msg(result.status == 1 && strstr(result.out, "they have different shapes\n") && strstr(result.out, "\nnot valid\n"), "%s%s",
		      result.out, result.err);
	daemon_start(&tfld, NULL);
	TFLCTL("load", "below", below);
	TFLCTL("validate", above, "--against", "below", "--samples", path, "--json");
	json = report();
	ck_assert_double_eq(number(json, "reshaped"), 1);
	json_decref(json);
	daemon_stop(&tfld);
	daemon_prepare(&tfld);
}
END_TEST

/* What was recorded has the shapes that it came with. */
START_TEST(recorded_requests_of_every_size)
{
	static const char *const names[] = {"a.npy", "b.npy", "c.npy"};
	const char *model = make_rows("model.tflite", TFL_BUILTIN_NEG, false);
	unsigned tries = 0;
	json_t *json;

	daemon_start(&tfld, NULL);
	TFLCTL("load", "m", model);
	TFLCTL("record", "m", "--count", "3", "--detach");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	for (unsigned i = 0; i < 3; i++) {
		save_rows(names[i], 1 + 4 * (int32_t)i);
		TFLCTL("infer", "m", "--in", in_folder(names[i]));
		ck_assert_msg(result.status == 0, "%s", result.err);
	}
	do {
		TFLCTL("record", "m", "--status");
		usleep(10000);
	} while (!strstr(result.out, "3 of 3 kept") && tries++ < 3000);
	TFLCTL("validate", in_folder("model.tflite"), "--against", "m", "--max-difference", "0", "--json");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	json = report();
	ck_assert(json_is_true(json_object_get(json, "recorded")));
	ck_assert_double_eq(json_number_value(json_object_get(json, "samples")), 3);
	ck_assert_double_eq(number(json, "rows"), 1 + 5 + 9);
	json_decref(json);
	daemon_stop(&tfld);
	daemon_prepare(&tfld);
}
END_TEST

START_TEST(against_one_that_is_served)
{
	daemon_start(&tfld, NULL);
	TFLCTL("load", "digits", float_model);
	TFLCTL("validate", int8_model, "--against", "digits", "--samples", pictures, "--min-agreement", "90");
	ck_assert_msg(result.status == 0 && strncmp(result.out, "digits-int8.tflite against digits@1, on 11 samples\n", 51) == 0, "%s%s", result.out,
		      result.err);
	/* It is the same network here and there. */
	TFLCTL("validate", float_model, "--against", "digits@1", "--max-difference", "0", "--count", "20");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	TFLCTL("validate", int8_model, "--against", "nosuch");
	ck_assert_msg(result.status == 1 && strstr(result.err, "there is no model 'nosuch'"), "%s%s", result.out, result.err);
	daemon_stop(&tfld);
	daemon_prepare(&tfld);
}
END_TEST

START_TEST(what_is_typed_wrong)
{
	TFLCTL("validate", int8_model);
	ck_assert_msg(result.status == 2 && strstr(result.err, "--against is needed"), "%s", result.err);
	TFLCTL("validate", int8_model, "--against", float_model, "--max-difference", "few");
	ck_assert_int_eq(result.status, 2);
	TFLCTL("validate", int8_model, "--against", float_model, "--count", "3", "--samples", pictures);
	ck_assert_int_eq(result.status, 2);
	TFLCTL("validate", "/no/such.tflite", "--against", float_model);
	ck_assert_msg(result.status == 1 && strstr(result.err, "/no/such.tflite"), "%s", result.err);
	TFLCTL("validate", pictures, "--against", float_model);
	ck_assert_int_eq(result.status, 1);
}
END_TEST

Suite *validate_suite(void)
{
	Suite *suite = suite_create("validate");
	TCase *tcase = tcase_create("validate");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_quantised_model_beside_its_origin);
	tcase_add_test(tcase, a_model_beside_itself);
	tcase_add_test(tcase, a_model_that_answers_nan);
	tcase_add_test(tcase, a_detector_has_no_rows_of_scores);
	tcase_add_test(tcase, samples_of_every_kind);
	tcase_add_test(tcase, samples_of_every_size);
	tcase_add_test(tcase, answers_of_every_size);
	tcase_add_test(tcase, recorded_requests_of_every_size);
	tcase_add_test(tcase, against_one_that_is_served);
	tcase_add_test(tcase, what_is_typed_wrong);
	suite_add_tcase(suite, tcase);
	return suite;
}
