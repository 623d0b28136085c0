/* SPDX-License-Identifier: MIT */
/* Short words for graphs that are built by hand. */
#ifndef TESTS_RUNTIME_BRIEF_H
#define TESTS_RUNTIME_BRIEF_H

#include "tests/builder/builder.h"

static inline int tensor(struct tfl_builder *b, enum tfl_dtype dtype, struct tfl_ints dims)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "t", .dtype = dtype, .dims = dims});
}

static inline int constant(struct tfl_builder *b, enum tfl_dtype dtype, struct tfl_ints dims, const void *data, size_t size)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "c", .dtype = dtype, .dims = dims, .data = data, .data_size = size});
}

static inline void op(struct tfl_builder *b, uint32_t code, struct tfl_ints inputs, struct tfl_ints outputs, struct tfl_build_options options)
{
	tfl_build_operator(b, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = outputs, .options = options});
}

static inline struct tfl_build_options none(void)
{
	return (struct tfl_build_options){0};
}

#endif
