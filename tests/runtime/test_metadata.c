/* SPDX-License-Identifier: MIT */
/*
 * Labels and normalisation, good and broken. A model whose metadata is broken opens all the same and says why it has no labels.
 */
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/model.h"
#include "tests/builder/fbwriter.h"
#include "tests/runtime/sample.h"
#include "tests/runtime/suites.h"

static uint8_t *bytes;
static size_t size;
static struct tfl_model *model;

static void open_bytes(void)
{
	struct tfl_error error;

	ck_assert_msg(tfl_model_open_memory(bytes, size, &model, &error) == 0, "%s", error.text);
}

static void teardown(void)
{
	tfl_model_destroy(model);
	free(bytes);
}

static struct tfl_builder *graph(void)
{
	struct tfl_builder *b = tfl_build_create();

	ck_assert_ptr_nonnull(b);
	for (int i = 0; i < 2; i++)
		tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "t", .dims = TFL_INTS(3)});
	tfl_build_io(b, TFL_INTS(0, 1), TFL_INTS(1, 0));
	return b;
}

/* A model whose metadata promises labels.txt, with a file of that content. */
static void make_labelled(const char *content, size_t length)
{
	struct tfl_builder *b = graph();

	tfl_build_describe(b, &(struct tfl_build_description){.name = "m", .label_file = "labels.txt"});
	tfl_build_file(b, "labels.txt", content, length);
	bytes = sample_finish(b, &size);
}

static void open_labelled(const char *content)
{
	make_labelled(content, strlen(content));
	open_bytes();
}

static void assert_labels(uint32_t count, const char *const *labels)
{
	ck_assert_msg(!model->metadata.fault, "%s", model->metadata.fault);
	ck_assert_uint_eq(model->label_count, count);
	for (uint32_t i = 0; i < count; i++)
		ck_assert_str_eq(tfl_model_label(model, i), labels[i]);
	ck_assert_ptr_null(tfl_model_label(model, count));
}

static void assert_fault(const char *sentence)
{
	open_bytes();
	ck_assert_uint_eq(model->label_count, 0);
	ck_assert_ptr_null(model->labels);
	ck_assert_ptr_null(tfl_model_label(model, 0));
	ck_assert_ptr_nonnull(model->metadata.fault);
	ck_assert_msg(strstr(model->metadata.fault, sentence), "\"%s\" lacks \"%s\"", model->metadata.fault, sentence);
}

static const struct tfl_unit *norm(uint32_t input)
{
	return tfl_metadata_unit(&model->metadata.inputs[input], TFL_UNIT_NORMALIZATION);
}

#define LABELS(...) sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__}

START_TEST(labels_stand_one_a_line)
{
	bytes = sample_everything(&size);
	open_bytes();
	assert_labels(LABELS("cat", "hund", "l\303\270ve"));
}
END_TEST

START_TEST(line_ends_of_every_kind)
{
	static const struct {
		const char *text;
		uint32_t count;
		const char *labels[4];
	} cases[] = {
		{"a\nb\n", 2, {"a", "b"}},
		{"a\nb", 2, {"a", "b"}},
		{"a\r\nb\r\n", 2, {"a", "b"}},
		{"a\n\nc\n", 3, {"a", "", "c"}},
		{"a\n\n", 2, {"a", ""}},
		{"\n", 1, {""}},
		{"\357\273\277a\nb", 2, {"a", "b"}},
		{"\357\273\277", 0, {NULL}},
		{"", 0, {NULL}},
	};

	open_labelled(cases[_i].text);
	assert_labels(cases[_i].count, cases[_i].labels);
}
END_TEST

START_TEST(labels_must_be_text)
{
	static const struct {
		const char *content;
		size_t length;
	} cases[] = {{"a\nb\377\n", 5}, {"a\0b\n", 4}, {"\300\257\n", 3}};

	make_labelled(cases[_i].content, cases[_i].length);
	assert_fault("'labels.txt': is no text in UTF-8");
}
END_TEST

