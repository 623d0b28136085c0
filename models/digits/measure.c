/* SPDX-License-Identifier: MIT */
/*
 * tfl-measure-digits: how often the committed files are right on fonts that the training never saw, by the runtime that will serve them.
 * Every file gets the same samples.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "models/digits/classifier.h"
#include "models/digits/draw.h"

#define FILES_MAX 4

struct measurement {
	struct classifier *files[FILES_MAX];
	int count;
	unsigned right[FILES_MAX];
	unsigned agreed; /* samples on which all files gave one answer */
};

static int measure_one(struct measurement *m, const uint8_t *pixels, int label, struct tfl_error *error)
{
	int first = 0, class, r;
	bool agreed = true;
	float probability;

	for (int i = 0; i < m->count; i++) {
		r = classifier_run(m->files[i], pixels, &class, &probability, error);
		if (r < 0)
			return r;
		m->right[i] += class == label;
		first = i ? first : class;
		agreed &= class == first;
	}
	m->agreed += agreed;
	return 0;
}

static int measure(struct measurement *m, struct digit_fonts *fonts, unsigned samples, float distortion, struct tfl_error *error)
{
	struct tfl_random random = {2};
	uint8_t pixels[DIGIT_PIXELS];
	int r;

	memset(m->right, 0, sizeof(m->right));
	m->agreed = 0;
	for (unsigned i = 0; i < samples; i++) {
		int label = (int)tfl_random_below(&random, 10);

		r = digit_draw(fonts, i % digit_fonts_count(fonts), label, distortion, &random, DIGIT_SIZE, pixels);
		if (r < 0)
			return tfl_error_set(error, r, "drawing: %s", strerror(-r));
		r = measure_one(m, pixels, label, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run(char **paths, int count, unsigned samples, struct tfl_error *error)
{
	struct measurement m = {.count = count};
	struct digit_fonts *fonts = NULL;
	int r = digit_fonts_open(DIGITS_FONT_LIST, "/usr/share/fonts", "held-out", &fonts, error);

	for (int i = 0; i < count && !r; i++)
		r = classifier_open(paths[i], &m.files[i], error);
	for (int half = 2; half >= 0 && !r; half--) {
		r = measure(&m, fonts, samples, (float)half / 2, error);
		for (int i = 0; i < count && !r; i++)
			printf("distortion %.1f: %6.2f %% of %u right: %s\n", half / 2.0, m.right[i] * 100.0 / samples, samples, paths[i]);
		if (!r && count > 1)
			printf("distortion %.1f: %6.2f %% the same answer\n", half / 2.0, m.agreed * 100.0 / samples);
	}
	for (int i = 0; i < count; i++)
		classifier_destroy(m.files[i]);
	digit_fonts_destroy(fonts);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"samples", required_argument, NULL, 'n'}, {0}};
	struct tfl_error error = {0};
	int samples = 10000, option;

	while ((option = getopt_long(argc, argv, "n:", longs, NULL)) >= 0)
		samples = option == 'n' ? atoi(optarg) : 0;
	if (samples < 1 || optind == argc || argc - optind > FILES_MAX) {
		fprintf(stderr, "usage: tfl-measure-digits [--samples N] FILE.tflite...   (at most %d files)\n", FILES_MAX);
		return 2;
	}
	if (run(argv + optind, argc - optind, (unsigned)samples, &error) < 0) {
		fprintf(stderr, "tfl-measure-digits: %s\n", error.text);
		return 1;
	}
	return 0;
}
