/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of loading a program, making interpreters of it and resizing their inputs fails once. Ours must be reported as such and leave nothing behind.
 * XNNPACK's come from an allocator of this test's, so that they can be told apart: where it looks at what it gets, a failure may also end in
 * portable kernels. Its memory planner does not look (src/memory-planner.c of 20241108), so plain allocate() never fails here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xnnpack.h>

#include "base/util.h"
#include "runtime/pool.h"
#include "tests/runtime/entry_sample.h"
#include "tests/runtime/random_graph.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"
#include "tests/support/allocation.h"

#define FAILURES_MAX 100000

/* What malloc() and its kin are without the harness (see tests/support/allocation.c). */
void *__real_malloc(size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **ret_block, size_t alignment, size_t size);
void __real_free(void *block);

static struct {
	unsigned long countdown; /* 0: nothing is to fail */
	long live;
} foreign;

static bool fails(void)
{
	return foreign.countdown > 0 && --foreign.countdown == 0;
}

static void *note(void *block)
{
	foreign.live += block != NULL;
	return block;
}

static void *allocate(void *context, size_t size)
{
	return note(__real_malloc(size));
}

static void *reallocate(void *context, void *block, size_t size)
{
	if (fails())
		return NULL;
	return block ? __real_realloc(block, size) : note(__real_malloc(size));
}

static void *aligned_allocate(void *context, size_t alignment, size_t size)
{
	void *block;

	return fails() || __real_posix_memalign(&block, alignment, size) != 0 ? NULL : note(block);
}

static void deallocate(void *context, void *block)
{
	foreign.live -= block != NULL;
	__real_free(block);
}

static const struct xnn_allocator allocator = {
	.allocate = allocate,
	.reallocate = reallocate,
	.deallocate = deallocate,
	.aligned_allocate = aligned_allocate,
	.aligned_deallocate = deallocate,
};

/* One load: a program, two interpreters in a pool (one of them the spare one), a run of each. */
static int load(void *data)
{
	const struct tfl_model *model = data;
	struct tfl_program *program = NULL;
	struct tfl_interpreter *interpreters[2];
	struct tfl_pool *pool = NULL;
	struct tfl_error error = {0};
	int r;

	r = tfl_program_create(model, NULL, &program, &error);
	if (r == 0)
		r = tfl_pool_create(program, 2, NULL, &pool, &error);
	for (size_t i = 0; r == 0 && i < TFL_ARRAY_SIZE(interpreters); i++) {
		interpreters[i] = tfl_pool_borrow(pool);
		r = tfl_interpreter_invoke(interpreters[i], NULL, &error);
	}
	for (size_t i = 0; r == 0 && i < TFL_ARRAY_SIZE(interpreters); i++)
		tfl_pool_return(pool, interpreters[i]);
	tfl_pool_destroy(pool);
	tfl_program_destroy(program);
	return r < 0 && (error.code != r || !error.text[0]) ? -EIO : r;
}

/* Each signature that can be run, with the inputs of the file and with others, by two interpreters that share what is made for these. */
static int call(void *data)
{
	struct tfl_interpreter *interpreters[2] = {NULL}, *part;
	const struct tfl_model *model = data;
	struct tfl_program *program = NULL;
	struct tfl_error error = {0};
	int r;

	r = tfl_program_create(model, NULL, &program, &error);
	for (uint32_t i = 0; r == 0 && i < TFL_ARRAY_SIZE(interpreters); i++)
		r = tfl_interpreter_create(program, &interpreters[i], &error);
	for (uint32_t i = 0; r == 0 && i < TFL_ARRAY_SIZE(interpreters) * ENTRY_COUNT; i++) {
		struct tfl_interpreter *interpreter = interpreters[i / ENTRY_COUNT];
		const struct tfl_io_shape shape = {2, {i % ENTRY_COUNT == ENTRY_TWICE ? 1 : 3, ENTRY_COLUMNS}};

		if (i % ENTRY_COUNT == ENTRY_BROKEN)
			continue;
		r = tfl_interpreter_resize(tfl_interpreter_entry(interpreter, i % ENTRY_COUNT), &shape, &part, &error);
		if (r == 0)
			r = tfl_interpreter_invoke(part, NULL, &error);
	}
	for (uint32_t i = 0; i < TFL_ARRAY_SIZE(interpreters); i++)
		tfl_interpreter_destroy(interpreters[i]);
	tfl_program_destroy(program);
	return r < 0 && (error.code != r || !error.text[0]) ? -EIO : r;
}

