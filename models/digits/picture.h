/* SPDX-License-Identifier: MIT */
/* 8-bit grey PNG pictures, without anything in them that changes from run to run. */
#ifndef DIGITS_PICTURE_H
#define DIGITS_PICTURE_H

#include <stddef.h>
#include <stdint.h>

/** Packs @p width x @p height grey values. *ret_data is malloc's. 0, -EIO when libpng fails, -ENOMEM. */
int picture_encode(int width, int height, const uint8_t *pixels, uint8_t **ret_data, size_t *ret_size);

/** Reads a PNG of any kind as grey values; *ret_pixels is malloc's. 0, -EIO when it is no PNG or cannot be read, -ENOMEM. */
int picture_read(const char *path, int *ret_width, int *ret_height, uint8_t **ret_pixels);

#endif
