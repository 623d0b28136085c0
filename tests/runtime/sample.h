/* SPDX-License-Identifier: MIT */
/*
 * Models that the tests of the model layer open: one with everything that a file can hold, and one below the builder's level, with the
 * parts of the format that only other writers use. All functions end the test when there is no memory.
 */
#ifndef TESTS_RUNTIME_SAMPLE_H
#define TESTS_RUNTIME_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/builder/builder.h"

/* Tensors of the model with everything. */
enum {
	SAMPLE_IMAGE,
	SAMPLE_WEIGHTS,
	SAMPLE_BIAS,
	SAMPLE_CONVOLVED,
	SAMPLE_NEW_SHAPE,
	SAMPLE_FLAT,
	SAMPLE_LONGS,
	SAMPLE_STATE,
	SAMPLE_STRINGS,
	SAMPLE_NIBBLES,
	SAMPLE_EMPTY,
	SAMPLE_SCRATCH,
	SAMPLE_SPARSE,
	SAMPLE_RESULT,
	SAMPLE_TENSORS
};

/** CONV_2D, RESHAPE, a custom operator; a second subgraph, a signature, metadata, labels. The caller frees the bytes. */
uint8_t *sample_everything(size_t *ret_size);

/** Finishes a builder of the caller's, which is destroyed. */
uint8_t *sample_finish(struct tfl_builder *builder, size_t *ret_size);

/* One operator over a float input and a quantised int8 constant [2, 2]. Zero fields are left as the defaults say. */
struct raw_model {
	int8_t deprecated_code;
	int32_t builtin_code;
	uint64_t buffer_offset;  /* not 0: the constant lies there, see Buffer.offset */
	uint64_t buffer_size;
	uint64_t options_offset; /* large_custom_options */
	uint64_t options_size;
	bool misplaced_options;  /* both unions of options at once */
	bool no_codes;           /* the vector of operator codes is empty */
	uint32_t zero_points;    /* how many the constant has; each is 5 */
	uint32_t tensor_uses;    /* how often the vector of tensors has the output at its end, besides once */
	uint32_t operator_uses;  /* the same for the operator */
	uint32_t subgraph_uses;  /* and the subgraph */
	uint32_t tail;           /* bytes behind the FlatBuffer: 0, 1, 2, ... */
};

uint8_t *sample_raw(const struct raw_model *raw, size_t *ret_size);

#endif
