/* SPDX-License-Identifier: MIT */
/* Constants that are computed at load: which of them stay in memory. */
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/graph.h"
#include "runtime/program_internal.h"
#include "tests/builder/random.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define ELEMENTS 10000
#define WIDE (ELEMENTS * sizeof(float))
#define SLACK 4096 /* parameters of operators, headers of blocks */

enum { X, HALF, SPARSE, DENSE, WEIGHTS, MORE, Y, Z, TENSORS };

static const struct tfl_build_options none;

static void operation(struct tfl_builder *b, uint32_t code, struct tfl_ints inputs, int32_t output)
{
	tfl_build_operator(b, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = TFL_INTS(output), .options = none});
}

/* Tensors by number: an input, float16 weights dense and sparse, and what operators make of them. */
static struct tfl_builder *start(void)
{
	static uint16_t halves[ELEMENTS];
	const struct tfl_build_level level = {.size = ELEMENTS};
	const struct tfl_build_sparsity sparsity = {TFL_INTS(0), {NULL, 0}, &level, 1};
	struct tfl_builder *b = tfl_build_create();

	for (int i = 0; i < ELEMENTS; i++)
		halves[i] = 0x3c00; /* 1 */
	for (int i = 0; i < TENSORS; i++) {
		bool half = i == HALF || i == SPARSE || i == DENSE, constant = i == HALF || i == SPARSE;

		tfl_build_tensor(b, &(struct tfl_build_tensor){.dtype = half ? TFL_FLOAT16 : TFL_FLOAT32, .dims = TFL_INTS(ELEMENTS),
							       .data = constant ? halves : NULL, .data_size = sizeof(halves),
							       .sparsity = i == SPARSE ? &sparsity : NULL});
	}
	return b;
}

static void open_graph(struct tfl_builder *b, struct tfl_ints outputs, struct scene *scene, struct tfl_graph **ret_graph)
{
	tfl_build_io(b, TFL_INTS(X), outputs);
	ck_assert_msg(scene_open(scene, b) == 0, "%s", scene->error.text);
	ck_assert_msg(tfl_graph_create(&(struct tfl_graph_spec){.model = scene->model}, ret_graph, &scene->error) == 0, "%s", scene->error.text);
}

static void close_graph(struct scene *scene, struct tfl_graph *graph)
{
	tfl_graph_destroy(graph);
	scene_close(scene);
}

/* The sparse constant, its dense form and the wide one come one after the other; the last stays. */
START_TEST(a_chain_leaves_its_end)
{
	struct tfl_builder *b = start();
	struct tfl_graph *graph;
	struct scene scene;

	operation(b, TFL_BUILTIN_DENSIFY, TFL_INTS(SPARSE), DENSE);
	operation(b, TFL_BUILTIN_DEQUANTIZE, TFL_INTS(DENSE), WEIGHTS);
	operation(b, TFL_BUILTIN_MUL, TFL_INTS(X, WEIGHTS), Y);
	open_graph(b, TFL_INTS(Y), &scene, &graph);
	ck_assert_ptr_null(graph->values[SPARSE].data);
	ck_assert_ptr_null(graph->values[DENSE].data);
	ck_assert_float_eq(((const float *)graph->values[WEIGHTS].data)[ELEMENTS - 1], 1);
	ck_assert_uint_le(graph->account->bytes, WIDE + SLACK);
	close_graph(&scene, graph);
}
END_TEST

/* Read once more by an operator that runs, and once as an output. */
START_TEST(what_is_still_read_stays)
{
	struct tfl_builder *b = start();
	struct tfl_graph *graph;
	struct scene scene;

	operation(b, TFL_BUILTIN_DEQUANTIZE, TFL_INTS(HALF), WEIGHTS);
	operation(b, TFL_BUILTIN_MUL, TFL_INTS(WEIGHTS, WEIGHTS), MORE);
	operation(b, TFL_BUILTIN_MUL, TFL_INTS(MORE, MORE), Z);
	operation(b, TFL_BUILTIN_MUL, TFL_INTS(X, WEIGHTS), Y);
	open_graph(b, TFL_INTS(Y, Z), &scene, &graph);
	ck_assert_ptr_nonnull(graph->values[WEIGHTS].data);
	ck_assert_ptr_null(graph->values[MORE].data);
	ck_assert_ptr_nonnull(graph->values[Z].data);
	ck_assert_uint_le(graph->account->bytes, 2 * WIDE + SLACK);
	close_graph(&scene, graph);
}
END_TEST

/* The limit is for what is there at one time: a file of a megabyte may be folded into far more, one after the other. */
START_TEST(the_limit_counts_what_stays)
{
	enum { STEPS = 20000 };
	struct tfl_builder *b = start();
	struct tfl_graph *graph;
	struct scene scene;
	int32_t last = WEIGHTS;

	operation(b, TFL_BUILTIN_DEQUANTIZE, TFL_INTS(HALF), WEIGHTS);
	for (int i = 0; i < STEPS; i++) {
		int32_t next = tfl_build_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(ELEMENTS)});

		operation(b, TFL_BUILTIN_RELU, TFL_INTS(last), next);
		last = next;
	}
	operation(b, TFL_BUILTIN_MUL, TFL_INTS(X, last), Y);
	open_graph(b, TFL_INTS(Y), &scene, &graph);
	ck_assert_uint_le(graph->account->bytes, 2 * WIDE + STEPS * 512 + SLACK);
	close_graph(&scene, graph);
}
END_TEST

