/* SPDX-License-Identifier: MIT */
/* A model that is called in several ways: with its program and one interpreter. Failure ends the test. */
#ifndef TESTS_RUNTIME_SUBJECT_H
#define TESTS_RUNTIME_SUBJECT_H

#include "tests/runtime/scene.h"

struct subject {
	struct scene scene;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
	const struct tfl_entry *entries;
	uint32_t count; /* of entries */
};

/** Finishes and destroys @p builder. */
void subject_open(struct subject *subject, struct tfl_builder *builder, const struct tfl_program_options *options);
void subject_close(struct subject *subject);

/** An input "x" of float32 whose size is up to whoever calls. */
int subject_input(struct tfl_builder *builder, struct tfl_ints dims, struct tfl_ints signature);

/** The part of an interpreter, or of one of its entries, with inputs of these shapes. */
struct tfl_interpreter *subject_resize(struct tfl_interpreter *interpreter, const struct tfl_io_shape *shapes);

#endif
