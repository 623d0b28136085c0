/* SPDX-License-Identifier: MIT */
/*
 * Shape arithmetic that operators share: sliding windows and broadcasting, with the rules of TensorFlow.
 */
#ifndef RUNTIME_SHAPE_H
#define RUNTIME_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct tfl_error;
struct tfl_graph;
struct tfl_node;
struct tfl_value;

/* A window sliding over the height and width of an NHWC tensor. */
struct tfl_window {
	int32_t kernel_height, kernel_width;
	int32_t stride_height, stride_width;
	int32_t dilation_height, dilation_width;
	int32_t input_height, input_width;
	int32_t output_height, output_width;
	int32_t pad_top, pad_bottom, pad_left, pad_right;
};

/**
 * Checks kernel, strides, dilations and padding (as in the options) and fills in sizes and padding. SAME: output = ceil(input / stride),
 * the padding split with the odd one at the end; VALID: ceil((input - effective kernel + 1) / stride).
 */
int tfl_window_init(struct tfl_window *window, const struct tfl_graph *graph, const struct tfl_node *node, int padding,
		    const struct tfl_value *input, struct tfl_error *error);

/** Elements of the window that lie inside the input, summed over all its positions: at most what it costs, for one channel of one picture. */
uint64_t tfl_window_work(const struct tfl_window *window);

/* Two tensors brought to one rank; a stride of 0 repeats a dimension of size 1. */
struct tfl_broadcast {
	unsigned rank;
	int32_t dims[TFL_RANK_MAX];
	int32_t strides[2][TFL_RANK_MAX]; /* in elements */
	bool elementwise;                 /* both have the output's shape */
};

/** numpy's broadcasting. -EINVAL with both shapes when they do not fit. */
int tfl_broadcast_init(struct tfl_broadcast *broadcast, const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *left,
		       const struct tfl_value *right, struct tfl_error *error);

/** An axis as in the options, negative counting from the end, as an index below @p rank; -1 when it is outside. */
int tfl_axis(int32_t axis, unsigned rank);

#endif