/* x -> CONV_2D or DEPTHWISE_CONV_2D, whose filter is a DEQUANTIZE of float16. */
struct convolution {
	uint32_t code;
	int32_t channels; /* of x and of the output */
	int32_t filter[4];
	bool stays;
};

static const struct convolution convolutions[] = {
	{TFL_BUILTIN_CONV_2D, 64, {64, 3, 3, 64}, false},
	{TFL_BUILTIN_CONV_2D, 128, {128, 3, 3, 32}, false}, /* in groups */
	{TFL_BUILTIN_CONV_2D, 128, {128, 1, 1, 128}, false},
	/* XNNPACK packs those of depthwise convolutions for each interpreter. */
	{TFL_BUILTIN_DEPTHWISE_CONV_2D, 1024, {1, 3, 3, 1024}, true},
	{TFL_BUILTIN_CONV_2D, 1024, {1024, 3, 3, 1}, true},
	{TFL_BUILTIN_CONV_2D, 16384, {16384, 1, 1, 1}, true},
};

static void open_convolution(struct scene *scene, const struct convolution *c)
{
	static uint16_t halves[1 << 16];
	const struct tfl_build_window window = {.stride_h = 1, .stride_w = 1};
	const int32_t dims[] = {1, 4, 4, c->channels};
	size_t count = (size_t)c->filter[0] * (size_t)c->filter[1] * (size_t)c->filter[2] * (size_t)c->filter[3];
	struct tfl_builder *b = tfl_build_create();
	struct tfl_random random = {5};
	int32_t x, half, filter, y;

	for (size_t i = 0; i < count; i++)
		halves[i] = (uint16_t)(0x2c00 + tfl_random_below(&random, 1024)); /* 1/16 to 1/8 */
	x = tfl_build_tensor(b, &(struct tfl_build_tensor){.dims = {dims, 4}});
	half = tfl_build_tensor(b, &(struct tfl_build_tensor){.dtype = TFL_FLOAT16, .dims = {c->filter, 4}, .data = halves,
							      .data_size = count * 2});
	filter = tfl_build_tensor(b, &(struct tfl_build_tensor){.dims = {c->filter, 4}});
	y = tfl_build_tensor(b, &(struct tfl_build_tensor){.dims = {dims, 4}});
	operation(b, TFL_BUILTIN_DEQUANTIZE, TFL_INTS(half), filter);
	tfl_build_operator(b, &(struct tfl_build_operator){
		.code = c->code, .inputs = TFL_INTS(x, filter), .outputs = TFL_INTS(y),
		.options = c->code == TFL_BUILTIN_CONV_2D ? tfl_options_conv_2d(&window) : tfl_options_depthwise_conv_2d(&window)});
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	ck_assert_msg(scene_open(scene, b) == 0, "%s", scene->error.text);
}

static void compare_interpreters(struct scene *scene, struct tfl_program *program, unsigned count)
{
	struct tfl_program *portable = scene_program(scene, &(struct tfl_program_options){.portable = true});
	struct tfl_interpreter *right = scene_interpreter(portable);

	scene_fill(portable, right, 3);
	scene_invoke(right);
	for (unsigned i = 0; i < count; i++) {
		struct tfl_interpreter *left = scene_interpreter(program);

		scene_fill(program, left, 3);
		scene_invoke(left);
		scene_compare(program, left, right, 1e-4, 0, "folded weights");
		tfl_interpreter_destroy(left);
	}
	tfl_interpreter_destroy(right);
	tfl_program_destroy(portable);
}

/* Packed weights are all that is left of a filter that was computed, and they are right in every interpreter. */
START_TEST(packed_filters_give_their_memory_back)
{
	const struct convolution *c = &convolutions[_i];
	size_t elements = (size_t)c->filter[0] * (size_t)c->filter[1] * (size_t)c->filter[2] * (size_t)c->filter[3];
	struct tfl_program *program;
	struct scene scene;

	open_convolution(&scene, c);
	program = scene_program(&scene, NULL);
	ck_assert_int_eq(program->graph->account->bytes > elements * sizeof(float) * 3 / 4, c->stays);
	compare_interpreters(&scene, program, 3);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

Suite *fold_suite(void)
{
	Suite *suite = suite_create("fold");
	TCase *tests = tcase_create("fold");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_chain_leaves_its_end);
	tcase_add_test(tests, what_is_still_read_stays);
	tcase_add_test(tests, the_limit_counts_what_stays);
	tcase_add_loop_test(tests, packed_filters_give_their_memory_back, 0, TFL_ARRAY_SIZE(convolutions));
	suite_add_tcase(suite, tests);
	return suite;
}