/* A graph with steps of both kinds, and XNNPACK prepared, which happens once in a process and is not tried again. */
static void open_graph(struct scene *scene, int number)
{
	struct random_graph wanted = {
		.seed = 100 + (uint64_t)number, .dtype = number ? TFL_INT8 : TFL_FLOAT32, .operators = 14, .inputs = 2, .outputs = 2};
	struct tfl_program_info info;
	struct tfl_program *program;

	/* The first allocator that XNNPACK is given stays. */
	ck_assert_int_eq(xnn_initialize(&allocator), xnn_status_success);
	ck_assert_int_eq(scene_open(scene, random_graph_build(&wanted)), 0);
	program = scene_program(scene, NULL);
	tfl_program_info(program, &info);
	ck_assert_uint_gt(info.xnnpack_operators, 2);
	ck_assert_uint_gt(info.steps, 2);
	ck_assert_int_gt(foreign.live, 0);
	tfl_program_destroy(program);
}

START_TEST(every_allocation_may_fail)
{
	struct scene scene;

	open_graph(&scene, _i);
	ck_assert_uint_gt(allocation_fail_each(load, scene.model), 50);
	scene_close(&scene);
}
END_TEST

static void open_entries(struct scene *scene)
{
	struct tfl_builder *b = tfl_build_create();

	ck_assert_int_eq(xnn_initialize(&allocator), xnn_status_success);
	entry_sample_build(b);
	ck_assert_int_eq(scene_open(scene, b), 0);
	ck_assert_int_eq(call(scene->model), 0);
}

START_TEST(every_allocation_of_calls_may_fail)
{
	struct scene scene;

	open_entries(&scene);
	ck_assert_uint_gt(allocation_fail_each(call, scene.model), 200);
	scene_close(&scene);
}
END_TEST

static void fail_each_of_xnnpack(int (*body)(void *data), struct scene *scene)
{
	unsigned long n, memory = 0;
	long before = foreign.live;

	for (n = 1; n < FAILURES_MAX; n++) {
		int r;

		foreign.countdown = n;
		r = body(scene->model);
		ck_assert_msg(r == 0 || r == -ENOMEM || r == -EINVAL, "allocation %lu failing gives %d", n, r);
		ck_assert_msg(foreign.live == before, "allocation %lu failing leaves %ld blocks behind", n, foreign.live - before);
		memory += r == -ENOMEM;
		if (foreign.countdown > 0)
			break;
	}
	foreign.countdown = 0;
	ck_assert_uint_gt(n, 20);
	ck_assert_uint_gt(memory, 5);
	scene_close(scene);
}

START_TEST(allocations_of_xnnpack_may_fail)
{
	struct scene scene;

	open_graph(&scene, _i);
	fail_each_of_xnnpack(load, &scene);
}
END_TEST

START_TEST(allocations_of_xnnpack_for_calls_may_fail)
{
	struct scene scene;

	open_entries(&scene);
	fail_each_of_xnnpack(call, &scene);
}
END_TEST

Suite *allocation_suite(void)
{
	Suite *suite = suite_create("allocation");
	TCase *tests = tcase_create("allocation");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, every_allocation_may_fail, 0, 2);
	tcase_add_test(tests, every_allocation_of_calls_may_fail);
	tcase_add_loop_test(tests, allocations_of_xnnpack_may_fail, 0, 2);
	tcase_add_test(tests, allocations_of_xnnpack_for_calls_may_fail);
	suite_add_tcase(suite, tests);
	return suite;
}
