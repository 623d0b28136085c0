/* SPDX-License-Identifier: MIT */
/*
 * Moving elements from one place to another: one strided copy behind every operator that slices, transposes, repeats, reverses, joins or
 * frames. No element is looked at, so types are sizes.
 */
#ifndef RUNTIME_KERNEL_MOVE_H
#define RUNTIME_KERNEL_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/op.h"

/* Repeating a tensor takes two dimensions for each of its own. */
#define TFL_MOVE_RANK_MAX (2 * TFL_RANK_MAX)

struct tfl_move_dim {
	size_t count;
	ptrdiff_t from, to; /* bytes from one position to the next */
};

/* A box of runs: bytes that lie together on both sides, and the dimensions around them. Offsets and strides are in bytes. */
struct tfl_move {
	size_t run;
	ptrdiff_t from_offset, to_offset;
	bool empty;
	unsigned rank;
	struct tfl_move_dim dims[TFL_MOVE_RANK_MAX]; /* the innermost first */
};

/** A move of one element of @p element bytes, from the start of one side to the start of the other. */
void tfl_move_init(struct tfl_move *move, size_t element);

/**
 * Puts a dimension around those that are there. A stride of 0 on the side that is read repeats it, a negative one walks backwards. What then
 * lies together becomes one run; at most TFL_MOVE_RANK_MAX dimensions of more than one position are left beside each other.
 */
void tfl_move_add(struct tfl_move *move, size_t count, ptrdiff_t from, ptrdiff_t to);

/** The two sides must not overlap where both are touched. */
void tfl_move_copy(const struct tfl_move *move, const void *from, void *to);

/** Bytes from one position of each dimension to the next in a dense tensor. */
void tfl_move_strides(const struct tfl_value *value, ptrdiff_t *ret_strides);

/**
 * A box of @p dims elements out of one dense tensor into another of the same rank and type. @p from_at and @p to_at say where it begins in
 * each; NULL: at the first element. The box lies inside of both.
 */
void tfl_move_box(struct tfl_move *move, const struct tfl_value *from, const int32_t *from_at, const struct tfl_value *to, const int32_t *to_at,
		  const int32_t *dims);

/** run() of an operator whose params begin with the move of its first input to its output. */
int tfl_move_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);

/** @p count copies of an element of @p size bytes, one behind the other. */
void tfl_fill(void *to, const void *element, size_t size, size_t count);

/** A whole tensor of elements that stand for 0: of zero points where it is quantised. */
void tfl_fill_zero(const struct tfl_value *value, void *to);

#endif
