/* SPDX-License-Identifier: MIT */
/*
 * The tree that a model is told as, written as JSON: the one with all metadata against what its author wrote, keys as doc/protocol.md has
 * them; and a model without any, which is told in a few.
 */
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/labels.h"
#include "base/util.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "runtime/tell.h"
#include "tests/runtime/metadata_sample.h"
#include "tests/runtime/sample.h"
#include "tests/runtime/suites.h"

#define DEPTH_MAX 7 /* from the map around it, a reply's result, to the 8 that a frame may nest */

struct listener {
	struct tfl_teller teller;
	json_t *open[DEPTH_MAX];
	unsigned depth;
};

static void put(struct tfl_teller *teller, const char *key, json_t *value)
{
	struct listener *listener = (struct listener *)teller;
	json_t *around = listener->open[listener->depth - 1];

	ck_assert_int_eq(json_is_object(around), key != NULL);
	if (key) {
		ck_assert_msg(!json_object_get(around, key), "%s comes twice", key);
		json_object_set_new(around, key, value);
	} else {
		json_array_append_new(around, value);
	}
}

static void begin(struct tfl_teller *teller, const char *key, bool map)
{
	struct listener *listener = (struct listener *)teller;
	json_t *value = map ? json_object() : json_array();

	put(teller, key, value);
	ck_assert_uint_lt(listener->depth, DEPTH_MAX);
	listener->open[listener->depth++] = value;
}

static void end(struct tfl_teller *teller)
{
	((struct listener *)teller)->depth--;
}

static void put_text(struct tfl_teller *teller, const char *key, const char *text)
{
	put(teller, key, json_string(text));
}

static void put_integer(struct tfl_teller *teller, const char *key, int64_t value)
{
	put(teller, key, json_integer(value));
}

static void put_real(struct tfl_teller *teller, const char *key, double value)
{
	put(teller, key, json_real(value));
}

static void put_boolean(struct tfl_teller *teller, const char *key, bool value)
{
	put(teller, key, json_boolean(value));
}

static json_t *told(const uint8_t *bytes, size_t size, const struct tfl_labels *labels)
{
	struct listener listener = {.teller = {begin, end, put_text, put_integer, put_real, put_boolean}, .depth = 1};
	struct tfl_io ios[8] = {{.name = "t", .signature_name = "s", .dtype = TFL_INT8, .rank = 2, .dims = {1, 3}, .elements = 3, .bytes = 3,
				 .quantized = true, .scale = 0.5f, .zero_point = -3}};
	struct tfl_model *model = NULL;

	for (size_t i = 1; i < TFL_ARRAY_SIZE(ios); i++)
		ios[i] = (struct tfl_io){.name = ""};
	ck_assert_int_eq(tfl_model_open_memory(bytes, size, &model, NULL), 0);
	listener.open[0] = json_object();
	tfl_tell_model(&listener.teller, model, labels, ios, ios);
	ck_assert_uint_eq(listener.depth, 1);
	tfl_model_destroy(model);
	return listener.open[0];
}

static void expect(json_t *json, const char *expected)
{
	json_error_t error;
	json_t *right = json_loads(expected, JSON_DECODE_ANY, &error);
	char *text = json_dumps(json, JSON_ENCODE_ANY);

	ck_assert_msg(right, "%s: %s", error.text, expected);
	ck_assert_msg(json_equal(json, right), "%s instead of %s", text, expected);
	free(text);
	json_decref(right);
}

static json_t *at(const json_t *json, const char *list, size_t index)
{
	return json_array_get(json_object_get(json, list), index);
}

