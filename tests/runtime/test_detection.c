/* SPDX-License-Identifier: MIT */
/*
 * What the drawn cases of TFLite_Detection_PostProcess leave out: the order of equal scores, as std::partial_sort of the GNU library gives
 * it (the numbers here were taken from that), options that lie, anchors that are computed.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "runtime/kernel_top.h"
#include "tests/builder/flexwriter.h"
#include "tests/builder/random.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define BOXES 5
#define CLASSES 3

/* A model of disjoint boxes: each is its anchor. */
struct detector {
	int32_t max_detections, max_classes, per_class, classes;
	bool regular;
	bool computed_anchors;                  /* given at run time */
	const struct tfl_flexw_entry *replaced; /* this option instead of the one of its name; kind NULL leaves it out */
};

static uint32_t fill_options(const struct detector *detector, struct tfl_flexw_entry *ret_entries)
{
	const struct tfl_flexw_entry entries[] = {
		{"max_detections", TFL_FLEXW_INT, detector->max_detections, 0},
		{"max_classes_per_detection", TFL_FLEXW_INT, detector->max_classes, 0},
		{"detections_per_class", TFL_FLEXW_INT, detector->per_class, 0},
		{"num_classes", TFL_FLEXW_INT, detector->classes, 0},
		{"use_regular_nms", TFL_FLEXW_BOOL, detector->regular, 0},
		{"nms_score_threshold", TFL_FLEXW_REAL, 0, 0.5},
		{"nms_iou_threshold", TFL_FLEXW_REAL, 0, 0.5},
		{"y_scale", TFL_FLEXW_REAL, 0, 10},
		{"x_scale", TFL_FLEXW_REAL, 0, 10},
		{"h_scale", TFL_FLEXW_REAL, 0, 5},
		{"w_scale", TFL_FLEXW_REAL, 0, 5},
	};
	uint32_t count = 0;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(entries); i++) {
		bool other = detector->replaced && strcmp(detector->replaced->name, entries[i].name) == 0;

		if (!other || detector->replaced->kind != TFL_FLEXW_NULL)
			ret_entries[count++] = other ? *detector->replaced : entries[i];
	}
	return count;
}

static int32_t add_tensor(struct tfl_builder *builder, struct tfl_ints dims, const void *data)
{
	size_t elements = 1;

	for (uint32_t i = 0; i < dims.count; i++)
		elements *= (size_t)dims.values[i];
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){
						 .name = "t", .dims = dims, .data = data, .data_size = data ? elements * 4 : 0});
}

static int open_detector(const struct detector *detector, struct scene *scene)
{
	static const float encodings[BOXES * 4];
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_flexw_entry entries[16];
	int32_t inputs[3], outputs[4];
	uint8_t options[512];
	float anchors[BOXES][4];
	size_t size;

	for (int i = 0; i < BOXES; i++)
		memcpy(anchors[i], (float[]){(float)i * 2 + 0.5f, 0.5f, 1, 1}, sizeof(anchors[i]));
	inputs[0] = add_tensor(builder, TFL_INTS(1, BOXES, 4), encodings);
	inputs[1] = add_tensor(builder, TFL_INTS(1, BOXES, CLASSES), NULL);
	inputs[2] = add_tensor(builder, TFL_INTS(BOXES, 4), detector->computed_anchors ? NULL : anchors);
	for (int i = 0; i < 4; i++)
		outputs[i] = add_tensor(builder, TFL_INTS(1), NULL);
	size = tfl_flexw_map(entries, fill_options(detector, entries), 8, 2, options, sizeof(options));
	ck_assert_uint_ne(size, 0);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUSTOM,
								 .custom_name = "TFLite_Detection_PostProcess",
								 .inputs = {inputs, 3},
								 .outputs = {outputs, 4},
								 .custom_options = options,
								 .custom_options_size = size});
	tfl_build_io(builder, (struct tfl_ints){inputs + 1, detector->computed_anchors ? 2 : 1}, (struct tfl_ints){outputs, 4});
	return scene_open(scene, builder);
}

