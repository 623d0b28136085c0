/* SPDX-License-Identifier: MIT */
/*
 * Lending interpreters to threads. Each is lent to one at a time, and eight of them on eight threads compute what one computes alone, also
 * while further ones are made.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/pool.h"
#include "tests/builder/mobilenet.h"
#include "tests/runtime/random_graph.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define THREADS 8
#define RUNS 40
#define TURNS 2000

static void open_graph(struct scene *scene)
{
	struct random_graph wanted = {.seed = 21, .operators = 30, .inputs = 1, .outputs = 1};

	ck_assert_int_eq(scene_open(scene, random_graph_build(&wanted)), 0);
}

static void open_quantized_net(struct scene *scene)
{
	struct tfl_net *net = calloc(1, sizeof(*net));
	struct tfl_builder *builder = tfl_build_create();

	ck_assert_int_eq(tfl_net_tiny(net, 3), 0);
	ck_assert_int_eq(tfl_net_emit(net, true, builder), 0);
	tfl_net_finish(net);
	free(net);
	ck_assert_int_eq(scene_open(scene, builder), 0);
}

static void (*const openers[])(struct scene *scene) = {open_graph, open_quantized_net};

START_TEST(sizes_out_of_range_are_refused)
{
	static const unsigned sizes[] = {0, TFL_INSTANCES_MAX + 1, 4000000000u};
	struct tfl_program *program;
	struct tfl_pool *pool = NULL;
	struct tfl_error error;
	struct scene scene;

	open_graph(&scene);
	program = scene_program(&scene, NULL);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(sizes); i++) {
		ck_assert_int_eq(tfl_pool_create(program, sizes[i], NULL, &pool, &error), -EINVAL);
		ck_assert_msg(strstr(error.text, "1 to 64 are possible") != NULL, "%s", error.text);
		ck_assert_ptr_null(pool);
	}
	tfl_pool_destroy(NULL);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(creation_is_given_up_when_cancelled)
{
	atomic_bool cancelled = true;
	struct tfl_program *program;
	struct tfl_error error;
	struct tfl_pool *pool = NULL;
	struct scene scene;

	open_graph(&scene);
	program = scene_program(&scene, NULL);
	ck_assert_int_eq(tfl_pool_create(program, 3, &cancelled, &pool, &error), -ECANCELED);
	ck_assert_str_eq(error.text, "given up with 0 of 3 interpreters");
	ck_assert_ptr_null(pool);
	atomic_store(&cancelled, false);
	ck_assert_int_eq(tfl_pool_create(program, 3, &cancelled, &pool, &error), 0);
	tfl_pool_destroy(pool);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(the_last_one_returned_is_lent_first)
{
	struct tfl_interpreter *lent[3];
	struct tfl_program *program;
	struct tfl_error error;
	struct tfl_pool *pool;
	struct scene scene;
	size_t bytes = 0;

	open_graph(&scene);
	program = scene_program(&scene, NULL);
	ck_assert_int_eq(tfl_pool_create(program, 3, NULL, &pool, &error), 0);
	ck_assert_uint_eq(tfl_pool_instances(pool), 3);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(lent); i++) {
		lent[i] = tfl_pool_borrow(pool);
		ck_assert_ptr_nonnull(lent[i]);
		bytes += tfl_interpreter_bytes(lent[i]);
		for (size_t k = 0; k < i; k++)
			ck_assert_ptr_ne(lent[i], lent[k]);
	}
	ck_assert_ptr_null(tfl_pool_borrow(pool));
	ck_assert_uint_eq(tfl_pool_bytes(pool), bytes);
	tfl_pool_return(pool, lent[0]);
	tfl_pool_return(pool, lent[2]);
	ck_assert_ptr_eq(tfl_pool_borrow(pool), lent[2]);
	ck_assert_ptr_eq(tfl_pool_borrow(pool), lent[0]);
	ck_assert_ptr_null(tfl_pool_borrow(pool));
	for (size_t i = 0; i < TFL_ARRAY_SIZE(lent); i++)
		tfl_pool_return(pool, lent[i]);
	tfl_pool_destroy(pool);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* What threads share. A thread counts its own mistakes; libcheck is for the main thread. */
struct shared {
	struct tfl_program *program;
	struct tfl_pool *pool;
	void *right[THREADS]; /* output for the seed of this number */
	size_t bytes;
	struct tfl_interpreter *known[2]; /* of the small pool, and whether each is lent */
	atomic_bool lent[2];
	atomic_uint faults, borrowed;
};

struct worker {
	pthread_t thread;
	struct shared *shared;
	unsigned number;
};

