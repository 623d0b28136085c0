/* SPDX-License-Identifier: MIT */
/*
 * Surveys of models that run, and of models with one of everything that does not: each operator gets its own verdict, whatever stands before
 * it.
 */
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/survey.h"
#include "tests/builder/mobilenet.h"
#include "tests/runtime/metadata_sample.h"
#include "tests/runtime/sample.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"
#include "tests/support/allocation.h"

static struct scene scene;
static struct tfl_survey *survey;

static void open_builder(struct tfl_builder *b)
{
	ck_assert_msg(scene_open(&scene, b) == 0, "%s", scene.error.text);
}

static void look(const struct tfl_program_options *options)
{
	struct tfl_error error = {0};

	ck_assert_msg(tfl_survey_create(scene.model, options, &survey, &error) == 0, "%s", error.text);
}

static void teardown(void)
{
	tfl_survey_destroy(survey);
	scene_close(&scene);
}

static int tensor(struct tfl_builder *b, enum tfl_dtype dtype, struct tfl_ints dims)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "t", .dtype = dtype, .dims = dims});
}

static void add_operator(struct tfl_builder *b, uint32_t code, struct tfl_ints inputs, int output, struct tfl_build_options options)
{
	tfl_build_operator(b, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = TFL_INTS(output), .options = options});
}

static const struct tfl_build_options none;

/* ---- Models that run ---- */

START_TEST(a_model_that_runs)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_net net = {0};
	uint32_t weights = 0;

	ck_assert_int_eq(tfl_net_tiny(&net, 1), 0);
	ck_assert_int_eq(tfl_net_emit(&net, _i == 1, b), 0);
	for (int i = 0; i < net.count; i++)
		weights += net.layers[i].kind == TFL_NET_FULLY_CONNECTED ? (uint32_t)net.layers[i].weight_count : 0;
	tfl_net_finish(&net);
	open_builder(b);
	look(NULL);
	ck_assert_msg(survey->runs, "%s", survey->fault.text);
	ck_assert_uint_eq(survey->operator_count, scene.model->subgraphs[0].operator_count);
	ck_assert_uint_eq(survey->tensor_count, scene.model->subgraphs[0].tensor_count);
	for (uint32_t i = 0; i < survey->operator_count; i++) {
		ck_assert_uint_eq(survey->operators[i].index, i);
		ck_assert_int_le(survey->operators[i].verdict, TFL_VERDICT_FOLDED);
		ck_assert_ptr_null(survey->operators[i].reason);
	}
	ck_assert_uint_eq(survey->multiplies, weights); /* a batch of 1: each weight is used once */
	ck_assert_uint_gt(survey->steps, 0);
	ck_assert(survey->memory.measured);
	ck_assert_uint_gt(survey->memory.packed, weights);
	ck_assert_uint_gt(survey->memory.interpreter, 0);
	ck_assert_uint_gt(survey->memory.further, 0);
	ck_assert_uint_gt(survey->memory.constants, weights);
	ck_assert_str_eq(tfl_survey_quantization(survey), _i == 1 ? "int8" : "float32");
	ck_assert_uint_eq(survey->inputs[0].elements, 16);
	ck_assert_str_eq(survey->outputs[0].signature_name, scene.model->signatures[0].outputs[0].name);
}
END_TEST

/* One picture of 5 x 4 with 3 channels, SAME, stride 1, 2 x 2 x 3 -> 6. Taps in the padding count, as they do everywhere. */
START_TEST(multiply_adds_of_a_convolution)
{
	const struct tfl_build_window window = {.padding = TFL_PADDING_SAME};
	struct tfl_builder *b = tfl_build_create();
	float weights[6 * 2 * 2 * 3] = {0}, bias[6] = {0};
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(1, 5, 4, 3)), w, c, y;

	w = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "w", .dims = TFL_INTS(6, 2, 2, 3), .data = weights,
							   .data_size = sizeof(weights)});
	c = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "b", .dims = TFL_INTS(6), .data = bias, .data_size = sizeof(bias)});
	y = tensor(b, TFL_FLOAT32, TFL_INTS(1, 5, 4, 6));
	add_operator(b, TFL_BUILTIN_CONV_2D, TFL_INTS(x, w, c), y, tfl_options_conv_2d(&window));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	open_builder(b);
	look(&(struct tfl_program_options){.portable = _i == 1});
	ck_assert_uint_eq(survey->multiplies, 5 * 4 * (2 * 2 * 3) * 6);
	ck_assert_int_eq(survey->operators[0].verdict, _i == 1 ? TFL_VERDICT_PORTABLE : TFL_VERDICT_XNNPACK);
	ck_assert_uint_eq(survey->tensors[x].reads, 1);
	ck_assert(survey->tensors[x].input && !survey->tensors[x].output && !survey->tensors[x].constant);
	ck_assert(survey->tensors[w].constant);
	ck_assert(survey->tensors[y].output);
	ck_assert_uint_eq(survey->tensors[y].bytes, 5 * 4 * 6 * 4);
}
END_TEST

