/* SPDX-License-Identifier: MIT */
/*
 * What CONV_2D and DEPTHWISE_CONV_2D share: a window, a filter with one or many scales, a bias, a fused activation; and the portable
 * kernel, which treats both as a grouped convolution.
 *
 * Semantics: TensorFlow Lite's reference kernels. int8 and uint8 accumulate in 32 bits, (x - x zero point) * (w - w zero point) + bias,
 * and are brought to the output's scale by a fixed-point multiplier per output channel.
 */
#ifndef RUNTIME_KERNEL_CONV_H
#define RUNTIME_KERNEL_CONV_H

#include "runtime/graph.h"
#include "runtime/op.h"
#include "runtime/quant.h"
#include "runtime/shape.h"

struct tfl_lower;

struct tfl_conv {
	struct tfl_window window;
	struct tfl_range range;
	int32_t groups;
	int32_t group_input_channels;  /* input channels that one output channel reads */
	int32_t group_output_channels;
	int32_t output_channels;
	/* Elements between neighbours in the filter: CONV_2D is [out, height, width, in], DEPTHWISE_CONV_2D [1, height, width, out]. */
	int32_t filter_output_stride, filter_pixel_stride;
	struct tfl_multiplier *multipliers; /* per output channel; NULL for float32 */
};

/* Where the operator's options have what both have; the padding is field 0. */
struct tfl_conv_fields {
	unsigned stride_w, stride_h, activation, dilation_w, dilation_h;
};

/**
 * Reads the options and checks shapes, bias and quantisation of a node whose groups and channels are filled in; sets the output's shape.
 * Input and filter have four dimensions; the filter's scales run along @p channel_axis.
 */
int tfl_conv_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_conv *conv, unsigned channel_axis,
		     const struct tfl_conv_fields *fields, struct tfl_error *error);

/* XNNPACK's ids of the operands. */
struct tfl_conv_ids {
	uint32_t input, filter, bias, output;
};

/** Defines the operands of a node for XNNPACK. 0, or 1 where it does not have it. */
int tfl_conv_lower_operands(struct tfl_lower *lower, const struct tfl_node *node, unsigned channel_axis, struct tfl_conv_ids *ret_ids);

int tfl_conv_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);

/**
 * Checks a bias of @p channels elements and the filter's scales along @p axis, and makes the multipliers input scale * filter scale /
 * output scale; NULL for float32. Shared with FULLY_CONNECTED.
 */
int tfl_conv_multipliers(struct tfl_graph *graph, struct tfl_node *node, int32_t channels, unsigned axis, struct tfl_multiplier **ret_multipliers,
			 struct tfl_error *error);

#endif
