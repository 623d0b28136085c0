/* SPDX-License-Identifier: MIT */
/*
 * The reference of operators with a dynamic range: float32 inputs that are quantised to 8 bits while they run. Written from the definition,
 * in double: symmetric, the greatest magnitude becomes 127 or -127; asymmetric, the range with 0 in it becomes -128 to 127, and the
 * zero point is the whole number next to where 0 falls.
 */
#ifndef TESTS_RUNTIME_KERNEL_DYNAMIC_H
#define TESTS_RUNTIME_KERNEL_DYNAMIC_H

#include "tests/runtime/kernel_case.h"

struct kernel_dynamic {
	double scale;
	int64_t zero_point;
	double step; /* the greatest error of an input element, whether it is quantised in one way or in the other */
};

struct kernel_dynamic kernel_dynamic(const struct kernel_tensor *input, size_t first, size_t count, bool asymmetric);

/** The whole number that stands for an element, without the zero point. */
int64_t kernel_dynamic_element(const struct kernel_dynamic *dynamic, const struct kernel_tensor *input, size_t index);

#endif
