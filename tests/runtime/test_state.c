/* SPDX-License-Identifier: MIT */
/* What a model keeps from one run to the next: variable tensors in the order in which a file reads and writes them, and how a reset takes it back. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "runtime/pool.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

enum { X, STATE, DIFFERENCE, BYTES, COPY };

/* difference = x - state; state = x + state. The subtraction stands first and reads what the run before has left. */
static void open_sum(struct scene *scene)
{
	static const float scale = 1;
	static const int64_t zero_point = 5;
	struct tfl_builder *b = tfl_build_create();
	struct tfl_build_tensor floats = {.name = "f", .dims = TFL_INTS(1, 4)}, state = floats, bytes;

	state.is_variable = true;
	bytes = (struct tfl_build_tensor){.name = "b", .dtype = TFL_INT8, .dims = TFL_INTS(6), .scales = &scale, .zero_points = &zero_point,
					  .scale_count = 1, .is_variable = true};
	tfl_build_tensor(b, &floats);
	tfl_build_tensor(b, &state);
	tfl_build_tensor(b, &floats);
	tfl_build_tensor(b, &bytes);
	bytes.is_variable = false;
	bytes.dims = (struct tfl_ints)TFL_INTS(2, 3);
	tfl_build_tensor(b, &bytes);
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_SUB, .inputs = TFL_INTS(X, STATE), .outputs = TFL_INTS(DIFFERENCE)});
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD, .inputs = TFL_INTS(X, STATE), .outputs = TFL_INTS(STATE)});
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_RESHAPE, .inputs = TFL_INTS(BYTES), .outputs = TFL_INTS(COPY),
							   .options = tfl_options_reshape(TFL_INTS(2, 3))});
	tfl_build_io(b, TFL_INTS(X), TFL_INTS(DIFFERENCE, STATE, COPY));
	ck_assert_msg(scene_open(scene, b) == 0, "%s", scene->error.text);
}

/* Runs it on an input of this number; the state before is @p before. */
static void check_run(struct tfl_interpreter *interpreter, float x, float before)
{
	static const int8_t zeros[6] = {5, 5, 5, 5, 5, 5};
	const float *difference = tfl_interpreter_output(interpreter, 0), *sum = tfl_interpreter_output(interpreter, 1);
	float *input = tfl_interpreter_input(interpreter, 0);

	for (int i = 0; i < 4; i++)
		input[i] = x + (float)i;
	scene_invoke(interpreter);
	for (int i = 0; i < 4; i++) {
		ck_assert_float_eq(difference[i], x + (float)i - (before ? before + (float)i : 0));
		ck_assert_float_eq(sum[i], x + (float)i + (before ? before + (float)i : 0));
	}
	ck_assert_mem_eq(tfl_interpreter_output(interpreter, 2), zeros, sizeof(zeros));
}

START_TEST(a_variable_keeps_its_content_until_a_reset)
{
	struct scene scene;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter, *other;

	open_sum(&scene);
	program = scene_program(&scene, &(struct tfl_program_options){.portable = _i});
	ck_assert(tfl_program_stateful(program));
	interpreter = scene_interpreter(program);
	other = scene_interpreter(program);
	for (int i = 0; i < 3; i++) {
		check_run(interpreter, 10, 0);
		check_run(interpreter, 20, 10);
		check_run(other, 7, 0); /* has a state of its own */
		tfl_interpreter_reset(other);
		tfl_interpreter_reset(interpreter);
	}
	tfl_interpreter_destroy(interpreter);
	tfl_interpreter_destroy(other);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(a_pool_lends_interpreters_that_remember_nothing)
{
	struct scene scene;
	struct tfl_program *program;
	struct tfl_pool *pool;

	open_sum(&scene);
	program = scene_program(&scene, NULL);
	ck_assert_int_eq(tfl_pool_create(program, 2, NULL, &pool, NULL), 0);
	for (int i = 0; i < 4; i++) {
		struct tfl_interpreter *interpreter = tfl_pool_borrow(pool);

		check_run(interpreter, 10, 0);
		check_run(interpreter, 20, 10);
		tfl_pool_return(pool, interpreter);
	}
	tfl_pool_destroy(pool);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* x of four elements into a variable of two; and what WHERE finds into one. */
START_TEST(a_variable_holds_no_more_than_its_shape)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_program *program;
	struct scene scene;

	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(4)});
	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "v", .dtype = _i ? TFL_INT64 : TFL_FLOAT32, .dims = TFL_INTS(2), .is_variable = true});
	tfl_build_operator(b, &(struct tfl_build_operator){.code = _i ? TFL_BUILTIN_WHERE : TFL_BUILTIN_RELU, .inputs = TFL_INTS(0), .outputs = TFL_INTS(1)});
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
	ck_assert_int_eq(scene_open(&scene, b), 0);
	ck_assert_int_eq(scene_try(&scene, &(struct tfl_program_options){.late = true}, &program), -EINVAL);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "a variable of shape [2]"));
	scene_close(&scene);
}
END_TEST

START_TEST(a_model_without_variables_is_stateless)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_program *program;
	struct scene scene;

	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(4)});
	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "y", .dims = TFL_INTS(4)});
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_RELU, .inputs = TFL_INTS(0), .outputs = TFL_INTS(1)});
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
	ck_assert_int_eq(scene_open(&scene, b), 0);
	program = scene_program(&scene, NULL);
	ck_assert(!tfl_program_stateful(program));
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

Suite *state_suite(void)
{
	Suite *suite = suite_create("state");
	TCase *tcase = tcase_create("state");

	tcase_add_loop_test(tcase, a_variable_keeps_its_content_until_a_reset, 0, 2);
	tcase_add_test(tcase, a_pool_lends_interpreters_that_remember_nothing);
	tcase_add_loop_test(tcase, a_variable_holds_no_more_than_its_shape, 0, 2);
	tcase_add_test(tcase, a_model_without_variables_is_stateless);
	suite_add_tcase(suite, tcase);
	return suite;
}
