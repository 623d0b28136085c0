/* SPDX-License-Identifier: MIT */
/*
 * From a model to a program: what is refused and in which words, what is computed at load, what XNNPACK gives back, and the corners of
 * inputs and outputs. Results are compared with those of portable kernels, which have tests of their own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/random_graph.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"
#include "tests/runtime/xnnpack_refusal.h"

#define CHAIN 5

static int32_t float_tensor(struct tfl_builder *builder, const char *name, struct tfl_ints dims, const float *data, size_t count)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){
						 .name = name, .dims = dims, .data = data, .data_size = data ? count * sizeof(*data) : 0});
}

static int32_t int_tensor(struct tfl_builder *builder, struct tfl_ints values, struct tfl_ints dims)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = TFL_INT32, .dims = dims, .data = values.values,
								    .data_size = values.count * sizeof(int32_t)});
}

static void add_operator(struct tfl_builder *builder, uint32_t code, struct tfl_build_options options, struct tfl_ints inputs, int32_t output)
{
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = TFL_INTS(output), .options = options});
}

/* One operator of any kind over tensors of one type, all of shape [4]. */
struct odd_operator {
	uint32_t code;
	int32_t version;
	const char *custom_name;
	enum tfl_dtype dtype;
	uint32_t inputs;
	bool sparse;
	int code_expected;
	const char *words[4];
};

static const struct odd_operator odd_operators[] = {
	{TFL_BUILTIN_SKIP_GRAM, 1, NULL, TFL_FLOAT32, 1, false, -EOPNOTSUPP, {"operator 0 SKIP_GRAM version 1", "float32 -> float32", "not known"}},
	{TFL_BUILTIN_CUSTOM, 1, "Spectrum", TFL_FLOAT32, 2, false, -EOPNOTSUPP, {"custom Spectrum version 1", "float32, float32 -> float32"}},
	{TFL_BUILTIN_RELU, 99, NULL, TFL_FLOAT32, 1, false, -EOPNOTSUPP, {"RELU version 99", "greatest version known is 3"}},
	{TFL_BUILTIN_RELU, 2, NULL, TFL_INT32, 1, false, -EOPNOTSUPP, {"RELU version 2", "int32 -> int32", "types"}},
	{TFL_BUILTIN_LOGISTIC, 1, NULL, TFL_INT64, 1, false, -EOPNOTSUPP, {"LOGISTIC", "int64 -> int64"}},
	{TFL_BUILTIN_LOGISTIC, 1, NULL, TFL_STRING, 1, false, -EOPNOTSUPP, {"LOGISTIC", "string -> string"}},
	{TFL_BUILTIN_CONCAT_EMBEDDINGS, 1, NULL, TFL_FLOAT32, 12, false, -EOPNOTSUPP, {"CONCAT_EMBEDDINGS", "12 in all -> float32"}},
	{TFL_BUILTIN_RELU, 1, NULL, TFL_FLOAT32, 2, false, -EINVAL, {"operator 0 (RELU)", "2 inputs", "1 to 1"}},
	{TFL_BUILTIN_ADD, 1, NULL, TFL_FLOAT32, 1, false, -EINVAL, {"operator 0 (ADD)", "1 inputs", "2 to 2"}},
	{TFL_BUILTIN_RELU, 1, NULL, TFL_FLOAT32, 1, true, -EOPNOTSUPP, {"RELU", "sparse"}},
};

