/* SPDX-License-Identifier: MIT */
/* Cases of the operators' tests with one thing in them gone wrong, as in a file that means harm. */
#ifndef TESTS_RUNTIME_KERNEL_ATTACK_H
#define TESTS_RUNTIME_KERNEL_ATTACK_H

#include "tests/runtime/kernel_case.h"

/**
 * Draws @p count cases, damages each in one way, and demands that the runtime refuses it with a sentence or computes what the definition
 * says; with XNNPACK and without alike.
 */
void kernel_attack(const struct kernel_row *row, char type, unsigned count);

/** The same with one dimension of one input set to 0: all of them in turn, in each of @p count cases. */
void kernel_empty(const struct kernel_row *row, char type, unsigned count);

#endif
