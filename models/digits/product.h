/* SPDX-License-Identifier: MIT */
/* The files that a training ends in: the two models, the held-out samples, the pictures to try. */
#ifndef DIGITS_PRODUCT_H
#define DIGITS_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#include "models/digits/draw.h"
#include "models/digits/learn.h"
#include "tests/builder/random.h"

/* Where files go, or what they are compared with. */
struct product {
	const char *folder;
	bool check;          /* compare with what stands in folder, write nothing */
	unsigned files;      /* written or compared */
	unsigned different;  /* of these, not the same */
};

/** Draws @p label in font @p font as the network wants it, values in [0, 1]. 0 or what digit_draw() says. */
int product_sample(struct digit_fonts *fonts, unsigned font, int label, float distortion, struct tfl_random *random, float *ret_image);

/** The same with a random font and a random class. */
int product_random_sample(struct digit_fonts *fonts, float distortion, struct tfl_random *random, float *ret_image, int *ret_label);

/** digits-float32.tflite and digits-int8.tflite; ranges are observed on samples of @p fonts (those of the training). 0 or -errno. */
int product_models(struct product *product, const struct learner *learner, struct digit_fonts *fonts, uint64_t seed);

/** held-out.png: 500 samples of @p fonts, 25 side by side; the class of the n-th is n % 10. 0 or -errno. */
int product_held_out(struct product *product, struct digit_fonts *fonts, uint64_t seed);

/** pictures/: one digit each, large enough to look at, and one that is half a 4 and half a 9, for a doubtful answer. 0 or -errno. */
int product_pictures(struct product *product, struct digit_fonts *fonts, uint64_t seed);

#endif