START_TEST(refusals_name_operator_version_and_types)
{
	const struct odd_operator *odd = &odd_operators[_i];
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_build_tensor tensor = {.dtype = odd->dtype, .dims = TFL_INTS(4)}, input = tensor;
	int32_t inputs[16], output;
	struct tfl_program *program;
	struct scene scene;

	input.sparse = odd->sparse;
	for (uint32_t i = 0; i < odd->inputs; i++)
		inputs[i] = tfl_build_tensor(builder, &input);
	output = tfl_build_tensor(builder, &tensor);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = odd->code, .version = odd->version, .custom_name = odd->custom_name,
								 .inputs = {inputs, odd->inputs}, .outputs = TFL_INTS(output)});
	tfl_build_io(builder, (struct tfl_ints){inputs, odd->inputs}, TFL_INTS(output));
	ck_assert_msg(scene_open(&scene, builder) == 0, "%s", scene.error.text);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), odd->code_expected);
	ck_assert_int_eq(scene.error.code, odd->code_expected);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(odd->words) && odd->words[i]; i++)
		ck_assert_msg(strstr(scene.error.text, odd->words[i]) != NULL, "'%s' does not say '%s'", scene.error.text, odd->words[i]);
	scene_close(&scene);
}
END_TEST

/* Forms that have inputs and outputs of their own: what is said is which form it is, and not that some are missing. */
START_TEST(known_forms_without_a_kernel_are_named)
{
	static const struct {
		uint32_t code;
		uint8_t options;
		uint16_t slot;
		uint32_t inputs, outputs;
		const char *words;
	} forms[] = {
		{TFL_BUILTIN_LSTM, TFL_OPTIONS_LSTM, 3, 5, 4, "of the basic kind"},
		{TFL_BUILTIN_UNIDIRECTIONAL_SEQUENCE_LSTM, TFL_OPTIONS_UNIDIRECTIONAL_SEQUENCE_LSTM, 5, 24, 1, "are diagonals"},
		{TFL_BUILTIN_FULLY_CONNECTED, TFL_OPTIONS_FULLY_CONNECTED, 1, 3, 2, "are shuffled"},
	};
	struct tfl_build_options options = tfl_options_empty(forms[_i].options);
	struct tfl_builder *builder = tfl_build_create();
	int32_t tensors[28];
	struct tfl_program *program;
	struct scene scene;

	tfl_options_add_field(&options, (struct tfl_build_field){.slot = forms[_i].slot, .kind = TFL_BUILD_I8, .integer = 1});
	for (uint32_t i = 0; i < forms[_i].inputs + forms[_i].outputs; i++)
		tensors[i] = float_tensor(builder, "t", TFL_INTS(4), NULL, 0);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = forms[_i].code, .options = options,
								 .inputs = {tensors, forms[_i].inputs},
								 .outputs = {tensors + forms[_i].inputs, forms[_i].outputs}});
	tfl_build_io(builder, (struct tfl_ints){tensors, forms[_i].inputs}, TFL_INTS(tensors[forms[_i].inputs]));
	ck_assert_msg(scene_open(&scene, builder) == 0, "%s", scene.error.text);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EOPNOTSUPP);
	ck_assert_msg(strstr(scene.error.text, forms[_i].words), "%s", scene.error.text);
	scene_close(&scene);
}
END_TEST

/* A program's results with and without XNNPACK. */
static void check_against_portable(struct scene *scene, struct tfl_program *program, double tolerance, int steps, const char *what)
{
	struct tfl_program *portable = scene_program(scene, &(struct tfl_program_options){.portable = true});
	struct tfl_interpreter *left = scene_interpreter(program), *right = scene_interpreter(portable);

	for (uint64_t seed = 0; seed < 3; seed++) {
		scene_fill(program, left, seed);
		scene_fill(portable, right, seed);
		scene_invoke(left);
		scene_invoke(right);
		scene_compare(program, left, right, tolerance, steps, what);
	}
	tfl_interpreter_destroy(left);
	tfl_interpreter_destroy(right);
	tfl_program_destroy(portable);
}

