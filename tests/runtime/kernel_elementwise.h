/* SPDX-License-Identifier: MIT */
/* Shapes and references that elementwise operators share: one input, or several that are broadcast to each other. */
#ifndef TESTS_RUNTIME_KERNEL_ELEMENTWISE_H
#define TESTS_RUNTIME_KERNEL_ELEMENTWISE_H

#include "tests/runtime/kernel_case.h"

/** One input of @p dtype and rank 0 to 6, perhaps a constant, and a quantisation of the output. */
void elementwise_draw_unary(struct kernel_case *c, enum tfl_dtype dtype);

/** The same with @p count inputs: the output's shape with dimensions of size 1 here and there, or without the first ones. */
void elementwise_draw_broadcast(struct kernel_case *c, enum tfl_dtype dtype, unsigned count);

/** Draws each element of an input of int32 or int64 anew, between two bounds. */
void elementwise_draw_integers(struct kernel_case *c, struct kernel_tensor *tensor, int32_t low, int32_t high);

/** Zero points of 0, as int16 wants them. */
void elementwise_make_symmetric(struct kernel_case *c);

/** The output is one function of real numbers, rounded where it is quantised. Errors are relative to it, or to 1 where it is less. */
void elementwise_refer_real(const struct kernel_case *c, struct kernel_expected *expected, double (*function)(double x));

/** Element @p index of the output, before it is held within the output's bounds, of the elements of the inputs that meet there. */
typedef struct kernel_element (*elementwise_function)(const struct kernel_case *c, const size_t *index);

void elementwise_refer(const struct kernel_case *c, struct kernel_expected *expected, elementwise_function function);

/** A quantised element with the zero point taken off. */
int64_t elementwise_centred(const struct kernel_tensor *tensor, size_t index);

/** @p value times @p factor in fixed point, with the output's zero point. */
struct kernel_element elementwise_rescaled(const struct kernel_case *c, int64_t value, double factor);

/** What is left of an integer in @p bits bits, two's complement; 64 at most. */
double elementwise_wrapped(int64_t value, unsigned bits);

#endif
