/* SPDX-License-Identifier: MIT */
/* What the rows of operators that only move elements share: drawing their input, and telling elements apart. */
#ifndef TESTS_RUNTIME_KERNEL_MOVEMENT_H
#define TESTS_RUNTIME_KERNEL_MOVEMENT_H

#include "tests/runtime/kernel_rows.h"

/** XNNPACK moves elements of this type. */
bool movement_is_known(const struct kernel_case *c);

/** Sizes of @p min_rank to @p max_rank dimensions, mostly small. Returns how many. */
unsigned movement_draw_dims(struct kernel_case *c, unsigned min_rank, unsigned max_rank, int32_t *ret_dims);

/** Input @p index, of the case's type and the output's scale; now and then a constant. Other outputs get the scale too. */
void movement_draw_input(struct kernel_case *c, unsigned index, unsigned rank, const int32_t *dims);

/** An element as a value to expect. */
struct kernel_element movement_element(const struct kernel_tensor *input, size_t from);

/** All elements of @p input in their order. */
void movement_refer_same(const struct kernel_tensor *input, struct kernel_expected *expected, unsigned rank, const int32_t *dims);

/** The axis, now and then counted from the end; and back. */
int32_t movement_draw_sign(struct kernel_case *c, int32_t axis, unsigned rank);
unsigned movement_axis(int32_t axis, unsigned rank);

#endif