/* A filter stored as float16: widened at load, so that XNNPACK sees a constant. */
START_TEST(constants_are_computed_at_load)
{
	static const uint16_t halves[] = {0x3c00, 0xb800, 0x3800, 0x4000, 0xbc00, 0x3555};
	struct tfl_builder *builder = tfl_build_create();
	int32_t x = float_tensor(builder, "x", TFL_INTS(1, 3), NULL, 0), y = float_tensor(builder, "y", TFL_INTS(1, 2), NULL, 0);
	int32_t half = tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = TFL_FLOAT16, .dims = TFL_INTS(2, 3), .data = halves,
									    .data_size = sizeof(halves)});
	int32_t filter = float_tensor(builder, "filter", TFL_INTS(2, 3), NULL, 0);
	static const float input[] = {1, 10, 100}, right[] = {1 - 5 + 50, 20 - 1 * 10 - 10 + 33.325195f};
	struct tfl_interpreter *interpreter;
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;

	add_operator(builder, TFL_BUILTIN_DEQUANTIZE, tfl_options_empty(0), TFL_INTS(half), filter);
	add_operator(builder, TFL_BUILTIN_FULLY_CONNECTED, tfl_options_fully_connected(0, false), TFL_INTS(x, filter), y);
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	program = scene_program(&scene, NULL);
	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.operators, 2);
	ck_assert_uint_eq(info.folded_operators, 1);
	ck_assert_uint_eq(info.xnnpack_operators, 1);
	ck_assert_uint_eq(info.steps, 1);
	interpreter = scene_interpreter(program);
	memcpy(tfl_interpreter_input(interpreter, 0), input, sizeof(input));
	scene_invoke(interpreter);
	ck_assert_float_eq_tol(((const float *)tfl_interpreter_output(interpreter, 0))[0], right[0], 1e-4f);
	ck_assert_float_eq_tol(((const float *)tfl_interpreter_output(interpreter, 0))[1], 2 * 1 - 10 + 33.325195f, 1e-3f);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* Nothing is left to run: PAD of a constant, then RESHAPE of that, is the output. */
