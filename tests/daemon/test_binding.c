/* SPDX-License-Identifier: MIT */
/*
 * Requests against a model with a float and a quantised input and three outputs: every way to name a tensor, every way to be wrong, and
 * what the sentence then says.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "daemon/binding.h"
#include "proto/request.h"
#include "runtime/program.h"
#include "tests/daemon/suites.h"

static const struct tfl_io inputs[] = {
	{.name = "serving_default_x:0", .signature_name = "x", .dtype = TFL_FLOAT32, .rank = 2, .dims = {1, 4}, .elements = 4, .bytes = 16},
	{.name = "serving_default_y:0", .signature_name = "y", .dtype = TFL_INT8, .rank = 3, .dims = {1, 2, 3}, .elements = 6, .bytes = 6,
	 .quantized = true, .scale = 0.5f, .zero_point = 3},
};

static const struct tfl_io outputs[] = {
	{.name = "scores", .signature_name = "output_0", .dtype = TFL_INT8, .rank = 2, .dims = {1, 5}, .elements = 5, .bytes = 5,
	 .quantized = true, .scale = 0.25f},
	{.name = "classes", .dtype = TFL_INT32, .rank = 1, .dims = {5}, .elements = 5, .bytes = 20},
	{.name = "raw", .dtype = TFL_FLOAT32, .rank = 0, .elements = 1, .bytes = 4},
};

/* Another way to call it: a batch of any size, and what comes out is known when it has run. */
static const struct tfl_io free_inputs[] = {
	{.name = "scores", .signature_name = "batch", .dtype = TFL_UINT8, .rank = 2, .dims = {1, 4}, .elements = 4, .bytes = 4,
	 .quantized = true, .scale = 1, .free = true, .shape_signature = {-1, 4}},
	{.name = "batch", .signature_name = "scores", .dtype = TFL_FLOAT32, .rank = 1, .dims = {2}, .elements = 2, .bytes = 8},
};

static const struct tfl_io late_outputs[] = {
	{.name = "chosen", .dtype = TFL_INT8, .rank = 1, .dims = {1 << 30}, .elements = 1 << 30, .bytes = 1 << 30, .quantized = true, .scale = 1,
	 .late = true},
};

static const struct tfl_entry entries[] = {
	{.inputs = inputs, .outputs = outputs, .input_count = 2, .output_count = 3},
	{.signature = "encode", .inputs = free_inputs, .outputs = late_outputs, .input_count = 2, .output_count = 1},
	{.signature = "train", .fault = "operator 7 (CONV_3D) is not there"},
};

static const struct tfl_interface interface = {entries, 3};

static struct tfl_infer_request request;
static struct tfl_binding binding;
static struct tfl_error error;

static struct tfl_wire_tensor tensor(const char *name, int32_t index, const struct tfl_io *io, enum tfl_dtype dtype)
{
	struct tfl_wire_tensor made = {.name = tfl_string_of(name), .index = index, .dtype = dtype, .shape.rank = io->rank};

	memcpy(made.shape.dims, io->dims, sizeof(made.shape.dims));
	return made;
}

static struct tfl_wire_tensor choice(const char *name, int32_t index, enum tfl_dtype dtype)
{
	return (struct tfl_wire_tensor){.name = tfl_string_of(name), .index = index, .dtype = dtype, .shape.rank = -1};
}

/* A request that is right: both inputs by index, all outputs. */
static void setup(void)
{
	request = (struct tfl_infer_request){.head.dtype = TFL_DTYPE_COUNT};
	request.inputs.count = 2;
	request.inputs.few[0] = tensor(NULL, 0, &inputs[0], TFL_FLOAT32);
	request.inputs.few[1] = tensor(NULL, 1, &inputs[1], TFL_INT8);
}

static int bind(void)
{
	return tfl_binding_make(&interface, &request, &binding, &error);
}

static void expect_error(int code, const char *part)
{
	struct tfl_binding before = binding;

	ck_assert_int_eq(bind(), code);
	ck_assert_msg(strstr(error.text, part), "'%s' lacks '%s'", error.text, part);
	ck_assert_mem_eq(&before, &binding, sizeof(binding));
}

