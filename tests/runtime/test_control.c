/* SPDX-License-Identifier: MIT */
/*
 * Several subgraphs: loops, branches, initialisation and composites, what they keep of the shapes and constants they are given, and what
 * ends those that would not end.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/util.h"
#include "tests/runtime/brief.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

static void resource(struct tfl_builder *b, const char *name, int handle)
{
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_VAR_HANDLE);

	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_STRING, .data = name});
	op(b, TFL_BUILTIN_VAR_HANDLE, (struct tfl_ints){0}, TFL_INTS(handle), options);
}

static const struct tfl_ints scalar = {NULL, 0};

/* How often the loop of this test goes round is its second input; each time x becomes 2 x + w, where w is a constant before the loop. */
enum { LOOP_X, LOOP_TIMES, LOOP_COUNTER, LOOP_W, LOOP_OUT };

static struct tfl_builder *build_loop(void)
{
	static const float w[4] = {1, 2, 3, 4}, two = 2;
	static const int32_t zero, one = 1;
	struct tfl_builder *b = tfl_build_create();
	int values[4];

	tensor(b, TFL_FLOAT32, TFL_INTS(4));
	tensor(b, TFL_INT32, scalar);
	constant(b, TFL_INT32, scalar, &zero, sizeof(zero));
	constant(b, TFL_FLOAT32, TFL_INTS(4), w, sizeof(w));
	for (int i = 0; i < 4; i++)
		tensor(b, i < 2 ? TFL_INT32 : TFL_FLOAT32, i < 2 ? scalar : TFL_INTS(4));
	op(b, TFL_BUILTIN_WHILE, TFL_INTS(LOOP_COUNTER, LOOP_TIMES, LOOP_X, LOOP_W), TFL_INTS(LOOP_OUT, LOOP_OUT + 1, LOOP_OUT + 2, LOOP_OUT + 3),
	   tfl_options_ints(TFL_OPTIONS_WHILE, TFL_INTS(1, 2)));
	tfl_build_io(b, TFL_INTS(LOOP_X, LOOP_TIMES), TFL_INTS(LOOP_OUT + 2, LOOP_OUT, LOOP_OUT + 3));
	for (int subgraph = 1; subgraph <= 2; subgraph++) {
		tfl_build_subgraph(b, subgraph == 1 ? "condition" : "body");
		for (int i = 0; i < 4; i++)
			values[i] = tensor(b, i < 2 ? TFL_INT32 : TFL_FLOAT32, i < 2 ? scalar : TFL_INTS(4));
		if (subgraph == 1) {
			tensor(b, TFL_BOOL, scalar);
			op(b, TFL_BUILTIN_LESS, TFL_INTS(values[0], values[1]), TFL_INTS(4), none());
			tfl_build_io(b, TFL_INTS(0, 1, 2, 3), TFL_INTS(4));
			continue;
		}
		constant(b, TFL_INT32, scalar, &one, sizeof(one));
		constant(b, TFL_FLOAT32, scalar, &two, sizeof(two));
		tensor(b, TFL_INT32, scalar);
		tensor(b, TFL_FLOAT32, TFL_INTS(4));
		tensor(b, TFL_FLOAT32, TFL_INTS(4));
		op(b, TFL_BUILTIN_ADD, TFL_INTS(0, 4), TFL_INTS(6), tfl_options_add(0));
		op(b, TFL_BUILTIN_MUL, TFL_INTS(2, 5), TFL_INTS(7), tfl_options_mul(0));
		op(b, TFL_BUILTIN_ADD, TFL_INTS(7, 3), TFL_INTS(8), tfl_options_add(0));
		tfl_build_io(b, TFL_INTS(0, 1, 2, 3), TFL_INTS(6, 1, 8, 3));
	}
	return b;
}

static int run_loop(struct tfl_interpreter *interpreter, int32_t times, const struct tfl_run_control *control, struct tfl_error *error)
{
	float *x = tfl_interpreter_input(interpreter, 0);

	for (int i = 0; i < 4; i++)
		x[i] = (float)i;
	memcpy(tfl_interpreter_input(interpreter, 1), &times, sizeof(times));
	return tfl_interpreter_invoke(interpreter, control, error);
}

