/* SPDX-License-Identifier: MIT */
/*
 * All that metadata can say, read back; each part wrong by itself, with the others as they were; and what outputs are for, found out from
 * graph and metadata.
 */
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/model.h"
#include "tests/runtime/metadata_sample.h"
#include "tests/runtime/sample.h"
#include "tests/runtime/suites.h"

static uint8_t *bytes;
static size_t size;
static struct tfl_model *model;
static const struct tfl_metadata *metadata;

static void open_bytes(void)
{
	struct tfl_error error;

	ck_assert_msg(tfl_model_open_memory(bytes, size, &model, &error) == 0, "%s", error.text);
	metadata = &model->metadata;
}

static void open_sample(const struct metadata_wrong *wrong)
{
	bytes = sample_metadata(wrong, &size);
	open_bytes();
}

static void open_good(void)
{
	open_sample(&(struct metadata_wrong){0});
	ck_assert_msg(!metadata->fault, "%s", metadata->fault);
}

static void teardown(void)
{
	tfl_model_destroy(model);
	free(bytes);
}

START_TEST(texts_of_the_model)
{
	open_good();
	ck_assert(metadata->present);
	ck_assert_str_eq(metadata->name, "Eyes and ears");
	ck_assert_str_eq(metadata->description, "Finds things and hears them.");
	ck_assert_str_eq(metadata->version, "v2");
	ck_assert_str_eq(metadata->author, "Somebody");
	ck_assert_str_eq(metadata->license, "MIT");
	ck_assert_str_eq(metadata->min_parser_version, "1.5.0");
	ck_assert_str_eq(metadata->subgraph_name, "main");
	ck_assert_str_eq(metadata->subgraph_description, "all of it");
	ck_assert_uint_eq(metadata->custom_count, 1);
	ck_assert_str_eq(metadata->custom[0], "SEGMENTER_METADATA");
	ck_assert_uint_eq(metadata->input_groups.count, 0);
	ck_assert_uint_eq(metadata->output_groups.count, 1);
	ck_assert_str_eq(metadata->output_groups.items[0].name, "detections");
	ck_assert_uint_eq(metadata->output_groups.items[0].tensor_count, 3);
	ck_assert_str_eq(metadata->output_groups.items[0].tensors[2], "score");
	ck_assert_uint_eq(metadata->input_units.count, 1);
	ck_assert_int_eq(metadata->input_units.items[0].kind, TFL_UNIT_BERT);
	ck_assert_uint_eq(metadata->output_units.count, 1);
	ck_assert_int_eq(metadata->output_units.items[0].kind, TFL_UNIT_THRESHOLD);
}
END_TEST

START_TEST(files_and_archive)
{
	const struct tfl_associated_file *file;

	open_good();
	ck_assert_uint_eq(metadata->archive_count, 8);
	ck_assert_str_eq(metadata->archive[3].name, "columns.txt");
	ck_assert_uint_eq(metadata->archive[3].bytes, 18);
	ck_assert_uint_eq(metadata->files.count, 1);
	file = &metadata->files.items[0];
	ck_assert_str_eq(file->name, "readme.txt");
	ck_assert_str_eq(file->description, "what the file is");
	ck_assert_int_eq(file->kind, TFL_FILE_DESCRIPTION);
	ck_assert(file->packed);
	ck_assert_uint_eq(file->bytes, 11);
	file = &metadata->subgraph_files.items[0];
	ck_assert_str_eq(file->name, "index.ldb");
	ck_assert_int_eq(file->kind, TFL_FILE_INDEX);
	ck_assert(!file->packed);
	file = &metadata->outputs[META_CLASSES].files.items[1];
	ck_assert_str_eq(file->locale, "de");
	ck_assert_str_eq(file->version, "v3");
}
END_TEST

START_TEST(a_picture)
{
	const struct tfl_tensor_metadata *picture;

	open_good();
	picture = &metadata->inputs[META_PICTURE];
	ck_assert_str_eq(picture->name, "picture");
	ck_assert_str_eq(picture->description, "what is looked at");
	ck_assert_uint_eq(picture->dimension_name_count, 4);
	ck_assert_str_eq(picture->dimension_names[3], "colour");
	ck_assert_int_eq(picture->content.kind, TFL_CONTENT_IMAGE);
	ck_assert_int_eq(picture->content.color_space, TFL_COLOR_RGB);
	ck_assert_uint_eq(picture->content.width, 640);
	ck_assert_uint_eq(picture->content.height, 480);
	ck_assert(!picture->content.ranged);
	ck_assert_uint_eq(picture->max_count, 2);
	ck_assert(picture->max[0] == 255 && picture->max[1] == 254);
	ck_assert_uint_eq(picture->min_count, 1);
	ck_assert(picture->min[0] == -1);
	ck_assert_uint_eq(picture->units.count, 1);
	ck_assert(picture->units.items[0].mean[2] == 3 && picture->units.items[0].std[2] == 4);
}
END_TEST

