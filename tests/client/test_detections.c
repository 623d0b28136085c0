/* SPDX-License-Identifier: MIT */
/*
 * tflctl infer and describe with models that say what their inputs and outputs are for: a fake daemon describes them in JSON and answers
 * with numbers that are known.
 */
#include <jansson.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/request.h"
#include "proto/response.h"
#include "tests/client/ctl_suites.h"
#include "tests/client/describing.h"
#include "tests/client/fake.h"
#include "tests/client/run.h"

#define BOXES 3

static struct fake fake;
static char picture[64];
static const char *description;         /* JSON */
static float outputs[4][BOXES * 4];     /* as the fake answers */
static size_t counts[4];                /* of elements */
static uint8_t seen[4 * 4 * 3 * 4];     /* the last picture that came */
static char seen_name[32];              /* and which input it was for */

/* ---- The fake ---- */

static void keep_input(const struct tfl_message *request)
{
	struct tfl_infer_request parsed;
	const struct tfl_wire_tensor *input;

	ck_assert_int_eq(tfl_infer_request_parse(request->params, &parsed, NULL), 0);
	input = tfl_tensor_list_at(&parsed.inputs, 0);
	ck_assert_uint_le(input->data.size, sizeof(seen));
	memcpy(seen, input->data.data, input->data.size);
	snprintf(seen_name, sizeof(seen_name), "%d", input->index);
	tfl_infer_request_finish(&parsed);
}

static void reply_infer(const struct tfl_message *request)
{
	struct tfl_infer_served served = {.model = tfl_string_of("ssd"), .version = 3, .wait_ns = 1, .compute_ns = 2};
	unsigned count = 0;

	keep_input(request);
	while (count < 4 && counts[count])
		count++;
	tfl_infer_response_begin(&fake.writer, request->msgid, &served, count);
	for (unsigned i = 0; i < count; i++) {
		struct tfl_wire_tensor output = {.name = tfl_string_of("o"),
						 .index = (int32_t)i,
						 .dtype = TFL_FLOAT32,
						 .shape = {2, {1, (int32_t)counts[i]}},
						 .data = {(const uint8_t *)outputs[i], counts[i] * sizeof(float)}};

		tfl_wire_tensor_write(&fake.writer, &output);
	}
}

static void serve(struct fake *unused, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(&fake, &request)) {
		if (tfl_string_equal(request.method, TFL_METHOD_INFER))
			reply_infer(&request);
		else
			write_json_reply(&fake.writer, request.msgid, description);
		fake_send(&fake);
	}
}

/* A picture of 40 x 20 pixels, all of one colour. */
static void write_picture(uint8_t red, uint8_t green, uint8_t blue)
{
	png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB, .width = 40, .height = 20};
	uint8_t pixels[40 * 20 * 3];

	for (size_t i = 0; i < sizeof(pixels); i += 3)
		memcpy(pixels + i, (uint8_t[]){red, green, blue}, 3);
	ck_assert_int_ne(png_image_write_to_file(&image, picture, 0, pixels, 0, NULL), 0);
}

static void set(unsigned output, size_t count, const float *values)
{
	memcpy(outputs[output], values, count * sizeof(*values));
	counts[output] = count;
}

static void setup(void)
{
	strcpy(picture, "/tmp/tflctl-picture-XXXXXX");
	close(mkstemp(picture));
	write_picture(200, 100, 50);
	memset(counts, 0, sizeof(counts));
	fake_start(&fake, serve, &fake);
	setenv("TFL_SOCKET", fake.path, 1);
}

static void teardown(void)
{
	fake_stop(&fake);
	unlink(picture);
}

/* ---- Detections ---- */

#define IMAGE \
	"{\"index\": 0, \"name\": \"x\", \"dtype\": \"uint8\", \"shape\": [1, 4, 4, 3], \"bytes\": 48," \
	" \"metadata\": {\"content\": {\"kind\": \"image\", \"color_space\": \"rgb\"}}}"
#define OUTPUT(kind, more) "{\"name\": \"o\", \"dtype\": \"float32\", \"shape\": [1, 3], \"kind\": \"" kind "\"" more "}"
#define DETECTOR(boxes, scores, classes) \
	"{\"model\": \"ssd\", \"version\": 3, \"inputs\": [" IMAGE "], \"outputs\": [" \
	OUTPUT("detection_boxes", boxes) ", " OUTPUT("detection_classes", classes) ", " OUTPUT("detection_scores", scores) ", " \
	OUTPUT("detection_count", "") "]}"
#define NAMES ", \"label_count\": 2, \"labels\": [\"cat\", \"dog\"]"