START_TEST(all_of_the_metadata)
{
	size_t size;
	_tfl_free_ uint8_t *bytes = sample_metadata(&(struct metadata_wrong){0}, &size);
	json_t *json = told(bytes, size, NULL);

	expect(at(json, "inputs", 0),
	       "{\"index\": 0, \"name\": \"t\", \"signature_name\": \"s\", \"dtype\": \"int8\", \"shape\": [1, 3], \"bytes\": 3, \"quantization\": "
	       "{\"scale\": 0.5, \"zero_point\": -3}, \"normalization\": {\"mean\": [1.0, 2.0, 3.0], \"std\": [4.0, 4.0, 4.0]}, \"metadata\": "
	       "{\"name\": \"picture\", \"description\": \"what is looked at\", \"dimension_names\": [\"batch\", \"height\", \"width\", "
	       "\"colour\"], \"content\": {\"kind\": \"image\", \"color_space\": \"rgb\", \"width\": 640, \"height\": 480}, \"units\": [{\"kind\": "
	       "\"normalization\", \"mean\": [1.0, 2.0, 3.0], \"std\": [4.0, 4.0, 4.0]}], \"max\": [255.0, 254.0], \"min\": [-1.0]}}");
	expect(json_object_get(at(json, "inputs", 1), "metadata"),
	       "{\"name\": \"sound\", \"content\": {\"kind\": \"audio\", \"sample_rate\": 16000, \"channels\": 2}, \"units\": [{\"kind\": "
	       "\"bert_tokenizer\", \"vocabularies\": [\"words.txt\"]}, {\"kind\": \"sentencepiece_tokenizer\", \"models\": [\"pieces.model\"], "
	       "\"vocabularies\": [\"words.txt\"]}, {\"kind\": \"regex_tokenizer\", \"pattern\": \"\\\\W+\", \"vocabularies\": "
	       "[\"words.txt\"]}]}");
	expect(json_object_get(at(json, "outputs", META_BOXES), "metadata"),
	       "{\"name\": \"location\", \"content\": {\"kind\": \"bounding_boxes\", \"box\": \"boundaries\", \"coordinates\": \"pixel\", "
	       "\"order\": [1, 0, 3, 2], \"range\": [2, 2]}}");
	expect(at(json, "outputs", META_CLASSES),
	       "{\"index\": 1, \"name\": \"\", \"dtype\": \"float32\", \"shape\": [], \"bytes\": 0, \"kind\": \"detection_classes\", "
	       "\"label_count\": 2, \"labels\": [\"cat\", \"dog\"], \"metadata\": {\"name\": \"category\", \"files\": [{\"name\": \"labels.txt\", "
	       "\"kind\": \"value_labels\", \"description\": \"what the file is\", \"locale\": \"en\", \"version\": \"v3\", \"packed\": true, "
	       "\"bytes\": 8, \"label_count\": 2}, {\"name\": \"namen.txt\", \"kind\": \"value_labels\", \"description\": \"what the file is\", "
	       "\"locale\": \"de\", \"version\": \"v3\", \"packed\": true, \"bytes\": 11}]}}");
	expect(json_object_get(json_object_get(at(json, "outputs", META_SCORES), "metadata"), "units"),
	       "[{\"kind\": \"score_calibration\", \"transform\": \"inverse_logistic\", \"default_score\": 0.25}, {\"kind\": \"score_threshold\", "
	       "\"threshold\": 0.625}]");
	expect(json_object_get(at(json, "outputs", META_SCORES), "score_threshold"), "0.625");
	expect(json_object_get(json_object_get(at(json, "outputs", META_GRID), "metadata"), "files"),
	       "[{\"name\": \"rows.txt\", \"kind\": \"axis_labels\", \"description\": \"what the file is\", \"packed\": true, \"bytes\": 12, "
	       "\"label_count\": 2, \"axis\": 0}, {\"name\": \"columns.txt\", \"kind\": \"axis_labels\", \"description\": \"what the file is\", "
	       "\"packed\": true, \"bytes\": 18, \"label_count\": 3, \"axis\": 1}, {\"name\": \"spalten.txt\", \"kind\": \"axis_labels\", "
	       "\"description\": \"what the file is\", \"locale\": \"de\", \"version\": \"v3\", \"packed\": true, \"bytes\": 19}]");
	expect(json_object_get(json, "labels"), "[\"cat\", \"dog\"]");
	json_object_del(json_object_get(json, "metadata"), "archive");
	expect(json_object_get(json, "metadata"),
	       "{\"name\": \"Eyes and ears\", \"description\": \"Finds things and hears them.\", \"version\": \"v2\", \"author\": \"Somebody\", "
	       "\"license\": \"MIT\", \"min_parser_version\": \"1.5.0\", \"subgraph_name\": \"main\", \"subgraph_description\": \"all of it\", "
	       "\"files\": [{\"name\": \"readme.txt\", \"kind\": \"description\", \"description\": \"what the file is\", \"packed\": true, "
	       "\"bytes\": 11}], \"subgraph_files\": [{\"name\": \"index.ldb\", \"kind\": \"search_index\", \"description\": \"what the file "
	       "is\", \"packed\": false}], \"input_units\": [{\"kind\": \"bert_tokenizer\"}], \"output_units\": [{\"kind\": \"score_threshold\", "
	       "\"threshold\": 0.0}], \"output_groups\": [{\"name\": \"detections\", \"tensors\": [\"location\", \"category\", \"score\"]}], "
	       "\"custom\": [\"SEGMENTER_METADATA\"]}");
	json_decref(json);
}
END_TEST