START_TEST(equal_elements_come_as_partial_sort_has_them)
{
	static const float values[] = {3, 1, 3, 2, 2, 3, 0, 1, 2, 3, 1, 2};
	static const struct {
		size_t top;
		int32_t indices[TFL_ARRAY_SIZE(values)];
	} rows[] = {
		{0, {0}},
		{1, {0}},
		{2, {2, 0}},
		{3, {5, 0, 2}},
		{5, {5, 0, 9, 2, 3}},
		{8, {0, 9, 5, 2, 11, 8, 3, 4}},
		{12, {0, 9, 5, 2, 3, 8, 4, 11, 7, 1, 10, 6}},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		int32_t indices[TFL_ARRAY_SIZE(values)];

		tfl_top(values, TFL_ARRAY_SIZE(values), rows[i].top, tfl_before_float32, indices);
		ck_assert_msg(memcmp(indices, rows[i].indices, rows[i].top * sizeof(*indices)) == 0, "row %zu", i);
	}
}
END_TEST

START_TEST(stable_order_has_the_lower_index_first)
{
	struct tfl_random random = {5};

	for (int round = 0; round < 2000; round++) {
		size_t count = 1 + tfl_random_below(&random, 40), top = tfl_random_below(&random, (uint32_t)count + 1);
		int32_t indices[40];
		float values[40];

		for (size_t i = 0; i < count; i++)
			values[i] = (float)tfl_random_below(&random, 6);
		tfl_top(values, count, top, tfl_before_float32_stable, indices);
		for (size_t i = 0; i < top; i++) {
			size_t before = 0, at = (size_t)indices[i];

			for (size_t k = 0; k < count; k++)
				before += values[k] > values[at] || (values[k] == values[at] && k < at);
			ck_assert_uint_eq(before, i);
		}
	}
}
END_TEST

static void check_listed(const struct tfl_interpreter *interpreter, const int32_t (*listed)[2], size_t count, const char *what)
{
	const float *boxes = tfl_interpreter_output(interpreter, 0), *classes = tfl_interpreter_output(interpreter, 1);

	for (size_t i = 0; i < count; i++)
		if (boxes[4 * i] != (float)listed[i][0] * 2 || classes[i] != (float)listed[i][1])
			ck_abort_msg("%s: place %zu has the box at %g with class %g; box %d with class %d would be right", what, i,
				     (double)boxes[4 * i], (double)classes[i], listed[i][0], listed[i][1]);
}

static void run_detector(const struct detector *detector, const float *scores, const int32_t (*listed)[2], size_t count, float detections,
			 const char *what)
{
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct scene scene;

	ck_assert_int_eq(open_detector(detector, &scene), 0);
	program = scene_program(&scene, NULL);
	interpreter = scene_interpreter(program);
	memcpy(tfl_interpreter_input(interpreter, 0), scores, BOXES * CLASSES * sizeof(*scores));
	scene_invoke(interpreter);
	check_listed(interpreter, listed, count, what);
	ck_assert(*(const float *)tfl_interpreter_output(interpreter, 3) == detections);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}

START_TEST(equal_scores_of_classes_come_as_tensorflow_has_them)
{
	static const float scores[BOXES][CLASSES] = {{3, 1, 3}, {2, 3, 3}, {3, 3, 1}, {1, 2, 3}, {3, 1, 2}};
	static const struct {
		int32_t max_detections, per_class;
		size_t count;
		int32_t listed[9][2];
	} rows[] = {
		{4, 2, 4, {{2, 1}, {1, 1}, {2, 0}, {0, 0}}},
		{4, 5, 4, {{2, 0}, {4, 0}, {0, 0}, {1, 1}}},
		{6, 2, 6, {{1, 1}, {0, 2}, {2, 1}, {2, 0}, {0, 0}, {1, 2}}},
		{6, 5, 6, {{4, 0}, {1, 1}, {0, 0}, {0, 2}, {2, 0}, {2, 1}}},
		{9, 2, 6, {{1, 1}, {0, 2}, {2, 1}, {2, 0}, {0, 0}, {1, 2}}},
		{9, 5, 9, {{1, 1}, {2, 1}, {0, 2}, {0, 0}, {1, 2}, {2, 0}, {3, 2}, {4, 0}, {3, 1}}},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		struct detector detector = {rows[i].max_detections, 1, rows[i].per_class, CLASSES, .regular = true};
		char what[20];

		snprintf(what, sizeof(what), "row %zu", i);
		run_detector(&detector, scores[0], rows[i].listed, rows[i].count, (float)rows[i].count, what);
	}
}
END_TEST

START_TEST(boxes_are_listed_with_their_best_classes)
{
	static const float scores[BOXES][CLASSES] = {{1, 0, 1}, {2, 2, 2}, {0, 3, 1}, {0, 0, 0.25f}, {1, 0, 0}};
	static const int32_t listed[][2] = {{2, 1}, {2, 2}, {1, 0}, {1, 1}, {0, 2}, {0, 0}};
	struct detector detector = {3, 2, 100, CLASSES};

	run_detector(&detector, scores[0], listed, TFL_ARRAY_SIZE(listed), 3, "two classes a box");
}
END_TEST