START_TEST(by_index)
{
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.inputs[0], 0);
	ck_assert_uint_eq(binding.inputs[1], 1);
	ck_assert_uint_eq(binding.quantize, 0);
	ck_assert_uint_eq(binding.output_count, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(binding.outputs[i], i);
	ck_assert_uint_eq(binding.dequantize, 0);
}
END_TEST

START_TEST(by_name_in_any_order)
{
	request.inputs.few[0] = tensor("y", -1, &inputs[1], TFL_INT8);
	request.inputs.few[1] = tensor("serving_default_x:0", -1, &inputs[0], TFL_FLOAT32);
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.inputs[0], 1);
	ck_assert_uint_eq(binding.inputs[1], 0);
}
END_TEST

START_TEST(a_tensor_name_wins_over_a_signature_name)
{
	static const struct tfl_io crossed[] = {
		{.name = "a", .signature_name = "b", .dtype = TFL_FLOAT32},
		{.name = "b", .signature_name = "a", .dtype = TFL_FLOAT32},
	};
	static const struct tfl_entry entry = {.inputs = crossed, .outputs = outputs, .input_count = 2, .output_count = 3};
	static const struct tfl_interface both = {&entry, 1};

	request.inputs.few[0] = tensor("b", -1, &crossed[0], TFL_FLOAT32);
	request.inputs.few[1] = tensor("a", -1, &crossed[1], TFL_FLOAT32);
	ck_assert_int_eq(tfl_binding_make(&both, &request, &binding, &error), 0);
	ck_assert_uint_eq(binding.inputs[0], 1);
	ck_assert_uint_eq(binding.inputs[1], 0);
}
END_TEST

START_TEST(float_for_a_quantised_input)
{
	request.inputs.few[1].dtype = TFL_FLOAT32;
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.quantize, 2);
	/* The bit follows the tensor of the request, not the model's number. */
	request.inputs.few[0] = tensor(NULL, 1, &inputs[1], TFL_FLOAT32);
	request.inputs.few[1] = tensor(NULL, 0, &inputs[0], TFL_FLOAT32);
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.quantize, 1);
}
END_TEST

START_TEST(unknown_inputs)
{
	request.inputs.few[1] = tensor("z", -1, &inputs[1], TFL_INT8);
	expect_error(-ENOENT, "inputs[1]: there is no input 'z'; the model has 0 'serving_default_x:0', 1 'serving_default_y:0'");
	request.inputs.few[1] = tensor(NULL, 2, &inputs[1], TFL_INT8);
	expect_error(-ENOENT, "there is no input 2");
}
END_TEST

START_TEST(a_missing_input_is_named)
{
	request.inputs.count = 1;
	expect_error(-EINVAL, "input 1 'serving_default_y:0' is missing: int8, shape [1, 2, 3], 6 bytes");
}
END_TEST

START_TEST(an_input_that_comes_twice)
{
	request.inputs.few[1] = tensor("x", -1, &inputs[0], TFL_FLOAT32);
	expect_error(-EINVAL, "inputs[1]: input 0 'serving_default_x:0' comes twice");
}
END_TEST

START_TEST(wrong_types)
{
	request.inputs.few[0].dtype = TFL_FLOAT64;
	expect_error(-EINVAL, "has dtype float64 and must have float32: shape [1, 4], 16 bytes");
	setup();
	request.inputs.few[1].dtype = TFL_UINT8;
	expect_error(-EINVAL, "has dtype uint8 and must have int8 (or float32, which is quantised here)");
}
END_TEST

START_TEST(wrong_shapes)
{
	request.inputs.few[0].shape.dims[1] = 5;
	expect_error(-EINVAL, "has shape [1, 5] and must have [1, 4]: 4 elements of float32, 16 bytes");
	setup();
	request.inputs.few[1].shape.rank = 2;
	expect_error(-EINVAL, "has shape [1, 2] and must have [1, 2, 3]");
	setup();
	request.inputs.few[1].dtype = TFL_FLOAT32;
	request.inputs.few[1].shape.dims[0] = 2;
	expect_error(-EINVAL, "6 elements of float32, 24 bytes");
}
END_TEST