START_TEST(a_loop_goes_round_as_often_as_data_says)
{
	static const int32_t times[] = {3, 0, 1, 20, -5, 2};
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct scene scene;

	ck_assert_msg(scene_open(&scene, build_loop()) == 0, "%s", scene.error.text);
	program = scene_program(&scene, &(struct tfl_program_options){.portable = _i});
	ck_assert(!tfl_program_stateful(program));
	interpreter = scene_interpreter(program);
	for (size_t t = 0; t < TFL_ARRAY_SIZE(times); t++) {
		int32_t rounds = times[t] < 0 ? 0 : times[t];

		ck_assert_int_eq(run_loop(interpreter, times[t], NULL, &scene.error), 0);
		ck_assert_int_eq(*(const int32_t *)tfl_interpreter_output(interpreter, 1), rounds);
		for (int i = 0; i < 4; i++) {
			float expected = (float)i;

			for (int32_t round = 0; round < rounds; round++)
				expected = 2 * expected + (float)(i + 1);
			ck_assert_float_eq(((const float *)tfl_interpreter_output(interpreter, 0))[i], expected);
			ck_assert_float_eq(((const float *)tfl_interpreter_output(interpreter, 2))[i], (float)(i + 1));
		}
	}
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* The budget is that of one inference: the next has all of it again. */
START_TEST(a_loop_has_a_budget)
{
	static const struct {
		struct tfl_program_options options;
		const char *words;
	} rows[] = {
		{{.loop_iterations = 100}, "after 100 iterations"},
		{{.loop_ns = 30000000, .loop_iterations = UINT64_MAX}, "after 30 ms"},
		{{.work_max = 5000}, "5000 operations"},
	};
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct scene scene;

	ck_assert_int_eq(scene_open(&scene, build_loop()), 0);
	program = scene_program(&scene, &rows[_i].options);
	interpreter = scene_interpreter(program);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(run_loop(interpreter, INT32_MAX, NULL, &scene.error), -EXFULL);
		ck_assert_int_eq(scene.error.code, -EXFULL);
		ck_assert_ptr_nonnull(strstr(scene.error.text, "budget exceeded"));
		ck_assert_msg(strstr(scene.error.text, rows[_i].words) != NULL, "%s", scene.error.text);
		ck_assert_int_eq(run_loop(interpreter, 100, NULL, &scene.error), 0);
	}
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

static atomic_bool enough;

static void *compete(void *data)
{
	while (!atomic_load_explicit(&enough, memory_order_relaxed))
		;
	return NULL;
}

/* The only processor that this process has from now on, with others who want it. */
static void share_one_processor(pthread_t threads[static 3])
{
	cpu_set_t set;
	int first = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(first, &set))
		first++;
	CPU_ZERO(&set);
	CPU_SET(first, &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, compete, NULL), 0);
}

