/* SPDX-License-Identifier: MIT */
/*
 * Elementwise functions of one tensor. float32 is computed directly; int8 and uint8 go through a table of 256 results, made at load from
 * the same float function: exact to half a step, and fast.
 */
#ifndef RUNTIME_KERNEL_UNARY_H
#define RUNTIME_KERNEL_UNARY_H

#include "runtime/op.h"

typedef float (*tfl_unary_function)(float value);

/** Checks quantisation, sets the output's shape to the input's, makes the table. The table, or NULL for float32, is node->params. */
int tfl_unary_prepare(struct tfl_graph *graph, struct tfl_node *node, tfl_unary_function function, struct tfl_error *error);

int tfl_unary_run(const struct tfl_run *run, const struct tfl_node *node, tfl_unary_function function);

#endif
