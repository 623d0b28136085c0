/* SPDX-License-Identifier: MIT */
/*
 * What RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR share: an input [N, H, W, C], a constant [2] with the new height and width, and the rule
 * by which an output coordinate becomes one of the input.
 */
#ifndef RUNTIME_KERNEL_RESIZE_H
#define RUNTIME_KERNEL_RESIZE_H

#include "runtime/op.h"

struct tfl_resize {
	int32_t input[2], output[2]; /* height, width */
	bool align_corners;          /* the centres of the corner pixels meet */
	bool half_pixel_centers;     /* coordinates are those of pixels' centres */
};

/** Checks the inputs and sets the output's shape. The two flags are fields @p field and the one behind it of the options. */
int tfl_resize_prepare(struct tfl_graph *graph, struct tfl_node *node, unsigned field, struct tfl_resize *resize, struct tfl_error *error);

/** Input pixels per output pixel along an axis (0: height, 1: width). */
float tfl_resize_scale(const struct tfl_resize *resize, unsigned axis);

/** @p position cut to 0 … @p size - 1, where it is no whole number towards 0. */
int32_t tfl_resize_index(float position, int32_t size);

#endif
