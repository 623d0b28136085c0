/* SPDX-License-Identifier: MIT */
/*
 * Shape arithmetic that operators share: sliding windows and broadcasting, with the rules of TensorFlow.
 */
#ifndef RUNTIME_SHAPE_H
#define RUNTIME_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
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

/**
 * Whether most of the window lies outside of the picture, wherever it stands. Our kernels do not go there; those of XNNPACK do, for a time that
 * tfl_window_work() does not know.
 */
bool tfl_window_is_outside(const struct tfl_window *window);

#define TFL_BROADCAST_MAX 3

/*
 * Two or three tensors brought to one shape, and the walk through it: in row-major order, in as few nested loops as there can be.
 * Dimensions of size 1 are left out of it, and neighbours that each tensor walks through in one stride, or not at all, are one loop. So the
 * innermost stride is always 1, or 0 for a tensor that repeats its element, and tensors of one shape are one loop.
 */
struct tfl_broadcast {
	unsigned rank;
	int32_t dims[TFL_RANK_MAX];
	unsigned loops; /* at least 1, the innermost is the last */
	size_t counts[TFL_RANK_MAX];
	size_t strides[TFL_BROADCAST_MAX][TFL_RANK_MAX]; /* in elements */
};

/* Where a walk stands; zeroed at the start. */
struct tfl_broadcast_at {
	size_t index[TFL_RANK_MAX];
	size_t offsets[TFL_BROADCAST_MAX]; /* of each tensor's element, where the innermost loop begins */
	size_t output;
};

/** numpy's broadcasting of @p count values. -EINVAL with the shapes of two that do not fit each other. */
int tfl_broadcast_init(struct tfl_broadcast *broadcast, const struct tfl_graph *graph, const struct tfl_node *node,
		       const struct tfl_value *const *values, unsigned count, struct tfl_error *error);

/** Moves on to the next run of the innermost loop; false past the last. */
bool tfl_broadcast_next(const struct tfl_broadcast *broadcast, struct tfl_broadcast_at *at);

/* A tensor seen along one axis: how many elements stand before the axis, along it and behind it, each a product of dimensions. */
struct tfl_along {
	size_t outer, size, inner;
};

/** Right for a tensor that is not empty; of an empty one the products may have wrapped. */
struct tfl_along tfl_along(const int32_t *dims, unsigned rank, unsigned axis);

/** An axis as in the options, negative counting from the end, as an index below @p rank; -1 when it is outside. */
int tfl_axis(int32_t axis, unsigned rank);

/** The axis of @p rank dimensions that a field of the options names, or the one element of a constant input. -EINVAL when it is outside. */
int tfl_option_axis(const struct tfl_graph *graph, const struct tfl_node *node, unsigned field, unsigned rank, unsigned *ret_axis,
		    struct tfl_error *error);
int tfl_const_axis(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, unsigned rank, unsigned *ret_axis,
		   struct tfl_error *error);

/** Which of @p rank dimensions the elements of a constant input name. -EINVAL when one is outside. */
int tfl_const_axes(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, unsigned rank, bool *ret_named,
		   struct tfl_error *error);

#endif