/* A dog, a cat, and what has no name; the third has the best score. */
static void set_detections(void)
{
	set(0, 12, (const float[]){0.1f, 0.2f, 0.5f, 0.6f, 0, 0, 1, 1, 0.25f, 0.5f, 0.75f, 1});
	set(1, 3, (const float[]){1, 0, 7});
	set(2, 3, (const float[]){0.75f, 0.375f, 0.875f});
	set(3, 1, (const float[]){3});
}

START_TEST(a_line_for_each_detection)
{
	description = DETECTOR("", "", NAMES);
	set_detections();
	TFLCTL("infer", "ssd", "--image", picture);
	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_msg(strncmp(result.out, "class 7  87.5 %  at 20, 5 to 40, 15  (ssd@3, ", 45) == 0, "%s", result.out);
	ck_assert_msg(strstr(result.out, "\ndog      75.0 %  at 8, 2 to 24, 10\n"), "%s", result.out);
	ck_assert_msg(!strstr(result.out, "cat"), "%s", result.out);
	TFLCTL("infer", "ssd", "--image", picture, "--threshold", "30");
	ck_assert_msg(strstr(result.out, "\ncat      37.5 %  at 0, 0 to 40, 20\n"), "%s", result.out);
	TFLCTL("infer", "ssd", "--image", picture, "--threshold", "90");
	ck_assert_msg(strncmp(result.out, "nothing of at least 90 %; the best has 87.5 %  (ssd@3, ", 55) == 0, "%s", result.out);
}
END_TEST

START_TEST(detections_as_json)
{
	json_t *json, *first, *box;

	description = DETECTOR("", ", \"score_threshold\": 0.8", NAMES);
	set_detections();
	TFLCTL("infer", "ssd", "--image", picture); /* the model's own threshold */
	ck_assert_msg(!strstr(result.out, "dog"), "%s", result.out);
	TFLCTL("infer", "ssd", "--image", picture, "--json");
	json = json_of_output();
	ck_assert_uint_eq(json_array_size(json_object_get(json, "detections")), 3); /* all of them */
	first = json_array_get(json_object_get(json, "detections"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(first, "class")), 7);
	ck_assert(json_is_null(json_object_get(first, "label")));
	first = json_array_get(json_object_get(json, "detections"), 1);
	ck_assert_str_eq(json_string_value(json_object_get(first, "label")), "dog");
	box = json_object_get(first, "box");
	ck_assert_double_eq_tol(json_number_value(json_object_get(box, "left")), 0.2, 1e-6);
	ck_assert_double_eq_tol(json_number_value(json_object_get(box, "bottom")), 0.5, 1e-6);
	box = json_object_get(first, "pixels");
	ck_assert_double_eq_tol(json_number_value(json_object_get(box, "top")), 2, 1e-5);
	ck_assert_double_eq_tol(json_number_value(json_object_get(box, "right")), 24, 1e-5);
	json_decref(json);
}
END_TEST

/* Boxes as other models write them: the second of the three, in words. */
START_TEST(boxes_of_every_kind)
{
#define CONTENT(text) ", \"metadata\": {\"content\": {\"kind\": \"bounding_boxes\", " text "}}"
	static const struct {
		const char *description;
		float box[4];
	} cases[] = {
		{DETECTOR(CONTENT("\"box\": \"boundaries\", \"coordinates\": \"ratio\", \"order\": [0, 1, 2, 3]"), "", NAMES),
		 {0.25f, 0.5f, 0.75f, 1}},
		{DETECTOR(CONTENT("\"box\": \"upper_left\", \"coordinates\": \"ratio\", \"order\": [0, 1, 2, 3]"), "", NAMES),
		 {0.25f, 0.5f, 0.5f, 0.5f}},
		{DETECTOR(CONTENT("\"box\": \"center\", \"coordinates\": \"ratio\", \"order\": [2, 3, 0, 1]"), "", NAMES),
		 {0.5f, 0.5f, 0.5f, 0.75f}},
		{DETECTOR(CONTENT("\"box\": \"boundaries\", \"coordinates\": \"pixel\", \"order\": [1, 0, 3, 2]"), "", NAMES), {2, 1, 4, 3}},
	};

	description = cases[_i].description;
	set_detections();
	memcpy(outputs[0], cases[_i].box, sizeof(cases[_i].box));
	TFLCTL("infer", "ssd", "--image", picture);
	ck_assert_msg(strstr(result.out, "\ndog      75.0 %  at 10, 10 to 30, 20\n"), "%s", result.out);
}
END_TEST

/* What is shown is the middle of the picture: 20 x 20 of 40 x 20. */
START_TEST(boxes_in_a_cropped_picture)
{
	description = DETECTOR("", "", NAMES);
	set_detections();
	TFLCTL("infer", "ssd", "--image", picture, "--crop");
	ck_assert_msg(strstr(result.out, "\ndog      75.0 %  at 14, 2 to 22, 10\n"), "%s", result.out);
}
END_TEST

