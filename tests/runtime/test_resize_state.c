/* SPDX-License-Identifier: MIT */
/*
 * What outlives a run, and what only a run finds out, where inputs have other shapes than the file's: state is the same for all of them, late
 * outputs stand behind them.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "runtime/program_internal.h"
#include "tests/runtime/brief.h"
#include "tests/runtime/subject.h"
#include "tests/runtime/suites.h"

static const struct tfl_ints scalar = {NULL, 0};

/* sum = sum + (the sum of x's rows), which fits any number of rows; or sum = sum + x, which does not. */
static struct tfl_builder *build_sum(bool reduced)
{
	static const int32_t rows = 0;
	struct tfl_builder *b = tfl_build_create();
	int x = subject_input(b, TFL_INTS(1, 3), TFL_INTS(-1, 3)), axis = constant(b, TFL_INT32, TFL_INTS(1), &rows, sizeof(rows));
	int sum = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "sum", .dims = TFL_INTS(1, 3), .is_variable = true});
	int row = tensor(b, TFL_FLOAT32, TFL_INTS(1, 3)), y = tensor(b, TFL_FLOAT32, TFL_INTS(1, 3));

	if (reduced)
		op(b, TFL_BUILTIN_SUM, TFL_INTS(x, axis), TFL_INTS(row), tfl_options_reducer(true));
	op(b, TFL_BUILTIN_ADD, TFL_INTS(reduced ? row : x, sum), TFL_INTS(sum), tfl_options_add(0));
	op(b, TFL_BUILTIN_NEG, TFL_INTS(sum), TFL_INTS(y), none());
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	return b;
}

static void check_sum(struct tfl_interpreter *interpreter, int32_t rows, float each, float expected)
{
	struct tfl_interpreter *resized = subject_resize(interpreter, &(struct tfl_io_shape){2, {rows, 3}});
	float *x = tfl_interpreter_input(resized, 0);

	for (int32_t i = 0; i < rows * 3; i++)
		x[i] = each;
	scene_invoke(resized);
	for (int i = 0; i < 3; i++)
		ck_assert_float_eq(((const float *)tfl_interpreter_output(resized, 0))[i], -expected);
}

START_TEST(state_is_the_same_for_all_shapes)
{
	struct tfl_interpreter *other;
	struct subject subject;

	subject_open(&subject, build_sum(true), &(struct tfl_program_options){.portable = _i});
	other = scene_interpreter(subject.program);
	for (int round = 0; round < 2; round++) {
		check_sum(subject.interpreter, 1, 1, 1);
		check_sum(subject.interpreter, 4, 1, 5);
		check_sum(other, 4, 10, 40);
		check_sum(subject.interpreter, 2, 10, 25);
		check_sum(subject.interpreter, 1, 1, 26);
		tfl_interpreter_reset(subject_resize(subject.interpreter, &(struct tfl_io_shape){2, {4, 3}}));
		tfl_interpreter_reset(other);
	}
	tfl_interpreter_destroy(other);
	subject_close(&subject);
}
END_TEST

/* y = x + r, where CALL_ONCE runs what counts its runs, and assigns that to r. */
static struct tfl_builder *build_initialised(void)
{
	static const float one = 1;
	struct tfl_builder *b = tfl_build_create();
	struct tfl_build_options named = tfl_options_empty(TFL_OPTIONS_VAR_HANDLE);
	int x = subject_input(b, TFL_INTS(1), TFL_INTS(-1)), r = tensor(b, TFL_FLOAT32, TFL_INTS(1)), y = tensor(b, TFL_FLOAT32, TFL_INTS(1));
	int handle = tensor(b, TFL_RESOURCE, scalar);

	tfl_options_add_field(&named, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_STRING, .data = "r"});
	op(b, TFL_BUILTIN_CALL_ONCE, scalar, scalar, tfl_options_ints(TFL_OPTIONS_CALL_ONCE, TFL_INTS(1)));
	op(b, TFL_BUILTIN_VAR_HANDLE, scalar, TFL_INTS(handle), named);
	op(b, TFL_BUILTIN_READ_VARIABLE, TFL_INTS(handle), TFL_INTS(r), none());
	op(b, TFL_BUILTIN_ADD, TFL_INTS(x, r), TFL_INTS(y), tfl_options_add(0));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	tfl_build_subgraph(b, "initialisation");
	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "runs", .dims = TFL_INTS(1), .is_variable = true});
	constant(b, TFL_FLOAT32, TFL_INTS(1), &one, sizeof(one));
	tensor(b, TFL_RESOURCE, scalar);
	op(b, TFL_BUILTIN_ADD, TFL_INTS(0, 1), TFL_INTS(0), tfl_options_add(0));
	op(b, TFL_BUILTIN_VAR_HANDLE, scalar, TFL_INTS(2), named);
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(2, 0), scalar, none());
	tfl_build_io(b, scalar, scalar);
	return b;
}