START_TEST(a_sound)
{
	const struct tfl_tensor_metadata *sound;
	const struct tfl_unit *unit;

	open_good();
	sound = &metadata->inputs[META_SOUND];
	ck_assert_int_eq(sound->content.kind, TFL_CONTENT_AUDIO);
	ck_assert_uint_eq(sound->content.sample_rate, 16000);
	ck_assert_uint_eq(sound->content.channels, 2);
	ck_assert_str_eq(sound->description, "");
	unit = tfl_metadata_unit(sound, TFL_UNIT_BERT);
	ck_assert_uint_eq(unit->vocabularies.count, 1);
	ck_assert(unit->vocabularies.items[0].packed);
	unit = tfl_metadata_unit(sound, TFL_UNIT_SENTENCEPIECE);
	ck_assert_str_eq(unit->models.items[0].name, "pieces.model");
	ck_assert(!unit->models.items[0].packed);
	ck_assert_str_eq(unit->vocabularies.items[0].name, "words.txt");
	unit = tfl_metadata_unit(sound, TFL_UNIT_REGEX);
	ck_assert_str_eq(unit->pattern, "\\W+");
	ck_assert_ptr_null(tfl_metadata_unit(sound, TFL_UNIT_NORMALIZATION));
}
END_TEST

START_TEST(detections)
{
	static const uint8_t order[4] = {1, 0, 3, 2};
	const struct tfl_content *boxes;
	const struct tfl_unit *unit;

	open_good();
	boxes = &metadata->outputs[META_BOXES].content;
	ck_assert_int_eq(boxes->kind, TFL_CONTENT_BOXES);
	ck_assert_int_eq(boxes->box, TFL_BOX_BOUNDARIES);
	ck_assert(boxes->pixels && boxes->ranged);
	ck_assert_mem_eq(boxes->order, order, 4);
	ck_assert_int_eq(boxes->range_min, 2);
	ck_assert_int_eq(boxes->range_max, 2);
	unit = tfl_metadata_unit(&metadata->outputs[META_SCORES], TFL_UNIT_CALIBRATION);
	ck_assert_int_eq(unit->transform, TFL_SCORE_INVERSE_LOGISTIC);
	ck_assert(unit->default_score == 0.25f);
	ck_assert(tfl_metadata_unit(&metadata->outputs[META_SCORES], TFL_UNIT_THRESHOLD)->threshold == 0.625f);
	ck_assert_int_eq(metadata->outputs[META_BOXES].kind, TFL_OUTPUT_BOXES);
	ck_assert_int_eq(metadata->outputs[META_CLASSES].kind, TFL_OUTPUT_CLASSES);
	ck_assert_int_eq(metadata->outputs[META_SCORES].kind, TFL_OUTPUT_SCORES);
	ck_assert_int_eq(metadata->outputs[META_COUNT].kind, TFL_OUTPUT_COUNT);
	ck_assert_int_eq(metadata->outputs[META_GRID].kind, TFL_OUTPUT_UNKNOWN);
}
END_TEST

/* The first language is read, the others are listed; each axis has its labels. */
START_TEST(labels_by_output_and_axis)
{
	const struct tfl_tensor_metadata *classes, *grid;

	open_good();
	classes = &metadata->outputs[META_CLASSES];
	ck_assert_ptr_eq(classes->labels, &classes->files.items[0]);
	ck_assert_uint_eq(classes->labels->label_count, 2);
	ck_assert_str_eq(classes->labels->labels[1], "dog");
	ck_assert_ptr_null(classes->files.items[1].labels);
	ck_assert(classes->files.items[1].packed);
	grid = &metadata->outputs[META_GRID];
	ck_assert_ptr_eq(grid->labels, &grid->files.items[0]);
	ck_assert_int_eq(grid->files.items[0].axis, 0);
	ck_assert_int_eq(grid->files.items[1].axis, 1);
	ck_assert_str_eq(grid->files.items[1].labels[1], "middle");
	ck_assert_ptr_null(grid->files.items[2].labels);
	ck_assert_ptr_null(metadata->outputs[META_SCORES].labels);
	ck_assert_ptr_eq(model->labels, classes->labels->labels);
	ck_assert_uint_eq(model->label_count, 2);
}
END_TEST

