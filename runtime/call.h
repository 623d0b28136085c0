/* SPDX-License-Identifier: MIT */
/*
 * Calls of other subgraphs, for the operators that are made of them: loops, branches, initialisation, composites.
 *
 * What a node calls is a graph of its own, built for the shapes that the node hands over, and owned by the graph that calls; it becomes a
 * program and an interpreter with memory of its own, like any other. A subgraph that two nodes call is built twice. No subgraph may be
 * called while it runs; how deep calls go and how many graphs there are is bounded.
 */
#ifndef RUNTIME_CALL_H
#define RUNTIME_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/op.h"

/* Where a value is at the moment, and how large it is. */
struct tfl_place {
	const void *data;
	uint8_t rank;
	const int32_t *dims;
	size_t elements, bytes;
};

/* What a run may still take of a program's loops, and who may end it. */
struct tfl_run_control;
struct tfl_run_budget {
	const struct tfl_run_control *control; /* NULL: nobody */
	uint64_t iterations;                   /* of all loops together */
	uint64_t iterations_max;
	uint64_t work;                         /* elementary operations of what is called, or made while it runs */
	uint64_t work_max;
	uint64_t loop_ns;                      /* time from the first iteration … */
	uint64_t loop_end_ns;                  /* … to then; 0 before it */
};

/**
 * Builds the graph of a subgraph that @p node calls with its inputs from @p first on, as many as the subgraph has. Their shapes are given;
 * and the content of constants, where steady[i] (or steady is NULL), so that weights handed over stay weights. Where late[i] (NULL: nowhere)
 * the shape comes with each call. Charges the node for one run of it. @p ret_callee is its number, for the functions below.
 */
int tfl_call_prepare(struct tfl_graph *graph, const struct tfl_node *node, int32_t subgraph, uint32_t first, const bool *steady,
		     const bool *late, uint32_t *ret_callee, struct tfl_error *error);

/** Takes back all graphs that are called but for the first @p count. */
void tfl_call_discard(struct tfl_graph *graph, uint32_t count);

/** The value that is input or output @p index of what is called. */
struct tfl_value *tfl_callee_input(const struct tfl_graph *graph, uint32_t callee, uint32_t index);
struct tfl_value *tfl_callee_output(const struct tfl_graph *graph, uint32_t callee, uint32_t index);

/** Checks that it has so many outputs, and of the types that @p node's outputs have. */
int tfl_callee_check_outputs(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t callee, struct tfl_error *error);

bool tfl_same_shape(const struct tfl_value *a, const struct tfl_value *b);

/* While it runs. Memory of a late output under the shape that it gets now, or of any other output as it is. */
int tfl_run_resize(const struct tfl_run *run, const struct tfl_node *node, uint32_t output, unsigned rank, const int32_t *dims, void **ret_data,
		   struct tfl_error *error);

/** Copies a value of the calling graph to an input; an input that is a constant there is left alone. */
int tfl_call_give(const struct tfl_run *run, uint32_t callee, uint32_t index, const struct tfl_value *value, struct tfl_error *error);
int tfl_call_run(const struct tfl_run *run, uint32_t callee, struct tfl_error *error);

/** An output, valid until it is given an input again; and its copy into the node's output of that number, unless that is a constant. */
struct tfl_place tfl_call_result(const struct tfl_run *run, uint32_t callee, uint32_t index);
int tfl_call_take(const struct tfl_run *run, const struct tfl_node *node, uint32_t callee, uint32_t output, struct tfl_error *error);

/** Counts an iteration of a loop. -EXFULL when the budget is used up, -ECANCELED, -ETIME. */
int tfl_call_iterate(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);

#endif