START_TEST(shared_memory_is_not_there_yet)
{
	request.inputs.few[0].in_region = true;
	expect_error(-ENOSYS, "shared memory");
}
END_TEST

START_TEST(all_outputs_as_float)
{
	request.head.dtype = TFL_FLOAT32;
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.output_count, 3);
	ck_assert_uint_eq(binding.dequantize, 1);
}
END_TEST

START_TEST(chosen_outputs)
{
	request.outputs.count = 3;
	request.outputs.few[0] = choice("raw", -1, TFL_DTYPE_COUNT);
	request.outputs.few[1] = choice("output_0", -1, TFL_FLOAT32);
	request.outputs.few[2] = choice(NULL, 1, TFL_INT32);
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.output_count, 3);
	ck_assert_uint_eq(binding.outputs[0], 2);
	ck_assert_uint_eq(binding.outputs[1], 0);
	ck_assert_uint_eq(binding.outputs[2], 1);
	ck_assert_uint_eq(binding.dequantize, 2);
	/* An output's own type wins over that for all. */
	request.head.dtype = TFL_FLOAT32;
	request.outputs.few[1] = choice(NULL, 0, TFL_INT8);
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.dequantize, 0);
	request.outputs.few[1] = choice(NULL, 0, TFL_DTYPE_COUNT);
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.dequantize, 2);
}
END_TEST

START_TEST(wrong_outputs)
{
	request.outputs.count = 1;
	request.outputs.few[0] = choice("probabilities", -1, TFL_DTYPE_COUNT);
	expect_error(-ENOENT, "outputs[0]: there is no output 'probabilities'; the model has 0 'scores', 1 'classes', 2 'raw'");
	request.outputs.few[0] = choice(NULL, 3, TFL_DTYPE_COUNT);
	expect_error(-ENOENT, "there is no output 3");
	request.outputs.few[0] = choice("classes", -1, TFL_FLOAT32);
	expect_error(-EINVAL, "output 1 'classes' is int32 and cannot be given as float32");
	request.outputs.few[0] = choice("scores", -1, TFL_UINT8);
	expect_error(-EINVAL, "output 0 'scores' is int8 (or float32, dequantised) and cannot be given as uint8");
	request.outputs.count = 2;
	request.outputs.few[0] = choice("scores", -1, TFL_FLOAT32);
	request.outputs.few[1] = choice(NULL, 0, TFL_INT8);
	expect_error(-EINVAL, "outputs[1]: output 0 'scores' comes twice");
}
END_TEST

/* One output that fits and is asked for as it is, and does not fit as float32. */
START_TEST(a_reply_that_no_frame_can_hold)
{
	static struct tfl_io large = {.name = "large", .dtype = TFL_INT8, .rank = 1, .dims = {20 << 20}, .elements = 20 << 20, .bytes = 20 << 20,
				      .quantized = true, .scale = 1};
	static const struct tfl_entry entry = {.inputs = inputs, .outputs = &large, .input_count = 2, .output_count = 1};
	static const struct tfl_interface wide = {&entry, 1};

	ck_assert_int_eq(tfl_binding_make(&wide, &request, &binding, &error), 0);
	request.head.dtype = TFL_FLOAT32;
	ck_assert_int_eq(tfl_binding_make(&wide, &request, &binding, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "83886080 bytes, and a reply can bring 67108864"));
}
END_TEST

/* Models with more tensors than a message takes: inputs cannot be served, outputs can when they are named. */
START_TEST(more_tensors_than_a_message_has)
{
	static struct tfl_io many[300];
	struct tfl_entry entry = {.inputs = inputs, .outputs = many, .input_count = 2, .output_count = 300};
	const struct tfl_interface wide = {&entry, 1};

	for (unsigned i = 0; i < 300; i++)
		many[i] = (struct tfl_io){.name = "", .dtype = TFL_FLOAT32};
	ck_assert_int_eq(tfl_binding_make(&wide, &request, &binding, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "300 outputs, and a reply can bring 64"));
	request.outputs.count = 1;
	request.outputs.few[0] = choice(NULL, 299, TFL_DTYPE_COUNT);
	ck_assert_int_eq(tfl_binding_make(&wide, &request, &binding, &error), 0);
	ck_assert_uint_eq(binding.outputs[0], 299);
	entry = (struct tfl_entry){.inputs = many, .outputs = outputs, .input_count = 65, .output_count = 3};
	ck_assert_int_eq(tfl_binding_make(&wide, &request, &binding, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "65 inputs"));
}
END_TEST

