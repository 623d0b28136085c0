/* SPDX-License-Identifier: MIT */
/*
 * One running instance of a program: activations, XNNPACK runtimes and their workspace. Weights belong to the program.
 *
 * Lifetime: created from a program that outlives it. Thread: used by one thread at a time (a pool hands it from one to the next).
 */
#ifndef RUNTIME_INTERPRETER_H
#define RUNTIME_INTERPRETER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tfl_error;
struct tfl_interpreter;
struct tfl_io;
struct tfl_io_shape;
struct tfl_program;

/* What may end a run early; looked at between steps. */
struct tfl_run_control {
	const atomic_bool *cancelled; /* may be NULL */
	uint64_t deadline_ns;         /* CLOCK_MONOTONIC; 0: none */
	bool idle;                    /* others may have the processor for as long as they like: loops may take their time of what this thread gets of it */
};

int tfl_interpreter_create(struct tfl_program *program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error);

/** The same without threads of its own, whatever the program's options say: it runs on the caller's alone, at the caller's priority. */
int tfl_interpreter_create_alone(struct tfl_program *program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error);
void tfl_interpreter_destroy(struct tfl_interpreter *interpreter);

/**
 * The part that runs entry @p index of the program, which can be run: for the functions below, and borrowed. It shares the state, and is never used
 * while another part is; entry 0 is the interpreter itself.
 */
struct tfl_interpreter *tfl_interpreter_entry(struct tfl_interpreter *interpreter, uint32_t index);

/**
 * The part that runs the same entry with inputs of these shapes, @p shapes as many as it has; made if there is none yet, which takes its time, and
 * borrowed until the next call of this function: a few of them are kept. That of the shapes in the file is the one that is given. Errors: -EINVAL for a
 * shape that contradicts shape_signature, or with which the graph contradicts itself; -EOPNOTSUPP, -EFBIG, -ENOMEM as for a program; or
 * what the program's options.reserve says.
 */
int tfl_interpreter_resize(struct tfl_interpreter *interpreter, const struct tfl_io_shape *shapes, struct tfl_interpreter **ret_resized,
			   struct tfl_error *error);

/**
 * The memory of input @p index: tfl_io.bytes bytes, 64-aligned, to be written before each run (a run may overwrite it). The index is
 * below the program's count.
 */
void *tfl_interpreter_input(struct tfl_interpreter *interpreter, uint32_t index);

/** The memory of output @p index, valid from the end of a run to the next write of an input. */
const void *tfl_interpreter_output(const struct tfl_interpreter *interpreter, uint32_t index);

/** Output @p index as the last run left it: where its shape depends on content, tfl_io.late, that shape. All zeros before the first run. */
void tfl_interpreter_output_io(const struct tfl_interpreter *interpreter, uint32_t index, struct tfl_io *ret_io);

/**
 * Runs the program once. @p control may be NULL. Errors: -ECANCELED, -ETIME (deadline), -EXFULL (its loops took more
 * than the program's budget), or what a kernel reports about values it was
 * given (-EINVAL); afterwards the interpreter is as good as before.
 */
int tfl_interpreter_invoke(struct tfl_interpreter *interpreter, const struct tfl_run_control *control, struct tfl_error *error);

/**
 * Takes back what runs have left behind: the next one is as the first was. For a program that is not stateful there is nothing to do. An
 * interpreter begins so.
 */
void tfl_interpreter_reset(struct tfl_interpreter *interpreter);

/* Time of one step of the program, summed over runs. */
struct tfl_step_profile {
	const char *name;   /* operator name, or "XNNPACK" for a run of several */
	uint32_t operators; /* how many operators of the graph it stands for */
	bool xnnpack;
	uint64_t nanoseconds;
};

/** Profile of step @p index, for a program made with options.profile. False past the last step. */
bool tfl_interpreter_profile(const struct tfl_interpreter *interpreter, uint32_t index, struct tfl_step_profile *ret_profile);

/** Sets all times back to 0. */
void tfl_interpreter_profile_reset(struct tfl_interpreter *interpreter);

/** Bytes this interpreter owns: activations, XNNPACK's workspace, indirection buffers and operators. Packed weights are the program's. */
size_t tfl_interpreter_bytes(const struct tfl_interpreter *interpreter);

/** Of these, what requests have made it take for shapes that only they knew; any thread may ask, at any time. */
size_t tfl_interpreter_late_bytes(const struct tfl_interpreter *interpreter);

#endif
