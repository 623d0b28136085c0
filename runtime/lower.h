/* SPDX-License-Identifier: MIT */
/*
 * Lowering of nodes into one XNNPACK subgraph. The lower() functions of the operators see values as XNNPACK ids through
 * tfl_lower_value(), define their node and return; everything about partitions and weights is behind it.
 *
 * Lifetime: one for each run of nodes and each interpreter (XNNPACK rewrites a subgraph when it makes a runtime of it).
 */
#ifndef RUNTIME_LOWER_H
#define RUNTIME_LOWER_H

#include <stdbool.h>
#include <stdint.h>
#include <xnnpack.h>

#include "runtime/graph.h"

struct tfl_lower_block;
struct tfl_weights;
struct tfl_weights_use;

/* A float32 value in its form quantised at run time. */
struct tfl_lower_dynamic {
	uint32_t id;
	unsigned row_dims; /* trailing dimensions that share a scale; 0: not defined */
};

struct tfl_lower {
	const struct tfl_graph *graph;
	struct tfl_weights *weights;
	xnn_subgraph_t subgraph;
	uint32_t *ids;            /* per value: XNNPACK's id, or XNN_INVALID_VALUE_ID */
	struct tfl_lower_dynamic *dynamic; /* per value: see tfl_lower_dynamic_input() */
	const uint32_t *external; /* per value: external id within this subgraph, or TFL_NONE */
	const bool *writes;       /* per value: an external value that this subgraph writes */
	double *bytes;            /* see tfl_lower_bytes() */
	struct tfl_lower_block **blocks; /* see tfl_lower_alloc() */
};

/** The XNNPACK id of a value, defined when it is first asked for. 0, or 1 when XNNPACK has no such type or rank. */
int tfl_lower_value(struct tfl_lower *lower, const struct tfl_value *value, uint32_t *ret_id);

/** Ids of a node's first inputs and of its first output. */
int tfl_lower_values(struct tfl_lower *lower, const struct tfl_node *node, unsigned inputs, uint32_t *ret_inputs, uint32_t *ret_output);

/**
 * Adds the copy of a box out of one value into another of as many elements, whatever their ranks: @p begin and @p size have an element for each
 * dimension of @p from. The box is not empty and lies inside. 0, or 1: not in XNNPACK.
 */
int tfl_lower_slice(struct tfl_lower *lower, const struct tfl_value *from, const int32_t *begin, const int32_t *size, const struct tfl_value *to);

/**
 * Ids of filter and bias of a convolution or matrix product. The filter is a constant, per channel along @p channel_axis where it has
 * several scales; the bias may be left out. Nodes that would share packed weights although their quantisation differs are kept apart
 * here (see weights.h). 1: not in XNNPACK.
 *
 * @p rectified: multipliers per output channel of a quantised node whose activation cuts at 0, else NULL. The reference rounds twice, first
 * to the multiplier's last bit and then to the output's, so it rounds up from 0.5 - 2^-(shift + 1); XNNPACK rounds once. In units of the
 * accumulator that is 0.5 to 1, so adding 1 to the bias brings the two closer wherever results below 0 are cut off anyway: on
 * tflm_person_detect one element in 370 differed per layer, always by -1; with it one in 1,000, by +1.
 *
 * @p packing: what decides how this operator's weights are packed besides their shape, as a number; 0 for nothing.
 */
struct tfl_multiplier;
int tfl_lower_weights(struct tfl_lower *lower, const struct tfl_node *node, unsigned channel_axis, const struct tfl_multiplier *rectified,
		      uint32_t packing, uint32_t *ret_filter, uint32_t *ret_bias);

/**
 * 0 where @p low <= @p ratio < @p high, else 1. XNNPACK only asserts the ratios of scales that its arithmetic holds for: a release build
 * goes on and computes something else, a debug build aborts. So they are checked before anything is defined.
 */
int tfl_lower_ratio(float ratio, float low, float high);

/**
 * Counts what XNNPACK will take for a node besides its tensors (lists of pointers, as a rule): 0, or 1 where that of all nodes lowered so
 * far would outgrow the arena's limit.
 */
int tfl_lower_bytes(struct tfl_lower *lower, double bytes);

/** The same for a sliding window, which has a pointer for each tap of each place. */
struct tfl_window;
int tfl_lower_window(struct tfl_lower *lower, const struct tfl_window *window);

/** Memory for content of static values that need not outlive the making of the runtime, with XNNPACK's padding behind it; or NULL. */
void *tfl_lower_alloc(struct tfl_lower *lower, size_t size);
void tfl_lower_free(struct tfl_lower_block **blocks);

/*
 * float32 inputs and outputs, int8 weights. XNNPACK quantises the input of CONV_2D and FULLY_CONNECTED at run time, each row of it with a
 * scale and zero point of its own. @p scales are the filter's, one per output channel.
 */

/** The quantised form of a value, whose last dimensions of together @p row elements share a scale. 0, or 1 where no dimensions do. */
int tfl_lower_dynamic_input(struct tfl_lower *lower, const struct tfl_value *value, size_t row, uint32_t *ret_id);

/** Filter and bias for it; the channels are the filter's first dimension. The weights stay bytes. */
int tfl_lower_dynamic_weights(struct tfl_lower *lower, const struct tfl_node *node, const float *scales, uint32_t *ret_filter, uint32_t *ret_bias);

/** Filter and bias for operators that have it in float32 only: the filter's last dimension are the channels. */
int tfl_lower_dequantized_weights(struct tfl_lower *lower, const struct tfl_node *node, const float *scales, uint32_t *ret_filter,
				  uint32_t *ret_bias);

/* For the two files of lowering. */
void tfl_lower_describe_use(const struct tfl_lower *lower, const struct tfl_node *node, struct tfl_weights_use *ret_use);
unsigned tfl_lower_dims(const struct tfl_value *value, size_t *ret_dims);

/** xnn_status of a define function: 0, 1 for what XNNPACK does not have, -ENOMEM. */
int tfl_lower_status(enum xnn_status status);

#endif