/* Outputs that lie about what they are: printed as numbers, or as far as they make sense. */
START_TEST(detections_that_lie)
{
	description = DETECTOR("", "", NAMES);
	set_detections();
	if (_i == 0)
		counts[0] = 11;
	else if (_i == 1)
		counts[1] = 2;
	else if (_i == 2)
		outputs[3][0] = 1e30f; /* more than there is room for: all */
	else if (_i == 3)
		outputs[3][0] = -1;
	else if (_i == 4)
		outputs[1][0] = -1;
	else
		outputs[2][0] = __builtin_nanf("");
	TFLCTL("infer", "ssd", "--image", picture);
	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_msg((strncmp(result.out, "o  float32", 10) == 0) == (_i < 2), "%s", result.out);
	ck_assert_msg((strstr(result.out, "dog  ") != NULL) == (_i == 2 || _i == 3), "%s", result.out);
	ck_assert_msg((strstr(result.out, "no class") != NULL) == (_i == 4), "%s", result.out);
	TFLCTL("infer", "ssd", "--image", picture, "--json");
	json_decref(json_of_output());
}
END_TEST

/* ---- Inputs and other outputs ---- */

/* Two outputs, each with labels of its own; the second does not look like probabilities. */
START_TEST(labels_of_each_output)
{
	description = "{\"model\": \"two\", \"version\": 3, \"inputs\": [" IMAGE "], \"labels\": [\"cat\", \"dog\"], \"outputs\": ["
		      OUTPUT("classification", NAMES) ", "
		      OUTPUT("classification", ", \"label_count\": 3, \"labels\": [\"red\", \"green\", \"blue\"]") "]}";
	set(0, 2, (const float[]){0.25f, 0.75f});
	set(1, 3, (const float[]){0.5f, 0.75f, 0.5f});
	TFLCTL("infer", "two", "--image", picture);
	ck_assert_msg(strncmp(result.out, "dog  75.0 %", 11) == 0, "%s", result.out);
	ck_assert_msg(strstr(result.out, "\ngreen  75.0 %\n"), "%s", result.out);
}
END_TEST

/* Scores below the model's own threshold are not printed, but for the best one and those that are asked for. */
START_TEST(scores_below_the_threshold)
{
	description = "{\"model\": \"m\", \"version\": 3, \"inputs\": [" IMAGE "], \"outputs\": ["
		      OUTPUT("classification", ", \"score_threshold\": 0.3" NAMES) "]}";
	set(0, 2, (const float[]){0.25f, 0.75f});
	TFLCTL("infer", "m", "--image", picture);
	ck_assert_msg(strstr(result.out, "dog  75.0 %") && !strstr(result.out, "cat"), "%s", result.out);
	TFLCTL("infer", "m", "--image", picture, "--top", "2");
	ck_assert_msg(strstr(result.out, "cat  25.0 %"), "%s", result.out);
	set(0, 2, (const float[]){0.25f, 0.125f});
	TFLCTL("infer", "m", "--image", picture);
	ck_assert_msg(strstr(result.out, "cat  25.0 %") && !strstr(result.out, "dog"), "%s", result.out);
}
END_TEST

/* The picture goes to the input that says it is one, though another comes first and has the shape. */
START_TEST(the_input_that_is_a_picture)
{
	description = "{\"model\": \"m\", \"version\": 3, \"outputs\": [], \"inputs\": ["
		      "{\"name\": \"mask\", \"dtype\": \"uint8\", \"shape\": [1, 4, 4, 1]}, " IMAGE "]}";
	set(0, 1, (const float[]){1});
	TFLCTL("infer", "m", "--image", picture);
	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_str_eq(seen_name, "1");
	ck_assert(seen[0] == 200 && seen[1] == 100 && seen[2] == 50);
}
END_TEST

/* 0.299 red + 0.587 green + 0.114 blue, in all three channels. */
START_TEST(a_gray_model_with_three_channels)
{
	description = "{\"model\": \"m\", \"version\": 3, \"outputs\": [], \"inputs\": ["
		      "{\"name\": \"x\", \"dtype\": \"uint8\", \"shape\": [1, 4, 4, 3],"
		      " \"metadata\": {\"content\": {\"kind\": \"image\", \"color_space\": \"grayscale\"}}}]}";
	set(0, 1, (const float[]){1});
	TFLCTL("infer", "m", "--image", picture);
	ck_assert_msg(result.status == 0, "%s", result.err);
	for (unsigned i = 0; i < 48; i++)
		ck_assert_uint_eq(seen[i], 124);
}
END_TEST