/* Where labels fit several dimensions, each file has one of its own, the last dimension first. */
START_TEST(labels_of_a_square)
{
	const struct tfl_tensor_metadata *grid;

	open_sample(&(struct metadata_wrong){.square = true});
	grid = &metadata->outputs[META_GRID];
	ck_assert_uint_eq(grid->files.items[0].label_count, 3);
	ck_assert_int_eq(grid->files.items[0].axis, 1);
	ck_assert_int_eq(grid->files.items[1].axis, 0);
	ck_assert_int_eq(grid->files.items[2].axis, -1); /* another language: not read */
}
END_TEST

static const uint32_t order_short[] = {0, 1, 2}, order_twice[] = {0, 1, 1, 3}, order_high[] = {0, 1, 2, 4};
static char long_name[257], long_text[65538];

struct wrong_case {
	struct metadata_wrong wrong;
	const char *sentence;
};

static const struct wrong_case wrong_cases[] = {
	{{.text = "\377"}, "name: is no text in UTF-8"},
	{{.text = long_text}, "name: 65537 bytes, but at most 65536 are allowed"},
	{{.file_name = long_name}, "name of a file: 256 bytes, but at most 255 are allowed"},
	{{.order = order_short, .order_count = 3}, "output 0: content: index: 3 numbers for a bounding box, which has 4"},
	{{.order = order_twice, .order_count = 4}, "output 0: content: index: 0, 1, 1, 3 is no order of 0 to 3"},
	{{.order = order_high, .order_count = 4}, "output 0: content: index: 0, 1, 2, 4 is no order of 0 to 3"},
	{{.score = __builtin_inff()}, "output 2: score_threshold: global_score_threshold is inf, but must be finite"},
	{{.default_score = __builtin_inff()}, "output 2: score_calibration: default_score is inf, but must be finite"},
	{{.statistic = __builtin_nanf("")}, "input 0: stats: max is nan, but must be finite"},
	{{.dimension_names = 1}, "input 0: dimension_names: 5, but the tensor has 4 dimensions"},
	{{.labels = "\377"}, "output 1: 'labels.txt': is no text in UTF-8"},
};

/* Only the part that is wrong is missing. */
START_TEST(each_part_alone_is_wrong)
{
	const struct metadata_wrong *wrong = &wrong_cases[_i].wrong;

	memset(long_name, 'n', sizeof(long_name) - 1);
	memset(long_text, 't', sizeof(long_text) - 1);
	open_sample(wrong);
	ck_assert_ptr_nonnull(metadata->fault);
	ck_assert_msg(strstr(metadata->fault, wrong_cases[_i].sentence), "\"%s\"", metadata->fault);
	ck_assert_str_eq(metadata->name, wrong->text ? "" : "Eyes and ears");
	ck_assert_str_eq(metadata->license, "MIT");
	ck_assert_uint_eq(metadata->inputs[META_PICTURE].dimension_name_count, wrong->dimension_names ? 0 : 4);
	ck_assert_uint_eq(metadata->inputs[META_PICTURE].max_count, wrong->statistic != 0 ? 0 : 2);
	ck_assert_ptr_nonnull(tfl_metadata_unit(&metadata->inputs[META_PICTURE], TFL_UNIT_NORMALIZATION));
	ck_assert_int_eq(metadata->outputs[META_BOXES].content.kind, wrong->order ? TFL_CONTENT_UNKNOWN : TFL_CONTENT_BOXES);
	ck_assert_uint_eq(metadata->outputs[META_SCORES].units.count, wrong->score > 0 || wrong->default_score > 0 ? 1 : 2);
	ck_assert_uint_eq(metadata->outputs[META_GRID].labels->label_count, 2);
	ck_assert_int_eq(metadata->outputs[META_CLASSES].labels != NULL, !wrong->labels);
	ck_assert_uint_eq(metadata->files.count, 1);
}
END_TEST

