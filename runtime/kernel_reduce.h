/* SPDX-License-Identifier: MIT */
/*
 * Reductions: all elements along some axes become one. What MEAN, SUM and the REDUCE_ operators share: reading the axes, shapes, and the
 * walk over the input; an operator adds how elements are folded (op_reduce.c).
 */
#ifndef RUNTIME_KERNEL_REDUCE_H
#define RUNTIME_KERNEL_REDUCE_H

#include <xnnpack.h>

#include "runtime/op.h"
#include "runtime/quant.h"

struct tfl_reduce;

/* Folding of one element type, by an accumulator for each output element. */
struct tfl_fold {
	enum tfl_dtype dtype;
	size_t accumulator_size;
	void (*fill)(void *accumulators, size_t count);
	/** @p count elements, one after the other, into one accumulator. */
	void (*row)(const struct tfl_reduce *reduce, const void *elements, size_t count, void *accumulator);
	/** @p count elements into as many accumulators. */
	void (*columns)(const struct tfl_reduce *reduce, const void *elements, size_t count, void *accumulators);
	void (*finish)(const struct tfl_reduce *reduce, const void *accumulators, size_t count, void *output);
};

struct tfl_reduce {
	const struct tfl_fold *fold;
	enum tfl_dtype dtype;
	bool reduced[TFL_RANK_MAX];
	bool keep_dims;
	int64_t count; /* elements behind each output element */
	/* Loops over the input in its own order, the last innermost: neighbouring axes that are reduced, or kept, are one. */
	unsigned loops;
	size_t counts[TFL_RANK_MAX];
	size_t strides[TFL_RANK_MAX]; /* in accumulators; 0: reduced */
	/* Of quantised tensors: what a fold makes of its accumulators. */
	struct tfl_multiplier multiplier;
	int32_t input_zero_point, output_zero_point;
	struct tfl_range range;
};

/** Makes node->params, a struct tfl_reduce, sets the output's shape and the scratch size. One of @p count folds has the input's type. */
int tfl_reduce_prepare(struct tfl_graph *graph, struct tfl_node *node, const struct tfl_fold *folds, size_t count, struct tfl_error *error);

int tfl_reduce_lower(struct tfl_lower *lower, const struct tfl_node *node, enum xnn_reduce_operator operator);
int tfl_reduce_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);

#endif
