/* SPDX-License-Identifier: MIT */
/*
 * Elementwise functions of two tensors with numpy's broadcasting. An operator of the family is a struct tfl_binary_kernel in its row's
 * kernel field; prepare, lower and run are the functions below.
 */
#ifndef RUNTIME_KERNEL_BINARY_H
#define RUNTIME_KERNEL_BINARY_H

#include <xnnpack.h>

#include "runtime/op.h"
#include "runtime/quant.h"
#include "runtime/shape.h"

struct tfl_binary;

/* A run of @p count elements of the output. A side moves on with them where its step is 1, and repeats one element where it is 0. */
typedef void (*tfl_binary_loop)(const struct tfl_binary *binary, const void *left, const void *right, void *output, size_t count,
				size_t left_step, size_t right_step);

struct tfl_binary_kernel {
	tfl_binary_loop loops[TFL_DTYPE_COUNT]; /* by the inputs' type */
	tfl_binary_loop raw_int16;              /* of int16 without quantisation; NULL: it needs one */
	bool raw;                               /* no element needs a quantisation */
	bool activation;                        /* the options begin with a fused one */
	/* Makes multipliers, checks what this operator asks for; NULL: nothing of the kind. Broadcasting and range are known. */
	int (*setup)(struct tfl_graph *graph, struct tfl_node *node, struct tfl_binary *binary, struct tfl_error *error);
	enum xnn_binary_operator xnnpack;
	/* Of quantised bytes: whether XNNPACK's arithmetic holds for these scales. NULL: it has only a slow way through float32. */
	bool (*xnnpack_fits)(const struct tfl_value *left, const struct tfl_value *right, const struct tfl_value *output);
};

/* A prepared node: its params. */
struct tfl_binary {
	struct tfl_broadcast broadcast;
	tfl_binary_loop loop;
	struct tfl_range range;
	int64_t low, high; /* the activation's bounds for int32 and int64 */
	int32_t left_zero_point, right_zero_point, output_zero_point;
	/* What quantised loops make of the three scales; each operator's own. */
	struct tfl_multiplier left, right, output;
};

int tfl_binary_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error);
int tfl_binary_lower(struct tfl_lower *lower, const struct tfl_node *node);
int tfl_binary_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);

/** The operands' scales are such that XNNPACK adds them: each 2^-10 to 2^8 times the output's. */
bool tfl_binary_adds(const struct tfl_value *left, const struct tfl_value *right, const struct tfl_value *output);

/* The fields of their rows that all operators of the family share. */
#define TFL_BINARY_OP .inputs_min = 2, .inputs_max = 2, .outputs = 1, .prepare = tfl_binary_prepare, .run = tfl_binary_run

/* Defines a loop from elements of one type to elements of another; function(binary, left, right) is inlined. */
#define TFL_BINARY_LOOP(name, from, to, function) \
	static void name(const struct tfl_binary *binary, const void *left, const void *right, void *output, size_t count, \
			 size_t left_step, size_t right_step) \
	{ \
		const from *restrict a = left, *restrict b = right; \
		to *restrict out = output; \
\
		if (left_step && right_step) { \
			for (size_t i = 0; i < count; i++) \
				out[i] = function(binary, a[i], b[i]); \
		} else if (left_step) { \
			for (size_t i = 0; i < count; i++) \
				out[i] = function(binary, a[i], b[0]); \
		} else { \
			for (size_t i = 0; i < count; i++) \
				out[i] = function(binary, a[0], b[i * right_step]); \
		} \
	}

/* Defines the loops of the three quantised types; function(binary, left, right) gets elements as they are and gives one. */
#define TFL_BINARY_QUANTIZED_LOOPS(name, function) \
	TFL_BINARY_LOOP(name##_int8s, int8_t, int8_t, function) \
	TFL_BINARY_LOOP(name##_uint8s, uint8_t, uint8_t, function) \
	TFL_BINARY_LOOP(name##_int16s, int16_t, int16_t, function)

/* An activation on an element that stands for itself, and a quantised result without zero point as an element of the output. */
static inline float tfl_binary_float32(const struct tfl_binary *binary, float value)
{
	return value < binary->range.min ? binary->range.min : value > binary->range.max ? binary->range.max : value;
}

static inline int64_t tfl_binary_integer(const struct tfl_binary *binary, int64_t value)
{
	return value < binary->low ? binary->low : value > binary->high ? binary->high : value;
}

static inline int32_t tfl_binary_element(const struct tfl_binary *binary, int32_t value)
{
	int64_t element = (int64_t)value + binary->output_zero_point;

	return element < binary->range.quantized_min   ? binary->range.quantized_min
	       : element > binary->range.quantized_max ? binary->range.quantized_max
						       : (int32_t)element;
}

#endif