START_TEST(what_is_computed_at_load)
{
	static const float values[3] = {1, -2, 3};
	struct tfl_builder *b = tfl_build_create();
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(3)), y, z, unread;

	y = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "y", .dims = TFL_INTS(3), .data = values, .data_size = sizeof(values)});
	z = tensor(b, TFL_FLOAT32, TFL_INTS(3));
	add_operator(b, TFL_BUILTIN_RELU, TFL_INTS(y), z, none);
	unread = tensor(b, TFL_FLOAT32, TFL_INTS(3));
	add_operator(b, TFL_BUILTIN_RELU, TFL_INTS(x), unread, none);
	y = tensor(b, TFL_FLOAT32, TFL_INTS(3));
	add_operator(b, TFL_BUILTIN_ADD, TFL_INTS(x, z), y, tfl_options_add(0));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	open_builder(b);
	look(NULL);
	ck_assert_int_eq(survey->operators[0].verdict, TFL_VERDICT_FOLDED);
	ck_assert_int_eq(survey->operators[1].verdict, TFL_VERDICT_FOLDED);
	ck_assert_int_eq(survey->operators[2].verdict, TFL_VERDICT_XNNPACK);
	ck_assert(survey->tensors[z].folded && !survey->tensors[z].constant);
}
END_TEST

/* ---- Models that do not ---- */

/* What each operator of the model below is, and why it does not run. */
enum {
	OF_FLOATS,  /* x, float32 [2, 3] */
	OF_STRINGS,
	OF_BOOLS,
	OF_SPARSE,
	OF_FOUR,     /* float32 [4] */
	SOURCES
};

static const struct {
	uint32_t code;
	int32_t version;
	const char *custom;
	int sources[2]; /* the second: -1 for none */
	enum tfl_cause cause;
	const char *reason;
} refusals[] = {
	{TFL_BUILTIN_CUSTOM, 1, "Weigh", {OF_FLOATS, -1}, TFL_CAUSE_CUSTOM, "this operator is not known"},
	{TFL_BUILTIN_CUSTOM, 1, "FlexWeigh", {OF_FLOATS, -1}, TFL_CAUSE_FLEX, "this operator is not known"},
	{TFL_BUILTIN_CONCAT_EMBEDDINGS, 1, NULL, {OF_FLOATS, -1}, TFL_CAUSE_BUILTIN, "this operator is not known"},
	{TFL_BUILTIN_CALL, 1, NULL, {OF_FLOATS, -1}, TFL_CAUSE_CONTROL_FLOW, "this operator is not known"},
	{TFL_BUILTIN_STABLEHLO_SORT, 1, NULL, {OF_FLOATS, -1}, TFL_CAUSE_STABLEHLO, "this operator is not known"},
	{TFL_BUILTIN_SKIP_GRAM, 1, NULL, {OF_FLOATS, -1}, TFL_CAUSE_STRINGS, "this operator is not known"},
	{TFL_BUILTIN_RELU, 1, NULL, {OF_STRINGS, -1}, TFL_CAUSE_STRINGS, "these types are not among those known"},
	{TFL_BUILTIN_RELU, 99, NULL, {OF_FLOATS, -1}, TFL_CAUSE_VERSION, "the greatest version known is "},
	{TFL_BUILTIN_RELU, 1, NULL, {OF_BOOLS, -1}, TFL_CAUSE_TYPES, "these types are not among those known"},
	{TFL_BUILTIN_RELU, 1, NULL, {OF_SPARSE, -1}, TFL_CAUSE_SPARSE, "input 0: it is stored sparse, but no constant"},
	{TFL_BUILTIN_ADD, 1, NULL, {OF_FLOATS, OF_FOUR}, TFL_CAUSE_INVALID, "[2, 3]"},
};

