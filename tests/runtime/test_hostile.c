/* SPDX-License-Identifier: MIT */
/*
 * Files that are well-formed except for one lie each. Opening must fail with the sentence that names the place and the lie.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/model.h"
#include "runtime/schema.h"
#include "tests/runtime/sample.h"
#include "tests/runtime/suites.h"

struct hostile {
	void (*build)(struct tfl_builder *builder);
	int code;
	const char *sentence;
};

static int plain(struct tfl_builder *b, const char *name)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = name, .dims = TFL_INTS(2)});
}

static int constant(struct tfl_builder *b)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "constant", .dims = TFL_INTS(2), .data = "12345678", .data_size = 8});
}

static void relu(struct tfl_builder *b, int32_t input, int32_t output)
{
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_RELU, .inputs = TFL_INTS(input),
							   .outputs = TFL_INTS(output)});
}

/* Tensors 0 and 1, the graph's input and output, and an operator between tensors of the caller's choice. */
static void graph(struct tfl_builder *b, int32_t input, int32_t output)
{
	plain(b, "in");
	plain(b, "out");
	relu(b, input, output);
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
}

/* A sound graph with one more tensor, number 2. */
static void lone_tensor(struct tfl_builder *b, const struct tfl_build_tensor *tensor)
{
	graph(b, 0, 1);
	ck_assert_int_eq(tfl_build_tensor(b, tensor), 2);
}

static void input_past_the_tensors(struct tfl_builder *b)
{
	graph(b, 9000, 1);
}

static void input_below_minus_one(struct tfl_builder *b)
{
	graph(b, -2, 1);
}

static void output_left_out(struct tfl_builder *b)
{
	graph(b, 0, -1);
}

static void intermediate_past_the_tensors(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_RELU, .inputs = TFL_INTS(0), .outputs = TFL_INTS(1),
							   .intermediates = TFL_INTS(2)});
}

static void read_before_written(struct tfl_builder *b)
{
	plain(b, "in");
	plain(b, "middle");
	plain(b, "out");
	relu(b, 1, 2);
	relu(b, 0, 1);
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(2));
}

static void reads_itself(struct tfl_builder *b)
{
	graph(b, 1, 1);
}

static void written_twice(struct tfl_builder *b)
{
	graph(b, 0, 1);
	relu(b, 0, 1);
}

static void written_twice_by_one(struct tfl_builder *b)
{
	graph(b, 0, 1);
	plain(b, "more");
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_SPLIT, .inputs = TFL_INTS(0), .outputs = TFL_INTS(2, 2)});
}

static void constant_written(struct tfl_builder *b)
{
	graph(b, 0, 1);
	relu(b, 0, constant(b));
}

static void graph_input_written(struct tfl_builder *b)
{
	graph(b, 0, 1);
	relu(b, 1, 0);
}

static void graph_input_constant(struct tfl_builder *b)
{
	constant(b);
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(0));
}

static void graph_input_twice(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_io(b, TFL_INTS(0, 0), TFL_INTS(1));
}

static void graph_input_past_the_tensors(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_io(b, TFL_INTS(2), TFL_INTS(1));
}

static void graph_output_left_out(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(1, -1));
}

static void graph_output_never_written(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(1, plain(b, "nowhere")));
}

static void constant_too_short(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(3), .data = "12345678", .data_size = 8});
}

static void constant_too_long(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dtype = TFL_INT4, .dims = TFL_INTS(3), .data = "123", .data_size = 3});
}

static void variable_with_content(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(2), .data = "12345678", .data_size = 8, .is_variable = true});
}

static void unknown_type(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dtype = (enum tfl_dtype)TFL_DTYPE_COUNT});
}

static void negative_type(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dtype = (enum tfl_dtype)0xff});
}

static void negative_dimension(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(2, -3)});
}

static void too_many_elements(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dtype = TFL_INT8, .dims = TFL_INTS(65536, 65536, 65536, 65536)});
}

static void too_many_bytes(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dtype = TFL_INT16, .dims = TFL_INTS(1 << 29, 2)});
}

static void too_many_dimensions(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(1, 1, 1, 1, 1, 1, 1, 1, 1)});
}

static void signature_of_other_rank(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(1, 2), .signature = TFL_INTS(-1)});
}