START_TEST(a_graph_may_be_folded_whole)
{
	static const float content[] = {1, 2, 3}, right[] = {0, 1, 2, 3, 0, 0};
	struct tfl_builder *builder = tfl_build_create();
	int32_t constant = float_tensor(builder, "constant", TFL_INTS(3), content, 3), pairs = int_tensor(builder, TFL_INTS(1, 2), TFL_INTS(1, 2));
	int32_t padded = float_tensor(builder, "padded", TFL_INTS(6), NULL, 0), shaped = float_tensor(builder, "shaped", TFL_INTS(2, 3), NULL, 0);
	int32_t unused = float_tensor(builder, "unused", TFL_INTS(7), NULL, 0);
	struct tfl_interpreter *interpreter;
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;

	add_operator(builder, TFL_BUILTIN_PAD, tfl_options_empty(0), TFL_INTS(constant, pairs), padded);
	add_operator(builder, TFL_BUILTIN_RESHAPE, tfl_options_reshape(TFL_INTS(2, -1)), TFL_INTS(padded), shaped);
	tfl_build_io(builder, TFL_INTS(unused), TFL_INTS(shaped, padded));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	program = scene_program(&scene, NULL);
	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.folded_operators, 2);
	ck_assert_uint_eq(info.steps, 0);
	interpreter = scene_interpreter(program);
	memset(tfl_interpreter_input(interpreter, 0), 0xff, 7 * sizeof(float));
	scene_invoke(interpreter);
	for (uint32_t output = 0; output < 2; output++)
		ck_assert_mem_eq(tfl_interpreter_output(interpreter, output), right, sizeof(right));
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* Inputs that are outputs, unused inputs, constants as outputs, one value twice; names from the signature where it has them. */
START_TEST(odd_inputs_and_outputs)
{
	static const float content[] = {7, 8};
	struct tfl_builder *builder = tfl_build_create();
	int32_t a = float_tensor(builder, "a", TFL_INTS(2), NULL, 0), b = float_tensor(builder, "b", TFL_INTS(3), NULL, 0);
	int32_t constant = float_tensor(builder, "constant", TFL_INTS(2), content, 2), y = float_tensor(builder, "y", TFL_INTS(2), NULL, 0);
	struct tfl_build_binding input = {"left", (uint32_t)a}, output = {"result", (uint32_t)y};
	static const float given[] = {-1, 2}, relu[] = {0, 2};
	struct tfl_program *program;
	const struct tfl_io *ios;
	struct scene scene;
	uint32_t count;

	add_operator(builder, TFL_BUILTIN_RELU, tfl_options_empty(0), TFL_INTS(a), y);
	tfl_build_io(builder, TFL_INTS(a, b), TFL_INTS(y, a, constant, y));
	tfl_build_signature(builder, &(struct tfl_build_signature){
					     .key = "serving_default", .inputs = &input, .input_count = 1, .outputs = &output, .output_count = 1});
	ck_assert_msg(scene_open(&scene, builder) == 0, "%s", scene.error.text);
	program = scene_program(&scene, NULL);
	ios = tfl_program_inputs(program, &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(ios[0].name, "a");
	ck_assert_str_eq(ios[0].signature_name, "left");
	ck_assert_ptr_null(ios[1].signature_name);
	ck_assert_uint_eq(ios[1].bytes, 3 * sizeof(float));
	ck_assert(!ios[0].quantized);
	ios = tfl_program_outputs(program, &count);
	ck_assert_uint_eq(count, 4);
	ck_assert_str_eq(ios[0].signature_name, "result");
	for (int round = 0; round < 2; round++) {
		struct tfl_interpreter *interpreter = scene_interpreter(program);

		memcpy(tfl_interpreter_input(interpreter, 0), given, sizeof(given));
		scene_invoke(interpreter);
		ck_assert_mem_eq(tfl_interpreter_output(interpreter, 0), relu, sizeof(relu));
		ck_assert_mem_eq(tfl_interpreter_output(interpreter, 1), given, sizeof(given));
		ck_assert_mem_eq(tfl_interpreter_output(interpreter, 2), content, sizeof(content));
		ck_assert_mem_eq(tfl_interpreter_output(interpreter, 3), relu, sizeof(relu));
		tfl_interpreter_destroy(interpreter);
	}
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* A branch that leads to no output costs nothing, whether XNNPACK would have run it or not. */
START_TEST(what_nobody_reads_never_runs)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t x = float_tensor(builder, "x", TFL_INTS(4), NULL, 0), y = float_tensor(builder, "y", TFL_INTS(4), NULL, 0);
	int32_t z[3] = {x};
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;

	add_operator(builder, TFL_BUILTIN_RELU, tfl_options_empty(0), TFL_INTS(x), y);
	for (size_t i = 0; i + 1 < TFL_ARRAY_SIZE(z); i++) {
		z[i + 1] = float_tensor(builder, "z", TFL_INTS(4), NULL, 0);
		add_operator(builder, i ? TFL_BUILTIN_LOG_SOFTMAX : TFL_BUILTIN_ADD, i ? tfl_options_empty(0) : tfl_options_add(1),
			     i ? TFL_INTS(z[i]) : TFL_INTS(z[i], y), z[i + 1]);
	}
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	program = scene_program(&scene, NULL);
	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.operators, 3);
	ck_assert_uint_eq(info.folded_operators, 2);
	ck_assert_uint_eq(info.xnnpack_operators, 1);
	ck_assert_uint_eq(info.steps, 1);
	check_against_portable(&scene, program, 1e-6, 0, "unread");
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* PAD to a size: a few bytes of a file that ask for much. */
static int try_padded(int32_t side, bool constant, const struct tfl_program_options *options, struct tfl_error *ret_error)
{
	static const float content[] = {1};
	struct tfl_builder *builder = tfl_build_create();
	int32_t x = float_tensor(builder, "x", TFL_INTS(1, 1), constant ? content : NULL, 1);
	int32_t y = float_tensor(builder, "y", TFL_INTS(side, side), NULL, 0);
	int32_t pairs = int_tensor(builder, TFL_INTS(0, side - 1, side - 1, 0), TFL_INTS(2, 2));
	struct tfl_program *program;
	struct scene scene;
	int r;

	add_operator(builder, TFL_BUILTIN_PAD, tfl_options_empty(0), TFL_INTS(x, pairs), y);
	tfl_build_io(builder, (struct tfl_ints){&x, !constant}, TFL_INTS(y));
	r = scene_open(&scene, builder);
	if (r == 0)
		r = scene_try(&scene, options, &program);
	if (r == 0)
		tfl_program_destroy(program);
	*ret_error = scene.error;
	scene_close(&scene);
	return r;
}

START_TEST(limits_are_refused_with_a_sentence)
{
	struct tfl_program_options small = {.work_max = 10000};
	struct tfl_error error;

	ck_assert_int_eq(try_padded(9000, false, NULL, &error), -EFBIG);
	ck_assert_msg(strstr(error.text, "activations") && strstr(error.text, "268435456 bytes"), "%s", error.text);
	ck_assert_int_eq(try_padded(9000, true, NULL, &error), -EFBIG);
	ck_assert_msg(strstr(error.text, "at load") && strstr(error.text, "268435456 bytes"), "%s", error.text);
	ck_assert_int_eq(try_padded(101, false, &small, &error), -EFBIG);
	ck_assert_msg(strstr(error.text, "PAD") && strstr(error.text, "10000 operations"), "%s", error.text);
	ck_assert_int_eq(try_padded(99, false, &small, &error), 0);
	ck_assert_int_eq(try_padded(100, true, NULL, &error), 0);
}
END_TEST

/* LOGISTIC after LOGISTIC: five operators that XNNPACK runs in one step. */
static void open_chain(struct scene *scene)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t values[CHAIN + 1];

	for (size_t i = 0; i <= CHAIN; i++) {
		values[i] = float_tensor(builder, "value", TFL_INTS(1, 9), NULL, 0);
		if (i > 0)
			add_operator(builder, TFL_BUILTIN_LOGISTIC, tfl_options_empty(0), TFL_INTS(values[i - 1]), values[i]);
	}
	tfl_build_io(builder, TFL_INTS(values[0]), TFL_INTS(values[CHAIN]));
	ck_assert_int_eq(scene_open(scene, builder), 0);
}

