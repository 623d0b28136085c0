/* SPDX-License-Identifier: MIT */
/*
 * What the builder writes, read back by the runtime's own verifier: two programs that share nothing but the schema.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/model.h"
#include "tests/builder/builder.h"
#include "tests/builder/suites.h"
#include "tests/support/allocation.h"

static struct tfl_builder *builder;
static uint8_t *file;
static size_t file_size;
static struct tfl_model *model;

static void setup(void)
{
	builder = tfl_build_create();
	ck_assert_ptr_nonnull(builder);
}

static void teardown(void)
{
	tfl_model_destroy(model);
	free(file);
	tfl_build_destroy(builder);
}

static int open_model(struct tfl_error *error)
{
	ck_assert_int_eq(tfl_build_finish(builder, &file, &file_size), 0);
	return tfl_model_open_memory(file, file_size, &model, error);
}

static const struct tfl_subgraph *reopen(void)
{
	struct tfl_error error = {0};

	ck_assert_msg(open_model(&error) == 0, "the model does not open: %s", error.text);
	return &model->subgraphs[0];
}

/* A tensor of four floats; with content, or to be computed. */
static int vector(const char *name, const float *data)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = name, .dims = TFL_INTS(1, 4), .data = data,
								    .data_size = data ? 16 : 0});
}

START_TEST(tensors_come_back_as_they_were)
{
	const float scales[] = {0.5f, 0.25f, 2.0f};
	const int64_t zero_points[] = {0, 1, -1};
	int x = tfl_build_tensor(builder, &(struct tfl_build_tensor){
		.name = "x", .dtype = TFL_INT8, .dims = TFL_INTS(1, 2, 3), .signature = TFL_INTS(-1, 2, 3), .scales = (float[]){0.125f},
		.zero_points = (int64_t[]){-7}, .scale_count = 1});
	int w = tfl_build_tensor(builder, &(struct tfl_build_tensor){
		.name = "w", .dtype = TFL_INT8, .dims = TFL_INTS(1, 2, 3), .data = "abcdef", .data_size = 6, .scales = scales,
		.zero_points = zero_points, .scale_count = 3, .axis = 2});
	int y = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "y", .dtype = TFL_INT8, .dims = TFL_INTS(1, 2, 3)});
	int v = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "v", .is_variable = true});
	const struct tfl_tensor *t;

	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD, .inputs = TFL_INTS(x, w), .outputs = TFL_INTS(y)});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	t = reopen()->tensors;
	ck_assert_uint_eq(model->subgraphs[0].tensor_count, 4);
	ck_assert_str_eq(t[x].name, "x");
	ck_assert_int_eq(t[x].dtype, TFL_INT8);
	ck_assert_uint_eq(t[x].rank, 3);
	ck_assert_mem_eq(t[x].dims, ((int32_t[]){1, 2, 3}), 12);
	ck_assert_mem_eq(t[x].signature, ((int32_t[]){-1, 2, 3}), 12);
	ck_assert(t[x].has_dynamic && !t[x].is_variable && !t[x].data);
	ck_assert_uint_eq(t[x].quantization.count, 1);
	ck_assert_float_eq(t[x].quantization.scales[0], 0.125f);
	ck_assert_int_eq(t[x].quantization.zero_points[0], -7);
	ck_assert_uint_eq(t[w].data_size, 6);
	ck_assert_mem_eq(t[w].data, "abcdef", 6);
	ck_assert_uint_eq(t[w].quantization.count, 3);
	ck_assert_uint_eq(t[w].quantization.axis, 2);
	ck_assert_mem_eq(t[w].quantization.scales, scales, sizeof(scales));
	ck_assert_mem_eq(t[w].quantization.zero_points, zero_points, sizeof(zero_points));
	ck_assert_uint_eq(t[y].quantization.count, 0);
	ck_assert(t[v].is_variable && t[v].rank == 0);
}
END_TEST

START_TEST(scales_without_zero_points_get_zeros)
{
	int x = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "x", .dtype = TFL_INT8, .dims = TFL_INTS(2),
								     .scales = (float[]){1, 2}, .scale_count = 2});
	const struct tfl_tensor *t;

	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(x));
	t = &reopen()->tensors[x];
	ck_assert_uint_eq(t->quantization.count, 2);
	ck_assert_int_eq(t->quantization.zero_points[0] | t->quantization.zero_points[1], 0);
}
END_TEST

