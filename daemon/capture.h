/* SPDX-License-Identifier: MIT */
/*
 * A request that was answered, kept for somebody who looks at it later: its inputs as they came, and perhaps a copy of what the
 * interpreter gave. It knows no version, connection or account, so nothing waits for it; whoever keeps some bounds them.
 *
 * Lifetime: reference counted; made by the thread that answered, read by any, never changed. The last reference frees it, on any thread.
 */
#ifndef DAEMON_CAPTURE_H
#define DAEMON_CAPTURE_H

#include <stdatomic.h>
#include <stdint.h>

#include "proto/frame.h"
#include "proto/tensor.h"

struct tfl_error;
struct tfl_interpreter;
struct tfl_job;
struct tfl_shadow;

struct tfl_captured_output {
	struct tfl_wire_tensor tensor; /* by index, as the model has it; data in the capture's own memory */
	size_t elements;
	bool quantized;
	float scale;
	int32_t zero_point;
};

struct tfl_capture {
	atomic_uint refs;
	struct tfl_frame frame;        /* nobody is charged for it any more */
	struct tfl_tensor_list inputs; /* views into the frame */
	uint64_t version;              /* that answered */
	size_t bytes;                  /* of all its memory */

	/* The recordings'. */
	struct tfl_capture *next;
	uint32_t recording;
	int64_t time;

	/* The shadows'. */
	struct {
		struct tfl_capture *next;
		struct tfl_shadow *shadow;
		size_t bytes;
	} copy;

	uint32_t output_count; /* 0: they were not wanted, or are more than was allowed */
	struct tfl_captured_output outputs[];
};

/**
 * Takes the request out of @p job, which was answered and needs it no more, and copies the outputs that @p part, which ran it, has, where they are
 * @p outputs_max bytes at most. One reference; NULL without memory, then the job is as it was.
 */
struct tfl_capture *tfl_capture_create(struct tfl_job *job, const struct tfl_interpreter *part, size_t outputs_max);

struct tfl_capture *tfl_capture_ref(struct tfl_capture *capture);

/** NULL is allowed. */
void tfl_capture_unref(struct tfl_capture *capture);

/**
 * As a file (proto/sample.h), with @p outputs as what is expected, in memory that the caller frees. -ENOMEM; -EMSGSIZE for more than a
 * frame can hold; with a sentence.
 */
int tfl_capture_encode(const struct tfl_capture *capture, bool outputs, void **ret_data, size_t *ret_size, struct tfl_error *error);

#endif
