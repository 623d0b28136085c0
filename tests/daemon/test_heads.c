/* SPDX-License-Identifier: MIT */
/* Verdicts of a batch that was resized, where the scores have a row for each of it, and the classes of what was found have one whatever comes. */
#include <stdlib.h>
#include <string.h>

#include "daemon/heads.h"
#include "daemon/recorder.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "stats/confidence.h"
#include "tests/builder/builder.h"
#include "tests/daemon/suites.h"

enum { CLASSES = 4, ROWS = 6, FOUND = 2 };

/* Output 0: x, twice; output 1: the class of each thing that was found, the same for any x. */
static void build(uint8_t **ret_file, size_t *ret_size)
{
	static const float found[CLASSES] = {FOUND, 1, 1, 1};
	struct tfl_builder *b = tfl_build_create();
	int x = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(1, CLASSES), .signature = TFL_INTS(-1, CLASSES)});
	int y = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "y", .dims = TFL_INTS(1, CLASSES)});
	int classes = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "classes", .dims = TFL_INTS(1, CLASSES), .data = found,
								     .data_size = sizeof(found)});

	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD, .inputs = TFL_INTS(x, x), .outputs = TFL_INTS(y),
							   .options = tfl_options_add(0)});
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y, classes));
	ck_assert_int_eq(tfl_build_finish(b, ret_file, ret_size), 0);
	tfl_build_destroy(b);
}

START_TEST(more_scores_than_classes)
{
	struct tfl_heads heads = {.count = 1, .items = {{.source = {.kind = TFL_CONFIDENCE_DETECTION, .rows = 1, .classes = CLASSES, .classes_output = 1},
							 .row_bytes = CLASSES * sizeof(float), .counted = CLASSES, .rank = 2, .dims = {1, CLASSES}}}};
	struct tfl_interpreter *interpreter, *resized;
	struct tfl_program *program;
	struct tfl_recorder *recorder;
	struct tfl_confidence *seen = calloc(2, sizeof(*seen));
	uint64_t counted[CLASSES] = {0};
	struct tfl_model *model;
	uint8_t *file;
	size_t size;

	build(&file, &size);
	ck_assert_int_eq(tfl_model_open_memory(file, size, &model, NULL), 0);
	ck_assert_int_eq(tfl_program_create(model, NULL, &program, NULL), 0);
	ck_assert_int_eq(tfl_interpreter_create(program, &interpreter, NULL), 0);
	ck_assert_int_eq(tfl_interpreter_resize(interpreter, &(struct tfl_io_shape){2, {ROWS, CLASSES}}, &resized, NULL), 0);
	for (unsigned i = 0; i < ROWS * CLASSES; i++)
		((float *)tfl_interpreter_input(resized, 0))[i] = 0.25f;
	ck_assert_int_eq(tfl_interpreter_invoke(resized, NULL, NULL), 0);
	ck_assert_int_eq(tfl_top_reader_init(&heads.items[0].reader, TFL_FLOAT32, TFL_SCORES_PROBABILITY, CLASSES, 0, 0), 0);
	ck_assert_int_eq(tfl_heads_recorder(&heads, 1, &recorder), 0);
	tfl_heads_record(&heads, resized, recorder, 0);
	tfl_recorder_read_head(recorder, 0, &seen[0], &seen[1], counted);
	ck_assert_uint_eq(seen[0].count, ROWS);
	for (unsigned i = 0; i < CLASSES; i++)
		ck_assert_uint_eq(counted[i], i == FOUND);
	tfl_recorder_destroy(recorder);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	tfl_model_destroy(model);
	free(file);
	free(seen);
}
END_TEST

Suite *heads_suite(void)
{
	Suite *suite = suite_create("heads");
	TCase *tcase = tcase_create("batches");

	tcase_add_test(tcase, more_scores_than_classes);
	suite_add_tcase(suite, tcase);
	return suite;
}
