/* SPDX-License-Identifier: MIT */
/* What AVERAGE_POOL_2D, L2_POOL_2D and MAX_POOL_2D share: options, shapes, and the walk over the windows. */
#ifndef RUNTIME_KERNEL_POOL_H
#define RUNTIME_KERNEL_POOL_H

#include "runtime/op.h"
#include "runtime/quant.h"
#include "runtime/shape.h"

struct tfl_pooling {
	struct tfl_window window;
	struct tfl_range range;
	int32_t channels;
};

/** Reads the options into node->params (a struct tfl_pooling), sets the output's shape and scratch for one accumulator per channel. */
int tfl_pooling_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error);

/** The operands of the node in an XNNPACK subgraph. 0, or 1 where it has no such window. */
int tfl_pooling_lower_operands(struct tfl_lower *lower, const struct tfl_node *node, uint32_t *ret_input, uint32_t *ret_output);

/* A window cut to the input: rows and columns [first, end). Never empty. */
struct tfl_pooling_place {
	int32_t first_row, end_row, first_column, end_column;
};

/** Reduces one window of @p input (one picture) into @p output (one pixel); @p scratch has a 4-byte accumulator per channel. */
typedef void (*tfl_pooling_function)(const struct tfl_pooling *pooling, const struct tfl_pooling_place *place, const void *input, void *scratch,
				     void *output);

int tfl_pooling_run(const struct tfl_run *run, const struct tfl_node *node, tfl_pooling_function function, struct tfl_error *error);

#endif
