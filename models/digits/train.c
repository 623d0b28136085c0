/* SPDX-License-Identifier: MIT */
/*
 * tfl-train-digits: trains the sample model from nothing but fonts and a seed, says how well it reads fonts that it never saw, and writes
 * or checks the files in models/digits. Every sample is drawn afresh, so no sample is seen twice and there is nothing to overfit but
 * the fonts themselves; the held-out ones decide nothing, they are only measured.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "models/digits/draw.h"
#include "models/digits/learn.h"
#include "models/digits/product.h"

#define BATCH 64
#define RATE 0.003f
#define MEASURED_SAMPLES 10000

struct job {
	struct product product;
	const char *list;
	const char *folder; /* of the fonts */
	uint64_t seed;
	int steps;
};

/* Streams of random numbers that must not overlap take their seeds from far apart. */
enum stream { STREAM_WEIGHTS = 1, STREAM_TRAINING, STREAM_CALIBRATION, STREAM_MEASURE, STREAM_SHEET, STREAM_PICTURES };

static uint64_t stream_seed(const struct job *job, enum stream stream)
{
	struct tfl_random random = {job->seed * 0x10001 + stream};

	return tfl_random_next(&random);
}

/* Up over the first steps, then down along half a cosine. */
static float rate_at(int step, int steps)
{
	float warm = fminf(1, (float)(step + 1) / 100);

	return RATE * warm * 0.5f * (1 + cosf((float)M_PI * (float)step / (float)steps));
}

static int learn(const struct job *job, struct learner *learner, struct digit_fonts *fonts)
{
	static float images[BATCH * DIGIT_PIXELS];
	struct tfl_random random = {stream_seed(job, STREAM_TRAINING)};
	int labels[BATCH], r;
	float loss = 0;

	for (int step = 0; step < job->steps; step++) {
		for (int i = 0; i < BATCH; i++) {
			r = product_random_sample(fonts, 1, &random, images + i * DIGIT_PIXELS, &labels[i]);
			if (r < 0)
				return r;
		}
		loss += learner_gradient(learner, images, labels, BATCH);
		learner_update(learner, rate_at(step, job->steps));
		if ((step + 1) % 500 == 0) {
			printf("step %d of %d: loss %.4f\n", step + 1, job->steps, (double)loss / 500);
			fflush(stdout);
			loss = 0;
		}
	}
	return 0;
}

static int predicted(struct learner *learner, const float *image)
{
	float probabilities[10];
	int best = 0;

	learner_predict(learner, image, probabilities);
	for (int class = 1; class < 10; class++)
		best = probabilities[class] > probabilities[best] ? class : best;
	return best;
}

/* The fonts in turn, each with as many samples; the classes at random. */
static int measure(const struct job *job, struct learner *learner, struct digit_fonts *fonts, const char *name, float distortion)
{
	unsigned count = digit_fonts_count(fonts), each = MEASURED_SAMPLES / count, right, all = 0;
	struct tfl_random random = {stream_seed(job, STREAM_MEASURE)};
	float image[DIGIT_PIXELS];

	for (unsigned font = 0; font < count; font++) {
		right = 0;
		for (unsigned i = 0; i < each; i++) {
			int label = (int)tfl_random_below(&random, 10), r;

			r = product_sample(fonts, font, label, distortion, &random, image);
			if (r < 0)
				return r;
			right += predicted(learner, image) == label;
		}
		all += right;
		printf("    %6.2f %%  %s\n", right * 100.0 / each, digit_fonts_name(fonts, font));
	}
	printf("%s, distortion %.1f: %.2f %% of %u right\n", name, (double)distortion, all * 100.0 / (each * count), each * count);
	return 0;
}

static int make(struct job *job, struct learner *learner, struct digit_fonts *train, struct digit_fonts *held_out)
{
	int r = learn(job, learner, train);

	if (!r)
		r = measure(job, learner, train, "fonts of the training", 1);
	if (!r)
		r = measure(job, learner, held_out, "held-out fonts", 1);
	if (!r)
		r = measure(job, learner, held_out, "held-out fonts", 0.5f);
	if (!r)
		r = product_models(&job->product, learner, train, stream_seed(job, STREAM_CALIBRATION));
	if (!r)
		r = product_held_out(&job->product, held_out, stream_seed(job, STREAM_SHEET));
	if (!r)
		r = product_pictures(&job->product, held_out, stream_seed(job, STREAM_PICTURES));
	return r;
}

static int run(struct job *job, struct tfl_error *error)
{
	struct digit_fonts *train = NULL, *held_out = NULL;
	struct learner *learner = learner_create(stream_seed(job, STREAM_WEIGHTS));
	int r = learner ? 0 : tfl_error_set(error, -ENOMEM, "out of memory");

	if (!r)
		r = digit_fonts_open(job->list, job->folder, "train", &train, error);
	if (!r)
		r = digit_fonts_open(job->list, job->folder, "held-out", &held_out, error);
	if (!r) {
		r = make(job, learner, train, held_out);
		if (r < 0)
			tfl_error_set(error, r, "%s", strerror(-r));
	}
	digit_fonts_destroy(train);
	digit_fonts_destroy(held_out);
	learner_destroy(learner);
	return r;
}

static int usage(void)
{
	fprintf(stderr, "usage: tfl-train-digits [--check] [--seed N] [--steps N] [--list FILE] [--fonts FOLDER] FOLDER\n"
			"writes models, samples and pictures to FOLDER (which has a subfolder pictures), or compares with those in it\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"check", no_argument, NULL, 'c'}, {"seed", required_argument, NULL, 's'}, {"steps", required_argument, NULL, 'n'},
		{"list", required_argument, NULL, 'l'}, {"fonts", required_argument, NULL, 'f'}, {0},
	};
	struct job job = {.list = DIGITS_FONT_LIST, .folder = "/usr/share/fonts", .seed = 1, .steps = 6000};
	struct tfl_error error = {0};
	int option;

	while ((option = getopt_long(argc, argv, "cs:n:l:f:", longs, NULL)) >= 0) {
		if (option == 'c')
			job.product.check = true;
		else if (option == 's')
			job.seed = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			job.steps = atoi(optarg);
		else if (option == 'l')
			job.list = optarg;
		else if (option == 'f')
			job.folder = optarg;
		else
			return usage();
	}
	if (optind + 1 != argc || job.steps < 1)
		return usage();
	job.product.folder = argv[optind];
	if (run(&job, &error) < 0) {
		fprintf(stderr, "tfl-train-digits: %s\n", error.text);
		return 1;
	}
	printf("%u files %s, %u different\n", job.product.files, job.product.check ? "compared" : "written", job.product.different);
	return job.product.different > 0;
}