START_TEST(sparse_and_custom_quantization_are_marked)
{
	int x = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(2), .custom_quantization = true});
	int s = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "s", .dims = TFL_INTS(2), .sparse = true});

	tfl_build_io(builder, TFL_INTS(x, s), TFL_INTS(x));
	ck_assert(reopen()->tensors[x].quantization.custom);
	ck_assert(model->subgraphs[0].tensors[s].is_sparse && !model->subgraphs[0].tensors[x].is_sparse);
}
END_TEST

/* A row: the options as they are written, and what a field of them must read as. */
struct option_case {
	struct tfl_build_options options;
	unsigned slot;
	char kind; /* b: one byte, i: four, f: float, v: the vector's second element */
	double value;
};

static struct option_case option_case(int index)
{
	static const int32_t shape[] = {1, 42};
	const struct tfl_build_window window = {.padding = TFL_PADDING_VALID, .activation = TFL_ACTIVATION_RELU6, .stride_h = 2,
						.stride_w = 3, .dilation_w = 4, .filter_h = 5, .filter_w = 6, .depth_multiplier = 7};
	struct tfl_build_options conv = tfl_options_conv_2d(&window), depthwise = tfl_options_depthwise_conv_2d(&window);
	struct tfl_build_options pool = tfl_options_pool_2d(&window), concatenation = tfl_options_concatenation(-1, TFL_ACTIVATION_RELU);
	struct tfl_build_options gather = tfl_options_empty(23);
	const struct option_case cases[] = {
		{conv, 0, 'b', TFL_PADDING_VALID}, {conv, 1, 'i', 3}, {conv, 2, 'i', 2}, {conv, 3, 'b', TFL_ACTIVATION_RELU6},
		{conv, 4, 'i', 4}, {conv, 5, 'i', 1},
		{depthwise, 1, 'i', 3}, {depthwise, 2, 'i', 2}, {depthwise, 3, 'i', 7}, {depthwise, 4, 'b', TFL_ACTIVATION_RELU6},
		{depthwise, 5, 'i', 4}, {depthwise, 6, 'i', 1},
		{pool, 1, 'i', 3}, {pool, 3, 'i', 6}, {pool, 4, 'i', 5}, {pool, 5, 'b', TFL_ACTIVATION_RELU6},
		{tfl_options_fully_connected(TFL_ACTIVATION_RELU, true), 0, 'b', TFL_ACTIVATION_RELU},
		{tfl_options_fully_connected(TFL_ACTIVATION_RELU, true), 2, 'b', 1},
		{tfl_options_softmax(0.75f), 0, 'f', 0.75},
		{concatenation, 0, 'i', -1}, {concatenation, 1, 'b', TFL_ACTIVATION_RELU},
		{tfl_options_add(TFL_ACTIVATION_RELU), 0, 'b', TFL_ACTIVATION_RELU},
		{tfl_options_mul(TFL_ACTIVATION_RELU6), 0, 'b', TFL_ACTIVATION_RELU6},
		{tfl_options_reshape((struct tfl_ints){shape, 2}), 0, 'v', 42},
		{tfl_options_squeeze((struct tfl_ints){shape, 2}), 0, 'v', 42},
		{tfl_options_reducer(true), 0, 'b', 1},
		{tfl_options_empty(TFL_OPTIONS_PAD), 0, 'i', -99},
		{gather, 1, 'i', 9},
	};
	struct option_case chosen = cases[index];

	if (chosen.options.type == 23)
		tfl_options_add_field(&chosen.options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_I32, .integer = 9});
	return chosen;
}

#define OPTION_CASES 28

static double read_option(const struct tfl_fb_table *options, const struct option_case *c)
{
	struct tfl_fb_vector v;

	switch (c->kind) {
	case 'b':
		return tfl_fb_i8(options, c->slot, -99);
	case 'f':
		return (double)tfl_fb_f32(options, c->slot, -99);
	case 'v':
		ck_assert_int_eq(tfl_fb_vector(options, c->slot, 4, &v), 0);
		ck_assert_uint_eq(v.count, 2);
		return ((const int32_t *)v.data)[1];
	default:
		return tfl_fb_i32(options, c->slot, -99);
	}
}