/* Before each of them, and behind the last, a RELU that is fine. */
static void open_refusals(void)
{
	struct tfl_builder *b = tfl_build_create();
	const enum tfl_dtype types[SOURCES] = {[OF_STRINGS] = TFL_STRING, [OF_BOOLS] = TFL_BOOL};

	for (int i = 0; i < SOURCES; i++)
		tfl_build_tensor(b, &(struct tfl_build_tensor){
			.name = "s", .dtype = types[i], .dims = i == OF_FOUR ? TFL_INTS(4) : TFL_INTS(2, 3),
			.sparse = i == OF_SPARSE});
	for (size_t i = 0; i < TFL_ARRAY_SIZE(refusals); i++) {
		const int *from = refusals[i].sources;
		enum tfl_dtype dtype = types[from[0]];

		add_operator(b, TFL_BUILTIN_RELU, TFL_INTS(OF_FLOATS), tensor(b, TFL_FLOAT32, TFL_INTS(2, 3)), none);
		tfl_build_operator(b, &(struct tfl_build_operator){
			.code = refusals[i].code, .version = refusals[i].version, .custom_name = refusals[i].custom,
			.inputs = from[1] < 0 ? TFL_INTS(from[0]) : TFL_INTS(from[0], from[1]),
			.outputs = TFL_INTS(tensor(b, dtype, TFL_INTS(2, 3)))});
	}
	add_operator(b, TFL_BUILTIN_RELU, TFL_INTS(OF_FLOATS), tensor(b, TFL_FLOAT32, TFL_INTS(2, 3)), none);
	tfl_build_io(b, TFL_INTS(OF_FLOATS, OF_STRINGS, OF_BOOLS, OF_SPARSE, OF_FOUR), TFL_INTS(SOURCES));
	open_builder(b);
}

START_TEST(one_of_each_cause)
{
	open_refusals();
	look(NULL);
	ck_assert(!survey->runs);
	ck_assert_msg(strstr(survey->fault.text, "operator 1 custom Weigh version 1 (float32 -> float32) is not supported"), "%s",
		      survey->fault.text);
	ck_assert_uint_eq(survey->operator_count, 2 * TFL_ARRAY_SIZE(refusals) + 1);
	ck_assert_int_eq(survey->operators[0].verdict, TFL_VERDICT_XNNPACK); /* an output */
	for (size_t i = 0; i < TFL_ARRAY_SIZE(refusals); i++) {
		const struct tfl_survey_operator *fine = &survey->operators[2 * i + 2], *op = &survey->operators[2 * i + 1];

		ck_assert_int_eq(op->verdict, TFL_VERDICT_UNSUPPORTED);
		ck_assert_msg(op->cause == refusals[i].cause, "%zu: %s", i, tfl_cause_to_string(op->cause));
		ck_assert_msg(strstr(op->reason, refusals[i].reason), "%zu: %s", i, op->reason);
		ck_assert_uint_gt(strlen(tfl_cause_advice(op->cause)), 20);
		ck_assert_int_eq(fine->verdict, TFL_VERDICT_FOLDED); /* nobody reads it */
		ck_assert_ptr_null(fine->reason);
	}
	ck_assert(!survey->memory.measured);
	ck_assert_uint_gt(survey->memory.interpreter, 0);
}
END_TEST

/* Every cause has a name and an advice of its own. */
START_TEST(causes_are_told_apart)
{
	for (unsigned i = 0; i < TFL_CAUSES; i++)
		for (unsigned j = 0; j < i; j++) {
			ck_assert_str_ne(tfl_cause_to_string((enum tfl_cause)i), tfl_cause_to_string((enum tfl_cause)j));
			ck_assert_str_ne(tfl_cause_advice((enum tfl_cause)i), tfl_cause_advice((enum tfl_cause)j));
		}
	ck_assert_str_eq(tfl_cause_to_string((enum tfl_cause)TFL_CAUSES), "none");
	ck_assert_str_eq(tfl_verdict_to_string((enum tfl_verdict)TFL_VERDICTS), "unknown");
	ck_assert_str_eq(tfl_form_to_string((enum tfl_form)TFL_FORMS), "unknown");
}
END_TEST

/*
 * x -> custom -> y -> FULLY_CONNECTED. Where the file knows the shape of y, the second is judged by it; where it does not ([], as converters
 * leave behind custom operators), its refusal means nothing.
 */
START_TEST(behind_an_unsupported_operator)
{
	struct tfl_builder *b = tfl_build_create();
	float weights[2 * 3] = {0};
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(1, 3)), y, w, z;

	y = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "y", .dims = _i == 0 ? TFL_INTS(1, 3) : (struct tfl_ints){NULL, 0}});
	w = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "w", .dims = TFL_INTS(2, 3), .data = weights, .data_size = sizeof(weights)});
	z = tensor(b, TFL_FLOAT32, TFL_INTS(1, 2));
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUSTOM, .custom_name = "Weigh", .inputs = TFL_INTS(x),
							   .outputs = TFL_INTS(y)});
	add_operator(b, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(y, w, -1), z, tfl_options_fully_connected(0, false));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(z));
	open_builder(b);
	look(NULL);
	ck_assert_int_eq(survey->operators[0].verdict, TFL_VERDICT_UNSUPPORTED);
	ck_assert_int_eq(survey->operators[1].verdict, _i == 0 ? TFL_VERDICT_XNNPACK : TFL_VERDICT_UNCERTAIN);
	ck_assert(survey->tensors[y].uncertain && survey->tensors[z].uncertain && !survey->tensors[x].uncertain);
	ck_assert_uint_eq(survey->tensors[z].rank, 2); /* the file's, whatever prepare() had tried */
}
END_TEST

