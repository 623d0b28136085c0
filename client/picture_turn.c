/* SPDX-License-Identifier: MIT */
/*
 * Moving whole pixels: a camera's orientation and cropping. Orientations are numbered as in Exif: 1 is upright; the other seven say which
 * side of the scene the first row and the first column of the stored picture are.
 */
#include "client/picture.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

/* How the upright picture is found in the stored one: first swapped along its diagonal, then mirrored along its own axes. */
static const struct turn {
	bool swapped, mirrored_x, mirrored_y;
} turns[] = {
	[1] = {false, false, false}, [2] = {false, true, false}, [3] = {false, true, true}, [4] = {false, false, true},
	[5] = {true, false, false},  [6] = {true, true, false},  [7] = {true, true, true},  [8] = {true, false, true},
};

int tfl_picture_turn(struct tfl_picture *picture, unsigned orientation, struct tfl_error *error)
{
	const struct turn *turn = orientation < TFL_ARRAY_SIZE(turns) ? &turns[orientation] : &turns[1];
	uint32_t width = turn->swapped ? picture->height : picture->width, height = turn->swapped ? picture->width : picture->height;
	size_t channels = picture->channels;
	uint8_t *pixels, *to;

	if (!turn->swapped && !turn->mirrored_x && !turn->mirrored_y)
		return 0;
	to = pixels = malloc((size_t)width * height * channels);
	if (!pixels)
		return tfl_error_set(error, -ENOMEM, "no memory to turn a picture of %u x %u pixels", picture->width, picture->height);
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++, to += channels) {
			size_t along = turn->mirrored_x ? width - 1 - x : x, down = turn->mirrored_y ? height - 1 - y : y;
			size_t from = turn->swapped ? along * picture->width + down : down * picture->width + along;

			memcpy(to, picture->pixels + from * channels, channels);
		}
	}
	free(picture->pixels);
	*picture = (struct tfl_picture){.width = width, .height = height, .channels = picture->channels, .pixels = pixels};
	return 0;
}

void tfl_picture_crop(struct tfl_picture *picture, uint32_t width, uint32_t height)
{
	uint64_t wide = (uint64_t)picture->width * height, tall = (uint64_t)picture->height * width;
	uint32_t kept_width = picture->width, kept_height = picture->height;
	size_t from_stride, to_stride, offset;

	assert(width > 0 && height > 0);
	if (wide > tall)
		kept_width = (uint32_t)((tall + height / 2) / height);
	else
		kept_height = (uint32_t)((wide + width / 2) / width);
	kept_width += kept_width == 0;
	kept_height += kept_height == 0;
	from_stride = (size_t)picture->width * picture->channels;
	to_stride = (size_t)kept_width * picture->channels;
	offset = (picture->height - kept_height) / 2 * from_stride + (size_t)((picture->width - kept_width) / 2) * picture->channels;
	for (uint32_t y = 0; y < kept_height; y++)
		memmove(picture->pixels + y * to_stride, picture->pixels + offset + y * from_stride, to_stride);
	picture->width = kept_width;
	picture->height = kept_height;
}
