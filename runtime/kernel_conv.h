/* SPDX-License-Identifier: MIT */
/*
 * What CONV_2D and DEPTHWISE_CONV_2D share: a window, a filter with one or many scales, a bias, a fused activation; and the portable
 * kernel. Arithmetic and types: kernel_linear.h.
 */
#ifndef RUNTIME_KERNEL_CONV_H
#define RUNTIME_KERNEL_CONV_H

#include "runtime/kernel_linear.h"
#include "runtime/shape.h"

struct tfl_lower;

struct tfl_conv {
	struct tfl_window window;
	struct tfl_linear linear;
	bool depthwise; /* the filter is [1, height, width, out], and each output channel reads one of the input; else [out, height, width, in] */
	int32_t groups;
	int32_t group_input_channels;  /* input channels that one output channel reads */
	int32_t group_output_channels;
};

/* Where the operator's options have what both have; the padding is field 0. */
struct tfl_conv_fields {
	unsigned stride_w, stride_h, activation, dilation_w, dilation_h;
};

/**
 * Reads the options and checks shapes, bias and quantisation of a node whose groups and channels are filled in; sets the output's shape.
 * Input and filter have four dimensions.
 */
int tfl_conv_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_conv *conv, const struct tfl_conv_fields *fields,
		     struct tfl_error *error);

/* XNNPACK's ids of the operands. */
struct tfl_conv_ids {
	uint32_t input, filter, bias, output;
};

/** Defines the operands of a node for XNNPACK. 0, or 1 where it does not have it. */
int tfl_conv_lower_operands(struct tfl_lower *lower, const struct tfl_node *node, struct tfl_conv_ids *ret_ids);

int tfl_conv_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);

#endif
