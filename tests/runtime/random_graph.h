/* SPDX-License-Identifier: MIT */
/*
 * Graphs of many operators from a seed: any value can be read by any later operator, all keep the shape of the input or come back to it,
 * so every wiring is valid. Operators that XNNPACK has and such that it has not stand side by side.
 */
#ifndef TESTS_RUNTIME_RANDOM_GRAPH_H
#define TESTS_RUNTIME_RANDOM_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tfl-types.h"
#include "tests/builder/builder.h"

/* Shape of every input and output: [batch, 4, 4, 4], inputs with a -1 for the batch in their signature. These are one picture's. */
#define RANDOM_GRAPH_ELEMENTS 64

struct random_graph {
	uint64_t seed;
	/* TFL_FLOAT32, or TFL_INT8: then only operators whose result is defined to the bit, all at one scale. */
	enum tfl_dtype dtype;
	int32_t batch;      /* 0: 1 */
	uint32_t operators; /* about as many */
	uint32_t inputs;    /* 1 to 4; not each need be read */
	uint32_t outputs;   /* 1 to 8; among them may be an input, and the same value twice */
};

/** The graph as a builder, to be finished by the caller. Out of memory is the builder's to report. */
struct tfl_builder *random_graph_build(const struct random_graph *wanted);

#endif
