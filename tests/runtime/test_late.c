/* SPDX-License-Identifier: MIT */
/*
 * Shapes that depend on content: found out by an operator, told by an input, changed by a loop or chosen by a branch. Each model runs on the
 * same values in changing sizes, more of them than an interpreter keeps, so that what was made for one is used again, and made again.
 */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/survey.h"
#include "tests/runtime/brief.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

static const struct tfl_program_options with_xnnpack = {.late = true}, without = {.late = true, .portable = true};

struct late_scene {
	struct scene scene;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
};

static void open_late(struct late_scene *late, struct tfl_builder *b, int portable)
{
	ck_assert_msg(scene_open(&late->scene, b) == 0, "%s", late->scene.error.text);
	late->program = scene_program(&late->scene, portable ? &without : &with_xnnpack);
	late->interpreter = scene_interpreter(late->program);
}

static void close_late(struct late_scene *late)
{
	tfl_interpreter_destroy(late->interpreter);
	tfl_program_destroy(late->program);
	scene_close(&late->scene);
}

static const struct tfl_ints scalar = {NULL, 0};

/* y = the x that are set in a mask, doubled and then multiplied with weights: WHERE, GATHER_ND, ADD, RESHAPE, FULLY_CONNECTED. */
enum { ROWS = 20 };

static struct tfl_builder *build_chosen(void)
{
	static const float weights[6] = {1, 2, 3, 4, 5, 6};
	static const int32_t column[2] = {-1, 1};
	struct tfl_builder *b = tfl_build_create();
	int mask = tensor(b, TFL_BOOL, TFL_INTS(ROWS)), x = tensor(b, TFL_FLOAT32, TFL_INTS(ROWS));
	int where = tensor(b, TFL_INT64, TFL_INTS(1, 1)), chosen = tensor(b, TFL_FLOAT32, TFL_INTS(1)), twice = tensor(b, TFL_FLOAT32, TFL_INTS(1));
	int shape = constant(b, TFL_INT32, TFL_INTS(2), column, sizeof(column)), wide = tensor(b, TFL_FLOAT32, TFL_INTS(1, 1));
	int filter = constant(b, TFL_FLOAT32, TFL_INTS(6, 1), weights, sizeof(weights)), y = tensor(b, TFL_FLOAT32, TFL_INTS(1, 6));

	op(b, TFL_BUILTIN_WHERE, TFL_INTS(mask), TFL_INTS(where), none());
	op(b, TFL_BUILTIN_GATHER_ND, TFL_INTS(x, where), TFL_INTS(chosen), none());
	op(b, TFL_BUILTIN_ADD, TFL_INTS(chosen, chosen), TFL_INTS(twice), tfl_options_add(0));
	op(b, TFL_BUILTIN_RESHAPE, TFL_INTS(twice, shape), TFL_INTS(wide), none());
	op(b, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(wide, filter, -1), TFL_INTS(y), tfl_options_fully_connected(0, false));
	tfl_build_io(b, TFL_INTS(mask, x), TFL_INTS(y, where));
	return b;
}

/* @p step: every so many elements are set. */
static void check_chosen(struct tfl_interpreter *interpreter, int step)
{
	uint8_t *mask = tfl_interpreter_input(interpreter, 0);
	float *x = tfl_interpreter_input(interpreter, 1);
	const float *y;
	struct tfl_io io;
	int row = 0;

	for (int i = 0; i < ROWS; i++) {
		mask[i] = step && i % step == 0;
		x[i] = (float)(i * step + 1);
	}
	scene_invoke(interpreter);
	y = tfl_interpreter_output(interpreter, 0);
	for (int i = 0; i < ROWS; i++) {
		if (!mask[i])
			continue;
		ck_assert_int_eq(((const int64_t *)tfl_interpreter_output(interpreter, 1))[row], i);
		for (int c = 0; c < 6; c++)
			ck_assert_float_eq(y[row * 6 + c], (float)(2 * (i * step + 1) * (c + 1)));
		row++;
	}
	tfl_interpreter_output_io(interpreter, 0, &io);
	ck_assert_uint_eq(io.rank, 2);
	ck_assert_int_eq(io.dims[0], row);
	ck_assert_int_eq(io.dims[1], 6);
	ck_assert_uint_eq(io.bytes, (size_t)row * 6 * sizeof(float));
}