/* A newer version of the schema has kinds that nobody here knows: no fault. */
START_TEST(unknown_kinds)
{
	open_sample(&(struct metadata_wrong){.kinds = 70});
	ck_assert_ptr_null(metadata->fault);
	ck_assert_int_eq(metadata->inputs[META_PICTURE].content.kind, TFL_CONTENT_UNKNOWN);
	ck_assert_int_eq(metadata->inputs[META_PICTURE].units.items[0].kind, TFL_UNIT_UNKNOWN);
	ck_assert_int_eq(metadata->outputs[META_BOXES].content.box, TFL_BOX_UNKNOWN);
	ck_assert_int_eq(metadata->outputs[META_CLASSES].files.items[0].kind, TFL_FILE_UNKNOWN);
	ck_assert_ptr_eq(metadata->outputs[META_CLASSES].labels, &metadata->outputs[META_CLASSES].files.items[1]);
}
END_TEST

/* A table that is used again and again costs what its copies cost. */
START_TEST(metadata_is_bounded)
{
	open_sample(&(struct metadata_wrong){.model_uses = 200000});
	ck_assert_ptr_nonnull(metadata->fault);
	ck_assert_msg(strstr(metadata->fault, "describes more than its"), "\"%s\"", metadata->fault);
	ck_assert_uint_eq(metadata->files.count, 0);
	ck_assert_str_eq(metadata->name, "Eyes and ears");
}
END_TEST

/* ---- Kinds of outputs ---- */

/* x -> @code -> (reshape ->) output 0 of @dims; no metadata. */
static void open_chain(uint32_t code, const char *custom, struct tfl_ints dims, bool view)
{
	struct tfl_builder *b = tfl_build_create();

	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = dims});
	for (int i = 1; i <= 5; i++)
		tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "y", .dims = dims});
	tfl_build_operator(b, &(struct tfl_build_operator){.code = code, .custom_name = custom, .inputs = TFL_INTS(0),
							   .outputs = custom ? TFL_INTS(1, 2, 3, 4) : TFL_INTS(1)});
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_RESHAPE, .inputs = TFL_INTS(1), .outputs = TFL_INTS(5)});
	if (custom)
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(4, 3, 2, 5));
	else
		tfl_build_io(b, TFL_INTS(0), view ? TFL_INTS(5) : TFL_INTS(1));
	bytes = sample_finish(b, &size);
	open_bytes();
	ck_assert(!metadata->present);
}

START_TEST(kinds_from_the_graph)
{
	const struct {
		uint32_t code;
		struct tfl_ints dims;
		bool view;
		enum tfl_output_kind kind;
	} cases[] = {
		{TFL_BUILTIN_SOFTMAX, {(const int32_t[]){1, 10}, 2}, false, TFL_OUTPUT_CLASSIFICATION},
		{TFL_BUILTIN_SOFTMAX, {(const int32_t[]){1, 10}, 2}, true, TFL_OUTPUT_CLASSIFICATION},
		{TFL_BUILTIN_LOG_SOFTMAX, {(const int32_t[]){10}, 1}, false, TFL_OUTPUT_CLASSIFICATION},
		{TFL_BUILTIN_SOFTMAX, {(const int32_t[]){7, 10}, 2}, false, TFL_OUTPUT_UNKNOWN},
		{TFL_BUILTIN_RELU, {(const int32_t[]){1, 10}, 2}, false, TFL_OUTPUT_UNKNOWN},
	};

	open_chain(cases[_i].code, NULL, cases[_i].dims, cases[_i].view);
	ck_assert_int_eq(metadata->outputs[0].kind, cases[_i].kind);
}
END_TEST

START_TEST(kinds_from_the_detection_operator)
{
	open_chain(TFL_BUILTIN_CUSTOM, "TFLite_Detection_PostProcess", TFL_INTS(1, 4), false);
	ck_assert_int_eq(metadata->outputs[0].kind, TFL_OUTPUT_COUNT);
	ck_assert_int_eq(metadata->outputs[1].kind, TFL_OUTPUT_SCORES);
	ck_assert_int_eq(metadata->outputs[2].kind, TFL_OUTPUT_CLASSES);
	ck_assert_int_eq(metadata->outputs[3].kind, TFL_OUTPUT_BOXES); /* through a reshape */
}
END_TEST

