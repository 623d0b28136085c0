/* SPDX-License-Identifier: MIT */
/*
 * Elementwise functions of one tensor. An operator of the family is a struct tfl_unary_kernel in its row's kernel field; prepare, lower and
 * run are the functions below.
 *
 * Elements that stand for themselves go through the operator's own loop. Quantised bytes go through a table of 256 results made at load,
 * quantised int16 through the operator's loop or through a table of 513 results, between which is interpolated. A table is made of the real
 * function, as TensorFlow Lite makes its own, or of a function of integers.
 */
#ifndef RUNTIME_KERNEL_UNARY_H
#define RUNTIME_KERNEL_UNARY_H

#include <xnnpack.h>

#include "runtime/op.h"
#include "runtime/quant.h"

struct tfl_unary;

/* Neither memory overlaps the other. */
typedef void (*tfl_unary_loop)(const struct tfl_unary *unary, const void *input, void *output, size_t count);

struct tfl_unary_kernel {
	tfl_unary_loop loops[TFL_DTYPE_COUNT]; /* by the input's type */
	tfl_unary_loop raw_int16;              /* of int16 without quantisation; NULL: it needs one */
	float (*real)(const struct tfl_unary *unary, float value);
	/* Gets an element with the zero point taken off and gives one without it; used before real. */
	int32_t (*quantized)(const struct tfl_unary *unary, int32_t value);
	/* Reads options, makes multipliers, checks what this operator asks for; NULL: nothing of the kind. */
	int (*setup)(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error);
	enum xnn_unary_operator xnnpack;
	union xnn_unary_params params; /* copied into struct tfl_unary before setup() */
	bool xnnpack_bytes; /* XNNPACK's results for bytes are within a step of these */
	bool (*xnnpack_fits)(const struct tfl_unary *unary, const struct tfl_value *from, const struct tfl_value *to); /* NULL: always */
};

/* A prepared node: its params. */
struct tfl_unary {
	const struct tfl_unary_kernel *kernel;
	tfl_unary_loop loop;
	const void *table;
	float input_scale, output_scale; /* 0 where elements stand for themselves */
	int32_t input_zero_point, output_zero_point;
	struct tfl_range range; /* of the output; setup() may narrow it */
	union xnn_unary_params params;
	struct tfl_multiplier multipliers[2]; /* each operator's own */
	bool flag;                            /* each operator's own */
};

int tfl_unary_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error);
int tfl_unary_lower(struct tfl_lower *lower, const struct tfl_node *node);
int tfl_unary_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);

/* The fields of their rows that all operators of the family share. */
#define TFL_UNARY_OP .inputs_min = 1, .inputs_max = 1, .outputs = 1, .prepare = tfl_unary_prepare, .run = tfl_unary_run

/* Defines a loop over elements of a type; function(unary, element) is inlined. */
#define TFL_UNARY_LOOP(name, type, function) \
	static void name(const struct tfl_unary *unary, const void *input, void *output, size_t count) \
	{ \
		const type *restrict in = input; \
		type *restrict out = output; \
\
		for (size_t i = 0; i < count; i++) \
			out[i] = function(unary, in[i]); \
	}

/* Defines a function of an int16 element for TFL_UNARY_LOOP from one of quantised elements. */
#define TFL_UNARY_INT16(name, quantized) \
	static inline int16_t name(const struct tfl_unary *unary, int16_t value) \
	{ \
		return (int16_t)tfl_unary_element(unary, quantized(unary, value - unary->input_zero_point)); \
	}

/** The output's element from a quantised result without zero point. */
static inline int32_t tfl_unary_element(const struct tfl_unary *unary, int32_t value)
{
	int64_t element = (int64_t)value + unary->output_zero_point;

	return element < unary->range.quantized_min   ? unary->range.quantized_min
	       : element > unary->range.quantized_max ? unary->range.quantized_max
						      : (int32_t)element;
}

#endif
