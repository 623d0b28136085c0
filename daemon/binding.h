/* SPDX-License-Identifier: MIT */
/*
 * What an infer request means for one version: which of the model's inputs each sent tensor is, which outputs are wanted, and which of
 * both are converted. Plain data; pure functions; any thread.
 */
#ifndef DAEMON_BINDING_H
#define DAEMON_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct tfl_error;
struct tfl_infer_request;
struct tfl_interpreter;
struct tfl_io;
struct tfl_tensor_list;

struct tfl_binding {
	uint16_t inputs[TFL_INFER_TENSORS_MAX];  /* the model's input, for each input of the request in turn */
	uint16_t outputs[TFL_INFER_TENSORS_MAX]; /* the model's outputs in the order of the reply */
	uint32_t output_count;
	uint64_t quantize;                       /* bit i: input i of the request is float32 and the model's is quantised */
	uint64_t dequantize;                     /* bit i: output i of the reply is wanted as float32 and the model's is quantised */
};

/** Inputs and outputs of a model. */
struct tfl_interface {
	const struct tfl_io *inputs;
	const struct tfl_io *outputs;
	uint32_t input_count;
	uint32_t output_count;
};

/**
 * Binds @p request to @p interface: every input exactly once, by tensor name, signature name or index, with the shape and type of the
 * model's (or float32 for a quantised one). Outputs: those named, each once, else all.
 * Errors: -EINVAL (type, shape, an input that is missing, a tensor that comes twice, outputs that no frame can hold), -ENOENT (no such
 * tensor), -ENOSYS (data in shared memory), each with a sentence that says what the model has.
 */
int tfl_binding_make(const struct tfl_interface *interface, const struct tfl_infer_request *request, struct tfl_binding *ret_binding,
		     struct tfl_error *error);

/** Puts the inputs of the request that was bound into @p interpreter's, quantised where they are to be. */
void tfl_binding_fill(const struct tfl_binding *binding, const struct tfl_interface *interface, const struct tfl_tensor_list *inputs,
		      struct tfl_interpreter *interpreter);

#endif