/* What all subgraphs may compute is one account. */
START_TEST(work_is_bounded_over_all_subgraphs)
{
	struct tfl_builder *b = tfl_build_create();

	for (int i = 0; i < 3; i++) {
		int x, y;

		if (i > 0)
			tfl_build_subgraph(b, "more");
		x = tensor(b, TFL_FLOAT32, TFL_INTS(100));
		y = tensor(b, TFL_FLOAT32, TFL_INTS(100));
		add_operator(b, TFL_BUILTIN_RELU, TFL_INTS(x), y, none);
		tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	}
	open_builder(b);
	look(&(struct tfl_program_options){.work_max = 500});
	ck_assert(survey->runs);
	ck_assert_uint_eq(survey->operator_count, 3);
	ck_assert_int_eq(survey->operators[1].cause, TFL_CAUSE_NONE);
	ck_assert_int_eq(survey->operators[2].cause, TFL_CAUSE_LIMIT);
	ck_assert_uint_eq(survey->operators[2].subgraph, 2);
	ck_assert_int_eq(survey->operators[2].verdict, TFL_VERDICT_UNSUPPORTED);
}
END_TEST

/* Too much memory is a finding, not a failure. */
START_TEST(a_model_that_is_too_large)
{
	struct tfl_builder *b = tfl_build_create();
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(1 << 26)), y = tensor(b, TFL_FLOAT32, TFL_INTS(1 << 26));

	add_operator(b, TFL_BUILTIN_RELU, TFL_INTS(x), y, none);
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	open_builder(b);
	look(NULL);
	ck_assert(!survey->runs);
	ck_assert_msg(strstr(survey->fault.text, "activations of one interpreter would pass"), "%s", survey->fault.text);
	ck_assert_int_eq(survey->operators[0].verdict, TFL_VERDICT_XNNPACK);
	ck_assert_uint_eq(survey->memory.interpreter, 0);
}
END_TEST

/* ---- Forms ---- */

static const struct {
	enum tfl_dtype activations, weights;
	bool dequantized; /* the weights are read behind a DEQUANTIZE */
	const char *name;
} form_cases[] = {
	{TFL_FLOAT32, TFL_FLOAT32, false, "float32"},
	{TFL_FLOAT32, TFL_FLOAT16, true, "float16 weights"},
	{TFL_FLOAT32, TFL_INT8, false, "dynamic range"},
	{TFL_FLOAT32, TFL_INT8, true, "dynamic range"},
	{TFL_INT8, TFL_INT8, false, "int8"},
	{TFL_INT8, TFL_INT4, false, "int8 with int4 weights"},
	{TFL_UINT8, TFL_UINT8, false, "uint8"},
	{TFL_INT16, TFL_INT8, false, "int16x8"},
	{TFL_INT32, TFL_INT32, false, "other"},
};

static void add_layer(struct tfl_builder *b, int x, int y, size_t which)
{
	static const float scale = 1;
	static const uint8_t zeros[64];
	const size_t sizes[TFL_DTYPE_COUNT] = {[TFL_FLOAT32] = 16, [TFL_FLOAT16] = 8, [TFL_INT32] = 16, [TFL_UINT8] = 4, [TFL_INT8] = 4,
					       [TFL_INT4] = 2};
	enum tfl_dtype dtype = form_cases[which].weights;
	int w = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "w", .dtype = dtype, .dims = TFL_INTS(2, 2), .data = zeros,
							       .data_size = sizes[dtype], .scales = &scale,
							       .scale_count = dtype == TFL_INT8});
	int read = w;

	if (form_cases[which].dequantized) {
		read = tensor(b, TFL_FLOAT32, TFL_INTS(2, 2));
		add_operator(b, TFL_BUILTIN_DEQUANTIZE, TFL_INTS(w), read, none);
	}
	add_operator(b, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(x, read, -1), y, tfl_options_fully_connected(0, false));
}