START_TEST(options_stand_in_the_schemas_slots)
{
	struct option_case c = option_case(_i);
	int x = vector("x", NULL), y = vector("y", NULL);
	const struct tfl_operator *op;

	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_ABS, .inputs = TFL_INTS(x), .outputs = TFL_INTS(y),
								 .options = c.options});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	op = reopen()->operators;
	ck_assert_uint_eq(op->options_type, c.options.type);
	ck_assert_double_eq(read_option(&op->options, &c), c.value);
}
END_TEST

START_TEST(every_kind_of_field_comes_back)
{
	int x = vector("x", NULL), y = vector("y", NULL);
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_ADD);
	const struct tfl_fb_table *table;
	struct tfl_fb_vector v;
	const char *string;
	uint32_t length;

	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 2, .kind = TFL_BUILD_I64, .integer = -1234567890123});
	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 3, .kind = TFL_BUILD_STRING, .data = "word"});
	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 4, .kind = TFL_BUILD_BYTES, .data = "abc", .count = 3});
	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 5, .kind = TFL_BUILD_LONGS, .data = (int64_t[]){5, -6}, .count = 2});
	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 7, .kind = TFL_BUILD_FLOATS, .data = (float[]){1.5f}, .count = 1});
	options.second = true;
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_DILATE, .inputs = TFL_INTS(x), .outputs = TFL_INTS(y),
								 .intermediates = TFL_INTS(-1, x), .options = options});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	table = &reopen()->operators[0].options;
	ck_assert_uint_eq(model->subgraphs[0].operators[0].options_type, 0);
	ck_assert_uint_eq(model->subgraphs[0].operators[0].options_2_type, TFL_OPTIONS_ADD);
	ck_assert_uint_eq(model->subgraphs[0].operators[0].intermediate_count, 2);
	ck_assert_int_eq(tfl_fb_i64(table, 2, 0), -1234567890123);
	ck_assert_int_eq(tfl_fb_string(table, 3, &string, &length), 0);
	ck_assert_str_eq(string, "word");
	ck_assert_int_eq(tfl_fb_vector(table, 4, 1, &v), 0);
	ck_assert_mem_eq(v.data, "abc", 3);
	ck_assert_int_eq(tfl_fb_vector(table, 5, 8, &v), 0);
	ck_assert_mem_eq(v.data, ((int64_t[]){5, -6}), 16);
	ck_assert_int_eq(tfl_fb_vector(table, 7, 4, &v), 0);
	ck_assert_mem_eq(v.data, ((float[]){1.5f}), 4);
	ck_assert(!tfl_fb_has(table, 6));
}
END_TEST

START_TEST(operator_codes_versions_and_custom_names_are_kept)
{
	int a = vector("a", NULL), b = vector("b", NULL), c = vector("c", NULL), d = vector("d", NULL);
	const struct tfl_operator *ops;

	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_RELU, .version = 2, .inputs = TFL_INTS(a, -1),
								 .outputs = TFL_INTS(b)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_GELU, .inputs = TFL_INTS(b), .outputs = TFL_INTS(c)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUSTOM, .custom_name = "Mine", .inputs = TFL_INTS(c),
								 .outputs = TFL_INTS(d), .custom_options = "xyz", .custom_options_size = 3});
	tfl_build_io(builder, TFL_INTS(a), TFL_INTS(d));
	ops = reopen()->operators;
	ck_assert_uint_eq(model->subgraphs[0].operator_count, 3);
	ck_assert_uint_eq(ops[0].code, TFL_BUILTIN_RELU);
	ck_assert_int_eq(ops[0].version, 2);
	ck_assert_uint_eq(ops[0].input_count, 2);
	ck_assert_int_eq(ops[0].inputs[1], -1);
	ck_assert_uint_eq(ops[1].code, TFL_BUILTIN_GELU);
	ck_assert_int_eq(ops[1].version, 1);
	ck_assert_str_eq(ops[2].custom_name, "Mine");
	ck_assert_uint_eq(ops[2].custom_options_size, 3);
	ck_assert_mem_eq(ops[2].custom_options, "xyz", 3);
}
END_TEST

