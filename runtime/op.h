/* SPDX-License-Identifier: MIT */
/*
 * An operator: one row of the table in ops.c, implemented in one file op_*.c.
 *
 * prepare() checks what the graph builder has not checked (shapes, options, quantisation), keeps what it read in node->params and sets
 * the shapes of all outputs. lower() adds the operator to an XNNPACK subgraph. run() is the portable kernel; every operator has one,
 * because XNNPACK knows only some of the types, ranks and parameters.
 */
#ifndef RUNTIME_OP_H
#define RUNTIME_OP_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/graph.h"
#include "runtime/schema.h"

struct tfl_error;
struct tfl_interpreter;
struct tfl_lower;
struct tfl_run_budget;
struct tfl_state;

/* One run of the graph as kernels see it: where each value lies. */
struct tfl_run {
	const struct tfl_graph *graph;
	void *const *data; /* per value index; constants are not in it */
	void *scratch;     /* node->scratch_bytes, 64-aligned */
	struct tfl_state *state;             /* for operators that are stateful; NULL at load, as what follows */
	struct tfl_interpreter *interpreter; /* for those that call others, see call.h */
	struct tfl_run_budget *budget;
};

/**
 * For kernels that may take long, in an outer loop: 0, or why the run is to end (-ECANCELED, -ETIME, -EXFULL); then it returns that. It reads
 * the clock where the request has a deadline, so that rows which may be short are worth one look in TFL_RUN_CHECK_ROWS.
 */
int tfl_run_check(const struct tfl_run *run, struct tfl_error *error);
#define TFL_RUN_CHECK_ROWS 16

/* What operators with weights read, whichever of their inputs that is. */
enum tfl_operand { TFL_OPERAND_INPUT, TFL_OPERAND_FILTER, TFL_OPERAND_BIAS, TFL_OPERANDS };

struct tfl_op {
	uint16_t code;      /* enum tfl_builtin; TFL_BUILTIN_CUSTOM: found by its name */
	uint8_t options;    /* the schema's union tag; TFL_OPTIONS_NONE: reads none */
	uint8_t inputs_min;
	uint8_t inputs_max; /* 0: any number */
	uint32_t optional;  /* bits: inputs that may be left out although inputs_min counts them */
	uint8_t outputs;    /* 0: any number */
	int32_t max_version;
	const char *name; /* the schema's, or the custom operator's own */
	/*
	 * Accepted types, patterns separated by blanks, a letter a tensor: f float32, h float16, b int8, B uint8, s int16, i int32, l int64,
	 * z bool, c complex64, r resource, T any type of fixed size (the same throughout the pattern), # any type of fixed size, N int32 or
	 * int64, . any; '*': as many of the letter before as there are; ':' stands before the outputs. An optional input left out matches any letter.
	 */
	const char *types;
	/*
	 * It reads and writes what outlives a run: the variable tensors among its inputs, resources. It is never computed at load, runs though
	 * nobody reads its outputs, and in the file's order among its like. Any other operator may read a variable, or write one as its output.
	 */
	bool stateful;
	bool from_shapes; /* its outputs follow from the shapes of its inputs alone: it is computed at load, and run() reads no input */
	/* By the options: what is known of a form that has no kernel, or NULL. Asked before inputs are counted. NULL: there are none. */
	const char *(*foreign)(const struct tfl_operator *source);
	int (*prepare)(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error);
	/* 0, or 1: XNNPACK does not have it in this form (then run() is used). NULL: never. */
	int (*lower)(struct tfl_lower *lower, const struct tfl_node *node);
	int (*run)(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);
	/* Whether XNNPACK, once it has packed this constant input of a lowered node, never looks at it again. NULL: it does. */
	bool (*packed)(const struct tfl_node *node, uint32_t input);
	const void *kernel; /* what a family's shared functions work with: the header of the family says what */
	uint8_t operands[TFL_OPERANDS]; /* of operators with weights: the inputs; all 0: in their order */
};

/** The row of an operator, or NULL. @p custom_name: of a custom one, else NULL. */
const struct tfl_op *tfl_op_find(uint16_t code, const char *custom_name);

/** Row @p index of the table, or NULL past its end. */
const struct tfl_op *tfl_op_at(unsigned index);

/** Whether the node's tensors match one of the op's type patterns. */
bool tfl_op_types_match(const struct tfl_op *op, const struct tfl_graph *graph, const struct tfl_node *node);