static void call_encode(int32_t batch)
{
	request.head.signature = tfl_string_of("encode");
	request.inputs.few[0] = tensor("scores", -1, &free_inputs[1], TFL_FLOAT32);
	request.inputs.few[1] = tensor("batch", -1, &free_inputs[0], TFL_UINT8);
	request.inputs.few[1].shape.dims[0] = batch;
}

/* Whoever names a signature means its names. */
START_TEST(a_signature_by_its_name)
{
	call_encode(1);
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.entry, 1);
	ck_assert_uint_eq(binding.inputs[0], 1);
	ck_assert_uint_eq(binding.inputs[1], 0);
	ck_assert_uint_eq(binding.output_count, 1);
	ck_assert(!binding.resized);
	request.head.signature = tfl_string_of("decode");
	expect_error(-ENOENT, "the model has no signature 'decode'; it has 'encode', 'train'");
	request.head.signature = tfl_string_of("train");
	expect_error(-EOPNOTSUPP, "signature 'train' cannot be run: operator 7 (CONV_3D) is not there");
}
END_TEST

START_TEST(a_model_without_signatures)
{
	const struct tfl_interface bare = {entries, 1};

	request.head.signature = tfl_string_of("encode");
	ck_assert_int_eq(tfl_binding_make(&bare, &request, &binding, &error), -ENOENT);
	ck_assert_str_eq(error.text, "the model has no signature 'encode'; it has none");
}
END_TEST

START_TEST(dimensions_that_are_free)
{
	call_encode(3);
	ck_assert_int_eq(bind(), 0);
	ck_assert(binding.resized);
	ck_assert_uint_eq(binding.quantize, 0);
	/* How large the outputs will be is not known yet. */
	request.head.dtype = TFL_FLOAT32;
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.dequantize, 1);
	request.inputs.few[1].dtype = TFL_FLOAT32;
	ck_assert_int_eq(bind(), 0);
	ck_assert_uint_eq(binding.quantize, 2);
	call_encode(0);
	expect_error(-EINVAL, "input 0 'scores' has shape [0, 4] and must have [-1, 4], where -1 is any size from 1 on");
	call_encode(2);
	request.inputs.few[1].shape.dims[1] = 5;
	expect_error(-EINVAL, "input 0 'scores' has shape [2, 5] and must have [-1, 4]");
	call_encode(2);
	request.inputs.few[1].shape.rank = 1;
	expect_error(-EINVAL, "input 0 'scores' has shape [2] and must have [-1, 4]");
}
END_TEST

Suite *binding_suite(void)
{
	Suite *suite = suite_create("binding");
	TCase *tcase = tcase_create("requests");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, by_index);
	tcase_add_test(tcase, by_name_in_any_order);
	tcase_add_test(tcase, a_tensor_name_wins_over_a_signature_name);
	tcase_add_test(tcase, a_signature_by_its_name);
	tcase_add_test(tcase, a_model_without_signatures);
	tcase_add_test(tcase, dimensions_that_are_free);
	tcase_add_test(tcase, float_for_a_quantised_input);
	tcase_add_test(tcase, unknown_inputs);
	tcase_add_test(tcase, a_missing_input_is_named);
	tcase_add_test(tcase, an_input_that_comes_twice);
	tcase_add_test(tcase, wrong_types);
	tcase_add_test(tcase, wrong_shapes);
	tcase_add_test(tcase, shared_memory_is_not_there_yet);
	tcase_add_test(tcase, all_outputs_as_float);
	tcase_add_test(tcase, chosen_outputs);
	tcase_add_test(tcase, wrong_outputs);
	tcase_add_test(tcase, more_tensors_than_a_message_has);
	tcase_add_test(tcase, a_reply_that_no_frame_can_hold);
	suite_add_tcase(suite, tcase);
	return suite;
}
