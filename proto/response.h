/* SPDX-License-Identifier: MIT */
/*
 * The result of "infer": {model, version, outputs: [tensor …], wait_ns, compute_ns}. The daemon writes, the client parses. Parsed structs
 * are views into the frame, which must outlive them.
 */
#ifndef PROTO_RESPONSE_H
#define PROTO_RESPONSE_H

#include <stdint.h>

#include "proto/tensor.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_writer;

/* What an infer reply says besides tensors. */
struct tfl_infer_served {
	struct tfl_string model;
	uint64_t version;    /* that computed it */
	uint64_t wait_ns;    /* from the frame's arrival to the start of the computation */
	uint64_t compute_ns; /* of the computation */
};

struct tfl_infer_response {
	struct tfl_infer_served served;
	struct tfl_tensor_list outputs;
};

/**
 * Begins the frame of a reply with @p output_count outputs, which have to follow, one tfl_wire_tensor_write() each (name, index, dtype,
 * shape, data all given).
 */
void tfl_infer_response_begin(struct tfl_writer *writer, uint32_t msgid, const struct tfl_infer_served *served, uint32_t output_count);

/** @p result as tfl_message_parse() gave it. 0; -EBADMSG with a sentence; -ENOMEM. On success the caller finishes the response. */
int tfl_infer_response_parse(struct tfl_slice result, struct tfl_infer_response *ret_response, struct tfl_error *error);

/** Idempotent, NULL allowed. */
void tfl_infer_response_finish(struct tfl_infer_response *response);

#endif