START_TEST(forms_of_weights)
{
	struct tfl_builder *b = tfl_build_create();
	int x = tensor(b, form_cases[_i].activations, TFL_INTS(1, 2)), y = tensor(b, form_cases[_i].activations, TFL_INTS(1, 2));

	add_layer(b, x, y, (size_t)_i);
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	open_builder(b);
	look(NULL);
	ck_assert_str_eq(tfl_survey_quantization(survey), form_cases[_i].name);
}
END_TEST

START_TEST(several_forms)
{
	struct tfl_builder *b = tfl_build_create();
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(1, 2)), y = tensor(b, TFL_FLOAT32, TFL_INTS(1, 2)), z;

	add_layer(b, x, y, 0);
	z = tensor(b, TFL_FLOAT32, TFL_INTS(1, 2));
	add_layer(b, y, z, 2);
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(z));
	open_builder(b);
	look(NULL);
	ck_assert_str_eq(tfl_survey_quantization(survey), "mixed");
	ck_assert_uint_eq(survey->forms[TFL_FORM_FLOAT32], 1);
	ck_assert_uint_eq(survey->forms[TFL_FORM_DYNAMIC_RANGE], 1);
}
END_TEST

START_TEST(no_weights)
{
	static const struct {
		enum tfl_dtype types[2];
		int count;
		const char *name;
	} cases[] = {
		{{TFL_INT64, TFL_INT64}, 2, "int64"},     {{TFL_INT64, TFL_BOOL}, 2, "mixed"},       {{0, 0}, 0, "none"},
		{{TFL_FLOAT32, TFL_INT32}, 2, "float32"}, {{TFL_FLOAT32, TFL_FLOAT16}, 2, "mixed"},
	};
	struct tfl_builder *b = tfl_build_create();
	int x = tensor(b, cases[_i].types[0], TFL_INTS(2)), y = tensor(b, cases[_i].types[1], TFL_INTS(2));

	if (cases[_i].count > 0)
		tfl_build_io(b, TFL_INTS(x, y), TFL_INTS(x));
	open_builder(b);
	look(NULL);
	ck_assert_str_eq(tfl_survey_quantization(survey), cases[_i].name);
}
END_TEST

/* ---- Anything ---- */

/* XNNPACK's planner does not look at what it is given, see test_allocation.c. */
static int survey_it(void *data)
{
	const struct tfl_program_options options = {.portable = true};
	struct tfl_survey *made = NULL;
	int r;

	r = tfl_survey_create(scene.model, &options, &made, NULL);
	tfl_survey_destroy(made);
	return r;
}

START_TEST(every_allocation_may_fail)
{
	if (_i == 0) {
		open_refusals();
	} else {
		struct tfl_builder *b = tfl_build_create();
		struct tfl_net net = {0};

		ck_assert_int_eq(tfl_net_tiny(&net, 1), 0);
		ck_assert_int_eq(tfl_net_emit(&net, true, b), 0);
		tfl_net_finish(&net);
		open_builder(b);
	}
	ck_assert_uint_gt(allocation_fail_each(survey_it, NULL), 10);
}
END_TEST

START_TEST(samples)
{
	scene.file = _i == 0 ? sample_everything(&scene.size) : sample_metadata(&(struct metadata_wrong){0}, &scene.size);
	ck_assert_int_eq(tfl_model_open_memory(scene.file, scene.size, &scene.model, NULL), 0);
	look(NULL);
	ck_assert(!survey->runs);
	ck_assert_uint_eq(survey->tensor_count, _i == 0 ? SAMPLE_TENSORS + 1 : META_INPUTS + META_OUTPUTS);
}
END_TEST

Suite *survey_suite(void)
{
	Suite *suite = suite_create("survey");
	TCase *tcase = tcase_create("survey");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_loop_test(tcase, a_model_that_runs, 0, 2);
	tcase_add_loop_test(tcase, multiply_adds_of_a_convolution, 0, 2);
	tcase_add_test(tcase, what_is_computed_at_load);
	tcase_add_test(tcase, one_of_each_cause);
	tcase_add_test(tcase, causes_are_told_apart);
	tcase_add_loop_test(tcase, behind_an_unsupported_operator, 0, 2);
	tcase_add_test(tcase, work_is_bounded_over_all_subgraphs);
	tcase_add_test(tcase, a_model_that_is_too_large);
	tcase_add_loop_test(tcase, forms_of_weights, 0, TFL_ARRAY_SIZE(form_cases));
	tcase_add_test(tcase, several_forms);
	tcase_add_loop_test(tcase, no_weights, 0, 5);
	tcase_add_loop_test(tcase, every_allocation_may_fail, 0, 2);
	tcase_add_loop_test(tcase, samples, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}