/* A described model without operators: its input is its output. */
static void open_described(const struct tfl_build_description *description, struct tfl_ints dims, const char *labels)
{
	struct tfl_builder *b = tfl_build_create();

	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = dims});
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(0));
	tfl_build_describe(b, description);
	if (labels)
		tfl_build_file(b, "labels.txt", labels, strlen(labels));
	bytes = sample_finish(b, &size);
	open_bytes();
	ck_assert_msg(!metadata->fault, "%s", metadata->fault);
}

START_TEST(kinds_from_metadata)
{
	const struct {
		struct tfl_build_description description;
		struct tfl_ints dims;
		const char *labels;
		enum tfl_output_kind kind;
	} cases[] = {
		{{.label_file = "labels.txt"}, {(const int32_t[]){1, 2}, 2}, "a\nb\n", TFL_OUTPUT_CLASSIFICATION},
		{{.label_file = "labels.txt"}, {(const int32_t[]){1, 3}, 2}, "a\nb\n", TFL_OUTPUT_UNKNOWN},    /* they fit no axis */
		{{.label_file = "labels.txt"}, {(const int32_t[]){4, 4, 2}, 3}, "a\nb\n", TFL_OUTPUT_UNKNOWN}, /* a map of classes */
		{{.name = "m"}, {(const int32_t[]){1, 2}, 2}, "a\nb\n", TFL_OUTPUT_CLASSIFICATION},
		{{.name = "m"}, {(const int32_t[]){1, 2}, 2}, NULL, TFL_OUTPUT_FEATURE},
		{{.name = "m"}, {(const int32_t[]){2, 2}, 2}, NULL, TFL_OUTPUT_UNKNOWN},
	};

	open_described(&cases[_i].description, cases[_i].dims, cases[_i].labels);
	ck_assert_int_eq(metadata->outputs[0].kind, cases[_i].kind);
	ck_assert_int_eq(metadata->outputs[0].labels != NULL, cases[_i].labels != NULL);
}
END_TEST

/* Every kind has a name of its own, and what is none is unknown. */
START_TEST(names_of_kinds)
{
	ck_assert_str_eq(tfl_file_kind_to_string(TFL_FILE_CALIBRATION), "score_calibration");
	ck_assert_str_eq(tfl_content_kind_to_string(TFL_CONTENT_AUDIO), "audio");
	ck_assert_str_eq(tfl_color_space_to_string(TFL_COLOR_GRAY), "grayscale");
	ck_assert_str_eq(tfl_box_kind_to_string(TFL_BOX_CENTER), "center");
	ck_assert_str_eq(tfl_unit_kind_to_string(TFL_UNIT_REGEX), "regex_tokenizer");
	ck_assert_str_eq(tfl_score_transform_to_string(TFL_SCORE_LOG), "log");
	ck_assert_str_eq(tfl_output_kind_to_string(TFL_OUTPUT_IMAGE), "image");
	ck_assert_str_eq(tfl_output_kind_to_string((enum tfl_output_kind)99), "unknown");
	for (int i = 1; i < TFL_OUTPUT_KINDS; i++)
		ck_assert_str_ne(tfl_output_kind_to_string((enum tfl_output_kind)i), "unknown");
}
END_TEST

Suite *metadata_parts_suite(void)
{
	Suite *suite = suite_create("metadata-parts");
	TCase *parts = tcase_create("parts"), *kinds = tcase_create("kinds");

	tcase_add_checked_fixture(parts, NULL, teardown);
	tcase_add_test(parts, texts_of_the_model);
	tcase_add_test(parts, files_and_archive);
	tcase_add_test(parts, a_picture);
	tcase_add_test(parts, a_sound);
	tcase_add_test(parts, detections);
	tcase_add_test(parts, labels_by_output_and_axis);
	tcase_add_test(parts, labels_of_a_square);
	tcase_add_loop_test(parts, each_part_alone_is_wrong, 0, TFL_ARRAY_SIZE(wrong_cases));
	tcase_add_test(parts, unknown_kinds);
	tcase_add_test(parts, metadata_is_bounded);
	suite_add_tcase(suite, parts);
	tcase_add_checked_fixture(kinds, NULL, teardown);
	tcase_add_loop_test(kinds, kinds_from_the_graph, 0, 5);
	tcase_add_test(kinds, kinds_from_the_detection_operator);
	tcase_add_loop_test(kinds, kinds_from_metadata, 0, 6);
	tcase_add_test(kinds, names_of_kinds);
	suite_add_tcase(suite, kinds);
	return suite;
}
