/* SPDX-License-Identifier: MIT */
/*
 * The foremost of many, in order: what TOPK_V2 and the post-processing of detections have in common.
 *
 * Elements are known by their index; a function says which of two comes before the other. Where it says neither of neither (equal scores),
 * the order is that of TensorFlow Lite, which calls std::partial_sort: its heap is followed step by step, as the GNU library builds it.
 * Whatever the function says, even when it contradicts itself (NaN), nothing is read or written outside.
 */
#ifndef RUNTIME_KERNEL_TOP_H
#define RUNTIME_KERNEL_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Whether element @p a of @p values comes before element @p b. */
typedef bool (*tfl_before)(const void *values, int32_t a, int32_t b);

/* A binary heap of indices; at its root is the one that comes last. With a function turned round it is a queue that gives the foremost. */
struct tfl_heap {
	const void *values;
	tfl_before before;
	int32_t *indices;
	size_t count;
};

/** Makes a heap of what stands in heap->indices. */
void tfl_heap_make(struct tfl_heap *heap);

/** Takes the root out; count must be at least 1. */
int32_t tfl_heap_pop(struct tfl_heap *heap);

/** The @p top foremost of elements 0 to @p count - 1, in order. @p top is at most @p count, and what @p ret_indices has room for. */
void tfl_top(const void *values, size_t count, size_t top, tfl_before before, int32_t *ret_indices);

/** Greater floats before smaller ones; equal ones in no order, or (stable) the lower index first. */
bool tfl_before_float32(const void *values, int32_t a, int32_t b);
bool tfl_before_float32_stable(const void *values, int32_t a, int32_t b);

#endif
