/* SPDX-License-Identifier: MIT */
/*
 * A graph out of the builder as a file in memory and a verified model over it, and what tests of the back half make of that: programs and
 * interpreters. Unless a function says otherwise, failure ends the test.
 */
#ifndef TESTS_RUNTIME_SCENE_H
#define TESTS_RUNTIME_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "tests/builder/builder.h"

struct scene {
	uint8_t *file;
	size_t size;
	struct tfl_model *model;
	struct tfl_error error; /* of the last call that failed */
};

/** Finishes and destroys @p builder. 0, or what the verifier says; scene_close() is right after either. */
int scene_open(struct scene *scene, struct tfl_builder *builder);
void scene_close(struct scene *scene);

/** 0, or what tfl_program_create() says. */
int scene_try(struct scene *scene, const struct tfl_program_options *options, struct tfl_program **ret_program);

struct tfl_program *scene_program(struct scene *scene, const struct tfl_program_options *options);
struct tfl_interpreter *scene_interpreter(struct tfl_program *program);
void scene_invoke(struct tfl_interpreter *interpreter);

/** Fills all inputs: float32 with numbers in [-1, 1), other types with any bytes. Equal seeds give equal bytes. */
void scene_fill(struct tfl_program *program, struct tfl_interpreter *interpreter, uint64_t seed);

/**
 * Ends the test unless all outputs agree: float32 within @p tolerance, absolute and relative, int8 and uint8 within @p steps, other types to
 * the bit.
 */
void scene_compare(struct tfl_program *program, const struct tfl_interpreter *left, const struct tfl_interpreter *right, double tolerance,
		   int steps, const char *what);

/** The same for one entry, and the part of an interpreter that runs it. */
void scene_fill_entry(const struct tfl_entry *entry, struct tfl_interpreter *part, uint64_t seed);
void scene_compare_entry(const struct tfl_entry *entry, const struct tfl_interpreter *left, const struct tfl_interpreter *right, double tolerance,
			 int steps, const char *what);

#endif