START_TEST(options_that_lie_are_refused)
{
	static const struct {
		struct tfl_flexw_entry option;
		const char *words;
	} rows[] = {
		{{"max_detections", TFL_FLEXW_NULL, 0, 0}, "its options have no 'max_detections'"},
		{{"w_scale", TFL_FLEXW_NULL, 0, 0}, "its options have no 'w_scale'"},
		{{"max_detections", TFL_FLEXW_INT, 0, 0}, "'max_detections' is not a count of 1 or more"},
		{{"max_detections", TFL_FLEXW_INT, -5, 0}, "'max_detections' is not a count of 1 or more"},
		{{"max_classes_per_detection", TFL_FLEXW_INT, INT64_C(1) << 32, 0}, "'max_classes_per_detection' is not a count"},
		{{"max_classes_per_detection", TFL_FLEXW_INT, INT32_MAX, 0}, "which is too many"},
		{{"max_classes_per_detection", TFL_FLEXW_INT, 200000000, 0}, "which is negative or larger than"},
		{{"num_classes", TFL_FLEXW_INT, CLASSES + 1, 0}, "3 scores a box and num_classes is 4"},
		{{"num_classes", TFL_FLEXW_INT, CLASSES - 2, 0}, "3 scores a box and num_classes is 1"},
		{{"nms_iou_threshold", TFL_FLEXW_REAL, 0, 0}, "its nms_iou_threshold is 0"},
		{{"nms_iou_threshold", TFL_FLEXW_REAL, 0, 1.5}, "its nms_iou_threshold is 1.5"},
		{{"nms_score_threshold", TFL_FLEXW_REAL, 0, NAN}, "'nms_score_threshold' is not a number"},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		struct detector detector = {4, 1, 100, CLASSES, .replaced = &rows[i].option};
		struct tfl_program *program;
		struct scene scene;

		ck_assert_int_eq(open_detector(&detector, &scene), 0);
		ck_assert_int_eq(scene_try(&scene, NULL, &program), -EINVAL);
		ck_assert_msg(strstr(scene.error.text, rows[i].words), "row %zu: %s", i, scene.error.text);
		scene_close(&scene);
	}
}
END_TEST

/* 2^31 detections for each of some boxes: no more is computed than there are boxes. */
START_TEST(great_counts_cost_no_more_than_there_is)
{
	static const struct tfl_flexw_entry per_class = {"detections_per_class", TFL_FLEXW_INT, INT32_MAX, 0};
	static const float scores[BOXES * CLASSES] = {1, 0, 0, 2};
	struct detector detector = {1000, 1, 100, CLASSES, .regular = true, .replaced = &per_class};

	run_detector(&detector, scores, (const int32_t[][2]){{1, 0}, {0, 0}}, 2, 2, "many detections");
}
END_TEST

START_TEST(computed_anchors_are_checked_in_the_run)
{
	struct detector detector = {4, 1, 100, CLASSES, .computed_anchors = true};
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct tfl_error error;
	struct scene scene;

	ck_assert_int_eq(open_detector(&detector, &scene), 0);
	program = scene_program(&scene, NULL);
	interpreter = scene_interpreter(program);
	memset(tfl_interpreter_input(interpreter, 0), 0, BOXES * CLASSES * 4);
	memset(tfl_interpreter_input(interpreter, 1), 0, BOXES * 16);
	scene_invoke(interpreter);
	((float *)tfl_interpreter_input(interpreter, 1))[6] = -1;
	ck_assert_int_eq(tfl_interpreter_invoke(interpreter, NULL, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "anchor 1 is -1 high and 0 wide"));
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

Suite *detection_suite(void)
{
	Suite *suite = suite_create("detection");
	TCase *tests = tcase_create("order and options");

	tcase_add_test(tests, equal_elements_come_as_partial_sort_has_them);
	tcase_add_test(tests, stable_order_has_the_lower_index_first);
	tcase_add_test(tests, equal_scores_of_classes_come_as_tensorflow_has_them);
	tcase_add_test(tests, boxes_are_listed_with_their_best_classes);
	tcase_add_test(tests, options_that_lie_are_refused);
	tcase_add_test(tests, great_counts_cost_no_more_than_there_is);
	tcase_add_test(tests, computed_anchors_are_checked_in_the_run);
	suite_add_tcase(suite, tests);
	return suite;
}
