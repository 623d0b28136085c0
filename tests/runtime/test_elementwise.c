/* SPDX-License-Identifier: MIT */
/*
 * What the drawn cases of the kernels do not meet: zeros, infinities, NaN and the ends of float32, with XNNPACK and without; refusals and
 * their sentences.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

static const float specials[] = {0, -0.0f, 1e-40f, -1e-40f, FLT_MIN, -FLT_MIN, 1e-20f, -1e-20f, 0.5f, -0.5f, 1, -1, 1.5f, -1.5f, 2.5f, 3,
				 -3, 9, -9, 20, -20, 88, -88, 89, -89, 104, -104, 1e4f, -1e4f, 8388607.5f, -8388607.5f, 1e10f, -1e10f,
				 1e20f, -1e20f, FLT_MAX, -FLT_MAX, INFINITY, -INFINITY, NAN};

#define SPECIALS (int32_t)TFL_ARRAY_SIZE(specials)

static double elu(double x)
{
	return x < 0 ? expm1(x) : x;
}

static double gelu(double x)
{
	return x / 2 * erfc(-x / sqrt(2));
}

/* The product comes first, and may be too great. */
static double hard_swish(double x)
{
	double gate = fmin(fmax(x + 3, 0), 6);

	return fabs(x * gate) > (double)FLT_MAX ? copysign(INFINITY, x) : x * gate / 6;
}

static double leaky_relu(double x)
{
	return x > 0 ? x : x * 0.25;
}

static double logistic(double x)
{
	return 1 / (1 + exp(-x));
}

static double negative(double x)
{
	return -x;
}

static double relu(double x)
{
	return x < 0 ? 0 : x;
}

static double relu6(double x)
{
	return x < 0 ? 0 : x > 6 ? 6 : x;
}

static double rsqrt(double x)
{
	return 1 / sqrt(x);
}

static double sign(double x)
{
	return (x > 0) - (x < 0);
}

static double square(double x)
{
	return x * x;
}

static const struct {
	uint16_t code;
	double (*function)(double x);
} functions[] = {
	{TFL_BUILTIN_ABS, fabs},
	{TFL_BUILTIN_CEIL, ceil},
	{TFL_BUILTIN_COS, cos},
	{TFL_BUILTIN_ELU, elu},
	{TFL_BUILTIN_EXP, exp},
	{TFL_BUILTIN_FLOOR, floor},
	{TFL_BUILTIN_GELU, gelu},
	{TFL_BUILTIN_HARD_SWISH, hard_swish},
	{TFL_BUILTIN_LEAKY_RELU, leaky_relu},
	{TFL_BUILTIN_LOG, log},
	{TFL_BUILTIN_LOGISTIC, logistic},
	{TFL_BUILTIN_NEG, negative},
	{TFL_BUILTIN_RELU, relu},
	{TFL_BUILTIN_RELU6, relu6},
	{TFL_BUILTIN_ROUND, rint},
	{TFL_BUILTIN_RSQRT, rsqrt},
	{TFL_BUILTIN_SIGN, sign},
	{TFL_BUILTIN_SIN, sin},
	{TFL_BUILTIN_SQRT, sqrt},
	{TFL_BUILTIN_SQUARE, square},
	{TFL_BUILTIN_TANH, tanh},
};

/* What float32 makes of a number: beyond it infinity, below the least normal number perhaps nothing. */
static bool is_near(float got, double right)
{
	if (fabs(right) > (double)FLT_MAX)
		right = copysign(INFINITY, right);
	if (isinf(right) && fabsf(got) == FLT_MAX && (got > 0) == (right > 0))
		right = (double)got;
	return (isnan(got) && isnan(right)) || (double)got == right || fabs((double)got - right) <= 1e-5 * fabs(right) + 1e-7;
}

/* Where XNNPACK is not asked: it takes numbers below the normal ones for 0, and the logarithms of the greatest for infinite. */
static bool is_beyond_xnnpack(uint16_t code, float x)
{
	return (fabsf(x) < FLT_MIN && x != 0) || (code == TFL_BUILTIN_LOG && x == FLT_MAX);
}

static void check_specials(struct scene *scene, uint16_t code, double (*function)(double x), bool portable)
{
	struct tfl_program *program = scene_program(scene, &(struct tfl_program_options){.portable = portable});
	struct tfl_interpreter *interpreter = scene_interpreter(program);
	const float *output;

	memcpy(tfl_interpreter_input(interpreter, 0), specials, sizeof(specials));
	scene_invoke(interpreter);
	output = tfl_interpreter_output(interpreter, 0);
	for (int32_t i = 0; i < SPECIALS; i++)
		if ((portable || !is_beyond_xnnpack(code, specials[i])) && !is_near(output[i], function((double)specials[i])))
			ck_abort_msg("%s of %g is %g %s XNNPACK; %g would be right", tfl_builtin_to_string(code), (double)specials[i],
				     (double)output[i], portable ? "without" : "with", function((double)specials[i]));
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
}