static uint64_t processor_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Whoever runs when nobody else does gets all of the time, however long that takes. */
START_TEST(the_time_of_a_loop_may_be_that_of_the_processor)
{
	const struct tfl_run_control idle = {.idle = true};
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	pthread_t threads[3];
	struct scene scene;
	uint64_t begin;

	ck_assert_int_eq(scene_open(&scene, build_loop()), 0);
	program = scene_program(&scene, &(struct tfl_program_options){.loop_ns = 100000000, .loop_iterations = UINT64_MAX});
	interpreter = scene_interpreter(program);
	share_one_processor(threads);
	begin = processor_ns();
	ck_assert_int_eq(run_loop(interpreter, INT32_MAX, &idle, &scene.error), -EXFULL);
	ck_assert_uint_ge(processor_ns() - begin, 100000000);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "after 100 ms"));
	atomic_store(&enough, true);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(a_loop_can_be_cancelled_and_has_the_deadline_of_its_request)
{
	atomic_bool cancelled = true;
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct scene scene;

	ck_assert_int_eq(scene_open(&scene, build_loop()), 0);
	program = scene_program(&scene, NULL);
	interpreter = scene_interpreter(program);
	ck_assert_int_eq(run_loop(interpreter, INT32_MAX, &(struct tfl_run_control){.cancelled = &cancelled}, &scene.error), -ECANCELED);
	ck_assert_int_eq(run_loop(interpreter, INT32_MAX, &(struct tfl_run_control){.deadline_ns = 1}, &scene.error), -ETIME);
	ck_assert_int_eq(run_loop(interpreter, 5, NULL, &scene.error), 0);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* A branch each for the two ways: the negative of x, or its double. Both read the same constant. */
START_TEST(a_branch_is_taken_as_data_says)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct scene scene;

	tensor(b, TFL_BOOL, scalar);
	tensor(b, TFL_FLOAT32, TFL_INTS(3));
	tensor(b, TFL_FLOAT32, TFL_INTS(3));
	op(b, TFL_BUILTIN_IF, TFL_INTS(0, 1), TFL_INTS(2), tfl_options_ints(TFL_OPTIONS_IF, TFL_INTS(1, 2)));
	tfl_build_io(b, TFL_INTS(0, 1), TFL_INTS(2));
	for (int subgraph = 1; subgraph <= 2; subgraph++) {
		tfl_build_subgraph(b, "branch");
		tensor(b, TFL_FLOAT32, TFL_INTS(3));
		tensor(b, TFL_FLOAT32, TFL_INTS(3));
		op(b, subgraph == 1 ? TFL_BUILTIN_NEG : TFL_BUILTIN_ADD, subgraph == 1 ? TFL_INTS(0) : TFL_INTS(0, 0), TFL_INTS(1), none());
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
	}
	ck_assert_msg(scene_open(&scene, b) == 0, "%s", scene.error.text);
	program = scene_program(&scene, &(struct tfl_program_options){.portable = _i});
	interpreter = scene_interpreter(program);
	for (uint8_t condition = 0; condition < 4; condition++) {
		/* Whoever sends a bool may send any byte. */
		*(uint8_t *)tfl_interpreter_input(interpreter, 0) = condition;
		memcpy(tfl_interpreter_input(interpreter, 1), (float[]){1, -2, 5}, 12);
		scene_invoke(interpreter);
		ck_assert_mem_eq(tfl_interpreter_output(interpreter, 0), (condition ? (float[]){-1, 2, -5} : (float[]){2, -4, 10}), 12);
	}
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* count += 1; y = x + count, where count begins with what CALL_ONCE assigns, if @p initialised. */
static struct tfl_builder *build_counter(bool initialised, int32_t width)
{
	static const float start[8] = {100, 100, 100, 100, 100, 100, 100, 100}, one = 1;
	struct tfl_builder *b = tfl_build_create();
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(4)), handle = tensor(b, TFL_RESOURCE, scalar), count = tensor(b, TFL_FLOAT32, TFL_INTS(4));
	int step = constant(b, TFL_FLOAT32, scalar, &one, sizeof(one)), next = tensor(b, TFL_FLOAT32, TFL_INTS(4));
	int y = tensor(b, TFL_FLOAT32, TFL_INTS(4));

	if (initialised)
		op(b, TFL_BUILTIN_CALL_ONCE, (struct tfl_ints){0}, (struct tfl_ints){0}, tfl_options_ints(TFL_OPTIONS_CALL_ONCE, TFL_INTS(1)));
	resource(b, "count", handle);
	op(b, TFL_BUILTIN_READ_VARIABLE, TFL_INTS(handle), TFL_INTS(count), none());
	op(b, TFL_BUILTIN_ADD, TFL_INTS(count, step), TFL_INTS(next), tfl_options_add(0));
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(handle, next), (struct tfl_ints){0}, none());
	op(b, TFL_BUILTIN_ADD, TFL_INTS(x, next), TFL_INTS(y), tfl_options_add(0));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	tfl_build_subgraph(b, "initialisation");
	tensor(b, TFL_RESOURCE, scalar);
	constant(b, TFL_FLOAT32, TFL_INTS(width), start, (size_t)width * sizeof(float));
	resource(b, "count", 0);
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(0, 1), (struct tfl_ints){0}, none());
	tfl_build_io(b, (struct tfl_ints){0}, (struct tfl_ints){0});
	return b;
}

START_TEST(a_resource_begins_with_its_initialisation)
{
	struct tfl_interpreter *interpreter, *other;
	struct tfl_program *program;
	struct scene scene;

	ck_assert_msg(scene_open(&scene, build_counter(true, 4)) == 0, "%s", scene.error.text);
	program = scene_program(&scene, &(struct tfl_program_options){.portable = _i});
	ck_assert(tfl_program_stateful(program));
	interpreter = scene_interpreter(program);
	other = scene_interpreter(program);
	for (int run = 0; run < 9; run++) {
		memcpy(tfl_interpreter_input(interpreter, 0), (float[]){0, 1, 2, 3}, 16);
		scene_invoke(interpreter);
		for (int i = 0; i < 4; i++)
			ck_assert_float_eq(((const float *)tfl_interpreter_output(interpreter, 0))[i], (float)(i + 101 + run % 3));
		if (run % 3 == 2)
			tfl_interpreter_reset(interpreter);
	}
	memcpy(tfl_interpreter_input(other, 0), (float[]){0, 1, 2, 3}, 16);
	scene_invoke(other);
	ck_assert_float_eq(((const float *)tfl_interpreter_output(other, 0))[0], 101);
	tfl_interpreter_destroy(interpreter);
	tfl_interpreter_destroy(other);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(what_was_not_assigned_or_in_another_shape_is_not_read)
{
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct scene scene;

	ck_assert_int_eq(scene_open(&scene, build_counter(_i > 0, 8)), 0);
	program = scene_program(&scene, NULL);
	interpreter = scene_interpreter(program);
	ck_assert_int_eq(tfl_interpreter_invoke(interpreter, NULL, &scene.error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "(READ_VARIABLE): 'count'"));
	ck_assert_ptr_nonnull(strstr(scene.error.text, _i ? "holds float32 [8], but float32 [4] is expected" : "before anything was assigned"));
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* y = composite(x), which subgraph 1 spells out; subgraph 1 calls @p next, if it is not 0. */
static struct tfl_builder *build_composite(int32_t first, int32_t next)
{
	struct tfl_builder *b = tfl_build_create();

	for (int subgraph = 0; subgraph < 2; subgraph++) {
		int32_t called = subgraph == 0 ? first : next;
		struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_2_STABLEHLO_COMPOSITE);

		if (subgraph > 0)
			tfl_build_subgraph(b, "decomposition");
		options.second = true;
		tfl_options_add_field(&options, (struct tfl_build_field){.slot = 0, .kind = TFL_BUILD_STRING, .data = "odml.test"});
		tfl_options_add_field(&options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_I32, .integer = called});
		tensor(b, TFL_FLOAT32, TFL_INTS(2, 3));
		tensor(b, TFL_FLOAT32, TFL_INTS(2, 3));
		op(b, called ? TFL_BUILTIN_STABLEHLO_COMPOSITE : TFL_BUILTIN_NEG, TFL_INTS(0), TFL_INTS(1), called ? options : none());
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
	}
	return b;
}

