/* SPDX-License-Identifier: MIT */
/* Operators whose inputs have another size than the file says. */
#ifndef TESTS_RUNTIME_KERNEL_RESIZED_H
#define TESTS_RUNTIME_KERNEL_RESIZED_H

#include "tests/runtime/kernel_case.h"

/**
 * Draws @p count cases of one type, and writes files with other rows for them (one, or one more). Where the file can be loaded, inputs get the
 * drawn size by being resized, and must give what the reference says, with XNNPACK and without. How many were checked so; ends the test at
 * the first difference.
 */
unsigned kernel_resize(const struct kernel_row *row, char type, unsigned count);

#endif
