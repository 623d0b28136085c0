/* SPDX-License-Identifier: MIT */
/*
 * Everything here follows from the learnt parameters, the fonts and a seed, and nothing from the time or the place, so that a second
 * training can be held against the files of the first.
 */
#include "models/digits/product.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "models/digits/picture.h"
#include "tests/builder/builder.h"

#define CALIBRATION_SAMPLES 1000
#define SHEET_COLUMNS 25
#define SHEET_ROWS 20
#define PICTURE_SIZE (4 * DIGIT_SIZE)

static bool same_content(const char *path, const void *data, size_t size)
{
	_tfl_free_ char *content = malloc(size + 1);
	FILE *file = fopen(path, "re");
	bool same = file && content && fread(content, 1, size + 1, file) == size && !memcmp(content, data, size);

	if (file)
		fclose(file);
	return same;
}

static int put(struct product *product, const char *name, const void *data, size_t size)
{
	_tfl_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", product->folder, name) < 0)
		return -ENOMEM;
	product->files++;
	if (!product->check)
		return tfl_build_save(path, data, size);
	if (!same_content(path, data, size)) {
		product->different++;
		printf("%s: not what this training makes\n", path);
	}
	return 0;
}

static int put_picture(struct product *product, const char *name, int width, int height, const uint8_t *pixels)
{
	_tfl_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	r = picture_encode(width, height, pixels, &data, &size);
	return r < 0 ? r : put(product, name, data, size);
}

int product_sample(struct digit_fonts *fonts, unsigned font, int label, float distortion, struct tfl_random *random, float *ret_image)
{
	uint8_t pixels[DIGIT_PIXELS];
	int r;

	r = digit_draw(fonts, font, label, distortion, random, DIGIT_SIZE, pixels);
	if (r < 0)
		return r;
	for (int i = 0; i < DIGIT_PIXELS; i++)
		ret_image[i] = (float)pixels[i] / 255;
	return 0;
}

int product_random_sample(struct digit_fonts *fonts, float distortion, struct tfl_random *random, float *ret_image, int *ret_label)
{
	unsigned font = tfl_random_below(random, digit_fonts_count(fonts));

	*ret_label = (int)tfl_random_below(random, 10);
	return product_sample(fonts, font, *ret_label, distortion, random, ret_image);
}

static int put_model(struct product *product, const struct tfl_net *net, bool int8)
{
	static const char labels[] = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n";
	struct tfl_builder *b = tfl_build_create();
	_tfl_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	if (!b)
		return -ENOMEM;
	r = tfl_net_emit(net, int8, b);
	tfl_build_text(b, int8 ? "digits, int8" : "digits, float32");
	tfl_build_describe(b, &(struct tfl_build_description){
		.name = "digits",
		.description = "Tells the digits 0 to 9 apart in a picture of one digit, white on black. Trained on digits drawn from fonts.",
		.version = "1",
		.author = "tfld",
		.license = "MIT",
		.input_name = "image",
		.input_description = "28 x 28 grey values; the digit is white on black and six to nine tenths of the picture high",
		.output_name = "probabilities",
		.output_description = "one for each digit",
		.color_space = 2,
		.mean = (const float[]){0},
		.std = (const float[]){255},
		.channels = 1,
		.label_file = "labels.txt",
	});
	tfl_build_file(b, "labels.txt", labels, sizeof(labels) - 1);
	if (!r)
		r = tfl_build_finish(b, &data, &size);
	tfl_build_destroy(b);
	return r < 0 ? r : put(product, int8 ? "digits-int8.tflite" : "digits-float32.tflite", data, size);
}

static int calibrate(struct tfl_net *net, struct digit_fonts *fonts, uint64_t seed)
{
	struct tfl_random random = {seed};
	int r = 0, label;

	for (int i = 0; i < CALIBRATION_SAMPLES && !r; i++) {
		r = product_random_sample(fonts, 1, &random, net->layers[0].output, &label);
		if (!r) {
			tfl_net_run(net);
			tfl_net_observe(net);
		}
	}
	return r;
}

int product_models(struct product *product, const struct learner *learner, struct digit_fonts *fonts, uint64_t seed)
{
	struct tfl_net net = {0};
	int r = learner_export(learner, &net);

	if (!r)
		r = calibrate(&net, fonts, seed);
	if (!r)
		r = put_model(product, &net, false);
	if (!r)
		r = put_model(product, &net, true);
	tfl_net_finish(&net);
	return r;
}

int product_held_out(struct product *product, struct digit_fonts *fonts, uint64_t seed)
{
	const int width = SHEET_COLUMNS * DIGIT_SIZE;
	_tfl_free_ uint8_t *sheet = calloc((size_t)width * DIGIT_SIZE, SHEET_ROWS);
	struct tfl_random random = {seed};

	if (!sheet)
		return -ENOMEM;
	for (int i = 0; i < SHEET_COLUMNS * SHEET_ROWS; i++) {
		uint8_t pixels[DIGIT_PIXELS], *corner = sheet + i / SHEET_COLUMNS * DIGIT_SIZE * width + i % SHEET_COLUMNS * DIGIT_SIZE;
		int r = digit_draw(fonts, (unsigned)i / 10 % digit_fonts_count(fonts), i % 10, 1, &random, DIGIT_SIZE, pixels);

		if (r < 0)
			return r;
		for (int y = 0; y < DIGIT_SIZE; y++)
			memcpy(corner + y * width, pixels + y * DIGIT_SIZE, DIGIT_SIZE);
	}
	return put_picture(product, "held-out.png", width, SHEET_ROWS * DIGIT_SIZE, sheet);
}

/* The two digits of one font, printed on top of each other. */
static int put_ambiguous(struct product *product, struct digit_fonts *fonts, struct tfl_random *random)
{
	uint8_t four[PICTURE_SIZE * PICTURE_SIZE], nine[PICTURE_SIZE * PICTURE_SIZE];
	const unsigned font = 5;
	int r;

	r = digit_draw(fonts, font, 4, 0, random, PICTURE_SIZE, four);
	if (!r)
		r = digit_draw(fonts, font, 9, 0, random, PICTURE_SIZE, nine);
	if (r < 0)
		return r;
	for (int i = 0; i < PICTURE_SIZE * PICTURE_SIZE; i++)
		four[i] = (uint8_t)((four[i] + nine[i]) / 2);
	return put_picture(product, "pictures/four-or-nine.png", PICTURE_SIZE, PICTURE_SIZE, four);
}

int product_pictures(struct product *product, struct digit_fonts *fonts, uint64_t seed)
{
	static const char *const names[10] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
	uint8_t pixels[PICTURE_SIZE * PICTURE_SIZE];
	struct tfl_random random = {seed};
	char name[32];
	int r;

	for (int i = 0; i < 10; i++) {
		r = digit_draw(fonts, (unsigned)i % digit_fonts_count(fonts), i, 0.5f, &random, PICTURE_SIZE, pixels);
		if (r < 0)
			return r;
		snprintf(name, sizeof(name), "pictures/%s.png", names[i]);
		r = put_picture(product, name, PICTURE_SIZE, PICTURE_SIZE, pixels);
		if (r < 0)
			return r;
	}
	return put_ambiguous(product, fonts, &random);
}
