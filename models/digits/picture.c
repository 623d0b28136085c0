/* SPDX-License-Identifier: MIT */
/*
 * libpng's simplified interface writes no time stamp and no text, so a picture's bytes depend on its pixels and on the libraries alone.
 */
#include "models/digits/picture.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>

int picture_encode(int width, int height, const uint8_t *pixels, uint8_t **ret_data, size_t *ret_size)
{
	png_image image = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = (png_uint_32)height,
			   .format = PNG_FORMAT_GRAY};
	png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
	uint8_t *data = malloc(size);

	if (!data)
		return -ENOMEM;
	if (!png_image_write_to_memory(&image, data, &size, 0, pixels, 0, NULL)) {
		free(data);
		return -EIO;
	}
	*ret_data = data;
	*ret_size = size;
	return 0;
}

int picture_read(const char *path, int *ret_width, int *ret_height, uint8_t **ret_pixels)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	uint8_t *pixels;

	if (!png_image_begin_read_from_file(&image, path))
		return -EIO;
	image.format = PNG_FORMAT_GRAY;
	pixels = malloc(PNG_IMAGE_SIZE(image));
	if (!pixels || !png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
		png_image_free(&image);
		free(pixels);
		return pixels ? -EIO : -ENOMEM;
	}
	*ret_width = (int)image.width;
	*ret_height = (int)image.height;
	*ret_pixels = pixels;
	return 0;
}