START_TEST(no_metadata)
{
	struct tfl_builder *b = tfl_build_create();
	_tfl_free_ uint8_t *bytes = NULL;
	size_t size;
	json_t *json;

	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(1, 3)});
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(0));
	tfl_build_text(b, "nothing");
	bytes = sample_finish(b, &size);
	json = told(bytes, size, NULL);
	json_object_clear(at(json, "outputs", 0));
	expect(json, "{\"inputs\": [{\"index\": 0, \"name\": \"t\", \"signature_name\": \"s\", \"dtype\": \"int8\", \"shape\": [1, 3], \"bytes\": "
		     "3, \"quantization\": {\"scale\": 0.5, \"zero_point\": -3}}], \"outputs\": [{}], \"description\": \"nothing\", "
		     "\"label_count\": 0, \"labels\": []}");
	json_decref(json);
}
END_TEST

/* Labels from elsewhere stand in the place of the file's: the model's, and those of the output that has them. */
START_TEST(other_labels)
{
	const struct tfl_labels labels = {.names = (const char *[]){"tom", NULL, "rex"}, .count = 3};
	size_t size;
	_tfl_free_ uint8_t *bytes = sample_metadata(&(struct metadata_wrong){0}, &size);
	json_t *json = told(bytes, size, &labels);

	expect(json_object_get(json, "labels"), "[\"tom\", \"\", \"rex\"]");
	expect(json_object_get(at(json, "outputs", META_CLASSES), "labels"), "[\"tom\", \"\", \"rex\"]");
	expect(json_object_get(at(json, "outputs", META_GRID), "labels"), "[\"upper\", \"lower\"]");
	json_decref(json);
}
END_TEST

START_TEST(broken_metadata)
{
	size_t size;
	_tfl_free_ uint8_t *bytes = sample_metadata(&(struct metadata_wrong){.text = "\377"}, &size);
	json_t *json = told(bytes, size, NULL);

	expect(json_object_get(json_object_get(json, "metadata"), "fault"), "\"name: is no text in UTF-8\"");
	json_decref(json);
}
END_TEST

Suite *tell_suite(void)
{
	Suite *suite = suite_create("tell");
	TCase *tree = tcase_create("tree");

	tcase_add_test(tree, all_of_the_metadata);
	tcase_add_test(tree, no_metadata);
	tcase_add_test(tree, other_labels);
	tcase_add_test(tree, broken_metadata);
	suite_add_tcase(suite, tree);
	return suite;
}