static void run_threads(struct shared *shared, void *(*body)(void *data))
{
	struct worker workers[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.shared = shared, .number = i};
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

static void *take_turns(void *data)
{
	struct worker *worker = data;
	struct shared *shared = worker->shared;

	for (int i = 0; i < TURNS; i++) {
		struct tfl_interpreter *interpreter = tfl_pool_borrow(shared->pool);
		size_t index = interpreter == shared->known[1];

		if (!interpreter)
			continue;
		if (interpreter != shared->known[index] || atomic_exchange(&shared->lent[index], true))
			atomic_fetch_add(&shared->faults, 1);
		atomic_fetch_add(&shared->borrowed, 1);
		atomic_store(&shared->lent[index], false);
		tfl_pool_return(shared->pool, interpreter);
	}
	return NULL;
}

START_TEST(nobody_shares_an_interpreter)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	struct tfl_error error;
	struct scene scene;

	open_graph(&scene);
	shared->program = scene_program(&scene, NULL);
	ck_assert_int_eq(tfl_pool_create(shared->program, 2, NULL, &shared->pool, &error), 0);
	for (size_t i = 0; i < 2; i++)
		shared->known[i] = tfl_pool_borrow(shared->pool);
	for (size_t i = 0; i < 2; i++)
		tfl_pool_return(shared->pool, shared->known[i]);
	run_threads(shared, take_turns);
	ck_assert_uint_eq(atomic_load(&shared->faults), 0);
	ck_assert_uint_gt(atomic_load(&shared->borrowed), TURNS);
	tfl_pool_destroy(shared->pool);
	tfl_program_destroy(shared->program);
	free(shared);
	scene_close(&scene);
}
END_TEST

/* Runs the seed of its number again and again, on whichever interpreter it gets; now and then on one that it makes itself. */
static void *infer(void *data)
{
	struct worker *worker = data;
	struct shared *shared = worker->shared;

	for (int i = 0; i < RUNS; i++) {
		bool own = i % 10 == 9;
		struct tfl_interpreter *interpreter = NULL;

		if (own)
			tfl_interpreter_create(shared->program, &interpreter, NULL);
		else
			interpreter = tfl_pool_borrow(shared->pool);
		if (!interpreter) {
			atomic_fetch_add(&shared->faults, 1);
			break;
		}
		scene_fill(shared->program, interpreter, worker->number);
		if (tfl_interpreter_invoke(interpreter, NULL, NULL) < 0 ||
		    memcmp(tfl_interpreter_output(interpreter, 0), shared->right[worker->number], shared->bytes) != 0)
			atomic_fetch_add(&shared->faults, 1);
		if (own)
			tfl_interpreter_destroy(interpreter);
		else
			tfl_pool_return(shared->pool, interpreter);
	}
	return NULL;
}

START_TEST(eight_threads_compute_what_one_does)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	struct tfl_program_info before, after;
	struct tfl_interpreter *interpreter;
	struct tfl_error error;
	struct scene scene;
	uint32_t count;

	openers[_i](&scene);
	shared->program = scene_program(&scene, NULL);
	shared->bytes = tfl_program_outputs(shared->program, &count)[0].bytes;
	interpreter = scene_interpreter(shared->program);
	for (size_t i = 0; i < THREADS; i++) {
		scene_fill(shared->program, interpreter, i);
		scene_invoke(interpreter);
		shared->right[i] = malloc(shared->bytes);
		memcpy(shared->right[i], tfl_interpreter_output(interpreter, 0), shared->bytes);
	}
	tfl_interpreter_destroy(interpreter);
	tfl_program_info(shared->program, &before);
	ck_assert_uint_gt(before.xnnpack_operators, 0);
	ck_assert_int_eq(tfl_pool_create(shared->program, THREADS, NULL, &shared->pool, &error), 0);
	run_threads(shared, infer);
	ck_assert_uint_eq(atomic_load(&shared->faults), 0);
	tfl_program_info(shared->program, &after);
	ck_assert_uint_eq(after.packed_entries, before.packed_entries);
	ck_assert_uint_eq(after.packed_bytes, before.packed_bytes);
	tfl_pool_destroy(shared->pool);
	tfl_program_destroy(shared->program);
	for (size_t i = 0; i < THREADS; i++)
		free(shared->right[i]);
	free(shared);
	scene_close(&scene);
}
END_TEST

Suite *pool_suite(void)
{
	Suite *suite = suite_create("pool");
	TCase *tests = tcase_create("pool");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, sizes_out_of_range_are_refused);
	tcase_add_test(tests, creation_is_given_up_when_cancelled);
	tcase_add_test(tests, the_last_one_returned_is_lent_first);
	tcase_add_test(tests, nobody_shares_an_interpreter);
	tcase_add_loop_test(tests, eight_threads_compute_what_one_does, 0, TFL_ARRAY_SIZE(openers));
	suite_add_tcase(suite, tests);
	return suite;
}
