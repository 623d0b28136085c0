/* SPDX-License-Identifier: MIT */
/*
 * A model that is compared with another one: a file, run here, or one that the daemon serves. Either takes and gives real numbers, whatever
 * its own types are, so that a quantised network can be compared with the one it was made from. Where dimensions are free, each run has
 * shapes of its own.
 *
 * Lifetime: opened into zeroed memory, finished by the caller. Thread: one.
 */
#ifndef CLIENT_SUBJECT_H
#define CLIENT_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/infer_input.h"

struct tfl_client;
struct tfl_error;
struct tfl_interpreter;
struct tfl_model;
struct tfl_program;

#define CTL_SUBJECT_TENSORS_MAX 16u /* inputs, and outputs */

struct ctl_subject {
	char name[256]; /* "new.tflite", "digits@2" */
	uint32_t input_count, output_count;
	struct ctl_tensor inputs[CTL_SUBJECT_TENSORS_MAX], outputs[CTL_SUBJECT_TENSORS_MAX];
	struct ctl_shape given[CTL_SUBJECT_TENSORS_MAX];    /* of the inputs of the run at hand … */
	struct ctl_shape answered[CTL_SUBJECT_TENSORS_MAX]; /* … and of the outputs of the last one */
	bool unclassed[CTL_SUBJECT_TENSORS_MAX]; /* outputs of a file that are known to be no scores of classes: boxes, an embedding, a picture */
	float *values[CTL_SUBJECT_TENSORS_MAX];  /* of the run at hand, to be filled; owned, like the others … */
	float *results[CTL_SUBJECT_TENSORS_MAX]; /* … of the last run */
	size_t value_room[CTL_SUBJECT_TENSORS_MAX], result_room[CTL_SUBJECT_TENSORS_MAX];
	uint64_t file_bytes, memory_bytes;       /* memory: packed weights, and one interpreter */

	/* A file. */
	uint8_t *bytes;
	struct tfl_model *model;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
	struct tfl_interpreter *part; /* of it: for the shapes of the run at hand */

	/* One that is served. */
	struct tfl_client *client; /* borrowed */
	struct tfl_infer *infer;
	struct tfl_value *description;
};

int ctl_subject_open_file(const char *path, struct ctl_subject *subject, struct tfl_error *error);
int ctl_subject_open_served(struct tfl_client *client, const char *model, struct ctl_subject *subject, struct tfl_error *error);
void ctl_subject_finish(struct ctl_subject *subject);

/**
 * Makes ready for a run with inputs of these @p shapes, as many as it has: room for their numbers in subject->values, which the caller then
 * fills. -EINVAL, with a sentence, for a shape that an input cannot have; -ENOMEM.
 */
int ctl_subject_shape(struct ctl_subject *subject, const struct ctl_shape *shapes, struct tfl_error *error);

/** Runs it once on subject->values into subject->results; *ret_ns is the time of the computation alone. */
int ctl_subject_run(struct ctl_subject *subject, uint64_t *ret_ns, struct tfl_error *error);

/** The shape in the file. */
struct ctl_shape ctl_tensor_shape(const struct ctl_tensor *tensor);

/** Makes *values hold @p count numbers, what is in them kept; *room is how many it holds. 0 or -ENOMEM. */
int ctl_values_reserve(float **values, size_t *room, size_t count);

#endif