START_TEST(labels_are_bounded)
{
	_tfl_free_ char *text = malloc(TFL_LABELS_BYTES_MAX + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', TFL_LABELS_BYTES_MAX + 1);
	if (_i == 0) {
		make_labelled(text, TFL_LABELS_BYTES_MAX + 1);
		assert_fault("'labels.txt': unpacks to 4194305 bytes, but at most 4194304 are allowed");
	} else if (_i == 1) {
		make_labelled(text, TFL_LABELS_BYTES_MAX);
		open_bytes();
		ck_assert_uint_eq(model->label_count, 1);
	} else {
		memset(text, '\n', TFL_LABELS_MAX + 1);
		make_labelled(text, TFL_LABELS_MAX + (_i == 2));
		if (_i == 2)
			assert_fault("'labels.txt': has 65537 lines, but at most 65536 are allowed");
		else
			open_bytes();
		ck_assert_uint_eq(model->label_count, _i == 2 ? 0 : TFL_LABELS_MAX);
	}
}
END_TEST

START_TEST(promised_labels_must_be_there)
{
	struct tfl_builder *b = graph();

	tfl_build_describe(b, &(struct tfl_build_description){.name = "m", .label_file = "labels.txt"});
	if (_i == 1)
		tfl_build_file(b, "other.txt", "a\n", 2);
	bytes = sample_finish(b, &size);
	assert_fault(_i == 0 ? "output 0: the metadata promises labels in 'labels.txt', but no archive follows the model"
			     : "output 0: the metadata promises labels in 'labels.txt', but the archive behind the model does not have it");
}
END_TEST

START_TEST(the_only_text_is_taken)
{
	struct tfl_builder *b = graph();

	tfl_build_describe(b, &(struct tfl_build_description){.name = "m"});
	tfl_build_file(b, "picture.png", "\211PNG", 4);
	tfl_build_file(b, "names.txt", "a\nb\n", 4);
	if (_i == 1)
		tfl_build_file(b, "more.txt", "c\n", 2); /* now nobody knows which */
	bytes = sample_finish(b, &size);
	open_bytes();
	if (_i == 0)
		assert_labels(LABELS("a", "b"));
	else
		assert_labels(0, NULL);
}
END_TEST

static uint8_t *find(const char *mark)
{
	uint8_t *at = memmem(bytes, size, mark, 4);

	ck_assert_ptr_nonnull(at);
	return at;
}

static void put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* "a\nb\n" as a deflate stream of one stored block. The archive claims @unpacked bytes and the checksum of the real four. */
static void make_deflated(uint16_t method, uint32_t unpacked)
{
	uint32_t crc;

	make_labelled("a\nb\n", 4);
	memcpy(&crc, find("PK\1\2") + 16, sizeof(crc));
	free(bytes);
	make_labelled("\1\4\0\373\377a\nb\n", 9);
	put16(find("PK\1\2") + 10, method);
	put16(find("PK\3\4") + 8, method);
	put32(find("PK\1\2") + 16, crc);
	put32(find("PK\3\4") + 14, crc);
	put32(find("PK\1\2") + 24, unpacked);
	put32(find("PK\3\4") + 22, unpacked);
}

START_TEST(deflated_labels)
{
	make_deflated(8, 4);
	open_bytes();
	assert_labels(LABELS("a", "b"));
}
END_TEST

START_TEST(archives_that_lie)
{
	switch (_i) {
	case 0:
		make_deflated(8, 3);
		assert_fault("'labels.txt': does not unpack to the size that it claims");
		break;
	case 1:
		make_deflated(8, 5);
		assert_fault("'labels.txt': does not unpack to the size that it claims");
		break;
	case 2:
		make_deflated(14, 4);
		assert_fault("'labels.txt': is packed by method 14, but must be stored or deflated");
		break;
	case 3:
		make_deflated(8, 0x7fffffff);
		assert_fault("'labels.txt': unpacks to 2147483647 bytes, but at most 4194304 are allowed");
		break;
	case 4:
		make_labelled("a\nb\n", 4);
		find("a\nb\n")[0] = 'A';
		assert_fault("'labels.txt': does not unpack to the size that it claims: CRC");
		break;
	case 5:
		make_labelled("a\nb\n", 4);
		put32(find("PK\1\2") + 42, 0x7fffffff); /* where the file's header is */
		assert_fault("'labels.txt': cannot be unpacked");
		break;
	default:
		make_labelled("a\nb\n", 4);
		put16(find("PK\1\2") + 8, 1); /* encrypted */
		assert_fault("'labels.txt': cannot be unpacked");
	}
}
END_TEST

START_TEST(archives_are_bounded)
{
	char ends[8][22] = {0}; /* empty ones, before the archive's own */

	make_labelled("a\nb\n", 4);
	if (_i == 0) {
		put16(find("PK\5\6") + 10, 1025);
		assert_fault("lists 1025 files");
	} else if (_i == 1) {
		put32(find("PK\5\6") + 12, 1048577);
		assert_fault("in 1048577 bytes, but at most 1024 in 1048576");
	} else if (_i == 2) {
		free(bytes);
		for (size_t i = 0; i < TFL_ARRAY_SIZE(ends); i++)
			memcpy(ends[i], "PK\5\6", 4);
		make_labelled(ends[0], sizeof(ends));
		assert_fault("has more than 8 ends");
	} else {
		memcpy(find("PK\3\4"), _i == 3 ? "PK\6\6" : "PK\6\7", 4);
		assert_fault("is a zip64, but must be a plain zip");
	}
}
END_TEST

START_TEST(metadata_that_is_none)
{
	static const struct {
		const char *content;
		size_t length;
	} cases[] = {{"", 0}, {"\10\0\0\0M001", 8}, {"\20\0\0\0M002\0\0\0\0\0\0\0\0", 16}, {"\377\377\377\377M001", 8}};
	struct tfl_builder *b = graph();

	tfl_build_metadata(b, "min_runtime_version", "1.5.0", 6);
	tfl_build_metadata(b, "TFLITE_METADATA", cases[_i].content, cases[_i].length);
	bytes = sample_finish(b, &size);
	assert_fault("are no metadata: identifier \"M001\" and a root table are expected");
}
END_TEST

START_TEST(no_metadata_is_no_fault)
{
	struct tfl_builder *b = graph();

	tfl_build_metadata(b, "min_runtime_version", "1.5.0", 6);
	if (_i == 1)
		tfl_build_describe(b, &(struct tfl_build_description){.name = "m"});
	bytes = sample_finish(b, &size);
	open_bytes();
	ck_assert_ptr_null(model->metadata.fault);
	ck_assert_uint_eq(model->label_count, 0);
	ck_assert_ptr_null(norm(0));
	ck_assert_ptr_null(norm(1));
}
END_TEST

/* Metadata with two inputs and one output, which the builder cannot write. */
struct raw_metadata {
	const float *mean, *std;   /* of the second input */
	uint32_t means, stds;
	uint32_t inputs;           /* tables of inputs: the last is the one above, the others are empty */
	int8_t input_type;         /* "names.txt" as a file of that input, 0: none */
	int8_t output_type;        /* and of the output */
	uint8_t unit_type;         /* of the first process unit of that input; the second is the normalisation */
};

static uint32_t raw_files(struct tfl_fbw *w, int8_t type)
{
	uint32_t file;

	if (!type)
		return 0;
	file = tfl_fbw_string(w, "names.txt");
	file = TFL_FBW_TABLE(w, TFL_FBW_REF(0, file), TFL_FBW_I8(2, type));
	return tfl_fbw_refs(w, &file, 1);
}

static uint32_t raw_input(struct tfl_fbw *w, const struct raw_metadata *raw)
{
	uint32_t units[2], mean = tfl_fbw_vector(w, raw->mean, raw->means, 4, 4), std = tfl_fbw_vector(w, raw->std, raw->stds, 4, 4), files;

	units[0] = TFL_FBW_TABLE(w, TFL_FBW_I8(0, raw->unit_type), TFL_FBW_REF(1, tfl_fbw_table(w, NULL, 0)));
	units[1] = TFL_FBW_TABLE(w, TFL_FBW_REF(0, mean), TFL_FBW_REF(1, std));
	units[1] = TFL_FBW_TABLE(w, TFL_FBW_I8(0, 1), TFL_FBW_REF(1, units[1]));
	files = raw_files(w, raw->input_type);
	return TFL_FBW_TABLE(w, TFL_FBW_REF(4, tfl_fbw_refs(w, units, 2)), TFL_FBW_REF(6, files));
}

static void open_raw(const struct raw_metadata *raw)
{
	struct tfl_builder *b = graph();
	struct tfl_fbw w = {0};
	uint32_t inputs[4], output, subgraph;
	uint8_t *metadata = NULL;
	size_t length = 0;

	for (uint32_t i = 0; i + 1 < raw->inputs; i++)
		inputs[i] = tfl_fbw_table(&w, NULL, 0);
	inputs[raw->inputs - 1] = raw_input(&w, raw);
	subgraph = tfl_fbw_refs(&w, inputs, raw->inputs);
	output = TFL_FBW_TABLE(&w, TFL_FBW_REF(6, raw_files(&w, raw->output_type)));
	output = tfl_fbw_refs(&w, &output, 1);
	subgraph = TFL_FBW_TABLE(&w, TFL_FBW_REF(2, subgraph), TFL_FBW_REF(3, output));
	subgraph = tfl_fbw_refs(&w, &subgraph, 1);
	ck_assert_int_eq(tfl_fbw_end(&w, TFL_FBW_TABLE(&w, TFL_FBW_REF(3, subgraph)), "M001", &metadata, &length), 0);
	tfl_build_metadata(b, "TFLITE_METADATA", metadata, length);
	free(metadata);
	tfl_build_file(b, "names.txt", "a\nb\n", 4);
	bytes = sample_finish(b, &size);
	open_bytes();
}

static const float three[] = {1, 2, 3}, one[] = {4}, zeros[] = {1, 0, 1}, infinite[] = {1, 2, __builtin_inff()};

START_TEST(normalisation_of_one_input)
{
	bytes = sample_everything(&size);
	open_bytes();
	ck_assert_ptr_nonnull(norm(0));
	ck_assert_uint_eq(norm(0)->count, 1);
	ck_assert(norm(0)->mean[0] == 127.5f && norm(0)->std[0] == 64);
}
END_TEST

START_TEST(normalisation_by_channel)
{
	open_raw(&(struct raw_metadata){.mean = three, .means = 3, .std = one, .stds = 1, .inputs = 2});
	ck_assert_ptr_null(model->metadata.fault);
	ck_assert_ptr_null(norm(0));
	ck_assert_uint_eq(norm(1)->count, 3);
	ck_assert_mem_eq(norm(1)->mean, three, sizeof(three));
	ck_assert_mem_eq(norm(1)->std, ((float[]){4, 4, 4}), 12);
	assert_labels(LABELS("a", "b")); /* the only text, and nobody said that it is something else */
}
END_TEST

START_TEST(normalisation_that_lies)
{
	static const struct {
		struct raw_metadata raw;
		const char *sentence;
	} cases[] = {
		{{.mean = three, .means = 3, .std = three, .stds = 2, .inputs = 2}, "input 1: normalization: 3 means and 2 standard deviations"},
		{{.mean = three, .means = 3, .std = NULL, .stds = 0, .inputs = 2}, "input 1: normalization: 3 means and 0 standard deviations"},
		{{.mean = three, .means = 3, .std = zeros, .stds = 3, .inputs = 2}, "input 1: normalization: std[1] is 0, but must be finite and not 0"},
		{{.mean = infinite, .means = 3, .std = one, .stds = 1, .inputs = 2}, "input 1: normalization: mean[2] is inf, but must be finite"},
		{{.mean = one, .means = 1, .std = one, .stds = 1, .inputs = 3}, "describes 3 inputs, but the model has 2"},
	};

	open_raw(&cases[_i].raw);
	ck_assert_ptr_null(norm(1));
	ck_assert_ptr_nonnull(model->metadata.fault);
	ck_assert_msg(strstr(model->metadata.fault, cases[_i].sentence), "\"%s\"", model->metadata.fault);
	ck_assert_uint_eq(model->label_count, 2); /* which do not suffer for it */
}
END_TEST

START_TEST(label_files_by_type)
{
	static const struct {
		int8_t input_type, output_type;
		uint32_t labels;
	} cases[] = {
		{0, 2, 2}, /* labels of an axis */
		{0, 3, 2}, /* labels of values */
		{0, 1, 2}, /* a description, but the only text */
		{5, 0, 0}, /* a vocabulary */
		{5, 2, 2}, /* said to be both: the output's word counts */
	};

	open_raw(&(struct raw_metadata){.mean = one, .means = 1, .std = one, .stds = 1, .inputs = 2, .unit_type = 2,
					.input_type = cases[_i].input_type, .output_type = cases[_i].output_type});
	ck_assert_ptr_null(model->metadata.fault);
	ck_assert_uint_eq(model->label_count, cases[_i].labels);
	ck_assert_ptr_nonnull(norm(1));
}
END_TEST

Suite *metadata_suite(void)
{
	Suite *suite = suite_create("metadata");
	TCase *labels = tcase_create("labels"), *normalisation = tcase_create("normalisation");

	tcase_add_checked_fixture(labels, NULL, teardown);
	tcase_add_test(labels, labels_stand_one_a_line);
	tcase_add_loop_test(labels, line_ends_of_every_kind, 0, 9);
	tcase_add_loop_test(labels, labels_must_be_text, 0, 3);
	tcase_add_loop_test(labels, labels_are_bounded, 0, 4);
	tcase_add_loop_test(labels, promised_labels_must_be_there, 0, 2);
	tcase_add_loop_test(labels, the_only_text_is_taken, 0, 2);
	tcase_add_test(labels, deflated_labels);
	tcase_add_loop_test(labels, archives_that_lie, 0, 7);
	tcase_add_loop_test(labels, archives_are_bounded, 0, 5);
	tcase_add_loop_test(labels, metadata_that_is_none, 0, 4);
	tcase_add_loop_test(labels, no_metadata_is_no_fault, 0, 2);
	tcase_add_loop_test(labels, label_files_by_type, 0, 5);
	suite_add_tcase(suite, labels);
	tcase_add_checked_fixture(normalisation, NULL, teardown);
	tcase_add_test(normalisation, normalisation_of_one_input);
	tcase_add_test(normalisation, normalisation_by_channel);
	tcase_add_loop_test(normalisation, normalisation_that_lies, 0, 5);
	suite_add_tcase(suite, normalisation);
	return suite;
}
