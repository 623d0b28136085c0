/* SPDX-License-Identifier: MIT */
/*
 * Sums of products of input elements and weights, a bias, a fused activation: what CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED are made
 * of, in every combination of types that they take:
 *
 *	input    filter
 *	float32  float32      float sums
 *	int8     int8         32-bit sums, which wrap; brought to the output's scale by a fixed-point multiplier per channel
 *	uint8    uint8        the same
 *	int16    int8         64-bit sums with an int64 bias or none, 32-bit ones with an int32 bias; no zero points
 *	float32  int8, uint8  "dynamic range": the input is quantised to int8 first, a batch at a time, with a scale that suits it; 32-bit
 *	                      sums, scaled in float. uint8 is what old converters called the type; it holds int8 all the same.
 *
 * Semantics: TensorFlow Lite's reference kernels, bit for bit where all is integers.
 */
#ifndef RUNTIME_KERNEL_LINEAR_H
#define RUNTIME_KERNEL_LINEAR_H

#include "runtime/op.h"
#include "runtime/quant.h"

struct tfl_arithmetic;

struct tfl_linear {
	const struct tfl_arithmetic *arithmetic;
	struct tfl_range range;
	int32_t channels;                   /* of the output */
	struct tfl_multiplier *multipliers; /* per channel: input scale * filter scale / output scale; NULL for float32 outputs */
	float *scales;                      /* per channel, of the filter, in a dynamic range; else NULL */
	bool asymmetric;                    /* in a dynamic range the input is given a zero point */
	size_t batch;                       /* input elements that are quantised together */
	size_t row;                         /* input elements that are read at once, see tfl_arithmetic.read() */
};

/**
 * Checks bias and quantisation of a node (inputs: input, filter, bias or none), whose linear has channels, batch and row filled in. The
 * filter's scales run along @p axis. Sets scratch_bytes of the node.
 */
int tfl_linear_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_linear *linear, unsigned axis, int activation,
		       struct tfl_error *error);

/** The arithmetic of these types, for kernels that do the rest themselves. Not NULL for those in the table above. */
const struct tfl_arithmetic *tfl_arithmetic_of(enum tfl_dtype input, enum tfl_dtype filter);

/* One run of a node. */
struct tfl_linear_run {
	const struct tfl_linear *linear;
	const void *filter, *bias;
	bool wide;             /* int16 with 64-bit sums */
	int32_t input_zero_point, filter_zero_point, output_zero_point;
	float input_scale;     /* in a dynamic range: of this batch */
	int8_t *quantized;     /* scratch for a batch */
	void *row;             /* scratch for what is read */
	void *sums;            /* one per channel */
};

void tfl_linear_begin(const struct tfl_run *run, const struct tfl_node *node, const struct tfl_linear *linear, struct tfl_linear_run *ret_run);

/** The batch's elements as read() and spread() take them: @p input itself, or quantised. */
const void *tfl_linear_batch(struct tfl_linear_run *run, const void *input);

/* The steps of one kind. Sums are added to; their type is the kind's own, as that of a row is. */
struct tfl_arithmetic {
	enum tfl_dtype input, filter;
	unsigned input_size;  /* bytes of an element as tfl_linear_batch() gives it */
	unsigned filter_size;
	unsigned row_size;
	unsigned sum_size;
	unsigned output_size;
	/** Elements into a row: in the form that multiplies fast, without their zero point. */
	void (*read)(const struct tfl_linear_run *run, const void *elements, size_t count, void *row);
	/** sums[c] += row * weights[c], for each of @p channels rows of weights that lie @p stride elements apart. */
	void (*dot)(const struct tfl_linear_run *run, const void *row, size_t count, const void *weights, size_t stride, size_t channels,
		    void *sums);
	/** sums[c * multiplier + m] += elements[c] * weights[c * multiplier + m], for each of @p count elements. */
	void (*spread)(const struct tfl_linear_run *run, const void *elements, size_t count, const void *weights, size_t multiplier, void *sums);
	/** run->sums, one per channel of the output, to its elements: bias, scale, activation. */
	void (*finish)(const struct tfl_linear_run *run, void *output);
};

#endif