static bool refuse_first(unsigned call)
{
	return call == 1;
}

/* The whole step, then, when the operators are tried one by one, the third. */
static bool refuse_third_operator(unsigned call)
{
	return call == 1 || call == 4;
}

static bool refuse_always(unsigned call)
{
	return true;
}

static const struct {
	bool (*refuses)(unsigned call);
	uint32_t xnnpack_operators, steps;
	unsigned calls;
} refusals[] = {
	{NULL, CHAIN, 1, 1},
	{refuse_third_operator, CHAIN - 1, 3, 1 + CHAIN + 2},
	{refuse_first, 0, CHAIN, 1 + CHAIN}, /* each alone would do, but not all together: none then */
	{refuse_always, 0, CHAIN, 1 + CHAIN},
};

START_TEST(what_xnnpack_gives_back_runs_portable)
{
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;

	open_chain(&scene);
	xnnpack_refuse(refusals[_i].refuses, xnn_status_unsupported_parameter);
	program = scene_program(&scene, NULL);
	ck_assert_uint_eq(xnnpack_creations(), refusals[_i].calls);
	xnnpack_refuse(NULL, xnn_status_success);
	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.xnnpack_operators, refusals[_i].xnnpack_operators);
	ck_assert_uint_eq(info.steps, refusals[_i].steps);
	check_against_portable(&scene, program, 1e-5, 0, "chain");
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(a_later_refusal_is_an_error)
{
	struct tfl_interpreter *first, *second = NULL;
	struct tfl_program *program;
	struct tfl_error error;
	struct scene scene;

	open_chain(&scene);
	program = scene_program(&scene, NULL);
	first = scene_interpreter(program);
	xnnpack_refuse(refuse_always, xnn_status_unsupported_parameter);
	ck_assert_int_eq(tfl_interpreter_create(program, &second, &error), -EINVAL);
	ck_assert_msg(strstr(error.text, "refused step 0") != NULL, "%s", error.text);
	xnnpack_refuse(refuse_always, xnn_status_out_of_memory);
	ck_assert_int_eq(tfl_interpreter_create(program, &second, &error), -ENOMEM);
	ck_assert_msg(strstr(error.text, "memory") != NULL, "%s", error.text);
	xnnpack_refuse(NULL, xnn_status_success);
	ck_assert_ptr_null(second);
	/* Neither failure has hurt the program. */
	second = scene_interpreter(program);
	scene_fill(program, first, 1);
	scene_fill(program, second, 1);
	scene_invoke(first);
	scene_invoke(second);
	scene_compare(program, first, second, 0, 0, "after a refusal");
	tfl_interpreter_destroy(first);
	tfl_interpreter_destroy(second);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

START_TEST(no_memory_in_xnnpack_is_no_memory)
{
	struct tfl_program *program = NULL;
	struct scene scene;

	open_chain(&scene);
	xnnpack_refuse(refuse_first, xnn_status_out_of_memory);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -ENOMEM);
	ck_assert_ptr_null(program);
	ck_assert_msg(strstr(scene.error.text, "memory") != NULL, "%s", scene.error.text);
	scene_close(&scene);
}
END_TEST