START_TEST(describe_tells_what_it_is)
{
	static const char *const lines[] = {
		"\nabout      Finder: Finds cats. A long text that goes on and on so that it does not fit into a line\n"
		"           of a hundred columns.\n",
		"\n           version v1, by Somebody, licence: MIT\n",
		"\ncomment    converted\n",
		"\nmetadata   broken: input 3: is broken\n",
		"\npacked     labels.txt (12 B), ?[2J.txt (2.00 KiB)\n",
		"\n  0  x  uint8    [1, 4, 4, 3]  48 B\n"
		"     picture: picture, colour; mean 1 2 3, std 4; scale 0.5, zero point 128; values from 0 to 255\n"
		"     what is looked at\n",
		"\n  1  y  float32  [9]            0 B\n"
		"     sound, 16000 Hz, 2 channels; tokenizer by pattern '\\W+' with words.txt; dimensions: time\n",
		"\n  0  o  float32  [1, 3]  0 B\n"
		"     boxes of detections; bounding boxes: top, left, bottom, right, in pixels\n",
		"\n  1  o  float32  [1, 3]  0 B\n"
		"     classes of detections; 2 labels: cat; dog; in languages: en de\n",
		"\n  2  o  float32  [1, 3]  0 B\n"
		"     scores of detections; scores are to be calibrated (log, else 0.25); scores below 0.5 mean\n"
		"     nothing\n",
	};

	description = "{\"model\": \"m\", \"version\": 3, \"state\": \"AVAILABLE\", \"description\": \"converted\", \"metadata\": {"
		      "\"name\": \"Finder\", \"description\": \"Finds cats. A long text that goes on and on so that it does not fit into a line of "
		      "a hundred columns.\", \"version\": \"v1\", \"author\": \"Somebody\", \"license\": \"MIT\", \"fault\": \"input 3: is broken\","
		      " \"archive\": [{\"name\": \"labels.txt\", \"bytes\": 12}, {\"name\": \"\\u001b[2J.txt\", \"bytes\": 2048}]}, \"inputs\": ["
		      "{\"name\": \"x\", \"dtype\": \"uint8\", \"shape\": [1, 4, 4, 3], \"bytes\": 48, \"quantization\": {\"scale\": 0.5, "
		      "\"zero_point\": 128}, \"metadata\": {\"name\": \"picture\", \"description\": \"what is looked at\", \"content\": {\"kind\": "
		      "\"image\", \"color_space\": \"rgb\"}, \"min\": [0], \"max\": [255], \"units\": [{\"kind\": \"normalization\", \"mean\": [1, 2, "
		      "3], \"std\": [4]}]}},"
		      "{\"name\": \"y\", \"dtype\": \"float32\", \"shape\": [9], \"metadata\": {\"content\": {\"kind\": \"audio\", \"sample_rate\": "
		      "16000, \"channels\": 2}, \"dimension_names\": [\"time\"], \"units\": [{\"kind\": \"regex_tokenizer\", \"pattern\": \"\\\\W+\", "
		      "\"vocabularies\": [\"words.txt\"]}]}}], \"outputs\": ["
		      OUTPUT("detection_boxes", CONTENT("\"box\": \"boundaries\", \"coordinates\": \"pixel\", \"order\": [1, 0, 3, 2]")) ", "
		      OUTPUT("detection_classes", NAMES ", \"metadata\": {\"files\": [{\"locale\": \"en\"}, {\"locale\": \"de\"}]}") ", "
		      OUTPUT("detection_scores", ", \"metadata\": {\"units\": [{\"kind\": \"score_calibration\", \"transform\": \"log\", "
						 "\"default_score\": 0.25}, {\"kind\": \"score_threshold\", \"threshold\": 0.5}]}") "]}";
	TFLCTL("describe", "m");
	ck_assert_msg(result.status == 0, "%s", result.err);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(strstr(result.out, lines[i]), "\"%s\" is not in\n%s", lines[i], result.out);
}
END_TEST

Suite *detections_suite(void)
{
	Suite *suite = suite_create("detections");
	TCase *tcase = tcase_create("detections");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_line_for_each_detection);
	tcase_add_test(tcase, detections_as_json);
	tcase_add_loop_test(tcase, boxes_of_every_kind, 0, 4);
	tcase_add_test(tcase, boxes_in_a_cropped_picture);
	tcase_add_loop_test(tcase, detections_that_lie, 0, 6);
	tcase_add_test(tcase, labels_of_each_output);
	tcase_add_test(tcase, scores_below_the_threshold);
	tcase_add_test(tcase, the_input_that_is_a_picture);
	tcase_add_test(tcase, a_gray_model_with_three_channels);
	tcase_add_test(tcase, describe_tells_what_it_is);
	suite_add_tcase(suite, tcase);
	return suite;
}
