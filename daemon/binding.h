/* SPDX-License-Identifier: MIT */
/*
 * What an infer request means for one version: which entry of the model runs, which of its inputs each sent tensor is, which outputs are
 * wanted, and which of both are converted. Plain data; pure functions, but for the last, which fills an interpreter; any thread.
 */
#ifndef DAEMON_BINDING_H
#define DAEMON_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct tfl_entry;
struct tfl_error;
struct tfl_infer_request;
struct tfl_interpreter;
struct tfl_tensor_list;

struct tfl_binding {
	uint32_t entry;                          /* of the model, which its signature names … */
	bool main;                               /* … and whether that is the main graph, which is what is recorded and compared */
	bool resized;                            /* some input has another shape than in the file */
	uint16_t inputs[TFL_INFER_TENSORS_MAX];  /* the model's input, for each input of the request in turn */
	uint16_t outputs[TFL_INFER_TENSORS_MAX]; /* the model's outputs in the order of the reply */
	uint32_t output_count;
	uint64_t quantize;                       /* bit i: input i of the request is float32 and the model's is quantised */
	uint64_t dequantize;                     /* bit i: output i of the reply is wanted as float32 and the model's is quantised */
};

/* What a model can be called for (runtime/program.h); of one in memory. */
struct tfl_interface {
	const struct tfl_entry *entries;
	uint32_t count;
};

/**
 * Binds @p request to the entry that its signature names, without one to the first: every input exactly once, by tensor name, signature name
 * or index, with the shape and type of the model's (or float32 for a quantised one); where shape_signature has a -1, with any size from 1 on.
 * Outputs: those named, each once, else all.
 * Errors: -EINVAL (type, shape, an input that is missing, a tensor that comes twice, outputs that no frame can hold), -ENOENT (no such
 * tensor or signature), -EOPNOTSUPP (a signature that this runtime cannot run), -ENOSYS (data in shared memory), each with a sentence that says what the model has.
 */
int tfl_binding_make(const struct tfl_interface *interface, const struct tfl_infer_request *request, struct tfl_binding *ret_binding,
		     struct tfl_error *error);

/**
 * The part of @p interpreter that runs what was bound, made now where no request had these shapes before, with the inputs of the request in it,
 * quantised where they are to be. Borrowed: until the next request's. 0, or what tfl_interpreter_resize() says.
 */
int tfl_binding_fill(const struct tfl_binding *binding, const struct tfl_interface *interface, const struct tfl_tensor_list *inputs,
		     struct tfl_interpreter *interpreter, struct tfl_interpreter **ret_part, struct tfl_error *error);

#endif