START_TEST(a_composite_is_what_it_is_composed_of)
{
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct scene scene;

	ck_assert_msg(scene_open(&scene, build_composite(1, 0)) == 0, "%s", scene.error.text);
	program = scene_program(&scene, &(struct tfl_program_options){.portable = _i});
	interpreter = scene_interpreter(program);
	memcpy(tfl_interpreter_input(interpreter, 0), (float[]){1, 2, 3, -4, 5, 6}, 24);
	scene_invoke(interpreter);
	ck_assert_mem_eq(tfl_interpreter_output(interpreter, 0), ((float[]){-1, -2, -3, 4, -5, -6}), 24);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(a_call_without_end_is_refused)
{
	static const struct {
		int32_t first, next;
		int code;
		const char *words;
	} rows[] = {
		{1, 1, -EOPNOTSUPP, "calls subgraph 1, in which it is itself"},
		{7, 0, -EINVAL, "calls subgraph 7, but there are 2"},
		{-3, 0, -EINVAL, "calls subgraph -3"},
	};
	struct tfl_program *program;
	struct scene scene;

	ck_assert_int_eq(scene_open(&scene, build_composite(rows[_i].first, rows[_i].next)), 0);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), rows[_i].code);
	ck_assert_msg(strstr(scene.error.text, rows[_i].words) != NULL, "%s", scene.error.text);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "STABLEHLO_COMPOSITE"));
	scene_close(&scene);
}
END_TEST

/* Each subgraph calls the next one twice: 2 to the power of their number, if nobody counted. */
START_TEST(calls_are_counted)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_program *program;
	struct scene scene;

	for (int32_t i = 0; i < 20; i++) {
		struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_2_STABLEHLO_COMPOSITE);

		if (i > 0)
			tfl_build_subgraph(b, "next");
		options.second = true;
		tfl_options_add_field(&options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_I32, .integer = i + 1});
		for (int t = 0; t < 3; t++)
			tensor(b, TFL_FLOAT32, TFL_INTS(2));
		op(b, i < 19 ? TFL_BUILTIN_STABLEHLO_COMPOSITE : TFL_BUILTIN_NEG, TFL_INTS(0), TFL_INTS(1), i < 19 ? options : none());
		op(b, i < 19 ? TFL_BUILTIN_STABLEHLO_COMPOSITE : TFL_BUILTIN_NEG, TFL_INTS(1), TFL_INTS(2), i < 19 ? options : none());
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(2));
	}
	ck_assert_int_eq(scene_open(&scene, b), 0);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EFBIG);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "more than 256 subgraphs"));
	scene_close(&scene);
}
END_TEST

Suite *control_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("control");

	tcase_add_loop_test(tcase, a_loop_goes_round_as_often_as_data_says, 0, 2);
	tcase_add_loop_test(tcase, a_loop_has_a_budget, 0, 3);
	tcase_add_test(tcase, the_time_of_a_loop_may_be_that_of_the_processor);
	tcase_add_test(tcase, a_loop_can_be_cancelled_and_has_the_deadline_of_its_request);
	tcase_add_loop_test(tcase, a_branch_is_taken_as_data_says, 0, 2);
	tcase_add_loop_test(tcase, a_resource_begins_with_its_initialisation, 0, 2);
	tcase_add_loop_test(tcase, what_was_not_assigned_or_in_another_shape_is_not_read, 0, 2);
	tcase_add_loop_test(tcase, a_composite_is_what_it_is_composed_of, 0, 2);
	tcase_add_loop_test(tcase, a_call_without_end_is_refused, 0, 3);
	tcase_add_test(tcase, calls_are_counted);
	suite_add_tcase(suite, tcase);
	return suite;
}
