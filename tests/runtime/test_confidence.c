/* SPDX-License-Identifier: MIT */
/*
 * Where confidence comes from: graphs that end in a softmax, a logistic function, neither, with views behind it, with labels and without; and what
 * whoever runs the model may set instead.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "runtime/confidence.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

/* A tail of operators over one float tensor, the shape of the output, and what is to be found. */
struct tail {
	uint32_t codes[3]; /* up to the first RELU, which ends the list */
	int32_t dims[4];
	unsigned labels;   /* lines of a label file */
	enum tfl_confidence_kind kind;
	uint32_t rows, classes;
	const char *reason;
};

#define END TFL_BUILTIN_RELU

static const struct tail tails[] = {
	{{TFL_BUILTIN_SOFTMAX, END}, {1, 1, 1, 10}, 0, TFL_CONFIDENCE_SOFTMAX, 1, 10, "SOFTMAX over 10 classes"},
	{{TFL_BUILTIN_SOFTMAX, END}, {5, 1, 1, 10}, 0, TFL_CONFIDENCE_SOFTMAX, 5, 10, "SOFTMAX over 10 classes"},
	{{TFL_BUILTIN_SOFTMAX, TFL_BUILTIN_SQUEEZE, END}, {1, 1, 1, 7}, 0, TFL_CONFIDENCE_SOFTMAX, 1, 7, "SOFTMAX over 7 classes"},
	{{TFL_BUILTIN_SOFTMAX, TFL_BUILTIN_SQUEEZE, TFL_BUILTIN_SQUEEZE}, {1, 3, 1, 7}, 0, TFL_CONFIDENCE_SOFTMAX, 3, 7, "SOFTMAX"},
	{{TFL_BUILTIN_LOGISTIC, END}, {1, 1, 1, 1}, 0, TFL_CONFIDENCE_LOGISTIC, 1, 1, "LOGISTIC over 1 class makes it"},
	{{TFL_BUILTIN_LOGISTIC, END}, {2, 1, 1, 4}, 0, TFL_CONFIDENCE_LOGISTIC, 2, 4, "LOGISTIC over 4 classes"},
	{{TFL_BUILTIN_LOG_SOFTMAX, END}, {1, 1, 1, 12}, 0, TFL_CONFIDENCE_LOG_SOFTMAX, 1, 12, "LOG_SOFTMAX"},
	{{TFL_BUILTIN_SOFTMAX, END}, {1, 1, 1, 1}, 0, TFL_CONFIDENCE_NONE, 1, 1, "always sure"},
	{{TFL_BUILTIN_SOFTMAX, END}, {1, 9, 9, 3}, 0, TFL_CONFIDENCE_NONE, 81, 3, "81 rows"},
	{{END}, {1, 1, 1, 128}, 0, TFL_CONFIDENCE_NONE, 1, 128, "RELU makes its 128 values: not known to be scores"},
	{{END}, {1, 1, 1, 5}, 5, TFL_CONFIDENCE_LOGITS, 1, 5, "as many labels"},
	{{END}, {1, 1, 1, 5}, 4, TFL_CONFIDENCE_NONE, 1, 5, "not known to be scores"},
};

static void add_labels(struct tfl_builder *builder, unsigned count)
{
	char text[256] = "";

	for (unsigned i = 0; i < count; i++)
		sprintf(text + strlen(text), "label %u\n", i);
	tfl_build_describe(builder, &(struct tfl_build_description){.label_file = "labels.txt"});
	tfl_build_file(builder, "labels.txt", text, strlen(text));
}

static void open_tail(const struct tail *tail, struct scene *scene)
{
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_ints dims = {tail->dims, 4};
	int32_t from, to;

	from = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "in", .dims = dims});
	to = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "body", .dims = dims});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_RELU, .inputs = TFL_INTS(from), .outputs = TFL_INTS(to)});
	for (unsigned i = 0; i < 3 && tail->codes[i] != END; i++) {
		int32_t next = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "next", .dims = dims});

		tfl_build_operator(builder, &(struct tfl_build_operator){.code = tail->codes[i], .inputs = TFL_INTS(to), .outputs = TFL_INTS(next)});
		to = next;
	}
	tfl_build_io(builder, TFL_INTS(from), TFL_INTS(to));
	if (tail->labels)
		add_labels(builder, tail->labels);
	ck_assert_int_eq(scene_open(scene, builder), 0);
}