START_TEST(what_is_initialised_is_so_for_all_shapes)
{
	struct tfl_interpreter *resized;
	struct subject subject;

	subject_open(&subject, build_initialised(), &(struct tfl_program_options){.portable = _i});
	for (int32_t length = 3; length < 6; length++) {
		resized = subject_resize(subject.interpreter, &(struct tfl_io_shape){1, {length}});
		ck_assert_uint_eq(resized->program->callee_count, 1);
		ck_assert_ptr_null(resized->callees[0]);
		for (int32_t i = 0; i < length; i++)
			((float *)tfl_interpreter_input(resized, 0))[i] = 10;
		scene_invoke(resized);
		for (int32_t i = 0; i < length; i++)
			ck_assert_float_eq(((const float *)tfl_interpreter_output(resized, 0))[i], 11);
	}
	subject_close(&subject);
}
END_TEST

START_TEST(state_does_not_grow_with_the_batch)
{
	struct tfl_interpreter *resized;
	struct tfl_error error = {0};
	struct subject subject;

	subject_open(&subject, build_sum(false), NULL);
	ck_assert_int_eq(tfl_interpreter_resize(subject.interpreter, &(struct tfl_io_shape){2, {2, 3}}, &resized, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "output 0 is a variable of shape [1, 3]; what is written there has the shape [2, 3]"));
	subject_close(&subject);
}
END_TEST

/* Places of what is not 0 in a line of any length, and these doubled. */
START_TEST(late_outputs_stand_behind_resized_inputs)
{
	struct tfl_builder *b = tfl_build_create();
	int x = subject_input(b, TFL_INTS(4), TFL_INTS(-1)), set = tensor(b, TFL_BOOL, TFL_INTS(4)), places = tensor(b, TFL_INT64, TFL_INTS(4, 1));
	int zero = constant(b, TFL_FLOAT32, scalar, (const float[]){0}, 4), twice = tensor(b, TFL_INT64, TFL_INTS(4, 1));
	struct subject subject;

	op(b, TFL_BUILTIN_NOT_EQUAL, TFL_INTS(x, zero), TFL_INTS(set), none());
	op(b, TFL_BUILTIN_WHERE, TFL_INTS(set), TFL_INTS(places), none());
	op(b, TFL_BUILTIN_ADD, TFL_INTS(places, places), TFL_INTS(twice), tfl_options_add(0));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(twice));
	subject_open(&subject, b, &(struct tfl_program_options){.late = true, .portable = _i});
	for (int32_t turn = 0; turn < 30; turn++) {
		int32_t length = 1 + turn % 11, count = 0;
		struct tfl_interpreter *resized = subject_resize(subject.interpreter, &(struct tfl_io_shape){1, {length}});
		float *line = tfl_interpreter_input(resized, 0);
		struct tfl_io io;

		for (int32_t i = 0; i < length; i++)
			line[i] = (float)((i + turn) % 3);
		scene_invoke(resized);
		tfl_interpreter_output_io(resized, 0, &io);
		for (int32_t i = 0; i < length; i++)
			if ((i + turn) % 3)
				ck_assert_int_eq(((const int64_t *)tfl_interpreter_output(resized, 0))[count++], 2 * i);
		ck_assert_int_eq(io.dims[0], count);
		ck_assert_int_eq(io.dims[1], 1);
	}
	subject_close(&subject);
}
END_TEST

Suite *resize_state_suite(void)
{
	Suite *suite = suite_create("resize_state");
	TCase *tcase = tcase_create("resize_state");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, state_is_the_same_for_all_shapes, 0, 2);
	tcase_add_loop_test(tcase, what_is_initialised_is_so_for_all_shapes, 0, 2);
	tcase_add_test(tcase, state_does_not_grow_with_the_batch);
	tcase_add_loop_test(tcase, late_outputs_stand_behind_resized_inputs, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}
