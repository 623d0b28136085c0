/* SPDX-License-Identifier: MIT */
/* Sliding windows as convolutions and pools draw them and as the definition counts them. */
#ifndef TESTS_RUNTIME_KERNEL_WINDOW_H
#define TESTS_RUNTIME_KERNEL_WINDOW_H

#include "tests/runtime/kernel_case.h"

/** Draws padding, strides, activation and, for convolutions, dilations into c->window; the kernel's size is there already. */
void kernel_draw_window(struct kernel_case *c, bool dilated);

/** A height or width of an input on which the kernel fits. */
int32_t kernel_draw_extent(struct kernel_case *c, int32_t kernel, int32_t dilation);

/** Output size, and how many rows or columns of padding stand before the input. */
int32_t kernel_slide(const struct kernel_case *c, int32_t input, int32_t kernel, int32_t stride, int32_t dilation, int32_t *ret_before);

#endif