START_TEST(what_is_found)
{
	const struct tail *tail = &tails[_i];
	struct tfl_confidence_source source;
	struct tfl_program *program;
	struct scene scene;

	open_tail(tail, &scene);
	program = scene_program(&scene, NULL);
	tfl_confidence_source_find(program, 0, &source);
	ck_assert_str_eq(tfl_confidence_kind_to_string(source.kind), tfl_confidence_kind_to_string(tail->kind));
	ck_assert_uint_eq(source.rows, tail->rows);
	ck_assert_uint_eq(source.classes, tail->classes);
	ck_assert_msg(strstr(source.reason, tail->reason), "'%s' does not say '%s'", source.reason, tail->reason);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(what_is_set)
{
	static const struct tail vector = {{END}, {2, 1, 1, 128}}, single = {{END}, {1, 1, 1, 1}};
	struct tfl_confidence_source source;
	struct tfl_program *program;
	struct scene scene;

	open_tail(&vector, &scene);
	program = scene_program(&scene, NULL);
	ck_assert_int_eq(tfl_confidence_source_set(program, 0, TFL_CONFIDENCE_LOGITS, &source), 0);
	ck_assert(source.kind == TFL_CONFIDENCE_LOGITS && source.rows == 2 && source.classes == 128);
	ck_assert_int_eq(tfl_confidence_source_set(program, 0, TFL_CONFIDENCE_NONE, &source), 0);
	ck_assert_int_eq(source.kind, TFL_CONFIDENCE_NONE);
	ck_assert_str_eq(source.reason, "it is configured so");
	tfl_program_destroy(program);
	scene_close(&scene);

	open_tail(&single, &scene);
	program = scene_program(&scene, NULL);
	ck_assert_int_eq(tfl_confidence_source_set(program, 0, TFL_CONFIDENCE_SOFTMAX, &source), -EINVAL);
	ck_assert_msg(strstr(source.reason, "one value"), "%s", source.reason);
	ck_assert_int_eq(tfl_confidence_source_set(program, 0, TFL_CONFIDENCE_DETECTION, &source), -EINVAL);
	ck_assert_str_eq(source.reason, "its rows have one value, and detection needs two");
	ck_assert_int_eq(tfl_confidence_source_set(program, 0, TFL_CONFIDENCE_LOGISTIC, &source), 0);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(what_is_chosen)
{
	static const char *const wrong[] = {"soft", "softmaxx", "none of 0", "logits of ", "logits scores", "logits  of x", "of", "auto of 1", " "};
	struct tfl_confidence_choice choice;

	ck_assert(tfl_confidence_choice_parse("", &choice) == 0 && choice.automatic);
	ck_assert(tfl_confidence_choice_parse("auto", &choice) == 0 && choice.automatic);
	for (unsigned kind = 0; kind < TFL_CONFIDENCE_KINDS; kind++) {
		const char *name = tfl_confidence_kind_to_string((enum tfl_confidence_kind)kind);

		ck_assert(tfl_confidence_choice_parse(name, &choice) == 0 && !choice.automatic && choice.kind == kind && !choice.output);
	}
	ck_assert_int_eq(tfl_confidence_choice_parse("logits of a b of c", &choice), 0);
	ck_assert_int_eq(choice.kind, TFL_CONFIDENCE_LOGITS);
	ck_assert_str_eq(choice.output, "a b of c");
	for (size_t i = 0; i < TFL_ARRAY_SIZE(wrong); i++)
		ck_assert_msg(tfl_confidence_choice_parse(wrong[i], &choice) == -EINVAL, "'%s'", wrong[i]);
}
END_TEST

Suite *confidence_suite(void)
{
	Suite *suite = suite_create("confidence");
	TCase *tcase = tcase_create("confidence");

	tcase_add_loop_test(tcase, what_is_found, 0, TFL_ARRAY_SIZE(tails));
	tcase_add_test(tcase, what_is_set);
	tcase_add_test(tcase, what_is_chosen);
	suite_add_tcase(suite, tcase);
	return suite;
}