START_TEST(subgraphs_and_signatures_come_back)
{
	const struct tfl_build_binding inputs[] = {{"picture", 1}}, outputs[] = {{"scores", 0}, {"boxes", 1}};

	tfl_build_io(builder, TFL_INTS(vector("outer", NULL)), TFL_INTS(0));
	ck_assert_int_eq(tfl_build_subgraph(builder, "body"), 1);
	vector("p", NULL);
	vector("q", NULL);
	tfl_build_io(builder, TFL_INTS(1, 0), TFL_INTS(0, 1));
	tfl_build_signature(builder, &(struct tfl_build_signature){.key = "run", .subgraph = 1, .inputs = inputs, .outputs = outputs,
								   .input_count = 1, .output_count = 2});
	reopen();
	ck_assert_uint_eq(model->subgraph_count, 2);
	ck_assert_str_eq(model->subgraphs[0].name, "main");
	ck_assert_str_eq(model->subgraphs[1].name, "body");
	ck_assert_uint_eq(model->subgraphs[0].tensor_count, 1);
	ck_assert_uint_eq(model->subgraphs[1].tensor_count, 2);
	ck_assert_int_eq(model->subgraphs[1].outputs[1], 1);
	ck_assert_uint_eq(model->signature_count, 1);
	ck_assert_str_eq(model->signatures[0].key, "run");
	ck_assert_uint_eq(model->signatures[0].subgraph, 1);
	ck_assert_str_eq(model->signatures[0].inputs[0].name, "picture");
	ck_assert_uint_eq(model->signatures[0].inputs[0].tensor, 1);
	ck_assert_str_eq(model->signatures[0].outputs[1].name, "boxes");
}
END_TEST

static void describe(void)
{
	const struct tfl_build_description description = {
		.name = "n", .description = "d", .input_name = "i", .output_name = "o", .color_space = 1, .mean = (const float[]){1, 2, 3},
		.std = (const float[]){4, 5, 6}, .channels = 3, .label_file = "names.txt"};

	tfl_build_describe(builder, &description);
	tfl_build_file(builder, "other.bin", "\0\1", 2);
	tfl_build_file(builder, "names.txt", "cat\ndog\n", 8);
}

START_TEST(labels_and_normalisation_are_found)
{
	int x = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(1, 2, 2, 3)});
	const struct tfl_unit *norm;

	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(x));
	tfl_build_text(builder, "what it is");
	describe();
	reopen();
	norm = tfl_metadata_unit(model->metadata.inputs, TFL_UNIT_NORMALIZATION);
	ck_assert_msg(!model->metadata.fault, "%s", model->metadata.fault);
	ck_assert_str_eq(model->description, "what it is");
	ck_assert_uint_eq(model->label_count, 2);
	ck_assert_str_eq(model->labels[0], "cat");
	ck_assert_str_eq(model->labels[1], "dog");
	ck_assert_ptr_nonnull(norm);
	ck_assert_uint_eq(norm->count, 3);
	ck_assert_float_eq(norm->mean[1], 2);
	ck_assert_float_eq(norm->std[2], 6);
}
END_TEST

START_TEST(constants_are_aligned_for_vectors)
{
	const float four[] = {1, 2, 3, 4};

	for (int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%.*s", i + 1, "constants");
		vector(name, four);
	}
	tfl_build_io(builder, TFL_INTS(vector("x", NULL)), TFL_INTS(5));
	reopen();
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(((const uint8_t *)model->subgraphs[0].tensors[i].data - file) % 16, 0);
}
END_TEST

START_TEST(tensors_may_share_a_buffer)
{
	int shared = tfl_build_buffer(builder, "0123456789abcdef", 16);
	int a = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "a", .dims = TFL_INTS(4), .buffer = (uint32_t)shared});
	int b = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "b", .dims = TFL_INTS(2, 2), .buffer = (uint32_t)shared});
	int x = vector("x", NULL);
	const struct tfl_tensor *t;

	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(x));
	t = reopen()->tensors;
	ck_assert_ptr_nonnull(t[a].data);
	ck_assert_ptr_eq(t[a].data, t[b].data);
}
END_TEST

