/* SPDX-License-Identifier: MIT */
/*
 * What a model becomes when it is loaded: the typed graph, its partition into XNNPACK runs and portable kernels, the memory plan, and the
 * packed weights that every interpreter of it shares.
 *
 * Lifetime: created once from a model that outlives it; destroyed after its last interpreter. Thread: interpreters of one program may be
 * created and run on different threads at once; creation is serialised inside.
 */
#ifndef RUNTIME_PROGRAM_H
#define RUNTIME_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/tfl-types.h"

struct tfl_error;
struct tfl_model;
struct tfl_program;

struct tfl_program_options {
	unsigned threads;  /* threads of one inference; 0 and 1: the caller's alone */
	bool portable;     /* no XNNPACK: every operator by its portable kernel (tests compare the two) */
	uint64_t work_max; /* elementary operations that an inference may take; 0: TFL_WORK_MAX */
	uint64_t loop_iterations; /* that the loops of one inference may take together; 0: TFL_LOOP_ITERATIONS_DEFAULT */
	uint64_t loop_ns;  /* time from the first of them; 0: TFL_LOOP_NS_DEFAULT */
	bool late;         /* outputs whose shapes depend on content are welcome; else such a model is refused */
	bool profile;      /* keep times per step, see tfl_interpreter_profile() */
	/*
	 * Where the threads of an inference are made, since they inherit their maker's priority: calls the function with the argument on
	 * a thread of its choice, and returns when that has returned. NULL: on the thread that creates the interpreter.
	 */
	void (*spawn)(void *data, void (*function)(void *argument), void *argument);
	void *spawn_data;
	/*
	 * Asked before an interpreter takes memory for what a request decides (shapes), and told when it gives it back, on the thread that runs it: 0, or an
	 * error with a sentence, and the request fails with it. NULL: there is no bound but that of the file.
	 */
	int (*reserve)(void *data, size_t bytes, struct tfl_error *error);
	void (*unreserve)(void *data, size_t bytes);
	void *reserve_data;
};

/* One input or output of the model, as a caller sees it. Strings live as long as the model. */
struct tfl_io {
	const char *name;           /* the tensor's name */
	const char *signature_name; /* its name in the first signature, or NULL */
	enum tfl_dtype dtype;
	uint8_t rank;
	int32_t dims[TFL_RANK_MAX];
	size_t elements;
	size_t bytes;
	bool late;      /* an output whose shape only a run finds out; what stands here is the file's guess */
	bool free;      /* one of the dimensions is -1 in shape_signature: of an input, whoever calls may choose them */
	int32_t shape_signature[TFL_RANK_MAX]; /* dims, or -1 */
	bool quantized; /* scale and zero_point are set: real = scale * (q - zero_point) */
	float scale;
	int32_t zero_point;
};

/* A shape that somebody wants an input to have. */
struct tfl_io_shape {
	uint8_t rank;
	int32_t dims[TFL_RANK_MAX];
};

/*
 * What a model can be called for: its subgraph 0, and each subgraph that a signature names. Entry 0 is subgraph 0, with the first signature
 * that names it; then come the other signatures in the order of the file. All entries of one interpreter share its state.
 */
struct tfl_entry {
	const char *signature; /* its name; NULL: none names subgraph 0 */
	uint32_t number;       /* of that signature in the file, where names may come twice; UINT32_MAX: there is none */
	const char *fault;     /* the sentence why it cannot be run, and there are no inputs and outputs then; NULL: it can */
	bool main;             /* it is subgraph 0, which the metadata is about */
	const struct tfl_io *inputs, *outputs;
	uint32_t input_count, output_count;
};

struct tfl_program_info {
	uint32_t operators;         /* operators of the graph */
	uint32_t xnnpack_operators; /* of these, run by XNNPACK */
	uint32_t folded_operators;  /* of these, computed at load */
	uint32_t steps;             /* XNNPACK runs and portable kernels, in turn */
	size_t packed_bytes;        /* packed weights, shared by all interpreters */
	uint64_t packed_entries;    /* times that weights were packed; a further interpreter adds none */
	size_t arena_bytes;         /* activations of one interpreter between steps */
};

/**
 * What the first program of a process does before anything else: reads from the system what its processor can do. For a process that will
 * not be allowed to look by then. -ENOTSUP for a processor on which XNNPACK does not run, -ENOMEM.
 */
int tfl_runtime_init(struct tfl_error *error);

/**
 * Builds the program of subgraph 0, and those of the other subgraphs that signatures name, as far as they can be run. Errors: -EOPNOTSUPP names operator,
 * version and types that this runtime does not have; -EINVAL says what in the graph contradicts itself; -ENOMEM, -EFBIG when the activations
 * would pass the limit.
 */
int tfl_program_create(const struct tfl_model *model, const struct tfl_program_options *options, struct tfl_program **ret_program,
		       struct tfl_error *error);

void tfl_program_destroy(struct tfl_program *program);

/** Of entry 0. */
const struct tfl_io *tfl_program_inputs(const struct tfl_program *program, uint32_t *ret_count);
const struct tfl_io *tfl_program_outputs(const struct tfl_program *program, uint32_t *ret_count);

/** All of them, at least one and at most TFL_ENTRIES_MAX. */
const struct tfl_entry *tfl_program_entries(const struct tfl_program *program, uint32_t *ret_count);

/** Whether its interpreters keep anything from one run to the next, which tfl_interpreter_reset() takes back. */
bool tfl_program_stateful(const struct tfl_program *program);

/** Whether a request's content decides how long a run of entry 0 takes: there are loops, or shapes that depend on content. */
bool tfl_program_steered(const struct tfl_program *program);

void tfl_program_info(const struct tfl_program *program, struct tfl_program_info *ret_info);

#endif