static void signature_below_minus_one(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(1, 2), .signature = TFL_INTS(-1, -2)});
}

static const float scales[] = {1, 2, 3};

static void scales_unlike_the_dimension(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(2, 4), .axis = 1, .scales = scales, .scale_count = 3});
}

static void scales_past_the_dimensions(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(3, 3), .axis = 2, .scales = scales, .scale_count = 3});
}

static void scales_of_a_scalar(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.scales = scales, .scale_count = 3});
}

static void zero_points_unlike_scales(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.dims = TFL_INTS(3), .scales = scales, .scale_count = 3, .zero_point_count = 2});
}

static void buffer_past_the_buffers(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.buffer = 77});
}

static void long_name(struct tfl_builder *b)
{
	char name[TFL_TENSOR_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	lone_tensor(b, &(struct tfl_build_tensor){.name = name});
}

static void name_in_latin1(struct tfl_builder *b)
{
	lone_tensor(b, &(struct tfl_build_tensor){.name = "caf\351"});
}

static void too_many_graph_outputs(struct tfl_builder *b)
{
	static int32_t outputs[TFL_SUBGRAPH_EDGE_MAX + 1];

	graph(b, 0, 1);
	tfl_build_io(b, TFL_INTS(0), (struct tfl_ints){outputs, TFL_ARRAY_SIZE(outputs)});
}

static void too_many_inputs(struct tfl_builder *b)
{
	static int32_t inputs[TFL_OPERATOR_TENSORS_MAX + 1];

	graph(b, 0, 1);
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD_N, .inputs = {inputs, TFL_ARRAY_SIZE(inputs)},
							   .outputs = TFL_INTS(plain(b, "sum"))});
}

static void unknown_operator(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_COUNT});
}

static void custom_without_name(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUSTOM});
}

static void old_version(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_frame(b, &(struct tfl_build_frame){.version = 2, .identifier = "TFL3"});
}

static void wrong_identifier(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_frame(b, &(struct tfl_build_frame){.version = 3, .identifier = "TFL4"});
}

static void no_subgraphs(struct tfl_builder *b)
{
	tfl_build_frame(b, &(struct tfl_build_frame){.version = 3, .identifier = "TFL3", .no_subgraphs = true});
}

static void no_buffers(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_frame(b, &(struct tfl_build_frame){.version = 3, .identifier = "TFL3", .no_buffers = true});
}

static void fault_in_second_subgraph(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_subgraph(b, "body");
	graph(b, 5, 1);
}

static void signature_of_no_subgraph(struct tfl_builder *b)
{
	graph(b, 0, 1);
	tfl_build_signature(b, &(struct tfl_build_signature){.key = "k", .subgraph = 1});
}

static void signature_of_no_tensor(struct tfl_builder *b)
{
	static const struct tfl_build_binding inputs[] = {{"a", 0}, {"b", 2}};

	graph(b, 0, 1);
	tfl_build_signature(b, &(struct tfl_build_signature){.key = "k", .inputs = inputs, .input_count = 2});
}