/* Lies that the builder must write as they are asked for; the verifier's own tests go into them deeply. */
static void tell_lie(int which)
{
	int x = vector("x", NULL), y = vector("y", NULL);

	switch (which) {
	case 0:
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_RELU, .inputs = TFL_INTS(99),
									 .outputs = TFL_INTS(y)});
		break;
	case 1:
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "short", .dims = TFL_INTS(100), .data = "abcd", .data_size = 4});
		break;
	case 2:
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "far", .dims = TFL_INTS(1), .buffer = 1000});
		break;
	case 3:
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "odd", .dtype = 77, .dims = TFL_INTS(1)});
		break;
	case 4:
		tfl_build_frame(builder, &(struct tfl_build_frame){.version = 4, .identifier = "TFL3"});
		break;
	case 5:
		tfl_build_frame(builder, &(struct tfl_build_frame){.version = 3, .identifier = "TFL4"});
		break;
	case 6:
		tfl_build_frame(builder, &(struct tfl_build_frame){.version = 3, .identifier = "TFL3", .no_subgraphs = true});
		break;
	case 7:
		tfl_build_frame(builder, &(struct tfl_build_frame){.version = 3, .identifier = "TFL3", .no_buffers = true});
		break;
	}
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(x));
}

#define LIES 8 /* and one case without a lie, which must open */

START_TEST(lies_are_written_and_refused)
{
	struct tfl_error error = {0};

	tell_lie(_i);
	ck_assert_int_eq(open_model(&error), _i < LIES ? -EINVAL : 0);
	ck_assert_uint_eq(strlen(error.text) > 10, _i < LIES);
}
END_TEST

START_TEST(equal_calls_give_equal_bytes)
{
	_tfl_free_ uint8_t *first = NULL;
	size_t first_size = 0;

	for (int round = 0; round < 2; round++) {
		setup();
		vector("x", (float[]){1, 2, 3, 4});
		tfl_build_io(builder, TFL_INTS(0), TFL_INTS(0));
		describe();
		ck_assert_int_eq(tfl_build_finish(builder, round ? &file : &first, round ? &file_size : &first_size), 0);
		tfl_build_destroy(builder);
	}
	builder = NULL;
	ck_assert_uint_eq(first_size, file_size);
	ck_assert_mem_eq(first, file, first_size);
}
END_TEST

static int build_everything(void *data)
{
	_tfl_free_ uint8_t *bytes = NULL;
	size_t size;
	int r = -ENOMEM;

	builder = tfl_build_create();
	if (builder) {
		vector("x", NULL);
		vector("k", (float[]){1, 2, 3, 4});
		tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "q", .dtype = TFL_INT8, .dims = TFL_INTS(1, 4),
								     .scales = (float[]){1}, .scale_count = 1});
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_RESHAPE, .inputs = TFL_INTS(0),
									 .outputs = TFL_INTS(2), .options = tfl_options_reshape(TFL_INTS(4))});
		tfl_build_io(builder, TFL_INTS(0), TFL_INTS(2));
		tfl_build_signature(builder, &(struct tfl_build_signature){.key = "k", .inputs = &(struct tfl_build_binding){"x", 0},
									   .input_count = 1});
		describe();
		r = tfl_build_finish(builder, &bytes, &size);
	}
	tfl_build_destroy(builder);
	builder = NULL;
	return r;
}

START_TEST(every_failed_allocation_is_reported)
{
	teardown();
	builder = NULL;
	ck_assert_uint_gt(allocation_fail_each(build_everything, NULL), 20);
}
END_TEST

Suite *builder_suite(void)
{
	Suite *suite = suite_create("builder");
	TCase *tcase = tcase_create("builder");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, tensors_come_back_as_they_were);
	tcase_add_test(tcase, scales_without_zero_points_get_zeros);
	tcase_add_test(tcase, sparse_and_custom_quantization_are_marked);
	tcase_add_loop_test(tcase, options_stand_in_the_schemas_slots, 0, OPTION_CASES);
	tcase_add_test(tcase, every_kind_of_field_comes_back);
	tcase_add_test(tcase, operator_codes_versions_and_custom_names_are_kept);
	tcase_add_test(tcase, subgraphs_and_signatures_come_back);
	tcase_add_test(tcase, labels_and_normalisation_are_found);
	tcase_add_test(tcase, constants_are_aligned_for_vectors);
	tcase_add_test(tcase, tensors_may_share_a_buffer);
	tcase_add_loop_test(tcase, lies_are_written_and_refused, 0, LIES + 1);
	tcase_add_test(tcase, every_failed_allocation_is_reported);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("again");
	tcase_add_test(tcase, equal_calls_give_equal_bytes);
	suite_add_tcase(suite, tcase);
	return suite;
}
