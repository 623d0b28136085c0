/* SPDX-License-Identifier: MIT */
/*
 * Running a program: what ends a run early and what that leaves behind, where the time went, what belongs to whom. The values themselves are
 * compared elsewhere.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/util.h"
#include "tests/runtime/random_graph.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define STEPS 40
#define ROWS 400
#define COLUMNS 100
#define TRIES 50

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* A chain of portable kernels, each long enough to be caught in the middle of the run; outputs are the first value and the last. */
static void open_slow(struct scene *scene)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t values[STEPS + 1];

	for (size_t i = 0; i <= STEPS; i++) {
		values[i] = tfl_build_tensor(builder, &(struct tfl_build_tensor){.dims = TFL_INTS(ROWS, COLUMNS)});
		if (i > 0)
			tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_LOG_SOFTMAX,
										 .inputs = TFL_INTS(values[i - 1]), .outputs = TFL_INTS(values[i])});
	}
	tfl_build_io(builder, TFL_INTS(values[0]), TFL_INTS(values[1], values[STEPS]));
	ck_assert_int_eq(scene_open(scene, builder), 0);
}

static void open_random(struct scene *scene, uint64_t seed)
{
	struct random_graph wanted = {.seed = seed, .operators = 30, .inputs = 2, .outputs = 2};

	ck_assert_int_eq(scene_open(scene, random_graph_build(&wanted)), 0);
}

/* The shortest of a few whole runs. */
static uint64_t measure(struct tfl_interpreter *interpreter)
{
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		uint64_t begin = now(), taken;

		scene_invoke(interpreter);
		taken = now() - begin;
		shortest = taken < shortest ? taken : shortest;
	}
	return shortest;
}

/* An ender makes a control that ends a run after some of the time that a whole one takes. */
struct ender {
	int code;
	const char *words;
	void (*begin)(struct ender *ender, uint64_t delay_ns);
	void (*finish)(struct ender *ender);
	struct tfl_run_control control;
	atomic_bool cancelled;
	uint64_t delay_ns;
	pthread_t thread;
};

static void begin_deadline(struct ender *ender, uint64_t delay_ns)
{
	ender->control.deadline_ns = now() + delay_ns;
}

static void finish_deadline(struct ender *ender)
{
	ender->control.deadline_ns = 0;
}

static void *cancel(void *data)
{
	struct ender *ender = data;

	nanosleep(&(struct timespec){.tv_nsec = (long)ender->delay_ns}, NULL);
	atomic_store(&ender->cancelled, true);
	return NULL;
}

static void begin_cancel(struct ender *ender, uint64_t delay_ns)
{
	atomic_store(&ender->cancelled, false);
	ender->control.cancelled = &ender->cancelled;
	ender->delay_ns = delay_ns;
	ck_assert_int_eq(pthread_create(&ender->thread, NULL, cancel, ender), 0);
}

static void finish_cancel(struct ender *ender)
{
	pthread_join(ender->thread, NULL);
	atomic_store(&ender->cancelled, false);
}

static struct ender enders[] = {
	{-ETIME, "time ran out", begin_deadline, finish_deadline},
	{-ECANCELED, "cancelled", begin_cancel, finish_cancel},
};

/* Whether this run was ended after its first step; one that gets through all of them ends well. */
static bool ends_in_the_middle(struct tfl_interpreter *interpreter, struct ender *ender, uint64_t delay_ns)
{
	float *first = (float *)tfl_interpreter_output(interpreter, 0);
	struct tfl_error error = {0};
	int r;

	*first = 1; /* which no logarithm of a share is */
	ender->begin(ender, delay_ns);
	r = tfl_interpreter_invoke(interpreter, &ender->control, &error);
	ender->finish(ender);
	if (r == 0)
		return false;
	ck_assert_int_eq(r, ender->code);
	ck_assert_int_eq(error.code, ender->code);
	ck_assert_ptr_nonnull(strstr(error.text, ender->words));
	return *first != 1;
}