static const struct hostile hostiles[] = {
	{input_past_the_tensors, -EINVAL, "subgraph 0: operator 0 (RELU): input 0 is tensor 9000, but there are 2"},
	{input_below_minus_one, -EINVAL, "subgraph 0: operator 0 (RELU): input 0 is tensor -2, but there are 2"},
	{output_left_out, -EINVAL, "subgraph 0: operator 0 (RELU): output 0 is tensor -1, but there are 2"},
	{intermediate_past_the_tensors, -EINVAL, "subgraph 0: operator 1 (RELU): intermediate 0 is tensor 2, but there are 2"},
	{read_before_written, -EINVAL, "subgraph 0: operator 0 (RELU): input 0, tensor 1, is read before anything wrote it"},
	{reads_itself, -EINVAL, "subgraph 0: operator 0 (RELU): input 0, tensor 1, is read before anything wrote it"},
	{written_twice, -EINVAL, "subgraph 0: operator 1 (RELU): output 0 is tensor 1, but that is already written by an earlier operator"},
	{written_twice_by_one, -EINVAL, "subgraph 0: operator 1 (SPLIT): output 1 is tensor 2, but that is already written"},
	{constant_written, -EINVAL, "subgraph 0: operator 1 (RELU): output 0 is tensor 2, but that is already a constant"},
	{graph_input_written, -EINVAL, "subgraph 0: operator 1 (RELU): output 0 is tensor 0, but that is already an input of the graph"},
	{graph_input_constant, -EINVAL, "subgraph 0: input 0 of the graph, tensor 0, is already a constant"},
	{graph_input_twice, -EINVAL, "subgraph 0: input 1 of the graph, tensor 0, is already an input of the graph"},
	{graph_input_past_the_tensors, -EINVAL, "subgraph 0: inputs 0 is tensor 2, but there are 2"},
	{graph_output_left_out, -EINVAL, "subgraph 0: outputs 1 is tensor -1, but there are 2"},
	{graph_output_never_written, -EINVAL, "subgraph 0: output 1, tensor 2, is read before anything wrote it"},
	{constant_too_short, -EINVAL, "subgraph 0: tensor 2: buffer 1 has 8 bytes, but the tensor's shape and type take 12"},
	{constant_too_long, -EINVAL, "subgraph 0: tensor 2: buffer 1 has 3 bytes, but the tensor's shape and type take 2"},
	{variable_with_content, -EINVAL, "subgraph 0: tensor 2: is a variable, but has constant content"},
	{unknown_type, -EINVAL, "subgraph 0: tensor 2: type 19 is unknown: 0 to 18 are known"},
	{negative_type, -EINVAL, "subgraph 0: tensor 2: type -1 is unknown: 0 to 18 are known"},
	{negative_dimension, -EINVAL, "subgraph 0: tensor 2: dimension 1 is -3, but must not be negative"},
	{too_many_elements, -EFBIG, "subgraph 0: tensor 2: shape [65536, 65536, 65536, 65536] of int8 takes more than 1073741824 bytes"},
	{too_many_bytes, -EFBIG, "subgraph 0: tensor 2: shape [536870912, 2] of int16 takes more than 1073741824 bytes"},
	{too_many_dimensions, -EFBIG, "subgraph 0: tensor 2: shape: 9, but at most 8 are allowed"},
	{signature_of_other_rank, -EINVAL, "subgraph 0: tensor 2: shape has 2 dimensions, but shape_signature 1"},
	{signature_below_minus_one, -EINVAL, "subgraph 0: tensor 2: dimension 1 of shape_signature is -2, but must be -1 or a size"},
	{scales_unlike_the_dimension, -EINVAL, "subgraph 0: tensor 2: quantization: 3 scales along dimension 1, which has size 4"},
	{scales_past_the_dimensions, -EINVAL, "subgraph 0: tensor 2: quantization: dimension 2, but the tensor has 2"},
	{scales_of_a_scalar, -EINVAL, "subgraph 0: tensor 2: quantization: dimension 0, but the tensor has 0"},
	{zero_points_unlike_scales, -EINVAL, "subgraph 0: tensor 2: quantization: 3 scales, but 2 zero points"},
	{buffer_past_the_buffers, -EINVAL, "subgraph 0: tensor 2: buffer 77, but there are 1"},
	{long_name, -EFBIG, "subgraph 0: tensor 2: name: 4097 bytes, but at most 4096 are allowed"},
	{name_in_latin1, -EINVAL, "subgraph 0: tensor 2: name: is no text in UTF-8"},
	{too_many_graph_outputs, -EFBIG, "subgraph 0: outputs: 4097, but at most 4096 are allowed"},
	{too_many_inputs, -EFBIG, "subgraph 0: operator 1 (ADD_N): inputs: 4097, but at most 4096 are allowed"},
	{unknown_operator, -EINVAL, "subgraph 0: operator 1: builtin operator 210 is unknown: 0 to 209 are known"},
	{custom_without_name, -EINVAL, "subgraph 0: operator 1: is custom, but its operator code has no custom_code to name it"},
	{old_version, -EINVAL, "schema version 2, but only version 3 can be read"},
	{wrong_identifier, -EINVAL, "bytes 4 to 7 are not the identifier \"TFL3\""},
	{no_subgraphs, -EINVAL, "has no subgraph, but needs at least one"},
	{no_buffers, -EINVAL, "subgraph 0: tensor 0: buffer 0, but there are 0"},
	{fault_in_second_subgraph, -EINVAL, "subgraph 1: operator 0 (RELU): input 0 is tensor 5, but there are 2"},
	{signature_of_no_subgraph, -EINVAL, "signature 0: subgraph 1, but there are 1"},
	{signature_of_no_tensor, -EINVAL, "signature 0: inputs: 1 is tensor 2, but there are 2"},
};

