/* SPDX-License-Identifier: MIT */
/*
 * Pictures as models want them: a PNG or JPEG file becomes 8-bit pixels, is resampled to the input's height and width, converted to its
 * channels and normalised into its element type.
 *
 * Lifetime: a tfl_picture is plain data that its owner finishes. Thread: no shared state.
 */
#ifndef CLIENT_PICTURE_H
#define CLIENT_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/tfl-types.h"

struct tfl_error;

/* Rows from the top, pixels from the left, channels interleaved (1: gray, 3: red, green, blue), 0 to 255, no padding. */
struct tfl_picture {
	uint32_t width;
	uint32_t height;
	uint32_t channels;
	uint8_t *pixels;
};

/**
 * Decodes PNG or JPEG bytes; which of the two is seen in the bytes. Transparent pixels are laid over black. 16 bits a channel are reduced
 * to 8. A photograph stands upright: it is turned as its Exif orientation says. Fills @p ret_picture, to be finished by the caller; on
 * failure it is untouched. Errors: -EINVAL for what is neither, or is damaged or cut short; -EFBIG past the limits; -ENOMEM.
 */
int tfl_picture_decode(const void *data, size_t size, struct tfl_picture *ret_picture, struct tfl_error *error);

/** Reads and decodes the file at @p path; the errors name it. Also what open and read say. */
int tfl_picture_read(const char *path, struct tfl_picture *ret_picture, struct tfl_error *error);

void tfl_picture_finish(struct tfl_picture *picture);

/** Brings a picture stored in Exif's @p orientation (1 to 8; another number is taken for 1) upright. -ENOMEM, the picture as it was. */
int tfl_picture_turn(struct tfl_picture *picture, unsigned orientation, struct tfl_error *error);

/** Keeps the largest rectangle around the middle that has the aspect ratio @p width : @p height, rounded to whole pixels, at least one. */
void tfl_picture_crop(struct tfl_picture *picture, uint32_t width, uint32_t height);

/**
 * Resamples to @p width x @p height (the aspect ratio is not kept) and converts to @p channels (1 or 3) into @p ret_values: height * width
 * * channels floats from 0 to 255. Along an axis that shrinks each value is the mean of the source's area under it; along one that
 * grows it is interpolated linearly between pixel centres, and the border is repeated. Gray is 0.299 R + 0.587 G + 0.114 B.
 * Errors: -EINVAL for a size of 0 or other channels, -ENOMEM.
 */
int tfl_picture_fit(const struct tfl_picture *picture, uint32_t width, uint32_t height, uint32_t channels, float *ret_values);

/* How a value x from 0 to 255 becomes an element. */
enum tfl_norm {
	TFL_NORM_AUTO,   /* float32: UNIT for one channel, SIGNED for three; 8-bit types: RAW */
	TFL_NORM_RAW,    /* x; int8 gets x - 128 */
	TFL_NORM_UNIT,   /* x / 255, as float32 */
	TFL_NORM_SIGNED, /* (x - 127.5) / 127.5, as float32 */
	TFL_NORM_MEAN,   /* (x - mean[channel]) / std[channel], as float32 */
};

struct tfl_picture_norm {
	enum tfl_norm norm;
	float mean[3]; /* for MEAN */
	float std[3];  /* for MEAN; not 0 */
};

/**
 * Normalises @p count values of @p channels interleaved channels for an input of type @p dtype. The result has the type
 * tfl_picture_element() names, and as many elements; @p ret_elements may be @p values.
 */
void tfl_picture_normalize(const struct tfl_picture_norm *how, enum tfl_dtype dtype, uint32_t channels, const float *values, size_t count,
			   void *ret_elements);

/** The type that tfl_picture_normalize() writes: @p dtype itself for raw 8-bit pixels, else float32 (which the daemon quantises). */
enum tfl_dtype tfl_picture_element(const struct tfl_picture_norm *how, enum tfl_dtype dtype);

#endif
