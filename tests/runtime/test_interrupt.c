/* SPDX-License-Identifier: MIT */
/*
 * Portable kernels that take seconds, each as a graph of its own, for a request that has a few milliseconds: they end in the middle, with what
 * the request is told. Where a machine is so slow that the time is over before they begin, that is said as well, and shows nothing.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define INPUTS_MAX 20
#define TIME_NS 30000000

struct operand {
	enum { LEFT_OUT, GIVEN, STATE, SHAPE } kind;
	struct tfl_ints dims;
};

struct kernel {
	const char *name;
	uint32_t code;
	struct tfl_build_options options;
	struct operand operands[INPUTS_MAX];
	uint32_t count;
};

#define IN(...) {GIVEN, TFL_INTS(__VA_ARGS__)}
#define NONE {LEFT_OUT, {0}}

static int32_t add_tensor(struct tfl_builder *builder, const struct operand *operand)
{
	const struct tfl_ints rank = TFL_INTS((int32_t)operand->dims.count);

	if (operand->kind == LEFT_OUT)
		return -1;
	if (operand->kind == SHAPE)
		return tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = TFL_INT32, .dims = rank, .data = operand->dims.values,
									    .data_size = operand->dims.count * sizeof(int32_t)});
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.dims = operand->dims, .is_variable = operand->kind == STATE});
}

static void open_kernel(struct scene *scene, const struct kernel *kernel)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t inputs[INPUTS_MAX], given[INPUTS_MAX], output;
	uint32_t given_count = 0;

	for (uint32_t i = 0; i < kernel->count; i++) {
		inputs[i] = add_tensor(builder, &kernel->operands[i]);
		if (kernel->operands[i].kind == GIVEN)
			given[given_count++] = inputs[i];
	}
	output = tfl_build_tensor(builder, &(struct tfl_build_tensor){.dims = TFL_INTS(1)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = kernel->code,
								 .inputs = {inputs, kernel->count},
								 .outputs = TFL_INTS(output),
								 .options = kernel->options});
	tfl_build_io(builder, (struct tfl_ints){given, given_count}, TFL_INTS(output));
	ck_assert_msg(scene_open(scene, builder) == 0, "%s: %s", kernel->name, scene->error.text);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void check(const struct kernel *kernel)
{
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	struct tfl_error error = {0};
	struct scene scene;
	int r;

	open_kernel(&scene, kernel);
	program = scene_program(&scene, &(struct tfl_program_options){.portable = true});
	interpreter = scene_interpreter(program);
	r = tfl_interpreter_invoke(interpreter, &(struct tfl_run_control){.deadline_ns = now() + TIME_NS}, &error);
	ck_assert_msg(r == -ETIME && strstr(error.text, "time ran out"), "%s: %d %s", kernel->name, r, error.text);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}

START_TEST(a_long_kernel_ends_with_its_request)
{
	const struct tfl_build_window plain = {.padding = TFL_PADDING_SAME};
	const struct tfl_build_window wide = {.padding = TFL_PADDING_SAME, .filter_w = 32, .filter_h = 32};
	const struct operand weights = IN(512, 512), bias = IN(512), state = {STATE, TFL_INTS(4, 512)}, none = NONE;
	const struct kernel kernels[] = {
		{"convolution", TFL_BUILTIN_CONV_2D, tfl_options_conv_2d(&plain), {IN(1, 512, 512, 16), IN(64, 5, 5, 16)}, 2},
		{"convolution by channel", TFL_BUILTIN_DEPTHWISE_CONV_2D, tfl_options_depthwise_conv_2d(&plain),
		 {IN(1, 1024, 1024, 16), IN(1, 33, 33, 16)}, 2},
		{"back", TFL_BUILTIN_TRANSPOSE_CONV, tfl_options_transpose_conv(&plain),
		 {{SHAPE, TFL_INTS(1, 256, 256, 64)}, IN(64, 9, 9, 16), IN(1, 256, 256, 16)}, 3},
		{"layer", TFL_BUILTIN_FULLY_CONNECTED, tfl_options_fully_connected(0, false), {IN(4096, 1024), IN(2048, 1024)}, 2},
		{"product", TFL_BUILTIN_BATCH_MATMUL, tfl_options_batch_matmul(false, false), {IN(2048, 2048), IN(2048, 2048)}, 2},
		{"pool", TFL_BUILTIN_AVERAGE_POOL_2D, tfl_options_pool_2d(&wide), {IN(1, 512, 512, 64)}, 1},
		{"sequence", TFL_BUILTIN_UNIDIRECTIONAL_SEQUENCE_LSTM, tfl_options_empty(TFL_OPTIONS_UNIDIRECTIONAL_SEQUENCE_LSTM),
		 {IN(4, 1024, 512), weights, weights, weights, weights, weights, weights, weights, weights, none, none, none, bias, bias, bias, bias,
		  none, none, state, state}, 20},
	};

	check(&kernels[_i]);
}
END_TEST

Suite *interrupt_suite(void)
{
	Suite *suite = suite_create("interrupt");
	TCase *tests = tcase_create("interrupt");

	tcase_set_timeout(tests, 300);
	tcase_add_loop_test(tests, a_long_kernel_ends_with_its_request, 0, 7);
	suite_add_tcase(suite, tests);
	return suite;
}