static void assert_refused(const uint8_t *data, size_t size, int code, const char *sentence)
{
	struct tfl_model *model = NULL;
	struct tfl_error error = {0};

	ck_assert_int_eq(tfl_model_open_memory(data, size, &model, &error), code);
	ck_assert_ptr_null(model);
	ck_assert_int_eq(error.code, code);
	ck_assert_msg(strstr(error.text, sentence), "\"%s\" lacks \"%s\"", error.text, sentence);
}

START_TEST(lies_are_named)
{
	struct tfl_builder *b = tfl_build_create();
	_tfl_free_ uint8_t *data = NULL;
	size_t size;

	ck_assert_ptr_nonnull(b);
	hostiles[_i].build(b);
	data = sample_finish(b, &size);
	assert_refused(data, size, hostiles[_i].code, hostiles[_i].sentence);
}
END_TEST

static const struct {
	struct raw_model raw;
	const char *sentence;
} raws[] = {
	{{.deprecated_code = -1, .builtin_code = -5}, "operator 0: builtin operator -1 is unknown"},
	{{.builtin_code = INT32_MAX}, "operator 0: builtin operator 2147483647 is unknown"},
	{{.no_codes = true}, "operator 0: opcode_index 0, but there are 0 operator codes"},
	{{.misplaced_options = true}, "has builtin_options of type 11 and builtin_options_2 of type 1"},
	{{.zero_points = 3}, "tensor 1: quantization: 2 scales, but 3 zero points"},
	{{.buffer_offset = 2, .buffer_size = 5}, "tensor 1: buffer 1 has 5 bytes, but the tensor's shape and type take 4"},
	{{.buffer_offset = 1 << 20, .buffer_size = 4}, "buffer 1: 4 bytes at 1048576, but the file has"},
	{{.buffer_offset = UINT64_MAX, .buffer_size = 4}, "buffer 1: 4 bytes at 18446744073709551615, but the file has"},
	{{.buffer_offset = 16, .buffer_size = UINT64_MAX - 8}, "buffer 1: 18446744073709551607 bytes at 16, but the file has"},
	{{.options_offset = 1 << 20, .options_size = 1}, "operator 0 (ADD): large_custom_options: 1 bytes at 1048576, but the file has"},
	{{.options_offset = 8, .options_size = UINT64_MAX}, "large_custom_options: 18446744073709551615 bytes at 8, but the file has"},
	{{.operator_uses = 1}, "operator 1 (ADD): output 0 is tensor 2, but that is already written"},
};

START_TEST(lies_below_the_builder_are_named)
{
	_tfl_free_ uint8_t *data = NULL;
	size_t size;

	data = sample_raw(&raws[_i].raw, &size);
	assert_refused(data, size, -EINVAL, raws[_i].sentence);
}
END_TEST

static void put32(uint8_t *data, size_t at, uint32_t value)
{
	memcpy(data + at, &value, sizeof(value));
}

/* Numbers of the sample's own frame, bent where an accessor found them. */
START_TEST(bent_frames_are_named)
{
	struct tfl_fb_table root, subgraph;
	struct tfl_fb_vector subgraphs, tensors;
	struct tfl_fb_buffer buffer;
	_tfl_free_ uint8_t *good = NULL, *bad = NULL;
	size_t size;

	good = sample_everything(&size);
	bad = malloc(size);
	ck_assert_ptr_nonnull(bad);
	buffer = (struct tfl_fb_buffer){good, size};
	ck_assert_int_eq(tfl_fb_root(&buffer, "TFL3", &root), 0);
	ck_assert_int_eq(tfl_fb_vector(&root, 2, 4, &subgraphs), 0);
	ck_assert_int_eq(tfl_fb_vector_table(&subgraphs, 0, &subgraph), 0);
	ck_assert_int_eq(tfl_fb_vector(&subgraph, 0, 4, &tensors), 0);

	memcpy(bad, good, size);
	put32(bad, root.position, 0);
	assert_refused(bad, size, -EINVAL, "its root table leads out of the file"); /* a vtable that is its own table */
	memcpy(bad, good, size);
	put32(bad, 0, root.position + 2);
	assert_refused(bad, size, -EINVAL, "its root table leads out of the file");
	memcpy(bad, good, size);
	put32(bad, tensors.position - 4, 0xffffffff);
	assert_refused(bad, size, -EINVAL, "subgraph 0: tensors: its offset or length is misaligned or leads out of the file");
	put32(bad, tensors.position - 4, (uint32_t)(size - tensors.position) / 4);
	assert_refused(bad, size, -EINVAL, "subgraph 0: tensor ");
	memcpy(bad, good, size);
	put32(bad, tensors.position + 4, 0);
	assert_refused(bad, size, -EINVAL, "subgraph 0: tensor 1: its table is misaligned or leads out of the file");
	memcpy(bad, good, size);
	put32(bad, subgraphs.position, 0x7ffffffc);
	assert_refused(bad, size, -EINVAL, "subgraph 0: its table is misaligned or leads out of the file");
}
END_TEST