/* The rows. */
#define TFL_OPS(X) \
	X(abs) \
	X(add) \
	X(arg_max) \
	X(arg_min) \
	X(assign_variable) \
	X(atan2) \
	X(average_pool_2d) \
	X(batch_matmul) \
	X(batch_to_space_nd) \
	X(broadcast_to) \
	X(call_once) \
	X(cast) \
	X(ceil) \
	X(complex_abs) \
	X(concatenation) \
	X(conv_2d) \
	X(convolution_2d_transpose_bias) \
	X(cos) \
	X(cumsum) \
	X(densify) \
	X(depth_to_space) \
	X(depthwise_conv_2d) \
	X(dequantize) \
	X(detection_post_process) \
	X(div) \
	X(dynamic_update_slice) \
	X(elu) \
	X(embedding_lookup) \
	X(equal) \
	X(exp) \
	X(expand_dims) \
	X(fill) \
	X(floor) \
	X(floor_div) \
	X(floor_mod) \
	X(fully_connected) \
	X(gather) \
	X(gather_nd) \
	X(gelu) \
	X(greater) \
	X(greater_equal) \
	X(hard_swish) \
	X(if) \
	X(l2_normalization) \
	X(l2_pool_2d) \
	X(leaky_relu) \
	X(less) \
	X(less_equal) \
	X(local_response_normalization) \
	X(log) \
	X(log_softmax) \
	X(logical_and) \
	X(logical_not) \
	X(logical_or) \
	X(logistic) \
	X(lstm) \
	X(max_pool_2d) \
	X(max_pooling_with_argmax_2d) \
	X(max_unpooling_2d) \
	X(maximum) \
	X(mean) \
	X(minimum) \
	X(mirror_pad) \
	X(mul) \
	X(neg) \
	X(not_equal) \
	X(one_hot) \
	X(pack) \
	X(pad) \
	X(padv2) \
	X(pow) \
	X(prelu) \
	X(quantize) \
	X(range) \
	X(rank) \
	X(read_variable) \
	X(reduce_all) \
	X(reduce_any) \
	X(reduce_max) \
	X(reduce_min) \
	X(reduce_prod) \
	X(relu) \
	X(relu6) \
	X(relu_0_to_1) \
	X(relu_n1_to_1) \
	X(reshape) \
	X(resize_bilinear) \
	X(resize_nearest_neighbor) \
	X(reverse_v2) \
	X(rfft2d) \
	X(round) \
	X(rsqrt) \
	X(scatter_nd) \
	X(select) \
	X(select_v2) \
	X(shape) \
	X(sign) \
	X(sin) \
	X(slice) \
	X(softmax) \
	X(space_to_batch_nd) \
	X(space_to_depth) \
	X(split) \
	X(split_v) \
	X(sqrt) \
	X(square) \
	X(squared_difference) \
	X(squeeze) \
	X(stablehlo_composite) \
	X(strided_slice) \
	X(sub) \
	X(sum) \
	X(svdf) \
	X(tanh) \
	X(tile) \
	X(topk_v2) \
	X(transpose) \
	X(transpose_conv) \
	X(unidirectional_sequence_lstm) \
	X(unpack) \
	X(var_handle) \
	X(where) \
	X(while) \
	X(zeros_like)

#define X(name) extern const struct tfl_op tfl_op_##name;
TFL_OPS(X)
#undef X

static inline uint32_t tfl_op_operand(const struct tfl_op *op, enum tfl_operand operand)
{
	bool ordered = op->operands[TFL_OPERAND_INPUT] == op->operands[TFL_OPERAND_FILTER];

	return ordered ? operand : op->operands[operand];
}

/** The input that is that operand; NULL for a bias left out. */
static inline struct tfl_value *tfl_node_operand(const struct tfl_graph *graph, const struct tfl_node *node, enum tfl_operand operand)
{
	return tfl_node_input(graph, node, tfl_op_operand(node->op, operand));
}

/* For kernels: memory of an input (constant or computed; NULL when left out) and of an output. */
static inline const void *tfl_run_value(const struct tfl_run *run, const struct tfl_value *value)
{
	return !value ? NULL : value->data ? value->data : run->data[value - run->graph->values];
}

static inline const void *tfl_run_input(const struct tfl_run *run, const struct tfl_node *node, uint32_t index)
{
	return tfl_run_value(run, tfl_node_input(run->graph, node, index));
}

static inline const void *tfl_run_operand(const struct tfl_run *run, const struct tfl_node *node, enum tfl_operand operand)
{
	return tfl_run_input(run, node, tfl_op_operand(node->op, operand));
}

/* The memory of a variable tensor, value->variable, that is an input of a stateful operator: what is there now, and what is to be there next. */
static inline void *tfl_run_variable(const struct tfl_run *run, const struct tfl_node *node, uint32_t index)
{
	return run->data[node->source->inputs[index]];
}

static inline void *tfl_run_output(const struct tfl_run *run, const struct tfl_node *node, uint32_t index)
{
	return run->data[node->source->outputs[index]];
}

#endif
