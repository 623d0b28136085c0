/* SPDX-License-Identifier: MIT */
/*
 * Elementwise functions of two tensors with numpy's broadcasting and a fused activation.
 */
#ifndef RUNTIME_KERNEL_BINARY_H
#define RUNTIME_KERNEL_BINARY_H

#include <xnnpack.h>

#include "runtime/op.h"
#include "runtime/quant.h"
#include "runtime/shape.h"

struct tfl_lower;

struct tfl_binary {
	struct tfl_broadcast broadcast;
	struct tfl_range range;
	/* What quantised kernels make of the three scales; each operator fills in its own. */
	struct tfl_multiplier left, right, output;
};

/** Checks quantisation, sets the output's shape, fills in node->params (a struct tfl_binary) but for the multipliers. */
int tfl_binary_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error);

int tfl_binary_lower(struct tfl_lower *lower, const struct tfl_node *node, enum xnn_binary_operator operator);

/* The functions of one operator, per kind of element. A quantised one gets elements with the zero points taken off. */
struct tfl_binary_functions {
	float (*float32)(float left, float right);
	int32_t (*int32)(int32_t left, int32_t right);
	int32_t (*quantized)(const struct tfl_binary *binary, int32_t left, int32_t right);
};

int tfl_binary_run(const struct tfl_run *run, const struct tfl_node *node, const struct tfl_binary_functions *functions);

#endif
