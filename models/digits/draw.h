/* SPDX-License-Identifier: MIT */
/*
 * Draws digits from fonts, white on black, with the accidents of scanning and of handwriting: turned, slanted, stretched, seen at an
 * angle, bent, thick or thin, blurred, pale and noisy. The same random numbers, fonts and FreeType give the same pixels.
 */
#ifndef DIGITS_DRAW_H
#define DIGITS_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/builder/random.h"

#define DIGIT_SIZE 28
#define DIGIT_PIXELS (DIGIT_SIZE * DIGIT_SIZE)

struct tfl_error;
struct digit_fonts;

/**
 * Opens the fonts that @p list names for @p purpose ("train" or "held-out"): lines of purpose, package and path under @p folder. A font
 * that is missing is an error that names its package: other fonts would give another network. Destroyed by digit_fonts_destroy().
 */
int digit_fonts_open(const char *list, const char *folder, const char *purpose, struct digit_fonts **ret_fonts, struct tfl_error *error);
void digit_fonts_destroy(struct digit_fonts *fonts);

unsigned digit_fonts_count(const struct digit_fonts *fonts);
const char *digit_fonts_name(const struct digit_fonts *fonts, unsigned index);

/**
 * Draws @p digit (0 to 9) of font @p font into @p size x @p size grey values, 255 is white. @p distortion says how far the accidents may
 * go: 0 is a clean print, 1 what the network is trained on. @p size is DIGIT_SIZE or a multiple of it, for pictures that people look
 * at. 0, -EIO when FreeType fails, -ENOMEM.
 */
int digit_draw(struct digit_fonts *fonts, unsigned font, int digit, float distortion, struct tfl_random *random, int size,
	       uint8_t *ret_pixels);

#endif