START_TEST(special_numbers_go_through)
{
	struct tfl_builder *builder = tfl_build_create();
	uint16_t code = functions[_i].code;
	struct tfl_build_options options = tfl_options_empty(0);
	struct scene scene;
	int32_t tensors[2];

	if (code == TFL_BUILTIN_LEAKY_RELU)
		options = tfl_options_leaky_relu(0.25f);
	for (unsigned i = 0; i < 2; i++)
		tensors[i] = tfl_build_tensor(builder, &(struct tfl_build_tensor){.dims = TFL_INTS(SPECIALS)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = code,
								 .inputs = TFL_INTS(tensors[0]),
								 .outputs = TFL_INTS(tensors[1]),
								 .options = options});
	tfl_build_io(builder, TFL_INTS(tensors[0]), TFL_INTS(tensors[1]));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	for (int portable = 0; portable < 2; portable++)
		check_specials(&scene, code, functions[_i].function, portable);
	scene_close(&scene);
}
END_TEST

struct lie {
	uint16_t code;
	enum tfl_dtype dtypes[3]; /* of the inputs; the output has the last one's */
	struct tfl_ints shapes[3];
	unsigned inputs;
	float scale, output_scale; /* 0: none */
	int64_t zero_point;
	int refusal;
	const char *words;
};

static const struct lie lies[] = {
	{TFL_BUILTIN_PRELU, {TFL_FLOAT32, TFL_FLOAT32}, {TFL_INTS(2, 3), TFL_INTS(4, 2, 3)}, 2, 0, 0, 0, -EINVAL,
	 "alpha's shape [4, 2, 3] is not one that is broadcast to the input's, [2, 3]"},
	{TFL_BUILTIN_PRELU, {TFL_FLOAT32, TFL_FLOAT32}, {TFL_INTS(2, 1), TFL_INTS(3)}, 2, 0, 0, 0, -EINVAL,
	 "alpha's shape [3] is not one that is broadcast to the input's, [2, 1]"},
	{TFL_BUILTIN_SUB, {TFL_FLOAT32, TFL_FLOAT32}, {TFL_INTS(2, 3), TFL_INTS(2)}, 2, 0, 0, 0, -EINVAL,
	 "the shapes [2, 3] and [2] do not fit each other"},
	{TFL_BUILTIN_SELECT, {TFL_BOOL, TFL_FLOAT32, TFL_FLOAT32}, {TFL_INTS(3), TFL_INTS(2, 3), TFL_INTS(2, 3)}, 3, 0, 0, 0, -EINVAL,
	 "a condition of shape [3] does not choose between [2, 3] and [2, 3]"},
	{TFL_BUILTIN_SELECT, {TFL_BOOL, TFL_INT32, TFL_INT32}, {TFL_INTS(2), TFL_INTS(2), TFL_INTS(1)}, 3, 0, 0, 0, -EINVAL,
	 "a condition of shape [2] does not choose between [2] and [1]"},
	{TFL_BUILTIN_SELECT_V2, {TFL_BOOL, TFL_INT8, TFL_INT8}, {TFL_INTS(2), TFL_INTS(3), TFL_INTS(1)}, 3, 0, 0, 0, -EINVAL,
	 "the shapes [2] and [3] do not fit each other"},
	{TFL_BUILTIN_SELECT_V2, {TFL_BOOL, TFL_INT8, TFL_INT8}, {TFL_INTS(2), TFL_INTS(2), TFL_INTS(3)}, 3, 0, 0, 0, -EINVAL,
	 "the shapes [2] and [3] do not fit each other"},
	{TFL_BUILTIN_SELECT, {TFL_FLOAT32, TFL_FLOAT32, TFL_FLOAT32}, {TFL_INTS(2), TFL_INTS(2), TFL_INTS(2)}, 3, 0, 0, 0, -EOPNOTSUPP,
	 "types"},
	{TFL_BUILTIN_HARD_SWISH, {TFL_INT8}, {TFL_INTS(2)}, 1, 1, 0.0078f, 0, -EOPNOTSUPP,
	 "the scale of its input, 1, is more than 128 times that of its output, 0.0078"},
	{TFL_BUILTIN_TANH, {TFL_INT16}, {TFL_INTS(2)}, 1, 0.001f, 0.001f, 0, -EOPNOTSUPP,
	 "the scale of its int16 output is 0.001; only 1/32768 is"},
	{TFL_BUILTIN_LOGISTIC, {TFL_INT16}, {TFL_INTS(2)}, 1, 0.001f, 1 / 32768.0f, 5, -EOPNOTSUPP,
	 "the zero point of the input is 5; for int16 here only 0 is"},
	{TFL_BUILTIN_RELU, {TFL_INT16}, {TFL_INTS(2)}, 1, 0.001f, 0.001f, -3, -EOPNOTSUPP, "for int16 here only 0 is"},
	{TFL_BUILTIN_MUL, {TFL_INT16, TFL_INT16}, {TFL_INTS(2), TFL_INTS(2)}, 2, 0.001f, 0.001f, 7, -EOPNOTSUPP,
	 "the zero point of the first input is 7; for int16 here only 0 is"},
	{TFL_BUILTIN_EXP, {TFL_INT16}, {TFL_INTS(2)}, 1, 1e36f, 1, 0, -EOPNOTSUPP, "are too great for a table"},
	{TFL_BUILTIN_RSQRT, {TFL_INT16}, {TFL_INTS(2)}, 1, 1, 1e36f, 0, -EOPNOTSUPP, "are too great for a table"},
	{TFL_BUILTIN_RELU, {TFL_INT8}, {TFL_INTS(2)}, 1, 0, 0, 0, -EINVAL, "the input is int8 and needs one scale; it has 0"},
	{TFL_BUILTIN_SUB, {TFL_UINT8, TFL_UINT8}, {TFL_INTS(2), TFL_INTS(2)}, 2, 0, 0, 0, -EINVAL,
	 "the first input is uint8 and needs one scale; it has 0"},
	{TFL_BUILTIN_ADD, {TFL_INT8, TFL_INT16}, {TFL_INTS(2), TFL_INTS(2)}, 2, 1, 1, 0, -EOPNOTSUPP, "int8, int16 -> int16"},
	{TFL_BUILTIN_CAST, {TFL_STRING}, {TFL_INTS(2)}, 1, 0, 0, 0, -EOPNOTSUPP, "string -> string"},
};