/* Steps of both kinds in turn, values that live long and short, shared memory between them: any mix-up shows in the numbers. */
START_TEST(random_graphs_agree_with_portable_kernels)
{
	struct random_graph wanted = {
		.seed = (uint64_t)_i,
		.dtype = _i % 3 == 2 ? TFL_INT8 : TFL_FLOAT32,
		.operators = 5 + (uint32_t)_i * 3,
		.inputs = 1 + (uint32_t)_i % 4,
		.outputs = 1 + (uint32_t)_i % 8,
	};
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;
	char what[32];

	snprintf(what, sizeof(what), "graph %d", _i);
	ck_assert_msg(scene_open(&scene, random_graph_build(&wanted)) == 0, "%s", scene.error.text);
	program = scene_program(&scene, NULL);
	tfl_program_info(program, &info);
	/* Otherwise the test would prove little. */
	if (_i >= 20) {
		ck_assert_uint_gt(info.xnnpack_operators, info.operators / 4);
		ck_assert_uint_gt(info.steps, 4);
	}
	check_against_portable(&scene, program, 1e-3, 0, what);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

static int32_t quantized_tensor(struct tfl_builder *builder, bool is_signed, struct tfl_ints dims, float scale, int64_t zero_point, const void *data,
				size_t size)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = is_signed ? TFL_INT8 : TFL_UINT8, .dims = dims, .scales = &scale,
								    .zero_points = &zero_point, .scale_count = 1, .data = data,
								    .data_size = size});
}

/* PAD, then CONV_2D or DEPTHWISE_CONV_2D, then RELU6; with @p all, what lies between them is an output too. */
static void open_fusible(struct scene *scene, bool is_signed, bool depthwise, bool all)
{
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_build_window window = {.padding = TFL_PADDING_VALID, .depth_multiplier = 1};
	struct tfl_ints dims = depthwise ? TFL_INTS(1, 3, 3, 4) : TFL_INTS(4, 3, 3, 4);
	int64_t zero_point = is_signed ? -30 : 90;
	uint8_t weights[144];
	int32_t x = quantized_tensor(builder, is_signed, TFL_INTS(1, 5, 5, 4), 0.02f, zero_point, NULL, 0);
	int32_t pairs = int_tensor(builder, TFL_INTS(0, 0, 1, 2, 2, 1, 0, 0), TFL_INTS(4, 2));
	int32_t padded = quantized_tensor(builder, is_signed, TFL_INTS(1, 8, 8, 4), 0.02f, zero_point, NULL, 0);
	int32_t sums = quantized_tensor(builder, is_signed, TFL_INTS(1, 6, 6, 4), 0.1f, zero_point, NULL, 0);
	int32_t y = quantized_tensor(builder, is_signed, TFL_INTS(1, 6, 6, 4), 0.1f, zero_point, NULL, 0), filter;

	for (size_t i = 0; i < sizeof(weights); i++)
		weights[i] = (uint8_t)(i * 73 + 11);
	filter = quantized_tensor(builder, is_signed, dims, 0.01f, is_signed ? 0 : 100, weights, depthwise ? 36 : 144);
	add_operator(builder, TFL_BUILTIN_PAD, tfl_options_empty(0), TFL_INTS(x, pairs), padded);
	add_operator(builder, depthwise ? TFL_BUILTIN_DEPTHWISE_CONV_2D : TFL_BUILTIN_CONV_2D,
		     depthwise ? tfl_options_depthwise_conv_2d(&window) : tfl_options_conv_2d(&window), TFL_INTS(padded, filter), sums);
	add_operator(builder, TFL_BUILTIN_RELU6, tfl_options_empty(0), TFL_INTS(sums), y);
	tfl_build_io(builder, TFL_INTS(x), all ? TFL_INTS(y, padded, sums) : TFL_INTS(y));
	ck_assert_int_eq(scene_open(scene, builder), 0);
}