START_TEST(what_where_finds_is_as_long_as_it_is)
{
	struct late_scene late;
	uint32_t count;

	open_late(&late, build_chosen(), _i);
	ck_assert(tfl_program_outputs(late.program, &count)[0].late);
	for (int round = 0; round < 3; round++)
		for (int step = 1; step <= 10; step++) {
			check_chosen(late.interpreter, step);
			check_chosen(late.interpreter, step);
			check_chosen(late.interpreter, 2);
		}
	close_late(&late);
}
END_TEST

START_TEST(what_is_kept_for_shapes_is_bounded)
{
	size_t bytes = 0;
	struct late_scene late;

	open_late(&late, build_chosen(), 0);
	for (int round = 0; round < 20; round++)
		for (int step = 1; step <= ROWS; step++) {
			check_chosen(late.interpreter, step);
			if (round == 2 && tfl_interpreter_bytes(late.interpreter) > bytes)
				bytes = tfl_interpreter_bytes(late.interpreter);
			if (round > 2)
				ck_assert_uint_le(tfl_interpreter_bytes(late.interpreter), bytes + 65536);
		}
	close_late(&late);
}
END_TEST

/* y = x repeated n times, then all added up along the way: TILE is told by an input, and what is behind it by that. */
START_TEST(a_shape_may_be_told_by_an_input)
{
	static const int32_t axis;
	struct tfl_builder *b = tfl_build_create();
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(3)), times = tensor(b, TFL_INT32, TFL_INTS(1)), tiled = tensor(b, TFL_FLOAT32, scalar);
	int along = constant(b, TFL_INT32, scalar, &axis, sizeof(axis)), sum = tensor(b, TFL_FLOAT32, scalar), y = tensor(b, TFL_FLOAT32, scalar);
	struct late_scene late;
	uint32_t count;

	op(b, TFL_BUILTIN_TILE, TFL_INTS(x, times), TFL_INTS(tiled), none());
	op(b, TFL_BUILTIN_SUM, TFL_INTS(tiled, along), TFL_INTS(sum), tfl_options_reducer(false));
	op(b, TFL_BUILTIN_NEG, TFL_INTS(sum), TFL_INTS(y), none());
	tfl_build_io(b, TFL_INTS(x, times), TFL_INTS(y));
	open_late(&late, b, _i);
	ck_assert(tfl_program_outputs(late.program, &count)[0].late);
	for (int32_t n = 0; n < 25; n++) {
		int32_t given = n % 13;

		memcpy(tfl_interpreter_input(late.interpreter, 0), (float[]){1, 2, 4}, 12);
		memcpy(tfl_interpreter_input(late.interpreter, 1), &given, sizeof(given));
		scene_invoke(late.interpreter);
		ck_assert_float_eq(*(const float *)tfl_interpreter_output(late.interpreter, 0), (float)(-7 * given));
	}
	/* What a request asks for is its own fault, and no more than that. */
	memcpy(tfl_interpreter_input(late.interpreter, 1), (int32_t[]){-1}, 4);
	ck_assert_int_eq(tfl_interpreter_invoke(late.interpreter, NULL, &late.scene.error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(late.scene.error.text, "operator 0 (TILE)"));
	memcpy(tfl_interpreter_input(late.interpreter, 1), (int32_t[]){INT32_MAX}, 4);
	ck_assert_int_lt(tfl_interpreter_invoke(late.interpreter, NULL, &late.scene.error), 0);
	memcpy(tfl_interpreter_input(late.interpreter, 1), (int32_t[]){30000000}, 4);
	ck_assert_int_eq(tfl_interpreter_invoke(late.interpreter, NULL, &late.scene.error), -EFBIG);
	memcpy(tfl_interpreter_input(late.interpreter, 1), (int32_t[]){2}, 4);
	scene_invoke(late.interpreter);
	ck_assert_float_eq(*(const float *)tfl_interpreter_output(late.interpreter, 0), -14);
	close_late(&late);
}
END_TEST

/* while (i < n) { i += 1; v = concatenation(v, i); }, and behind it -v. */
static struct tfl_builder *build_growing(void)
{
	static const int32_t zero, one = 1, line[1] = {1};
	struct tfl_builder *b = tfl_build_create();
	int n = tensor(b, TFL_INT32, scalar), i = constant(b, TFL_INT32, scalar, &zero, sizeof(zero));
	int v = constant(b, TFL_INT32, TFL_INTS(1), &zero, sizeof(zero)), outs[4];