START_TEST(a_run_can_be_ended_between_steps)
{
	struct ender *ender = &enders[_i];
	struct tfl_interpreter *interpreter, *other;
	struct tfl_program *program;
	struct scene scene;
	bool caught = false;
	uint64_t whole;

	open_slow(&scene);
	program = scene_program(&scene, NULL);
	interpreter = scene_interpreter(program);
	other = scene_interpreter(program);
	scene_fill(program, interpreter, 1);
	whole = measure(interpreter);
	/* On a busy machine the first look may come too late; once is enough. */
	for (int i = 0; i < TRIES && !caught; i++)
		caught = ends_in_the_middle(interpreter, ender, whole / 3);
	ck_assert_msg(caught, "%d runs of %llu ns were never ended in the middle", TRIES, (unsigned long long)whole);
	/* Afterwards it is as good as before. */
	scene_fill(program, interpreter, 2);
	scene_fill(program, other, 2);
	ck_assert_int_eq(tfl_interpreter_invoke(interpreter, &ender->control, NULL), 0);
	scene_invoke(other);
	scene_compare(program, interpreter, other, 0, 0, "after an ended run");
	tfl_interpreter_destroy(interpreter);
	tfl_interpreter_destroy(other);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* Nothing runs for a request that has ended already; one with time left is not disturbed. */
START_TEST(controls_are_looked_at_before_the_first_step)
{
	atomic_bool yes = true, no = false;
	const struct {
		struct tfl_run_control control;
		int code;
	} rows[] = {
		{{&yes, 0}, -ECANCELED},
		{{&no, 0}, 0},
		{{NULL, 1}, -ETIME},
		{{NULL, UINT64_MAX}, 0},
		{{NULL, 0}, 0},
		{{&yes, 1}, -ECANCELED},
		{{&no, now() + 3600000000000u}, 0},
	};
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct scene scene;

	open_slow(&scene);
	program = scene_program(&scene, NULL);
	interpreter = scene_interpreter(program);
	scene_fill(program, interpreter, 1);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		float *first = (float *)tfl_interpreter_output(interpreter, 0);

		*first = 1;
		ck_assert_int_eq(tfl_interpreter_invoke(interpreter, &rows[i].control, NULL), rows[i].code);
		ck_assert_msg((*first == 1) == (rows[i].code < 0), "row %zu: the first step has%s run", i, *first == 1 ? " not" : "");
	}
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(profile_tells_where_the_time_went)
{
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
	struct tfl_step_profile profile;
	struct tfl_program_info info;
	uint32_t operators = 0, xnnpack = 0, step;
	uint64_t sum = 0, begin, taken;
	struct scene scene;

	open_random(&scene, 11);
	program = scene_program(&scene, &(struct tfl_program_options){.profile = true});
	tfl_program_info(program, &info);
	interpreter = scene_interpreter(program);
	scene_fill(program, interpreter, 1);
	for (step = 0; tfl_interpreter_profile(interpreter, step, &profile); step++)
		ck_assert_uint_eq(profile.nanoseconds, 0);
	ck_assert_uint_eq(step, info.steps);
	begin = now();
	for (int i = 0; i < 20; i++)
		scene_invoke(interpreter);
	taken = now() - begin;
	for (step = 0; tfl_interpreter_profile(interpreter, step, &profile); step++) {
		ck_assert_uint_gt(profile.nanoseconds, 0);
		ck_assert_msg(strcmp(profile.name, "XNNPACK") == 0 ? profile.xnnpack : !profile.xnnpack && profile.operators == 1, "step %u: %s", step,
			      profile.name);
		sum += profile.nanoseconds;
		operators += profile.operators;
		xnnpack += profile.xnnpack ? profile.operators : 0;
	}
	ck_assert_uint_eq(operators, info.operators - info.folded_operators);
	ck_assert_uint_eq(xnnpack, info.xnnpack_operators);
	ck_assert_uint_le(sum, taken);
	ck_assert_uint_gt(sum, taken / 4);
	tfl_interpreter_profile_reset(interpreter);
	ck_assert(tfl_interpreter_profile(interpreter, 0, &profile));
	ck_assert_uint_eq(profile.nanoseconds, 0);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(no_profile_unless_asked_for)
{
	struct tfl_interpreter *interpreter;
	struct tfl_step_profile profile;
	struct tfl_program *program;
	struct scene scene;

	open_random(&scene, 11);
	program = scene_program(&scene, NULL);
	interpreter = scene_interpreter(program);
	ck_assert(!tfl_interpreter_profile(interpreter, 0, &profile));
	tfl_interpreter_profile_reset(interpreter);
	tfl_interpreter_destroy(interpreter);
	tfl_interpreter_destroy(NULL);
	tfl_program_destroy(program);
	tfl_program_destroy(NULL);
	scene_close(&scene);
}
END_TEST

/* Values of a megabyte that never leave XNNPACK: it asks for their memory when the interpreter is created. */
static void open_large(struct scene *scene)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t values[6];

	for (size_t i = 0; i < TFL_ARRAY_SIZE(values); i++) {
		values[i] = tfl_build_tensor(builder, &(struct tfl_build_tensor){.dims = TFL_INTS(512, 512)});
		if (i > 0)
			tfl_build_operator(builder, &(struct tfl_build_operator){.code = i % 2 ? TFL_BUILTIN_ABS : TFL_BUILTIN_NEG,
										 .inputs = TFL_INTS(values[i - 1]), .outputs = TFL_INTS(values[i])});
	}
	tfl_build_io(builder, TFL_INTS(values[0]), TFL_INTS(values[5]));
	ck_assert_int_eq(scene_open(scene, builder), 0);
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Else the first requests of a version, and of each further interpreter, would be slower than those that follow. */
START_TEST(the_first_run_finds_its_memory)
{
	struct scene scene;
	struct tfl_program *program;
	struct tfl_program_info info;

	mallopt(M_MMAP_THRESHOLD, 65536); /* memory that nobody has touched before */
	open_large(&scene);
	program = scene_program(&scene, NULL);
	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.xnnpack_operators, 5);
	for (int i = 0; i < 2; i++) {
		struct tfl_interpreter *interpreter = scene_interpreter(program);
		size_t bytes = tfl_interpreter_bytes(interpreter);
		long before = faults();

		ck_assert_uint_ge(bytes, 3u << 20);
		scene_invoke(interpreter);
		ck_assert_msg(faults() - before < 64, "run 1 of interpreter %d took %ld page faults; it has %zu bytes", i + 1, faults() - before, bytes);
		tfl_interpreter_destroy(interpreter);
	}
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* Each has memory of its own: runs in turn, on different inputs, do not disturb each other. */
START_TEST(interpreters_own_their_memory)
{
	struct tfl_interpreter *interpreters[4], *reference;
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;

	open_random(&scene, 12);
	program = scene_program(&scene, NULL);
	tfl_program_info(program, &info);
	reference = scene_interpreter(program);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(interpreters); i++) {
		interpreters[i] = scene_interpreter(program);
		ck_assert_uint_ge(tfl_interpreter_bytes(interpreters[i]), info.arena_bytes);
		ck_assert_uint_eq((uintptr_t)tfl_interpreter_input(interpreters[i], 0) % 64, 0);
		ck_assert_uint_eq((uintptr_t)tfl_interpreter_input(interpreters[i], 1) % 64, 0);
		scene_fill(program, interpreters[i], i);
	}
	for (size_t i = 0; i < TFL_ARRAY_SIZE(interpreters); i++)
		scene_invoke(interpreters[i]);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(interpreters); i++) {
		scene_fill(program, reference, i);
		scene_invoke(reference);
		scene_compare(program, interpreters[i], reference, 0, 0, "side by side");
		tfl_interpreter_destroy(interpreters[i]);
	}
	tfl_interpreter_destroy(reference);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

Suite *interpreter_suite(void)
{
	Suite *suite = suite_create("interpreter");
	TCase *tests = tcase_create("interpreter");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_run_can_be_ended_between_steps, 0, TFL_ARRAY_SIZE(enders));
	tcase_add_test(tests, controls_are_looked_at_before_the_first_step);
	tcase_add_test(tests, profile_tells_where_the_time_went);
	tcase_add_test(tests, no_profile_unless_asked_for);
	tcase_add_test(tests, the_first_run_finds_its_memory);
	tcase_add_test(tests, interpreters_own_their_memory);
	suite_add_tcase(suite, tests);
	return suite;
}
