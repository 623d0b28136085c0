/* SPDX-License-Identifier: MIT */
/*
 * A sample: inputs of a model that were kept, perhaps with the outputs that are expected for them. As a file it is one MessagePack map:
 *
 *     format     1
 *     inputs     [tensor, …] as in the params of "infer": {name | index, dtype, shape, data}
 *     outputs    [tensor, …] the same; left out: any answer is right that has no NaN
 *     tolerance  how far an element may be off, as a part of the greatest magnitude that is expected in its tensor; left out: 0.01
 *     version    which one answered when it was recorded, and
 *     time       when that was, in seconds since 1970; both left out of what was made by hand
 *
 * Read by the child that proves a file and by the client; written by the daemon, which reads none. What is parsed are views into the bytes.
 */
#ifndef PROTO_SAMPLE_H
#define PROTO_SAMPLE_H

#include <stdint.h>

#include "base/limits.h"
#include "proto/request.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_writer;

#define TFL_SAMPLE_SUFFIX ".tflsample"
#define TFL_SAMPLE_TOLERANCE 0.01

/* Parsed. Finished by its owner. */
struct tfl_sample {
	struct tfl_infer_request request; /* outputs: those that are expected, with their data */
	double tolerance;
	uint64_t version, time; /* 0: not given */
};

/** 0; -EINVAL or -EBADMSG with a sentence; -ENOMEM. On success the caller finishes the sample, whose tensors have their data with them. */
int tfl_sample_parse(struct tfl_slice bytes, struct tfl_sample *ret_sample, struct tfl_error *error);

/** Idempotent. */
void tfl_sample_finish(struct tfl_sample *sample);

/** Whether a file of this name is a sample: its suffix, and no point in front. */
bool tfl_sample_named(const char *name);

/**
 * Writes one as a value of its own, see tfl_writer_take_value(). Data is referred to and has to stay until it is taken. No outputs: none
 * are expected; @p version and @p time are not 0.
 */
void tfl_sample_write(struct tfl_writer *writer, const struct tfl_tensor_list *inputs, const struct tfl_wire_tensor *outputs,
		      uint32_t output_count, uint64_t version, uint64_t time);

#endif