	outs[0] = tensor(b, TFL_INT32, scalar);
	outs[1] = tensor(b, TFL_INT32, scalar);
	outs[2] = tensor(b, TFL_INT32, TFL_INTS(1));
	outs[3] = tensor(b, TFL_INT32, TFL_INTS(1));
	op(b, TFL_BUILTIN_WHILE, TFL_INTS(i, n, v), TFL_INTS(outs[0], outs[1], outs[2]), tfl_options_ints(TFL_OPTIONS_WHILE, TFL_INTS(1, 2)));
	op(b, TFL_BUILTIN_NEG, TFL_INTS(outs[2]), TFL_INTS(outs[3]), none());
	tfl_build_io(b, TFL_INTS(n), TFL_INTS(outs[3], outs[0]));
	tfl_build_subgraph(b, "condition");
	for (int t = 0; t < 3; t++)
		tensor(b, TFL_INT32, t < 2 ? scalar : TFL_INTS(1));
	tensor(b, TFL_BOOL, scalar);
	op(b, TFL_BUILTIN_LESS, TFL_INTS(0, 1), TFL_INTS(3), none());
	tfl_build_io(b, TFL_INTS(0, 1, 2), TFL_INTS(3));
	tfl_build_subgraph(b, "body");
	for (int t = 0; t < 3; t++)
		tensor(b, TFL_INT32, t < 2 ? scalar : TFL_INTS(1));
	constant(b, TFL_INT32, scalar, &one, sizeof(one));
	constant(b, TFL_INT32, TFL_INTS(1), line, sizeof(line));
	tensor(b, TFL_INT32, scalar);
	tensor(b, TFL_INT32, TFL_INTS(1));
	tensor(b, TFL_INT32, TFL_INTS(1));
	op(b, TFL_BUILTIN_ADD, TFL_INTS(0, 3), TFL_INTS(5), tfl_options_add(0));
	op(b, TFL_BUILTIN_RESHAPE, TFL_INTS(5, 4), TFL_INTS(6), none());
	op(b, TFL_BUILTIN_CONCATENATION, TFL_INTS(2, 6), TFL_INTS(7), tfl_options_concatenation(0, 0));
	tfl_build_io(b, TFL_INTS(0, 1, 2), TFL_INTS(5, 1, 7));
	return b;
}

static void check_growing(struct late_scene *late, int32_t n)
{
	struct tfl_io io;

	memcpy(tfl_interpreter_input(late->interpreter, 0), &n, sizeof(n));
	scene_invoke(late->interpreter);
	tfl_interpreter_output_io(late->interpreter, 0, &io);
	ck_assert_uint_eq(io.rank, 1);
	ck_assert_int_eq(io.dims[0], n + 1);
	for (int32_t i = 0; i <= n; i++)
		ck_assert_int_eq(((const int32_t *)tfl_interpreter_output(late->interpreter, 0))[i], -i);
	ck_assert_int_eq(*(const int32_t *)tfl_interpreter_output(late->interpreter, 1), n);
}

START_TEST(a_value_may_grow_in_a_loop)
{
	static const int32_t counts[] = {3, 0, 40, 1, 5, 40, 7, 2, 3, 9, 10, 11, 12, 13, 3};
	struct late_scene late;

	open_late(&late, build_growing(), _i);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(counts); i++)
		check_growing(&late, counts[i]);
	close_late(&late);
}
END_TEST

/* Of the bool's two branches, one gives x, the other x twice, one behind the other. */
START_TEST(a_shape_may_depend_on_a_branch)
{
	struct tfl_builder *b = tfl_build_create();
	int condition = tensor(b, TFL_BOOL, scalar), x = tensor(b, TFL_FLOAT32, TFL_INTS(3)), y = tensor(b, TFL_FLOAT32, TFL_INTS(3));
	int z = tensor(b, TFL_FLOAT32, TFL_INTS(3));
	struct late_scene late;
	struct tfl_io io;

	op(b, TFL_BUILTIN_IF, TFL_INTS(condition, x), TFL_INTS(y), tfl_options_ints(TFL_OPTIONS_IF, TFL_INTS(1, 2)));
	op(b, TFL_BUILTIN_ADD, TFL_INTS(y, y), TFL_INTS(z), tfl_options_add(0));
	tfl_build_io(b, TFL_INTS(condition, x), TFL_INTS(z));
	for (int subgraph = 1; subgraph <= 2; subgraph++) {
		tfl_build_subgraph(b, "branch");
		tensor(b, TFL_FLOAT32, TFL_INTS(3));
		tensor(b, TFL_FLOAT32, TFL_INTS(subgraph == 1 ? 3 : 6));
		if (subgraph == 1)
			op(b, TFL_BUILTIN_NEG, TFL_INTS(0), TFL_INTS(1), none());
		else
			op(b, TFL_BUILTIN_CONCATENATION, TFL_INTS(0, 0), TFL_INTS(1), tfl_options_concatenation(0, 0));
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
	}
	open_late(&late, b, _i);
	for (int round = 0; round < 4; round++) {
		*(bool *)tfl_interpreter_input(late.interpreter, 0) = round % 2 == 0;
		memcpy(tfl_interpreter_input(late.interpreter, 1), (float[]){1, 2, 3}, 12);
		scene_invoke(late.interpreter);
		tfl_interpreter_output_io(late.interpreter, 0, &io);
		ck_assert_uint_eq(io.elements, round % 2 == 0 ? 3 : 6);
		ck_assert_mem_eq(tfl_interpreter_output(late.interpreter, 0),
				 (round % 2 == 0 ? (float[]){-2, -4, -6, 0, 0, 0} : (float[]){2, 4, 6, 2, 4, 6}), io.bytes);
	}
	close_late(&late);
}
END_TEST