START_TEST(refusals_say_why)
{
	const struct lie *lie = &lies[_i];
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_build_tensor tensor = {.zero_points = &lie->zero_point, .scales = &lie->scale, .scale_count = lie->scale > 0};
	int32_t inputs[3], output;
	struct tfl_program *program;
	struct scene scene;

	for (unsigned i = 0; i < lie->inputs; i++) {
		tensor.dtype = lie->dtypes[i];
		tensor.dims = lie->shapes[i];
		inputs[i] = tfl_build_tensor(builder, &tensor);
	}
	tensor.scales = &lie->output_scale;
	output = tfl_build_tensor(builder, &tensor);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = lie->code,
								 .inputs = {inputs, lie->inputs},
								 .outputs = TFL_INTS(output)});
	tfl_build_io(builder, (struct tfl_ints){inputs, lie->inputs}, TFL_INTS(output));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), lie->refusal);
	ck_assert_msg(strstr(scene.error.text, lie->words), "\"%s\" lacks \"%s\"", scene.error.text, lie->words);
	scene_close(&scene);
}
END_TEST

/* A file may call the sum of two uint8 float32: TensorFlow Lite gives it the type of what is added, and so does this runtime. */
START_TEST(sum_has_the_type_of_its_operands)
{
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_build_tensor tensor = {.dtype = TFL_UINT8, .dims = TFL_INTS(3), .scales = (float[]){0.5f}, .scale_count = 1};
	int32_t input = tfl_build_tensor(builder, &tensor), sum;
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	const struct tfl_io *io;
	struct scene scene;
	uint32_t count;

	tensor.dtype = TFL_FLOAT32;
	sum = tfl_build_tensor(builder, &tensor);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD, .inputs = TFL_INTS(input, input),
								 .outputs = TFL_INTS(sum)});
	tfl_build_io(builder, TFL_INTS(input), TFL_INTS(sum));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	program = scene_program(&scene, NULL);
	io = tfl_program_outputs(program, &count);
	ck_assert(io->dtype == TFL_UINT8 && io->bytes == 3 && io->quantized);
	interpreter = scene_interpreter(program);
	memcpy(tfl_interpreter_input(interpreter, 0), (uint8_t[]){1, 100, 200}, 3);
	scene_invoke(interpreter);
	ck_assert_mem_eq(tfl_interpreter_output(interpreter, 0), ((uint8_t[]){2, 200, 255}), 3);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

Suite *elementwise_suite(void)
{
	Suite *suite = suite_create("elementwise");
	TCase *tests = tcase_create("elementwise");

	tcase_add_loop_test(tests, special_numbers_go_through, 0, TFL_ARRAY_SIZE(functions));
	tcase_add_loop_test(tests, refusals_say_why, 0, TFL_ARRAY_SIZE(lies));
	tcase_add_test(tests, sum_has_the_type_of_its_operands);
	suite_add_tcase(suite, tests);
	return suite;
}
