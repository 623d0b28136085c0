/* SPDX-License-Identifier: MIT */
/*
 * What operators with a state of their own share: products of a matrix, which is an input of the operator, and a vector, in the arithmetic
 * of kernel_linear.h; and activations that are more than clamps.
 */
#ifndef RUNTIME_KERNEL_RECURRENT_H
#define RUNTIME_KERNEL_RECURRENT_H

#include "runtime/kernel_linear.h"
#include "runtime/op.h"

/* One run of a node. */
struct tfl_recurrent {
	const struct tfl_run *run;
	const struct tfl_node *node;
	const struct tfl_arithmetic *arithmetic;
	bool asymmetric;   /* floats that are quantised are given a zero point */
	int32_t *sums;     /* scratch: an element for each row of the largest matrix */
	int8_t *quantized; /* scratch: an element for each column of the widest */
};

/* A vector in the form that is multiplied with weights. */
struct tfl_vector {
	const void *row;
	size_t count;
	float scale; /* of floats that were quantised */
};

/** Whether floats meet weights of bytes, and so are quantised first. */
bool tfl_recurrent_is_hybrid(const struct tfl_arithmetic *arithmetic);

/** Floats as a vector; @p row is scratch for as many elements, and is theirs while the vector is in use. */
struct tfl_vector tfl_recurrent_floats(const struct tfl_recurrent *recurrent, const float *values, size_t count, int16_t *row);

/** Bytes without their zero point. */
struct tfl_vector tfl_recurrent_bytes(const struct tfl_recurrent *recurrent, const int8_t *values, size_t count, int32_t zero_point,
				      int16_t *row);

/** sums += matrix * vector, the matrix being input @p input with @p rows rows. */
void tfl_recurrent_add(const struct tfl_recurrent *recurrent, const struct tfl_vector *vector, unsigned input, size_t rows, float *sums);

/** bias + matrix * vector of integers, into recurrent->sums. @p bias may be NULL. */
const int32_t *tfl_recurrent_multiply(const struct tfl_recurrent *recurrent, const struct tfl_vector *vector, unsigned input, size_t rows,
				      const int32_t *bias);

/** Refuses what tfl_recurrent_activate() does not know. */
int tfl_recurrent_check_activation(const struct tfl_graph *graph, const struct tfl_node *node, int activation, struct tfl_error *error);

/** A clamp, or TANH. @p to may be @p from. */
void tfl_recurrent_activate(int activation, const float *from, size_t count, float *to);

/** Parts of a run's scratch, one after the other: NULL where @p base is, so that the size can be found first. */
void *tfl_recurrent_place(void *base, size_t *used, size_t bytes);

static inline int16_t tfl_saturate16(int64_t value)
{
	return (int16_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
}

static inline int8_t tfl_saturate8(int64_t value)
{
	return (int8_t)(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
}

#endif