/* state = state + x stands behind a place where the graph ends, and so does what reads the state later: both wait, in their order. */
START_TEST(what_touches_state_waits_with_what_stands_before_it)
{
	struct tfl_builder *b = tfl_build_create();
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(3)), times = tensor(b, TFL_INT32, TFL_INTS(1)), tiled = tensor(b, TFL_FLOAT32, TFL_INTS(3));
	int state = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "state", .dims = TFL_INTS(3), .is_variable = true});
	int y = tensor(b, TFL_FLOAT32, TFL_INTS(3));
	struct late_scene late;

	op(b, TFL_BUILTIN_TILE, TFL_INTS(x, times), TFL_INTS(tiled), none());
	op(b, TFL_BUILTIN_ADD, TFL_INTS(state, tiled), TFL_INTS(state), tfl_options_add(0));
	op(b, TFL_BUILTIN_ADD, TFL_INTS(state, x), TFL_INTS(y), tfl_options_add(0));
	tfl_build_io(b, TFL_INTS(x, times), TFL_INTS(y, state));
	open_late(&late, b, _i);
	for (int run = 1; run <= 5; run++) {
		memcpy(tfl_interpreter_input(late.interpreter, 0), (float[]){1, 2, 3}, 12);
		memcpy(tfl_interpreter_input(late.interpreter, 1), (int32_t[]){1}, 4);
		scene_invoke(late.interpreter);
		for (int i = 0; i < 3; i++) {
			ck_assert_float_eq(((const float *)tfl_interpreter_output(late.interpreter, 0))[i], (float)((run + 1) * (i + 1)));
			ck_assert_float_eq(((const float *)tfl_interpreter_output(late.interpreter, 1))[i], (float)(run * (i + 1)));
		}
	}
	close_late(&late);
}
END_TEST

/* A survey, like whoever does not welcome such outputs, names the operator; the verdict on what stands behind it is its own. */
START_TEST(such_an_output_is_refused_where_it_is_not_welcome)
{
	struct tfl_program *program;
	struct tfl_survey *survey;
	struct scene scene;

	ck_assert_int_eq(scene_open(&scene, build_chosen()), 0);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "operator 0 WHERE version 1 (bool -> int64)"));
	ck_assert_int_eq(tfl_survey_create(scene.model, &with_xnnpack, &survey, &scene.error), 0);
	ck_assert(survey->runs);
	ck_assert_int_eq(survey->operators[0].verdict, TFL_VERDICT_PORTABLE);
	for (unsigned i = 1; i < survey->operator_count; i++)
		ck_assert_int_eq(survey->operators[i].verdict, TFL_VERDICT_LATE);
	tfl_survey_destroy(survey);
	scene_close(&scene);
}
END_TEST

Suite *late_suite(void)
{
	Suite *suite = suite_create("late");
	TCase *tcase = tcase_create("late");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, what_where_finds_is_as_long_as_it_is, 0, 2);
	tcase_add_test(tcase, what_is_kept_for_shapes_is_bounded);
	tcase_add_loop_test(tcase, a_shape_may_be_told_by_an_input, 0, 2);
	tcase_add_loop_test(tcase, a_value_may_grow_in_a_loop, 0, 2);
	tcase_add_loop_test(tcase, a_shape_may_depend_on_a_branch, 0, 2);
	tcase_add_loop_test(tcase, what_touches_state_waits_with_what_stands_before_it, 0, 2);
	tcase_add_test(tcase, such_an_output_is_refused_where_it_is_not_welcome);
	suite_add_tcase(suite, tcase);
	return suite;
}