/* XNNPACK melts such neighbours into one operator; padding is then by the zero point, and nothing that is read elsewhere may be lost. */
START_TEST(neighbours_may_melt)
{
	const struct tfl_io *input;
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;
	uint32_t count;

	open_fusible(&scene, _i & 1, _i & 2, _i & 4);
	program = scene_program(&scene, NULL);
	tfl_program_info(program, &info);
	input = &tfl_program_inputs(program, &count)[0];
	ck_assert(input->quantized && input->scale == 0.02f && input->zero_point == (_i & 1 ? -30 : 90));
	ck_assert_uint_eq(info.xnnpack_operators, 3);
	ck_assert_uint_eq(info.steps, 1);
	check_against_portable(&scene, program, 0, 1, "melted");
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

static unsigned spawned;

static void spawn(void *data, void (*function)(void *argument), void *argument)
{
	ck_assert_ptr_eq(data, &spawned);
	spawned++;
	function(argument);
}

START_TEST(threads_share_one_inference)
{
	struct random_graph wanted = {.seed = 4, .operators = 12, .inputs = 1, .outputs = 1};
	struct tfl_program_options options = {.threads = 2, .spawn = spawn, .spawn_data = &spawned};
	struct tfl_program *program;
	struct scene scene;

	ck_assert_int_eq(scene_open(&scene, random_graph_build(&wanted)), 0);
	program = scene_program(&scene, &options);
	ck_assert_uint_eq(spawned, 1);
	check_against_portable(&scene, program, 1e-3, 0, "two threads");
	tfl_program_destroy(program);
	options.threads = 1;
	program = scene_program(&scene, &options);
	ck_assert_uint_eq(spawned, 1);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

Suite *program_suite(void)
{
	Suite *suite = suite_create("program");
	TCase *tests = tcase_create("program");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, refusals_name_operator_version_and_types, 0, TFL_ARRAY_SIZE(odd_operators));
	tcase_add_loop_test(tests, known_forms_without_a_kernel_are_named, 0, 3);
	tcase_add_test(tests, constants_are_computed_at_load);
	tcase_add_test(tests, a_graph_may_be_folded_whole);
	tcase_add_test(tests, odd_inputs_and_outputs);
	tcase_add_test(tests, what_nobody_reads_never_runs);
	tcase_add_test(tests, limits_are_refused_with_a_sentence);
	tcase_add_loop_test(tests, what_xnnpack_gives_back_runs_portable, 0, TFL_ARRAY_SIZE(refusals));
	tcase_add_test(tests, a_later_refusal_is_an_error);
	tcase_add_test(tests, no_memory_in_xnnpack_is_no_memory);
	tcase_add_loop_test(tests, neighbours_may_melt, 0, 8);
	tcase_add_test(tests, threads_share_one_inference);
	tcase_add_loop_test(tests, random_graphs_agree_with_portable_kernels, 0, 90);
	suite_add_tcase(suite, tests);
	return suite;
}