/* Of the processor. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static const struct {
	struct raw_model raw;
	int code;
	const char *sentence;
} repetitions[] = {
	{{.tensor_uses = 60000}, -EINVAL, "subgraph 0: describes more than its"},
	{{.tensor_uses = 6000, .subgraph_uses = 1000}, -EINVAL, "describes more than its"},
	{{.tensor_uses = 65536}, -EFBIG, "subgraph 0: tensors: 65539, but at most 65536 are allowed"},
	{{.operator_uses = 65536}, -EFBIG, "subgraph 0: operators: 65537, but at most 65536 are allowed"},
	{{.operator_uses = 65000}, -EINVAL, "output 0 is tensor 2, but that is already written by an earlier operator"},
	{{.subgraph_uses = 1024}, -EFBIG, "subgraphs: 1025, but at most 1024 are allowed"},
};

/* One part of the file used again and again: memory and time follow the file's size, not what it claims. */
START_TEST(repetition_is_bounded)
{
	_tfl_free_ uint8_t *data = NULL;
	double start;
	size_t size;
	long peak;

	data = sample_raw(&repetitions[_i].raw, &size);
	peak = peak_kib();
	start = seconds();
	assert_refused(data, size, repetitions[_i].code, repetitions[_i].sentence);
	ck_assert_double_lt(seconds() - start, 2);
	ck_assert_int_le(peak_kib() - peak, (long)(size * TFL_MODEL_WORK_FACTOR + TFL_MODEL_WORK_FLOOR) / 1024 + 4096);
}
END_TEST

/* The largest graph that the limits allow is checked in one pass. */
START_TEST(many_operators_take_linear_time)
{
	struct tfl_builder *b = tfl_build_create();
	_tfl_free_ uint8_t *data = NULL;
	struct tfl_model *model = NULL;
	struct tfl_error error;
	double start;
	size_t size;

	ck_assert_ptr_nonnull(b);
	plain(b, "in");
	for (int i = 1; i < 60000; i++)
		relu(b, i - 1, plain(b, "t"));
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(59999));
	data = sample_finish(b, &size);
	start = seconds();
	ck_assert_msg(tfl_model_open_memory(data, size, &model, &error) == 0, "%s", error.text);
	ck_assert_double_lt(seconds() - start, 2);
	ck_assert_uint_eq(model->subgraphs[0].operator_count, 59999);
	tfl_model_destroy(model);
}
END_TEST

Suite *hostile_suite(void)
{
	Suite *suite = suite_create("hostile");
	TCase *lies = tcase_create("lies"), *bounds = tcase_create("bounds");

	tcase_add_loop_test(lies, lies_are_named, 0, TFL_ARRAY_SIZE(hostiles));
	tcase_add_loop_test(lies, lies_below_the_builder_are_named, 0, TFL_ARRAY_SIZE(raws));
	tcase_add_test(lies, bent_frames_are_named);
	suite_add_tcase(suite, lies);
	tcase_set_timeout(bounds, 60);
	tcase_add_loop_test(bounds, repetition_is_bounded, 0, TFL_ARRAY_SIZE(repetitions));
	tcase_add_test(bounds, many_operators_take_linear_time);
	suite_add_tcase(suite, bounds);
	return suite;
}
